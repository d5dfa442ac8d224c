"""Intermittent demand against slow oracles that say what the papers say, one value after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster._native import intermittent as intermittent_kernel
from forecaster.errors import CannotPredict, SettingsError
from forecaster.learners import make
from forecaster.learners.croston import WEIGHTS
from forecaster.testing import table_of

NAMES = ("croston", "sba", "tsb", "adida", "imapa", "intermittent")
VALUES = st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.0, 5.5, np.nan]), min_size=1, max_size=60).map(np.array)


def smooth(x, alpha):
    level = x[0]
    for value in x[1:]:
        level = alpha * value + (1 - alpha) * level
    return level


def sizes_and_intervals(x):
    at = np.flatnonzero(x) + 1
    return x[at - 1], np.diff(at, prepend=0).astype(float)


def croston(x, alpha=0.1, beta=0.1, debias=False):
    if not x.any():
        return 0.0
    sizes, intervals = sizes_and_intervals(x)
    rate = smooth(sizes, alpha) / smooth(intervals, beta)
    return rate * (1 - beta / 2) if debias and (intervals > 1).any() else rate


def tsb(x, alpha=0.1, beta=0.1):
    if not x.any():
        return 0.0
    sizes, intervals = sizes_and_intervals(x)
    after = x[int(intervals[0]) :] != 0
    return smooth(sizes, alpha) * smooth(np.r_[1 / intervals[0], after.astype(float)], beta)


def mean_interval(x):
    return round(float(sizes_and_intervals(x)[1].mean())) if x.any() else 1


def aggregated(x, size, alpha):
    return smooth(x[len(x) % size :].reshape(-1, size).sum(axis=1), alpha) / size


def pattern(x):
    sizes, intervals = sizes_and_intervals(x)
    return intervals.mean(), (sizes.std() / sizes.mean()) ** 2


def intermittent(x):
    interval, variation = pattern(x) if x.any() else (1.0, 0.0)
    return croston(x, debias=interval > 1.32 or variation > 0.49)


ORACLES = {
    "croston": croston,
    "sba": lambda x, alpha=0.1, beta=0.1: croston(x, alpha, beta, debias=True),
    "tsb": tsb,
    "intermittent": intermittent,
    "adida": lambda x: aggregated(x, mean_interval(x), 0.2),
    "imapa": lambda x: np.mean([aggregated(x, k, 0.2) for k in range(1, mean_interval(x) + 1)]),
}


FIXED = {name: {"low": 0.2, "high": 0.2} for name in ("adida", "imapa")} | {"intermittent": {"alpha": 0.1, "beta": 0.1}}


def recipe(name, **params):
    return make(name, **params, **FIXED.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(series=st.lists(VALUES, min_size=1, max_size=4))
def test_says_what_the_papers_say(name, series):
    forecast = recipe(name).fit(table_of(series)).predict(2)
    for i, values in enumerate(series):
        seen = values[np.isfinite(values)]
        if len(seen):
            np.testing.assert_allclose(forecast.mean[i], ORACLES[name](seen), rtol=1e-12, atol=1e-14)
        else:
            assert "no observed value" in forecast.failed[i]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(values=VALUES, factor=st.sampled_from([1e-6, 3.0, 1e9]))
def test_scales_with_the_values(name, values, factor):
    one, many = (make(name).fit(table_of([x])).predict(1).mean for x in (values, factor * values))
    np.testing.assert_allclose(many, factor * one, rtol=1e-9)


@pytest.mark.parametrize("name", ["croston", "sba", "tsb", "intermittent"])
@settings(max_examples=30, deadline=None)
@given(values=VALUES, cut=st.integers(0, 60))
def test_rolling_forward_is_having_seen_everything(name, values, cut):
    whole = table_of([values, np.r_[1.0, values]])
    model = make(name, **(FIXED["intermittent"] | {"interval": 0.0} if name == "intermittent" else {})).fit(whole.drop_last(cut))
    rolled = model.predict(1, whole)
    expected = make("sba" if name == "intermittent" else name).fit(whole).predict(1)
    np.testing.assert_array_equal(rolled.mean, expected.mean)


@pytest.mark.parametrize("name", ["croston", "sba", "tsb", "intermittent"])
@settings(max_examples=40, deadline=None)
@given(values=VALUES, cut=st.integers(0, 20))
def test_fitted_values_are_the_rates_before(name, values, cut):
    table = table_of([values])
    model = make(name, **(FIXED["intermittent"] | {"interval": 0.0} if name == "intermittent" else {})).fit(table.drop_last(cut))
    oracle = ORACLES["sba" if name == "intermittent" else name]
    before = [values[:i][np.isfinite(values[:i])] for i in range(len(values))]
    said = [oracle(x) if len(x) and np.isfinite(y) else np.nan for x, y in zip(before, values, strict=True)]
    np.testing.assert_allclose(model.fitted(table), said, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.residuals(table), values - np.array(said), atol=1e-12)


@pytest.mark.parametrize("name", ["adida", "imapa"])
@settings(max_examples=40, deadline=None)
@given(values=VALUES, cut=st.integers(0, 20))
def test_fitted_values_are_the_levels_of_the_buckets_before(name, values, cut):
    table = table_of([values])
    model = recipe(name).fit(table.drop_last(cut))
    seen = table.drop_last(cut).values(0)
    n, last = np.isfinite(seen).sum(), mean_interval(np.nan_to_num(seen[np.isfinite(seen)]))
    said, past = [], []
    for y in values:
        sizes = [last] if name == "adida" else range(1, last + 1)
        full = [np.array(past[n % k :][: (len(past) - n % k) // k * k]) for k in sizes]
        known = np.isfinite(y) and all(len(x) for x in full)
        said.append(np.mean([smooth(x.reshape(-1, k).sum(axis=1), 0.2) / k for x, k in zip(full, sizes, strict=True)]) if known else np.nan)
        past += [y] if np.isfinite(y) else []
    np.testing.assert_allclose(model.fitted(table), said, rtol=1e-12)
    if len(past) and np.isfinite(said[-1]):
        np.testing.assert_allclose(model.predict(1, table.drop_last(1)).mean[0, 0] if cut else said[-1], said[-1], rtol=1e-12)


def test_a_series_gets_the_same_whatever_runs_beside_it():
    rng = np.random.default_rng(3)
    series = [rng.poisson(0.4, n).astype(float) for n in (130, 9, 64, 65, 1, 200, 0, 40, 77)]
    for name in NAMES:
        together = make(name).fit(table_of(series)).predict(1).mean[:, 0]
        alone = [make(name).fit(table_of([x])).predict(1).mean[0, 0] for x in series]
        np.testing.assert_array_equal(together, alone)


def test_a_step_left_out_of_the_history_is_refused():
    table = table_of([np.array([0, 1, 0, 2, 0, 0, 3.0, 0, 1])])
    model = make("croston").fit(table.drop_last(4))
    np.testing.assert_array_equal(model.predict(1, table.tail(4)).mean, model.predict(1, table).mean)
    with pytest.raises(CannotPredict, match="begins too late"):
        model.predict(1, table.tail(3))


def test_a_history_that_ends_early_or_holds_other_series_says_so():
    table = table_of([np.arange(9.0), np.arange(5.0)])
    model = make("tsb").fit(table)
    assert "ends before" in model.predict(1, table.drop_last([1, 0])).failed[0]
    with pytest.raises(CannotPredict, match="the model holds 2 series, the history 1"):
        model.predict(1, table.take([0]))


def one_step_errors(x, rate):
    return sum((x[i] - rate(x[:i])) ** 2 for i in range(int(np.flatnonzero(x)[0]) + 1, len(x)))


def test_open_weights_have_the_least_squared_error():
    x = np.random.default_rng(0).poisson(0.6, 60).astype(float)
    model = make("croston", alpha=None, beta=None).fit(table_of([x]))
    errors = {(a, b): one_step_errors(x, lambda past, a=a, b=b: croston(past, a, b)) for a in WEIGHTS for b in WEIGHTS}
    assert tuple(model.smoothing[0]) == min(errors, key=errors.get)


@pytest.mark.parametrize("name", ["croston", "sba", "tsb"])
@pytest.mark.parametrize("count", [1, 7, 11])
def test_the_least_squared_error_is_found_among_few_weights_and_many(name, count):
    rng, method = np.random.default_rng(count), ("croston", "sba", "tsb").index(name)
    sizes, paces = np.linspace(0.05, 0.9, count), np.linspace(0.04, 0.7, count + 2)
    series = [rng.poisson(rate, n) * np.where(rng.random(n) < 0.1, np.nan, 1) for rate, n in ((0.4, 60), (2.0, 33), (0.1, 90), (0.9, 8))]
    table = table_of([*series, np.array([0.0, 3.0]), np.zeros(4), np.full(2, np.nan), np.empty(0)])
    n = len(table)
    which, by, state, rate = np.full(n, method), np.empty((n, 2)), np.empty((n, 4)), np.empty(n)
    intermittent_kernel.fit_demand(table.target, table.indptr, which, (0, 0), sizes.tolist(), paces.tolist(), by, state, rate)
    for i, values in enumerate(series):
        x = values[np.isfinite(values)]
        errors = {(a, b): one_step_errors(x, lambda past, a=a, b=b: ORACLES[name](past, alpha=a, beta=b)) for a in sizes for b in paces}
        np.testing.assert_allclose(errors[tuple(by[i])], min(errors.values()), rtol=1e-9)
    np.testing.assert_array_equal(by[4:], np.tile([sizes[0], paces[0]], (4, 1)))
    followed, said = np.zeros((n, 4)), np.empty(n)
    intermittent_kernel.follow_demand(table.target, table.indptr, which, by, followed, said, np.empty(0))
    np.testing.assert_allclose(state, followed, rtol=1e-12)
    np.testing.assert_allclose(rate, said, rtol=1e-12)


def test_adida_finds_the_weight_with_the_least_squared_error():
    x = np.random.default_rng(1).poisson(np.linspace(3, 9, 80)).astype(float)
    model = make("adida", low=0.05, high=0.95).fit(table_of([x]))
    grid = np.linspace(0.05, 0.95, 32)
    errors = [sum((x[i] - smooth(x[:i], alpha)) ** 2 for i in range(1, len(x))) for alpha in grid]
    np.testing.assert_allclose(model.alpha[0], grid[int(np.argmin(errors))])


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_no_bit(name):
    rng = np.random.default_rng(2)
    table = table_of([rng.poisson(rng.uniform(0.05, 2), 900).astype(float) for _ in range(150)])
    alone, together = (make(name, threads=threads).fit(table).predict(1).mean for threads in (1, 3))
    np.testing.assert_array_equal(alone, together)


def test_what_is_too_large_fails_alone():
    table = table_of([np.array([1.7e308, -1.7e308] * 5), np.array([0, 1.0, 0, 1.0])])
    forecast = make("croston").fit(table).predict(2)
    assert set(forecast.failed) <= {0}
    assert np.isfinite(forecast.mean[1]).all()


WILD = st.lists(st.sampled_from([0.0, 0.0, 1.0, -2.5, 1e300, -1e300, 1e-300, np.nan, np.inf, -np.inf]), max_size=70)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(series=st.lists(WILD, min_size=1, max_size=9), open_weights=st.booleans())
def test_wild_values_cost_their_neighbours_nothing(name, series, open_weights):
    good = np.random.default_rng(0).poisson(0.4, 90).astype(float)
    learner = make(name, **({"alpha": None, "beta": None} if open_weights and name not in ("adida", "imapa") else {}))
    tables = [table_of([good]), table_of([np.array(x) for x in series] + [good])]
    models = [learner.fit(table) for table in tables]
    alone, beside = (model.predict(2) for model in models)
    np.testing.assert_array_equal(alone.mean[0], beside.mean[-1])
    np.testing.assert_array_equal(models[0].fitted(tables[0]), models[1].fitted(tables[1])[-90:])
    for i, row in enumerate(beside.mean):
        assert np.isfinite(row).all() != (i in beside.failed)


def test_a_weight_outside_its_range_is_refused():
    with pytest.raises(SettingsError, match="above 0 and at most at 1; came 0"):
        make("croston", alpha=0)
    with pytest.raises(SettingsError, match="low <= high"):
        make("adida", low=0.5, high=0.2)
    with pytest.raises(SettingsError, match="1 or more; came 0"):
        make("imapa", widest=0)


def test_imapa_stops_at_its_widest_bucket():
    x = np.zeros(200)
    x[[90, 180]] = 4.0
    model = make("imapa", low=0.2, high=0.2, widest=7).fit(table_of([x]))
    assert model.size.tolist() == list(range(1, 8))
    np.testing.assert_allclose(model.predict(1).mean[0, 0], np.mean([aggregated(x, k, 0.2) for k in range(1, 8)]))
