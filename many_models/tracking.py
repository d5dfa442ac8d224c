"""Runs in MLflow: what a training was and how it went, and a whole run as one model.

MLflow is imported when it is asked for. Where things go is what MLflow is configured with: `mlflow.set_tracking_uri` or the variable
MLFLOW_TRACKING_URI, and the experiment likewise.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from forecaster import frames
from forecaster.errors import MissingExtra, SettingsError
from forecaster.report.accuracy import Backtested, chosen
from forecaster.report.data import Columns, Series
from forecaster.tabular import scores
from many_models import evaluation, manifest, outcomes
from many_models.files import write_parquet
from many_models.report.rows import predictions

if TYPE_CHECKING:
    from many_models.run import Run

TRACKERS = ("mlflow",)
"""Where a run can be tracked."""
MEASURED = ("mae", "rmse", "wape", "smape", "bias")
"""What is logged per window of the backtest; nrmse is not, as it divides by the range of a series and not by that of all."""
SCRIPT = Path(__file__).with_name("pyfunc.py")
"""The code of the model that MLflow loads."""


def check(tracking: str | None) -> None:
    """Refuse before anything is trained what could not be tracked after it.

    Raises:
        SettingsError: nothing of that name tracks runs.
        MissingExtra: MLflow is not installed.
    """
    if tracking is None:
        return
    if tracking not in TRACKERS:
        raise SettingsError(f'tracking={tracking!r}: expected "mlflow", or None to keep the run to its folder')
    _mlflow("tracking='mlflow'")


def log_run(run: Run) -> str | None:
    """Log a run to MLflow: into the MLflow run that is active, or one of its own.

    What cannot be logged is a warning: the run lies whole in its folder, whatever becomes of its copy.

    Args:
        run: The run, finished or not.

    Returns:
        The id of the MLflow run; None where none could be begun or ended.

    Raises:
        MissingExtra: MLflow is not installed.
    """
    mlflow = _mlflow("logging a run")
    try:
        active = mlflow.active_run()
        with nullcontext(active) if active else mlflow.start_run(run_name=run.path.resolve().name) as begun:
            for what, log in _PARTS.items():
                try:
                    log(mlflow, run)
                except Exception as error:
                    _warn(run, what, error)
        return str(begun.info.run_id)
    except Exception as error:
        _warn(run, "the run", error)
        return None


def log_model(run: Run, name: str = "model", registered: str | None = None) -> Any:
    """Log a whole run as one MLflow model: `mlflow.pyfunc.load_model(uri).predict(frame)` asks the model of each row's group.

    The folder of the run is copied as it is and read by this package: nothing is pickled. The model has no signature, as MLflow takes
    away from a frame what a signature does not name, and which covariates come along differs from call to call.

    Args:
        run: The run.
        name: Name of the model within its MLflow run.
        registered: Name in the model registry, where it becomes the next version; it is not registered where absent.

    Returns:
        What MLflow says of the model: `model_uri`, `registered_model_version` and more.

    Raises:
        MissingExtra: MLflow is not installed.
        SettingsError: no group of the run has a model yet.
    """
    mlflow = _mlflow("logging a model")
    if not run.forecastable().num_rows:
        raise SettingsError(f"no group of the run at {str(run.path)!r} has a model; train it first, outcomes() says what went wrong")
    versions = manifest.read(run.path)["versions"]
    return mlflow.pyfunc.log_model(
        name=name,
        python_model=str(SCRIPT),
        artifacts={"run": str(run.path.resolve())},
        registered_model_name=registered,
        pip_requirements=[f"{package}=={version}" for package, version in versions.items() if package != "python"],
    )


def parameters(run: Run) -> dict[str, str]:
    """The options of the job, as texts."""
    told: dict[str, Any] = {"partition_by": list(run.partition_by), **run.settings.as_dict()}
    return {name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in told.items()}


def measured(run: Run) -> dict[str, float]:
    """How a run went: groups by status, mean and median score, score of each learner and how many groups chose it."""
    told, board = run.told(), frames.read(run.leaderboard())[0]
    numbers: dict[str, Any] = {f"groups/{status}": count for status, count in outcomes.counted(told).items()}
    numbers |= {"groups/all": told.num_rows, "groups/without_model": outcomes.without_model(told).num_rows}
    scores = np.array([score for score in told["score"].to_pylist() if score is not None and math.isfinite(score)])
    if len(scores):
        numbers |= {"score/mean": scores.mean(), "score/median": np.median(scores)}
    for row in board.to_pylist():
        numbers |= {f"learner/{row['learner']}/score": row["score"], f"learner/{row['learner']}/groups": row["groups"]}
    return _finite(numbers)


def windows(run: Run) -> list[dict[str, float]]:
    """How good the chosen forecasts were over all groups, per window of the backtest, the oldest first; one window for rows."""
    settings = run.settings
    if not settings.time:
        return _of_rows(run)
    rows = chosen(run.table("backtest"))
    if not rows.num_rows:
        return []
    columns = Columns(tuple(settings.series), settings.time, settings.target, run.partition_by)
    tested = Backtested.of(Series(columns, pa.table({}), pa.table({}), rows))
    known = tested.scored > 0
    told = evaluation.measures(rows.filter(pa.array(known)), tested.actual[known], tested.window[known], tested.n_windows)
    kept = {name: values.to_pylist() for name, values in told.items() if name in MEASURED or name.startswith("coverage_")}
    return [_finite({f"backtest/{name}": values[i] for name, values in kept.items()}) for i in range(tested.n_windows)]


def _of_rows(run: Run) -> list[dict[str, float]]:
    """All metrics of a run of classifiers or regressors, over the rows of all groups together."""
    backtest = run.table("backtest")
    if not backtest.num_rows:
        return []
    told = predictions(backtest, run.settings.task, run.partition_by)
    return [_finite({f"backtest/{name}": value for name, value in scores.every(run.settings.task, told.truth, told.said).items()})]


def tags(run: Run) -> dict[str, str]:
    """Where a run comes from: code, data, job and folder."""
    told = manifest.read(run.path)
    known = {
        "mlflow.source.git.commit": told["commit"],
        "forecaster.data_fingerprint": told["data"]["fingerprint"],
        "forecaster.job": told["identity"],
        "forecaster.version": told["versions"].get("forecaster"),
        "forecaster.run": str(run.path.resolve()),
    }
    return {name: value for name, value in known.items() if value}


def _log_parameters(mlflow: Any, run: Run) -> None:
    mlflow.log_params(parameters(run))


def _log_metrics(mlflow: Any, run: Run) -> None:
    mlflow.log_metrics(measured(run))


def _log_windows(mlflow: Any, run: Run) -> None:
    for i, numbers in enumerate(windows(run)):
        mlflow.log_metrics(numbers, step=i + 1)


def _log_tags(mlflow: Any, run: Run) -> None:
    mlflow.set_tags(tags(run))


def _log_tables(mlflow: Any, run: Run) -> None:
    with tempfile.TemporaryDirectory() as place:
        pa_csv.write_csv(frames.read(run.leaderboard())[0], Path(place, "leaderboard.csv"))
        write_parquet(run.told(), Path(place, "outcomes.parquet"))
        mlflow.log_artifacts(place)


def _log_report(mlflow: Any, run: Run) -> None:
    with tempfile.TemporaryDirectory() as place:
        run.report(Path(place, "report.html"))
        mlflow.log_artifacts(place)


_PARTS: Mapping[str, Callable[[Any, Run], None]] = {
    "the tags": _log_tags,
    "the parameters": _log_parameters,
    "the metrics": _log_metrics,
    "the metrics per window": _log_windows,
    "the leaderboard and outcomes": _log_tables,
    "the report": _log_report,
}


def _finite(numbers: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that there are, under names that MLflow takes."""
    there = {name: float(value) for name, value in numbers.items() if value is not None and math.isfinite(value)}
    return {re.sub(r"[^\w\-. /]", "_", name): value for name, value in there.items()}


def _warn(run: Run, what: str, error: Exception) -> None:
    told = f"{what} could not be logged to MLflow: {type(error).__name__}: {error}"
    warnings.warn(f"{told}. The run at {str(run.path)!r} is whole; many_models.tracking.log_run(run) logs it again", stacklevel=4)


def _mlflow(what: str) -> Any:
    try:
        import mlflow
        import mlflow.pyfunc
    except ModuleNotFoundError as error:
        raise MissingExtra.of(what, error.name, "mlflow") from None
    return mlflow
