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
from many_models.outcomes import COLUMNS


class Fitted(Protocol):
    """What a job gives for a block: every method answers for all groups of the block at once."""

    def outcomes(self) -> pa.Table: ...
    def predict(self, future: pa.Table | None = None, horizon: int | None = None) -> pa.Table: ...
    def look_ahead(self, future: pa.Table | None = None, horizon: int | None = None) -> tuple[Any, Findings]: ...
    def forecast(self, ahead: Any) -> pa.Table: ...
    def leaderboard(self) -> pa.Table: ...
    def trials(self) -> pa.Table: ...
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
        move: Lets groups of what was fitted go on from newer rows: (fitted, frame, groups) -> Fitted.
        parse: Rebuilds the settings from JSON: a class with a `parse` method.
    """

    settings: Any
    partition_by: tuple[str, ...]
    fit: str = "forecaster.job:fit_block"
    save: str = "forecaster.archive:save"
    load: str = "forecaster.archive:load"
    check: str = "forecaster.archive:check"
    fallback: str = "many_models.fallback:fit"
    move: str = "forecaster.rolling:moved_groups"
    parse: str = "forecaster.settings:Settings"

    def __post_init__(self) -> None:
        _MEANT.update(self.paths.values())
        if not self.partition_by:
            raise SettingsError("partition_by is empty; name the columns whose values get one model each, such as ['store_id']")
        if len(set(self.partition_by)) < len(self.partition_by):
            raise SettingsError(f"partition_by names a column twice: {list(self.partition_by)}")
        quantiles = {f"q{level:g}" for level in getattr(self.settings, "quantiles", ())}
        if taken := {*COLUMNS, *_OWN, *quantiles} & {*self.partition_by}:
            raise SettingsError(f"partition_by names {sorted(taken)}, which runs have a column of their own for; rename it in the data")

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
        if strange := sorted({str(path) for path in paths.values()} - _MEANT):
            raise ArchiveError(f"this run names {', '.join(strange)}, which is not ours; give the task that made it: Run(path, task)")
        try:
            settings = named(paths["parse"]).parse(told["settings"])
            task = cls(settings, tuple(told["partition_by"]), **paths)
        except (KeyError, TypeError) as error:
            raise ArchiveError(f"the job in run.json is damaged ({error!r}); take it from a backup, or train again") from None
        if task.as_dict() != task.as_dict() | told:
            raise SettingsError("the job of this run holds Python objects (learners or a metric): train it with ManyModels(job, ...) again")
        return task

    @cached_property
    def identity(self) -> str:
        """A hash of all that decides what comes out: threads do not, and neither does where an object lies in memory."""
        told = {name: value for name, value in self.as_dict().items() if name != "move"}
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

    def go_on(self, fitted: Fitted, frame: pa.Table, groups: pa.Table) -> Fitted:
        """What was fitted, with some groups going on from newer rows; nothing is fitted again."""
        moved: Fitted = named(self.move)(fitted, frame, groups)
        return moved

    def write(self, fitted: Fitted, folder: Path) -> None:
        named(self.save)(fitted, folder)

    def sound(self, folder: Path) -> None:
        """Raise where what was written to a folder cannot be read any more."""
        named(self.check)(folder)

    def read(self, folder: Path) -> Fitted:
        fitted: Fitted = named(self.load)(folder)
        return fitted

    def _on_one_thread(self) -> Any:
        """The options as workers have them: on one thread, and without the columns to drop, which no worker reads."""
        return self.settings.model_copy(update={"n_jobs": 1, "drop": ()}) if hasattr(self.settings, "n_jobs") else self.settings


PATHS: dict[str, dict[str, str]] = {
    "forecast": {},
    "classify": {"fit": "forecaster.tabular.block:fit_block", "fallback": "forecaster.tabular.block:fit_constants",
                 "parse": "forecaster.tabular.settings:ClassifierSettings"},
    "regress": {"fit": "forecaster.tabular.block:fit_block", "fallback": "forecaster.tabular.block:fit_constants",
                "parse": "forecaster.tabular.settings:RegressorSettings"},
}  # fmt: skip
"""What is run for each kind of job, where it is not what a forecasting job runs."""

_OWN = {
    "block", "moved", "files", "first", "second",
    "members", "coverage",
    "trial", "parameters", "fit_seconds", "predict_seconds", "windows", "folds", "reason",
    "cutoff", "row", "actual", "prediction",
    "column", "rule", "count", "action", "message",
    "n", "mae", "rmse", "wape", "smape", "bias", "nrmse",
    "from", "to", "alert", "value", "limit",
}  # fmt: skip
"""Columns that tables of groups have beside those of outcomes: within a run; in what was selected, trials, backtests, findings,
evaluations and monitoring."""

_PATHS = ("fit", "save", "load", "check", "fallback", "move", "parse")
_MEANT = {field.default for field in fields(Task) if field.name in _PATHS} | {path for paths in PATHS.values() for path in paths.values()}
"""Functions that may be named by a run on disk: ours, and those of tasks that were made in this process. Opening a run runs no other."""


def named(path: str) -> Any:
    """The thing behind an import path such as `forecaster.job:fit_block`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
