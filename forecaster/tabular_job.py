"""The front doors of the tabular tasks: `Classifier` and `Regressor`, of the same shape as `Forecaster`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster import archive, frames
from forecaster.errors import ArchiveError, DataError, SettingsError
from forecaster.explain import Explanation
from forecaster.explain.rows import WALKS, Method, explain_rows
from forecaster.tabular import arrays
from forecaster.tabular.estimator import Estimator, unfitted
from forecaster.tabular.fitted import FittedTabular, with_columns
from forecaster.tabular.fitting import fit_table
from forecaster.tabular.settings import ClassifierSettings, RegressorSettings, TabularSettings

if TYPE_CHECKING:
    from forecaster.export.onnx import Exported


def _told(tell: Callable[[FittedTabular], pa.Table], doc: str) -> property:
    """What a fitted job tells, as a frame of the kind that was given to `fit`."""

    def get(job: _Tabular) -> Any:
        return frames.give(tell(job._done), job._frames)

    return property(get, doc=doc)


class _Tabular(Estimator):
    """What both tasks share."""

    def __init__(self, target: str = "y", **options: Any) -> None:
        self._given = {"target": target, **options}
        self._settings = self.kind.parse(self._given)
        self._fitted: FittedTabular | None = None
        self._frames = frames.FrameKind("pandas")
        self._lost: dict[str, str] = {}

    @classmethod
    def of(cls, settings: TabularSettings) -> Self:
        """The job of settings that are checked already."""
        return cls(**dict(iter(settings)))

    def __repr__(self) -> str:
        return self.settings.as_call(type(self).__name__)

    def fit(self, data: Any, y: Any = None) -> Self:
        """Learn what the columns are, test the learners, and fit the best on all rows.

        Args:
            data: A path, folder or glob of Parquet or CSV, or any frame with the Arrow interface. With `y` the same without the target,
                or an array of rows and columns.
            y: The target of each row, where `data` does not hold it.

        Raises:
            DataError: the target is missing everywhere, of one value, or of the wrong type.
            UnknownName: a column does not exist.
            SettingsError: the job was loaded, and its learners or metric were objects that no file can hold.
        """
        for option, was in self._lost.items():
            raise SettingsError(
                f"{option}={was} was an object that no file can hold; to fit again, make a new {type(self).__name__} with {option}="
            )
        frame, kind = arrays.read(data)
        frame = self._with_target(frame, kind, y)
        self._fitted = fit_table(frame, self.settings)
        self._frames = frames.FrameKind() if kind.name == arrays.ARRAY else kind
        return self

    def predict(self, data: Any) -> Any:
        """The frame's rows with a column "prediction", in the place of one that is called so; of an array the predictions alone. (rows,)"""
        frame, kind = self._read(data)
        said = self._done.labels(self._done.told(frame))
        if kind.name == arrays.ARRAY:
            return arrays.plain(said)
        return _beside(data, frames.give(with_columns(frame, {"prediction": said}), kind))

    def score(self, data: Any, y: Any = None) -> float:
        """The accuracy of the predictions, or their r2: what scikit-learn's tools go by where they are not told of a metric.

        Args:
            data: Rows, with the target where `y` is absent.
            y: The target of each row.

        Raises:
            UnknownName: there is no target.
            DataError: no row has a target, or one has a class that was not trained on.
        """
        frame, kind = self._read(data)
        return self._done.scored(self._with_target(frame, kind, y))

    leaderboard_ = _told(
        FittedTabular.leaderboard,
        "One row per learner and one for the ensemble, best first: learner, score, rank, fit_seconds, predict_seconds, status, reason.",
    )
    trials_ = _told(
        FittedTabular.tried,
        "One row per trial, in order: trial (a number), learner, parameters (JSON), score, fit_seconds, predict_seconds, folds (that it "
        "was tried on), status (done, pruned, failed or skipped), reason.",
    )
    selected_ = _told(FittedTabular.selected, "The members and their weights: learner, weight.")
    findings_ = _told(FittedTabular.found, "One row per finding: column, rule, count, action, message.")
    features_summary_ = _told(FittedTabular.featurized, "One row per raw column: column, purpose, dropped, features, how.")
    engineered_ = _told(FittedTabular.engineered, "One row per engineered feature: feature, the raw column it comes from, its purpose.")
    backtest_ = _told(
        FittedTabular.backtest, "Out-of-fold predictions of what was chosen: row (of the data), actual, prediction and probabilities."
    )
    metrics_ = _told(FittedTabular.metrics, "All metrics of the task, out of fold: metric, score.")

    @property
    def features_(self) -> tuple[str, ...]:
        """Names of the engineered features."""
        return self._done.encoder.names

    def features(self, data: Any) -> Any:
        """The engineered features of some rows, by name; of an array the matrix alone. (rows, features)"""
        frame, kind = self._read(data)
        encoder = self._done.encoder
        x = encoder.matrix(frame)
        if kind.name == arrays.ARRAY:
            return x
        return _beside(data, frames.give(pa.table({name: x[:, i] for i, name in enumerate(encoder.names)}), kind))

    def explain(
        self, data: Any, *, background: Any = None, method: Method = "auto", most: int = 300, walks: int = WALKS,
        shuffles: int | None = None, seed: int = 0,
    ) -> Explanation:  # fmt: skip
        """Why rows are predicted as they are: contributions of the features that add up to the value, or to the probability of each class.

        Args:
            data: The rows.
            background: Rows that stand for not knowing; some of the training rows where None.
            method: "exact", "sampling", or "auto" for whichever explains this model without a further package.
            most: Rows that are explained at most, evenly taken.
            walks: Of sampling; more are less noisy.
            shuffles: Of each column, for permutation importance; 0 for none of it, 5 where None and a member has no exact Shapley values.
            seed: Of sampling and of the shuffles.

        Raises:
            SettingsError: the method cannot explain this model, or there is no row.
        """
        behind = None if background is None else self._read(background)[0]
        return explain_rows(self._done, self._read(data)[0], behind, method=method, most=most, walks=walks, shuffles=shuffles, seed=seed)

    def plot(self, kind: str | None = None, backend: Literal["matplotlib", "plotly"] = "matplotlib") -> Any:
        """A figure of out-of-fold predictions.

        Args:
            kind: Of a classifier "confusion" (where None), "roc", "precision_recall", "gains", "lift" or "calibration"; of a regressor
                "predicted" (where None: predicted against true) or "residuals".
            backend: The library that draws it (extra `plot` or `plotly`).

        Returns:
            The figure: of matplotlib, `figure.savefig("roc.png")` saves it, of plotly, `figure.write_html("roc.html")`.
        """
        from forecaster.report.rowcharts import chart

        return chart(self._done, kind or ("confusion" if self.kind.task == "classify" else "predicted"), backend)

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page about the job."""
        from forecaster.report.rows import write_rows

        return write_rows(self._done, Path(path))

    def export_onnx(self, path: str | Path, sample: Any, features: Literal["raw", "engineered"] = "raw") -> Exported:
        """Write the fitted model as an ONNX graph (extra `onnx`), after comparing both on real rows.

        Args:
            path: The file.
            sample: The rows.
            features: "raw" takes one input per column, "engineered" one input with the matrix of `features(data)`.

        Raises:
            CannotSave: a part of it has no counterpart in ONNX, or says something else there; the message names it.
        """
        from forecaster.export.onnx import export_rows

        return export_rows(self._done, Path(path), self._read(sample)[0], features)

    def save(self, folder: str | Path) -> None:
        """Save the fitted job: JSON, Parquet and native model files with checksums; no pickle.

        Raises:
            CannotSave: a custom learner has no safe file format.
        """
        archive.save(self._done, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what `save` wrote. No code from the files is run.

        Raises:
            ArchiveError: a file is damaged, foreign or newer than this version.
        """
        fitted = archive.load(Path(folder))
        if not isinstance(fitted, FittedTabular) or fitted.task != cls.kind.task:
            raise ArchiveError(f"{folder} holds a {getattr(fitted, 'task', type(fitted).__name__)}, not a fitted {cls.__name__}")
        settings, lost = cls.kind.revived(fitted.options)
        made = cls.of(settings)
        made._fitted, made._lost = fitted, lost
        return made

    def _read(self, data: Any) -> tuple[pa.Table, frames.FrameKind]:
        done = self._done
        frame, kind = arrays.read(data)
        arrays.expect(frame, kind, len(done.encoder.steps), type(self).__name__)
        return frame, kind

    def _with_target(self, frame: pa.Table, kind: frames.FrameKind, y: Any) -> pa.Table:
        if y is not None:
            return arrays.with_target(frame, y, self.settings.target)
        if kind.name == arrays.ARRAY:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None: an array has no column of that name")
        return frame

    @property
    def _done(self) -> FittedTabular:
        if self._fitted is None:
            raise unfitted(f"this {type(self).__name__} is not fitted yet; call fit(data) first, or {type(self).__name__}.load(folder)")
        return self._fitted


