"""Baselines that average the past: the mean, and the mean of each season."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecaster.archive import storable
from forecaster.learners._local import Cycle, cells, filled, season
from forecaster.learners._units import own_units
from forecaster.protocols import Traits
from forecaster.table import Floats, Ints, Table


@storable
@dataclass(frozen=True)
class Average:
    """Repeats the mean of the observed values.

    Args:
        window: Use only the last `window` observed steps; all where absent. A series with none there uses all it has.
    """

    window: int | None = None
    traits: ClassVar[Traits] = Traits()

    @own_units
    def fit(self, table: Table) -> Cycle:
        """One call for all series."""
        return Cycle(self, _recent_means(table, 1, self.window), np.zeros(len(table)), table.start, self.window)


@storable
@dataclass(frozen=True)
class SeasonalAverage:
    """Repeats the mean of the observed values of each season; the mean of all where a season was never observed.

    Args:
        period: Steps in one season; the table's season length where absent.
        seasons: Use only the last `seasons` full seasons; all where absent.
    """

    period: int | None = None
    seasons: int | None = None
    traits: ClassVar[Traits] = Traits()

    @own_units
    def fit(self, table: Table) -> Cycle:
        """One call for all series."""
        period = season(self.period, table)
        window = None if self.seasons is None else self.seasons * period
        overall = _recent_means(table, 1, window)[:, 0]
        return Cycle(self, filled(_recent_means(table, period, window), overall), np.zeros(len(table)), table.start, window)


def _recent_means(table: Table, period: int, window: int | None) -> Floats:
    """Means at each step of the season over the last `window` steps, over all steps where those hold nothing. (series, period)"""
    everything = _means(table, period)
    if window is None:
        return everything
    recent = _means(table.tail(max(window, 1)), period)
    return np.where(np.isnan(recent), everything, recent)


def _means(table: Table, period: int) -> Floats:
    seen = np.isfinite(table.target)
    where: Ints = cells(table, period)[seen]
    size = len(table) * period
    counts = np.bincount(where, minlength=size)
    # bincount adds row by row, so a series gets the same bits whatever stands beside it.
    sums = np.bincount(where, weights=table.target[seen], minlength=size)
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means.reshape(len(table), period)
