"""Several seasons against STL written down once more, place by place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster._native import mstl as native
from forecaster.errors import CannotPredict, SettingsError
from forecaster.frequency import Frequency
from forecaster.learners import make
from forecaster.learners.mstl import usual
from forecaster.testing import table_of


def loess(y, window, degree, x):
    """A weighted polynomial through the `window` values that are nearest to place x."""
    n, kept = len(y), min(window, len(y))
    left = min(max(x - (window - 1) // 2, 0), n - kept)
    at = np.arange(left, left + kept)
    reach = max(x - at[0], at[-1] - x) + (max(window - n, 0) // 2)
    r = np.abs(at - x) / reach
    weight = np.where(r > 0.999, 0.0, np.where(r <= 0.001, 1.0, (1 - r**3) ** 3))
    return np.polyval(np.polyfit(at - x, y[at], degree, w=np.sqrt(weight)), 0.0)


def everywhere(y, window, degree, jump):
    places = [*range(0, len(y) - 1, jump), len(y) - 1]
    return np.interp(np.arange(len(y)), places, [loess(y, window, degree, x) for x in places])


def odd(x):
    up = int(np.ceil(x))
    return up + (up % 2 == 0)


def mean(x, width):
    return np.convolve(x, np.full(width, 1 / width), "valid")


def stl(x, m, window):
    trend, wide, low = np.zeros(len(x)), odd(1.5 * m / (1 - 1.5 / window)), odd(m)
    for _ in range(5):
        cycle = np.empty(len(x) + 2 * m)
        for j in range(m):
            one = (x - trend)[j::m]
            cycle[j::m] = [loess(one, window, 0, place) for place in range(-1, len(one) + 1)]
        season = cycle[m:-m] - everywhere(mean(mean(mean(cycle, m), m), 3), low, 1, (low + 9) // 10)
        trend = everywhere(x - season, wide, 1, (wide + 9) // 10)
    return season


def several(y, periods):
    whole = np.interp(np.arange(len(y)), np.flatnonzero(np.isfinite(y)), y[np.isfinite(y)])
    seasons = [np.zeros(len(y)) for _ in periods]
    for _ in range(2 if len(periods) > 1 else 1):
        for i, m in enumerate(periods):
            if len(y) >= 2 * m:
                seasons[i] = stl(whole - sum(seasons) + seasons[i], m, 11 + 4 * i)
    return y - sum(seasons), np.concatenate(
        [season[-m:] if len(y) >= m else np.zeros(m) for season, m in zip(seasons, periods, strict=True)]
    )


def wavy(n, seed=0, gaps=0.0):
    rng, t = np.random.default_rng(seed), np.arange(n)
    y = 30 + 0.1 * t + 5 * np.sin(2 * np.pi * t / 6) + 3 * np.cos(2 * np.pi * t / 24) + rng.normal(size=n)
    y[1:-1][rng.random(max(n - 2, 0)) < gaps] = np.nan
    return y


def decomposed(y, periods):
    left, last, share = np.empty(len(y)), np.empty((1, sum(periods))), np.empty(1)
    native.decompose(y, np.array([0, len(y)]), periods, left, last, share)
    return left, last[0], share[0]


@pytest.mark.parametrize("gaps", [0.0, 0.15])
@pytest.mark.parametrize(("n", "periods"), [(90, (6,)), (95, (6, 24)), (144, (6, 24)), (40, (6, 24)), (13, (6,)), (50, (5, 7, 11))])
def test_takes_out_what_stl_takes_out(n, periods, gaps):
    y = wavy(n, gaps=gaps)
    left, last, _ = decomposed(y, periods)
    expected_left, expected_last = several(y, periods)
    np.testing.assert_allclose(left, expected_left, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(last, expected_last, rtol=1e-8, atol=1e-8)


def test_a_clean_season_leaves_the_line():
    t = np.arange(240)
    season = 5 * np.sin(2 * np.pi * t / 6) + 3 * np.cos(2 * np.pi * t / 24)
    left, last, _ = decomposed(20 + 0.5 * t + season, (6, 24))
    np.testing.assert_allclose(left, 20 + 0.5 * t, atol=0.05)
    np.testing.assert_allclose(last[:6] + last[6:12], season[:6], atol=0.05)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 120), factor=st.sampled_from([1e-9, 3.0, 1e12]), shift=st.sampled_from([-50.0, 7.0]))
def test_scales_and_shifts_with_the_values(n, factor, shift):
    y = wavy(n)
    left, last, _ = decomposed(y, (6, 24))
    np.testing.assert_allclose(decomposed(factor * y, (6, 24))[0], factor * left, rtol=1e-7)
    moved_left, moved_last, _ = decomposed(y + shift, (6, 24))
    np.testing.assert_allclose(moved_left, left + shift, atol=1e-9)
    np.testing.assert_allclose(moved_last, last, atol=1e-9)


def test_forecasts_the_rest_and_puts_the_seasons_back():
    y, inner = wavy(150), make("theta", decomposition="none")
    left, last = several(y, (6, 24))
    rest = inner.fit(table_of([left])).predict(30)
    forecast = make("mstl", learner=inner, seasons=(24, 6)).fit(table_of([y])).predict(30)
    season = last[:6][np.arange(30) % 6] + last[6:][np.arange(30) % 24]
    np.testing.assert_allclose(forecast.mean[0], rest.mean[0] + season, rtol=1e-8)
    around, wider = rest.quantiles[0] - rest.mean[0][:, None], 1 / np.sqrt(1 - decomposed(y, (6, 24))[2])
    np.testing.assert_allclose(forecast.quantiles[0], forecast.mean[0][:, None] + wider * around, rtol=1e-6)


@pytest.mark.parametrize(("n", "m"), [(66, 6), (70, 6), (49, 24)])
def test_the_share_is_what_a_value_adds_to_its_own_season(n, m):
    own = [loess(np.eye(len(part))[i], 11, 0, i) for part in (np.arange(n)[j::m] for j in range(m)) for i in range(len(part))]
    np.testing.assert_allclose(decomposed(wavy(n), (m,))[2], np.mean(own), rtol=1e-9)


def test_the_share_is_what_noise_loses():
    noise = np.random.default_rng(0).normal(size=6000)
    left, _, share = decomposed(noise, (6,))
    np.testing.assert_allclose(left.var() / noise.var(), 1 - share, atol=0.06)


def test_rolling_forward_keeps_the_seasons():
    table = table_of([wavy(160), wavy(100, 1)])
    recipe = make("mstl", learner=make("naive"), seasons=(6, 24))
    before = table.drop_last(10)
    model = recipe.fit(before)
    rolled = model.predict(8, table).mean
    season = np.array([several(before.values(i), (6, 24))[1] for i in range(2)])
    at = [season[:, :6][:, k % 6] + season[:, 6:][:, k % 24] for k in range(9, 18)]
    expected = table.target[table.indptr[1:] - 1] - at[0]
    np.testing.assert_allclose(rolled, (expected + np.array(at[1:])).T, rtol=1e-8)


@pytest.mark.parametrize("name", ["theta", "ets", "arima"])
def test_a_learner_that_goes_through_all_of_a_history_sees_what_it_was_fitted_on(name):
    table = table_of([wavy(160, gaps=0.1), wavy(100, 1), wavy(30, 2), wavy(5, 3)], season_length=1)
    model = make("mstl", learner=make(name), seasons=(6, 24)).fit(table)
    np.testing.assert_allclose(model.predict(8, table).mean, model.predict(8).mean, rtol=1e-8)


def test_what_is_left_has_no_season_for_the_learner():
    table = table_of([wavy(160), wavy(120, 1)], season_length=6)
    whole = make("mstl", learner=make("arima"), seasons=(6, 24)).fit(table).model
    assert (whole.orders[:, 3:6] == 0).all()
    other = make("mstl", learner=make("seasonal_naive"), seasons=(5,)).fit(table).model
    assert other.values.shape[1] == 6, "a season that was not taken out stays"


def test_a_history_too_short_for_its_seasons_has_the_last_ones():
    table = table_of([wavy(160)], season_length=1)
    model = make("mstl", learner=make("naive"), seasons=(6, 24)).fit(table.drop_last(10))
    np.testing.assert_allclose(model.predict(8, table.tail(30)).mean, model.predict(8, table).mean, rtol=1e-8)


def test_fitted_values_are_those_of_the_rest_with_the_seasons():
    table, inner = table_of([wavy(160, gaps=0.1), wavy(100, 1)]), make("theta", decomposition="none")
    before = table.drop_last(10)
    model = make("mstl", learner=inner, seasons=(6, 24)).fit(before)
    said = model.fitted(table)
    for i, n in ((0, 150), (1, 90)):
        y = table.values(i)
        left, last = several(y[:n], (6, 24))
        ahead = np.arange(10)
        season = np.r_[y[:n] - left, last[:6][ahead % 6] + last[6:][ahead % 24]]
        rest = inner.fit(table_of([np.where(np.isfinite(y[:n]), left, np.nan)], start=np.zeros(1, np.int64)))
        expected = rest.fitted(table_of([y - season], start=np.zeros(1, np.int64))) + season
        np.testing.assert_allclose(said[table.indptr[i] : table.indptr[i + 1]], expected, rtol=1e-7)
    np.testing.assert_allclose(model.residuals(table), table.target - said)


def test_a_learner_without_fitted_values_says_so():
    table = table_of([wavy(100)])
    with pytest.raises(CannotPredict, match=r"Cycle, .* tells no fitted values"):
        make("mstl", learner=make("naive"), seasons=(6,)).fit(table).fitted(table)


@settings(max_examples=80, deadline=None)
@given(series=st.lists(st.lists(st.sampled_from([0.0, 1.0, -2.5, 1e300, -1e300, np.nan, np.inf]), max_size=30), min_size=1, max_size=3))
def test_wild_values_cost_their_neighbours_nothing(series):
    good = wavy(40)
    tables = [table_of([good]), table_of([np.array(x) for x in series] + [good])]
    alone, beside = (make("mstl", seasons=(3, 6)).fit(table).predict(3) for table in tables)
    np.testing.assert_array_equal(alone.mean[0], beside.mean[-1])
    for i, row in enumerate(beside.mean):
        assert np.isfinite(row).all() != (i in beside.failed)


def test_threads_change_no_bit():
    table = table_of([wavy(150 + seed % 3, seed) for seed in range(90)])
    one, several_threads = (make("mstl", seasons=(6, 24), threads=threads).fit(table) for threads in (1, 3))
    np.testing.assert_array_equal(one.last, several_threads.last)


@pytest.mark.parametrize(("alias", "seasons"), [("30min", (48, 336)), ("h", (24, 168)), ("D", (7,)), ("MS", (12,)), ("YS", ())])
def test_the_usual_seasons(alias, seasons):
    frequency = Frequency.parse(alias)
    assert usual(table_of([wavy(30)], frequency=frequency, season_length=frequency.season_length)) == seasons


@pytest.mark.parametrize("seasons", [(), (1, 7), (2.5,)])
def test_wrong_seasons_are_refused(seasons):
    with pytest.raises(SettingsError, match="from 2 up"):
        make("mstl", seasons=seasons)
