"""ARIMA through its learner: orders, forecasts, covariates, wrappers and the original engines."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from scipy import stats

from forecaster._native import arima as native
from forecaster.errors import MissingExtra, SettingsError, UnknownName
from forecaster.learners import _arima_originals, make
from forecaster.learners.transformed import Transformed
from forecaster.table import Future
from forecaster.testing import PROMISES, sales, table_of

SEASON = 12


def airline(n: int = 120, seed: int = 0, theta: float = 0.4, seasonal: float = 0.5) -> np.ndarray:
    """(0, 1, 1)(0, 1, 1)12, written out."""
    e = np.random.default_rng(seed).normal(size=n + 13)
    w = e[13:] - theta * e[12:-1] - seasonal * e[1:-12] + theta * seasonal * e[:-13]
    y = np.zeros(n)
    for t in range(n):
        past = [y[t - lag] if t >= lag else 0.0 for lag in (1, 12, 13)]
        y[t] = w[t] + past[0] + past[1] - past[2]
    return y + 100


def autoregression(n: int, phi: float, mean: float, seed: int) -> np.ndarray:
    e = np.random.default_rng(seed).normal(size=n)
    y = np.zeros(n)
    for t in range(n):
        y[t] = phi * (y[t - 1] if t else 0.0) + e[t]
    return y + mean


def sarimax(y: np.ndarray, model, i: int = 0, season: int = SEASON):
    """statsmodels at our parameters, smoothed."""
    statespace = pytest.importorskip("statsmodels.tsa.statespace.sarimax")
    p, d, q, P, D, Q, constant = (int(order) for order in model.orders[i])
    assert not constant
    shape = {"order": (p, d, q), "seasonal_order": (P, D, Q, season) if P + D + Q else (0, 0, 0, 0)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kalman = statespace.SARIMAX(y, **shape, trend="n", use_exact_diffuse=d + D > 0)
    return kalman.smooth(np.r_[model.coefficients[i, : p + q + P + Q], model.sigma2[i]])


@pytest.mark.parametrize("gaps", [[], [30, 31, 77, 100], [117, 118, 119]], ids=["full", "gaps", "ends in gaps"])
def test_forecasts_are_those_of_a_kalman_filter(gaps):
    y = airline()
    y[gaps] = np.nan
    model = make("arima", order=(1, 1, 1), seasonal=(0, 1, 1)).fit(table_of([y], season_length=SEASON))
    said, wanted = model.predict(24), sarimax(y, model).get_forecast(24)
    np.testing.assert_allclose(said.mean[0], wanted.predicted_mean, rtol=1e-8)
    # The filter still doubts its start, our variances do not.
    sd = (said.quantiles[0, :, 2] - said.mean[0]) / 1.2815515655446004
    np.testing.assert_allclose(sd, np.sqrt(wanted.var_pred_mean), rtol=2e-2)


SHAPES = [
    ((1, 0, 0), (0, 0, 0), 1), ((2, 1, 1), (0, 0, 0), 1), ((0, 2, 2), (0, 0, 0), 1), ((1, 0, 1), (1, 0, 0), 4),
    ((0, 1, 1), (0, 1, 1), 4), ((1, 1, 1), (0, 1, 1), 12), ((2, 0, 1), (1, 1, 0), 7),
]  # fmt: skip


@pytest.mark.parametrize(("order", "seasonal", "season"), SHAPES)
def test_residuals_variances_and_quantiles_are_those_of_statsmodels(order, seasonal, season):
    levels = (0.025, 0.5, 0.9)
    series = [airline(n, seed) for seed, n in enumerate((100, 150, 240))]
    table = table_of(series, season_length=season)
    model = make("arima", order=order, seasonal=seasonal, constant=False, levels=levels).fit(table)
    errors, fitted, said = model.residuals(table), model.fitted(table), model.predict(10)
    lost, used = order[1] + season * seasonal[1], sum(order) + sum(seasonal) - order[1] - seasonal[1]
    for i, y in enumerate(series):
        rows, theirs = slice(table.indptr[i], table.indptr[i + 1]), sarimax(y, model, i, season)
        assert np.isnan(errors[rows][:lost]).all()
        np.testing.assert_allclose(errors[rows][lost:], theirs.resid[lost:], atol=1e-6)
        np.testing.assert_allclose(fitted[rows][lost:], theirs.fittedvalues[lost:], atol=1e-6)
        # By psi weights: what a filter says once it no longer doubts its start.
        sd = np.sqrt(model.sigma2[i] * np.cumsum(np.ravel(theirs.impulse_responses(9)) ** 2))
        np.testing.assert_allclose(sd, np.sqrt(theirs.get_forecast(10).var_pred_mean), rtol=0.03)
        wanted = stats.t.ppf(levels, len(y) - lost - used)
        np.testing.assert_allclose(said.quantiles[i], said.mean[i][:, None] + sd[:, None] * wanted, rtol=1e-8)


def test_quantiles_are_given_at_the_levels_asked_for():
    table = table_of([airline(), airline(90, 1)], season_length=SEASON)
    told = make("arima", levels=(0.05, 0.3, 0.95)).fit(table).predict(5)
    assert told.levels == (0.05, 0.3, 0.95)
    assert (np.diff(told.quantiles, axis=2) > 0).all()
    bare = make("arima", levels=())
    assert not bare.traits.quantiles
    said = bare.fit(table).predict(5)
    assert said.quantiles is None
    np.testing.assert_array_equal(said.mean, told.mean)


def test_finds_the_orders_of_simulated_series():
    table = table_of([airline(160, seed) for seed in range(30)], season_length=SEASON)
    orders = make("arima").fit(table).orders
    assert (orders[:, [1, 4]] == 1).all(axis=1).mean() > 0.6
    assert ((orders[:, 5] >= 1) | (orders[:, 3] >= 1)).mean() > 0.6


def test_estimates_what_made_the_series():
    table = table_of([autoregression(4000, 0.7, 50, seed) for seed in range(8)])
    model = make("arima", order=(1, 0, 0)).fit(table)
    np.testing.assert_allclose(model.coefficients[:, 0], 0.7, atol=0.05)
    np.testing.assert_allclose(model.numbers[:, 0], 50, atol=0.3)
    np.testing.assert_allclose(model.sigma2, 1, atol=0.1)


def test_a_long_series_can_have_a_root_nearer_to_the_circle():
    def level_that_hardly_moves(n: int, seed: int) -> np.ndarray:
        e = np.random.default_rng(seed).normal(size=n + 1)
        return e[1:] + np.cumsum(0.003 * e[:-1])

    long, short = ([level_that_hardly_moves(n, seed) for seed in range(8)] for n in (4000, 60))
    model = make("arima", order=(0, 1, 1), constant=False).fit(table_of(long))
    np.testing.assert_allclose(model.coefficients[:, 0], -0.997, atol=0.003)
    assert (make("arima", order=(0, 1, 1), constant=False).fit(table_of(short)).coefficients[:, 0] >= -1 / 1.01).all()


def test_eighty_percent_intervals_hold_four_values_in_five():
    series = [autoregression(220, 0.6, 0, seed) for seed in range(150)]
    said = make("arima").fit(table_of([y[:200] for y in series])).predict(20)
    actual = np.array([y[200:] for y in series])
    inside = ((actual >= said.quantiles[:, :, 0]) & (actual <= said.quantiles[:, :, 2])).mean()
    assert 0.75 < inside < 0.84


def test_rolling_forward_is_the_filter_not_a_fit():
    y = airline(140)
    table = table_of([y], season_length=SEASON)
    model = make("arima", average=1).fit(table.drop_last(20))
    whole = sarimax(y, model).get_forecast(6).predicted_mean
    np.testing.assert_allclose(model.predict(6, table).mean[0], whole, rtol=1e-8)


def several(covariate: bool = False):
    """Series of which several models forecast together, and what is known of their future."""
    values = [
        airline(60),
        autoregression(40, 0.6, 10, 0),
        airline(90, 3),
        np.cumsum(autoregression(25, 0.3, 1, 5)),
        autoregression(18, 0.8, 50, 1),
    ]
    table = table_of(values, season_length=SEASON)
    if not covariate:
        return table, None
    rng = np.random.default_rng(0)
    promotion, ahead = ((rng.random(size) < 0.4).astype(np.float32) for size in (len(table.target), (len(table), 24)))
    table = dataclasses.replace(table.with_target(table.target + 5 * promotion), known={"promotion": promotion})
    return table, Future({"promotion": ahead}, 24)


def after(table, future, first: np.ndarray):
    """The table once those forecasts came true, and the rest of the future."""
    steps = first.shape[1]
    longer = dataclasses.replace(table, known={}).extend(first)
    if future is None:
        return longer, None
    ends, ahead = table.indptr[1:], future.known["promotion"]
    known = np.insert(table.known["promotion"], np.repeat(ends, steps), ahead[:, :steps].ravel())
    return dataclasses.replace(longer, known={"promotion": known}), Future({"promotion": ahead[:, steps:]}, 24 - steps)


def test_models_weigh_by_their_aicc():
    model = make("arima", average=4).fit(several()[0])
    aicc = np.array([np.where(one.numbers[:, 6] == 0, one.aicc, np.inf) for one in (model, *model.others)])
    assert aicc.shape == (4, 5)
    wanted = np.exp(-0.5 * (aicc - aicc.min(axis=0)))
    np.testing.assert_allclose(model.weights, wanted / wanted.sum(axis=0))
    assert ((model.weights > 0.01).sum(axis=0) > 1).all()


@pytest.mark.parametrize("covariate", [False, True], ids=["alone", "with a covariate"])
def test_models_take_what_they_forecast_together_as_observed(covariate):
    table, future = several(covariate)
    model = make("arima").fit(table)
    said = model.predict(7, None, future).mean
    models = [dataclasses.replace(one, others=()) for one in (model, *model.others)]
    for step in range(7):
        longer, later = after(table, future, said[:, :step])
        each = [one.predict(1, longer, later).mean[:, 0] for one in models]
        together = sum(np.where(share > 0, share * one, 0) for share, one in zip(model.weights, each, strict=True))
        np.testing.assert_allclose(said[:, step], together, rtol=1e-9)


@pytest.mark.parametrize("covariate", [False, True], ids=["alone", "with a covariate"])
def test_forecasts_are_what_follows_from_them(covariate):
    table, future = several(covariate)
    model = make("arima").fit(table)
    whole = model.predict(24, None, future).mean
    longer, later = after(table, future, whole[:, :9])
    np.testing.assert_allclose(model.predict(15, longer, later).mean, whole[:, 9:], rtol=1e-9)


def test_forecasts_nearly_follow_from_them_where_values_are_missing():
    table, _ = several()
    table = table.with_target(np.where(np.random.default_rng(0).random(len(table.target)) < 0.1, np.nan, table.target))
    model = make("arima").fit(table)
    whole = model.predict(12).mean
    np.testing.assert_allclose(model.predict(6, table.extend(whole[:, :6])).mean, whole[:, 6:], rtol=0.01)


def test_variances_are_those_of_the_recursion_and_of_what_models_say_apart():
    table = table_of([airline(500, 3), autoregression(400, 0.6, 10, 0)], season_length=SEASON)
    model, horizon = make("arima").fit(table), 15
    assert (model.weights[1:].sum(axis=0) > 0.1).all()
    said = model.predict(horizon)
    jump = np.zeros(len(table.target))
    jump[table.indptr[1:] - 1] = 1
    moved = model.predict(horizon - 1, table.with_target(table.target + jump)).mean
    psi = np.c_[np.ones(2), moved - said.mean[:, :-1]]
    variance = 0
    for share, one in zip(model.weights[:, :, None], (model, *model.others), strict=True):
        apart = dataclasses.replace(one, others=()).predict(horizon).mean
        variance += np.where(share > 0, share * (one.sigma2[:, None] * np.cumsum(psi**2, axis=1) + (apart - said.mean) ** 2), 0)
    freedom = np.array([500, 400])  # less a few, of which the quantile of so many knows little
    sd = (said.quantiles[:, :, 2] - said.mean) / stats.t.ppf(0.9, freedom)[:, None]
    np.testing.assert_allclose(sd, np.sqrt(variance), rtol=5e-3)


def test_models_that_disagree_widen_the_intervals():
    table = table_of([autoregression(18, 0.8, 50, seed) for seed in range(40)])
    width = {count: np.diff(make("arima", average=count).fit(table).predict(8).quantiles[:, :, [0, 2]]).mean() for count in (1, 6)}
    assert width[6] > 1.005 * width[1]


def test_models_whose_mean_explodes_do_not_forecast_together():
    """With its roots at the edge admitted, a model of 20 values now and then is so odd that errors grow in the mean of it and others."""
    series = [np.cumsum(np.random.default_rng(seed).normal(size=20)) for seed in (1054, 2224, 2442, *range(200))]
    model = make("arima", boundary="accept").fit(table_of(series))
    assert (model.weights[0] < 1).mean() > 0.5
    far = np.abs(model.predict(200).mean).max(axis=1)
    assert (far < 20 * np.array([np.abs(y).max() for y in series]) + 200).all()


def test_fitted_values_are_the_forecasts_one_step_ahead():
    table = table_of([airline(70), autoregression(50, 0.6, 10, 0)], season_length=SEASON)
    model = make("arima").fit(table)
    assert len(model.others) == 5
    before = model.predict(1, table.drop_last(1)).mean[:, 0]
    np.testing.assert_allclose(model.fitted(table)[table.indptr[1:] - 1], before, rtol=1e-8)


def test_fixed_orders_are_one_model():
    assert make("arima", order=(1, 0, 0)).fit(table_of([airline()])).others == ()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_one_model_keeps_the_promises(promise):
    promise(make("arima", average=1))


def test_a_season_that_stays_may_have_a_seasonal_root_at_one():
    """A steady weekly wave whose mean wanders is no reason to difference by seasons, where the test of its strength says no."""
    rng = np.random.default_rng(1)
    wave = np.tile([0.0, 1, 2, 3, 2, 1, 0], 60)
    y = 30 + wave + 2.5 * rng.normal(size=420)
    table = table_of([y], season_length=7)
    kept, refused = (make("arima", boundary=rule).fit(table) for rule in ("seasonal", "reject"))
    assert kept.orders[0, 4] == 0
    assert kept.aicc[0] < refused.aicc[0] - 5
    assert kept.coefficients[0, kept.orders[0, [0, 2]].sum()] > 0.98


def with_promotion(seed: int = 0):
    rng = np.random.default_rng(seed)
    promotion = (rng.random(200) < 0.3).astype(np.float32)
    table = table_of([20 + 8 * promotion + autoregression(200, 0.7, 0, seed)])
    return dataclasses.replace(table, known={"promotion": promotion}), promotion


def test_covariates_are_a_regression_with_arima_errors():
    arima = pytest.importorskip("statsmodels.tsa.arima.model")
    table, promotion = with_promotion()
    model = make("arima", order=(1, 0, 0)).fit(table)
    theirs = arima.ARIMA(table.target, exog=promotion, order=(1, 0, 0), trend="c").fit()
    np.testing.assert_allclose(model.loglik, theirs.llf, atol=1e-3)
    np.testing.assert_allclose([model.numbers[0, 0], model.betas[0, 0], model.coefficients[0, 0]], theirs.params[:3], rtol=2e-3)
    ahead = np.array([[1, 0, 1, 1]], np.float32)
    said = model.predict(4, None, Future({"promotion": ahead}, 4))
    np.testing.assert_allclose(said.mean[0], theirs.forecast(4, exog=ahead[0]), rtol=1e-3)


def test_a_category_is_one_column_per_label():
    rng = np.random.default_rng(0)
    weather = rng.integers(0, 3, 300)
    table = table_of([np.array([10.0, 15, 30])[weather] + rng.normal(size=300)])
    labels = ("dry", "rain", "snow")
    table = dataclasses.replace(table, known={"weather": weather.astype(np.float32)}, categories={"weather": labels})
    model = make("arima").fit(table)
    np.testing.assert_allclose(model.betas, [[5, 20]], atol=0.5)
    said = model.predict(3, None, Future({"weather": np.array([[0, 1, 2]], np.float32)}, 3))
    np.testing.assert_allclose(said.mean, [[10, 15, 30]], atol=0.8)


def test_a_series_has_no_columns_for_labels_of_other_groups_alone():
    rng = np.random.default_rng(0)
    weather = rng.integers(0, 3, (2, 120)) * 2 + np.array([[0], [1]])
    series = [10.0 + code + rng.normal(size=120) for code in weather]
    known, labels = {"weather": weather.ravel().astype(np.float32)}, tuple("abcdef")
    both = dataclasses.replace(table_of(series), group_ptr=np.arange(3), known=known, categories={"weather": labels}).with_met()
    model = make("arima").fit(both)
    for i in range(2):
        alone = make("arima").fit(both.take_groups([i]))
        np.testing.assert_array_equal(model.regressors.codes[i], [i + 2, i + 4])
        np.testing.assert_array_equal(model.betas[i], alone.betas[0])
        np.testing.assert_array_equal(model.aicc[i], alone.aicc[0])


def test_a_series_without_a_covariate_is_fitted_as_if_there_were_none():
    table, promotion = with_promotion()
    two = table_of([table.target, table.target])
    x = np.stack([np.concatenate([promotion, promotion]), np.repeat([1.0, np.nan], 200)], axis=1).astype(np.float64)
    x[:200, 1] = np.arange(200) % 2
    shapes = (2, 2), (2, native.NUMBERS), (2, 2)
    arrays = np.zeros((2, 7), np.int32), *(np.zeros(shape) for shape in shapes)
    most = np.array([1, 0, 1, 0, 0, 0], np.int32)
    native.fit(two.target, two.indptr, x, 1, False, most, -1, -1, -1, 94, 1, 1, *arrays)
    alone = np.zeros((1, 7), np.int32), np.zeros((1, 2)), np.zeros((1, native.NUMBERS)), np.zeros((1, 1))
    native.fit(table.target, table.indptr, np.ascontiguousarray(x[:200, :1]), 1, False, most, -1, -1, -1, 94, 1, 1, *alone)
    np.testing.assert_array_equal(arrays[2][1], alone[2][0])
    np.testing.assert_array_equal(arrays[3][1], [alone[3][0, 0], 0])


def test_boundary_rules_differ_where_the_season_hardly_changes():
    rng = np.random.default_rng(0)
    series = [50 + 10 * np.sin(2 * np.pi * np.arange(120) / SEASON) + rng.normal(size=120) for _ in range(20)]
    table = table_of(series, season_length=SEASON)
    aicc = {rule: make("arima", boundary=rule).fit(table).aicc for rule in ("reject", "seasonal", "accept")}
    slack = 1 + 1e-6  # of the models alike the smallest is taken
    assert (aicc["accept"] <= aicc["seasonal"] + slack).all()
    assert aicc["seasonal"].sum() < aicc["reject"].sum() - 10


def test_a_moving_average_at_one_is_refused_only_where_a_difference_was_taken():
    """Differences of noise have no difference too many as they are, and one where they are those of a straight line with noise."""
    noise = [np.random.default_rng(seed).normal(size=101) for seed in range(10)]
    plain, differenced = (table_of(series) for series in ([30 + np.diff(e) for e in noise], [0.1 * np.arange(101) + e for e in noise]))
    for table, d, as_by in ((plain, 0, "accept"), (differenced, 1, "reject")):
        model, alike = (make("arima", period=1, boundary=rule).fit(table) for rule in ("seasonal", as_by))
        assert set(model.orders[:, 1]) == {d}
        np.testing.assert_array_equal(model.orders, alike.orders)
    refused, admitted = (make("arima", period=1, boundary=rule).fit(plain) for rule in ("reject", "seasonal"))
    assert np.median(refused.aicc - admitted.aicc) > 10
    assert np.median(admitted.coefficients[:, 0]) < -0.98


@pytest.mark.parametrize("most", [(5, 2, 5, 2, 0, 2), (0, 0, 0, 0, 0, 0), (2, 0, 2, 1, 1, 1)])
def test_no_order_exceeds_the_largest_asked_for(most):
    assert (make("arima", most=most).fit(table_of([airline()], season_length=SEASON)).orders[:, :6] <= most).all()


def test_a_covariate_that_differencing_takes_says_nothing():
    table, month = table_of([airline()], season_length=SEASON), np.arange(len(airline())) % SEASON
    known = {
        "wave": np.sin(2 * np.pi * np.arange(len(month)) / SEASON),
        "digits": (month / 7).astype(np.float32) * (1 + 6e-8 * (month % 5 - 2)),
    }
    order = {"order": (0, 1, 1), "seasonal": (0, 1, 1)}
    bare = make("arima", **order).fit(table).predict(SEASON).mean
    for name, column in known.items():
        aside = dataclasses.replace(table, known={name: column.astype(np.float32)})
        model = make("arima", **order).fit(aside)
        assert model.betas[0, 0] == 0
        future = Future({name: column[None, :SEASON].astype(np.float32)}, SEASON)
        np.testing.assert_allclose(model.predict(SEASON, future=future).mean, bare, rtol=1e-6)


@pytest.mark.parametrize("engine", ["native", "statsmodels", "pmdarima"])
def test_seasonal_orders_need_a_season(engine):
    with pytest.raises(SettingsError, match=r"seasonal=\(0, 1, 1\) needs a season, .* as in period=12"):
        make("arima", order=(0, 1, 1), seasonal=(0, 1, 1), engine=engine).fit(table_of([airline()], season_length=1))


def test_constant_can_be_forced_and_forbidden():
    table = table_of([autoregression(80, 0.5, 30, 1)])
    assert make("arima", constant=True).fit(table).orders[0, 6] == 1
    assert make("arima", constant=False).fit(table).orders[0, 6] == 0


@pytest.mark.parametrize(("values", "wanted"), [(np.full(20, 7.0), 7.0), (np.arange(20.0), 20.0), (np.array([2.0, 4.0]), 3.0)])
def test_series_without_error_are_gone_on_with(values, wanted):
    said = make("arima").fit(table_of([values])).predict(1)
    assert said.mean[0, 0] == pytest.approx(wanted)


def test_box_cox_wraps_it():
    growing = np.exp(0.03 * np.arange(120) + 0.1 * np.random.default_rng(0).normal(size=120))
    table = table_of([growing])
    said = Transformed(make("arima"), "box_cox").fit(table).predict(6)
    assert (said.quantiles > 0).all()
    assert np.isfinite(said.mean).all()
    spread = np.diff(said.quantiles[0, 0])
    assert spread[1] > spread[0], "on the log scale the upper side is the wider one"


@pytest.mark.parametrize("name", ["statsmodels", "pmdarima"])
def test_original_engines_estimate(name):
    pytest.importorskip(name)
    table = table_of([airline(), autoregression(100, 0.6, 10, 0)], season_length=SEASON)
    ours = make("arima", order=(0, 1, 1), seasonal=(0, 1, 1)).fit(table)
    theirs = make("arima", order=(0, 1, 1), seasonal=(0, 1, 1), engine=name).fit(table)
    np.testing.assert_allclose(theirs.coefficients[0, :2], ours.coefficients[0, :2], atol=0.05)
    np.testing.assert_allclose(theirs.predict(6).mean[0], ours.predict(6).mean[0], rtol=0.02)
    searched = make("arima", engine=name).fit(table).predict(6)
    assert np.isfinite(searched.quantiles).all()


@pytest.mark.parametrize("name", ["statsmodels", "pmdarima"])
@pytest.mark.parametrize(("order", "constant"), [((1, 1, 1), True), ((1, 1, 0), False)])
def test_original_engines_fit_the_orders_that_are_fixed(name, order, constant):
    pytest.importorskip(name)
    table = table_of([autoregression(100, 0.6, 10, 0)], season_length=1)
    recipe = make("arima", order=order, constant=constant)
    ours, theirs = recipe.fit(table), dataclasses.replace(recipe, engine=name).fit(table)
    np.testing.assert_array_equal(theirs.orders, ours.orders)
    np.testing.assert_allclose(theirs.predict(3).mean, ours.predict(3).mean, rtol=0.02)


@pytest.mark.parametrize("name", ["statsmodels", "pmdarima"])
def test_original_engines_search_without_a_season_and_within_small_limits(name):
    pytest.importorskip(name)
    table = table_of([autoregression(100, 0.6, 10, 0)], season_length=1)
    most = (1, 1, 0, 2, 1, 2)
    model = make("arima", engine=name, most=most).fit(table)
    assert not model.predict(3).failed
    assert (model.orders[0, :6] <= most).all()


def test_an_original_that_is_not_installed_names_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pmdarima", None)
    with pytest.raises(MissingExtra, match=r"pip install 'forecaster\[pmdarima\]'"):
        make("arima", engine="pmdarima").fit(sales())


def test_what_an_original_cannot_fit_is_a_failure_with_a_reason(monkeypatch):
    def refuses(*_):
        raise ValueError("no")

    monkeypatch.setitem(_arima_originals.ORIGINALS, "statsmodels", lambda: refuses)
    said = make("arima", engine="statsmodels").fit(sales()).predict(2)
    assert set(said.failed) == set(range(5))
    assert "engine='native'" in said.failed[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": (0.5, 0.1)}, "ascend"),
        ({"levels": (float("nan"),)}, "ascend"),
        ({"period": 0}, "period"),
        ({"average": 0}, "1 or more"),
        ({"order": (1, 0)}, "expected 3 orders"),
        ({"order": (40, 0, 0)}, "at most 32 coefficients"),
        ({"seasonal": (1, 0, 0)}, "give both"),
        ({"most": (5, 2, 5)}, "expected 6 orders"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        make("arima", **options)


def test_near_names_are_told():
    with pytest.raises(UnknownName, match="did you mean 'seasonal'"):
        make("arima", boundary="seasnal")
    with pytest.raises(UnknownName, match="did you mean 'statsmodels'"):
        make("arima", engine="statsmodel")


def test_a_model_without_any_error_has_all_the_weight():
    model = make("arima", average=3).fit(sales())
    numbers = model.numbers.copy()
    numbers[0, 3] = -np.inf
    weights = dataclasses.replace(model, numbers=numbers).weights
    np.testing.assert_array_equal(weights[:, 0], [1.0, *np.zeros(len(model.others))])
    np.testing.assert_array_equal(weights[:, 1:], model.weights[:, 1:])
