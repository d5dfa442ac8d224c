"""The ets kernel, through its learner, against the slow oracle, other programs, other processors and bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ets_oracle import Smoothing, deviance, matrices, simulated, variances
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from forecaster.errors import CannotPredict
from forecaster.learners.ets import ETS, TOO_EARLY, codes, name_of
from forecaster.testing import same, sound, table_of

FORMS = [name_of(code) for code in codes("ZZZ", unstable=True, multiplicative_trend=True)]
EXPONENTIAL = [form for form in FORMS if form[1] == "M"]
CLOSED = [form for form in FORMS if form[1] != "M" and (form[0] == "M" or form[-1] != "M")]
STABLE = [name_of(code) for code in codes("ZZZ")]


def series(n=72, period=4, seed=0, gaps=False):
    """Positive values with trend, season and noise; some missing where asked for."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    y = (50 + 0.4 * t + np.cumsum(rng.normal(size=n))) * (1 + 0.15 * np.sin(2 * np.pi * t / period)) + rng.normal(size=n)
    y[rng.random(n) < 0.15 * gaps] = np.nan
    y[[0, -1]] = 50, 80
    return y


def oracle(model, i=0, states=None):
    """The oracle that stands where states of a fitted model stand; before the first value unless others are given."""
    states = model.first if states is None else states
    period = states.state.shape[1] - 2
    season = np.roll(states.state[i, 2:], -int((states.step[i] - model.first.step[i]) % period))
    level, slope = states.state[i, :2].tolist()
    return Smoothing(model.forms[i], *states.rate[i].tolist(), level, slope, season.tolist())


def fitted(form="ZZZ", values=None, period=4, **options):
    table = table_of([series() if values is None else values], season_length=period)
    return ETS(form, **options).fit(table), table


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_states_and_likelihood_are_the_oracles(form, gaps):
    values = series(gaps=gaps)
    model, table = fitted(form, values)
    assert model.forms == [form]
    slow = oracle(model)
    forecasts, errors = slow.run(values)
    np.testing.assert_allclose(model.fitted(table), np.where(np.isnan(values), np.nan, forecasts), rtol=1e-9)
    np.testing.assert_allclose(model.residuals(table), np.where(np.isnan(values), np.nan, errors), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.predict(9).mean[0], slow.mean(9), rtol=1e-9)
    n, k = np.isfinite(values).sum(), 1 + len(parameters(model))
    aicc = deviance(oracle(model), values) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    assert model.criterion[0] == pytest.approx(aicc, rel=1e-9)
    assert model.variance[0] == pytest.approx((errors[np.isfinite(values)] ** 2).sum() / (n - k + 1))


def parameters(model):
    """The free numbers of a model in the usual region: rates and states."""
    slow = oracle(model)
    damped, sloped, seasonal = slow.trend.endswith("d"), slow.trend != "N", slow.kind != "N"
    rates = [slow.alpha] + [slow.beta / slow.alpha] * sloped + [slow.gamma / (1 - slow.alpha)] * seasonal + [slow.phi] * damped
    return rates + [slow.level] + [slow.slope] * sloped + slow.season[1:] * seasonal


def with_parameters(model, x):
    """The oracle with other free numbers."""
    slow, left = oracle(model), list(x)
    damped, sloped, seasonal = slow.trend.endswith("d"), slow.trend != "N", slow.kind != "N"
    slow.alpha = left.pop(0)
    slow.beta = left.pop(0) * slow.alpha if sloped else 0.0
    slow.gamma = left.pop(0) * (1 - slow.alpha) if seasonal else 0.0
    slow.phi = left.pop(0) if damped else 1.0
    slow.level = left.pop(0)
    slow.slope = left.pop(0) if sloped else 0.0
    if seasonal:
        slow.season = [(len(left) + 1) * (slow.kind == "M") - sum(left), *left]
    return slow


