"""The front door: one model per value of the partition columns, in one batch run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from forecaster.errors import SettingsError
from many_models import tracking as trackers
from many_models.engines import Chosen
from many_models.how import How
from many_models.run import Run
from many_models.store import here
from many_models.task import PATHS, Task
from many_models.training import train

NEIGHBOURS = (
    "pooling='block': groups learn from those that are packed into the same block, so forecasts depend on the number of workers and on "
    "which groups were retrained together; pooling='group' keeps every group to itself"
)


class ManyModels:
    """One forecasting job for every group of the data.

    Args:
        job: A `Forecaster`, `Classifier` or `Regressor` with the options of the job, its settings, or a `Task`.
        partition_by: Columns whose values get one model each.

    Raises:
        SettingsError: there are no partition columns, or their names cannot be used.
    """

    def __init__(self, job: Any, partition_by: str | Sequence[str] | None = None) -> None:
        if isinstance(job, Task):
            self.task = job
        else:
            by = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by or ())
            settings = getattr(job, "settings", job)
            if not hasattr(settings, "as_dict"):
                raise SettingsError(f"expected a Forecaster as the job, got {type(job).__name__}; write ManyModels(Forecaster(...), ...)")
            self.task = Task(settings, by, **PATHS[getattr(settings, "task", "forecast")])
            if hasattr(settings, "schema_of"):
                settings.schema_of(by)

    def __repr__(self) -> str:
        return f"ManyModels({self.task.settings!r}, partition_by={list(self.task.partition_by)})"

    def train(
        self,
        data: Any,
        path: str | Path,
        engine: str | Chosen = "local",
        workers: int | None = None,
        time_limit_per_group: str | float | None = "5min",
        memory_limit: str | int | None = None,
        deadline: str | float | None = None,
        resume: bool = True,
        progress: bool | str = True,
        update: Literal["state"] | None = None,
        only: Any = None,
        tracking: str | None = None,
    ) -> Run:
        """Train one model per group. Call it again to go on after a stop, or with new data: only what changed is trained.

        Args:
            data: A path, folder, glob or address (s3://...) of Parquet or CSV, a data set of pyarrow, or any frame with the Arrow
                interface.
            path: Folder of the run, on a local or mounted file system.
            engine: Where blocks run: "local", "dask", "ray", "spark", "joblib", or `engines.use(name, ...)` with its options.
            workers: How many run at a time; one per core where absent.
            time_limit_per_group: After this, a group alone in its worker is ended and recorded as timed_out; "5min", seconds, or None.
            memory_limit: What a worker may hold: "2GB", bytes, or None for no limit.
            deadline: When to have ended, from this call on: "10min", seconds, or None. Every group has a cheap forecast first; then models
                are trained, most groups per second first, until the time is up. Groups without one say so in their outcome (error_type
                "Deadline"): call it again to go on with them.
            resume: Keep what is done under the same job and data; False begins anew.
            progress: How far it is, on standard error: True or "auto" is a bar on a terminal and plain lines elsewhere; "lines"; "json",
                one object per line for programs; False or "none".
            update: "state" lets the models of groups to which rows were only added go on from these, without fitting them again; all
                other groups that changed are trained.
            only: The groups to train: a list of their keys, or rows or a file with the partition columns; the others stay as they are.
                A chosen group whose model was fitted on these very rows is not fitted again, as the same would come out.
            tracking: "mlflow" logs the run, once it has come to its end, to where MLflow is configured to; see docs/mlflow.md.

        Returns:
            The run. Groups that failed are rows of `run.outcomes()`, never errors.

        Warns:
            UserWarning: with pooling="block" what a group gets depends on the groups of its block, and so on how many workers there are.
            UserWarning: something could not be tracked.

        Raises:
            DataError: the data cannot be partitioned.
            UnknownName: a column is not in the data, or there is no such engine, or no such way to show progress.
            SettingsError: an option has a value that cannot be meant.
            RunBusy: another process is working on this run.
            CannotWrite: the disk is full, broken or not ours to write: an OSError.
            MissingExtra: what tracks the run is not installed.
        """
        if update not in (None, "state"):
            raise SettingsError(f'update={update!r}: expected "state", or None to train what changed')
        trackers.check(tracking)
        how = How.of(engine, workers, time_limit_per_group, memory_limit, progress, deadline)
        if getattr(self.task.settings, "pooling", "group") == "block":
            warnings.warn(NEIGHBOURS, stacklevel=2)
        root = here(path, "path")
        run = Run(root, train(self.task, data, root, how, resume, update == "state", only))
        if tracking is not None:
            trackers.log_run(run)
        return run
