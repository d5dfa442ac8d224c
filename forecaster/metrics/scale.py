"""What errors are divided by: the scale of each series in its training values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forecaster.metrics.segments import mean, reduce
from forecaster.table import Floats, Table


@dataclass(frozen=True, eq=False)
class Scale:
    """Scale of each series, from training values only; never zero, never NaN.

    Args:
        range: Largest less smallest value; where that is 0 the largest absolute value, or 1. (series,)
        mae: Mean absolute difference to the value one season before. (series,)
        mse: Mean squared difference to the value one season before. (series,)
    """

    range: Floats
    mae: Floats
    mse: Floats

    @classmethod
    def of(cls, table: Table) -> Scale:
        """Measure the training values of each series.

        A series without seasonal differences (too short, or repeating itself exactly) takes those of one step, then its range.
        """
        spread = _range(table)
        season, step = differences(table, table.season_length), differences(table, 1)
        mae = _first(mean(np.abs(season), table.indptr), mean(np.abs(step), table.indptr), spread)
        mse = _first(mean(season**2, table.indptr), mean(step**2, table.indptr), spread**2)
        return cls(spread, mae, mse)

    def take(self, which: ArrayLike) -> Scale:
        """The scale of the series `which` (indices or a mask)."""
        chosen = np.asarray(which)
        return Scale(self.range[chosen], self.mae[chosen], self.mse[chosen])


def _range(table: Table) -> Floats:
    low, high = (reduce(extreme, table.target, table.indptr, np.nan) for extreme in (np.fmin, np.fmax))
    return _first(high - low, np.fmax(np.abs(low), np.abs(high)), np.ones(len(table)))


def differences(table: Table, lag: int) -> Floats:
    """Each value less the one `lag` steps before it in the same series, NaN where there is none. (rows,)"""
    out = np.full(len(table.target), np.nan)
    if lag < len(out):
        out[lag:] = table.target[lag:] - table.target[:-lag]
    heads = np.minimum(table.sizes, lag)
    out[np.arange(heads.sum()) + np.repeat(table.indptr[:-1] - (np.cumsum(heads) - heads), heads)] = np.nan
    return out


def _first(*choices: Floats) -> Floats:
    """The first of the choices that is above zero, per series."""
    out = choices[0]
    for choice in choices[1:]:
        out = np.where(out > 0, out, choice)
    return out
