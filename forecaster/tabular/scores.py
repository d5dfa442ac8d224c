"""Metrics of the tabular tasks by name (azure-semantics B.7). Adding one: a function, and a line in one of the two tables.

A metric of classes is a function of (codes (rows,), probabilities (rows, classes)), one of values of (truth, value), both (rows,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from forecaster.errors import SettingsError, UnknownName
from forecaster.table import Floats
from forecaster.tabular import classes, values
from forecaster.tabular.problem import Task

Function = Callable[[Floats, Floats], float]


@dataclass(frozen=True)
class Score:
    """A metric of a tabular task."""

    name: str
    function: Function
    greater_is_better: bool = True

    def of(self, truth: Floats, predicted: Floats) -> float:
        """The score of predictions. (rows,), (rows, classes or 1)"""
        try:
            return float(self.function(truth, predicted if predicted.shape[1] > 1 else predicted[:, 0]))
        except (TypeError, ValueError) as error:
            raise SettingsError(f"the metric {self.name!r} must give a number for {len(truth)} rows, but: {error!r}") from error

    def loss(self, truth: Floats, predicted: Floats) -> float:
        """The score, lower is better; NaN where it has no meaning."""
        value = self.of(truth, predicted)
        return -value if self.greater_is_better else value


def _averaged(name: str, function: Callable[..., float]) -> list[Score]:
    """The three averages over classes of a metric."""
    return [Score(f"{name}_{average}", _with(function, average)) for average in ("macro", "micro", "weighted")]


def _with(function: Callable[..., float], average: str) -> Function:
    return lambda truth, said: function(truth, said, average)


def _table(*scores: Score) -> dict[str, Score]:
    return {score.name: score for score in sorted(scores, key=lambda score: score.name)}


CLASSIFICATION = _table(
    Score("accuracy", classes.accuracy),
    Score("balanced_accuracy", classes.balanced_accuracy),
    Score("brier", classes.brier, greater_is_better=False),
    Score("log_loss", classes.log_loss, greater_is_better=False),
    Score("matthews_correlation", classes.matthews_correlation),
    Score("norm_macro_recall", classes.norm_macro_recall),
    Score("weighted_accuracy", classes.weighted_accuracy),
    *_averaged("auc", classes.auc),
    *_averaged("average_precision", classes.average_precision),
    *_averaged("f1", classes.f1),
    *_averaged("precision", classes.precision),
    *_averaged("recall", classes.recall),
)
REGRESSION = _table(
    Score("explained_variance", values.explained_variance),
    Score("r2", values.r2),
    Score("spearman", values.spearman),
    *(Score(f.__name__, f, greater_is_better=False) for f in values.ERRORS),
)

AZURE = {
    "average_precision_score_weighted": "average_precision_weighted", "precision_score_weighted": "precision_weighted",
    "normalized_root_mean_squared_error": "nrmse", "normalized_mean_absolute_error": "nmae", "r2_score": "r2",
    "spearman_correlation": "spearman", "AUC_weighted": "auc_weighted",
}  # fmt: skip
"""What Azure calls its primary metrics."""


def table(task: Task) -> Mapping[str, Score]:
    """The metrics of a task by name."""
    return CLASSIFICATION if task == "classify" else REGRESSION


def get(metric: str | Function, task: Task) -> Score:
    """The metric of a name, or a callable as one: an attribute greater_is_better of it says which way, True where it has none.

    Raises:
        UnknownName: the task has no metric of that name.
    """
    if callable(metric):
        return Score(getattr(metric, "__name__", "custom"), metric, bool(getattr(metric, "greater_is_better", True)))
    known = table(task)
    name = AZURE.get(metric, metric)
    if name not in known:
        raise UnknownName.of("metric", metric, known, "A function (truth, said) -> number works as well.")
    return known[name]


def every(task: Task, truth: Floats, predicted: Floats) -> dict[str, float]:
    """All metrics of a task; NaN for one that has no meaning here."""
    with np.errstate(all="ignore"):
        return {name: score.of(truth, predicted) for name, score in table(task).items()}
