"""Complex exponential smoothing against the equations of the paper, in complex numbers and one value after another."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import SettingsError, UnknownName
from forecaster.learners import make
from forecaster.learners.ces import CYCLES
from forecaster.testing import table_of

M = 4
CYCLE, X, SIGMA = 0, slice(1, 5), 5


class Oracle:
    """The model as the paper has it: z = l + i c; a full season is a second one. All values that are m steps old, in lists."""

    def __init__(self, y, cycle, x):
        self.y, self.cycle = y, cycle
        self.lag = M if cycle == "simple" else 1
        self.x = x
        first = y[: (max(10, M) if cycle == "none" else M)]
        levels = y[:M] if cycle == "simple" else np.full(self.lag, np.nanmean(first))
        self.l, self.c = list(levels), list(levels / 1.1)
        season = additive(y) if cycle in ("partial", "full") else np.zeros(M)
        self.s, self.q = list(season), list(season / 1.1)

    def expected(self, t):
        return self.l[t % self.lag] + (self.s[t % M] if self.cycle in ("partial", "full") else 0.0)

    def move(self, t, error):
        a0, a1, b0, b1 = self.x
        i, j = t % self.lag, t % M
        level, potential = self.l[i], self.c[i]
        self.l[i] = level - (1 - a1) * potential + (a0 - a1) * error
        self.c[i] = level + (1 - a0) * potential + (a0 + a1) * error
        if self.cycle == "partial":
            self.s[j] += b0 * error
        if self.cycle == "full":
            season, shadow = self.s[j], self.q[j]
            self.s[j] = season - (1 - b1) * shadow + (b0 - b1) * error
            self.q[j] = season + (1 - b0) * shadow + (b0 + b1) * error

    def sweep(self, steps):
        errors = []
        for t in steps:
            error = self.y[t] - self.expected(t) if np.isfinite(self.y[t]) else 0.0
            errors.append(error)
            self.move(t, error)
        return np.array(errors)

    def fit(self):
        n = len(self.y)
        self.sweep(range(n))
        self.sweep(reversed(range(n)))
        self.errors = self.sweep(range(n))
        return self

    def ahead(self, horizon, errors=None):
        n, out = len(self.y), []
        for h in range(horizon):
            error = 0.0 if errors is None else errors[h]
            out.append(self.expected(n + h) + error)
            self.move(n + h, error)
        return np.array(out)


def additive(y):
    whole = np.interp(np.arange(len(y)), np.flatnonzero(np.isfinite(y)), y[np.isfinite(y)])
    left = np.full(len(y), np.nan)
    left[2:-2] = whole[2:-2] - np.convolve(whole, [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8], "valid")
    index = np.array([np.nanmean(left[j::M]) for j in range(M)])
    return index - index.mean()


def seasonal(seed, n=48, gaps=0.0):
    rng = np.random.default_rng(seed)
    y = 40 + 0.4 * np.arange(n) + 6 * np.sin(2 * np.pi * np.arange(n) / M) + np.cumsum(rng.normal(size=n)) + rng.normal(size=n)
    y[M:][rng.random(n - M) < gaps] = np.nan
    return y


def fitted(y, **params):
    return make("ces", period=M, **params).fit(table_of([y]))


@pytest.mark.parametrize("gaps", [0.0, 0.2])
@pytest.mark.parametrize("cycle", CYCLES)
def test_forecasts_as_the_paper_does(cycle, gaps):
    y = seasonal(1, gaps=gaps)
    model = fitted(y, cycle=cycle)
    oracle = Oracle(y, cycle, model.models[0, X]).fit()
    freedom = np.isfinite(y).sum() - {"none": 2, "simple": 2, "partial": 3, "full": 4}[cycle]
    np.testing.assert_allclose(model.models[0, SIGMA], np.sqrt(np.sum(oracle.errors**2) / freedom), rtol=1e-8)
    np.testing.assert_allclose(model.predict(10).mean[0], oracle.ahead(10), rtol=1e-8)


@pytest.mark.parametrize("cycle", CYCLES)
def test_no_weights_nearby_or_elsewhere_do_better(cycle):
    from scipy.optimize import minimize

    k = {"none": 2, "simple": 2, "partial": 3, "full": 4}[cycle]
    for seed in range(3):
        y = seasonal(seed)
        guess = [1.3, 1.0, 0.1 if cycle == "partial" else 1.3, 1.0]
        pull = np.mean(Oracle(y, cycle, guess).fit().errors ** 2) * (M / 0.12) ** 2

        def squares(free, y=y, pull=pull):
            x = np.clip(np.r_[free, np.zeros(4 - k)], 0.01, [1.8, 1.9, 1.5, 1.5])
            stable = (x[0] - 2.5) ** 2 + x[1] ** 2 > 1.25 and (x[0] - 0.5) ** 2 + (x[1] - 1) ** 2 > 0.25
            stable &= (x[0] - 1.5) ** 2 + (x[1] - 0.5) ** 2 < 1.5
            return np.sum(Oracle(y, cycle, x).fit().errors ** 2) + pull * (x[1] - 1) ** 2 if stable or k > 2 else np.inf

        found = squares(fitted(y, cycle=cycle).models[0, X][:k])
        starts = [[1.3, 1.0, 0.1, 0.0], [1.3, 1.0, 1.3, 1.0], [1.1, 0.9, 0.5, 1.0]]
        best = min(minimize(squares, start[:k], method="Nelder-Mead").fun for start in starts)
        assert found <= best * 1.02


@pytest.mark.parametrize("cycle", CYCLES)
def test_variance_is_that_of_many_futures(cycle):
    y = seasonal(2)
    model = fitted(y, cycle=cycle, levels=(0.1, 0.9))
    rng, now = np.random.default_rng(0), Oracle(y, cycle, model.models[0, X]).fit()
    futures = [deepcopy(now).ahead(7, model.models[0, SIGMA] * rng.normal(size=7)) for _ in range(3000)]
    quantiles = model.predict(7).quantiles[0]
    spread = (quantiles[:, 1] - quantiles[:, 0]) / (2 * 1.2815515655446004)
    np.testing.assert_allclose(np.std(futures, axis=0), spread, rtol=0.06)


@pytest.mark.parametrize("cycle", CYCLES)
def test_rolling_forward_is_the_recursion_gone_on(cycle):
    y = np.r_[seasonal(3, n=60)]
    y[55] = np.nan
    table = table_of([y])
    model = make("ces", period=M, cycle=cycle).fit(table.drop_last(13))
    oracle = Oracle(y[:47], cycle, model.models[0, X]).fit()
    oracle.y = y
    oracle.sweep(range(47, 60))
    np.testing.assert_allclose(model.predict(5, table).mean[0], oracle.ahead(5), rtol=1e-8)


@pytest.mark.parametrize("cycle", CYCLES)
def test_residuals_are_the_errors_of_the_recursion(cycle):
    y = seasonal(5, n=60, gaps=0.1)
    table = table_of([np.r_[np.nan, y], y])
    model = make("ces", period=M, cycle=cycle).fit(table.drop_last(13))
    oracle = Oracle(y[:47], cycle, model.models[1, X]).fit()
    oracle.y = y
    errors = np.r_[oracle.errors, oracle.sweep(range(47, 60))]
    residuals = model.residuals(table)
    np.testing.assert_allclose(residuals[61:], np.where(np.isfinite(y), errors, np.nan), atol=1e-8)
    np.testing.assert_allclose(residuals[:61], np.r_[np.nan, residuals[61:]])
    np.testing.assert_allclose(model.fitted(table), table.target - residuals)


@pytest.mark.parametrize("cycle", CYCLES)
def test_a_gap_at_the_end_counts_as_steps_ahead(cycle):
    y = seasonal(4, n=50)
    gone = np.r_[y[:45], np.full(5, np.nan)]
    late = table_of([gone])
    model = make("ces", period=M, cycle=cycle).fit(table_of([y[:45]], start=late.start))
    whole, rolled = model.predict(9), model.predict(4, late)
    np.testing.assert_allclose(rolled.quantiles[:, :, 0] - rolled.mean, (whole.quantiles[:, :, 0] - whole.mean)[:, 5:], rtol=1e-9)
    direct = make("ces", period=M, cycle=cycle).fit(late).predict(4)
    spread, ahead = direct.quantiles[0, :, 2] - direct.mean[0], whole.quantiles[0, :, 2] - whole.mean[0]
    assert (spread > 0.5 * ahead[5:]).all()


def test_auto_takes_the_least_aicc():
    chosen = []
    for seed in range(6):
        y, criteria = seasonal(seed), []
        for k, cycle in zip((2, 2, 3, 4), CYCLES, strict=True):
            squares, n, p = fitted(y, cycle=cycle).models[0, SIGMA] ** 2 * (len(y) - k), len(y), k + 1
            criteria.append(n * np.log(squares / n) + 2 * p + 2 * p * (p + 1) / (n - p - 1))
        chosen.append(CYCLES[int(fitted(y).models[0, CYCLE])])
        assert chosen[-1] == CYCLES[int(np.argmin(criteria))]


def test_a_series_too_short_for_a_season_goes_without():
    assert fitted(seasonal(0)[:7], cycle="full").models[0, CYCLE] == 0


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_weights_are_searched_for_among_few_values_too(n):
    y = 100 + 10 * np.arange(n) + np.resize([1.0, -1.0], n)
    assert fitted(y).predict(1).mean[0, 0] > y[:-1].max() - 3, "near the last values of a series that grows, not near its mean"


@pytest.mark.parametrize("cycle", ["auto", *CYCLES])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), factor=st.sampled_from([1e-9, 7.0, 1e12]))
def test_scales_with_the_values(cycle, seed, factor):
    y = seasonal(seed, gaps=0.1)
    one, many = (fitted(values, cycle=cycle).predict(5) for values in (y, factor * y))
    np.testing.assert_allclose(many.mean, factor * one.mean, rtol=1e-4)


WILD = st.lists(st.sampled_from([0.0, 1.0, -2.5, 1e300, -1e300, 1e-300, np.nan, np.inf, 5.0]), max_size=40)


@settings(max_examples=150, deadline=None)
@given(series=st.lists(WILD, min_size=1, max_size=3), cycle=st.sampled_from(["auto", *CYCLES]))
def test_wild_values_cost_their_neighbours_nothing(series, cycle):
    good = seasonal(1)
    tables = [table_of([good]), table_of([np.array(x) for x in series] + [good])]
    alone, beside = (make("ces", cycle=cycle, period=M).fit(table).predict(3) for table in tables)
    np.testing.assert_array_equal(alone.mean[0], beside.mean[-1])
    for i, row in enumerate(beside.mean):
        assert np.isfinite(row).all() != (i in beside.failed)


def test_threads_change_no_bit():
    table = table_of([seasonal(seed, n=60) for seed in range(100)])
    one, several = (make("ces", period=M, threads=threads).fit(table) for threads in (1, 3))
    np.testing.assert_array_equal(one.models, several.models)
    np.testing.assert_array_equal(one.states, several.states)


def test_a_wrong_cycle_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'partial'"):
        make("ces", cycle="partal")
    with pytest.raises(SettingsError, match="1 for none; came -1"):
        make("ces", period=-1)
