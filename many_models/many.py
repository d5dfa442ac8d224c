"""The front door: one model per value of the partition columns, in one batch run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forecaster.errors import SettingsError
from many_models.how import How
from many_models.run import Run
from many_models.task import Task
from many_models.training import train


class ManyModels:
    """One forecasting job for every group of the data.

    Args:
        job: A `Forecaster` with the options of the job, its `Settings`, or a `Task`.
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
            self.task = Task(settings, by)
            if hasattr(settings, "schema_of"):
                settings.schema_of(by)

    def __repr__(self) -> str:
        return f"ManyModels({self.task.settings!r}, partition_by={list(self.task.partition_by)})"

    def train(
        self,
        data: Any,
        path: str | Path,
        engine: str = "local",
        workers: int | None = None,
        time_limit_per_group: str | float | None = "5min",
        memory_limit: str | int | None = None,
        deadline: None = None,
        resume: bool = True,
        progress: bool = True,
    ) -> Run:
        """Train one model per group. Call it again to go on after a stop, or with new data: only what changed is trained.

        Args:
            data: A path, folder or glob of Parquet or CSV, or any frame with the Arrow interface.
            path: Folder of the run.
            engine: Where blocks run.
            workers: How many run at a time; one per core where absent.
            time_limit_per_group: After this, a group alone in its worker is ended and recorded as timed_out; "5min", seconds, or None.
            memory_limit: What a worker may hold: "2GB", bytes, or None for no limit.
            deadline: Not there yet.
            resume: Keep what is done under the same job and data; False begins anew.
            progress: Show how far it is: a bar on a terminal, plain lines elsewhere.

        Returns:
            The run. Groups that failed are rows of `run.outcomes()`, never errors.

        Raises:
            DataError: the data cannot be partitioned.
            UnknownName: a column is not in the data, or there is no such engine.
            SettingsError: an option has a value that cannot be meant.
            RunBusy: another process is working on this run.
        """
        if deadline is not None:
            raise SettingsError(f"deadline={deadline!r}: there are no deadlines yet; leave it out, a run can be stopped at any time")
        task = train(self.task, data, Path(path), How.of(engine, workers, time_limit_per_group, memory_limit, progress), resume)
        return Run(Path(path), task)
