"""What undoing a transform of the target takes: forecasts changed by a number per series, or phase by phase."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from forecaster.protocols import Forecast
from forecaster.table import Floats, Table


class Change(Protocol):
    def __call__(self, values: Floats, per_series: Floats, /) -> Floats: ...


class Phase(Protocol):
    def __call__(self, block: Floats, phase: int, /) -> Floats: ...


def changed(forecast: Forecast, per_series: Floats, change: Change) -> Forecast:
    """The forecast with mean and quantiles changed by a number per series."""
    mean = change(forecast.mean, per_series[:, None])
    quantiles = None if forecast.quantiles is None else change(forecast.quantiles, per_series[:, None, None])
    return replace(forecast, mean=mean, quantiles=quantiles)


def by_phase(values: Floats, lag: int, change: Phase) -> Floats:
    """Steps 1, 1 + lag, 1 + 2 lag ... changed together, then 2, 2 + lag ... (series, steps, ...)"""
    out = np.empty_like(values)
    for phase in range(min(lag, values.shape[1])):
        out[:, phase::lag] = change(values[:, phase::lag], phase)
    return out


def carried_last(table: Table, lag: int) -> Floats:
    """The last `lag` values of each series; for a missing one the newest observed a whole number of lags earlier. (series, lag)"""
    base = table.last(lag)
    at = table.indptr[1:, None] - np.arange(lag, 0, -1)
    for _ in range(int(table.sizes.max(initial=0)) // lag):
        missing = np.isnan(base)
        if not missing.any():
            break
        at = at - lag
        inside = missing & (at >= table.indptr[:-1, None])
        base[inside] = table.target[at[inside]]
    return np.asarray(base, np.float64)
