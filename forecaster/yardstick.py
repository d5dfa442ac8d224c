"""How far off forecasts are to be expected to be before any was seen: what series and models tell beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecaster.archive import storable
from forecaster.metrics import Scale, per_group
from forecaster.metrics.scale import changes
from forecaster.table import Floats, Ints, Table

UNIT = NormalDist(0, np.sqrt(np.pi / 2))
"""The normal distribution of mean absolute deviation 1: what residuals look like before any are seen."""

LEVELS = np.array([0.001, 0.0025, 0.005, *np.round(np.arange(1, 100) / 100, 2), 0.995, 0.9975, 0.999])
"""Levels at which the pooled quantiles are kept; between them they are interpolated, beyond them they grow like normal ones."""

NORMAL = np.array([UNIT.inv_cdf(p) for p in LEVELS])

LEAST = 0.1
"""What the residuals of a series are at least, in expected scales: a backtest without error promises no future without any."""

MOST = 1000.0
"""What the residuals of a series are at most, in expected scales; where they are more, more is expected of it."""

REACH, MEASURED = 3, 10
"""Horizons up to which growth is measured, and at how many numbers of seasons at most."""

LARGEST = float(np.finfo(np.float64).max) / 4
"""What forecasts are expected to be off at most, so that twice that is a number, too."""

UNSEEN = 12.0
"""Intervals of a model of n values are wider by UNSEEN / n than it says itself, for the doubt about its form and coefficients. Over M3,
M4 hourly and weekly, NN5 and Australian tourism, a horizon before their ends, that is what a blend of native intervals lacks."""

APART = 2.0
"""Most that a yardstick at a cutoff may differ from the one at the end, as a factor."""


@storable
@dataclass(frozen=True, eq=False)
class Usual:
    """Size of the residuals that a seasonal naive forecast would have, at any step ahead.

    Args:
        first: In the first season. (series,)
        group: Group of each series. (series,)
        seasons: Numbers of seasons ahead at which growth was measured, ascending from 1.
        grown: Size at these against the first. (groups, seasons)
        season_length: Steps in one season.
    """

    first: Floats
    group: Ints
    seasons: Ints
    grown: Floats
    season_length: int

    @classmethod
    def of(cls, table: Table, horizon: int) -> Usual:
        """Measure differences of values a few numbers of seasons apart, up to REACH horizons; they never fall with their number, and
        where no series is long enough, they are those of a random walk."""
        last = -(-REACH * horizon // table.season_length)
        seasons = np.unique(np.geomspace(1, last, MEASURED).round().astype(np.int64))
        sizes, _ = changes(table, seasons * table.season_length)
        grown = per_group(over(sizes, sizes[0]), table.group_ptr)
        measured = np.maximum.accumulate(np.where(np.isfinite(grown), grown, np.sqrt(seasons)[:, None]))
        return cls(Scale.of(table).mae, table.group, seasons, measured.T.copy(), table.season_length)

    def growth(self, steps: int) -> Floats:
        """Size at each step against the first; beyond what was measured that of a random walk. (groups, steps)"""
        ahead = np.arange(steps) // self.season_length + 1
        further = np.sqrt(np.maximum(ahead / self.seasons[-1], 1))
        return np.asarray(np.stack([np.interp(ahead, self.seasons, g) for g in self.grown]) * further)

    def at(self, steps: int) -> Floats:
        """(series, steps)"""
        return np.asarray(self.first[:, None] * self.growth(steps)[self.group])


def expected(table: Table, horizon: int) -> Floats:
    """Mean size of the residuals that a seasonal naive forecast would have over the steps of the horizon. (series,)"""
    return np.asarray(Usual.of(table, horizon).at(horizon).mean(1), np.float64)


def told_width(levels: Sequence[float], quantiles: Floats) -> Floats:
    """Mean absolute deviation that quantile forecasts tell, from their outermost levels. (..., levels) -> (...)"""
    units = UNIT.inv_cdf(levels[-1]) - UNIT.inv_cdf(levels[0])
    return np.asarray(quantiles[..., -1] / units - quantiles[..., 0] / units)


def yardstick(usual: Floats, width: Floats, known: Floats) -> Floats:
    """How far off forecasts are expected to be: the geometric mean of what a seasonal naive one would be and what the models say of
    themselves; the former alone where they say nothing.

    Args:
        usual: Size of the residuals of a seasonal naive forecast. (..., series, steps)
        width: Mean absolute deviation that the models tell; NaN where they do not. (..., series, steps)
        known: Values that they know. (..., series)
    """
    told = width * (1 + UNSEEN / np.maximum(known, UNSEEN / 2))[..., None]
    both = np.sqrt(told) * np.sqrt(usual)  # the product itself may be too large for a number, or too small
    return np.fmin(np.where(both > usual / MOST, both, usual), LARGEST)


def over(values: Floats, by: Floats) -> Floats:
    """The ratio, NaN where the divisor is not above zero or too small to divide by."""
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = values / np.where(by > 0, by, np.nan)
    return np.where(np.isfinite(ratio), ratio, np.nan)


def student(freedom: Floats) -> Floats:
    """Quantiles at `LEVELS` where the scale itself was learnt from `freedom` residuals: Student's t by its expansion. (groups, levels)"""
    z, v = NORMAL / UNIT.stdev, np.where(freedom > 0, np.maximum(freedom, 2), np.inf)
    wider: Floats = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    return wider * UNIT.stdev
