"""Metrics of the tabular tasks (azure-semantics B.7): functions of truth and prediction in two tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.errors import UnknownName
from forecaster.table import Floats

Function = Callable[[Floats, Floats], float]  # (truth, probabilities (rows, classes) or values (rows,)) -> score


@dataclass(frozen=True)
class Score:
    """A metric of a tabular task."""

    name: str
    function: Function
    greater_is_better: bool = True

    def loss(self, truth: Floats, predicted: Floats) -> float:
        """The score, lower is better."""
        value = float(self.function(truth, predicted))
        return -value if self.greater_is_better else value


def _of_labels(name: str, **options: Any) -> Function:
    def score(truth: Floats, probability: Floats) -> float:
        from sklearn import metrics

        return float(getattr(metrics, name)(truth, probability.argmax(axis=1), **options))

    return score


def auc_weighted(truth: Floats, probability: Floats) -> float:
    """Area under the ROC curve, one class against the rest, weighted by the number of rows of the class."""
    from sklearn.metrics import roc_auc_score

    classes, counts = np.unique(truth.astype(int), return_counts=True)
    if len(classes) < 2:
        return float("nan")
    areas = [roc_auc_score(truth == c, probability[:, c]) for c in classes]
    return float(np.average(areas, weights=counts))


def log_loss(truth: Floats, probability: Floats) -> float:
    """Mean of minus the logarithm of the probability given to the true class."""
    right = probability[np.arange(len(truth)), truth.astype(int)]
    return float(-np.log(np.clip(right, 1e-15, 1.0)).mean())


def norm_macro_recall(truth: Floats, probability: Floats) -> float:
    """Macro recall, rescaled so that guessing is 0: (recall - R) / (1 - R) with R = 1 / classes."""
    guess = 1.0 / int(probability.shape[1])
    recall = _of_labels("recall_score", average="macro", zero_division=0)(truth, probability)
    return (recall - guess) / (1.0 - guess)


def nrmse(truth: Floats, value: Floats) -> float:
    """Root mean squared error over the range of the truth."""
    return float(np.sqrt(np.mean((truth - value) ** 2)) / (np.ptp(truth) or 1.0))


def nmae(truth: Floats, value: Floats) -> float:
    """Mean absolute error over the range of the truth."""
    return float(np.mean(np.abs(truth - value)) / (np.ptp(truth) or 1.0))


def r2(truth: Floats, value: Floats) -> float:
    """Share of the variance explained, clipped to [-1, 1]."""
    spread = np.sum((truth - truth.mean()) ** 2)
    return float(np.clip(1.0 - np.sum((truth - value) ** 2) / spread, -1.0, 1.0)) if spread > 0 else 0.0


def spearman(truth: Floats, value: Floats) -> float:
    """Correlation of the ranks."""
    from scipy.stats import spearmanr

    made = spearmanr(truth, value).statistic
    return float(made) if np.isfinite(made) else 0.0


CLASSIFICATION = {
    s.name: s
    for s in (
        Score("accuracy", _of_labels("accuracy_score")),
        Score("auc_weighted", auc_weighted),
        Score("balanced_accuracy", _of_labels("balanced_accuracy_score")),
        Score("f1_macro", _of_labels("f1_score", average="macro", zero_division=0)),
        Score("f1_weighted", _of_labels("f1_score", average="weighted", zero_division=0)),
        Score("log_loss", log_loss, greater_is_better=False),
        Score("matthews_correlation", _of_labels("matthews_corrcoef")),
        Score("norm_macro_recall", norm_macro_recall),
        Score("precision_weighted", _of_labels("precision_score", average="weighted", zero_division=0)),
        Score("recall_weighted", _of_labels("recall_score", average="weighted", zero_division=0)),
    )
}
REGRESSION = {
    s.name: s
    for s in (
        Score("mae", lambda truth, value: float(np.mean(np.abs(truth - value))), greater_is_better=False),
        Score("nmae", nmae, greater_is_better=False),
        Score("nrmse", nrmse, greater_is_better=False),
        Score("r2", r2),
        Score("rmse", lambda truth, value: float(np.sqrt(np.mean((truth - value) ** 2))), greater_is_better=False),
        Score("spearman", spearman),
    )
}


def get(metric: str | Function, table: dict[str, Score]) -> Score:
    """The metric of a name, or a callable as one (greater is better).

    Raises:
        UnknownName: the task has no metric of that name.
    """
    if callable(metric):
        return Score(getattr(metric, "__name__", "custom"), metric)
    if metric not in table:
        raise UnknownName.of("metric", metric, table)
    return table[metric]
