"""A design fitted to a table: it knows every column, and makes training rows and the rows ahead alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import CannotPredict
from forecaster.features import straight
from forecaster.features.calendar import CYCLES, Grid
from forecaster.features.holidays import Holidays
from forecaster.features.lags import Lags
from forecaster.features.lookback import LookBack, names_of
from forecaster.features.matrix import CHUNK, Drawn, Matrix, gather
from forecaster.features.pairs import budgets, choices_of, pairs, targets_of
from forecaster.features.slabs import each, slabs
from forecaster.features.sources import Clock, Sources, exactly
from forecaster.features.stl import season_of, trend_of
from forecaster.features.timeline import Timeline
from forecaster.features.windows import Seasonal, from_windows
from forecaster.table import Future, Ints, Singles, Table

if TYPE_CHECKING:
    from forecaster.features.design import Design
    from forecaster.features.rollout import Rollout


@storable
@dataclass(frozen=True, eq=False)
class FittedDesign:
    """Every column of a feature matrix, decided.

    The columns stand in this order: horizon, look-backs at the origin, seasonal look-backs, those of covariates, time,
    holidays, known covariates, static covariates, series. A column that is no covariate is called `made_<name>` where one has its name.

    Args:
        design: The recipe, with "auto" resolved.
        season_length: Steps in one season.
        timeline: Calendar, Fourier and trend columns.
        holidays: Holiday columns.
        known: Known covariates that are used.
        past: Past covariates that are used.
        static: Static covariates that are used.
        series: A key of each series of the training table, where the series is a feature. (series,)
        codes: The code of each of these series: its place in its group. (series,)
        categories: The labels of categorical covariates.
    """

    design: Design
    season_length: int
    timeline: Timeline
    holidays: Holidays | None
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    series: Ints | None
    codes: Ints
    categories: Mapping[str, tuple[str, ...]]

    @cached_property
    def blocks(self) -> tuple[LookBack, ...]:
        """Look-backs of the target that are read at the origin."""
        windows = (block for block in self._windows if not isinstance(block, Seasonal))
        return (*_lags(self.design.lags), *windows, *trend_of(self.design.stl, self.season_length))

    @cached_property
    def seasonal(self) -> tuple[LookBack, ...]:
        """Look-backs of the target that are read at the last row of the season."""
        windows = (block for block in self._windows if isinstance(block, Seasonal))
        return (*windows, *season_of(self.design.stl, self.season_length))

    @cached_property
    def covariates(self) -> dict[str, tuple[LookBack, ...]]:
        """Look-backs of each covariate, read at the origin."""
        past = {name: self._of_covariate(name, self.design.past_lags, self.design.past_windows) for name in self.past}
        known = {name: self._of_covariate(name, self.design.known_lags, self.design.known_windows) for name in self.known}
        return {name: blocks for name, blocks in (past | known).items() if blocks}

    @cached_property
    def of_covariates(self) -> tuple[LookBack, ...]:
        """The look-backs of all covariates."""
        return tuple(block for blocks in self.covariates.values() for block in blocks)

    @property
    def looks_back(self) -> bool:
        """Whether rows have an origin; without one the matrix has no horizon."""
        return bool(self.blocks or self.seasonal or self.of_covariates)

    @property
    def direct(self) -> bool:
        return self.looks_back and self.design.strategy == "direct"

    @property
    def horizon(self) -> int:
        """Largest horizon of a training row."""
        return self.design.horizon if self.direct else 1

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        given, last = (*self.known, *self.static), () if self.series is None else ("series",)
        made = apart((*self._made, *last), given)
        return (*made[: len(self._made)], *given, *made[len(self._made) :])

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """What each column is: "number"; "category", a code without order; "cycle", one of a few calendar numbers in a ring."""
        cycles = {k for k, name in enumerate(self._made) if name in CYCLES}
        codes = {*self.labelled, *(() if self.series is None else (len(self.names) - 1,))}
        return tuple("category" if k in codes else "cycle" if k in cycles else "number" for k in range(len(self.names)))

    @cached_property
    def labelled(self) -> dict[int, str | None]:
        """The columns that hold codes of labels, and the covariate whose labels these are; None for names of holidays."""
        lags = {lag: name for name, blocks in self.covariates.items() if name in self.categories for lag in names_of(blocks)}
        made = {k: lags.get(name) for k, name in enumerate(self._made) if name in lags or name == "holiday_name"}
        given = enumerate((*self.known, *self.static), len(self._made))
        return made | {k: name for k, name in given if name in self.categories}

    def count(self, name: str | None) -> int:
        """How many labels a covariate has, or names of holidays there are with that of no holiday."""
        return len(self.categories[name]) if name is not None else 1 + len(self.holidays.labels if self.holidays else ())

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Whether each column is a category."""
        return tuple(kind == "category" for kind in self.kinds)

    @cached_property
    def span(self) -> int | None:
        """Rows of history that make the rows ahead exact; None for all."""
        spans = [block.span for block in (*self.blocks, *self.of_covariates)]
        spans += [None if block.span is None else block.span + self.season_length for block in self.seasonal]
        return None if None in spans else max((s for s in spans if s is not None), default=1)

    @cached_property
    def lookback(self) -> int:
        """The longest lag or window: as many values must lie before the first row that has all features. 0 without look-backs."""
        return max((block.span or 1 for block in (*self.blocks, *self.seasonal)), default=0)

    @cached_property
    def by_key(self) -> Ints:
        """The series that the design has met, in the order of their keys."""
        return np.argsort(np.zeros(0, np.int64) if self.series is None else self.series)

    def training(self, table: Table, *, order: Literal["C", "F"] = "C", threads: int = 1) -> Matrix:
        """The training rows of a table.

        Rows whose target is missing, or whose look-backs at the origin are all missing, are left out; other missing values stay NaN.

        Args:
            table: The table that the design was fitted to, or another of the same columns.
            order: How `X` lies in memory: row after row, as learners read it, or ("F") column after column.
            threads: Series are worked on by so many threads; the numbers do not depend on it.
        """
        made = self.draw(table, order=order, threads=threads)
        row = np.arange(len(table.target)) if made.row is None else made.row
        group_ptr = np.searchsorted(row, table.indptr[table.group_ptr]).astype(np.int64)
        return Matrix(made.X, table.target[row], row, made.horizon, group_ptr, made.eligible, made.drawn)

    def draw(self, table: Table, *, order: Literal["C", "F"] = "C", threads: int = 1, every: bool = False) -> Drawn:
        """The features of the rows of `training`; with `every`, also of those without a target or without anything to look back at."""
        choices, eligible = choices_of(table, self.horizon, self.looks_back, every=every)
        budget = budgets(self.design.row_budget, targets_of(table, choices))
        if self.horizon == 1 and (budget is None or (eligible <= budget).all()):
            del choices  # not to be held beside the matrix
            return self._straight(table, eligible, order, threads, every)
        row, h = pairs(table, choices, eligible, budget, self.design.seed)
        return self._gathered(table, (row, h), eligible, order, threads, every)

    def _straight(self, table: Table, eligible: Ints, order: Literal["C", "F"], threads: int, every: bool) -> Drawn:
        """Each row once, one step ahead of its origin."""
        clock, room = self.clock(Grid.over(table), table), straight.room(self, table, every)
        X, row = np.empty((room[-1], len(self.names)), np.float32, order), np.empty(0 if every else room[-1], np.int64)

        def fill(first: int, last: int) -> tuple[int, int]:
            rows = slice(int(room[first]), int(room[last]))
            count = straight.Straight(self, table.take(np.arange(first, last)), clock, every).fill(X[rows], row[rows])
            row[rows][:count] += table.indptr[first]
            return rows.start, count

        filled = _close_up((X,) if every else (X, row), each(fill, slabs(table.indptr), threads))
        kept = None if filled == len(table.target) else row[:filled]
        return Drawn(X[:filled], kept, np.broadcast_to(np.int64(1), filled), eligible, eligible)

    def _gathered(
        self, table: Table, chosen: tuple[Ints, Ints], eligible: Ints, order: Literal["C", "F"], threads: int, every: bool
    ) -> Drawn:
        """Rows gathered from what is computed once per row of the table."""
        row, h = chosen
        X, kept = np.empty((len(row), len(self.names)), np.float32, order), np.ones(len(row), bool)
        clock = self.clock(Grid.over(table), table)

        def fill(first: int, last: int) -> tuple[int, int]:
            begin, end = np.searchsorted(row, table.indptr[[first, last]]).tolist()
            slab = Sources.of(self, table.take(np.arange(first, last)), clock)
            return begin, self._fill(slab, row[begin:end] - table.indptr[first], h[begin:end], X[begin:end], kept[begin:end], every)

        filled = _close_up((X,), each(fill, slabs(table.indptr), threads))
        drawn = np.diff(np.searchsorted(row, table.indptr[table.group_ptr]))
        return Drawn(X[:filled], row[kept], h[kept], eligible, drawn)

    def ahead(self, table: Table, horizon: int, future: Future | None = None) -> Singles:
        """The rows after each series, as training rows would have them.

        Args:
            table: History; the origin of each series is its last row.
            horizon: Steps ahead, at most those of the design where it looks back.
            future: Known covariates of the steps ahead; NaN where there are none.

        Returns:
            (series, horizon, columns).

        Raises:
            CannotPredict: The horizon is longer than the design can see.
        """
        if self.looks_back and horizon > self.horizon:
            how = "call `rollout`" if self.design.strategy == "recursive" else "extend the table by the forecasts and go on from there"
            raise CannotPredict(f"the features reach {self.horizon} steps ahead, asked were {horizon}; {how}.")
        table = table if self.span is None else table.tail(self.span)
        series, h = np.repeat(np.arange(len(table)), horizon), np.tile(np.arange(1, horizon + 1), len(table))
        clock = self.clock(Grid.of(np.repeat(table.end, horizon) + h), table)
        X = np.empty((len(h), len(self.names)), np.float32)
        sources = Sources.of(self, table, clock, exactly(future, horizon))
        gather(sources.parts(series, table.indptr[series + 1] + h - 1, h, series * horizon + h - 1), X)
        return X.reshape(len(table), horizon, -1)

    def rollout(self, table: Table, horizon: int, future: Future | None = None) -> Rollout:
        """Rows one step ahead at a time, for the recursive strategy; see `Rollout`."""
        from forecaster.features.rollout import Rollout

        if self.direct:
            raise CannotPredict('only a design with strategy="recursive" rolls out one step at a time; this one is direct: use `ahead`.')
        return Rollout(self, table, horizon, future)

    @cached_property
    def _windows(self) -> tuple[LookBack, ...]:
        """Windows of the target."""
        return from_windows(dict(self.design.windows or ()), period=self.season_length)  # type: ignore[arg-type]

    def _of_covariate(self, name: str, lags: tuple[int, ...], windows: Any) -> tuple[LookBack, ...]:
        """Look-backs of one covariate; a category has lags alone."""
        prefix = f"{name}_"
        return (*_lags(lags, prefix), *(() if name in self.categories else from_windows(dict(windows or ()), prefix=prefix)))

    @cached_property
    def _made(self) -> tuple[str, ...]:
        """Names of the columns that are not covariates."""
        looks = names_of((*self.blocks, *self.seasonal, *self.of_covariates))
        days = () if self.holidays is None else self.holidays.names
        return (*(("horizon",) if self.direct else ()), *looks, *self.timeline.names, *days)

    @property
    def time_at(self) -> int:
        """Where the columns of the time begin."""
        return int(self.direct) + len(names_of((*self.blocks, *self.seasonal, *self.of_covariates)))

    def clock(self, grid: Grid, table: Table) -> Clock:
        """What is known of each step of a grid."""
        days = np.zeros((0, 0), np.float32) if self.holidays is None else self.holidays.columns(table.frequency, grid)
        return Clock(grid, self.timeline.columns(table.frequency, grid), days)

    def _fill(self, sources: Sources, row: Ints, h: Ints, X: Singles, kept: NDArray[np.bool_], every: bool) -> int:
        """Write the rows of one slab to the head of `X`; returns how many stay."""
        series = np.searchsorted(sources.given.table.indptr, row, side="right") - 1
        looks = self.deciding if self.looks_back and not every else slice(0, 0)
        filled = 0
        for at in range(0, len(row), CHUNK):
            chunk = slice(at, min(at + CHUNK, len(row)))
            parts = sources.parts(series[chunk], row[chunk], h[chunk], row[chunk])
            kept[chunk] = gather(parts, X[filled:], looks)
            filled += int(np.count_nonzero(kept[chunk]))
        return filled

    @property
    def deciding(self) -> slice:
        """The columns of which one must be known: look-backs of the target, or those of covariates where there are none."""
        return slice(int(self.direct), int(self.direct) + len(names_of((*self.blocks, *self.seasonal)) or names_of(self.of_covariates)))


def apart(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The names, with `made_` before each that others have, or one before it."""
    told, out = {*taken}, list[str]()
    for name in names:
        free = name
        while free in told:
            free = f"made_{free}"
        told.add(free)
        out.append(free)
    return out


def _lags(orders: object, prefix: str = "") -> tuple[LookBack, ...]:
    return (Lags(orders, prefix),) if isinstance(orders, tuple) and orders else ()


def _close_up(room: Sequence[NDArray[Any]], filled: list[tuple[int, int]]) -> int:
    """Move the rows of each slab, given as where it begins and how many rows stay, up to the slab before it; returns how many rows stay."""
    at = 0
    for begin, count in filled:
        for rows in room if at < begin else ():
            rows[at : at + count] = rows[begin : begin + count]
        at += count
    return at
