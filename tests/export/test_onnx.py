"""ONNX graphs say what the models say, or are not written."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_diabetes, load_wine

from forecaster import Classifier, Forecaster, Regressor
from forecaster.block import fit_block
from forecaster.errors import CannotSave
from forecaster.export.onnx import export_forecaster
from forecaster.settings import Settings

RNG = np.random.default_rng(0)
DIABETES = load_diabetes(as_frame=True).frame.assign(c=lambda d: RNG.choice(["a", "b", None], len(d)))
DIABETES.loc[::7, "bmi"] = np.nan
WINE = load_wine(as_frame=True).frame
QUICK = {"validation": 2, "n_jobs": 1}
FOREST = {"extra_trees": {"n_estimators": 10}}


@pytest.mark.parametrize("learner", ["elastic_net", {"lightgbm": {"rounds": 20}}, {"xgboost": {"rounds": 20}}, FOREST])
def test_a_regressor_is_written_with_its_features(learner, tmp_path):
    model = Regressor("target", learners=[learner], ensemble=None, **QUICK).fit(DIABETES)
    told = model.export_onnx(tmp_path / "model.onnx", DIABETES)
    assert told.rows == len(DIABETES)
    assert told.furthest < 1e-4
    session = onnxruntime.InferenceSession(told.path)
    row = DIABETES.tail(1)
    given = {name: row[[name]].to_numpy(np.float32) for name in told.inputs if name != "c"} | {"c": np.array([["a"]], object)}
    said = session.run(None, given)[0]
    assert said[0, 0] == pytest.approx(model.predict(row.assign(c="a"))["prediction"].iloc[0], rel=1e-4)


def test_a_vote_over_classes_and_scaling_steps(tmp_path):
    scaled = [{"logistic_regression": {"scaling": kind}} for kind in ("pca", "normalizer", "robust")]
    model = Classifier("target", learners=[*scaled, FOREST], ensemble="voting", metric="log_loss", **QUICK).fit(WINE)
    assert len(model.selected_) > 1
    told = model.export_onnx(tmp_path / "model.onnx", WINE, features="engineered")
    said = onnxruntime.InferenceSession(told.path).run(None, {"input": model.features(WINE).to_numpy(np.float32)})[0]
    np.testing.assert_allclose(said, model.predict_proba(WINE)[["p_0", "p_1", "p_2"]], atol=1e-4)


def test_what_cannot_be_written_says_so_by_name(tmp_path):
    svm = Classifier("target", learners=["svm"], ensemble=None, **QUICK).fit(WINE)
    with pytest.raises(CannotSave, match="svm"):
        svm.export_onnx(tmp_path / "model.onnx", WINE)
    near = Regressor("target", learners=["knn"], ensemble=None, **QUICK).fit(DIABETES)
    with pytest.raises(CannotSave, match="not written: the ONNX graph says"):
        near.export_onnx(tmp_path / "model.onnx", DIABETES)
    dated = DIABETES.assign(when=pd.date_range("2024-01-01", periods=len(DIABETES)))
    model = Regressor("target", learners=["elastic_net"], ensemble=None, **QUICK).fit(dated)
    with pytest.raises(CannotSave, match=r"when \(stamps\)"):
        model.export_onnx(tmp_path / "model.onnx", dated)
    assert model.export_onnx(tmp_path / "model.onnx", dated, features="engineered").rows == len(dated)
    stack = Regressor("target", learners=["elastic_net", "decision_tree"], ensemble="stacking", **QUICK).fit(DIABETES)
    with pytest.raises(CannotSave, match="stack"):
        stack.export_onnx(tmp_path / "other.onnx", DIABETES)
    assert not (tmp_path / "other.onnx").exists()


@pytest.fixture(scope="module")
def sales():
    days = pd.date_range("2024-01-01", periods=90)
    parts = [pd.DataFrame({"unique_id": s, "ds": days, "y": 20 * (s + 1) + 5 * np.sin(np.arange(90) / 3)}) for s in range(3)]
    return pd.concat(parts)


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost", "elastic_net", "sgd"])
def test_the_regression_of_a_forecaster_is_written(sales, learner, tmp_path):
    model = Forecaster(horizon=7, learners=[learner], backtest=None, ensemble=None, n_jobs=1).fit(sales)
    told = model.export_onnx(tmp_path / "forecast.onnx")
    assert told.rows == 21
    assert told.furthest < 1e-3


@pytest.mark.parametrize("learner", ["lightgbm", "elastic_net"])
def test_a_group_of_a_block_is_written_with_the_codes_of_its_own_labels(sales, learner, tmp_path):
    words = np.array([["apple", "milk"], ["bread", "milk"], ["bread", "wine"]])
    shop = sales.assign(past=words[sales["unique_id"], RNG.integers(0, 2, len(sales))], g=sales["unique_id"] % 2)
    options = {"horizon": 7, "past": ["past"], "static": ["g"], "backtest": None, "ensemble": None, "n_jobs": 1}
    settings = Settings.parse({"learners": [learner], **options})
    model = fit_block(pa.Table.from_pandas(shop, preserve_index=False), settings, ("g",))
    for group, rows in enumerate((14, 7)):
        told = export_forecaster(model, tmp_path / "forecast.onnx", group)
        assert told.rows == rows
        assert told.furthest < 1e-3


def test_a_network_is_written_with_the_scaling_around_it(sales, tmp_path):
    pytest.importorskip("torch")
    gaps = sales.assign(promo=lambda d: (d["ds"].dt.day % 3 == 0) * 1.0, size=lambda d: np.where(d["unique_id"] == 2, "big", "small"))
    gaps = gaps[(gaps["unique_id"] > 0) | (gaps["ds"] > "2024-02-20")]
    gaps.loc[gaps["ds"].dt.day == 7, "y"] = np.nan
    options = {"known": ["promo"], "static": ["size"], "backtest": None, "ensemble": None, "n_jobs": 1}
    model = Forecaster(horizon=7, learners=[{"tcn": {"epochs": 1, "channels": 8}}], **options).fit(gaps)
    told = model.export_onnx(tmp_path / "network.onnx")
    assert told.inputs == ("target", "features")
    assert told.rows == 6  # the end of each series, and a horizon before it
    assert told.furthest < 1e-5
    session = onnxruntime.InferenceSession(told.path)
    names = session.get_modelmeta().custom_metadata_map
    assert {"promo", "size", "series"} <= set(names["columns"].split(","))
    size = {one.name: one.shape[1] for one in session.get_inputs()}
    target = np.tile(np.arange(size["target"], dtype=np.float32), (2, 1)) * [[1.0], [1000.0]]
    features = np.full((2, size["features"], len(names["columns"].split(","))), np.nan, np.float32)
    small, large = session.run(None, {"target": target.astype(np.float32), "features": features})[0]
    np.testing.assert_allclose(large, 1000 * small, rtol=1e-3)  # told in the unit of each window
    assert small.shape == (7, len(names["levels"].split(",")))


def test_other_forecasters_say_so(sales, tmp_path):
    model = Forecaster(horizon=7, learners=["ets"], backtest=None, ensemble=None, n_jobs=1).fit(sales)
    with pytest.raises(CannotSave, match="ets is no regression"):
        model.export_onnx(tmp_path / "forecast.onnx")
    logs = Forecaster(horizon=7, learners=["elastic_net"], target_transform="log", backtest=None, ensemble=None, n_jobs=1).fit(sales)
    with pytest.raises(CannotSave, match="elastic_net forecasts a target that was transformed"):
        logs.export_onnx(tmp_path / "forecast.onnx")
