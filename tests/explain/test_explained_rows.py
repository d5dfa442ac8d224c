"""Contributions to what tabular models say: they add up, and they are the right ones where these are known."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine

from forecaster import Classifier, Regressor
from forecaster.errors import MissingExtra, SettingsError, UnknownName
from forecaster.shapley import sampled

matplotlib.use("Agg")
DIABETES = load_diabetes(as_frame=True).frame
WINE = load_wine(as_frame=True).frame
FEW = {"validation": 2, "n_jobs": 1}
SMALL_FOREST = {"extra_trees": {"n_estimators": 15}}


def adds_up(model, frame, said, rel=1e-4, **options):
    made = model.explain(frame, **options)
    np.testing.assert_allclose(made.predictions, said[made.row], rtol=rel, atol=rel * np.abs(said).max())
    return made


@pytest.mark.parametrize("learner", [{"lightgbm": {"rounds": 30}}, {"xgboost": {"rounds": 30}}, "elastic_net", SMALL_FOREST, "knn"])
def test_contributions_add_up_to_the_value(learner):
    model = Regressor("target", learners=[learner], ensemble=None, **FEW).fit(DIABETES)
    made = adds_up(model, DIABETES.head(12), model.predict(DIABETES.head(12))[["prediction"]].to_numpy(), walks=2)
    assert next(iter(made.overall_imp)) in {"bmi", "s5"}


@pytest.mark.parametrize("way", ["caruana", "voting", "stacking"])
def test_ensembles_are_explained_by_their_weights(way):
    model = Regressor("target", learners=[{"lightgbm": {"rounds": 30}}, "elastic_net", SMALL_FOREST], ensemble=way, **FEW).fit(DIABETES)
    said = model.predict(DIABETES.head(10))[["prediction"]].to_numpy()
    exact = adds_up(model, DIABETES.head(10), said, method="exact")
    assert len(exact.how) == len(model.selected_)
    adds_up(model, DIABETES.head(10), said, method="sampling", walks=2)


def test_a_line_is_explained_in_closed_form():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    frame["y"] = 3 * frame["a"] - 2 * frame["b"] + 5
    behind = frame.head(100)
    made = Regressor("y", learners=["elastic_net"], ensemble=None, **FEW).fit(frame).explain(frame.head(20), background=behind)
    expected = np.column_stack([3 * (frame["a"] - behind["a"].mean()), -2 * (frame["b"] - behind["b"].mean())])[:20]
    np.testing.assert_allclose(made.shap_values[["a", "b"]], expected, atol=0.15)
    assert made.shap_values["c"].abs().max() < 0.05


def test_walks_find_the_values_of_a_game_that_is_known():
    def say(x):
        return (x[:, [0]] * x[:, [1]] + 2 * x[:, [2]]).astype(float)

    x = np.array([[1.0, 1.0, 1.0]], np.float32)
    values, expected = sampled(say, x, np.zeros((1, 3), np.float32), np.arange(3), 20, 0)
    np.testing.assert_allclose(values[0, :, 0], [0.5, 0.5, 2.0])  # what two must do together they share
    assert expected == [0.0]


def test_classes_are_explained_each_in_probabilities():
    model = Classifier("target", learners=["logistic_regression", SMALL_FOREST], **FEW).fit(WINE)
    said = model.predict_proba(WINE.head(8))[["p_0", "p_1", "p_2"]].to_numpy()
    made = adds_up(model, WINE.head(8), said, walks=2)
    assert made.outputs == ("0", "1", "2")
    assert set(made.per_class_imp) == set(made.per_class_summary) == set(made.expected_values) == {"0", "1", "2"}
    np.testing.assert_allclose(made.values.sum(axis=(1, 2)), 0.0, atol=1e-6)  # what one class gains the others lose
    forest = Classifier("target", learners=[SMALL_FOREST], ensemble=None, **FEW).fit(WINE)
    adds_up(forest, WINE.head(8), forest.predict_proba(WINE.head(8))[["p_0", "p_1", "p_2"]].to_numpy(), method="exact")


def test_raw_columns_gather_what_their_features_add():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"c": rng.choice(["a", "b", "d"], 200), "x": rng.normal(size=200)})
    frame["y"] = np.where(frame["c"] == "a", 2.0, -1.0) + 0.1 * frame["x"]
    made = Regressor("y", learners=[{"lightgbm": {"rounds": 30}}], ensemble=None, **FEW).fit(frame).explain(frame)
    engineered = made.shap_values.filter(like="c=").sum(axis=1)
    np.testing.assert_allclose(made.raw_values["c"], engineered)
    assert list(made.overall_imp) == ["c", "x"]
    assert made.overall_summary["column"][0] == "c"
    assert made.of_row(0)["column"].tolist() == ["c", "x"]
    assert "c " in repr(made)
    assert made.plot().axes[0].patches
    assert made.plot(row=3).axes[0].get_title() == "row 3"


def test_errors_say_what_to_do(monkeypatch):
    model = Classifier("target", learners=["knn"], ensemble=None, **FEW).fit(WINE)
    with pytest.raises(SettingsError, match="sampling"):
        model.explain(WINE, method="exact")
    with pytest.raises(SettingsError, match="method should be"):
        model.explain(WINE, method="shap")
    with pytest.raises(SettingsError, match="was not explained"):
        model.explain(WINE, most=2, walks=1).of_row(50)
    with pytest.raises(UnknownName, match="7"):
        model.explain(WINE, most=2, walks=1).plot(output="7")
    forest = Regressor("target", learners=[SMALL_FOREST], ensemble=None, **FEW).fit(DIABETES)
    monkeypatch.setitem(__import__("sys").modules, "shap", None)
    with pytest.raises(MissingExtra, match=r"forecaster\[explain\]"):
        forest.explain(DIABETES, method="exact")


def test_what_has_no_exact_values_has_permutation_importance():
    model = Regressor("target", learners=["knn"], ensemble=None, metric="rmse", **FEW).fit(DIABETES)
    made = model.explain(DIABETES.head(60), walks=1)
    assert next(iter(made.permutation_imp)) in {"bmi", "s5", "bp"}
    assert made.measure == "rmse"
    assert "by shuffling each column: rmse" in repr(made)
    pd.testing.assert_frame_equal(model.explain(DIABETES.head(60), walks=1).permutation, made.permutation)
    assert "change" in model.explain(DIABETES.head(60).drop(columns="target"), walks=1).measure
    assert not len(model.explain(DIABETES.head(9), walks=1, shuffles=0).permutation)


def test_permutation_importance_of_a_line_is_that_of_the_book():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    frame["y"] = 3 * frame["a"] - 1 * frame["b"]
    model = Regressor("y", learners=["elastic_net"], ensemble=None, metric="rmse", **FEW).fit(frame)
    assert not len(model.explain(frame).permutation)
    made = model.explain(frame, shuffles=20).permutation_imp
    # Shuffling x of weight w raises the mean squared error by 2 w^2 var(x) (Fisher, Rudin & Dominici 2019).
    assert made["a"] == pytest.approx(3 * np.sqrt(2), rel=0.15)
    assert made["b"] == pytest.approx(np.sqrt(2), rel=0.15)
    assert made["c"] < 0.05
