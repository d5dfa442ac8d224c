"""Linear learners against scikit-learn, and what their encoding does with gaps and categories."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn import linear_model

from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.learners import make
from forecaster.learners._dense import dense, filled, medians
from forecaster.learners._reduction import Rows
from forecaster.learners.scaling import Scaling
from forecaster.table import Future
from forecaster.testing import table_of


def rows(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 8)).astype(np.float32)
    return Rows(X, 3 + X[:, 0] - 2 * X[:, 3] + 0.1 * rng.normal(size=n), ("number",) * 8, n)


def test_elastic_net_of_given_strength_is_scikit_learns():
    sample = rows()
    ours = make("elastic_net", alpha=0.1, l1_ratio=0.7).train(sample)
    Z = Scaling("standard").fit(sample.X.astype(float)).apply(sample.X)
    oracle = linear_model.ElasticNet(alpha=0.1 * sample.y.std(), l1_ratio=0.7, tol=1e-8).fit(Z, sample.y)
    np.testing.assert_allclose(ours.predict(sample.X), np.clip(oracle.predict(Z), ours.low, ours.high), rtol=1e-3)


def test_lasso_lars_of_given_strength_is_scikit_learns():
    sample = rows()
    ours = make("lasso_lars", alpha=0.1).train(sample)
    Z = Scaling("standard").fit(sample.X.astype(float)).apply(sample.X)
    oracle = linear_model.Lasso(alpha=0.1 * sample.y.std(), tol=1e-10).fit(Z, sample.y)
    np.testing.assert_allclose(ours.predict(sample.X), np.clip(oracle.predict(Z), ours.low, ours.high), rtol=1e-3)


@pytest.mark.parametrize("name", ["elastic_net", "lasso_lars", "sgd"])
def test_recovers_the_line(name):
    sample, fresh = rows(), rows(seed=1)
    error = make(name).train(sample).predict(fresh.X) - fresh.y
    assert np.sqrt((error**2).mean()) < 0.2


@pytest.mark.parametrize("name", ["elastic_net", "lasso_lars"])
def test_noise_alone_is_forecast_by_its_mean(name):
    rng = np.random.default_rng(0)
    sample = Rows(rng.normal(size=(40, 30)).astype(np.float32), rng.normal(size=40), ("number",) * 30, 40)
    assert np.count_nonzero(make(name).train(sample).slopes) <= 3


def test_predictions_stay_near_what_was_seen():
    line = make("elastic_net").train(rows())
    assert line.predict(np.full((1, 8), 1e6, np.float32))[0] <= line.high


@pytest.mark.parametrize("bad", [{"alpha": "best"}, {"alpha": -1.0}, {"l1_ratio": 0.0}, {"target": "log"}, {"max_rows": 0}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(SettingsError):
        make("elastic_net", **bad)


def test_medians_skip_gaps():
    X = np.array([[1, np.nan, np.nan], [2, 5, np.nan], [9, 7, np.nan], [4, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(medians(X), [3, 6, 0])


def test_gaps_become_medians_and_codes_become_indicators():
    X = np.array([[1, 0], [3, 1], [np.nan, 1], [5, np.nan]], np.float32)
    encoding, Z = dense(X, ("number", "category"), Scaling("none"))
    np.testing.assert_array_equal(Z, [[1, 1, 0], [3, 0, 1], [3, 0, 1], [5, 0, 0]])
    np.testing.assert_array_equal(encoding.apply(np.array([[np.nan, 7]], np.float32)), [[3, 0, 0]])


def test_only_frequent_levels_get_an_indicator(monkeypatch):
    monkeypatch.setattr("forecaster.learners._dense.MOST_LEVELS", 2)
    codes = np.r_[np.zeros(5), np.ones(4), np.full(3, 2.0), 3.0].astype(np.float32)[:, None]
    encoding, _ = dense(codes, ("category",), Scaling("none"))
    np.testing.assert_array_equal(encoding.level, [0, 1])


def test_trees_see_a_gap_below_all_numbers():
    X = np.array([[1.0], [3.0], [np.nan]], np.float32)
    assert filled(X).apply(X)[2, 0] < 1


def test_a_known_category_reaches_the_forecast():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 90).astype(np.float32)
    table = table_of([np.array([10.0, 20.0, 5.0])[kind.astype(int)] + 0.1 * rng.normal(size=90)])
    table = dataclasses.replace(table, known={"kind": kind}, categories={"kind": ("a", "b", "c")})
    for name in ("elastic_net", "lightgbm", "decision_tree"):
        model = make(name, design=Design(horizon=3, lags=(1,), windows=None)).fit(table)
        mean = model.predict(3, future=Future({"kind": np.array([[0.0, 1.0, 2.0]], np.float32)}, 3)).mean[0]
        np.testing.assert_allclose(mean, [10, 20, 5], rtol=0.25)
