"""What a Prophet model measures its series by: their times, their scale, their changepoints, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Floats, Ints

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Observed:
    """The rows of each series that hold a value.

    Args:
        there: Whether a row does. (rows,)
        rows: Those that do, series after series. (observed,)
        ptr: Boundaries of the series in `rows`. (series + 1,)
        day: Their times, in days. (observed,)
    """

    there: Mask
    rows: Ints
    ptr: Ints
    day: Floats

    @classmethod
    def of(cls, seen: Mask, indptr: Ints, day: Floats) -> Observed:
        """Rows that are `seen`, of series with the boundaries `indptr`, at the times `day` (rows,)."""
        rows = np.flatnonzero(seen)
        return cls(seen, rows, np.searchsorted(rows, indptr).astype(np.int64), day[rows])

    @cached_property
    def counts(self) -> Ints:
        """Number of values. (series,)"""
        return np.diff(self.ptr)

    @cached_property
    def first(self) -> Floats:
        """Time of the first value; NaN where there is none. (series,)"""
        return self.first_of(self.day)

    @cached_property
    def last(self) -> Floats:
        """Time of the last value; NaN where there is none. (series,)"""
        return self.last_of(self.day)

    def first_of(self, values: Floats) -> Floats:
        """The first of some values at these rows (observed,); NaN where there is none. (series,)"""
        return self._at(values, self.ptr[:-1])

    def last_of(self, values: Floats) -> Floats:
        """The last of some values at these rows (observed,); NaN where there is none. (series,)"""
        return self._at(values, self.ptr[1:] - 1)

    def fold(self, pick: np.ufunc, values: Floats) -> Floats:
        """Fold the values at these rows (observed,); NaN where a series has none. (series,)"""
        out = np.full(len(self.counts), np.nan)
        some = self.counts > 0
        if some.any():
            out[some] = pick.reduceat(values, self.ptr[:-1][some])
        return out

    def mean(self, values: Floats) -> Floats:
        """Mean of the values that are not missing (observed,); NaN where there is none. (series,)"""
        count = self.known(values)
        # bincount adds row by row, so a series gets the same bits whatever stands beside it.
        total = np.bincount(self.series, np.nan_to_num(values), len(self.counts))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def deviation(self, values: Floats) -> Floats:
        """Sample deviation of the values that are not missing (observed,); 0 where there are less than two. (series,)"""
        count = self.known(values)
        squares = self.mean((values - np.repeat(self.mean(values), self.counts)) ** 2)
        return np.sqrt(np.nan_to_num(squares) * count / np.maximum(count - 1, 1))

    def known(self, values: Floats) -> Ints:
        """Number of values that are not missing (observed,). (series,)"""
        return np.bincount(self.series[np.isfinite(values)], minlength=len(self.counts))

    @cached_property
    def series(self) -> Ints:
        """Series of each value. (observed,)"""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def closest(self) -> Floats:
        """Shortest time between two values of a series; infinite where there is none. (series,)"""
        gaps = np.diff(self.day, append=np.inf)
        gaps[np.maximum(self.ptr[1:] - 1, 0)[self.counts > 0]] = np.inf
        return np.nan_to_num(self.fold(np.minimum, gaps), nan=np.inf)

    def changepoints(self, count: int, share: float) -> Floats:
        """Times of `count` values that are spread evenly over the first `share` of each series; fewer in short ones. (series, count)"""
        room = np.floor(self.counts * share).astype(np.int64)
        points = np.clip(np.minimum(count, room - 1), 0, None)
        number = np.arange(1, count + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.rint(number * ((room - 1) / points)[:, None])
        there = number <= points[:, None]
        at = np.where(there, self.ptr[:-1, None] + np.where(there, place, 0).astype(np.int64), 0)
        return np.where(there, self.day[at] if len(self.day) else np.nan, np.nan)

    def _at(self, values: Floats, where: Ints) -> Floats:
        some = self.counts > 0
        out = np.full(len(some), np.nan)
        out[some] = values[where[some]]
        return out


def inside(given: Floats, first: Floats, last: Floats) -> Floats:
    """The given changepoints (in days) that fall within each series, NaN behind them. (series, given)"""
    points = np.sort(given)[None, :]
    kept = np.where((points >= first[:, None]) & (points <= last[:, None]), points, np.nan)
    return np.sort(kept, axis=1)  # NaN sorts last


def curve_through_the_ends(first: Floats, last: Floats) -> tuple[Floats, Floats]:
    """Rate and offset of the logistic curve through the first and the last value, as shares of the capacity there, kept off 0 and 1."""
    odds = [1 / np.clip(share, 0.01, 0.99) for share in (first, last)]
    odds[0] = np.where(np.abs(odds[0] - odds[1]) <= 0.01, 1.05 * odds[0], odds[0])
    begin, end = np.log(odds[0] - 1), np.log(odds[1] - 1)
    return begin - end, begin / (begin - end)
