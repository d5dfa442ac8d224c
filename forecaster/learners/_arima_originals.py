"""The packages that ARIMA users come from, behind `engine=`: they estimate, series by series, and their numbers become our columns."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import MissingExtra
from forecaster.table import Floats, Table

FAILED = 4
"""Status of a series that the package could not fit."""


@dataclass(frozen=True)
class Wanted:
    """What to fit: the season, fixed orders (p, d, q, P, D, Q) with a constant or without, or the limits of a search."""

    period: int
    orders: tuple[int, ...]
    fixed: bool
    constant: bool = False


@dataclass(frozen=True)
class Found:
    """One fitted series: orders with constant, coefficients, mean of the differenced values, covariates, what the fit says of itself."""

    orders: tuple[int, ...]
    coefficients: Floats
    constant: float
    betas: Floats
    sigma2: float
    loglik: float
    aicc: float


Original = Callable[[Floats, Floats, Wanted], Found]


def refit(engine: str, table: Table, x: Floats, wanted: Wanted, columns: tuple[NDArray[np.int32], Floats, Floats, Floats]) -> None:
    """Put the estimates of a package where the native ones stand. Fixed orders stay, and with statsmodels, which has no search, those that
    were searched; whether there is a constant goes with them.

    Raises:
        MissingExtra: The package is not installed.
    """
    orders, coefficients, numbers, betas = columns
    original = ORIGINALS[engine]()
    for i in np.flatnonzero(numbers[:, 6] == 0):
        rows = slice(table.indptr[i], table.indptr[i + 1])
        own = ~np.isnan(x[rows]).all(axis=0)
        kept = wanted.fixed or engine != "pmdarima"
        one = Wanted(wanted.period, tuple(orders[i, :6].tolist()), True, bool(orders[i, 6])) if kept else wanted
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = original(table.target[rows], x[rows][:, own], one)
        except (ValueError, np.linalg.LinAlgError):
            numbers[i, 0], numbers[i, 6] = np.nan, FAILED
            continue
        orders[i], betas[i, own] = found.orders, found.betas
        coefficients[i] = np.pad(found.coefficients, (0, coefficients.shape[1] - len(found.coefficients)))
        numbers[i, :4] = found.constant, found.sigma2, found.loglik, found.aicc


def _statsmodels() -> Original:
    try:
        from statsmodels.tsa.arima.model import ARIMA
    except ModuleNotFoundError as error:
        raise MissingExtra.of("engine='statsmodels'", error.name, "statsmodels") from error

    def fit(y: Floats, x: Floats, wanted: Wanted) -> Found:
        p, d, q, P, D, Q = wanted.orders
        constant = wanted.constant and d + D < 2
        trend = ("c", "t")[d + D] if constant else "n"
        seasonal = (P, D, Q, wanted.period) if P + D + Q else (0, 0, 0, 0)
        told: Any = ARIMA(y, exog=x if x.shape[1] else None, order=(p, d, q), seasonal_order=seasonal, trend=trend).fit()
        values = np.asarray(told.params)
        level = values[0] * (wanted.period if D and not d else 1) if constant else 0.0
        first = int(constant) + x.shape[1]
        return Found(
            (*wanted.orders, int(constant)), values[first:-1], level, values[int(constant) : first], values[-1], told.llf, told.aicc
        )  # fmt: skip

    return fit


def _pmdarima() -> Original:
    try:
        from pmdarima import ARIMA, auto_arima
    except ModuleNotFoundError as error:
        raise MissingExtra.of("engine='pmdarima'", error.name, "pmdarima") from error

    def fit(y: Floats, x: Floats, wanted: Wanted) -> Found:
        columns = x if x.shape[1] else None
        if wanted.fixed:
            p, d, q, P, D, Q = wanted.orders
            seasonal = (P, D, Q, wanted.period) if P + D + Q else (0, 0, 0, 0)
            told = ARIMA((p, d, q), seasonal, with_intercept=wanted.constant, suppress_warnings=True).fit(y, X=columns)
        else:
            told = auto_arima(y, X=columns, error_action="ignore", suppress_warnings=True, **_search(wanted))
        result: Any = told.arima_res_
        values, k = np.asarray(result.params), x.shape[1]
        (p, d, q), (P, D, Q, _) = told.order, told.seasonal_order
        constant = int(bool(told.with_intercept) and d + D < 2)
        coefficients = values[int(told.with_intercept) + k : -1]
        # Its intercept stands in the equation of the differences; ours is their mean.
        damping = (1 - coefficients[:p].sum()) * (1 - coefficients[p + q : p + q + P].sum())
        level = values[0] / damping if constant else 0.0
        betas = values[int(told.with_intercept) : int(told.with_intercept) + k]
        return Found((p, d, q, P, D, Q, constant), coefficients, level, betas, values[-1], result.llf, result.aicc)

    return fit


def _search(wanted: Wanted) -> dict[str, Any]:
    """The limits of a search, which may lie below where that package begins."""
    p, d, q, P, D, Q = wanted.orders
    limits = {"p": p, "q": q, "P": P, "Q": Q}
    start = {f"start_{name}": min(limit, 2 if name in "pq" else 1) for name, limit in limits.items()}
    season = {"m": wanted.period, "seasonal": wanted.period > 1}
    return season | start | {f"max_{name}": limit for name, limit in limits.items()} | {"max_d": d, "max_D": D}


ORIGINALS: dict[str, Callable[[], Original]] = {"pmdarima": _pmdarima, "statsmodels": _statsmodels}
