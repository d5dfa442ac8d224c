"""Baselines that repeat the past: the last value, the last season, the straight line from first to last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecaster.archive import storable
from forecaster.learners._local import Cycle, cells, filled, first_observed, last_observed, season
from forecaster.protocols import Traits
from forecaster.table import Floats, Table


@storable
@dataclass(frozen=True)
class Naive:
    """Repeats the last observed value."""

    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Cycle:
        """One call for all series."""
        return Cycle(self, last_observed(table)[0][:, None], np.zeros(len(table)), table.start, 1)


@storable
@dataclass(frozen=True)
class SeasonalNaive:
    """Repeats the last observed value of each season; the last value of all where a season was never observed.

    Args:
        period: Steps in one season; the table's season length where absent.
    """

    period: int | None = None
    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Cycle:
        """One call for all series."""
        period = season(self.period, table)
        return Cycle(self, filled(_last_season(table, period), last_observed(table)[0]), np.zeros(len(table)), table.start, period)


@storable
@dataclass(frozen=True)
class Drift:
    """Goes on along the line from the first to the last observed value."""

    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Cycle:
        """One call for all series."""
        first, start = first_observed(table)
        last, end = last_observed(table)
        with np.errstate(over="ignore", invalid="ignore"):  # of values at the end of all numbers, which have no forecast
            slope = np.where(end > start, (last - first) / np.maximum(end - start, 1), 0.0)
            at_end = last + slope * (table.indptr[1:] - 1 - end)
        return Cycle(self, at_end[:, None], slope, table.start, None)


def _last_season(table: Table, period: int) -> Floats:
    """The last observed value at each step of the season; NaN where there is none. (series, period)"""
    block = table.last(period) if len(table.target) else np.full((len(table), period), np.nan)
    holes = np.isnan(block).any(axis=1) & (table.sizes > period)
    if holes.any():
        # Only series with a hole in their last season look further back; rows ascend, so the last assignment is the newest.
        part = table.take(holes)
        seen = np.isfinite(part.target)
        flat = np.full(len(part) * period, np.nan)
        flat[cells(part, period)[seen]] = part.target[seen]
        block[holes] = flat.reshape(-1, period)
    return np.asarray(np.where(np.isfinite(block), block, np.nan), np.float64)
