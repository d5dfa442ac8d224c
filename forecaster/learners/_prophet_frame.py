"""What a Prophet model measures its series by: their times, their scale, their changepoints, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecaster._native import prophet as native
from forecaster.table import Floats, Ints

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Observed:
    """The rows of each series that hold a value, and what a model measures them by.

    Args:
        there: Whether a row does. (rows,)
        counts: Number of values. (series,)
        ends: Rows of the first and the last value; 0 where there is none. (series, 2)
        first: Time of the first value, in days; NaN, here and below, where there is none. (series,)
        last: Time of the last value. (series,)
        closest: Shortest time between two values; infinite where there is none. (series,)
        low: Least value. (series,)
        high: Largest value. (series,)
        reach: Largest distance of a value from the floor. (series,)
        bottom: Least floor. (series,)
        top: Largest capacity. (series,)
        changepoints: Times spread evenly over the first values; NaN behind the last one, fewer in short series.
            (series, changepoints)
    """

    there: Mask
    counts: Ints
    ends: Ints
    first: Floats
    last: Floats
    closest: Floats
    low: Floats
    high: Floats
    reach: Floats
    bottom: Floats
    top: Floats
    changepoints: Floats

    @classmethod
    def of(cls, rows: native.Rows, target: Floats, series: int, day: Floats, changepoints: tuple[int, float], threads: int) -> Observed:
        """Rows of some series with a target (rows,) on a grid with the times `day`, in days (grid,).

        Args:
            changepoints: How many, over which share of the values.
        """
        there, counts, ends = np.empty(len(target), bool), np.empty(series, np.int64), np.empty((series, 2), np.int64)
        days, closest, extremes = np.empty((series, 2)), np.empty(series), np.empty((series, 5))
        points = np.empty((series, changepoints[0]))
        native.observe(rows, target, day, changepoints[1], there, counts, ends, days, closest, extremes, points, threads)
        low, high, reach, bottom, top = extremes.T
        return cls(there, counts, ends, days[:, 0], days[:, 1], closest, low, high, reach, bottom, top, points)

    def at(self, end: int, values: Floats) -> Floats:
        """What of some values (rows,) stands at the first (`end` 0) or at the last one seen (1); NaN where there is none. (series,)"""
        some, out = self.counts > 0, np.full(len(self.counts), np.nan)
        out[some] = values[self.ends[some, end]]
        return out

    @cached_property
    def rows(self) -> Ints:
        """Those that hold a value, series after series. (observed,)"""
        return np.flatnonzero(self.there)

    def fold(self, pick: np.ufunc, values: Floats) -> Floats:
        """Fold the values at these rows (observed,); NaN where a series has none. (series,)"""
        out = np.full(len(self.counts), np.nan)
        some = self.counts > 0
        if some.any():
            out[some] = pick.reduceat(values, (np.cumsum(self.counts) - self.counts)[some])
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
