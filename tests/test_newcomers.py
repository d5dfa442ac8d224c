"""Series that a job was not fitted on, and those that it was fitted on with next to nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import Forecaster
from forecaster.block import fit_block
from forecaster.newcomers import newcomers
from forecaster.settings import Settings

SHAPE = np.array([8.0, 2, 5, 1, 9, 3, 6])
ALIKE = {"static": False}  # no feature tells which series a row is of


def series(name, n=84, size=1.0, seed=0, **more):
    noise = np.random.default_rng(seed).normal(0, 1, n)
    return pd.DataFrame(
        {"unique_id": name, "ds": pd.date_range("2024-01-01", periods=n), "y": size * (30 + SHAPE[np.arange(n) % 7] + noise), **more}
    )


def rows():
    return pd.concat([series(f"s{i}", seed=i, size=1 + i) for i in range(4)])


def job(learner, **options):
    return Forecaster(7, **{"learners": [learner], "backtest": None, "ensemble": None, "n_jobs": 1, "featurization": ALIKE} | options)


def of(made, name):
    return made[made.unique_id == name].reset_index(drop=True)


@pytest.mark.parametrize(
    ("learner", "options"),
    [
        ("lightgbm", {}),
        ("elastic_net", {}),
        ("lightgbm", {"target_transform": ["log"]}),
        ("lightgbm", {"target_transform": ["season_difference", "scale"]}),
        ("lightgbm", {"clean": "spikes"}),
        ("knn", {"horizon": 7, "lags": [1, 7], "windows": None}),
    ],
)
def test_a_newcomer_that_looks_like_a_series_is_forecast_like_it(learner, options):
    fitted = job(learner, **{k: v for k, v in options.items() if k != "horizon"}).fit(rows())
    twin = of(rows(), "s2").assign(unique_id="new")
    said = fitted.predict(history=pd.concat([rows(), twin]))
    np.testing.assert_allclose(of(said, "new").forecast, of(said, "s2").forecast, rtol=1e-8)
    pd.testing.assert_frame_equal(said[said.unique_id != "new"].reset_index(drop=True), fitted.predict(history=rows()))
    found = fitted.findings_.query("rule == 'unseen_series'")
    assert found.empty  # that of the last call, which had no newcomer


def test_findings_say_who_forecasts_a_newcomer():
    fitted = job("lightgbm").fit(rows())
    fitted.predict(history=pd.concat([rows(), series("new", 20)]))
    found = fitted.findings_.query("rule == 'unseen_series'")
    assert found[["unique_id", "count", "action"]].to_numpy().tolist() == [["new", 20, "noted"]]
    assert "forecast by lightgbm (pooled, which learnt from the others)" in found.message.iloc[0]


def test_without_a_pooled_learner_the_baseline_forecasts_a_newcomer():
    fitted, new = job("ets").fit(rows()), series("new", 30)
    said = of(fitted.predict(history=pd.concat([rows(), new])), "new")
    alone = job("seasonal_naive").fit(new).predict()
    np.testing.assert_allclose(said.forecast, alone.forecast)
    assert "forecast by seasonal_naive (the baseline" in fitted.findings_.query("rule == 'unseen_series'").message.iloc[0]


@pytest.mark.filterwarnings("ignore:y. 1 known value")
@pytest.mark.parametrize("n", [1, 3, 9])
def test_a_newcomer_may_be_short(n):
    fitted = Forecaster(7, learners=["lightgbm", "ets"], n_jobs=1).fit(rows())
    said = of(fitted.predict(history=pd.concat([rows(), series("new", n, size=100.0)])), "new")
    assert said.ds.tolist() == list(pd.date_range("2024-01-01", periods=n + 7)[n:])
    assert (np.diff(said[["q0.1", "q0.5", "q0.9"]].to_numpy()) >= 0).all()
    assert said.forecast.between(2000, 6000).all()


def test_intervals_of_a_newcomer_are_as_wide_as_its_size_calls_for():
    fitted = Forecaster(7, learners=["lightgbm"], n_jobs=1).fit(rows())
    both = pd.concat([rows(), series("small", seed=9), series("large", seed=9, size=10.0)])
    said = fitted.predict(history=both)
    small, large = (of(said, name) for name in ("small", "large"))
    np.testing.assert_allclose(large["q0.9"] - large["q0.1"], 10 * (small["q0.9"] - small["q0.1"]), rtol=1e-6)
    known = of(said, "s0")
    ratio = (small["q0.9"] - small["q0.1"]).mean() / (known["q0.9"] - known["q0.1"]).mean()
    assert 0.5 < ratio < 2


def test_the_future_of_a_newcomer_is_taken_from_the_rows_and_may_be_missing():
    data = pd.concat([part.assign(price=1.0 + (np.arange(len(part)) % 5 == 0)) for _, part in rows().groupby("unique_id")])
    data["y"] -= 5 * data.price
    fitted = job("lightgbm", known=["price"]).fit(data)
    new = of(data, "s1").assign(unique_id="new")
    days = pd.date_range(data.ds.max() + pd.Timedelta(days=1), periods=7)
    future = pd.concat([pd.DataFrame({"unique_id": name, "ds": days, "price": 1.0}) for name in ("s0", "s1", "s2", "s3", "new")])
    said = fitted.predict(future, history=pd.concat([data, new]))
    np.testing.assert_allclose(of(said, "new").forecast, of(said, "s1").forecast, rtol=1e-8)
    assert fitted.findings_.query("rule == 'unseen_series'").shape[0] == 1
    without = fitted.predict(future[future.unique_id != "new"], history=pd.concat([data, new]))
    assert np.isfinite(of(without, "new").forecast).all()


def test_a_forecast_up_to_a_stamp_reaches_every_newcomer():
    fitted = job("lightgbm").fit(rows())
    said = fitted.predict(until="2024-04-01", history=pd.concat([rows(), series("new", 60)]))
    assert said.groupby("unique_id").ds.max().unique().tolist() == [pd.Timestamp("2024-04-01")]
    assert said.groupby("unique_id").size().to_dict() == {"s0": 8, "s1": 8, "s2": 8, "s3": 8, "new": 32}


def test_a_newcomer_belongs_to_its_group_and_one_of_no_group_is_passed_over():
    data = pd.concat([series(f"s{i}", seed=i, size=1 + 9 * (i % 2), store=f"store{i % 2}") for i in range(4)])
    options = {"horizon": 7, "series": ["store", "unique_id"], "learners": ["lightgbm"], "n_jobs": 1, "featurization": ALIKE}
    fitted = fit_block(pa.Table.from_pandas(data), Settings.parse(options), ("store",))
    more = pd.concat([series("new", 50, store="store1", size=10.0), series("lost", 50, store="store9")])
    table = fit_block(pa.Table.from_pandas(more), Settings.parse(options | {"learners": ["naive"], "backtest": None}), ("store",)).table
    made, findings = newcomers(fitted, table)
    assert [one.table.ids["unique_id"].tolist() for one in made] == [["new"]]
    assert [finding.message.split(";")[0] for finding in findings] == [
        "50 rows are of a series that the job was not fitted on",
        "50 rows are of a series whose group the job was not fitted on, and passed over",
    ]
    assert np.isfinite(made[0].predict()["forecast"].to_numpy()).all()


@pytest.mark.parametrize("learners", ["auto", ["lightgbm", "ets"], ["ets"]])
def test_a_cold_start_has_its_rows_like_any_other_series(learners):
    data = pd.concat([rows(), series("cold", 2, size=50.0), series("one", 1, size=50.0)])
    said = Forecaster(7, learners=learners, block=["arima", "ces"], n_jobs=1).fit(data).predict()
    assert said.groupby("unique_id").size().tolist() == [7] * 6
    assert np.isfinite(said[["forecast", "q0.1", "q0.9"]].to_numpy()).all()
    assert of(said, "cold").forecast.between(1000, 3000).all()


def test_networks_forecast_newcomers_too():
    pytest.importorskip("torch")
    fitted = job({"tcn": {"epochs": 1, "channels": 8}}).fit(rows())
    said = of(fitted.predict(history=pd.concat([rows(), series("new", size=100.0)])), "new")
    assert said.forecast.between(2000, 6000).all()
