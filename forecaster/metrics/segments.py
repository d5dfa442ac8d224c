"""Sums and extremes over the series of a flat array, or over the groups of a series axis.

A sum of floats depends on the order in which they are added. Here that order is a segment's own: neither its place nor its
neighbours, nor the memory layout of the array, move a bit.
"""

from __future__ import annotations

import numpy as np

from forecaster.table import Floats, Ints


def reduce(ufunc: np.ufunc, values: Floats, ptr: Ints, neutral: float) -> Floats:
    """Reduce `values[..., ptr[i]:ptr[i + 1]]` for every i; `neutral` stands for empty segments."""
    out = np.full((*values.shape[:-1], len(ptr) - 1), neutral, np.float64)
    filled = np.flatnonzero(np.diff(ptr))
    if len(filled):
        out[..., filled] = ufunc.reduceat(values[..., : ptr[-1]], ptr[filled], axis=-1)
    return out


def total(values: Floats, ptr: Ints) -> Floats:
    """Sum of each segment, NaN skipped."""
    return reduce(np.add, np.where(np.isnan(values), 0.0, values), ptr, 0.0)


def mean(values: Floats, ptr: Ints) -> Floats:
    """Mean of each segment, NaN skipped; NaN where nothing is left."""
    missing = np.isnan(values)
    count = np.diff(ptr) - reduce(np.add, missing.astype(np.float64), ptr, 0.0)
    return _ratio(reduce(np.add, np.where(missing, 0.0, values), ptr, 0.0), count)


def along(values: Floats, axis: int = -1) -> Floats:
    """Mean along one axis, NaN skipped; NaN where nothing is left."""
    values = np.ascontiguousarray(np.moveaxis(values, axis, -1))
    return _ratio(np.nansum(values, -1), np.asarray((~np.isnan(values)).sum(-1)))


def _ratio(sums: Floats, count: Floats) -> Floats:
    out: Floats = np.divide(sums, count, out=np.full(count.shape, np.nan), where=count > 0)
    return out
