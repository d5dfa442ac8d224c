"""Metrics against numbers worked out by hand and against slow, obvious loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecaster import metrics
from forecaster.errors import SettingsError, UnknownName
from forecaster.frequency import Frequency
from forecaster.metrics import METRICS, Scale
from forecaster.table import Table

NAN = np.nan


def table(*series, season=1, groups=None):
    ptr = np.cumsum([0, *map(len, series)])
    groups = groups or [len(series)]
    return Table(
        np.concatenate([np.asarray(s, float) for s in series]), ptr, np.zeros(len(series), int), Frequency("D"),
        {"unique_id": np.arange(len(series))}, np.cumsum([0, *groups]), season_length=season,
    )  # fmt: skip


# actual 1 3 . 6, forecast 2 3 9 4: errors 1 0 . -2
ACTUAL, FORECAST = np.array([[1.0, 3, NAN, 6]]), np.array([[2.0, 3, 9, 4]])
UNIT = Scale(np.array([10.0]), np.array([2.0]), np.array([5.0]))
LEVELS, QUANTILES = (0.1, 0.5, 0.9), np.array([[[1, 2, 3], [4, 5, 6], [0, 0, 0], [2, 4, 8]]], float)

BY_HAND = {
    "mae": 3 / 3,
    "rmse": math.sqrt(5 / 3),
    "nmae": 0.1,
    "nrmse": math.sqrt(5 / 3) / 10,
    "mase": 0.5,
    "rmsse": math.sqrt(5 / 3 / 5),
    "mape": (1 / 1 + 0 + 2 / 6) / 3,
    "smape": (2 * 1 / 3 + 0 + 2 * 2 / 10) / 3,
    "wape": 3 / 10,
    "bias": (1 + 0 - 2) / 3,
    # mean of the actuals 10/3, squares around it (49 + 1 + 64)/9
    "r2": 1 - 5 / (114 / 9),
    "spearman": 1.0,
    # per level: 0.1: 0*.1 + 1*.9 + 4*.1 = 1.3; 0.5: .5 + 1 + 1 = 2.5; 0.9: 2*.1 + 3*.1 + 2*.1 = 0.7
    "pinball": (1.3 + 2.5 + 0.7) / 3 / 3,
    "wql": 2 * (1.3 + 2.5 + 0.7) / 3 / 10,
    "coverage": 2 / 3,
}


def test_the_names_of_the_contract_are_there():
    assert " ".join(METRICS) == "nrmse nmae rmse mae mape smape wape mase rmsse r2 spearman bias pinball wql coverage"


@pytest.mark.parametrize("name", METRICS)
def test_by_hand(name):
    got = METRICS[name](ACTUAL, FORECAST, scale=UNIT, levels=LEVELS, quantiles=QUANTILES)
    assert got == pytest.approx(BY_HAND[name])


@pytest.mark.parametrize("name", METRICS)
def test_nothing_known_is_nothing_measured(name):
    assert np.isnan(METRICS[name](np.full((1, 4), NAN), FORECAST, scale=UNIT, levels=LEVELS, quantiles=QUANTILES)).all()


@pytest.mark.parametrize("name", METRICS)
def test_a_missing_forecast_is_the_worst(name):
    broken, lost = FORECAST.copy(), QUANTILES.copy()
    broken[0, 0], lost[0, 0, 1] = NAN, NAN
    metric = METRICS[name]
    assert metric.loss(metric(ACTUAL, broken, scale=UNIT, levels=LEVELS, quantiles=lost), LEVELS) == math.inf


@pytest.mark.parametrize("name", METRICS)
def test_series_and_windows_are_measured_alone(name):
    rng = np.random.default_rng(0)
    actual, forecast = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 5))
    actual[rng.random(actual.shape) < 0.2] = NAN
    quantiles = np.sort(rng.normal(size=(2, 3, 5, 3)), -1)
    scale = Scale(*rng.uniform(1, 2, (3, 3)))
    metric = METRICS[name]
    together = metric(actual, forecast, scale=scale, levels=LEVELS, quantiles=quantiles)
    assert together.shape == (2, 3)
    for w, s in np.ndindex(2, 3):
        known = ~np.isnan(actual[w, s])
        at = (w, s, known)
        alone = metric(actual[at][None], forecast[at][None], scale=scale.take([s]), levels=LEVELS, quantiles=quantiles[at][None])
        assert together[w, s] == pytest.approx(alone[0], nan_ok=True)


@pytest.mark.parametrize("name", [m for m in METRICS if METRICS[m].best != "high"])
def test_a_perfect_forecast_has_no_loss(name):
    actual = np.array([[1.0, 5, 2]])
    quantiles = np.repeat(actual[..., None], 3, -1)
    loss = METRICS[name].loss(METRICS[name](actual, actual, scale=UNIT, levels=LEVELS, quantiles=quantiles), (0.0, 0.5, 1.0))
    assert loss == pytest.approx(0)


@settings(max_examples=60)
@given(arrays.arrays(float, (2, 8), elements=st.integers(-3, 3).map(float) | st.just(NAN)))
def test_spearman_is_that_of_scipy(pair):
    from scipy import stats

    actual, forecast = pair[:1], np.nan_to_num(pair[1:])
    known = ~np.isnan(actual[0])
    got = METRICS["spearman"](actual, forecast, scale=UNIT)[0]
    if len(set(actual[0][known])) < 2:
        assert np.isnan(got)
    elif len(set(forecast[0][known])) < 2:
        assert got == 0
    else:
        assert got == pytest.approx(stats.spearmanr(actual[0][known], forecast[0][known])[0])


@settings(max_examples=60)
@given(arrays.arrays(float, (2, 6), elements=st.floats(-1e3, 1e3)))
def test_r2_is_that_of_sklearn_clipped(pair):
    from sklearn.metrics import r2_score

    expected = np.clip(r2_score(pair[0], pair[1]), -1, 1)
    if np.ptp(pair[0]) > 1e-3:
        assert METRICS["r2"](pair[:1], pair[1:], scale=UNIT)[0] == pytest.approx(expected)


def test_zero_actuals():
    actual, forecast = np.array([[0.0, 0, 2]]), np.array([[0.0, 1, 1]])
    assert METRICS["mape"](actual, forecast, scale=UNIT) == pytest.approx(0.5)
    assert METRICS["smape"](actual, forecast, scale=UNIT) == pytest.approx((0 + 2 + 2 / 3) / 3)
    assert np.isnan(METRICS["wape"](np.zeros((1, 3)), forecast, scale=UNIT))


def test_coverage_of_one_bound():
    actual, low = np.array([[1.0, 3]]), np.array([[[2.0], [2.0]]])
    assert METRICS["coverage"](actual, actual, scale=UNIT, levels=(0.1,), quantiles=low) == 0.5
    assert METRICS["coverage"].loss(np.array([0.5]), (0.1,)) == pytest.approx(0.4)
    assert METRICS["coverage"].loss(np.array([0.9]), (0.05, 0.95)) == pytest.approx(0)


def test_quantiles_must_be_there():
    with pytest.raises(SettingsError, match="'pinball' needs quantile forecasts"):
        METRICS["pinball"](ACTUAL, FORECAST, scale=UNIT)


@pytest.mark.parametrize("size", [1e300, 1e-200])
def test_errors_whose_squares_are_no_numbers_have_a_root(size):
    told = metrics.get("rmse")(np.vstack([size * ACTUAL, ACTUAL, ACTUAL]), np.vstack([size * FORECAST, FORECAST, ACTUAL]), scale=UNIT)
    assert told == pytest.approx([size * math.sqrt(5 / 3), math.sqrt(5 / 3), 0], rel=1e-12, abs=0)


def test_scale_by_hand():
    scale = Scale.of(table([1, 4, 2, 8], [5, 5, 5], [0, 0], [NAN, -3, NAN], [NAN], [1, 2, 1, 2], season=2))
    # constant series: the largest absolute value, or 1; no seasonal differences: those of one step, then the range
    assert scale.range.tolist() == [7, 5, 1, 3, 1, 1]
    assert scale.mae.tolist() == [(1 + 4) / 2, 5, 1, 3, 1, 1]
    assert scale.mse.tolist() == [(1 + 16) / 2, 25, 1, 9, 1, 1]


def test_scale_does_not_look_across_series():
    assert Scale.of(table([1, 2], [100, 101])).mae.tolist() == [1, 1]


def test_scale_is_the_same_alone_and_in_any_order():
    values = [np.random.default_rng(i).normal(size=60 + i) for i in range(6)]
    alone = np.array([Scale.of(table(one)).mse[0] for one in values])
    for turn in range(6):
        order = np.roll(np.arange(6), turn)
        assert np.array_equal(Scale.of(table(*(values[i] for i in order))).mse, alone[order])


@pytest.mark.parametrize("windows", [2, 9, 30])
def test_the_mean_over_windows_is_the_same_alone_and_among_others(windows):
    values = np.random.default_rng(0).normal(size=(windows, 5))
    alone = [metrics.per_series(values[:, [i]])[0] for i in range(5)]
    assert metrics.per_series(values).tolist() == alone


def test_scale_of_an_empty_series():
    assert Scale.of(table([], [1, 3], [])).range.tolist() == [1, 2, 1]


def test_means_skip_what_was_not_measured():
    values = np.array([[1.0, NAN, 3, NAN], [3, NAN, NAN, NAN]])
    series = metrics.per_series(values)
    assert series.tolist()[:3:2] == [2, 3]
    assert metrics.per_group(series, np.array([0, 2, 2, 3, 4])).tolist()[::2] == [2, 3]
    assert np.isnan(metrics.per_group(series, np.array([0, 2, 2, 3, 4]))[[1, 3]]).all()


def test_a_function_of_the_caller():
    def worst(actual, forecast):
        return np.abs(actual - forecast).max()

    metric = metrics.get(worst)
    assert (metric.name, metric.greater_is_better) == ("worst", False)
    assert metric(ACTUAL, FORECAST, scale=UNIT).tolist() == [2]
    assert metrics.get(worst, "named", greater_is_better=True).loss(np.array([2.0])) == -2
    assert metrics.get(lambda a, f: 1).name == "custom"
    assert metrics.get(metric) is metric


@pytest.mark.parametrize("broken", [lambda a, f: "x", lambda a, f: 1 / 0, lambda a: 1, lambda a, f: a])
def test_a_broken_function_is_named(broken):
    with pytest.raises(SettingsError, match=r"the metric 'mine' must give a number for two arrays \(actual, forecast\) of 3 values"):
        metrics.get(broken, "mine")(ACTUAL, FORECAST, scale=UNIT)


def test_wrong_names():
    with pytest.raises(UnknownName, match="did you mean 'nrmse'"):
        metrics.get("nrsme")
    with pytest.raises(SettingsError, match="must be a name"):
        metrics.get(3)


def test_scorer_minimises():
    scale = Scale(*np.ones((3, 2)))
    actual, forecast = np.array([[[1.0, 2], [3, 4]]]), np.array([[[1.0, 2], [4, 3]]])
    score = metrics.scorer(METRICS["spearman"], scale)
    assert score(actual, forecast, np.array([0, 1])).tolist() == pytest.approx([-1, 1])
    assert score(actual[:, 1:], forecast[:, 1:], np.array([1])).tolist() == pytest.approx([1])


def test_scorer_of_quantile_metrics_judges_the_median():
    scale = Scale(*np.ones((3, 1)))
    for name, point in (("pinball", "mae"), ("wql", "wape"), ("coverage", "nmae")):
        told = metrics.scorer(METRICS[name], scale)(ACTUAL[None], FORECAST[None], np.array([0]))
        assert told == pytest.approx(METRICS[point](ACTUAL, FORECAST, scale=scale))
