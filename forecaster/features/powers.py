"""The power of a Box-Cox transform that evens out the spread of a series (Guerrero 1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Floats, Table

POWERS = np.linspace(0, 1, 41)
"""Powers that `BoxCox` chooses from. Negative ones put a ceiling over forecasts, those above 1 are of no use to growing series."""


def guerrero(table: Table) -> Floats:
    """The power of POWERS that makes sd / mean^(1 - power) of whole seasons vary least; 1 where there are fewer than two. (series,)"""
    period = max(table.season_length, 2)
    behind = np.repeat(table.indptr[1:], table.sizes) - 1 - np.arange(len(table.target))
    seasons = table.sizes // period
    cell = np.repeat(np.cumsum(seasons) - 1, table.sizes) - behind // period
    whole = behind < (seasons * period)[table.series]
    owner, room = np.repeat(np.arange(len(table)), seasons), int(seasons.sum())
    means = np.bincount(cell[whole], table.target[whole], room) / period
    with np.errstate(over="ignore", invalid="ignore"):  # seasons of values beyond 1e150 have no spread that is a number
        spread = np.sqrt(np.bincount(cell[whole], (table.target[whole] - means[cell[whole]]) ** 2, room) / (period - 1))
        usable = np.isfinite(spread) & (spread > 0)
        count = np.bincount(owner[usable], minlength=len(table))
        scores = [_variation(spread[usable] / means[usable] ** (1 - power), owner[usable], count) for power in POWERS]
    return np.where(count > 1, POWERS[np.argmin(scores, axis=0)], 1.0) if len(table) else np.zeros(0)


def _variation(ratios: Floats, owner: NDArray[np.int64], count: NDArray[np.int64]) -> Floats:
    """Coefficient of variation of the ratios of each series. (series,)"""
    n = np.maximum(count, 1)
    mean = np.bincount(owner, ratios, len(count)) / n
    square = np.bincount(owner, (ratios - mean[owner]) ** 2, len(count)) / n
    return np.asarray(np.sqrt(square) / np.where(mean > 0, mean, 1.0))