class Regressor(_Tabular):
    """Predicts a number from the other columns of a row.

    Args:
        target: Column to predict.
        drop: Columns to leave out.
        featurization: "auto", "off" (numeric columns as they are), or `Columns(...)` or its options as a mapping.
        learners: Names, {name: options}, objects with fit(X, y) and predict(X), or "auto" for the portfolio.
        block: Names not to try.
        metric: "nrmse", "nmae", "rmse", "mae", "r2", "spearman", ... or a callable (truth, values) -> number; greater is better unless an
            attribute greater_is_better of it says otherwise.
        validation: "auto", a number of folds, the share of a holdout (0.2), or {"folds", "share", "groups", "time"}.
        weight: Column of row weights.
        ensemble: "caruana" (a weighted mean, chosen by what it gains), "voting" (weights by error), "stacking" (an elastic net of what the
            members say), or None for the best learner.
        time_limit: Seconds after which no further learner, and no further setting, is tried.
        tune: Searches for hyperparameters too (extra `tune`): a number of trials, or {"trials": 20, "patience": 8, "target": 0.9}.
        n_jobs: Threads; -1 for one per core.
        seed: Seed of everything random.
    """

    kind = RegressorSettings


class Classifier(_Tabular):
    """Predicts a label from the other columns of a row.

    Args:
        target: Column to predict.
        drop: Columns to leave out.
        featurization: "auto", "off" (numeric columns as they are), or `Columns(...)` or its options as a mapping.
        learners: Names, {name: options}, objects with fit(X, y) and predict_proba(X), or "auto" for the portfolio.
        block: Names not to try.
        metric: "auc_weighted", "accuracy", "log_loss", "f1_macro", ... or a callable (codes, probabilities) -> number; greater is better
            unless an attribute greater_is_better of it says otherwise.
        validation: "auto", a number of folds, the share of a holdout (0.2), or {"folds", "share", "groups", "time"}.
        weight: Column of row weights.
        ensemble: "caruana" (a soft vote, weighted by what each member adds), "voting" (weights by error), "stacking" (a logistic
            regression of what the members say), or None for the best learner.
        balance: Whether rows of rare classes weigh more: "auto" where a class is rare and this is seen to help, True or False.
        time_limit: Seconds after which no further learner, and no further setting, is tried.
        tune: Searches for hyperparameters too (extra `tune`): a number of trials, or {"trials": 20, "patience": 8, "target": 0.9}.
        n_jobs: Threads; -1 for one per core.
        seed: Seed of everything random.
    """

    kind = ClassifierSettings

    def predict_proba(self, data: Any) -> Any:
        """The frame's rows with one column "p_<class>" per class; of an array the probabilities alone. (rows, classes)"""
        frame, kind = self._read(data)
        said = self._done.told(frame)
        if kind.name == arrays.ARRAY:
            return said
        return _beside(data, frames.give(with_columns(frame, self._done.probabilities(said)), kind))

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes, in the order of the probabilities."""
        return np.array(self._known.classes)


def _beside(data: Any, made: Any) -> Any:
    """A pandas result has the index of the pandas frame that came, so that columns can be set side by side."""
    return made.set_axis(data.index, axis=0) if hasattr(data, "iloc") and hasattr(made, "set_axis") else made
