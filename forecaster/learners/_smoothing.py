"""States of exponential smoothing for all series of a table, and the native calls that fit, move and look ahead from them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster._native import ets as native
from forecaster.archive import columns, storable
from forecaster.learners._local import first_observed, last_observed, observed
from forecaster.table import Floats, Ints, Table

Codes = NDArray[np.int8]

REGIONS, CRITERIA = ("usual", "admissible", "both"), ("aic", "aicc", "bic", "backtest")


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of each series that are gone through.

    Args:
        begin: First row. (series,)
        end: Row after the last. (series,)
        before: Step before the first row. (series,)
    """

    begin: Ints
    end: Ints
    before: Ints

    @classmethod
    def observed(cls, table: Table, count: Ints) -> Rows:
        """From the first to the last observed value; none for a series that was never observed, whose `count` is 0."""
        seen = count > 0
        begin = np.where(seen, first_observed(table)[1], table.indptr[:-1])
        end = np.where(seen, last_observed(table)[1] + 1, begin)
        return cls(begin, end, table.start + begin - table.indptr[:-1] - 1)

    def only(self, mask: NDArray[np.bool_]) -> Rows:
        """Those of the series in the mask, none of the others."""
        return replace(self, begin=np.where(mask, self.begin, self.end))

    @classmethod
    def after(cls, step: Ints, table: Table) -> Rows:
        """From the step after `step`, or the first one there is, to the last observed value."""
        end = np.where(observed(table) > 0, last_observed(table)[1] + 1, table.indptr[:-1])
        begin = np.clip(table.indptr[:-1] + step + 1 - table.start, table.indptr[:-1], end)
        return cls(begin, end, np.where(begin < end, table.start + begin - table.indptr[:-1] - 1, step))


