"""What became of past forecasts, against what the backtest promised: accuracy, bias and coverage, over groups and over time, and alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.errors import SettingsError
from forecaster.report.accuracy import chosen
from many_models import evaluation, keys
from many_models.task import Task

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
RETRAIN = ("worse", "biased", "coverage", "level")
"""Alerts that a new model may help against; against the others data must come."""


@dataclass(frozen=True)
class Tolerance:
    """When a difference is worth an alert: it must be large, and too large for chance.

    Args:
        worse: Mean absolute error, as a multiple of what the backtest promised.
        bias: Mean error, as a share of the mean absolute error; 1 when all errors have one sign.
        coverage: How far below what they are meant for intervals may hold the truth.
        level: Change of the level, as a multiple of the spread that the values had in the backtest.
        surprise: How many standard errors a difference must measure.
        least: Fewest values of a group that are judged.
        stale: Steps that the newest value of a group may lie behind the newest of all.
    """

    worse: float = 1.5
    bias: float = 0.5
    coverage: float = 0.1
    level: float = 2.0
    surprise: float = 4.0
    least: int = 7
    stale: int = 7

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise SettingsError(f"{name}={value!r}: expected a number above 0")


@dataclass(frozen=True, eq=False)
class Monitoring:
    """What became of past forecasts.

    Args:
        groups: One row per group: partition columns, n, the measures of `evaluate`, and "promised_mae", "promised_wape" and
            "promised_coverage" of the backtest.
        periods: One row per group and period of as many steps as the horizon: partition columns, "from", "to", and the same measures.
        alerts: One row per alert: partition columns, alert, value, limit, message.
        retrain: The partition columns of the groups that may gain from a new model: what `train(only=...)` takes.
    """

    groups: Any
    periods: Any
    alerts: Any
    retrain: Any

    def each(self, give: Callable[[pa.Table], Any]) -> Monitoring:
        """The same in another kind of frame."""
        return Monitoring(give(self.groups), give(self.periods), give(self.alerts), give(self.retrain))


def monitored(made: pa.Table, backtest: pa.Table, actuals: pa.Table, groups: pa.Table, task: Task, tolerance: Tolerance) -> Monitoring:
    """Compare past forecasts with what came true, and both with the backtest.

    Args:
        made: Forecasts: partition and series columns, time, "forecast" and quantiles.
        backtest: Out-of-fold forecasts, with "actual".
        actuals: Series columns, time and target.
        groups: The partition columns of the run, one row per group.
        task: Says which columns these are.
        tolerance: When there is an alert.

    Raises:
        DataError: no forecast has an actual value.
    """
    time = task.settings.time
    evaluation.expect_forecasts(made, task)
    made = made.filter(pa.array(_group(made, groups) >= 0))
    rows, promise = evaluation.paired(made, actuals, task), chosen(backtest)
    promise = promise.filter(np.isfinite(promise["actual"].to_numpy())) if "actual" in promise.column_names else rows.slice(0, 0)
    told = _measured(rows, groups) | _promised(promise, groups)
    period = _period(rows, time, int(getattr(task.settings, "horizon", 1)))
    alerts = [*_compared(rows, promise, groups, tolerance), *_late(made, rows, groups, time, tolerance)]
    by_alert = [pa.table(_of(groups, which) | columns) for which, columns in alerts if len(which)]
    empty = pa.table(_of(groups, np.array([], int)) | _columns("", "", np.array([]), 0.0, np.array([])))
    made_alerts = pa.concat_tables([empty, *by_alert])
    again = made_alerts.filter(pa.array(np.isin(made_alerts["alert"].to_numpy(zero_copy_only=False).astype(str), RETRAIN)))
    retrain = again.select(groups.column_names).group_by(groups.column_names, use_threads=False).aggregate([])
    return Monitoring(pa.table(_of(groups) | told), _over_time(rows, groups, period, time), made_alerts, retrain)


def _measured(rows: pa.Table, groups: pa.Table) -> dict[str, Any]:
    return evaluation.measures(rows, rows["actual"].to_numpy(), _group(rows, groups), groups.num_rows)


def _promised(promise: pa.Table, groups: pa.Table) -> dict[str, Any]:
    told = _measured(promise, groups)
    wanted = {name: f"promised_{name.partition('_')[0]}" for name in told if name in ("mae", "wape") or name.startswith("coverage")}
    return {new: told[name] for name, new in wanted.items()}


def _over_time(rows: pa.Table, groups: pa.Table, period: NDArray[np.int64], time: str) -> pa.Table:
    """The measures of every group in every period."""
    cell, inverse = np.unique(np.stack([_group(rows, groups), period]), axis=1, return_inverse=True)
    at = inverse.reshape(-1)
    ends = (
        rows.select([time]).append_column("cell", pa.array(at)).group_by("cell").aggregate([(time, "min"), (time, "max")]).sort_by("cell")
    )
    when = {"from": ends[f"{time}_min"], "to": ends[f"{time}_max"]}
    return pa.table(_of(groups, cell[0]) | when | evaluation.measures(rows, rows["actual"].to_numpy(), at, cell.shape[1]))


def _period(rows: pa.Table, time: str, steps: int) -> NDArray[np.int64]:
    """The period of each row: as many of the times that occur as the horizon has steps. (rows,)"""
    return keys.coded(rows, [time])[0] // max(steps, 1)


Alert = tuple[NDArray[np.int64], dict[str, Any]]


def _compared(rows: pa.Table, promise: pa.Table, groups: pa.Table, tolerance: Tolerance) -> Iterator[Alert]:
    """Alerts of groups whose forecasts are not what the backtest has promised."""
    now, then = _Sums.of(rows, groups), _Sums.of(promise, groups)
    judged = now.n >= tolerance.least
    known = judged & (then.n >= tolerance.least)
    ratio = _over(now.size, then.size)
    worse = known & (ratio > tolerance.worse) & (_surprise(now.size, now.size_spread, then.size, then.size_spread) > tolerance.surprise)
    yield _alert(worse, "worse", ratio, tolerance.worse, "the mean absolute error is {:.2f} times what the backtest promised")
    share = _over(np.abs(now.bias), now.size)
    biased = judged & (share > tolerance.bias) & (_over(np.abs(now.bias), now.bias_spread) > tolerance.surprise)
    yield _alert(biased, "biased", np.sign(now.bias) * share, tolerance.bias, "the mean error is {:+.0%} of the mean absolute error")
    if (level := _level(rows)) is not None:
        meant = np.where(then.n > 0, np.minimum(level, np.nan_to_num(then.inside, nan=1.0)), level)
        chance = np.sqrt(level * (1 - level) / np.maximum(now.n, 1))
        narrow = judged & (now.inside < meant - tolerance.coverage) & ((meant - now.inside) / chance > tolerance.surprise)
        yield _alert(
            narrow, "coverage", now.inside, level - tolerance.coverage, f"intervals of {level:.0%} held {{:.0%}} of what came true"
        )
    moved = _over(now.level - then.level, then.level_spread * np.sqrt(then.n))
    drift = known & (np.abs(moved) > tolerance.level)
    yield _alert(drift, "level", moved, tolerance.level, "values lie {:+.1f} times their former spread from their former mean")


def _late(made: pa.Table, rows: pa.Table, groups: pa.Table, time: str, tolerance: Tolerance) -> Iterator[Alert]:
    """Alerts of groups whose data does not come."""
    stamp, times = keys.coded(made, [time])
    group, newest = _group(made, groups), np.full(groups.num_rows, -1, np.int64)
    came = keys.found(rows.select([time]), times)
    np.maximum.at(newest, _group(rows, groups), came)
    forecast = np.bincount(group, minlength=groups.num_rows) > 0
    behind = newest.max(initial=-1) - newest
    due = np.zeros(groups.num_rows, bool)
    due[group[stamp <= newest.max(initial=-1)]] = True
    silent = forecast & (newest < 0) & due
    yield _alert(silent, "no data", np.full(len(behind), np.nan), tolerance.stale, "nothing has come of the times that were forecast")
    stale = (newest >= 0) & (behind > tolerance.stale)
    yield _alert(stale, "stale", behind.astype(float), tolerance.stale, "the newest value is {:.0f} steps older than that of other groups")


@dataclass(frozen=True, eq=False)
class _Sums:
    """Means of each group, and their standard errors. (groups,)"""

    n: Floats
    size: Floats
    size_spread: Floats
    bias: Floats
    bias_spread: Floats
    level: Floats
    level_spread: Floats
    inside: Floats

    @classmethod
    def of(cls, rows: pa.Table, groups: pa.Table) -> _Sums:
        group, count = _group(rows, groups), groups.num_rows
        n = np.bincount(group, minlength=count).astype(float)
        actual, forecast = (rows[name].to_numpy().astype(float) for name in ("actual", "forecast"))

        def mean(values: Floats) -> tuple[Floats, Floats]:
            middle = _over(np.bincount(group, values, count).astype(float), n)
            square = np.bincount(group, (values - middle[group]) ** 2, count).astype(float)
            return middle, np.sqrt(_over(square, n * np.maximum(n - 1, 1)))

        error = forecast - actual
        names = evaluation.outermost(rows)
        low, high = (rows[names[0]].to_numpy(), rows[names[1]].to_numpy()) if names else (actual, actual)
        inside, _ = mean(((low <= actual) & (actual <= high)).astype(float))
        return cls(n, *mean(np.abs(error)), *mean(error), *mean(actual), inside)


def _surprise(now: Floats, now_spread: Floats, then: Floats, then_spread: Floats) -> Floats:
    """The difference of two means in standard errors."""
    return _over(now - then, np.sqrt(now_spread**2 + then_spread**2))


def _over(part: Floats, whole: Floats) -> Floats:
    """`part / whole`; where there is nothing to divide by, 0 or infinity."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.where(part > 0, np.inf, np.where(part < 0, -np.inf, 0.0)))


def _level(rows: pa.Table) -> float | None:
    """The share of values that the outermost quantiles are meant to hold."""
    names = evaluation.outermost(rows)
    return float(names[1][1:]) - float(names[0][1:]) if names else None


def _group(rows: pa.Table, groups: pa.Table) -> NDArray[np.int64]:
    return keys.found(rows.select(groups.column_names), groups)


def _of(groups: pa.Table, which: NDArray[np.int64] | None = None) -> dict[str, Any]:
    taken = groups if which is None else groups.take(pa.array(which, pa.int64()))
    return {name: taken[name] for name in taken.column_names}


def _alert(flag: Flags, name: str, value: Floats, limit: float, message: str) -> Alert:
    which = np.flatnonzero(flag)
    return which, _columns(name, message, value[which], limit, which)


def _columns(name: str, message: str, value: Floats, limit: float, which: NDArray[Any]) -> dict[str, Any]:
    n = len(which)
    return {
        "alert": pa.array([name] * n, pa.string()),
        "value": pa.array(value, pa.float64(), from_pandas=True),
        "limit": pa.array([float(limit)] * n, pa.float64()),
        "message": pa.array([message.format(one) for one in value], pa.string()),
    }
