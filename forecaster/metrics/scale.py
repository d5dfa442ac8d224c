"""What errors are divided by: the scale of each series in its training values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forecaster._native import scan
from forecaster.metrics.segments import reduce
from forecaster.table import Floats, Ints, Table


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
        sizes, squares = changes(table, [table.season_length, 1])
        with np.errstate(over="ignore"):  # of values beyond 1e154
            return cls(spread, _first(*sizes, spread), _first(*squares, spread**2))

    def take(self, which: ArrayLike) -> Scale:
        """The scale of the series `which` (indices or a mask)."""
        chosen = np.asarray(which)
        return Scale(self.range[chosen], self.mae[chosen], self.mse[chosen])


def _range(table: Table) -> Floats:
    low, high = (reduce(extreme, table.target, table.indptr, np.nan) for extreme in (np.fmin, np.fmax))
    with np.errstate(over="ignore"):
        return _first(high - low, np.fmax(np.abs(low), np.abs(high)), np.ones(len(table)))


def changes(table: Table, lags: Sequence[int] | Ints) -> tuple[Floats, Floats]:
    """Mean absolute and mean squared difference of values some steps apart in each series; NaN where none is known. (lags, series) each"""
    sizes, squares = np.empty((2, len(lags), len(table)))
    scan.changes(np.ascontiguousarray(table.target), table.indptr, np.asarray(lags, np.int64), sizes, squares)
    return sizes, squares


def _first(*choices: Floats) -> Floats:
    """The first of the choices that is above zero, per series."""
    out = choices[0]
    for choice in choices[1:]:
        out = np.where(out > 0, out, choice)
    return out
