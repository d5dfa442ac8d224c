"""Spread: how far actual values fall from forecasts, learnt from out-of-fold residuals.

A residual is divided by the scale of its series and by the profile of its group at its step; what is left is pooled per group. A
quantile is the mean plus scale times profile times the pooled quantile (split-conformal prediction: Papadopoulos et al. 2002;
Lei et al. 2018). Every window is scaled by what the *other* windows say (the jackknife of Barber et al. 2021), so that residuals
are not judged by a scale that they set themselves. How sizes go on past the horizon, `growth` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecaster.archive import storable
from forecaster.growth import foretold, widening
from forecaster.metrics import Scale, per_group
from forecaster.metrics.segments import along, total
from forecaster.table import Floats, Ints, Table
from forecaster.yardstick import LEAST, LEVELS, MOST, NORMAL, UNIT, Usual, over, student

PRIOR_WINDOWS = 4.0
"""Weight, in windows, of what the group says about the scale of a series."""

PRIOR_GROUP = 1.0
"""Weight, in windows of a series, of the expected size against what the residuals of the group are."""

PRIOR_POOL = 20.0
"""Weight, in residuals, of the normal quantiles against the pooled ones."""

RECENT = 2
"""A window counts for half of the one after it, as far back as this: earlier models knew less, and sizes change."""

PRIOR_STEP = 30.0
"""Weight, in residuals, of a power of the step against the mean size at the step itself."""

PRIOR_RISE = 4.0
"""Weight of no growth at all against the growth with the step, in residuals times their variance of log steps."""


class Bands(Protocol):
    """Something that says how far off forecasts are."""

    def quantiles(self, mean: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles around point forecasts. (series, steps) -> (series, steps, levels)"""


