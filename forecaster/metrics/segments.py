"""Sums and extremes over the series of a flat array, or over the groups of a series axis."""

from __future__ import annotations

import numpy as np

from forecaster.table import Floats, Ints


def reduce(ufunc: np.ufunc, values: Floats, ptr: Ints, neutral: float) -> Floats:
    """Reduce `values[..., ptr[i]:ptr[i + 1]]` for every i; `neutral` changes no result and stands for empty segments."""
    pad = np.full((*values.shape[:-1], 1), neutral)
    out: Floats = ufunc.reduceat(np.concatenate([values, pad], axis=-1), ptr[:-1], axis=-1)
    out[..., np.diff(ptr) == 0] = neutral
    return out


def total(values: Floats, ptr: Ints) -> Floats:
    """Sum of each segment, NaN skipped."""
    return reduce(np.add, np.where(np.isnan(values), 0.0, values), ptr, 0.0)


def mean(values: Floats, ptr: Ints) -> Floats:
    """Mean of each segment, NaN skipped; NaN where nothing is left."""
    count = reduce(np.add, (~np.isnan(values)).astype(np.float64), ptr, 0.0)
    return _ratio(total(values, ptr), count)


def along(values: Floats, axis: int = -1) -> Floats:
    """Mean along one axis, NaN skipped; NaN where nothing is left."""
    count = np.asarray((~np.isnan(values)).sum(axis))
    return _ratio(np.nansum(values, axis), count)


def _ratio(sums: Floats, count: Floats) -> Floats:
    out: Floats = np.divide(sums, count, out=np.full(count.shape, np.nan), where=count > 0)
    return out
