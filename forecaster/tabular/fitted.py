"""A fitted tabular job: Arrow tables in, Arrow tables out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster.archive import storable
from forecaster.errors import DataError, UnknownName
from forecaster.table import Floats, Singles
from forecaster.tabular import scores
from forecaster.tabular.encode import Encoder, Found
from forecaster.tabular.joining import Stack, Vote
from forecaster.tabular.models import Constant, TabularModel
from forecaster.tabular.problem import Task
from forecaster.tabular.trials import TabularTrial
from forecaster.tabular.tuned import TUNED


@storable
@dataclass(frozen=True, eq=False)
class FittedTabular:
    """A fitted tabular job.

    Args:
        task: "classify" or "regress".
        options: The settings as JSON-able data.
        classes: Class labels in the order of the probabilities; empty for regression.
        encoder: How a frame becomes a matrix.
        models: The fitted members by name.
        joiner: What joins them.
        trials: What was tried.
        loss: Loss of what they say together out of fold, lower is better.
        greater_is_better: Direction of the metric.
        findings: What was seen and done.
        rows: Rows that it was fitted on.
        seconds: Time of the whole fit.
        truth: Target of the rows that were tested: values, or codes of classes. (tested,)
        said: What the members together said of them out of fold. (tested, classes)
        row: Which rows of the data these are. (tested,)
        background: Features of some training rows, evenly taken: what explanations start from. (some, features)
        attempts: Settings that a search for hyperparameters has tried; the best of them are trials of their own as well.
    """

    task: Task
    options: dict[str, Any]
    classes: tuple[Any, ...]
    encoder: Encoder
    models: dict[str, TabularModel | Constant]
    joiner: Vote | Stack
    trials: tuple[TabularTrial, ...]
    loss: float
    greater_is_better: bool
    findings: tuple[Found, ...]
    rows: int
    seconds: float
    truth: Floats
    said: Floats
    row: Floats
    background: Singles
    attempts: tuple[TabularTrial, ...] = ()

    @property
    def target(self) -> str:
        return str(self.options["target"])

    @property
    def final(self) -> str:
        """What it says is made by: the name of the ensemble, or of the one learner."""
        return str(self.options["ensemble"]) if len(self.models) > 1 else next(iter(self.models))

    def predict(self, x: Singles) -> Floats:
        """Class probabilities, or values in one column, of engineered features. (rows, classes)"""
        return self.joiner.join({name: model.predict(x) for name, model in self.models.items()})

    def told(self, frame: pa.Table) -> Floats:
        """The same of raw rows. (rows, classes)"""
        # What stands in where nothing can be learned looks at no column.
        x = self.encoder.matrix(frame) if self.encoder.steps else np.empty((frame.num_rows, 0), np.float32)
        return self.predict(x) if len(x) else np.empty((0, max(len(self.classes), 1)))

    def labels(self, said: Floats) -> pa.Array:
        """The likeliest class of each row, or its value. (rows,)"""
        return pa.array(self.classes).take(pa.array(said.argmax(axis=1))) if self.classes else pa.array(said[:, 0])

    def leaderboard(self) -> pa.Table:
        """One row per learner and one for the ensemble, best first: learner, score, rank, fit_seconds, predict_seconds, status, reason."""
        rows = [(t.learner, t.loss, t.fit_seconds, t.predict_seconds, t.status, t.reason) for t in self.trials]
        if self.options["ensemble"] is not None and sum(trial.usable for trial in self.trials) > 1:
            rows.append((str(self.options["ensemble"]), self.loss, 0.0, 0.0, "done", ""))
        rows.sort(key=lambda row: (not np.isfinite(row[1]), row[1]))
        names = ("learner", "score", "fit_seconds", "predict_seconds", "status", "reason")
        columns: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        columns["score"] = pa.array(self._sign * np.array(columns["score"], float) + 0.0, from_pandas=True)
        return pa.table(columns).add_column(2, "rank", pa.array(np.arange(1, len(rows) + 1)))

    def tried(self) -> pa.Table:
        """One row per trial, in order: trial (a number from 1), learner, parameters (JSON), score, fit_seconds, predict_seconds, folds,
        status, reason."""
        best = {attempt.learner + TUNED for attempt in self.attempts}  # which are among the attempts
        rows = [*(trial for trial in self.trials if trial.learner not in best), *self.attempts]
        columns: dict[str, Any] = {name: pa.array([getattr(one, name) for one in rows], kind) for name, kind in _TRIED.items()}
        columns["score"] = pa.array(self._sign * np.array([one.loss for one in rows], float) + 0.0, from_pandas=True)
        columns["trial"] = pa.array(np.arange(1, len(rows) + 1))
        return pa.table({name: columns[name] for name in ("trial", "learner", "parameters", "score", *list(_TRIED)[2:])})

    def selected(self) -> pa.Table:
        """The members and their weights: learner, weight."""
        weights: Mapping[str, float] = self.joiner.weights
        return pa.table({"learner": pa.array(list(weights), pa.string()), "weight": pa.array(list(weights.values()), pa.float64())})

    def found(self) -> pa.Table:
        """One row per finding: column, rule, count, action, message."""
        kinds = {"column": pa.string(), "rule": pa.string(), "count": pa.int64(), "action": pa.string(), "message": pa.string()}
        return pa.table({name: pa.array([row[i] for row in self.findings], kind) for i, (name, kind) in enumerate(kinds.items())})

    def featurized(self) -> pa.Table:
        """One row per raw column: column, purpose, dropped, features, how."""
        return self.encoder.summary()

    def engineered(self) -> pa.Table:
        """One row per engineered feature: feature, column, purpose."""
        return self.encoder.engineered()

    def backtest(self) -> pa.Table:
        """Out-of-fold predictions: row (of the data), actual, prediction, and for classes one probability each."""
        actual = pa.array([self.classes[int(code)] for code in self.truth]) if self.classes else pa.array(self.truth)
        columns = {"row": pa.array(self.row.astype(np.int64)), "actual": actual, "prediction": self.labels(self.said)}
        return pa.table(columns | self.probabilities(self.said))

    def probabilities(self, said: Floats) -> dict[str, pa.Array]:
        """One column "p_<class>" per class."""
        return {f"p_{label}": pa.array(said[:, i]) for i, label in enumerate(self.classes)}

    def metrics(self) -> pa.Table:
        """All metrics of the task, out of fold: metric, score."""
        made = scores.every(self.task, self.truth, self.said)
        return pa.table({"metric": list(made), "score": pa.array(list(made.values()), pa.float64(), from_pandas=True)})

    def truth_of(self, frame: pa.Table) -> Floats:
        """The target of rows as values, or as codes of classes; NaN where it is missing or of a class that was not trained on. (rows,)"""
        values = frame[self.target].to_pylist()
        if self.classes:
            place = {label: float(code) for code, label in enumerate(self.classes)}
            values = [place.get(value) for value in values]
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def scored(self, frame: pa.Table) -> float:
        """The accuracy, or the r2, of what it says of rows that hold the target.

        Raises:
            UnknownName: there is no target.
            DataError: no row has a target, or one has a class that was not trained on.
        """
        if self.target not in frame.column_names:
            raise UnknownName.of("column of the data", self.target, frame.column_names, "It is the target, which a score compares with.")
        truth = self.truth_of(frame)
        known = np.isfinite(truth)
        if not known.any() or (self.classes and int(known.sum()) + frame[self.target].null_count < len(truth)):
            raise DataError(f"column {self.target!r} holds nothing to compare with, or classes that were not trained on")
        return scores.get("accuracy" if self.classes else "r2", self.task).of(truth[known], self.told(frame)[known])

    @property
    def score(self) -> float:
        """What they together scored out of fold."""
        return self._sign * self.loss + 0.0

    @property
    def _sign(self) -> float:
        return -1.0 if self.greater_is_better else 1.0


def with_columns(frame: pa.Table, made: Mapping[str, pa.Array]) -> pa.Table:
    """The rows with more columns; one that has the name of these gives way to it."""
    return pa.table({**{name: frame[name] for name in frame.column_names}, **made})


_TRIED = {
    "learner": pa.string(), "parameters": pa.string(), "fit_seconds": pa.float64(), "predict_seconds": pa.float64(), "folds": pa.int64(),
    "status": pa.string(), "reason": pa.string(),
}  # fmt: skip
