"""The seasons of a series: those of the calendar that are there, and one that the calendar does not tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.features.stationarity import seasonal
from forecaster.profile.measures import moving, strength
from forecaster.table import Floats, Ints

STRONG = 0.3
"""Part of the variance that a season explains at least, of what shorter ones leave."""

CERTAIN = 4.0
"""Standard errors by which a season must stand out: many are looked at."""

CYCLES = 5
"""Times that a season nobody named must fit: walks have slow waves."""


def seasons_of(values: Floats, natural: Sequence[int]) -> Ints:
    """The seasons of series of one length, ascending; 0 for none. (series, natural + 1)

    Args:
        values: Nothing missing. (series, n)
        natural: Seasons that the calendar suggests, ascending; those that do not fit twice are left out.
    """
    k, n = values.shape
    found = np.zeros((k, len(natural) + 1), np.int64)
    smooth = moving(values, n // 4 | 1)  # what is slower cannot be told from a trend
    cut = (n - smooth.shape[1]) // 2
    left = values[:, cut : cut + smooth.shape[1]] - smooth
    for i, season in enumerate(natural):
        if 2 * season > n:
            continue
        mean = seasonal(left, season)
        there = _there(strength(left - mean, left, season), left.shape[1], season)
        found[there, i] = season
        left = left - np.where(there[:, None], mean, 0.0)
    found[:, -1] = _further(left, found[:, :-1])
    return np.sort(found, axis=1)


def _there(strength: Floats, n: int, season: int) -> NDArray[np.bool_]:
    """Whether a season is strong, and stands out by its F ratio too, whose variance is about 2 / (season - 1) + 2 / (n - season)."""
    ratio = (1 / np.maximum(1 - strength, 1e-12) - 1) * (n - 1) / (season - 1) + 1
    return np.asarray((strength >= STRONG) & (ratio >= 1 + CERTAIN * np.sqrt(2 / (season - 1) + 2 / max(n - season, 1))), np.bool_)


def _further(left: Floats, found: Ints) -> Ints:
    """A season that autocorrelation shows in what is left: the shortest lag with a peak close to the highest one. (series,)"""
    k, n = left.shape
    most = n // CYCLES
    if most < 4:
        return np.zeros(k, np.int64)
    power = np.abs(np.fft.rfft(left - left.mean(1, keepdims=True), 2 * n, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, : most + 1]
    own = correlation[:, :1]
    correlation = np.divide(correlation, own, out=np.zeros_like(correlation), where=own > 0)
    # fewer pairs at a longer lag: without this a longer peak looks lower than it is
    correlation *= n / (n - np.arange(most + 1))
    inner = correlation[:, 2:-1]
    peak = (inner > correlation[:, 1:-2]) & (inner >= correlation[:, 3:]) & (inner >= max(STRONG, CERTAIN / np.sqrt(n)))
    for season in found.T:
        rows = np.flatnonzero((season >= 2) & (season < inner.shape[1] + 2))
        peak[rows, season[rows] - 2] = False
    high = np.where(peak, inner, -np.inf).max(1, keepdims=True)
    first = np.argmax(peak & (inner >= 0.9 * high), axis=1) + 2
    return np.where(peak.any(1), first, 0)