@pytest.mark.parametrize("form", FORMS)
def test_no_other_parameters_are_better(form):
    values = series(48, gaps=True)
    model, _ = fitted(form, values, prior=np.inf)
    x = np.array(parameters(model))
    rates = len(x) - 1 - (oracle(model).trend != "N") - 3 * (oracle(model).kind != "N")
    low, high = np.full(len(x), -np.inf), np.full(len(x), np.inf)
    low[:rates], high[:rates] = 1e-4, 0.9999
    if oracle(model).trend.endswith("d"):
        low[rates - 1], high[rates - 1] = 0.8, 0.98
    start = np.clip(x * 1.02, low, high)
    found = minimize(
        lambda z: deviance(with_parameters(model, z), values), start, method="L-BFGS-B", bounds=list(zip(low, high, strict=True))
    )
    assert deviance(oracle(model), values) <= found.fun + 0.02


@pytest.mark.parametrize("form", FORMS)
def test_likelihood_is_that_of_statsmodels(form):
    ets = pytest.importorskip("statsmodels.tsa.exponential_smoothing.ets")
    values = series()
    model, _ = fitted(form, values)
    slow = oracle(model)
    slow.gamma *= slow.kind == "A"  # statsmodels divides by the new level where the book divides by the old one
    seasonal = slow.kind != "N"
    words = {"A": "add", "M": "mul", "N": None}
    other = ets.ETSModel(
        values, error=words[slow.error], trend=words[slow.trend[0]], damped_trend=slow.trend.endswith("d"), seasonal=words[slow.kind],
        seasonal_periods=4 if seasonal else None,
    )  # fmt: skip
    known = {
        "smoothing_level": slow.alpha, "smoothing_trend": slow.beta, "smoothing_seasonal": slow.gamma, "damping_trend": slow.phi,
        "initial_level": slow.level, "initial_trend": slow.slope,
    }  # fmt: skip
    known |= {f"initial_seasonal.{i}": s for i, s in enumerate(reversed(slow.season))}
    twice = -2 * other.loglike([known[name] for name in other.param_names])
    assert deviance(slow, values) == pytest.approx(twice, rel=1e-8)


@pytest.mark.parametrize("form", CLOSED)
def test_closed_variances_are_those_of_the_matrix_formulas(form):
    model, _ = fitted(form, levels=(0.5, 0.8413447460685429))
    said = model.predict(11)
    slow = variances(oracle(model, states=model.last), model.variance[0], 11)
    np.testing.assert_allclose((said.quantiles[0, :, 1] - said.quantiles[0, :, 0]) ** 2, slow, rtol=1e-6)
    np.testing.assert_allclose(said.quantiles[0, :, 0], said.mean[0])


@pytest.mark.parametrize("form", CLOSED)
def test_simulated_quantiles_are_near_the_closed_ones(form):
    model, _ = fitted(form)
    rough = dataclasses.replace(model, recipe=dataclasses.replace(model.recipe, intervals="simulated", paths=20_000)).predict(9)
    exact = model.predict(9)
    width = exact.quantiles[..., -1] - exact.quantiles[..., 0]
    assert (np.abs(rough.quantiles - exact.quantiles) < 0.05 * width[..., None]).all()


@pytest.mark.parametrize("form", ["AAM", *EXPONENTIAL])
def test_simulated_quantiles_are_those_of_slow_paths(form):
    model, _ = fitted(form, paths=10_000)
    said = model.predict(6).quantiles[0]
    paths = simulated(oracle(model, states=model.last), model.variance[0], 6, 3000, np.random.default_rng(1))
    slow = np.quantile(paths, [0.1, 0.5, 0.9], axis=0).T
    assert (np.abs(said - slow) < 0.07 * (slow[:, 2] - slow[:, 0])[:, None]).all()


def test_a_simulation_is_seeded_by_the_values():
    values = [series(seed=1), series(seed=2)]
    learner = ETS("AAM", paths=50)
    both = learner.fit(table_of(values, season_length=4)).predict(5)
    same(both.take([1]), learner.fit(table_of(values[1:], season_length=4)).predict(5))
    other = dataclasses.replace(learner, seed=1).fit(table_of(values, season_length=4)).predict(5)
    assert not np.array_equal(other.quantiles, both.quantiles)


