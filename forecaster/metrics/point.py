"""Metrics of point forecasts: (..., steps) to (...); steps whose actual is NaN are skipped, no step left gives NaN.

Definitions: the regression metrics of Azure AutoML (normalised per series by the range of the training values, r2 clipped to
[-1, 1]); MASE and RMSSE of Hyndman and Koehler (2006) and the M5 guide. Percentages are fractions: 0.1 is ten percent.
"""

from __future__ import annotations

import numpy as np

from forecaster.metrics.scale import Scale
from forecaster.metrics.segments import along
from forecaster.table import Floats

WIDE, NARROW = 1e160, 1e-140
"""What errors are divided by before they are squared, where their squares are beyond all numbers; below what they are multiplied by it."""


def mae(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Mean absolute error."""
    return along(np.abs(actual - forecast))


def mse(actual: Floats, forecast: Floats) -> Floats:
    """Mean squared error."""
    with np.errstate(over="ignore"):
        return along((actual - forecast) ** 2)


def root_mse(actual: Floats, forecast: Floats) -> Floats:
    """Root of the mean squared error, also of errors whose squares are beyond all numbers, or below them."""
    root = np.asarray(np.sqrt(mse(actual, forecast)))
    actual, forecast = np.broadcast_arrays(actual, forecast)
    for unit, lost in ((WIDE, np.isinf(root)), (1 / WIDE, root < NARROW)):
        if lost.any():
            root[lost] = unit * np.sqrt(mse(actual[lost] / unit, forecast[lost] / unit))
    return root[()]


def rmse(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Root of the mean squared error."""
    return root_mse(actual, forecast)


def nmae(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Mean absolute error over the range of the training values."""
    return mae(actual, forecast, scale) / scale.range


def nrmse(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Root mean squared error over the range of the training values."""
    return rmse(actual, forecast, scale) / scale.range


def mase(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Mean absolute error over that of the seasonal naive forecast within the training values."""
    return mae(actual, forecast, scale) / scale.mae


def rmsse(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Root of the mean squared error over that of the seasonal naive forecast within the training values."""
    return np.sqrt(mse(actual, forecast) / scale.mse)


def mape(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Mean of the absolute errors as parts of the actual; steps whose actual is 0 are skipped."""
    size = np.where(actual == 0, np.nan, np.abs(actual))
    return along(np.abs(actual - forecast) / size)


def smape(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Mean of twice the absolute error over the sum of the sizes of actual and forecast (0 to 2); 0 where both are 0."""
    size = np.abs(actual) + np.abs(forecast)
    return along(2 * np.abs(actual - forecast) / np.where(size == 0, 1, size))


def wape(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Sum of the absolute errors over the sum of the absolute actuals; NaN where all actuals are 0."""
    size = along(np.abs(actual))
    return mae(actual, forecast, scale) / np.where(size == 0, np.nan, size)


def bias(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Mean of forecast less actual: above 0 is too high."""
    return along(forecast - actual)


def r2(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Part of the variance that is explained, clipped to [-1, 1]; of constant actuals 1 if all are hit and 0 otherwise."""
    error = mse(actual, forecast)
    variance = mse(actual, along(actual)[..., None])
    part = 1 - error / np.where(variance == 0, 1, variance)
    return np.clip(np.where(variance == 0, (error == 0).astype(np.float64), part), -1, 1)


def spearman(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
    """Correlation of the ranks; 0 where the forecast is constant, NaN where the actuals are."""
    a, f = (_ranks(np.where(np.isnan(actual), np.nan, x)) for x in (actual, forecast))
    a, f = a - along(a)[..., None], f - along(f)[..., None]
    spread_a, spread_f = along(a * a), along(f * f)
    root = np.sqrt(np.where(spread_f > 0, spread_a * spread_f, 1))
    return np.where(spread_a > 0, along(a * f) / root, np.nan)


def _ranks(values: Floats) -> Floats:
    """Ranks along the last axis, ties share their mean rank, NaN stays NaN."""
    order = np.argsort(values, axis=-1)
    ascending = np.take_along_axis(values, order, -1)
    run = np.cumsum(np.diff(ascending, prepend=np.nan, axis=-1).ravel() != 0) - 1
    place = np.broadcast_to(np.arange(values.shape[-1]), values.shape).ravel()
    shared = (np.bincount(run, place) / np.bincount(run))[run]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, shared.reshape(values.shape), -1)
    return np.where(np.isnan(values), np.nan, ranks)
