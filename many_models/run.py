"""A run on disk: what became of every group, and what the models say. It can be read at any time, while others write."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from forecaster import frames
from forecaster.errors import ForecasterError
from many_models import evaluation, leaderboard, ledger, manifest, outcomes, scoring
from many_models.how import How
from many_models.plan import Plan
from many_models.status import Status, status_of
from many_models.task import Task
from many_models.training import train_again
from many_models.worker import blocks_of, only


@dataclass(frozen=True)
class Run:
    """One batch job on disk.

    Args:
        path: The folder of the run.
        known: What was trained; read from the run where absent.
    """

    path: Path
    known: Task | None = None

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run that is there, finished or not.

        Raises:
            ArchiveError: there is no run at the path, or a newer version wrote it.
        """
        manifest.read(Path(path))
        return cls(Path(path))

    @cached_property
    def task(self) -> Task:
        """What is run on every group."""
        return self.known or Task.from_dict(manifest.read(self.path)["job"])

    @property
    def settings(self) -> Any:
        """The options of the job."""
        return self.task.settings

    @property
    def partition_by(self) -> tuple[str, ...]:
        """Columns whose values have one model each."""
        return self.task.partition_by

    def outcomes(self) -> Any:
        """One row per group that has been worked on: partition columns, status, learner, score, seconds, attempts, rows, data_hash,
        error_type, error, forecast ("model", "fallback" or null: where its forecast comes from)."""
        return self._give(self.told())

    def leaderboard(self) -> Any:
        """One row per learner, best first: learner, score (mean over groups), rank, groups (that chose it), seconds, status, reason."""
        return self._give(leaderboard.merged(self._each("leaderboard"), self.told(), getattr(self.task.settings, "metric", "")))

    def findings(self) -> Any:
        """One row per finding of the guardrails: partition and series columns, column, rule, count, first, action, message."""
        return self._give(scoring.once(self.table("findings"), self.partition_by))

    def selected(self) -> Any:
        """One row per group: partition columns, learner, members with their weights, score."""
        return self._give(self.table("selected"))

    def backtest(self) -> Any:
        """Out-of-fold forecasts of every candidate: series columns, time, cutoff, learner, actual, forecast and quantiles."""
        return self._give(self.table("backtest"))

    def forecast(self, future: Any = None, out: str | Path | None = None, horizon: int | None = None, workers: int | None = None) -> Any:
        """Forecast all groups: those without a model of their own by what stands in for it ("fallback" in the column "forecast" of
        `outcomes()`).

        Args:
            future: Rows with the series columns, the time and the known covariates of the steps ahead, where there are any.
            out: Where to write Parquet: a file, or a folder with one file per block; a frame is given back where absent.
            horizon: Steps ahead; what was fitted for where absent.
            workers: How many run at a time; one per core where absent.

        Returns:
            A frame with series columns, time, "forecast" and one column per quantile, or the path `out`.
        """
        if out is not None:
            scoring.check_out(Path(out))
        parts = scoring.forecasts(self.path, self.task, self._live(), future, horizon, workers)
        if out is None:
            return self._give(scoring.together(parts, self._keys()))
        return scoring.write(parts, self._keys(), Path(out))

    def evaluate(self, actuals: Any, forecast: Any = None) -> Any:
        """Compare what was forecast with what came true.

        Args:
            actuals: Rows with the series columns, the time and the target.
            forecast: What `forecast(future)` gave or wrote; what this and earlier trainings of the run forecast where absent, which
                did not know the future of known covariates.

        Returns:
            One row per group: partition columns, n, mae, rmse, wape, smape, bias, nrmse, and coverage of the outermost quantiles.
        """
        rows, _ = frames.read(actuals)
        if forecast is not None:
            return self._give(evaluation.accuracy(frames.read(forecast)[0], rows, self.task))
        if known := ", ".join(getattr(self.settings, "known", ())):
            warnings.warn(f"compared is what training forecast without the future of {known}; give forecast=", stacklevel=2)
        files = [*(self.path / "blocks").glob("[!.]*/forecasts.parquet"), *(self.path / "past").glob("[!.]*.parquet")]
        made = [pq.read_table(file).replace_schema_metadata(None) for file in sorted(files)]
        return self._give(evaluation.accuracy(scoring.together(made), rows, self.task))

    def retry_failed(
        self,
        workers: int | None = None,
        time_limit_per_group: str | float | None = "5min",
        memory_limit: str | int | None = None,
        engine: str = "local",
        progress: bool = True,
    ) -> Run:
        """Try the groups without a model once more."""
        train_again(self.task, self.path, How.of(engine, workers, time_limit_per_group, memory_limit, progress))
        return self

    def report(self, path: str | Path, forecast: Any = None) -> Path:
        """Write one self-contained HTML page about the run.

        Args:
            path: Where to; folders are made.
            forecast: What `forecast(future)` gave or wrote, to be drawn; what training left is drawn where absent.
        """
        from many_models.report import write

        return write(self, Path(path), None if forecast is None else frames.read(forecast)[0])

    def status(self) -> Status:
        """How far the run is, also while another process works on it."""
        return status_of(self.path, self.told())

    def told(self) -> pa.Table:
        """Outcomes as an Arrow table."""
        return self._live().drop_columns(["block"])

    def table(self, name: str) -> pa.Table:
        """One of the tables of all blocks: "forecasts", "backtest", "findings" or "selected"."""
        return scoring.together([table for _, table in self._each(name)], self._keys())

    def models(self, groups: pa.Table | None = None) -> list[Any]:
        """The fitted blocks, or those of some groups: what plots and explanations are made from."""
        live = self._live()
        live = live if groups is None else only(live, groups)
        made = outcomes.with_forecast(live)
        return list(self._read(dict.fromkeys(made["block"].to_pylist())))

    def _read(self, keys: Iterable[str]) -> Iterator[Any]:
        """The models of some blocks; those that cannot be loaded are passed over with a warning."""
        for key in keys:
            try:
                yield self.task.read(blocks_of(self.path).get(key) / "models")
            except (ForecasterError, OSError, pa.ArrowException) as error:
                warnings.warn(f"the models of block {key} cannot be loaded any more; train again: {error}", stacklevel=3)

    def _live(self) -> pa.Table:
        """The outcome of every group of the plan that has one, with the block that it lies in."""
        plan = Plan.load(self.path)
        done = ledger.committed(blocks_of(self.path), self._identity())
        if plan is None or done is None:
            groups = pa.table({"rows": pa.array([], pa.int64()), "data_hash": pa.array([], pa.string())}) if plan is None else plan.groups
            return outcomes.empty(groups).append_column("block", pa.array([], pa.string()))
        at = ledger.rows_of(plan.table["data_hash"], done)
        return done.take(pa.array(at[at >= 0]))

    def _identity(self) -> str:
        return self.known.identity if self.known else str(manifest.read(self.path)["identity"])

    def _each(self, name: str) -> list[tuple[pa.Table, pa.Table]]:
        """A table of each block, cut to the groups that live in it, with these groups."""
        kept = outcomes.with_forecast if name in ("forecasts", "findings") else outcomes.with_model
        return scoring.tables(self.path, kept(self._live()), name, self._keys().column_names)

    def _keys(self) -> pa.Table:
        """The partition columns, one row per group."""
        plan = Plan.load(self.path)
        return pa.table({}) if plan is None else plan.groups.select(plan.by)

    def _give(self, table: pa.Table) -> Any:
        return frames.give(table, manifest.frame_kind(manifest.read(self.path)))
