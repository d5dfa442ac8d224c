"""Where the columns of a feature matrix come from: everything that is known once per row, per series or per step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecaster.features.calendar import Grid
from forecaster.features.lookback import matrix
from forecaster.features.matrix import Part
from forecaster.features.pairs import series_keys
from forecaster.table import Future, Ints, Singles, Table

if TYPE_CHECKING:
    from forecaster.features.fitted import FittedDesign


@dataclass(frozen=True, eq=False)
class Clock:
    """What is known of each step of a grid: time columns (steps, k) and holiday columns (places x steps, k)."""

    grid: Grid
    time: Singles
    days: Singles


@dataclass(frozen=True, eq=False)
class Given:
    """What the rows of some series are given beside the look-backs: the time, the holidays and the covariates.

    Args:
        table: The series.
        clock: Features of the time.
        known: Known covariates of each row, or of each step ahead. (rows or series x steps, k)
        place: Where each of these rows is, for holidays. (rows or series x steps,)
        static: What does not change. (series, k)
    """

    table: Table
    clock: Clock
    known: Singles
    place: Ints | None
    static: Singles

    @classmethod
    def of(cls, fitted: FittedDesign, table: Table, clock: Clock, future: Future | None = None) -> Given:
        """What is given of the rows of a table, or of the steps ahead."""
        place = None if fitted.holidays is None else fitted.holidays.places_of(table, future)
        return cls(table, clock, _stacked(table, fitted.known, future), place, _per_series(fitted, table))

    def parts(self, series: Ints, step: Ints, at: Ints) -> list[Part]:
        """Where these columns lie, by series, by step of the table and by row of the known covariates."""
        tick = self.clock.grid.at(step)
        return [Part(self.clock.time, tick), *self._days(tick, at), Part(self.known, at), Part(self.static, series)]

    def runs(self) -> list[tuple[Singles, Ints, int]]:
        """Where these columns lie for the rows of the table: values, the place of the first row of each series and how far it moves on
        from row to row; -1 for a place of each row's own."""
        table = self.table
        tick, series = self.clock.grid.at(table.start), np.arange(len(table))
        days = [] if self.place is None else self._days(tick[table.series] + _within(table), np.arange(len(table.target)))
        holidays = [(part.values, part.index, -1) for part in days]
        return [(self.clock.time, tick, 1), *holidays, (self.known, table.indptr[:-1], 1), (self.static, series, 0)]

    def _days(self, tick: Ints, at: Ints) -> list[Part]:
        if self.place is None:
            return []
        place = self.place[at]
        return [Part(self.clock.days, np.where(place < 0, -1, place * len(self.clock.grid.steps) + tick))]


@dataclass(frozen=True, eq=False)
class Sources:
    """What the rows of some series are gathered from.

    Args:
        given: The time, the holidays and the covariates.
        period: Steps in one season.
        shift: The horizons themselves, as a column to gather from. (horizon + 1, 1 or 0)
        looks: Look-backs of each row. (rows, k)
        seasonal: Seasonal look-backs of each row. (rows, k)
        covariates: Look-backs of the covariates of each row. (rows, k)
    """

    given: Given
    period: int
    shift: Singles
    looks: Singles
    seasonal: Singles
    covariates: Singles

    @classmethod
    def of(cls, fitted: FittedDesign, table: Table, clock: Clock, future: Future | None = None) -> Sources:
        """Compute everything that can be computed per row, series or step."""
        looked = [matrix(blocks, column_of(table, name), table.indptr) for name, blocks in fitted.covariates.items()]
        return cls(
            given=Given.of(fitted, table, clock, future),
            period=fitted.season_length,
            shift=np.arange(fitted.horizon + 1, dtype=np.float32)[:, None][:, : int(fitted.direct)],
            looks=matrix(fitted.blocks, table.target, table.indptr),
            seasonal=matrix(fitted.seasonal, table.target, table.indptr),
            covariates=np.concatenate(looked, axis=1) if looked else np.zeros((len(table.target), 0), np.float32),
        )

    def parts(self, series: Ints, row: Ints, h: Ints, at: Ints) -> list[Part]:
        """Where the columns of some matrix rows lie.

        Args:
            series: Series of each row.
            row: Target row in the table, past the end of the series for steps ahead.
            h: Steps from the origin to the target.
            at: Where the known covariates of each row lie.
        """
        table = self.given.table
        begin = table.indptr[series]
        return [
            Part(self.shift, h),
            Part(self.looks, _inside(row - h, begin)),
            Part(self.seasonal, _inside(row + self.period * (-h // self.period), begin)),
            Part(self.covariates, _inside(row - h, begin)),
            *self.given.parts(series, table.start[series] + row - begin, at),
        ]


def _within(table: Table) -> Ints:
    """How many rows of its series lie before each row. (rows,)"""
    return np.arange(len(table.target)) - np.repeat(table.indptr[:-1], table.sizes)


def column_of(table: Table, name: str) -> Singles:
    """A covariate of each row, past or known. (rows,)"""
    return table.past[name] if name in table.past else table.known[name]


def exactly(future: Future | None, steps: int) -> Future:
    """The future cut to `steps`, or filled up with missing values."""
    if future is None:
        return Future({}, steps)
    if future.steps == steps:
        return future
    known = {name: block[:, :steps] for name, block in future.known.items()}
    short = max(steps - future.steps, 0)
    return Future({name: np.pad(block, ((0, 0), (0, short)), constant_values=np.nan) for name, block in known.items()}, steps)


def _inside(row: Ints, begin: Ints) -> Ints:
    """Rows before the first one of their series are missing."""
    return np.where(row < begin, -1, row)


def _stacked(table: Table, names: tuple[str, ...], future: Future | None) -> Singles:
    """Known covariates side by side, of the table's rows or of the steps ahead. (rows or series x steps, k)"""
    if future is None:
        columns = [table.known[name] for name in names]
        return np.column_stack(columns) if columns else np.zeros((len(table.target), 0), np.float32)
    blank = np.full((len(table), future.steps), np.nan, np.float32)
    blocks = [future.known.get(name, blank).reshape(-1) for name in names]
    return np.column_stack(blocks) if blocks else np.zeros((blank.size, 0), np.float32)


def _per_series(fitted: FittedDesign, table: Table) -> Singles:
    """Static covariates and the code of each series; a series that the design has not met has none. (series, k)"""
    columns = [np.asarray(table.static[name], np.float32) for name in fitted.static]
    if fitted.series is not None:
        columns.append(_codes(fitted.series, fitted.codes, fitted.by_key, series_keys(table)))
    return np.column_stack(columns) if columns else np.zeros((len(table), 0), np.float32)


def _codes(known: Ints, codes: Ints, order: Ints, wanted: Ints) -> Singles:
    at = order[np.searchsorted(known, wanted, sorter=order).clip(max=len(known) - 1)]
    return np.where(known[at] == wanted, codes[at], np.nan).astype(np.float32)
