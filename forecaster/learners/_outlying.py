"""Spikes and shifts of level in series of one length, by medians, so that what is found does not hide what is sought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forecaster.table import Floats, Ints

Mask = NDArray[np.bool_]

AROUND = 7
"""Values whose median a spike stands out from."""

FAR = 6.0
"""How far out, in robust standard deviations."""

SHARE = 0.02
"""Part of the values that may be spikes; where more stand out, that is what the series is like."""

FLAT = 4.0
"""Times that a shift is larger than what goes on before and after it: a trend is no shift."""

SHIFTS = 3
"""Shifts of a series at most, the largest first."""


def spikes(values: Floats, known: Mask, season: int, years: Sequence[tuple[int, int]] = ()) -> tuple[Mask, Floats]:
    """Values that stand out by themselves, at most two in a row, and not at the same time of another year.

    Args:
        values: Nothing missing. (series, n)
        known: Which of them were not missing. (series, n)
        season: Steps in one season; 1 for none.
        years: Steps in longer seasons, and how many steps their peaks move.

    Returns:
        Where they are, and the robust standard deviation of each series. (series, n), (series,)
    """
    padded = np.pad(values, ((0, 0), (AROUND // 2, AROUND // 2)), mode="reflect")
    off = without_season(values - np.median(sliding_window_view(padded, AROUND, axis=1), axis=-1), season)
    deviation = 1.4826 * np.median(np.abs(off), axis=1)
    found = (np.abs(off) > FAR * deviation[:, None]) & (deviation > 0)[:, None] & known
    lasting = found[:, :-2] & found[:, 1:-1] & found[:, 2:]
    for shift in range(3):
        found[:, shift : shift + lasting.shape[1]] &= ~lasting
    found[found.sum(1) > np.maximum(1, SHARE * values.shape[1])] = False
    return found & ~_repeated(found, years), deviation


def without_season(values: Floats, season: int) -> Floats:
    """The values less the median of their place in the season; as they are where three seasons do not fit. (series, n)"""
    if season < 2 or 3 * season > values.shape[1]:
        return values
    left = values.copy()
    for place in range(season):
        left[:, place::season] -= np.median(values[:, place::season], axis=1, keepdims=True)
    return left


def shifts(values: Floats, deviation: Floats, season: int) -> tuple[Ints, Floats, Floats]:
    """Steps at which the level changes for good, between two stretches that are flat by comparison.

    Args:
        values: Nothing missing, no spikes. (series, n)
        deviation: Robust standard deviation of each series. (series,)
        season: Steps in one season.

    Returns:
        First value of the new level, 0 where there is none, ascending; the level before and after. (series, SHIFTS) each
    """
    k, n = values.shape
    w = max(2 * season, 12)
    at, before, after = np.zeros((k, SHIFTS), np.int64), np.zeros((k, SHIFTS)), np.zeros((k, SHIFTS))
    if n < 4 * w:
        return at, before, after
    plain = without_season(values, season)
    sums = np.cumsum(np.pad(plain, ((0, 0), (1, 0))), axis=1)
    mean = (sums[:, w:] - sums[:, :-w]) / w  # mean[:, t] is that of the values t to t + w - 1
    left, low, high, right = (mean[:, i * w : mean.shape[1] - (3 - i) * w] for i in range(4))
    jump = np.abs(high - low)
    going = np.maximum(np.abs(low - left), np.abs(right - high))
    # Walks and trends jump all the time. A series of a few windows jumps at its shift nearly everywhere: values a window apart tell there.
    walked = np.sqrt(2 / 3) * np.median(np.abs(plain[:, w:] - plain[:, :-w]), axis=1)
    usual = np.maximum(deviation, np.minimum(np.median(jump, axis=1), walked))[:, None]
    jump[~((jump > FAR * usual) & (jump > FLAT * going) & (usual > 0))] = 0.0
    rows = np.arange(k)
    for i in range(SHIFTS):
        best = jump.argmax(1)
        there = jump[rows, best] > 0
        at[there, i] = best[there] + 2 * w
        before[there, i], after[there, i] = low[rows, best][there], high[rows, best][there]
        near = np.abs(np.arange(jump.shape[1]) - best[:, None]) < 2 * w
        jump[near] = 0.0
    order = np.argsort(at, axis=1, kind="stable")
    return np.take_along_axis(at, order, 1), np.take_along_axis(before, order, 1), np.take_along_axis(after, order, 1)


def moves(values: Floats, before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """What takes values from a level to the one after: a factor where all values of a series are above zero, else a difference.

    Args:
        values: NaN where missing. (series, n)
        before: The level before each shift, 0 for none. (series, SHIFTS)
        after: The level after it, likewise.

    Returns:
        Factors and differences. (series, SHIFTS) each
    """
    lowest = np.min(values, axis=1, where=np.isfinite(values), initial=np.inf)
    scaled = (lowest > 0)[:, None] & (before > 0) & (after > 0)
    return np.where(scaled, after / np.where(scaled, before, 1.0), 1.0), np.where(scaled, 0.0, after - before)


def _repeated(found: Mask, years: Sequence[tuple[int, int]]) -> Mask:
    """What was found a year before or after something else that was. (series, n)"""
    again = np.zeros_like(found)
    for year, loose in years:
        for lag in range(year - loose, year + loose + 1):
            if 0 < lag < found.shape[1]:
                again[:, lag:] |= found[:, :-lag]
                again[:, :-lag] |= found[:, lag:]
    return found & again
