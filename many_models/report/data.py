"""What the page of a run is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.report.accuracy import chosen
from forecaster.report.data import Columns, Series, arrow, floats, keys, places
from many_models import changes, manifest, scoring
from many_models.report.groups import DRAWN, ranked

if TYPE_CHECKING:
    from many_models.run import Run


@dataclass(frozen=True, eq=False)
class RunData:
    """Everything that the page of one run shows.

    Args:
        title: Name of the run.
        series: History, forecast and backtest; the tables have the group columns as well as the series columns.
        outcomes: One row per group: group columns, status, learner, score, seconds, attempts, rows, error_type, error.
        leaderboard: learner, score, rank, fit_seconds, predict_seconds; one row per learner, or per learner and group.
        findings: Series columns, column, rule, count, first, action, message.
        metric: Name of the score.
        greater_is_better: Direction of the score.
        seconds: Time that the last training took from its start to its end; NaN where not known.
        worked: Groups that it worked on, and workers.
        changes: What it did to every group since the one before: group columns, change, reason, rows, rows_before; None where not known.
        settings: The options of the job, as name -> text.
        files: Where the full tables lie: name -> path from the page.
    """

    title: str
    series: Series
    outcomes: pa.Table
    leaderboard: pa.Table
    findings: pa.Table
    metric: str = "nrmse"
    greater_is_better: bool = False
    seconds: float = float("nan")
    worked: tuple[int, int] = (0, 0)
    changes: pa.Table | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def drawn(self) -> pa.Table:
        """Keys of the groups that the page draws: all that history is needed of."""
        names = list(self.series.columns.group)
        rows = [row for group in self.ranked().values() for row in group]
        keyed = self.outcomes.select(names)
        of_largest = self.series.forecast.select(names).take(self._largest_rows()).cast(keyed.schema)
        return keys(pa.concat_tables([keyed.take(pa.array(rows, pa.int64())), of_largest]), names)

    @cached_property
    def picture(self) -> Series:
        """The tables of what the page draws."""
        drawn, names = self.drawn(), self.series.columns.group
        cut = [table.filter(pa.array(places(table, drawn, names) >= 0)) for table in (self.series.forecast, self.series.backtest)]
        return replace(self.series, forecast=cut[0], backtest=cut[1])

    @property
    def by(self) -> Sequence[str]:
        """The group columns."""
        return self.series.columns.group

    @property
    def partly(self) -> str:
        """What a group with the status "fallback" has instead."""
        return "baseline for some series"

    def ranked(self) -> dict[str, list[int]]:
        """Rows of the groups with the worst and with the best scores, and of some between."""
        return ranked(self.outcomes, self.greater_is_better)

    @cached_property
    def largest(self) -> pa.Table:
        """Where groups hold several series: the keys of the series with the largest forecasts."""
        names = self.series.columns.series
        series = keys(self.series.forecast, names)
        if series.num_rows <= self.outcomes.num_rows:
            return series.slice(0, 0)
        code = places(self.series.forecast, series, names)
        volume = np.bincount(code, np.nan_to_num(floats(self.series.forecast, "forecast")), series.num_rows)
        return series.take(np.argsort(-volume, kind="stable")[:DRAWN])

    def _largest_rows(self) -> NDArray[np.int64]:
        if not self.largest.num_rows:
            return np.empty(0, np.int64)
        return np.flatnonzero(places(self.series.forecast, self.largest, self.series.columns.series) >= 0)

    @classmethod
    def of(cls, run: Run, forecast: Any = None) -> RunData:
        """Ask a run for everything; only the history of the groups that are drawn is read.

        Args:
            run: The run, finished or not.
            forecast: What `run.forecast(...)` gave, where it was given a future; what training left is shown where absent.
        """
        run = run.still()
        task, outcomes = run.task, run.told()
        settings = task.settings
        columns = Columns(tuple(settings.series), settings.time, settings.target, tuple(task.partition_by))
        ahead = run.table("forecasts") if forecast is None else arrow(forecast)
        backtest = scoring.together(run.parts("backtest", chosen))
        ahead, backtest = (table if table.num_columns else _no_forecasts(columns, outcomes) for table in (ahead, backtest))
        series = Series(columns, pa.table({}), ahead, backtest)
        greater = metrics.get(settings.metric).greater_is_better
        data = cls(
            f"Run {'/'.join(run.path.resolve().parts[-2:])}", series, outcomes, arrow(run.leaderboard()), arrow(run.findings()),
            _name(settings.metric), greater, *work_of(run), changes.read(run.path),
            {name: str(value) for name, value in settings.as_dict().items()},
        )  # fmt: skip
        drawn = data.drawn()
        past = [_with_groups(model.history(), ahead, columns) for model in run.models(drawn)] if drawn.num_rows else []
        return replace(data, series=replace(series, history=pa.concat_tables(past) if past else _no_history(ahead, columns)))


def _with_groups(history: pa.Table, ahead: pa.Table, columns: Columns) -> pa.Table:
    """The history with its group columns, found through the series columns where it lacks them."""
    missing = [name for name in columns.group if name not in history.column_names]
    if not missing:
        return history
    known = keys(ahead, [*columns.series, *missing])
    at = places(history, known, columns.series)
    for name in missing:
        history = history.append_column(name, known[name].take(pa.array(at, mask=at < 0)))
    return history


def _no_forecasts(columns: Columns, outcomes: pa.Table) -> pa.Table:
    """The forecasts, or the backtest, of a run in which no group has one."""
    kinds = {**dict.fromkeys(columns.series, pa.string()), **{name: outcomes.schema.field(name).type for name in columns.group}}
    stamps, values = dict.fromkeys([columns.time, "cutoff"], pa.timestamp("us")), dict.fromkeys(["forecast", "actual"], pa.float64())
    return pa.schema({**kinds, **stamps, **values}).empty_table()


def _no_history(ahead: pa.Table, columns: Columns) -> pa.Table:
    keyed = ahead.slice(0, 0).select([*dict.fromkeys([*columns.group, *columns.series]), columns.time])
    return keyed.append_column(columns.target, pa.array([], pa.float64()))


def work_of(run: Run) -> tuple[float, tuple[int, int]]:
    """Seconds of the last training that came to its end, groups that it worked on, and workers."""
    told = manifest.attempt(run.path)
    if not {"ended", "workers", "total"} <= set(told):
        return float("nan"), (0, 0)
    took = float(told["ended"]) - told["since"]
    return took if took >= 0 else float("nan"), (int(told["total"]) - told["kept"], int(told["workers"]))


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", "score")
