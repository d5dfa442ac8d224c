"""Reduction: groups, sharing, recursion, own regressors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign
from forecaster.learners import build, make, name_of
from forecaster.learners._shared import SHARED, Shared
from forecaster.table import Future
from forecaster.testing import PROMISES, sales, same, table_of


class Mean:
    """The least a regressor can be."""

    def fit(self, X, y):
        self.value = float(y.mean())

    def predict(self, X):
        return np.full(len(X), self.value)


class Grumpy(Mean):
    """Fails for large targets."""

    def fit(self, X, y):
        if y.mean() > 50:
            raise RuntimeError("too large for me")
        super().fit(X, y)


def ramp(days=30):
    return table_of([np.arange(days) * 1.0 + 10])


def test_the_last_value_is_learnt_from_its_lag():
    design = Design(horizon=1, lags=(1,), windows=None, calendar=False)
    model = build(LinearRegression(), design=design).fit(ramp())
    np.testing.assert_allclose(model.predict(3).mean, [[40, 41, 42]], rtol=1e-5)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_strategies_agree_on_a_line(strategy):
    design = Design(horizon=3, lags=(1,), windows=None, calendar=False, strategy=strategy)
    model = build(LinearRegression(), design=design).fit(ramp())
    np.testing.assert_allclose(model.predict(7).mean, [np.arange(40, 47)], rtol=1e-4)


def test_a_learner_may_have_a_strategy_of_its_own():
    design = Design(horizon=3, lags=(1, 2), windows=None, calendar=False)
    recursive = make("lightgbm", strategy="recursive", design=design)
    assert recursive.design.strategy == "recursive"
    assert build({"lightgbm": {"strategy": "recursive"}}, design=design) == recursive
    asked = make("lightgbm", design=dataclasses.replace(design, strategy="recursive"))
    same(recursive.fit(sales()).predict(6), asked.fit(sales()).predict(6))
    assert not np.allclose(recursive.fit(sales()).predict(6).mean, make("lightgbm", design=design).fit(sales()).predict(6).mean)
    with pytest.raises(SettingsError, match="'both'"):
        make("lightgbm", strategy="both")


@pytest.mark.parametrize("name", ["elastic_net", "lightgbm"])
def test_a_recursive_design_keeps_the_promises(name):
    learner = make(name, design=Design(horizon=4, strategy="recursive"))
    for promise in PROMISES:
        promise(learner)


@pytest.mark.parametrize("name", ["elastic_net", "knn", "lightgbm", "decision_tree"])
def test_a_table_in_other_units_has_the_same_forecast_in_these(name):
    table = sales((2,), 50)
    learner = make(name, design=Design(horizon=4))
    larger = learner.fit(table.with_target(table.target * 1024)).predict(4).mean
    np.testing.assert_array_equal(larger, 1024 * learner.fit(table).predict(4).mean)


def test_one_feature_matrix_serves_all_learners(monkeypatch):
    made = []
    training = FittedDesign.training
    monkeypatch.setattr(FittedDesign, "training", lambda self, table: made.append(1) or training(self, table))
    SHARED.forget()
    for name in ("elastic_net", "lightgbm", "decision_tree"):
        # A backtest cuts the table anew for each learner.
        make(name, design=Design(horizon=4, lags=(1, 7), windows=None)).fit(sales((1, 1)).drop_last(3))
    assert len(made) == 1


def test_the_cache_lets_go_of_what_was_unused_longest():
    cache, tables = Shared(budget=100), [ramp(n) for n in (5, 6, 7)]
    for table in tables:
        cache.get(table, "key", lambda: "thing", lambda made: 60)
    assert cache.held == 60
    assert cache.get(tables[2], "key", lambda: "new", lambda made: 60) == "thing"
    assert cache.get(tables[0], "key", lambda: "new", lambda made: 60) == "new"


@pytest.mark.parametrize("change", [
    {"season_length": 3},
    {"known": {"price": np.ones(30, np.float32)}},
    {"static": {"kind": np.ones(1, np.float32)}},
    {"ids": {"unique_id": np.array(["other"])}},
    {"start": np.array([5])},
    {"target": np.arange(30) + 11.0},
])  # fmt: skip
def test_the_cache_tells_tables_apart(change):
    cache = Shared()
    cache.get(ramp(), "key", lambda: "one", lambda made: 1)
    assert cache.get(ramp(), "key", lambda: "two", lambda made: 1) == "one"
    assert cache.get(dataclasses.replace(ramp(), **change), "key", lambda: "three", lambda made: 1) == "three"


def test_groups_may_differ_in_what_auto_means():
    rng = np.random.default_rng(0)
    table = table_of([rng.normal(size=20) + 5, 10 + np.cumsum(rng.normal(size=200)), rng.normal(size=21) + 5], [1, 1, 1])
    learner = make("elastic_net", design=Design(horizon=3))
    model = learner.fit(table)
    assert len(model.pools) > 1
    same(model.predict(7).take([1]), learner.fit(table.take_groups([1])).predict(7))


def test_a_row_budget_does_not_tie_groups_together():
    table = sales((1, 1), 60)
    learner = make("lightgbm", design=Design(horizon=5, row_budget=70))
    same(learner.fit(table).predict(5).take([1]), learner.fit(table.take_groups([1])).predict(5))


def test_intermittent_groups_are_learnt_in_their_own_units():
    rng = np.random.default_rng(0)
    table = table_of([rng.poisson(0.7, 80).astype(float), 50 + rng.normal(size=80), rng.poisson(0.7, 80) - 1.0], [1, 1, 1])
    scale = make("lightgbm", design=Design(horizon=3)).fit(table).scale
    assert scale[0] == 1
    np.testing.assert_allclose(scale[1:], [np.sqrt((table.values(i) ** 2).mean()) for i in (1, 2)])
    assert (make("lightgbm", design=Design(horizon=3), target=None).fit(table).scale == 1).all()


def test_max_rows_thins_the_rows_evenly():
    seen = []

    class Count(Mean):
        def fit(self, X, y):
            seen.append(len(y))
            super().fit(X, y)

    dataclasses.replace(build(Count(), design=Design(lags=(1,), windows=None)), max_rows=10).fit(ramp())
    assert seen == [10]


def test_a_future_that_is_too_short_counts_as_unknown():
    rng = np.random.default_rng(0)
    price = rng.random(60).astype(np.float32)
    table = dataclasses.replace(table_of([10 - 5 * price + 0.1 * rng.normal(size=60)]), known={"price": price})
    model = make("lightgbm", design=Design(horizon=3)).fit(table)
    short = model.predict(8, future=Future({"price": np.full((1, 2), 0.5, np.float32)}, 2))
    assert np.isfinite(short.mean).all()
    np.testing.assert_array_equal(short.mean[:, :2], model.predict(2, future=Future({"price": np.full((1, 2), 0.5, np.float32)}, 2)).mean)


def test_threads_do_not_change_the_bits(monkeypatch):
    import forecaster.learners._boosting as module

    monkeypatch.setattr(module, "MANY", 1)
    table = sales((3,), 60)
    one, two = (make("lightgbm", design=Design(horizon=4), threads=n).fit(table).predict(6) for n in (1, 2))
    same(one, two)


def test_any_object_with_fit_and_predict_is_a_learner():
    forecast = build(Mean()).fit(table_of([np.full(20, 4.0) + np.arange(20) % 2], None)).predict(3)
    np.testing.assert_allclose(forecast.mean, 4.5, rtol=0.05)


def test_a_regressor_is_cloned_for_every_group():
    regressor = Ridge()
    build(regressor, design=Design(horizon=2)).fit(sales((1, 1)))
    assert not hasattr(regressor, "coef_")


def test_a_scikit_learn_regressor_keeps_the_promises():
    learner = build(Ridge(), design=Design(horizon=4))
    for promise in PROMISES:
        promise(learner)


def test_a_failure_is_a_reason_for_its_group_alone():
    table = table_of([np.arange(20) % 3 + 1.0, np.arange(20) % 3 + 100.0], [1, 1])
    forecast = dataclasses.replace(build(Grumpy()), target=None).fit(table).predict(2)
    assert forecast.failed == {1: "RuntimeError: too large for me"}
    assert np.isfinite(forecast.mean[0]).all()


@pytest.mark.parametrize("thing", [3, object(), Ridge])
def test_what_is_no_regressor_is_refused(thing):
    with pytest.raises(SettingsError, match="fit"):
        build(thing)


def test_own_regressors_are_named_for_their_class():
    assert name_of(Ridge()) == name_of(build(Ridge())) == "ridge"
    assert build(Ridge(), design=Design(horizon=3)).design.horizon == 3
    assert name_of(build(LinearRegression())) == "linear_regression"


@pytest.mark.parametrize("objective", ["auto", "tweedie", "poisson", "regression_l1"])
def test_lightgbm_objectives_for_counts(objective):
    rng = np.random.default_rng(0)
    table = table_of([rng.poisson(1.5, 120).astype(float)])
    mean = make("lightgbm", objective=objective, design=Design(horizon=7)).fit(table).predict(7).mean
    assert (mean >= 0).all()
    assert mean.mean() == pytest.approx(1.5, abs=0.8)