@storable
@dataclass(frozen=True, eq=False)
class States:
    """Where exponential smoothing of each series stands.

    Args:
        form: Code of the form: error + 2 trend + 10 season; -1 for none. (series,)
        rate: alpha, beta, gamma, phi. (series, 4)
        state: Level, slope, and one seasonal state for each step of the season, counted from the first value. (series, 2 + period)
        step: The step after which the states hold. (series,)
    """

    form: Codes
    rate: Floats = field(metadata=columns("alpha", "beta", "gamma", "phi"))
    state: Floats
    step: Ints

    def where(self, mask: NDArray[np.bool_], other: States) -> States:
        """Those of `self` where the mask holds, else those of `other`, whose season may be shorter and then changes nothing."""
        fewer = self.state.shape[1] - other.state.shape[1]
        state = np.where(mask[:, None], self.state, np.pad(other.state, ((0, 0), (0, fewer))))
        return States(
            np.where(mask, self.form, other.form),
            np.where(mask[:, None], self.rate, other.rate),
            state,
            np.where(mask, self.step, other.step),
        )

    def coasted(self, step: Ints) -> States:
        """At a later step, no value having come: the slope fades, the level moves by it, seasons stay."""
        phi, steps = self.rate[:, 3], np.maximum(step - self.step, 0)
        faded, state = phi**steps, self.state.copy()
        level, slope = state[:, 0], state[:, 1]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            reach = np.where(phi == 1, steps, phi * (1 - faded) / (1 - phi))
            times = exponential(self.form)
            state[:, 0] = np.where(times, level * slope**reach, level + slope * reach)
            state[:, 1] = np.where(times, slope**faded, slope * faded)
        return replace(self, state=state, step=self.step + steps)

    def without_season(self) -> States:
        """With seasonal states that change nothing: 1 where they multiply, else 0."""
        state = self.state.copy()
        state[:, 2:] = (self.form // 10 == 2)[:, None]
        return replace(self, state=state)

    def without_slope(self) -> States:
        """With a slope that changes nothing: 1 where it multiplies, else 0."""
        state = self.state.copy()
        state[:, 1] = exponential(self.form)
        return replace(self, state=state)

    def phase(self, begin: Ints) -> Ints:
        """Which seasonal state belongs to the next step, of a model whose first value came after the step `begin`. (series,)"""
        return np.asarray((self.step - begin) % (self.state.shape[1] - 2), np.int64)


@dataclass(frozen=True, eq=False)
class Search:
    """What is tried on every series: forms by code, and how they are fitted (see `ETS`)."""

    period: int
    codes: tuple[int, ...]
    region: str
    select: str
    free_seasons: int
    prior: float
    holdout: int


@dataclass(frozen=True)
class Outlook:
    """What is asked of the steps ahead (see `ETS`)."""

    horizon: int
    levels: tuple[float, ...]
    paths: int
    simulated: bool


def fit(table: Table, rows: Rows, search: Search, threads: int) -> States:
    """The best form of each series, with the states before its first value."""
    n = len(table)
    form, rate, state = np.full(n, -1, np.int8), np.full((n, 4), np.nan), np.full((n, 2 + search.period), np.nan)
    choices = REGIONS.index(search.region), CRITERIA.index(search.select), search.free_seasons, search.prior**-2, search.holdout
    native.fit(table.target, rows.begin, rows.end, search.codes, *choices, form, rate, state, threads)
    return States(form, rate, state, rows.before)


def move(table: Table, rows: Rows, states: States, begin: Ints, fitted: Floats | None = None, threads: int = 1) -> tuple[States, Floats]:
    """Move states over rows.

    Args:
        begin: The step before the first value of the model. (series,)
        fitted: Gets the forecast of each row. (rows,)

    Returns:
        The states after the last row; number of values, sum of squared errors and sum of log forecasts. (series, 3)
    """
    state, sums = states.state.copy(), np.zeros((len(table), 3))
    native.filter(table.target, rows.begin, rows.end, states.form, states.rate, state, states.phase(begin), sums, fitted, threads)
    return replace(states, state=state, step=states.step + rows.end - rows.begin), sums


def ahead(states: States, begin: Ints, variance: Floats, gap: Ints, seed: Ints, outlook: Outlook, threads: int) -> tuple[Floats, Floats]:
    """Mean (series, horizon) and quantiles (series, horizon, levels) of the steps that come `gap` steps after the states."""
    shape = len(states.form), outlook.horizon
    mean, quantiles = np.full(shape, np.nan), np.full((*shape, len(outlook.levels)), np.nan)
    scores = [NormalDist().inv_cdf(level) for level in outlook.levels]
    how = seed.view(np.uint64), outlook.levels, scores, outlook.paths, outlook.simulated
    native.ahead(states.form, states.rate, variance, states.state, states.phase(begin), gap, *how, mean, quantiles, threads)
    return mean, quantiles


def parameters(form: NDArray[np.integer[Any]], period: int) -> Ints:
    """Estimated numbers of a form without the variance: smoothing parameters and initial states."""
    trend = form // 2 % 5
    return np.asarray(2 + 2 * (trend > 0) + (trend > 0) * (trend % 2 == 0) + seasonal(form) * period, np.int64)


def seasonal(form: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether a form has a season."""
    return np.asarray(form // 10 > 0)


def exponential(form: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether the trend of a form multiplies."""
    return np.asarray(form // 2 % 5 > 2)


def criterion(sums: Floats, form: Codes, estimated: Ints, search: Search) -> Floats:
    """The criterion, AICc for a backtest, on the scale of the data, constants of the normal likelihood included. (series,)"""
    n, squares, logs = sums.T
    k = estimated + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        twice = n * np.log(2 * np.pi * np.e * squares / n) + 2 * logs
        penalty = {"aic": 2 * k, "bic": k * np.log(n)}.get(search.select, 2 * k + 2 * k * (k + 1) / (n - k - 1))
    return np.where(form < 0, np.nan, twice + penalty)


def seeds(table: Table, seed: int) -> Ints:
    """A seed for each series, made from its values: the same wherever the series stands. (series,)"""
    values = np.where(np.isfinite(table.target), table.target, 0.0).view(np.uint64)
    place = (np.arange(len(values)) - np.repeat(table.indptr[:-1], table.sizes)).astype(np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_scrambled(values + place * _ODD), dtype=np.uint64)])
    # Differences of the running sum are exact, because unsigned numbers wrap around.
    own = sums[table.indptr[1:]] - sums[table.indptr[:-1]]
    return _scrambled(own + np.full(1, seed, np.int64).view(np.uint64)).view(np.int64)


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _scrambled(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
