"""Seasonal ARIMA with automatic orders, all series in one native call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecaster._native import arima as native
from forecaster.archive import columns, storable
from forecaster.errors import SettingsError, UnknownName
from forecaster.guardrails import expect_history
from forecaster.learners._arima_originals import FAILED, ORIGINALS, Wanted, refit
from forecaster.learners._errors import apart
from forecaster.learners._local import NOTHING_OBSERVED, ascending, expect_period, season
from forecaster.learners._regressors import Regressors
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Parts, Traits, joined
from forecaster.table import Floats, Future, Ints, Table

BOUNDARIES = ("reject", "accept", "seasonal")
ENGINES = ("native", *ORIGINALS)
ORDERS = ("p", "d", "q", "seasonal_p", "seasonal_d", "seasonal_q", "constant")
NUMBERS = ("mean", "sigma2", "loglik", "aicc", "observed", "tried", "status", "missing_at_end", "span")
MODELS = 94
"""Candidates tried at most, as in R."""
NOTHING = 3
"""The status of a row without a model."""
REASONS = {NOTHING: NOTHING_OBSERVED, FAILED: "the engine could not fit it; leave engine='native'"}
LARGEST = 1e300
"""An AICc that stands for one without bounds."""
NOT_FINITE = "its forecast is not a finite number; check the series for values that differ by many orders of magnitude"


@storable
@dataclass(frozen=True)
class Arima:
    """ARIMA by exact maximum likelihood; orders by stepwise search on AICc, differences by KPSS and the strength of the season.

    The best models of a series forecast together, step by step: the weighted mean of what they expect one step ahead is the forecast of
    that step, and every model goes on as if it had been observed. So one recursion says all steps, and past the horizon forecasts are what
    follows once those before them are history (nearly, where values are missing: a filter then weighs what comes next otherwise).

    Missing values are skipped exactly. Known covariates enter as regression with ARIMA errors.

    `boundary` says what becomes of a candidate whose likelihood is best at the edge, with a root 1 / n (at most 1%) from the circle. R
    rejects every one ("reject"); with an exact optimiser that throws away good seasonal models, whose seasonal moving average often is
    at its edge because the season hardly changes. Accepting all ("accept") has the best AICc and forecasts worse: an AR or plain MA
    root there is a sign of one difference too few or too many. "seasonal" accepts what says that a season stays, a seasonal moving
    average or a seasonal autoregression at +1, and an MA(1) that says nothing of differences: at -1, or at +1 where none was taken.

    Args:
        period: Steps in one season; the table's season length where absent.
        order: Fixed (p, d, q); searched for where absent.
        seasonal: Fixed (P, D, Q); goes with `order`.
        most: Largest p, d, q, P, D and Q that are searched.
        constant: A mean (d + D = 0) or drift (d + D = 1); where None by AICc, and always if orders are fixed.
        boundary: "seasonal", "reject" or "accept", see above.
        covariates: Use the known covariates of the table.
        levels: Quantile levels, ascending, between 0 and 1; none for forecasts without quantiles.
        average: Models that forecast together, by Akaike weights (Burnham and Anderson 2002): the one that was chosen, and the next best
            ones that were tried. Orders, coefficients and AICc are those of the chosen one. One model where orders are fixed or another
            engine estimates, and where an error would grow without end in what several say together.
        engine: Who estimates: "native", "statsmodels" (orders given, or as searched natively) or "pmdarima" (which searches by itself).
            Forecasts come from the estimates in the same way, so the models are stored and moved on alike.
        threads: Threads over series; None is one. It changes the speed, never the bits.

    Source: Hyndman and Khandakar 2008, Automatic Time Series Forecasting: The forecast Package for R.
    """

    period: int | None = None
    order: tuple[int, int, int] | None = None
    seasonal: tuple[int, int, int] | None = None
    most: tuple[int, int, int, int, int, int] = (5, 2, 5, 2, 1, 2)
    constant: bool | None = None
    boundary: Literal["seasonal", "reject", "accept"] = "seasonal"
    covariates: bool = True
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    engine: Literal["native", "statsmodels", "pmdarima"] = "native"
    average: int = 6
    threads: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", ascending(self.levels))
        if self.boundary not in BOUNDARIES:
            raise UnknownName.of("boundary rule", self.boundary, BOUNDARIES)
        if self.engine not in ENGINES:
            raise UnknownName.of("engine of 'arima'", self.engine, ENGINES)
        if self.seasonal is not None and self.order is None:
            raise SettingsError(f"seasonal={self.seasonal!r} came without order; give both, as in order=(1, 1, 1), seasonal=(0, 1, 1)")
        if self.average < 1:
            raise SettingsError(f"average={self.average!r}: expected how many models forecast together, 1 or more")
        for orders, size in ((self.order, 3), (self.seasonal, 3), (self.most, 6)):
            if orders is not None and (len(orders) != size or min(orders) < 0 or sum(orders) - sum(orders[1::3]) > native.PARAMETERS):
                raise SettingsError(
                    f"expected {size} orders of 0 or more, with at most {native.PARAMETERS} coefficients in all; came {orders!r}"
                )
        expect_period(self.period)

    @property
    def traits(self) -> Traits:
        """Quantiles of its own where levels are set; covariates unless told to leave them."""
        return Traits(covariates=self.covariates, quantiles=bool(self.levels))

    @own_units
    def fit(self, table: Table) -> FittedArima:
        """One call for all series.

        Raises:
            SettingsError: There are seasonal orders, and no season.
            MissingExtra: Another engine is asked for, and not installed.
        """
        period, regressors = season(self.period, table), Regressors.of(table, self.covariates)
        if period == 1 and self.seasonal is not None and any(self.seasonal):
            raise SettingsError(f"seasonal={self.seasonal!r} needs a season, and the table has none; give its steps, as in period=12")
        limits, fixed = self._limits(period)
        kept = self._kept
        x, columns = regressors.matrix(table), _columns(kept * len(table), sum(limits) - limits[1] - limits[4], len(regressors.names))
        d, D = (limits[1], limits[4]) if fixed else (-1, -1)
        constant = -1 if self.constant is None else int(self.constant)
        native.fit(
            table.target, table.indptr, x, period, fixed, np.array(limits, np.int32), d, D, constant, MODELS,
            BOUNDARIES.index(self.boundary), kept, *columns, threads=self.threads or 1,
        )  # fmt: skip
        if self.engine != "native":
            refit(self.engine, table, x, Wanted(period, limits, fixed), columns)
        state = _state(columns[0], period)
        best, *others = (
            FittedArima(self, period, table.start, regressors, *arrays)
            for arrays in zip(*(np.split(column, kept) for column in (*columns, *state)), strict=True)
        )
        return replace(best, others=tuple(others)).moved(table)._tamed()

    @property
    def _kept(self) -> int:
        """Models of each series that are kept."""
        return self.average if self.order is None and self.engine == "native" else 1

    def _limits(self, period: int) -> tuple[tuple[int, ...], bool]:
        if self.order is None:
            return self.most if period > 1 else (*self.most[:3], 0, 0, 0), False
        return (*self.order, *(self.seasonal or (0, 0, 0))), True


@storable
@dataclass(frozen=True, eq=False)
class FittedArima:
    """ARIMA models, one row per series.

    Args:
        recipe: The learner that made it.
        period: Steps in one season.
        begin: First step of the values: the filter goes over all of them. (series,)
        regressors: What is known of the covariates.
        orders: p, d, q, P, D, Q and whether there is a constant. (series, 7)
        coefficients: p AR, q MA, P seasonal AR and Q seasonal MA coefficients, one after another. (series, most)
        numbers: The constant, sigma2, log-likelihood, AICc, observations used, models tried, status, missing steps at the
            end, rows from the first observed one to the last. (series, 9)
        betas: Coefficients of the covariates. (series, covariates)
        state: What the stationary part is expected to be next. (series, states)
        tail: The last values that differencing looks back on, newest first. (series, differences)
        others: The next best models of each series, as they were when tried, which forecast with it. Status 3 where a series has fewer.
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: Arima
    period: int
    begin: Ints
    regressors: Regressors
    orders: NDArray[np.int32] = field(metadata=columns(*ORDERS))
    coefficients: Floats
    numbers: Floats = field(metadata=columns(*NUMBERS))
    betas: Floats
    state: Floats
    tail: Floats
    others: tuple[FittedArima, ...] = ()
    unit: Ints | None = None

    @property
    def weights(self) -> Floats:
        """What each model counts in forecasts of each series: Akaike weights, this one first. (models, series)"""
        aicc = np.array([np.where(one.numbers[:, 6] == 0, one.aicc, np.inf) for one in self._models])
        aicc = np.maximum(aicc, -LARGEST)  # a fit without any error
        weights = np.exp(0.5 * (np.fmin(aicc.min(axis=0), LARGEST) - aicc))
        weights[0] = np.where(np.isfinite(aicc[0]), weights[0], 1.0)
        return np.asarray(weights / weights.sum(axis=0))

    @property
    def aicc(self) -> Floats:
        """AICc of each series; NaN where nothing was fitted. (series,)"""
        return self.numbers[:, 3]

    @property
    def loglik(self) -> Floats:
        """Log-likelihood of each series. (series,)"""
        return self.numbers[:, 2]

    @property
    def sigma2(self) -> Floats:
        """Variance of the innovations of each series, per degree of freedom. (series,)"""
        return self.numbers[:, 1]

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast with quantiles; `history` moves the state on, with the coefficients as they are."""
        at = self if history is None else self.moved(history)
        mean, variance = (np.empty((len(self.orders), horizon)) for _ in range(2))
        shares = self.weights
        with np.errstate(over="ignore", invalid="ignore"):  # such a series is lost anyway
            effects = np.concatenate([self.regressors.effect(one.betas, horizon, future) for one in self._models])
            native.project(self.period, *at._stacked(), shares, effects, mean, variance, threads=self.recipe.threads or 1)
        freedom = _together(shares, [one._freedom for one in self._models])
        return _forecast(mean, variance, freedom, self.recipe.levels, self.numbers[:, 6])

    @property
    def _models(self) -> tuple[FittedArima, ...]:
        return (self, *self.others)

    def _stacked(self) -> tuple[NDArray[np.int32], Floats, Floats, Floats, Floats]:
        """Orders, coefficients, numbers, state and tail of all models, those of one below those of another."""
        models = self._models
        orders = np.concatenate([one.orders for one in models])
        floats = ([one.coefficients, one.numbers, one.state, one.tail] for one in models)
        coefficients, numbers, state, tail = (np.concatenate(arrays) for arrays in zip(*floats, strict=True))
        return orders, coefficients, numbers, state, tail

    def _tamed(self) -> FittedArima:
        """Without the other models of a series where an error would grow without end in what all say together."""
        explodes = np.zeros(len(self.orders), np.bool_)
        if self.others:
            native.explode(self.period, *self._stacked(), self.weights, explodes)
        for one in self.others:
            one.numbers[explodes, 6] = NOTHING
        return self

    @property
    def _freedom(self) -> Floats:
        """Degrees of freedom that are left of each series, at least 1. (series,)"""
        used = self.orders[:, [0, 2, 3, 5, 6]].sum(axis=1) + self.regressors.counts
        return np.asarray(np.fmax(self.numbers[:, 4] - used, 1.0), np.float64)

    @in_units
    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """What each covariate adds, and of the rest the level (its mean over the next season) and how it moves around that."""
        said = self.predict(horizon, history, future).mean
        effects = self.regressors.effects(_together(self.weights, [one.betas for one in self._models]), horizon, future)
        rest = said - sum(effects.values(), np.zeros(1))
        level = np.broadcast_to(rest[:, : max(self.period, 1)].mean(axis=1, keepdims=True), rest.shape)
        return joined({"level": level, "dynamics": rest - level}, effects)

    @in_units
    def moved(self, table: Table) -> FittedArima:
        """The model at the end of `table`, coefficients as they are."""
        return replace(self._filtered(table, np.empty(0)), others=tuple(one.moved(table) for one in self.others))

    @in_units
    def residuals(self, table: Table) -> Floats:
        """One-step errors of each row; NaN where the row is missing or among the first that differencing takes. (rows,)"""
        errors = np.full((len(self._models), len(table.target)), np.nan)
        for one, row in zip(self._models, errors, strict=True):
            one._filtered(table, row)
        shares = np.repeat(self.weights, table.sizes, axis=1)
        together = np.where(shares > 0, shares * errors, 0.0).sum(axis=0)
        return np.asarray(np.where(np.isfinite(table.target), together, np.nan), np.float64)

    def fitted(self, table: Table) -> Floats:
        """One-step forecasts of each row, likewise. (rows,)"""
        return apart(table.target, self.residuals(table))

    def _filtered(self, table: Table, errors: Floats) -> FittedArima:
        expect_history(table, self.begin)
        numbers, state, tail = self.numbers.copy(), np.empty_like(self.state), np.empty_like(self.tail)
        x = self.regressors.matrix(table)
        native.filter(
            table.target, table.indptr, x, self.period, self.orders, self.coefficients, numbers, self.betas, state, tail, errors,
            threads=self.recipe.threads or 1,
        )  # fmt: skip
        return replace(self, numbers=numbers, state=state, tail=tail)


def _columns(series: int, width: int, covariates: int) -> tuple[NDArray[np.int32], Floats, Floats, Floats]:
    shapes = (series, width), (series, native.NUMBERS), (series, covariates)
    coefficients, numbers, betas = (np.zeros(shape) for shape in shapes)
    return np.zeros((series, 7), np.int32), coefficients, numbers, betas


def _state(orders: NDArray[np.int32], period: int) -> tuple[Floats, Floats]:
    """Room for the state and tail of the largest of the orders."""
    p, d, q, P, D, Q, _ = orders.T
    widths = np.maximum(p + period * P, q + period * Q + 1), d + period * D
    state, tail = (np.zeros((len(orders), int(width.max(initial=1)))) for width in widths)
    return state, tail


def _together(shares: Floats, values: Sequence[Floats]) -> Floats:
    """The weighted mean over the models of one number, or one row of them, per series."""
    if len(values) == 1:
        return values[0]
    shares = shares.reshape(len(values), -1, *[1] * (values[0].ndim - 1))
    return np.asarray(sum(np.where(share > 0, share * each, 0.0) for share, each in zip(shares, values, strict=True)))


def _forecast(mean: Floats, variance: Floats, freedom: Floats, levels: tuple[float, ...], status: Floats) -> Forecast:
    quantiles = _quantiles(mean, np.sqrt(variance), freedom, levels)
    lost = np.asarray(~(np.isfinite(mean).all(axis=1) & np.isfinite(quantiles).all(axis=(1, 2))))
    failed = {i: REASONS.get(int(status[i]), NOT_FINITE) for i in np.flatnonzero(lost).tolist()}
    mean, quantiles = np.where(lost[:, None], np.nan, mean), np.where(lost[:, None, None], np.nan, quantiles)
    return Forecast(mean, levels, quantiles if levels else None, failed)


def _quantiles(mean: Floats, sd: Floats, freedom: Floats, levels: tuple[float, ...]) -> Floats:
    """Of Student's t with the degrees of freedom that are left, because sigma2 is estimated too. (series, horizon, levels)"""
    # Imported here: it takes longer than to import everything else.
    from scipy.special import stdtrit

    t = stdtrit(freedom[:, None], np.array(levels))
    with np.errstate(invalid="ignore"):  # an infinite sd times 0; such a series is lost anyway
        return np.asarray(mean[:, :, None] + sd[:, :, None] * t[:, None, :], np.float64)