def test_gaps_at_the_end_widen_the_interval():
    values = series()
    open_end, whole = fitted("MAA", np.r_[values, np.full(6, np.nan)])[0], fitted("MAA", values)[0]
    late, early = open_end.predict(3), whole.predict(9)
    np.testing.assert_allclose(late.mean, early.mean[:, 6:])
    np.testing.assert_allclose(late.quantiles, early.quantiles[:, 6:])


@pytest.mark.parametrize("form", ["AAdA", "MAA", "MAM", "MMdM"])
def test_a_series_that_ended_long_ago_takes_no_time(form):
    model, _ = fitted(form, np.r_[series(), np.full(200_000, np.nan)], paths=50)
    assert np.isfinite(model.predict(5).quantiles).all() or model.predict(5).failed


@pytest.mark.parametrize("form", ["AAdA", "MAM", "ANN", "MMN", "MMdM"])
def test_newer_history_moves_the_states(form):
    values = series(90, gaps=True)
    table = table_of([values], season_length=4)
    model = ETS(form).fit(table.drop_last(20))
    slow = oracle(model)
    slow.run(values)
    expected = slow.mean(6)
    np.testing.assert_allclose(model.predict(6, table).mean[0], expected, rtol=1e-9)
    for kept in (75, 22, 20):
        np.testing.assert_allclose(model.predict(6, table.tail(kept)).mean[0], expected, rtol=1e-9)
    with pytest.raises(CannotPredict, match="begins too late"):
        model.predict(6, table.tail(9))


def test_a_history_before_the_model_has_a_reason():
    table = table_of([series(90)], season_length=4)
    model = ETS().fit(table.tail(30))
    assert model.predict(2, table.drop_last(40)).failed == {0: TOO_EARLY}


ADDITIVE = ["ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA"]


def forgets(slow):
    """Whether every eigenvalue of the discount matrix lies within the unit circle."""
    w, F, g = matrices(slow)
    kept = [0, *([1] if slow.trend != "N" else []), *range(2, len(w))]
    roots = np.abs(np.linalg.eigvals((F - np.outer(g, w))[np.ix_(kept, kept)]))
    return np.sort(roots)[: len(roots) - (slow.kind == "A")].max() < 1  # a constant may move between level and season


@pytest.mark.parametrize("form", ADDITIVE)
def test_both_regions_hold_in_both(form):
    values = [series(seed=seed) * (1 - 0.2 * (np.arange(72) % 2)) + 20 * (np.arange(72) % 3) for seed in range(12)]
    model = ETS(form, region="both", prior=np.inf).fit(table_of(values, season_length=4))
    alpha, beta, gamma, _ = model.first.rate.T
    assert ((alpha < 1) & (beta <= alpha) & (gamma <= 1 - alpha)).all()
    assert all(forgets(oracle(model, i)) for i in range(12))


@pytest.mark.parametrize("form", ADDITIVE)
def test_the_admissible_region_is_wider_and_forgets(form):
    values = [series(seed=seed) * (1 - 0.2 * (np.arange(72) % 2)) for seed in range(12)]
    table = table_of(values, season_length=4)
    usual, wide = (ETS(form, region=region, prior=np.inf).fit(table) for region in ("usual", "admissible"))
    for i, y in enumerate(values):
        slow = oracle(wide, i)
        assert forgets(slow)
        assert deviance(slow, y) < deviance(oracle(usual, i), y) + 0.1


def test_the_smallest_criterion_wins():
    table = table_of([series(seed=seed) for seed in range(8)], season_length=4)
    for select in ("aic", "aicc", "bic"):
        best = ETS(select=select, prior=np.inf).fit(table)
        others = np.array([ETS(form, select=select, prior=np.inf).fit(table).criterion for form in STABLE])
        np.testing.assert_allclose(best.criterion, others.min(axis=0), atol=0.02)


