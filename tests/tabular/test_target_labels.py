"""What may be a label, in which order labels come, and what stands beside the columns of a user."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import cross_val_score

from forecaster import Classifier, Regressor
from forecaster.errors import DataError

ONE = {"learners": ["decision_tree"], "validation": 2, "n_jobs": 1}
X = np.random.default_rng(0).normal(size=120)


def test_numbers_are_classes_in_the_order_that_scikit_learn_expects():
    labels = np.arange(120) % 12 - 1
    x = np.stack([labels + 0.1 * X, X], axis=1)
    model = Classifier(**ONE)
    assert model.fit(x, labels).classes_.tolist() == list(range(-1, 11))
    assert cross_val_score(model, x, labels, cv=2, scoring="roc_auc_ovr").mean() > 0.95


def test_a_label_that_is_no_number_is_missing_in_frames_that_have_no_other_word_for_it():
    frame = pl.DataFrame({"x": X, "y": np.where(X > 1, np.nan, (X > 0).astype(float))})
    model = Classifier("y", **ONE).fit(frame)
    assert model.classes_.tolist() == [0.0, 1.0]
    assert model.findings_.filter(pl.col("rule") == "missing target")["count"].to_list() == [(X > 1).sum()]


def test_zeros_of_both_signs_are_one_class():
    frame = pl.DataFrame({"x": X, "y": np.where(X > 1, -0.0, np.where(X > 0, 0.0, 1.0))})
    assert Classifier("y", **ONE).fit(frame).classes_.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "label", [[1], {"a": 1}, Decimal(1), datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1), datetime.timedelta(1), b"a"]
)
def test_what_cannot_be_a_label_is_refused_before_anything_is_fitted(label):
    with pytest.raises(DataError, match="column 'y' should hold labels: text, numbers, or true and false; it holds"):
        Classifier("y", **ONE).fit(pl.DataFrame({"x": X, "y": [label] * len(X)}))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_what_was_predicted_before_gives_way(kind):
    frame = kind({"x": X, "prediction": -X, "y": 2 * X, "label": ["a", "b"] * 60})
    model = Regressor("y", drop=["label"], **ONE).fit(frame)
    once = model.predict(frame)
    assert list(once.columns) == list(frame.columns)
    assert len(model.predict(once)) == len(frame)
    classes = Classifier("label", drop=["y"], **ONE).fit(frame)
    twice = classes.predict_proba(classes.predict_proba(frame))
    assert list(twice.columns) == [*frame.columns, "p_a", "p_b"]


def test_no_rows_have_no_predictions():
    frame = pl.DataFrame({"x": X, "y": 2 * X, "label": ["a", "b"] * 60})
    regressor = Regressor("y", drop=["label"], learners=["elastic_net"], validation=2, n_jobs=1).fit(frame)
    made = regressor.predict(frame.clear())
    assert made.shape == (0, 4)
    assert made["prediction"].dtype == pl.Float64
    classifier = Classifier("label", drop=["y"], **ONE).fit(frame)
    assert classifier.predict(frame.clear())["prediction"].dtype == pl.String
    assert classifier.predict_proba(frame.clear()).columns[-2:] == ["p_a", "p_b"]


def test_a_metric_that_gives_no_number_is_named():
    with pytest.raises(DataError, match="decision_tree: the metric 'rmsle' gives no number for these rows; choose another one"):
        Regressor("y", metric="rmsle", **ONE).fit(pl.DataFrame({"x": X, "y": 2 * X}))


def test_a_length_of_time_is_dropped_with_the_reason():
    frame = pl.DataFrame({"x": X, "wait": [datetime.timedelta(hours=i % 7) for i in range(len(X))], "y": 2 * X})
    model = Regressor("y", **ONE).fit(frame)
    told = model.features_summary_.row(by_predicate=pl.col("column") == "wait", named=True)
    assert told["dropped"]
    assert "duration" in told["how"]
