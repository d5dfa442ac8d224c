"""States of exponential smoothing for all series of a table, and the native calls that fit, move and look ahead from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.learners._local import first_observed, last_observed
from forecaster.protocols import observed
from forecaster.table import Floats, Ints, Table

Codes = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of each series from its first to its last observed value.

    Args:
        begin: First row. (series,)
        end: Row after the last. (series,)
        start: Step before the first row. (series,)
        count: Number of observed values. (series,)
    """

    begin: Ints
    end: Ints
    start: Ints
    count: Ints

    @classmethod
    def observed(cls, table: Table) -> Rows:
        """Those of a table; none for a series that was never observed."""
        count = observed(table)
        seen = count > 0
        begin = np.where(seen, first_observed(table)[1], table.indptr[:-1])
        end = np.where(seen, last_observed(table)[1] + 1, begin)
        return cls(begin, end, table.start + begin - table.indptr[:-1] - 1, count)

    def after(self, step: Ints, table: Table) -> Rows:
        """The rows after a step, or as many as there are; the step before the first may lie later than the given one."""
        begin = np.clip(table.indptr[:-1] + step + 1 - table.start, table.indptr[:-1], np.maximum(self.end, table.indptr[:-1]))
        start = np.where(begin < self.end, table.start + begin - table.indptr[:-1] - 1, step)
        return Rows(begin, np.maximum(self.end, begin), start, self.count)


@storable
@dataclass(frozen=True, eq=False)
class States:
    """Where exponential smoothing of each series stands.

    Args:
        form: Code of the form: error + 2 trend + 6 season; -1 for none. (series,)
        rate: alpha, beta, gamma, phi. (series, 4)
        state: Level, slope, and one seasonal state for each step of the season, counted from the first value. (series, 2 + period)
        step: The step after which the states hold. (series,)
    """

    form: Codes
    rate: Floats
    state: Floats
    step: Ints

    def where(self, mask: NDArray[np.bool_], other: States) -> States:
        """Those of `self` where the mask holds, else those of `other`."""
        return replace(self, state=np.where(mask[:, None], self.state, other.state), step=np.where(mask, self.step, other.step))

    def coasted(self, steps: Ints) -> States:
        """After so many steps without a value: the slope fades, the level moves by it, seasons stay."""
        phi = self.rate[:, 3]
        faded = phi**steps
        with np.errstate(invalid="ignore", divide="ignore"):
            gone = np.where(phi == 1, steps, phi * (1 - faded) / (1 - phi))
        state = self.state.copy()
        state[:, 0] += state[:, 1] * gone
        state[:, 1] *= faded
        return replace(self, state=state, step=self.step + steps)


def fit(table: Table, rows: Rows, period: int, codes: Ints, region: int, select: int, free_seasons: int, prior: float, *, threads: int) -> States:
    """The best form of each series, with the states before its first value."""
    n = len(table)
    form, rate, state = np.full(n, -1, np.int8), np.full((n, 4), np.nan), np.full((n, 2 + period), np.nan)
    _native().fit(table.target, rows.begin, rows.end, codes.tolist(), region, select, free_seasons, prior, form, rate, state, threads)
    return States(form, rate, state, rows.start)


def filter(
    table: Table, rows: Rows, before: States, begin: Ints, fitted: Floats | None = None, *, threads: int
) -> tuple[States, Floats]:
    """Move states over rows.

    Args:
        begin: The step before the first value of the model, from which seasons are counted. (series,)
        fitted: Gets the forecast of each row. (rows,)

    Returns:
        The states after the last row; number of values, sum of squared errors and sum of log forecasts. (series, 3)
    """
    state, sums = before.state.copy(), np.zeros((len(table), 3))
    phase = (before.step - begin) % (state.shape[1] - 2)
    _native().filter(table.target, rows.begin, rows.end, before.form, before.rate, state, phase, sums, fitted, threads)
    return replace(before, state=state, step=before.step + rows.end - rows.begin), sums


def ahead(
    states: States, begin: Ints, variance: Floats, gap: Ints, seed: Ints,
    horizon: int, levels: tuple[float, ...], paths: int, simulated: bool, threads: int,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Mean (series, horizon) and quantiles (series, horizon, levels) of the steps that come `gap` steps after the states."""
    n = len(states.form)
    mean, quantiles = np.full((n, horizon), np.nan), np.full((n, horizon, len(levels)), np.nan)
    phase = (states.step - begin) % (states.state.shape[1] - 2)
    scores = [NormalDist().inv_cdf(level) for level in levels]
    _native().ahead(
        states.form, states.rate, variance, states.state, phase, gap, seed.view(np.uint64), list(levels), scores, paths, simulated, mean, quantiles, threads
    )
    return mean, quantiles


def parameters(form: NDArray[np.integer[Any]], period: int) -> Ints:
    """Estimated numbers of a form without the variance: smoothing parameters and initial states."""
    trend, season = form // 2 % 3, form // 6
    return np.asarray(2 + 2 * (trend > 0) + (trend == 2) + (season > 0) * period, np.int64)


def criterion(sums: Floats, form: Codes, period: int, select: str) -> Floats:
    """The criterion on the scale of the data, constants of the normal likelihood included. (series,)"""
    n, squares, logs = sums.T
    k = parameters(form, period) + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        twice = n * np.log(2 * np.pi * np.e * squares / n) + 2 * logs
        penalty = {"aic": 2 * k, "bic": k * np.log(n), "aicc": 2 * k + 2 * k * (k + 1) / (n - k - 1)}[select]
    return np.where(form < 0, np.nan, twice + penalty)


def seeds(table: Table, seed: int) -> Ints:
    """A seed for each series, made from its values: the same wherever the series stands. (series,)"""
    with np.errstate(over="ignore"):
        mixed = _scrambled(np.where(np.isfinite(table.target), table.target, 0.0).view(np.uint64) + _place(table) * _ODD)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
        return _scrambled(sums[table.indptr[1:]] - sums[table.indptr[:-1]] + np.uint64(seed)).view(np.int64)


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _place(table: Table) -> NDArray[np.uint64]:
    """Which value of its series each row is. (rows,)"""
    return (np.arange(len(table.target)) - np.repeat(table.indptr[:-1], table.sizes)).astype(np.uint64)


def _scrambled(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _native() -> Any:
    from forecaster._native import ets

    return ets
