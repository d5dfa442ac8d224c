"""Metrics of regression: of truth and value, both (rows,)."""

from __future__ import annotations

import numpy as np

from forecaster.table import Floats


def _range(truth: Floats) -> float:
    """Range of the truth; its largest absolute value where that is zero, and one where that is zero too."""
    return float(np.ptp(truth) or np.abs(truth).max(initial=0.0) or 1.0)


def mae(truth: Floats, value: Floats) -> float:
    """Mean absolute error."""
    return float(np.abs(truth - value).mean())


def rmse(truth: Floats, value: Floats) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.square(truth - value).mean()))


def median_absolute_error(truth: Floats, value: Floats) -> float:
    """Median absolute error."""
    return float(np.median(np.abs(truth - value)))


def mape(truth: Floats, value: Floats) -> float:
    """Mean absolute error over the absolute truth, of the rows whose truth is not zero; NaN where there are none."""
    there = truth != 0
    return float((np.abs(truth - value)[there] / np.abs(truth[there])).mean()) if there.any() else float("nan")


def rmsle(truth: Floats, value: Floats) -> float:
    """Root mean squared error of ln(1 + x), with predictions no lower than zero; NaN where a truth is negative."""
    if (truth < 0).any():
        return float("nan")
    return rmse(np.log1p(truth), np.log1p(np.maximum(value, 0.0)))


def nrmse(truth: Floats, value: Floats) -> float:
    """Root mean squared error over the range of the truth."""
    return rmse(truth, value) / _range(truth)


def nmae(truth: Floats, value: Floats) -> float:
    """Mean absolute error over the range of the truth."""
    return mae(truth, value) / _range(truth)


def normalized_median_absolute_error(truth: Floats, value: Floats) -> float:
    """Median absolute error over the range of the truth."""
    return median_absolute_error(truth, value) / _range(truth)


def nrmsle(truth: Floats, value: Floats) -> float:
    """Root mean squared error of ln(1 + x) over the range of the truth."""
    return rmsle(truth, value) / _range(truth)


def explained_variance(truth: Floats, value: Floats) -> float:
    """Share of the variance that the error does not have."""
    spread = float(np.var(truth))
    return 1.0 - float(np.var(truth - value)) / spread if spread > 0 else 0.0


def r2(truth: Floats, value: Floats) -> float:
    """Share of the variance explained, clipped to [-1, 1]."""
    spread = np.square(truth - truth.mean()).sum()
    return float(np.clip(1.0 - np.square(truth - value).sum() / spread, -1.0, 1.0)) if spread > 0 else 0.0


def spearman(truth: Floats, value: Floats) -> float:
    """Correlation of the ranks; 0 where one of them does not vary."""
    a, b = _ranks(truth), _ranks(value)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place], np.float64)


ERRORS = (mae, rmse, median_absolute_error, mape, rmsle, nrmse, nmae, normalized_median_absolute_error, nrmsle)