@storable
@dataclass(frozen=True, eq=False)
class Spread:
    """The distribution of residuals of each series and step.

    Args:
        scale: Mean absolute residual of each series; zero where none is to be expected. (series,)
        bias: Mean residual of each series beyond its group's, in scales. (series,)
        group: Group of each series. (series,)
        profile: Size of the residuals at each step against the mean over steps. (groups, horizon)
        table: Quantiles of the standardised residuals at `LEVELS`, ascending. (groups, levels)
        widening: How many times larger the residuals of the horizon after it are than those within foretell. (groups,)
    """

    scale: Floats
    bias: Floats
    group: Ints
    profile: Floats
    table: Floats
    widening: Floats

    @classmethod
    def of(cls, actual: Floats, forecast: Floats, expected: Floats, group_ptr: Ints) -> Spread:
        """Learn from out-of-fold forecasts.

        Args:
            actual: NaN where unknown. (windows, series, horizon)
            forecast: NaN where there is none. (windows, series, horizon)
            expected: What to expect of a series without residuals, as `expected` tells it. (series,)
            group_ptr: Boundaries of the groups in the series. (groups + 1,)
        """
        residual = np.where(np.isfinite(actual) & np.isfinite(forecast), actual - forecast, np.nan)
        # series first, so that no sum over windows and steps depends on how many series there are
        residual = np.ascontiguousarray(np.moveaxis(residual, 1, 0))
        group = np.repeat(np.arange(len(group_ptr) - 1), np.diff(group_ptr))
        weight = _weights(residual.shape[1])
        size, sizes = _scales(np.abs(residual), weight, expected, group_ptr, group)
        standard = over(residual, sizes[..., None])
        profile = _profile(np.abs(standard), group_ptr)
        standard = over(standard, profile[group][:, None])
        bias, biases = _biases(standard, group_ptr, group)
        return cls(size, bias, group, profile, _pooled(standard - biases[..., None], weight, group_ptr), np.ones(len(profile)))

    @classmethod
    def naive(cls, table: Table, horizon: int) -> Spread:
        """The spread to expect without any residuals: normal, with the size and growth of differences within the training values."""
        pooled = np.repeat(NORMAL[None], table.n_groups, axis=0)
        growth = Usual.of(table, horizon).growth(horizon)
        return cls(Scale.of(table).mae, np.zeros(len(table)), table.group, growth, pooled, np.ones(table.n_groups))

    def quantiles(self, mean: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles around point forecasts: ascending in the level, never NaN where the mean is not.

        Args:
            mean: Point forecasts, also past the horizon of the residuals. (series, steps)
            levels: Ascending, between 0 and 1.

        Returns:
            (series, steps, levels)
        """
        width, standard = self.parts(mean.shape[1], levels)
        return mean[..., None] + width[..., None] * standard[:, None, :]

    def parts(self, steps: int, levels: Sequence[float]) -> tuple[Floats, Floats]:
        """Quantiles around zero as a product: the width of each series and step, and its standard quantiles.

        Args:
            steps: Steps ahead.
            levels: Ascending, between 0 and 1.

        Returns:
            (series, steps), (series, levels)
        """
        profile = self.profile[:, np.minimum(np.arange(steps), self.profile.shape[1] - 1)]
        width = self.scale[:, None] * profile[self.group] * self.growth(steps)
        return width, _at(self.table, np.asarray(levels, np.float64))[self.group] + self.bias[:, None]

    def growth(self, steps: int) -> Floats:
        """Size of the residuals past the horizon against its last step, 1 within it: as the steps within foretell it, and every further
        horizon adds as much variance as was seen of the first. (series, steps)"""
        added = np.arange(steps) // self.profile.shape[1] * (self.widening[:, None] ** 2 - 1)
        return np.asarray((foretold(self.profile, steps) * np.sqrt(1 + added))[self.group])

    def widened_by(self, further: Floats, nearer: Floats, group_ptr: Ints) -> Spread:
        """The spread with what was seen past the horizon.

        Args:
            further: Residuals of forecasts in the horizon after that of a window; NaN where unknown. (pairs, series, horizon)
            nearer: Residuals of the same values in a later window, where they lie within the horizon. (pairs, series, horizon)
            group_ptr: Boundaries of the groups in the series. (groups + 1,)
        """
        horizon = self.profile.shape[1]
        width, _ = self.parts(2 * horizon, ())
        sizes = over(np.abs(further), width[:, horizon:]), over(np.abs(nearer), width[:, :horizon])
        return replace(self, widening=self.widening * widening(*sizes, group_ptr))

    def silenced(self, which: NDArray[np.bool_]) -> Spread:
        """The spread with no residuals to be expected of some series. (series,)"""
        return replace(self, scale=np.where(which, 0.0, self.scale)) if which.any() else self

    def take(self, which: ArrayLike) -> Spread:
        """The spread of the series `which` (indices or a mask)."""
        chosen = np.asarray(which)
        return replace(self, scale=self.scale[chosen], bias=self.bias[chosen], group=self.group[chosen])


def _weights(windows: int) -> Floats:
    """What each window counts for, the last one most: 1 2 4. (windows,)"""
    recent = np.minimum(np.arange(windows), RECENT)
    return np.asarray(2.0 ** (recent[-1:] - recent)[::-1])


def _scales(size: Floats, weight: Floats, expected: Floats, group_ptr: Ints, group: Ints) -> tuple[Floats, Floats]:
    """Scale of each series, and the one of each window that the other windows give. (series,), (series, windows)

    A series is shrunk towards what its group's residuals are to the expected size, the more so the fewer windows it has, and a group
    towards the expected size itself: forecasts that were chosen on a single window look better in it than they are.
    """
    per_window = along(size)
    some = np.isfinite(per_window)
    windows, share = some.sum(1), some * weight
    share = share * np.nan_to_num(over(windows.astype(np.float64), share.sum(1)))[:, None]
    sums = np.nan_to_num(per_window) * share
    mine = over(sums.sum(1), windows.astype(np.float64))
    expected = np.fmax(expected, mine / MOST)
    # the geometric mean, so that one series that was all but constant before does not speak for all
    ratio = np.exp(per_group(np.log(np.maximum(over(mine, expected), LEAST)), group_ptr))
    seen = np.where(np.isfinite(ratio), total(windows.astype(np.float64), group_ptr), 0.0)
    believed = seen / (seen + PRIOR_GROUP)
    prior: Floats = (believed * np.nan_to_num(ratio) + 1 - believed)[group] * expected

    def shrunk(sums: Floats, windows: Floats | Ints, prior: Floats) -> Floats:
        return (sums + PRIOR_WINDOWS * prior) / (windows + PRIOR_WINDOWS)

    every = sums.sum(1)
    # a single window leaves no other to judge it by: then it must not set the scale of its series either
    known = np.where(windows > 1, shrunk(every, windows, prior), prior)
    return known, shrunk(every[:, None] - sums, windows[:, None] - share, prior[:, None])


def _profile(size: Floats, group_ptr: Ints) -> Floats:
    """Mean size of the residuals at each step, pulled towards a power of the step where they are few. (groups, horizon)"""
    count = _of_groups(np.isfinite(size).sum(1).astype(np.float64), group_ptr)
    sums = _of_groups(np.nansum(size, 1), group_ptr)
    risen = np.nan_to_num(_power(over(sums, count), count), nan=1.0)
    pulled = (sums + PRIOR_STEP * risen) / (count + PRIOR_STEP)
    return np.nan_to_num(over(pulled, pulled.mean(1, keepdims=True)), nan=1.0)


def _of_groups(values: Floats, group_ptr: Ints) -> Floats:
    """Sum over the series of each group. (series, horizon) -> (groups, horizon)"""
    return np.ascontiguousarray(total(values.T, group_ptr).T)


def _power(size: Floats, count: Floats) -> Floats:
    """The growth c * step ** a, 0 <= a <= 1, that fits the sizes best; c alone where there are none. (groups, horizon)"""
    step = np.log(np.arange(1, size.shape[1] + 1))
    seen = size > 0
    weight, y = np.where(seen, count, 0.0), np.log(np.where(seen, size, 1.0))
    every = np.maximum(weight.sum(1, keepdims=True), 1e-12)
    x = step - (weight * step).sum(1, keepdims=True) / every
    rise = (weight * x * y).sum(1, keepdims=True) / ((weight * x**2).sum(1, keepdims=True) + PRIOR_RISE)
    shape: Floats = np.exp(np.clip(rise, 0, 1) * step)
    middle = over(np.nansum(size * count, 1), count.sum(1))
    return shape / over((weight * shape).sum(1), weight.sum(1))[:, None] * middle[:, None]


def _biases(standard: Floats, group_ptr: Ints, group: Ints) -> tuple[Floats, Floats]:
    """Bias of each series beyond its group's, and that of each window from the other windows. (series,), (series, windows)

    Empirical Bayes: the part of the differences between series that their windows do not explain is believed, the rest is not.
    """
    per_window = along(standard)
    some, middle = np.isfinite(per_window), along(per_window)
    count = some.sum(1)
    noise = over(np.nansum((per_window - middle[:, None]) ** 2, 1), np.where(count > 1, (count - 1) * count, np.nan).astype(np.float64))
    centre = per_group(middle, group_ptr)[group]
    few = np.bincount(group, np.isfinite(noise), minlength=len(group_ptr) - 1)[group] < 8
    between = per_group((middle - centre) ** 2 - noise, group_ptr)[group]
    real = np.where(few | ~(between > 0), 0.0, between)
    noise = np.where(np.isfinite(noise), noise, np.inf)
    believed = np.nan_to_num(over(real, real + noise))

    sums = np.nan_to_num(per_window)
    every = sums.sum(1)
    others = over(every[:, None] - sums, (count[:, None] - some).astype(np.float64))
    return np.nan_to_num(believed * (middle - centre)), np.nan_to_num((others - centre[:, None]) * believed[:, None])


def _pooled(standard: Floats, weight: Floats, group_ptr: Ints) -> Floats:
    """Quantiles of all residuals of each group at `LEVELS`, pulled towards the prior ones where they are few. (groups, levels)

    The level p of n independent residuals is the ((n + 1) p)-th of them, which has the part p + (p - 1/2) / n of them below: what a
    further, exchangeable one falls below with probability p. Residuals of one window resemble each other, so n counts them for as
    many as they are worth.
    """
    values, first, n, different = _sorted(standard, weight, group_ptr)
    worth = different / _resemblance(standard, group_ptr)[:, None]
    below = np.clip(LEVELS + (LEVELS - 0.5) / np.maximum(worth, 1e-9), 0, 1)
    place = np.clip(below * n - 0.5, 0, np.maximum(n - 1, 0))
    low = np.floor(place).astype(np.int64)
    here, there = (values[np.minimum(first + k, len(values) - 1)] for k in (low, np.minimum(low + 1, np.maximum(n - 1, 0))))
    edge = np.interp(worth / (worth + 1), LEVELS, NORMAL)
    found = here + (place - low) * (there - here) + np.sign(NORMAL) * np.maximum(np.abs(NORMAL) - edge, 0)
    # what the scale of a series rests on: its own residuals, and those that the prior counts for
    windows = np.maximum(_windows(standard, group_ptr), 1)
    prior = student((worth / np.maximum(np.diff(group_ptr), 1)[:, None]) * (1 + PRIOR_WINDOWS / windows)[:, None])
    return np.sort((worth * found + PRIOR_POOL * prior) / (worth + PRIOR_POOL), axis=1)


def _windows(standard: Floats, group_ptr: Ints) -> Floats:
    """Mean number of windows of the series of each group. (groups,)"""
    return np.nan_to_num(per_group(np.isfinite(standard).any(2).sum(1).astype(np.float64), group_ptr))


def _sorted(standard: Floats, weight: Floats, group_ptr: Ints) -> tuple[Floats, Ints, Ints, Floats]:
    """The known residuals of all groups, ascending within each and as often as their window counts for against the group's first one, then
    where each group begins, how many it has, and how many that count alike would say as much. (n + 1,), (groups, 1) x 3"""
    label = np.repeat(np.arange(len(group_ptr) - 1), np.diff(group_ptr) * standard.shape[1] * standard.shape[2])
    kept = np.isfinite(standard.ravel())
    often = np.broadcast_to(weight[:, None].astype(np.int64), standard.shape).ravel()[kept]
    values, label = standard.ravel()[kept], label[kept]
    first = np.full(len(group_ptr) - 1, often.max(initial=1))
    np.minimum.at(first, label, often)
    often = often // first[label]
    n, squares = (np.bincount(label, count, len(group_ptr) - 1)[:, None] for count in (often, often**2))
    order, whole = np.lexsort((values, label)), n.astype(np.int64)
    return np.append(np.repeat(values[order], often[order]), 0.0), np.cumsum(whole)[:, None] - whole, whole, n**2 / np.maximum(squares, 1)


def _resemblance(standard: Floats, group_ptr: Ints) -> Floats:
    """How many residuals of a window say as much as one independent residual: the geometric mean of what the steps of a series say, up to
    the horizon where they resemble each other, and of what all residuals of a group do, which a boom lifts and a slump lowers together.
    A few windows tell the latter badly, hence the mean. (groups,)"""
    seen = np.isfinite(standard)
    of_means = along(np.square(along(standard)) * seen.sum(-1))
    of_all = along(along(np.square(standard)))
    steps = np.clip(np.nan_to_num(over(per_group(of_means, group_ptr), per_group(of_all, group_ptr)), nan=1.0), 1, standard.shape[-1])
    count, sums, squares = (total(x.sum(2).T, group_ptr) for x in (seen.astype(np.float64), *_powers(standard)))
    series = over(along(over(sums**2, count), 0), over(*(np.ascontiguousarray(x.T).sum(1) for x in (squares, count))))
    return np.asarray(np.sqrt(steps * np.maximum(steps, np.nan_to_num(series))))


def _powers(values: Floats) -> tuple[Floats, Floats]:
    """The values and their squares, zero where missing."""
    known = np.nan_to_num(values)
    return known, np.square(known)


def _at(table: Floats, levels: Floats) -> Floats:
    """The table at other levels, interpolated; beyond its ends it goes on as the normal quantiles do. (groups, levels)"""
    inside = np.clip(levels, LEVELS[0], LEVELS[-1])
    right = np.clip(np.searchsorted(LEVELS, inside), 1, len(LEVELS) - 1)
    part = (inside - LEVELS[right - 1]) / (LEVELS[right] - LEVELS[right - 1])
    beyond = np.array([UNIT.inv_cdf(p) for p in levels]) - np.array([UNIT.inv_cdf(p) for p in inside])
    found: Floats = table[:, right - 1] * (1 - part) + table[:, right] * part + beyond
    return found
