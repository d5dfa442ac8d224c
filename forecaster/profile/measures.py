"""What a series is like: a function per measure, over all series of one length at once.

Sources: Syntetos, Boylan & Croston (2005) for the kind of demand; Wang, Smith & Hyndman (2006) for the strength of trend and season, here
with degrees of freedom, as long seasons explain noise; Kwiatkowski et al. (1992) for the test of a stationary level; Goerg (2013) for the
entropy of the spectrum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecaster.features.stationarity import KPSS_5, kpss, ratio, seasonal
from forecaster.table import Floats

ADI, CV2 = 1.32, 0.49
"""Demand is intermittent from this many steps per sale on, and erratic from this variation of its sizes on."""

KINDS = ("smooth", "erratic", "intermittent", "lumpy")


@dataclass(frozen=True, eq=False)
class Alike:
    """Series of one length, and what they are made of.

    Args:
        values: Nothing missing. (series, n)
        known: Which values were not missing. (series, n)
        season: Steps in one season; 1 for none, or where two do not fit.
    """

    values: Floats
    known: NDArray[np.bool_]
    season: int

    @cached_property
    def trend(self) -> Floats:
        """A centred moving average over a season, or over seven values; as long as the series without half a window at both ends."""
        return moving(self.values, self.window)

    @property
    def window(self) -> int:
        return self.season if self.season > 1 else min(7, max(1, self.values.shape[1] // 2))

    @cached_property
    def around(self) -> Floats:
        """The values beside the trend."""
        cut = (self.values.shape[1] - self.trend.shape[1]) // 2
        return self.values[:, cut : cut + self.trend.shape[1]] - self.trend

    @cached_property
    def seasonal(self) -> Floats:
        """The mean season of the values beside the trend."""
        return seasonal(self.around, self.season)

    @cached_property
    def rest(self) -> Floats:
        return self.around - self.seasonal


def moving(values: Floats, window: int) -> Floats:
    """Centred moving averages, of an even window the mean of the two about the middle. (series, n) -> (series, about n - window)"""
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    mean = (sums[:, window:] - sums[:, :-window]) / window
    return mean if window % 2 else (mean[:, 1:] + mean[:, :-1]) / 2


def strength(rest: Floats, with_it: Floats, taken: int) -> Floats:
    """The part of the variance that is gone in the rest, of which `taken` numbers were fitted; 0 for none. (series,)"""
    n = rest.shape[1]
    left, all_of_it = rest.var(1) * n / max(n - taken, 1), with_it.var(1) * n / max(n - 1, 1)
    return np.where(all_of_it > 0, np.clip(1 - ratio(left, all_of_it), 0, 1), 0.0)


def _known(one: Alike) -> Floats:
    return np.asarray(one.known.sum(1), np.float64)


def _missing(one: Alike) -> Floats:
    return np.asarray(1 - one.known.mean(1), np.float64)


def _zeros(one: Alike) -> Floats:
    return np.asarray((one.known & (one.values == 0)).sum(1) / np.maximum(_known(one), 1), np.float64)


def _adi(one: Alike) -> Floats:
    """Mean number of steps from one value that is not zero to the next."""
    return np.asarray(_known(one) / np.maximum((one.known & (one.values != 0)).sum(1), 1), np.float64)


def _cv2(one: Alike) -> Floats:
    """Squared coefficient of variation of the values that are not zero."""
    sold = one.known & (one.values != 0)
    count = np.maximum(sold.sum(1), 1)
    mean = np.where(sold, one.values, 0).sum(1) / count
    variance = np.where(sold, (one.values - mean[:, None]) ** 2, 0).sum(1) / count
    return ratio(variance, mean**2)


def _demand(one: Alike) -> Floats:
    """Place among KINDS."""
    return np.asarray((_cv2(one) > CV2) + 2.0 * (_adi(one) > ADI), np.float64)


def _trend(one: Alike) -> Floats:
    return strength(one.rest, one.trend + one.rest, one.season)


def _season(one: Alike) -> Floats:
    return strength(one.rest, one.around, one.season)


def _entropy(one: Alike) -> Floats:
    """Of the spectrum, between 0 for a pure wave and about 1 for noise."""
    power = np.abs(np.fft.rfft(one.values - one.values.mean(1, keepdims=True), axis=1)[:, 1:]) ** 2
    total = power.sum(1, keepdims=True)
    share = np.divide(power, total, out=np.full_like(power, 1 / power.shape[1]), where=total > 0)
    return np.asarray(-(share * np.log(np.maximum(share, 1e-300))).sum(1) / np.log(max(power.shape[1], 2)), np.float64)


def _acf1(one: Alike) -> Floats:
    """Correlation of a value with the one before."""
    centred = one.values - one.values.mean(1, keepdims=True)
    own = (centred**2).sum(1)
    return ratio((centred[:, 1:] * centred[:, :-1]).sum(1), own)


def _kpss(one: Alike) -> Floats:
    return kpss(one.values, one.season)


def _stationary(one: Alike) -> Floats:
    return (_kpss(one) < KPSS_5).astype(np.float64)


MEASURES: dict[str, Callable[[Alike], Floats]] = {
    "known": _known,
    "missing": _missing,
    "zeros": _zeros,
    "adi": _adi,
    "cv2": _cv2,
    "demand": _demand,
    "trend": _trend,
    "season": _season,
    "entropy": _entropy,
    "acf1": _acf1,
    "kpss": _kpss,
    "stationary": _stationary,
}
"""What is measured: one number per series."""
