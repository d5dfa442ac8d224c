"""The front doors of the tabular tasks: `Classifier` and `Regressor`, of the same shape as `Forecaster`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from forecaster import archive, frames
from forecaster.archive import storable
from forecaster.errors import ArchiveError, DataError, ForecasterError, SettingsError, UnknownName
from forecaster.table import Floats
from forecaster.tabular import scores
from forecaster.tabular.encode import Encoder
from forecaster.tabular.models import PORTFOLIO, Problem, TabularModel, Task, fit, known
from forecaster.tabular.search import TabularTrial, blend, folds, loss_of, run_trial, vote

Found = tuple[str, str, int, str, str]  # column, rule, count, action, message
RARE = 0.2  # a class with fewer rows than this share of the commonest is imbalanced (azure-semantics A.5 #65)


@storable
@dataclass(frozen=True, eq=False)
class FittedTabular:
    """A fitted tabular job.

    Args:
        task: "classify" or "regress".
        target: Column to predict.
        options: The settings as JSON-able data.
        classes: Class labels in the order of the probabilities; empty for regression.
        encoder: How a frame becomes a matrix.
        models: The fitted members by name.
        weights: Their shares.
        trials: What was tried.
        loss: Cross-validated loss of the vote, lower is better.
        findings: Rows of (column, rule, count, action, message).
    """

    task: Task
    target: str
    options: dict[str, Any]
    classes: tuple[Any, ...]
    encoder: Encoder
    models: dict[str, TabularModel]
    weights: dict[str, float]
    trials: tuple[TabularTrial, ...]
    loss: float
    findings: tuple[Found, ...]


class _Tabular:
    """What both tasks share."""

    task: ClassVar[Task]
    scores: ClassVar[dict[str, scores.Score]]

    def __init__(
        self, target: str, *, drop: Sequence[str] = (), featurization: str = "auto", learners: str | Sequence[str] = "auto",
        block: Sequence[str] = (), metric: str | Callable[..., float] = "", validation: str | int = "auto", weight: str | None = None,
        ensemble: str | None = "voting", time_limit: float | None = None, n_jobs: int = -1, seed: int = 0,
    ) -> None:  # fmt: skip
        block = (block,) if isinstance(block, str) else block
        self.target, self.drop, self.weight = target, (drop,) if isinstance(drop, str) else tuple(drop), weight
        if featurization not in ("auto", "off"):
            raise SettingsError(f"featurization should be 'auto' or 'off', got {featurization!r}")
        if ensemble not in ("voting", None):
            raise SettingsError(f"ensemble should be 'voting' or None, got {ensemble!r}")
        if not (validation == "auto" or (isinstance(validation, int) and validation > 0)):
            raise SettingsError(f"validation should be 'auto' or a number of folds, got {validation!r}")
        named = PORTFOLIO[self.task] if learners == "auto" else (learners,) if isinstance(learners, str) else tuple(learners)
        for name in (*named, *block):
            if name not in known(self.task):
                raise UnknownName.of("learner", name, known(self.task))
        self.learners = tuple(name for name in named if name not in block)
        if not self.learners:
            raise SettingsError(f"no learner is left to try: learners={list(named)} and block={list(block)}")
        self.score = scores.get(metric, self.scores)
        self.featurization, self.validation, self.ensemble, self.time_limit = featurization, validation, ensemble, time_limit
        self.threads, self.seed = n_jobs if n_jobs > 0 else os.cpu_count() or 1, seed
        self._fitted: FittedTabular | None = None
        self._frames = frames.FrameKind("pandas")

    def fit(self, data: Any) -> Self:
        """Encode the columns, cross-validate the learners, and fit the best on all rows.

        Args:
            data: A path, folder or glob of Parquet or CSV, or any frame with the Arrow interface.

        Raises:
            DataError: the target is missing everywhere, of one value, or of the wrong type.
            UnknownName: a column does not exist.
        """
        frame, self._frames = frames.read(data)
        for name in (self.target, *self.drop, *([self.weight] if self.weight else [])):
            if name not in frame.column_names:
                raise UnknownName.of("column of the data", name, frame.column_names)
        labelled = frame.filter(frame[self.target].is_valid())
        y, classes, findings = self._target(labelled[self.target])
        if labelled.num_rows < frame.num_rows:
            lost = frame.num_rows - labelled.num_rows
            findings.append((self.target, "missing target", lost, "repaired", f"{lost} rows without a value were left out"))
        self._fitted = self._search(labelled, y, classes, findings)
        return self

    def predict(self, data: Any) -> Any:
        """The frame's rows with a column "prediction"."""
        frame, kind = frames.read(data)
        made = self._joined(frame)
        fitted = self._done
        values = pa.array([fitted.classes[i] for i in made.argmax(axis=1)]) if fitted.classes else pa.array(made[:, 0])
        return _beside(data, frames.give(frame.append_column("prediction", values), kind))

    @property
    def leaderboard_(self) -> Any:
        """One row per learner: learner, score, rank, fit_seconds, predict_seconds, status, reason."""
        fitted = self._done
        rows = [(t.learner, t.loss, t.fit_seconds, t.predict_seconds, t.status, t.reason) for t in fitted.trials]
        if len(fitted.weights) > 1:
            rows.append(("voting", fitted.loss, 0.0, 0.0, "done", ""))
        rows.sort(key=lambda row: (not np.isfinite(row[1]), row[1]))
        sign = -1.0 if self.score.greater_is_better else 1.0
        names = ("learner", "score", "fit_seconds", "predict_seconds", "status", "reason")
        table: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        table["score"] = pa.array(sign * np.array(table["score"], float), from_pandas=True)
        return self._give(pa.table(table).add_column(2, "rank", pa.array(np.arange(1, len(rows) + 1))))

    @property
    def selected_(self) -> Any:
        """The members and their weights: learner, weight."""
        weights = self._done.weights
        return self._give(pa.table({"learner": list(weights), "weight": list(weights.values())}))

    @property
    def findings_(self) -> Any:
        """One row per finding: column, rule, count, action, message."""
        kinds = {"column": pa.string(), "rule": pa.string(), "count": pa.int64(), "action": pa.string(), "message": pa.string()}
        return self._give(pa.table({n: pa.array([row[i] for row in self._done.findings], k) for i, (n, k) in enumerate(kinds.items())}))

    @property
    def features_summary_(self) -> Any:
        """One row per raw column: column, purpose, dropped, features, how."""
        return self._give(self._done.encoder.summary())

    def save(self, folder: str | Path) -> None:
        """Save the fitted job without pickle."""
        archive.save(self._done, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what `save` wrote. No code from the files is run."""
        fitted = archive.load(Path(folder))
        if not isinstance(fitted, FittedTabular) or fitted.task != cls.task:
            raise ArchiveError(f"{folder} holds a {getattr(fitted, 'task', type(fitted).__name__)}, not a fitted {cls.__name__}")
        made = cls(fitted.target, **fitted.options)
        made._fitted = fitted
        return made

    def _target(self, values: pa.ChunkedArray) -> tuple[Floats, tuple[Any, ...], list[Found]]:
        raise NotImplementedError

    def _search(self, frame: pa.Table, y: Floats, classes: tuple[Any, ...], findings: list[Found]) -> FittedTabular:
        encoder = Encoder.learn(frame, (self.target, *self.drop, *([self.weight] if self.weight else [])), self.featurization)
        weight = frame[self.weight].cast(pa.float64()).to_numpy() if self.weight else None
        problem = Problem(self.task, encoder.matrix(frame), y, weight, max(len(classes), 1), self.threads, self.seed)
        trials, made = self._trials(problem)
        losses = {trial.learner: trial.loss for trial in trials}
        weights = vote(self.score, y, made, losses) if self.ensemble else {min(made, key=lambda name: losses[name]): 1.0}
        models = {name: fit(name, problem) for name in weights}
        loss = loss_of(self.score, y, blend(made, weights))
        options = {"drop": list(self.drop), "metric": self.score.name, "weight": self.weight, "seed": self.seed, "ensemble": self.ensemble}
        return FittedTabular(self.task, self.target, options, classes, encoder, models, weights, trials, loss, tuple(findings))

    def _trials(self, problem: Problem) -> tuple[tuple[TabularTrial, ...], dict[str, Floats]]:
        """Cross-validate the learners while there is time, at least one; what they predicted out of fold."""
        splits, started = folds(problem.y, self.task, self.validation, self.seed), time.monotonic()
        trials: list[TabularTrial] = []
        made: dict[str, Floats] = {}
        for name in self.learners:
            if trials and self.time_limit and time.monotonic() - started > self.time_limit:
                trials.append(TabularTrial(name, "skipped", f"the time limit of {self.time_limit:g} s was reached", float("nan"), 0.0, 0.0))
                continue
            trial, predicted = run_trial(name, problem, splits, self.score)
            trials.append(trial)
            if trial.status == "done" and np.isfinite(trial.loss):
                made[name] = predicted
        if not made:
            raise DataError(f"no learner could be fitted: {'; '.join(f'{t.learner}: {t.reason}' for t in trials)}")
        return tuple(trials), made

    def _joined(self, frame: pa.Table) -> Floats:
        fitted = self._done
        x = fitted.encoder.matrix(frame)
        return blend({name: model.predict(x) for name, model in fitted.models.items()}, fitted.weights)

    @property
    def _done(self) -> FittedTabular:
        if self._fitted is None:
            raise ForecasterError(f"this {type(self).__name__} is not fitted yet; call fit(data) first")
        return self._fitted

    def _give(self, table: pa.Table) -> Any:
        return frames.give(table, self._frames)


class Regressor(_Tabular):
    """Predicts a number from the other columns of a row.

    Args:
        target: Column to predict.
        drop: Columns to leave out.
        learners: Names, or "auto" for the portfolio.
        block: Names not to try.
        metric: "nrmse", "nmae", "rmse", "mae", "r2", "spearman" or a callable (truth, values) -> number, greater is better.
        validation: "auto" or a number of folds.
        weight: Column of row weights.
        ensemble: "voting" or None.
        time_limit: Seconds after which no further learner is tried.
        n_jobs: Threads; -1 for one per core.
        seed: Seed of everything random.
    """

    task = "regress"
    scores = scores.REGRESSION

    def __init__(self, target: str, *, metric: str | Callable[..., float] = "nrmse", **options: Any) -> None:
        super().__init__(target, metric=metric, **options)

    def _target(self, values: pa.ChunkedArray) -> tuple[Floats, tuple[Any, ...], list[Found]]:
        try:
            y = values.cast(pa.float64()).to_numpy().astype(float)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(f"column {self.target!r} should hold numbers; it holds {values.type}; cast it, or use Classifier") from None
        if len(y) < 2 or np.ptp(y[np.isfinite(y)]) == 0:
            raise DataError(f"column {self.target!r} should hold two different values at least; it has {len(y)} rows of one value")
        return y, (), []


class Classifier(_Tabular):
    """Predicts a label from the other columns of a row.

    Args:
        target: Column to predict.
        drop: Columns to leave out.
        learners: Names, or "auto" for the portfolio.
        block: Names not to try.
        metric: "auc_weighted", "accuracy", "log_loss", "f1_macro", ... or a callable (codes, probabilities) -> number, greater is better.
        validation: "auto" or a number of folds.
        weight: Column of row weights.
        ensemble: "voting" or None.
        time_limit: Seconds after which no further learner is tried.
        n_jobs: Threads; -1 for one per core.
        seed: Seed of everything random.
    """

    task = "classify"
    scores = scores.CLASSIFICATION

    def __init__(self, target: str, *, metric: str | Callable[..., float] = "auc_weighted", **options: Any) -> None:
        super().__init__(target, metric=metric, **options)

    def predict_proba(self, data: Any) -> Any:
        """The frame's rows with one column "p_<class>" per class."""
        frame, kind = frames.read(data)
        made = self._joined(frame)
        for i, label in enumerate(self._done.classes):
            frame = frame.append_column(f"p_{label}", pa.array(made[:, i]))
        return _beside(data, frames.give(frame, kind))

    def _target(self, values: pa.ChunkedArray) -> tuple[Floats, tuple[Any, ...], list[Found]]:
        plain = values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
        labels, codes, counts = np.unique(np.array(plain.to_pylist(), object).astype(str), return_inverse=True, return_counts=True)
        if len(labels) < 2:
            raise DataError(f"column {self.target!r} should hold two classes at least; it holds only {labels.tolist()}")
        by_text = {str(value): value for value in plain.unique().to_pylist()}
        findings = []
        if counts.min() <= RARE * counts.max():
            told = f"{labels[counts.argmin()]!r} has {counts.min()} rows, {labels[counts.argmax()]!r} has {counts.max()}"
            findings.append((self.target, "class imbalance", int(counts.min()), "noted", told))
        return codes.astype(float), tuple(by_text[label] for label in labels), findings


def _beside(data: Any, made: Any) -> Any:
    """A pandas result has the index of the pandas frame that came, so that columns can be set side by side."""
    return made.set_axis(data.index, axis=0) if hasattr(data, "index") and hasattr(made, "set_axis") else made
