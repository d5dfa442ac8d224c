"""A run on disk: what became of every group, and what the models say. It can be read at any time, while others write."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from forecaster import frames
from forecaster.errors import ArchiveError, CannotPredict, ForecasterError, SettingsError
from many_models import changes, evaluation, leaderboard, ledger, manifest, outcomes, scoring
from many_models.course import writing
from many_models.engines import Chosen
from many_models.files import read_parquet
from many_models.how import How
from many_models.monitoring import Monitoring, Tolerance, monitored
from many_models.plan import Plan
from many_models.status import Status, status_of
from many_models.steps import hashed
from many_models.store import here
from many_models.task import Task
from many_models.training import held, train_again
from many_models.upkeep import forget
from many_models.worker import blocks_of, only


@dataclass(frozen=True)
class Run:
    """One batch job on disk.

    Args:
        path: The folder of the run.
        known: What was trained; read from the run where absent.
        seen: The outcomes to go by; read anew each time where absent.
    """

    path: Path
    known: Task | None = None
    seen: pa.Table | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run that is there, finished or not.

        Raises:
            ArchiveError: there is no run at the path, or a newer version wrote it.
        """
        root = here(path, "path")
        manifest.read(root)
        return cls(root)

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

    def changes(self) -> Any:
        """What the last training that came to its end did to every group, and why: partition columns, change (kept, updated, retrained,
        new or retired), reason, rows, rows_before, status."""
        told = changes.read(self.path)
        return self._give(pa.table({}) if told is None else told)

    def leaderboard(self) -> Any:
        """One row per learner, best first: learner, score (mean over groups), rank, groups (that chose it), seconds, status, reason."""
        return self._give(leaderboard.merged(self._each("leaderboard"), self.told(), getattr(self.settings, "greater_is_better", False)))

    def findings(self) -> Any:
        """One row per finding of the guardrails: partition and series columns, column, rule, count, first, action, message."""
        return self._give(scoring.once(self.table("findings"), self.partition_by))

    def selected(self) -> Any:
        """One row per group: partition columns, learner, members with their weights, score."""
        return self._give(self.table("selected"))

    def trials(self) -> Any:
        """One row per trial and group, in order: partition columns, trial (a number), learner, parameters (JSON), score, seconds, windows
        (that it was tried on), status (done, pruned, failed or skipped), reason."""
        return self._give(self.table("trials"))

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
        place = None if out is None else here(out, "out")
        if place is not None:
            scoring.check_out(place)
        made = self.ahead(future, horizon, workers)
        return self.frame(made) if place is None else self.write(made, place)

    def ahead(self, future: Any = None, horizon: int | None = None, workers: int | None = None) -> scoring.Ahead:
        """The same block by block, as Arrow tables, and how many groups could not be asked."""
        return scoring.forecasts(self.path, self.task, self.placed(), future, horizon, workers)

    def frame(self, made: scoring.Ahead) -> Any:
        """What groups forecast as one frame."""
        return self._give(scoring.together(made.parts, self._keys()))

    def write(self, made: scoring.Ahead, out: Path) -> Path:
        """Write what groups forecast to a Parquet file, or to a folder with one file per block."""
        return scoring.write(made.parts, self._keys(), out)

    def predict(self, data: Any, out: str | Path | None = None, workers: int | None = None) -> Any:
        """Predict rows by the model of their group: for runs of classifiers and regressors.

        Args:
            data: Rows with the partition columns and the features, in any order.
            out: As for `forecast`.
            workers: How many run at a time; one per core where absent.

        Returns:
            The rows with "prediction" (and "p_<class>" for classes), in the order of the groups; or the path `out`.
        """
        return self.forecast(data, out, None, workers)

    def evaluate(self, actuals: Any, forecast: Any = None) -> Any:
        """Compare what was forecast with what came true.

        Args:
            actuals: Rows with the series columns, the time and the target.
            forecast: What `forecast(future)` gave or wrote; what this and earlier trainings of the run forecast where absent, which
                did not know the future of known covariates.

        Returns:
            One row per group: partition columns, n, mae, rmse, wape, smape, bias, nrmse, and coverage of the outermost quantiles.
        """
        return self._give(evaluation.accuracy(self._past(forecast), frames.read(actuals)[0], self.task))

    def monitor(self, actuals: Any, forecast: Any = None, tolerance: Tolerance | None = None) -> Monitoring:
        """Compare what was forecast with what came true, over groups and over time, and both with what the backtest promised.

        Args:
            actuals: Rows with the series columns, the time and the target.
            forecast: As for `evaluate`.
            tolerance: When a difference is worth an alert.

        Returns:
            Frames: `groups`, `periods`, `alerts`, and `retrain`, which `train(only=...)` takes.
        """
        rows, groups = frames.read(actuals)[0], self._keys()
        made = self._past(forecast)
        return monitored(made, self.table("backtest"), rows, groups, self.task, tolerance or Tolerance()).each(self._give)

    def past(self) -> list[Path]:
        """Files of what blocks forecast that no group lives in any more."""
        return list((self.path / "past").glob("[!.]*.parquet"))

    def forget(self, days: float) -> int:
        """Delete what models had forecast that were replaced more than so many days ago; `evaluate` and `monitor` then know less.

        Returns:
            How many files there were, one per block and training.

        Raises:
            SettingsError: days is less than 0.
            RunBusy: another process is working on this run.
        """
        if not days >= 0:
            raise SettingsError(f"days should be a number from 0 on, such as 90; it is {days!r}")
        with writing(self.path), held(self.path):
            return forget(self.past(), days)

    def _past(self, forecast: Any) -> pa.Table:
        """Forecasts that can be compared with what came true: those given, or all that training has made in this run.

        Raises:
            CannotPredict: the run is one of classifiers or regressors, which say nothing of a time to come.
        """
        if not self.settings.time:
            raise CannotPredict(
                "a run of classifiers or regressors forecasts nothing; compare what predict(rows) gives with what came true"
            )
        if forecast is not None:
            return frames.read(forecast)[0]
        if known := ", ".join(getattr(self.settings, "known", ())):
            warnings.warn(f"compared is what training forecast without the future of {known}; give forecast=", stacklevel=3)
        files = [*(self.path / "blocks").glob("[!.]*/forecasts.parquet"), *self.past()]
        cure = "delete it, and what it forecast is left out"
        return scoring.together([read_parquet(file, cure=cure).replace_schema_metadata(None) for file in sorted(files)])

    def explain(self, group: Mapping[str, Any], data: Any = None, future: Any = None, horizon: int | None = None) -> Any:
        """Why one group is forecast, or its rows are predicted, as they are: see `Forecaster.explain` and `Classifier.explain`.

        Args:
            group: The partition columns and their values.
            data: The rows to explain, for a run of classifiers or regressors; those of other groups are left out.
            future: Known covariates of the steps ahead, for a run of forecasters.
            horizon: Steps ahead; what was fitted for where absent.

        Raises:
            CannotPredict: the group has no model.
        """
        from many_models.explaining import explain

        return explain(self, group, data, future, horizon)

    def retry_failed(
        self,
        workers: int | None = None,
        time_limit_per_group: str | float | None = "5min",
        memory_limit: str | int | None = None,
        engine: str | Chosen = "local",
        progress: bool | str = True,
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

        return write(self, here(path, "path"), None if forecast is None else frames.read(forecast)[0])

    def status(self) -> Status:
        """How far the run is, also while another process works on it."""
        return status_of(self.path, self.told())

    def still(self) -> Run:
        """The run as it is now, whatever is trained meanwhile: the disk is read once for many questions."""
        return replace(self, seen=self.placed())

    def state(self) -> str:
        """A fingerprint of all that forecasts come from: the job, how many groups there are, and for each its data, its block and what
        became of it."""
        live = self.placed()
        parts = [live[name].to_pylist() for name in ("data_hash", "block", "status", "forecast")]
        return hashed([self._identity(), str(self._keys().num_rows), *sorted(map(str, zip(*parts, strict=True)))])

    def told(self) -> pa.Table:
        """Outcomes as an Arrow table."""
        return self.placed().drop_columns(["block", "moved"])

    def placed(self) -> pa.Table:
        """The outcome of every group of the plan that has one, as an Arrow table, with the block that it lies in and how often its model
        went on without being fitted."""
        if self.seen is not None:
            return self.seen
        hashes = Plan.hashes(self.path)
        done = ledger.committed(blocks_of(self.path), self._identity())
        if hashes is None or done is None:
            return outcomes.none_yet(None if (plan := Plan.load(self.path)) is None else plan.groups, self.partition_by)
        at = ledger.rows_of(hashes, done)
        return done.take(pa.array(at[at >= 0]))

    def table(self, name: str) -> pa.Table:
        """One of the tables of all blocks, such as "forecasts"."""
        return scoring.together(self.parts(name), self._keys())

    def parts(self, name: str, keep: Callable[[pa.Table], pa.Table] | None = None) -> list[pa.Table]:
        """The same block by block, in no order of groups; `keep` takes what is wanted of each."""
        return [table for _, table in self._each(name, keep)]

    def forecastable(self) -> pa.Table:
        """Outcomes of the groups that have a forecast, with the block that each lies in."""
        return outcomes.with_forecast(self.placed())

    def blocks(self) -> list[str]:
        """The keys of the blocks that groups live in."""
        return sorted(set(self.placed()["block"].to_pylist()))

    def models(self, groups: pa.Table | None = None) -> list[Any]:
        """The fitted blocks, or those of some groups: what plots and explanations are made from."""
        live = self.placed()
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

    def _identity(self) -> str:
        there = str(manifest.read(self.path)["identity"])
        if self.known is not None and self.known.identity != there:
            told = f"the run at {str(self.path)!r} was trained under another job since it was opened here"
            raise ArchiveError(f"{told}; open it anew: Run.open({str(self.path)!r})")
        return there

    def _each(self, name: str, keep: Callable[[pa.Table], pa.Table] | None = None) -> list[tuple[pa.Table, pa.Table]]:
        """A table of each block, cut to the groups that live in it, with these groups."""
        live = self.placed()
        if name != "findings":  # what was found says why a group has no forecast, too
            live = outcomes.with_forecast(live) if name == "forecasts" else outcomes.with_model(live)
        return scoring.tables(self.path, live, name, self.partition_by, keep)

    def _keys(self) -> pa.Table:
        """The partition columns, one row per group."""
        plan = Plan.load(self.path)
        return pa.table({}) if plan is None else plan.groups.select(plan.by)

    def _give(self, table: pa.Table) -> Any:
        return frames.give(table, manifest.frame_kind(manifest.read(self.path)))
