"""The training matrix as a frame, to look at or to use elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.features.calendar import Grid
from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign, apart
from forecaster.features.lookback import names_of
from forecaster.features.matrix import Drawn
from forecaster.features.slabs import each, slabs
from forecaster.features.timeline import Timeline
from forecaster.frames.pool import bytes_of
from forecaster.frequency import Frequency
from forecaster.table import Ints, Singles, Table

_DOUBLE = pa.float64()


def features_frame(table: Table, design: Design | FittedDesign, *, time: str = "ds", target: str = "y", **options: Any) -> pa.Table:
    """The training rows of a table with every feature by name.

    Args:
        table: History.
        design: The recipe, which is fitted to the table, or one that has been.
        time: Name of the column of target stamps.
        target: Name of the column of targets.
        options: As for `Shown.of`.

    Returns:
        Series columns, as dictionaries; time, target; then `Shown.columns`.
    """
    shown = Shown.of(table, design.fit(table) if isinstance(design, Design) else design, **options)
    keys = shown.keys(table, time, target)
    made = shown.columns(keys.column_names)
    return pa.table([*keys.columns, *made.columns], [*keys.column_names, *made.column_names])


@dataclass(frozen=True, eq=False)
class Shown:
    """The rows of a training matrix by columns, without the values of the table that they were made of.

    Args:
        fitted: The design.
        drawn: All features but those of the time alone.
        when: The time of the rows.
        labels: The labels of categorical columns. Column name -> labels
        nulls: Whether a missing number is null; NaN where not.
        threads: Columns are written by so many threads.
    """

    fitted: FittedDesign
    drawn: Drawn
    when: When
    labels: Mapping[str, tuple[str, ...]]
    nulls: bool
    threads: int

    @classmethod
    def of(cls, table: Table, fitted: FittedDesign, *, every: bool = False, nulls: bool = True, threads: int = 1) -> Shown:
        """The rows of `FittedDesign.training`; with `every`, also those without a target or without anything to look back at."""
        timeless = replace(fitted, timeline=Timeline(calendar=False))
        drawn = timeless.draw(table, order="F", threads=threads, every=every)
        when = When(table.frequency, Grid.over(table), table.start, table.indptr, drawn.row)
        return cls(fitted, drawn, when, _labels(fitted, table), nulls, threads)

    def keys(self, table: Table, time: str, target: str, came: pa.DataType = _DOUBLE) -> pa.Table:
        """Series columns, stamps and targets of the rows; targets that came in single precision are so again."""
        series = pa.array(np.repeat(np.arange(len(table), dtype=np.int32), self.when.counts))
        ids = {name: _encoded(pa.array(values)).take(series) for name, values in table.ids.items()}
        values = table.target if self.drawn.row is None else table.target[self.drawn.row]
        values = values.astype(np.float32) if came == pa.float32() else values
        return pa.table(ids | {time: self.when.stamps(self.threads), target: pa.array(values, from_pandas=self.nulls)})

    def columns(self, taken: Iterable[str]) -> pa.Table:
        """Origin (the last stamp that look-backs know) and horizon where rows are repeated per horizon; the features.

        Numbers of the calendar are small integers, categories are their labels, all else is float32. The numbers are nobody else's.

        Args:
            taken: Names that others have; a column of such a name is called `made_<name>`.
        """
        features = list(self._features().items())
        if self.fitted.direct:
            ahead = pa.array(np.ascontiguousarray(self.drawn.horizon))
            features[:1] = [("origin", self.when.origins(self.drawn.horizon)), ("horizon", ahead)]
        return pa.table([column for _, column in features], apart([name for name, _ in features], taken))

    def _features(self) -> dict[str, pa.Array]:
        """Every feature in the order of the design. Column name -> (rows,)"""
        timed = self.fitted.timeline.natural(self.when.frequency, self.when.grid)
        clock = [pa.array(column) for column in self.when.spread(list(timed.values()), self.threads)]
        first, last = self.fitted.time_at, self.fitted.time_at + len(clock)
        rest = [*self.fitted.names[:first], *self.fitted.names[last:]]
        columns = each(lambda k, _: self._shown(self.drawn.X[:, k], rest[k]), [(k, k + 1) for k in range(len(rest))], self.threads)
        return dict(zip(self.fitted.names, [*columns[:first], *clock, *columns[first:]], strict=True))

    def _shown(self, column: Singles, name: str) -> pa.Array:
        if name in self.labels:
            return _labelled(column, self.labels[name])
        missing = np.isnan(column) if self.nulls else np.zeros(0, bool)
        if not missing.any():
            return pa.array(column)
        there = pa.py_buffer(np.packbits(~missing, bitorder="little"))
        return pa.Array.from_buffers(pa.float32(), len(column), [there, pa.py_buffer(column)], int(np.count_nonzero(missing)))


@dataclass(frozen=True, eq=False)
class When:
    """The time of some rows of a table.

    Args:
        frequency: Turns steps into stamps.
        grid: The steps of the table.
        start: As in the table. (series,)
        indptr: As in the table. (series + 1,)
        row: Ascending rows of the table; None for all, each once. (rows,)
    """

    frequency: Frequency
    grid: Grid
    start: Ints
    indptr: Ints
    row: Ints | None

    @property
    def counts(self) -> Ints:
        """Rows of each series. (series,)"""
        return np.diff(self.indptr if self.row is None else np.searchsorted(self.row, self.indptr))

    def spread(self, values: Sequence[NDArray[Any]], threads: int = 1) -> list[NDArray[Any]]:
        """Values of each step of the grid, put to the rows. (rows,) each"""
        found = [np.empty(self.indptr[-1] if self.row is None else len(self.row), column.dtype) for column in values]
        if (runs := self._runs()) is not None:
            each(lambda k, _: scan.unroll(bytes_of(values[k]), *runs, bytes_of(found[k])), [(k, k + 1) for k in range(len(found))], threads)
            return found

        def fill(first: int, last: int) -> None:
            begin, step = self._steps(first, last)
            at = self.grid.at(step)
            for column, out in zip(values, found, strict=True):
                np.take(column, at, out=out[begin : begin + len(at)], mode="clip")

        each(fill, slabs(self.indptr), threads)
        return found

    def _runs(self) -> tuple[Ints, Ints] | None:
        """Boundaries of the series in the rows, and the place of each one's first step in the grid, where the rows of every series are
        neighbours; None where some lie apart."""
        sizes = np.diff(self.indptr)
        if self.row is None:
            return self.indptr, np.where(sizes > 0, self.grid.at(self.start), 0)
        bounds = np.searchsorted(self.row, self.indptr).astype(np.int64)
        there = np.flatnonzero(np.diff(bounds))
        opening, last = self.row[bounds[:-1][there]], self.row[bounds[1:][there] - 1]
        if not np.array_equal(last - opening, np.diff(bounds)[there] - 1):
            return None
        first = np.zeros(len(sizes), np.int64)
        first[there] = self.grid.at(self.start[there] + opening - self.indptr[:-1][there])
        return bounds, first

    def stamps(self, threads: int = 1) -> pa.Array:
        """The stamps of the rows."""
        return self._zoned(self.spread([self.frequency.stamps(self.grid.steps)], threads)[0])

    def origins(self, horizon: Ints) -> pa.Array:
        """The stamps so many steps before. (rows,)"""
        step = self._steps(0, len(self.start))[1] - horizon
        grid = Grid.of(step)
        return self._zoned(self.frequency.stamps(grid.steps)[grid.at(step)])

    def _steps(self, first: int, last: int) -> tuple[int, Ints]:
        """Where the rows of neighbouring series begin among all, and their steps."""
        bounds = self.indptr[first : last + 1]
        if self.row is None:
            begin, row = int(bounds[0]), np.arange(bounds[0], bounds[-1])
        else:
            begin, end = np.searchsorted(self.row, bounds[[0, -1]]).tolist()
            row = self.row[begin:end]
            bounds = np.searchsorted(row, bounds)
        return begin, row + np.repeat(self.start[first:last] - self.indptr[first:last], np.diff(bounds))

    def _zoned(self, stamps: NDArray[Any]) -> pa.Array:
        held = pa.array(stamps)
        return held if self.frequency.zone is None else held.cast(pa.timestamp("us", self.frequency.zone))


def _labels(fitted: FittedDesign, table: Table) -> dict[str, tuple[str, ...]]:
    labels = dict(table.categories)
    for name, blocks in fitted.covariates.items():
        labels |= {lag: labels[name] for lag in names_of(blocks) if name in labels}
    if fitted.holidays is not None:
        labels["holiday_name"] = ("", *fitted.holidays.labels)
    return labels


def _encoded(ids: pa.Array) -> pa.Array:
    """Ids with every value held once; a column without any, as nodes above it have it, as it is."""
    return ids if pa.types.is_null(ids.type) else ids.dictionary_encode()


def _labelled(codes: Singles, labels: tuple[str, ...]) -> pa.Array:
    missing = np.isnan(codes)
    index = pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(index, pa.array(labels, pa.string())).cast(pa.string())