def test_a_backtest_keeps_the_form_that_forecast_the_end_best():
    values = [series(60 + seed, seed=seed, gaps=seed % 2) for seed in range(8)]
    best = ETS(select="backtest", holdout=10).fit(table_of(values, season_length=4))
    for i, y in enumerate(values):
        missed = [missed_by(form, y, 10) for form in STABLE]
        assert missed[STABLE.index(best.forms[i])] <= 1.001 * min(missed)
        same(best.predict(3).take([i]), ETS(best.forms[i]).fit(table_of([y], season_length=4)).predict(3))


def missed_by(form, values, held):
    """Mean absolute error over the last values, forecast from each of the steps before them by a model of those before all of them."""
    slow, off = oracle(fitted(form, values[:-held])[0]), []
    slow.run(values[:-held])
    for origin in range(len(values) - held, len(values)):
        off.extend(np.abs(values[origin:] - copied(slow).mean(len(values) - origin)))
        slow.move(float(values[origin]))
    return np.nanmean(off)


def copied(slow):
    return dataclasses.replace(slow, season=list(slow.season))


def test_a_series_too_short_to_hold_values_back_is_chosen_by_criterion():
    values = series(6)
    assert fitted(values=values, select="backtest")[0].forms == fitted(values=values)[0].forms


def test_short_series_are_given_small_forms():
    short = series(20, period=12)
    assert fitted(values=short, period=12)[0].forms[0].endswith("N")
    assert fitted(values=short[:5], period=12)[0].forms == ["ANN"] or fitted(values=short[:5], period=12)[0].forms == ["MNN"]
    assert "two full periods" in fitted("AAA", short, period=12)[0].predict(1).failed[0]


def test_multiplicative_forms_need_positive_values():
    values = series() - 60
    assert fitted(values=values)[0].forms[0].startswith("A")
    assert "positive values" in fitted("MNN", values)[0].predict(1).failed[0]


@pytest.mark.parametrize("form", [form for form in FORMS if "M" in form])
def test_a_positive_series_of_any_shape_has_a_multiplicative_form(form):
    rng = np.random.default_rng(0)
    steep = np.exp(0.3 * np.arange(30)) * rng.lognormal(0, 0.1, 30)  # a line through its beginning starts below zero
    fallen = np.r_[np.full(4, 100.0), np.full(20, 1.0)] * rng.lognormal(0, 0.1, 24)
    model = ETS(form).fit(table_of([steep, fallen, steep[::-1]], season_length=4))
    assert model.forms == [form] * 3
    assert np.isfinite(model.criterion).all()


def test_a_season_of_a_week_of_hours():
    t = np.arange(168 * 4)
    profile = 100 + 20 * np.random.default_rng(1).normal(size=168)
    model, _ = fitted(values=profile[t % 168] + np.random.default_rng(0).normal(size=len(t)), period=168)
    assert np.abs(model.predict(168).mean[0] - profile).mean() < 1.5


def test_threads_change_no_bit():
    table = table_of([series(20 + 3 * seed, seed=seed, gaps=True) for seed in range(30)], season_length=4)
    one, several = ETS(threads=1).fit(table), ETS(threads=3).fit(table)
    np.testing.assert_array_equal(one.first.state, several.first.state)
    same(one.predict(6), several.predict(6))


WILD = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, 1e300, -1e300, 1.7e308, 1e-300, 5e-324]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(WILD, max_size=40), min_size=1, max_size=4),
    st.sampled_from([1, 3, 7]),
    st.sampled_from(["usual", "admissible", "both"]),
    st.sampled_from(["aicc", "backtest"]),
)
def test_wild_values_have_a_forecast_or_a_reason_and_leave_neighbours_alone(wild, period, region, select):
    learner = ETS(period=period, region=region, select=select, unstable=True, multiplicative_trend=True, paths=20)
    good = series(30)
    with np.errstate(all="raise"):
        said = learner.fit(table_of([np.array(values) for values in wild] + [good])).predict(4)
    sound(said)
    same(said.take([len(wild)]), learner.fit(table_of([good])).predict(4))
