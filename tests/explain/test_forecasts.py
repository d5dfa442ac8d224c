"""Parts of forecasts: they add up to what is forecast, for every learner and through ensembles."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.errors import DataError, SettingsError, UnknownName
from forecaster.learners import make
from forecaster.protocols import parts_of
from forecaster.testing.tables import table_of

matplotlib.use("Agg")
DAYS = pd.date_range("2024-01-01", periods=120)


@pytest.fixture(scope="module")
def rides():
    rng = np.random.default_rng(0)
    parts = []
    for store, size in (("a", 20.0), ("b", 50.0)):
        promo = (rng.random(120) < 0.3).astype(float)
        weekly = 5 * np.sin(2 * np.pi * np.arange(120) / 7)
        y = size + 0.1 * np.arange(120) + weekly + 10 * promo + rng.normal(size=120)
        parts.append(pd.DataFrame({"store": store, "ds": DAYS, "y": y, "promo": promo}))
    return pd.concat(parts)


@pytest.fixture(scope="module")
def future():
    days = pd.date_range(DAYS[-1] + pd.Timedelta("1D"), periods=7)
    return pd.concat([pd.DataFrame({"store": store, "ds": days, "promo": 1.0}) for store in "ab"])


def job(learners, **options):
    return Forecaster(horizon=7, series=["store"], known=["promo"], learners=learners, n_jobs=1, **options)


def test_an_ensemble_is_explained_by_its_shares(rides, future):
    model = job(["ets", "arima", "lightgbm", "elastic_net"]).fit(rides)
    made, said = model.explain(future), model.predict(future)
    np.testing.assert_allclose(made.parts["forecast"], said["forecast"])
    np.testing.assert_allclose(made.parts[made.names].sum(axis=1), said["forecast"])
    assert set(made.members) <= {"ets", "arima", "lightgbm", "elastic_net"}
    assert made.parts["ds"].tolist() == said["ds"].tolist()
    np.testing.assert_allclose(made.shap_values.drop(columns=["store", "ds"]).sum(axis=1) + made.expected_values, said["forecast"])


def test_a_promotion_is_found_by_regression_and_by_arima(rides, future):
    for learner in ("arima", "elastic_net"):
        made = job([learner], ensemble=None, backtest=None).fit(rides).explain(future)
        assert (made.parts["promo"] > 4).all()  # of a promotion of 10, with its mean as what is expected


def test_a_feature_that_is_named_as_the_time_is_no_stamp(rides, future):
    renamed = {"ds": "week"}
    weekly = Forecaster(7, series=["store"], time="week", known=["promo"], learners=["elastic_net"], n_jobs=1)
    made = weekly.fit(rides.rename(columns=renamed)).explain(future.rename(columns=renamed))
    assert made.parts["week"].tolist() == future["ds"].tolist()
    assert "week (feature)" in made.names
    np.testing.assert_allclose(made.parts[made.names].sum(axis=1), made.parts["forecast"])


def test_a_series_alone_and_what_is_shown(rides, future):
    made = job(["elastic_net"], ensemble=None, backtest=None).fit(rides).explain(future)
    assert len(made.of_series(store="b")) == 7
    assert made.per_series_imp["store"].tolist() == ["a", "b"]
    assert list(made.overall_imp) == made.overall_summary["part"].tolist()
    assert "elastic_net" in repr(made)
    assert made.plot(store="a").axes[0].patches
    with pytest.raises(DataError, match="no series"):
        made.of_series(store="c")
    with pytest.raises(UnknownName, match="store"):
        made.of_series(stor="a")


def test_bounds_and_rounding_are_a_part_of_their_own(rides, future):
    model = job(["naive"], ensemble=None, backtest=None, integer=True).fit(rides)
    made = model.explain(future)
    assert "bounds" in made.names
    np.testing.assert_allclose(made.parts[made.names].sum(axis=1), model.predict(future)["forecast"])


def test_components_of_models_of_series():
    days = np.arange(140.0)
    values = 100 + 0.5 * days + 10 * np.sin(2 * np.pi * days / 7)
    for name in ("ets", "theta", "mstl", "prophet"):
        parts = parts_of(make(name).fit(table_of([values])), 7)
        assert np.abs(parts["season"] if "season" in parts else parts["weekly"]).max() == pytest.approx(10, rel=0.35), name


def test_learners_without_exact_parts_have_permutation_importance(rides, future):
    rows = rides.assign(noise=np.random.default_rng(1).normal(size=len(rides)))
    model = Forecaster(
        horizon=7, series=["store"], known=["promo"], past=["noise"], learners=["knn"], backtest=None, ensemble=None, n_jobs=1
    ).fit(rows)
    made = model.explain(future)
    assert made.permutation_imp["promo"] > 5 * made.permutation_imp["noise"]
    assert made.permutation_imp["history"] > 0
    assert set(made.permutation["store"]) == {"a", "b"}
    assert "by shuffling each column" in repr(made)
    pd.testing.assert_frame_equal(model.explain(future).permutation, made.permutation)
    assert not len(model.explain(future, shuffles=0).permutation)


def test_exact_learners_are_shuffled_only_where_asked(rides, future):
    model = job(["lightgbm"], ensemble=None, backtest=None).fit(rides)
    assert not len(model.explain(future).permutation)
    assert model.explain(future, shuffles=2).permutation_imp["promo"] > 1
    with pytest.raises(SettingsError, match="shuffles"):
        model.explain(future, shuffles=-1)


@pytest.mark.parametrize("learner", ["arima", "drift", "prophet"])
def test_values_that_a_job_does_not_keep_are_missing_to_what_is_shuffled(rides, learner):
    plain = Forecaster(horizon=7, series=["store"], learners=[learner], backtest=None, ensemble=None, n_jobs=1)
    model = plain.fit(rides.drop(columns="promo"))
    assert model.explain(shuffles=2).permutation_imp["history"] > 1


def test_a_network_tells_what_it_looks_at(rides, future):
    pytest.importorskip("torch")
    made = job([{"tcn": {"epochs": 2, "channels": 8}}], ensemble=None, backtest=None).fit(rides).explain(future)
    assert set(made.permutation_imp) == {"history", "promo"}
    assert made.permutation_imp["history"] > 0
