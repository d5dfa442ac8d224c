"""The tabular front doors on scikit-learn's own sets."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from forecaster import Classifier, Regressor
from forecaster.errors import DataError, ForecasterError, UnknownName

FAST = {"learners": ["lightgbm", "decision_tree"], "validation": 3, "n_jobs": 1}


def split(loader, name="target"):
    frame = loader(as_frame=True).frame.rename(columns={"target": name})
    return train_test_split(frame, test_size=0.3, random_state=0)


def test_a_classifier_gives_labels_and_probabilities():
    train, test = split(load_breast_cancer)
    train, test = (part.assign(target=part["target"].map({0: "malignant", 1: "benign"})) for part in (train, test))
    model = Classifier("target", learners=["logistic_regression", "lightgbm"], validation=3, n_jobs=1).fit(train)
    made = model.predict(test.drop(columns="target"))
    assert (made["prediction"].to_numpy() == test["target"].to_numpy()).mean() > 0.93
    proba = model.predict_proba(test)[["p_benign", "p_malignant"]]
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


def test_several_classes_keep_their_type():
    train, test = split(load_wine)
    made = Classifier("target", **FAST).fit(train).predict(test)
    assert made["prediction"].dtype == train["target"].dtype
    assert (made["prediction"] == made["target"]).mean() > 0.85


def test_a_regressor_beats_the_mean_and_its_members():
    train, test = split(load_diabetes)
    model = Regressor("target", learners=["elastic_net", "lightgbm", "extra_trees"], validation=3, n_jobs=1).fit(train)
    error = (model.predict(test)["prediction"] - test["target"]).abs().mean()
    assert error < 0.8 * (test["target"] - train["target"].mean()).abs().mean()
    board = model.leaderboard_
    assert board["score"].is_monotonic_increasing
    assert board["learner"][0] in {"caruana", "elastic_net", "lightgbm", "extra_trees"}
    assert model.selected_["weight"].sum() == pytest.approx(1.0)


def test_every_kind_of_column_is_understood(tmp_path):
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "y": rng.normal(size=n), "city": rng.choice(["a", "b", None], n), "when": pd.date_range("2024-01-01", periods=n),
            "flag": rng.random(n) > 0.5, "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)), "same": 1, "nothing": [None] * n,
            "name": [f"row {i}" for i in range(n)],
        }
    )  # fmt: skip
    frame["y"] += 3 * frame["flag"] + 2 * (frame["city"] == "a")
    model = Regressor("y", **FAST).fit(frame)
    summary = model.features_summary_.set_index("column")
    kept = {"city": "categorical", "when": "datetime", "flag": "numeric", "x": "numeric"}
    assert summary["purpose"].to_dict() == kept | dict.fromkeys(["same", "nothing", "name"], "dropped")
    assert summary.loc["x", "features"] == 2
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(Regressor.load(tmp_path / "model").predict(frame), model.predict(frame))
    unseen = frame.assign(city="never seen", x=np.nan)
    assert np.isfinite(model.predict(unseen)["prediction"]).all()


def test_a_classifier_is_saved_without_pickle(tmp_path):
    train, test = split(load_wine)
    model = Classifier("target", learners=["lightgbm", "logistic_regression"], validation=3, n_jobs=1).fit(train)
    model.save(tmp_path / "model")
    again = Classifier.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict_proba(test), model.predict_proba(test))
    with pytest.raises(ForecasterError, match="Regressor"):
        Regressor.load(tmp_path / "model")


def test_imbalance_is_a_finding_and_polars_goes_out_as_polars():
    frame = pl.DataFrame({"x": np.arange(200.0), "label": ["rare"] * 10 + ["often"] * 190})
    model = Classifier("label", **FAST).fit(frame)
    assert "class imbalance" in model.findings_["rule"].to_list()
    assert isinstance(model.predict(frame), pl.DataFrame)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: Regressor("yy").fit(f), "did you mean 'y'"),
        (lambda f: Regressor("y", learners=["lightgmb"]), "lightgbm"),
        (lambda f: Regressor("y", metric="rmes"), "rmse"),
        (lambda f: Classifier("label").fit(f.assign(label="one")), "two classes"),
        (lambda f: Regressor("label").fit(f), "should hold numbers"),
        (lambda f: Regressor("y", drop=["x", "label"]).fit(f), "no usable feature"),
        (lambda f: Regressor("y").predict(f), "not fitted"),
    ],
)
def test_errors_say_what_to_do(make, said):
    frame = pd.DataFrame({"x": np.arange(50.0), "y": np.arange(50.0), "label": ["a", "b"] * 25})
    with pytest.raises((UnknownName, DataError, ForecasterError), match=said):
        make(frame)


def test_learners_that_stop_before_they_have_converged_are_judged_and_say_nothing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 40))).add_prefix("x").assign(target=rng.integers(0, 2, 60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for learner in ({"linear_svm": {"max_iter": 3}}, {"logistic_regression": {"max_iter": 3}}):
            board = Classifier("target", learners=[learner], ensemble=None, validation=2, n_jobs=1).fit(frame).leaderboard_
            assert board["status"].tolist() == ["done"]
        Regressor("target", learners=[{"elastic_net": {"max_iter": 2}}], ensemble=None, validation=2, n_jobs=1).fit(frame)
    with pytest.warns(ConvergenceWarning):
        Classifier("target", learners=[LogisticRegression(max_iter=3)], ensemble=None, validation=2, n_jobs=1).fit(frame)
