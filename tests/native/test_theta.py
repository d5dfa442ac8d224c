"""The Theta method against the recursion of the paper, written down once more, one value after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import SettingsError, UnknownName
from forecaster.learners import make
from forecaster.learners.theta import FORMS
from forecaster.testing import table_of

ALPHA, K, SIGMA, SEASON, LEVEL = range(1, 6)


def line(y, until):
    """Intercept and slope of the observed values among the first `until`; before the first one it is flat there."""
    at = np.flatnonzero(np.isfinite(y[:until]))
    if len(at) < 2:
        return y[0], 0.0
    slope, intercept = np.polyfit(at + 1.0, y[at], 1)
    return intercept, slope


def expected(y, form, alpha, level, k, horizon=0):
    """mu of every step of the values and `horizon` further ones, and the level after the last value. Every step ahead is as expected."""
    y, mu, end = y.copy(), [], level
    static = line(y, len(y))
    for t in range(1, len(y) + horizon + 1):
        known = np.r_[y, mu[len(y) :]] if t > len(y) else y
        a, b = line(known, t - 1) if form.startswith("D") else static
        mu.append(level + k * ((1 - alpha) ** (t - 1) * a + (1 - (1 - alpha) ** t) / alpha * b))
        seen = t <= len(y) and np.isfinite(y[t - 1])
        level = alpha * (y[t - 1] if seen else mu[-1]) + (1 - alpha) * level
        end = level if t == len(y) else end
    return np.array(mu), end


def least_squares(y, form, alpha):
    """The best level and k for one alpha: errors are linear in both. Sum of squares, level, k"""
    counted = np.isfinite(y) & (np.cumsum(np.isfinite(y)) > 3)
    at = {lk: expected(y, form, alpha, *lk)[0][counted] for lk in [(0, 0), (1, 0), (0, 1)]}
    base = at[0, 0]
    design, rest = np.column_stack([at[1, 0] - base, at[0, 1] - base]), y[counted] - base
    level, k = np.linalg.lstsq(design, rest, rcond=None)[0]
    k = np.clip(k, 0, 1) if form.endswith("OTM") else 0.5
    level = np.linalg.lstsq(design[:, :1], rest - k * design[:, 1], rcond=None)[0][0]
    return float(np.sum((rest - level * design[:, 0] - k * design[:, 1]) ** 2)), level, k


def trending(seed, n=40, gaps=0.0):
    rng = np.random.default_rng(seed)
    y = 50 + 0.7 * np.arange(n) + np.cumsum(rng.normal(size=n)) + rng.normal(size=n)
    y[1:][rng.random(n - 1) < gaps] = np.nan
    return y


def fitted(y, **params):
    return make("theta", decomposition="none", **params).fit(table_of([y]))


@pytest.mark.parametrize("gaps", [0.0, 0.25])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", FORMS)
def test_has_the_least_squared_error(form, seed, gaps):
    y = trending(seed, gaps=gaps)
    found = fitted(y, form=form).models[0]
    squares = [least_squares(y, form, alpha)[0] for alpha in np.linspace(0.1, 0.99, 60)]
    freedom = max(np.isfinite(y).sum() - 3 - 2 - form.endswith("OTM"), 1)
    ours, _, k = least_squares(y, form, found[ALPHA])
    assert ours <= min(squares) * (1 + 1e-6)
    np.testing.assert_allclose(found[SIGMA], np.sqrt(ours / freedom), rtol=1e-6)
    np.testing.assert_allclose(found[K], k, atol=1e-6)


@pytest.mark.parametrize("gaps", [0.0, 0.25])
@pytest.mark.parametrize("form", FORMS)
def test_forecasts_as_the_paper_does(form, gaps):
    y = trending(5, gaps=gaps)
    model = fitted(y, form=form)
    alpha = model.models[0, ALPHA]
    _, start, k = least_squares(y, form, alpha)
    mu, level = expected(y, form, alpha, start, k, horizon=6)
    np.testing.assert_allclose(model.models[0, LEVEL], level, rtol=1e-9)
    forecast = model.predict(6)
    np.testing.assert_allclose(forecast.mean[0], mu[-6:], rtol=1e-8)
    width = (forecast.quantiles[0, :, 2] - forecast.quantiles[0, :, 0]) / (2 * 1.2815515655446004)
    np.testing.assert_allclose(width, model.models[0, SIGMA] * np.sqrt(1 + np.arange(6) * alpha**2), rtol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_rolling_forward_is_the_recursion_gone_on(form):
    y = trending(6, n=50)
    model = fitted(y[:40], form=form)
    alpha = model.models[0, ALPHA]
    _, start, k = least_squares(y[:40], form, alpha)
    level, (a, b) = expected(y[:40], form, alpha, start, k)[1], line(y, 40)
    for t in range(41, 51):
        level = alpha * y[t - 1] + (1 - alpha) * level
    a, b = line(y, 50) if form.startswith("D") else (a, b)
    mu = level + k * ((1 - alpha) ** 50 * a + (1 - (1 - alpha) ** 51) / alpha * b)
    table = table_of([y])
    np.testing.assert_allclose(
        make("theta", decomposition="none", form=form).fit(table.drop_last(10)).predict(1, table).mean[0, 0], mu, rtol=1e-8
    )


@pytest.mark.parametrize("gaps", [0.0, 0.25])
@pytest.mark.parametrize("form", FORMS)
def test_fitted_values_are_what_the_paper_expects_of_each(form, gaps):
    y = trending(8, n=50, gaps=gaps)
    seen, table = y[:40], table_of([y])
    model = make("theta", decomposition="none", form=form).fit(table.drop_last(10))
    _, level, k = least_squares(seen, form, model.models[0, ALPHA])
    mu = expected(seen, form, model.models[0, ALPHA], level, k)[0]
    said = model.fitted(table)
    np.testing.assert_allclose(said[:40], np.where(np.isfinite(seen), mu, np.nan), rtol=1e-8)
    np.testing.assert_allclose(model.residuals(table), y - said)


@pytest.mark.parametrize("form", ["auto", *FORMS])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 30])
def test_a_series_that_never_changes_goes_on(form, n):
    table = table_of([np.full(n, 5.0), np.r_[np.full(n, 5.0), np.nan, np.nan]])
    model = make("theta", form=form).fit(table)
    np.testing.assert_allclose(model.predict(12).quantiles, 5.0, rtol=1e-6)
    np.testing.assert_allclose(model.fitted(table)[:n], 5.0, rtol=1e-6)


def test_fitted_values_have_their_season():
    t = np.arange(75)
    y = (60 + 0.3 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 7)) + np.random.default_rng(1).normal(size=75)
    table = table_of([np.r_[np.nan, np.nan, y], y])
    said = make("theta", period=7).fit(table).fitted(table)
    index = seasonal_indices(y, 7, True)[t % 7]
    flat = y / index
    np.testing.assert_allclose(said[2:77], fitted(flat).fitted(table_of([flat])) * index, rtol=1e-9)
    np.testing.assert_array_equal(said[2:77], said[77:])
    assert np.isnan(said[:2]).all()


@pytest.mark.parametrize("form", FORMS)
def test_a_gap_at_the_end_counts_as_steps_ahead(form):
    y = trending(4, n=50)
    gone = np.r_[y[:45], np.full(5, np.nan)]
    late = table_of([gone])
    model = make("theta", decomposition="none", form=form).fit(table_of([y[:45]], start=late.start))
    whole, rolled = model.predict(9), model.predict(4, late)
    np.testing.assert_allclose(rolled.quantiles[:, :, 0] - rolled.mean, (whole.quantiles[:, :, 0] - whole.mean)[:, 5:], rtol=1e-9)
    direct = make("theta", decomposition="none", form=form).fit(late).predict(4)
    spread, ahead = direct.quantiles[0, :, 2] - direct.mean[0], whole.quantiles[0, :, 2] - whole.mean[0]
    assert (spread > 0.5 * ahead[5:]).all()


def test_auto_takes_the_least_aicc():
    for seed in range(8):
        y = trending(seed)
        n, criteria = len(y) - 3, []
        for form in FORMS:
            p = 3 + form.endswith("OTM")
            squares = fitted(y, form=form).models[0, SIGMA] ** 2 * (n - p + 1)
            criteria.append(n * np.log(squares / n) + 2 * p + 2 * p * (p + 1) / (n - p - 1))
        assert FORMS[int(fitted(y, form="auto").models[0, 0])] == FORMS[int(np.argmin(criteria))]


def seasonal_indices(y, m, multiplicative):
    kernel = np.r_[0.5, np.ones(m - 1), 0.5] / m if m % 2 == 0 else np.ones(m) / m
    trend = np.full(len(y), np.nan)
    trend[m // 2 : len(y) - m // 2] = np.convolve(y, kernel, "valid")
    left = y / trend if multiplicative else y - trend
    index = np.array([np.nanmean(left[j::m]) for j in range(m)])
    return index / index.mean() if multiplicative else index - index.mean()


@pytest.mark.parametrize(("decomposition", "m"), [("multiplicative", 7), ("additive", 7), ("multiplicative", 4), ("additive", 12)])
def test_takes_a_season_out_and_puts_it_back(decomposition, m):
    rng = np.random.default_rng(m)
    y = (60 + 0.3 * np.arange(75)) * (1 + 0.3 * np.sin(2 * np.pi * np.arange(75) / m)) + rng.normal(size=75)
    model = make("theta", decomposition=decomposition, period=m).fit(table_of([y]))
    index = seasonal_indices(y, m, decomposition == "multiplicative")
    np.testing.assert_allclose(model.indices[0], np.roll(index, -(75 % m)), rtol=1e-9)
    phase = np.arange(75 + 2 * m) % m
    flat = y / index[phase[:75]] if decomposition == "multiplicative" else y - index[phase[:75]]
    rest = fitted(flat).predict(2 * m)
    back = (lambda x: x * index[phase[75:]]) if decomposition == "multiplicative" else (lambda x: x + index[phase[75:]])
    forecast = model.predict(2 * m)
    np.testing.assert_allclose(forecast.mean[0], back(rest.mean[0]), rtol=1e-9)
    np.testing.assert_allclose(forecast.quantiles[0, :, 0], back(rest.quantiles[0, :, 0]), rtol=1e-9)


def test_a_series_without_season_is_left_alone():
    y = np.random.default_rng(3).normal(50, 1, 60)
    np.testing.assert_array_equal(make("theta", period=7).fit(table_of([y])).models[0, SEASON], 0)


@pytest.mark.parametrize("form", ["auto", *FORMS])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), factor=st.sampled_from([1e-9, 7.0, 1e12]), shift=st.sampled_from([-300.0, 40.0]))
def test_scales_and_shifts_with_the_values(form, seed, factor, shift):
    y = trending(seed, n=30, gaps=0.1)
    one = fitted(y, form=form).predict(5)
    for values, back in ((factor * y, lambda x: x / factor), (y + shift, lambda x: x - shift)):
        other = fitted(values, form=form).predict(5)
        np.testing.assert_allclose(back(other.mean), one.mean, rtol=1e-6)
        np.testing.assert_allclose(back(other.quantiles), one.quantiles, rtol=1e-4)


WILD = st.lists(st.sampled_from([0.0, 1.0, -2.5, 1e300, -1e300, 1e-300, np.nan, np.inf, 5.0]), max_size=40)


@settings(max_examples=150, deadline=None)
@given(series=st.lists(WILD, min_size=1, max_size=3), form=st.sampled_from(["auto", *FORMS]))
def test_wild_values_cost_their_neighbours_nothing(series, form):
    good = trending(1)
    tables = [table_of([good]), table_of([np.array(x) for x in series] + [good])]
    alone, beside = (make("theta", form=form).fit(table).predict(3) for table in tables)
    np.testing.assert_array_equal(alone.mean[0], beside.mean[-1])
    for i, row in enumerate(beside.mean):
        assert np.isfinite(row).all() != (i in beside.failed)


def test_threads_change_no_bit():
    table = table_of([trending(seed, n=60) for seed in range(200)])
    one, several = (make("theta", form="auto", threads=threads).fit(table) for threads in (1, 3))
    np.testing.assert_array_equal(one.models, several.models)


def test_wrong_options_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'DOTM'"):
        make("theta", form="DOTN")
    with pytest.raises(UnknownName, match="additive"):
        make("theta", decomposition="addive")
    with pytest.raises(SettingsError, match="levels ascend"):
        make("theta", levels=(0.9, 0.1))
    with pytest.raises(SettingsError, match="levels ascend"):
        make("theta", levels=(float("nan"),))
    with pytest.raises(SettingsError, match="1 for none; came 0"):
        make("theta", period=0)
