"""Growth: how much further off forecasts fall past the horizon than within it.

Two things tell it. The sizes at the steps of the horizon follow a power of the step, and may go on with it. And all windows of a
backtest but the last one can forecast a horizon more, of which a later window scores the same values from nearer by: their ratio is what
the distance alone adds, whatever the period was like. It matters most for learners that forecast the horizon directly from what was known
and go on from their own forecasts past it: the steps within tell nothing of that.
"""

from __future__ import annotations

from functools import reduce
from itertools import combinations

import numpy as np

from forecaster.metrics import per_group
from forecaster.metrics.segments import along, total
from forecaster.table import Floats, Ints
from forecaster.yardstick import LEAST, MOST, over

PRIOR_FURTHER = 30.0
"""Weight, in residuals, of the power of the step against what was seen past the horizon."""

PRIOR_APART = 0.1
"""How far apart the growth of two periods is expected to be, as a logarithm, before any is seen."""


def foretold(profile: Floats, steps: int) -> Floats:
    """Size of the residuals past the horizon against its last step, 1 within it: on with the power of the step that fits the profile, at
    most as a random walk. It begins where that power is at the last step, not at the last step itself, which is one hour or weekday, quiet
    or loud, and tells nothing of the others that follow.

    Args:
        profile: Sizes at the steps. (groups, horizon)
        steps: Steps ahead.

    Returns:
        (groups, steps)
    """
    horizon, size = profile.shape[1], np.log(profile)
    apart = np.log(np.arange(1, horizon + 1))
    apart -= apart.mean()
    rise = _rise(size, apart)
    begun = np.exp(size.mean(1, keepdims=True) + rise * apart[-1] - size[:, -1:])
    ahead = np.maximum(np.arange(1, steps + 1) / horizon, 1)
    return np.asarray(np.where(ahead > 1, begun * ahead**rise, 1.0))


def _rise(size: Floats, apart: Floats) -> Floats:
    """The power of the step that fits a profile, between no growth and that of a random walk.

    Empirical Bayes: the part of its square that the scatter of the steps about it does not explain is believed, the rest is not.

    Args:
        size: Logarithms of the profile. (groups, horizon)
        apart: Logarithms of the step, less their mean. (horizon,)
    """
    squares = max((apart**2).sum(), 1e-12)
    rise = (apart * size).sum(1, keepdims=True) / squares
    scatter = size - size.mean(1, keepdims=True) - rise * apart
    noise = (scatter**2).sum(1, keepdims=True) / (max(len(apart) - 2, 1) * squares)
    believed = np.maximum(1 - np.nan_to_num(over(noise, rise**2)), 0)
    return np.asarray(np.clip(rise, 0, 0.5) * believed)


def paired(actual: Floats, forecast: Floats, further: Floats, cutoffs: Ints, sizes: Floats | None = None) -> tuple[Floats, Floats]:
    """Residuals of the same values, first of forecasts from a horizon further away, then from nearer by.

    Args:
        actual: What came in each window; NaN where unknown. (windows, series, horizon)
        forecast: What was said of it; NaN where nothing. (windows, series, horizon)
        further: What was said of the horizon after that; NaN where nothing. (windows, series, horizon)
        cutoffs: Last known steps. (windows, series)
        sizes: What residuals are measured in, in the horizon and the one after it; as they are where None. (windows, series, 2 * horizon)

    Returns:
        Both NaN where unknown. (pairs, series, horizon) x 2
    """
    horizon = actual.shape[2]
    pairs = [(a, b) for a, b in combinations(range(len(cutoffs)), 2) if (cutoffs[b] - cutoffs[a] == horizon).any()]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    met = cutoffs[second] - cutoffs[first] == horizon
    came = np.where(met[..., None], actual[second], np.nan)
    size = np.ones((len(actual), 1, 2 * horizon)) if sizes is None else sizes
    away, near = size[first, :, horizon:], size[second, :, :horizon]
    return over(came, away) - over(further[first], away), over(came, near) - over(forecast[second], near)


def widening(further: Floats, nearer: Floats, group_ptr: Ints) -> Floats:
    """How many times larger sizes past the horizon were than foretold; 1 where they were not, or differ too much between periods to say so.

    It is the mean over the pairs of windows, less its standard error, of the logarithm: a calm period promises no calm ones, and
    intervals that are too narrow cost more than those that are too wide.

    Args:
        further: Sizes of residuals a horizon further away, in foretold ones; NaN where unknown. (pairs, series, horizon)
        nearer: The same of forecasts from nearer by. (pairs, series, horizon)
        group_ptr: Boundaries of the groups in the series. (groups + 1,)

    Returns:
        (groups,)
    """
    both = np.isfinite(further) & np.isfinite(nearer)
    sizes = (np.clip(along(np.where(both, np.minimum(size, MOST), np.nan)), LEAST, MOST) for size in (further, nearer))
    # the geometric mean, so that one series does not speak for all
    ratio = per_group(np.subtract(*map(np.log, sizes)), group_ptr)
    pairs = np.maximum(np.isfinite(ratio).sum(0), 1)
    middle = _added(ratio) / pairs
    # as if one more pair had been PRIOR_APART off, so that a single pair is not believed blindly
    error = np.sqrt(_added((ratio - middle) ** 2) + PRIOR_APART**2) / pairs
    count = total(both.sum((0, 2)).astype(np.float64), group_ptr)
    return np.asarray(np.exp(np.maximum(middle - error, 0) * count / (count + PRIOR_FURTHER)))


def _added(values: Floats) -> Floats:
    """Sum over the first axis in its order, so that neither the number of columns nor rows of NaN change a bit."""
    return reduce(np.add, np.nan_to_num(values), np.zeros(values.shape[1]))
