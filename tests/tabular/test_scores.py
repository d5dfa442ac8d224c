"""Metrics of classes and values against hand-worked examples and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from forecaster.errors import SettingsError, UnknownName
from forecaster.tabular import scores

TRUTH = np.array([0.0, 0.0, 1.0, 1.0])
P = np.array([0.1, 0.6, 0.35, 0.8])
BOTH = np.column_stack([1 - P, P])


def of(name, truth=TRUTH, said=BOTH):
    return scores.get(name, "classify").of(truth, said)


def test_two_classes_by_hand():
    assert of("auc_weighted") == pytest.approx(0.75)
    assert of("log_loss") == pytest.approx(-np.log([0.9, 0.4, 0.35, 0.8]).mean())
    assert of("brier") == pytest.approx(2 * np.mean(np.square([0.1, 0.6, 0.65, 0.2])))
    assert of("accuracy") == 0.5
    assert of("norm_macro_recall") == 0.0
    assert of("matthews_correlation") == 0.0


def test_weighted_accuracy_counts_rows_by_the_size_of_their_class():
    truth, said = np.array([0.0, 0, 0, 1]), np.eye(2)[[0, 0, 0, 0]]
    assert of("weighted_accuracy", truth, said) == pytest.approx(9 / 10)


@pytest.fixture(scope="module")
def three():
    rng = np.random.default_rng(3)
    truth = rng.choice(3, 300, p=[0.6, 0.3, 0.1])
    raw = rng.random((300, 3)) + 0.8 * np.eye(3)[truth]
    said = np.round(raw / raw.sum(1, keepdims=True), 2)  # rounded, so that there are ties
    return truth.astype(float), said / said.sum(1, keepdims=True)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_labels_are_scored_as_scikit_learn_scores_them(three, name, average):
    truth, said = three
    oracle = getattr(metrics, f"{name}_score")(truth, said.argmax(1), average=average, zero_division=0)
    assert of(f"{name}_{average}", truth, said) == pytest.approx(oracle)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(("name", "oracle"), [("auc", "roc_auc_score"), ("average_precision", "average_precision_score")])
def test_rankings_are_scored_as_scikit_learn_scores_them(three, name, oracle, average):
    truth, said = three
    expected = getattr(metrics, oracle)(np.eye(3)[truth.astype(int)], said, average=average)
    assert of(f"{name}_{average}", truth, said) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("balanced_accuracy", metrics.balanced_accuracy_score),
        ("matthews_correlation", metrics.matthews_corrcoef),
        ("accuracy", metrics.accuracy_score),
    ],
)
def test_the_rest_of_the_labels(three, name, oracle):
    truth, said = three
    assert of(name, truth, said) == pytest.approx(oracle(truth, said.argmax(1)))


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("explained_variance", metrics.explained_variance_score),
        ("mae", metrics.mean_absolute_error),
        ("r2", metrics.r2_score),
        ("mape", metrics.mean_absolute_percentage_error),
        ("median_absolute_error", metrics.median_absolute_error),
        ("rmse", metrics.root_mean_squared_error),
        ("rmsle", metrics.root_mean_squared_log_error),
    ],
)
def test_values_are_scored_as_scikit_learn_scores_them(name, oracle):
    rng = np.random.default_rng(0)
    truth = rng.gamma(2.0, 5.0, 200)
    value = np.abs(truth + rng.normal(0, 2, 200))
    assert scores.get(name, "regress").of(truth, value[:, None]) == pytest.approx(oracle(truth, value))


def test_values_by_hand():
    made = scores.every("regress", np.array([0.0, 10.0, 5.0]), np.array([[1.0], [9.0], [5.0]]))
    assert made["nmae"] == pytest.approx(2 / 3 / 10)
    assert made["nrmse"] == pytest.approx(np.sqrt(2 / 3) / 10)
    assert made["normalized_median_absolute_error"] == pytest.approx(0.1)
    assert made["spearman"] == pytest.approx(1.0)
    assert scores.get("r2", "regress").of(np.array([0.0, 1.0]), np.array([[9.0], [-9.0]])) == -1.0
    assert np.isnan(scores.get("rmsle", "regress").of(np.array([-1.0, 1.0]), np.array([[0.0], [0.0]])))


def test_names_of_azure_and_functions_of_users_are_metrics_too():
    assert scores.get("normalized_root_mean_squared_error", "regress").name == "nrmse"
    assert scores.get("AUC_weighted", "classify").name == "auc_weighted"
    mine = scores.get(lambda truth, said: "nothing", "regress")
    with pytest.raises(SettingsError, match="must give a number"):
        mine.of(TRUTH, BOTH[:, :1])
    with pytest.raises(UnknownName, match="rmse"):
        scores.get("rmes", "regress")


def test_one_class_in_the_truth_has_no_area():
    assert np.isnan(of("auc_macro", np.zeros(3), BOTH[:3]))
