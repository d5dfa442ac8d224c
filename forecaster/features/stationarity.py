"""Whether a series keeps its level: the test of Kwiatkowski, Phillips, Schmidt & Shin (1992), the season aside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecaster.guardrails import fill
from forecaster.table import Floats, Table

KPSS_5 = 0.463
"""Critical value of a stationary level at 5%."""

LEAST = 8
"""Values that a series has at least, or nothing is said of it."""


def seasonal(values: Floats, season: int) -> Floats:
    """The mean of each place in the season, repeated. (series, n)"""
    if season < 2:
        return np.zeros_like(values)
    k, n = values.shape
    whole = np.pad(values, ((0, 0), (0, -n % season))).reshape(k, -1, season)
    count = np.bincount(np.arange(n) % season, minlength=season)
    mean = whole.sum(1) / np.maximum(count, 1)
    mean -= mean.mean(1, keepdims=True)
    return np.tile(mean, (1, -(-n // season)))[:, :n]


def ratio(above: Floats, below: Floats) -> Floats:
    """The ratio, 0 where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.zeros(len(below)), where=below > 0), np.float64)


def kpss(values: Floats, season: int) -> Floats:
    """The statistic of the test, without the season; trunc(3 sqrt(n) / 13) lags, as R's ndiffs, at least one. (series,)

    Args:
        values: Series of one length, nothing missing. (series, n)
        season: Steps in one season; 1 for none.
    """
    error = values - seasonal(values, season)
    error -= error.mean(1, keepdims=True)
    n = error.shape[1]
    lags = max(1, int(3 * np.sqrt(n) / 13))
    long_run = (error**2).sum(1)
    for lag in range(1, lags + 1):
        long_run += 2 * (1 - lag / (lags + 1)) * (error[:, lag:] * error[:, :-lag]).sum(1)
    sums = (np.cumsum(error, axis=1) ** 2).sum(1)
    return ratio(sums, n * long_run)


def season_within(table: Table, n: int) -> int:
    """Steps in a season of series of n values; 1 where two do not fit."""
    return table.season_length if 2 * table.season_length < n else 1


def wanders(table: Table) -> NDArray[np.bool_]:
    """Series that do not keep a level, at 5%, and vary less from step to step than about it, the season aside: in a long series the test
    sees levels move that noise hides. Missing values count as the last known one. (series,)"""
    found = np.zeros(len(table), bool)
    filled = fill(table.target, table.indptr)
    with np.errstate(over="ignore", invalid="ignore"):  # squares beyond the range of numbers tell nothing
        for which, at in table.alike(LEAST):
            season = season_within(table, at.shape[1])
            rest = filled[at] - seasonal(filled[at], season)
            found[which] = (kpss(filled[at], season) > KPSS_5) & (np.diff(rest).var(1) < rest.var(1))
    return found
