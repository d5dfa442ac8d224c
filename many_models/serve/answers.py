"""Forecasts of a run, group by group, quick enough to be asked one at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import ArchiveError, CannotPredict, UnknownName
from forecaster.explain.forecasts import ForecastExplanation, explain_forecasts
from forecaster.fitted import Fitted
from many_models import keys, leaderboard, outcomes, scoring
from many_models.report import RunData, page
from many_models.run import Run
from many_models.serve.rows import Rows
from many_models.worker import blocks_of, read_table, with_groups

Key = tuple[str, ...]
"""A group as texts, in the order of the partition columns."""
HELD = 64
"""Most blocks whose forecasts, and whose models, are held in memory."""
_FOUND = ("column", "rule", "count", "first", "action", "message")
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Sliced:
    """The forecasts of a block, which rows each group has, and what is to be said of them.

    Args:
        rows: Forecasts of the groups.
        of: Where the rows of a group begin and end.
        notes: What stood for values of the future that were not given, for one group or, under the empty key, for all.
        cut: Rows that somebody has asked for.
    """

    rows: pa.Table
    of: Mapping[Key, tuple[int, int]]
    notes: Mapping[Key, Sequence[str]]
    cut: dict[Key, Rows] = field(default_factory=dict)

    @classmethod
    def by(cls, rows: pa.Table, by: Sequence[str], notes: Mapping[Key, Sequence[str]]) -> Sliced:
        """Find the rows of every group once."""
        code, groups = keys.coded(rows, by)
        order = np.argsort(code, kind="stable")
        ends = np.searchsorted(code[order], np.arange(groups.num_rows + 1))
        rows = rows.take(pa.array(order))
        return cls(rows, {key: (int(ends[i]), int(ends[i + 1])) for i, key in enumerate(texts(groups))}, notes)

    def group(self, key: Key) -> Rows:
        """The rows of a group; the same object for everybody who asks."""
        if key not in self.cut:
            begin, end = self.of.get(key, (0, 0))
            self.cut[key] = Rows(self.rows.slice(begin, end - begin), (*self.notes.get((), ()), *self.notes.get(key, ())))
        return self.cut[key]


class Answers:
    """What a run forecasts for one group or many.

    Args:
        run: The run; what it holds now is what is answered, a later training needs new answers.
    """

    def __init__(self, run: Run) -> None:
        self.run = run.still()
        self.by = run.partition_by
        self._placed = self.run.placed()
        self.groups = outcomes.with_forecast(self._placed)
        self._block = dict(zip(texts(self.groups.select(list(self.by))), self.groups["block"].to_pylist(), strict=True))
        self._sliced = Held[Sliced]()
        self._models = Held[Any]()
        self._parts = Held[ForecastExplanation | None]()

    def __len__(self) -> int:
        return len(self._block)

    def key(self, named: Mapping[str, Any]) -> Key:
        """The group that has these values of the partition columns.

        Raises:
            UnknownName: a partition column is missing or unknown, or there is no such group; the message names the nearest.
        """
        if strange := next((name for name in named if name not in self.by), None):
            raise UnknownName.of("partition column", strange, self.by)
        if missing := [name for name in self.by if name not in named]:
            raise UnknownName(f"a group is named by {', '.join(self.by)}; {', '.join(missing)} is missing")
        key = tuple(str(named[name]) for name in self.by)
        if key not in self._block:
            raise UnknownName.of("group", told(key), self._names)
        return key

    def ready(self, key: Key, horizon: int | None) -> bool:
        """Whether the forecasts of the group are in memory, so that an answer takes no time."""
        return (self._block[key], horizon) in self._sliced

    def forecast(self, wanted: Sequence[Key], horizon: int | None = None, future: pa.Table | None = None) -> dict[Key, Rows]:
        """Forecast some groups.

        Args:
            wanted: The groups.
            horizon: Steps ahead; what the run was trained for where None.
            future: Rows with the known covariates of the steps ahead.

        Returns:
            Partition and series columns, time, "forecast" and one column per quantile, with notes on what stood for a future that was
            not given. Group -> its rows

        Raises:
            CannotPredict: the run is one of classifiers or regressors, which are asked about rows.
            ForecasterError: the future cannot be used, or the files of the run are damaged.
        """
        if not self.run.settings.time:
            raise CannotPredict("this run predicts rows and forecasts nothing; ask it with Run.predict(rows)")
        blocks = {self._block[key]: self._forecasts(self._block[key], horizon, future) for key in dict.fromkeys(wanted)}
        return {key: blocks[self._block[key]].group(key) for key in wanted}

    def model(self, block: str) -> Any:
        """The fitted block."""
        return self._models.get((block, None), lambda: self.run.task.read(blocks_of(self.run.path).get(block) / "models"))

    def parts(self, block: str) -> ForecastExplanation | None:
        """What the forecasts of a block are made of; None where its models do not tell."""
        return self._parts.get((block, None), lambda: self._explained(block))

    def _explained(self, block: str) -> ForecastExplanation | None:
        fitted = self.model(block)
        return explain_forecasts(fitted, fitted.look_ahead()[0]) if isinstance(fitted, Fitted) else None

    @cached_property
    def outcomes(self) -> pa.Table:
        """The outcomes of the run."""
        return self._placed.drop_columns(["block", "moved"])

    @cached_property
    def leaderboard(self) -> pa.Table:
        """The learners over all groups."""
        tried = scoring.tables(self.run.path, outcomes.with_model(self._placed), "leaderboard", self.by)
        return leaderboard.merged(tried, self.outcomes, getattr(self.run.settings, "greater_is_better", False))

    @cached_property
    def report(self) -> str:
        """The page of the run: seconds of work where there are many groups, so that it is done once."""
        return page(RunData.of(self.run))

    def _forecasts(self, block: str, horizon: int | None, future: pa.Table | None) -> Sliced:
        if future is None:
            return self._sliced.get((block, horizon), lambda: self._sliced_of(block, horizon, None))
        return self._sliced_of(block, horizon, future)

    def _sliced_of(self, block: str, horizon: int | None, future: pa.Table | None) -> Sliced:
        made, found = self._made(block, horizon, future)
        return Sliced.by(made, self.by, _notes(found, self.by))

    def _made(self, block: str, horizon: int | None, future: pa.Table | None) -> tuple[pa.Table, pa.Table]:
        """What training left where that is what is asked for; else the models are asked. With what was found of the future."""
        folder = blocks_of(self.run.path).get(block)
        if horizon is None and future is None:
            with suppress(FileNotFoundError):
                return read_table(folder, "forecasts"), self._carried
        try:
            ids = read_table(folder, "ids")
        except FileNotFoundError as error:
            raise ArchiveError(f"{error.filename} is gone: the run is being trained anew; ask again") from None
        task, fitted = self.run.task, self.model(block)
        ahead, found = fitted.look_ahead(future, horizon)
        return with_groups(fitted.forecast(ahead), ids, task), with_groups(found.frame(task.settings), ids, task)

    @cached_property
    def _carried(self) -> pa.Table:
        """What training would have found of the future that it did not know."""
        known = list(getattr(self.run.settings, "known", ()))
        told = ["no future was given: the last known value of each series stands there; give its rows as future"] * len(known)
        nobody = {name: pa.nulls(len(known), pa.string()) for name in self.by}
        return pa.table({**nobody, "column": known, "action": ["repaired"] * len(known), "message": told})

    @cached_property
    def _names(self) -> list[str]:
        return [told(key) for key in list(self._block)[:5000]]


class Held(Generic[T]):
    """The things that were used last. Two who ask for the same at a time may both make it; nobody waits for another."""

    def __init__(self) -> None:
        self._things: OrderedDict[Any, T] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: Any) -> bool:
        return key in self._things

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """The thing under a key; made where it is not held."""
        made = self._things[key] if key in self._things else make()
        with self._lock:
            self._things[key] = made
            self._things.move_to_end(key)
            while len(self._things) > HELD:
                self._things.popitem(last=False)
        return made


def _notes(found: pa.Table, by: Sequence[str]) -> dict[Key, list[str]]:
    """What stood for values of the future, by the group that it is about; what is about all groups has the empty key."""
    notes: dict[Key, list[str]] = {}
    for row in found.filter(pc.not_equal(found["action"], "noted")).to_pylist():
        general = any(row[name] is None for name in by)
        key = () if general else tuple(str(row[name]) for name in by)
        series = "" if general else f"{', '.join(str(v) for n, v in row.items() if n not in _FOUND)}: "
        notes.setdefault(key, []).append(f"{series}{row['column']}: {row['message']}")
    return notes


def texts(groups: pa.Table) -> list[Key]:
    """The keys of groups."""
    return list(zip(*(_words(keys.plain(column)) for column in groups.columns), strict=True))


def _words(column: pa.ChunkedArray) -> list[str]:
    values = column.to_pylist()
    return values if pa.types.is_string(column.type) and not column.null_count else [str(value) for value in values]


def told(key: Key) -> str:
    """A group in a line, as pages and messages show it."""
    return " · ".join(key)
