"""What is run on every block: a forecasting job, named so that any process on any machine can run it."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from forecaster.errors import ArchiveError, SettingsError
from forecaster.guardrails import Findings
from forecaster.schema import Schema
from many_models.outcomes import COLUMNS


class Fitted(Protocol):
    """What a job gives for a block: every method answers for all groups of the block at once."""

    def outcomes(self) -> pa.Table: ...
    def predict(self, future: pa.Table | None = None, horizon: int | None = None) -> pa.Table: ...
    def look_ahead(self, future: pa.Table | None = None, horizon: int | None = None) -> tuple[Any, Findings]: ...
    def forecast(self, ahead: Any) -> pa.Table: ...
    def leaderboard(self) -> pa.Table: ...
    def selected(self) -> pa.Table: ...
    def backtest(self) -> pa.Table: ...
    def found(self) -> pa.Table: ...
    def history(self) -> pa.Table: ...


@dataclass(frozen=True)
class Task:
    """A job over groups. Functions are named by import path, so a task is data.

    Args:
        settings: The options of the job.
        partition_by: Columns whose values get one model each.
        fit: Fits a block: (frame, settings, group columns) -> Fitted.
        save: Saves what was fitted: (fitted, folder).
        load: Loads it again: (folder) -> Fitted.
        check: Raises where what was saved cannot be loaded any more: (folder).
        fallback: Fits, as `fit` does, what forecasts a group whose own fit took its worker down.
        parse: Rebuilds the settings from JSON: a class with a `parse` method.
    """

    settings: Any
    partition_by: tuple[str, ...]
    fit: str = "forecaster.job:fit_block"
    save: str = "forecaster.archive:save"
    load: str = "forecaster.archive:load"
    check: str = "forecaster.archive:check"
    fallback: str = "many_models.fallback:fit"
    parse: str = "forecaster.settings:Settings"

    def __post_init__(self) -> None:
        _MEANT.update(self.paths.values())
        if not self.partition_by:
            raise SettingsError("partition_by is empty; name the columns whose values get one model each, such as ['store_id']")
        if len(set(self.partition_by)) < len(self.partition_by):
            raise SettingsError(f"partition_by names a column twice: {list(self.partition_by)}")
        if taken := set(COLUMNS) & set(self.partition_by):
            raise SettingsError(f"partition_by names {sorted(taken)}, which outcomes have a column of their own for; rename it in the data")

    @property
    def schema(self) -> Schema:
        """Which column plays which part in the findings."""
        return Schema(self.settings.series, self.settings.time, self.settings.target)

    @property
    def paths(self) -> dict[str, str]:
        """The import paths, by what they are for."""
        return {name: getattr(self, name) for name in _PATHS}

    def as_dict(self) -> dict[str, Any]:
        """The task as JSON-able data."""
        return {"settings": self.settings.as_dict(), "partition_by": list(self.partition_by), **self.paths}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Task:
        """Rebuild a task from its JSON.

        Raises:
            SettingsError: the options hold objects that JSON cannot bring back.
            ArchiveError: it names functions that are neither ours nor those of a task of this process.
        """
        paths = {name: told[name] for name in _PATHS if name in told}
        if strange := sorted(set(paths.values()) - _MEANT):
            raise ArchiveError(f"this run names {', '.join(strange)}, which is not ours; give the task that made it: Run(path, task)")
        settings = named(told["parse"]).parse(told["settings"])
        task = cls(settings, tuple(told["partition_by"]), **paths)
        if task.as_dict() != task.as_dict() | told:
            raise SettingsError("the job of this run holds Python objects (learners or a metric): train it with ManyModels(job, ...) again")
        return task

    @cached_property
    def identity(self) -> str:
        """A hash of all that decides what comes out: threads do not, and neither does where an object lies in memory."""
        told = self.as_dict()
        told["settings"] = {name: value for name, value in told["settings"].items() if name != "n_jobs"}
        text = re.sub(r" at 0x[0-9a-f]+", "", json.dumps(told, sort_keys=True, default=str))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def run(self, frame: pa.Table) -> Fitted:
        """Fit the groups in `frame`, on one thread."""
        fitted: Fitted = named(self.fit)(frame, self._on_one_thread(), self.partition_by)
        return fitted

    def stand_in(self, frame: pa.Table) -> Fitted:
        """Fit what forecasts the groups in `frame` where `run` cannot."""
        fitted: Fitted = named(self.fallback)(frame, self._on_one_thread(), self.partition_by)
        return fitted

    def write(self, fitted: Fitted, folder: Path) -> None:
        named(self.save)(fitted, folder)

    def sound(self, folder: Path) -> None:
        """Raise where what was written to a folder cannot be read any more."""
        named(self.check)(folder)

    def read(self, folder: Path) -> Fitted:
        fitted: Fitted = named(self.load)(folder)
        return fitted

    def _on_one_thread(self) -> Any:
        return self.settings.model_copy(update={"n_jobs": 1}) if hasattr(self.settings, "n_jobs") else self.settings


_PATHS = ("fit", "save", "load", "check", "fallback", "parse")
_MEANT = {field.default for field in fields(Task) if field.name in _PATHS}
"""Functions that may be named by a run on disk: ours, and those of tasks that were made in this process. Opening a run runs no other."""


def named(path: str) -> Any:
    """The thing behind an import path such as `forecaster.job:fit_block`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
