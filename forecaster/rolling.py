"""Forecasts from later origins without fitting again: the state moves on, the parameters stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster import frames
from forecaster.errors import SettingsError
from forecaster.fitted import Fitted
from forecaster.frequency.moment import step_at
from forecaster.guardrails import Findings
from forecaster.guardrails.future import continued
from forecaster.guardrails.newer import check_newer
from forecaster.newcomers import newcomers
from forecaster.table import Future, Ints, Table


def moved(fitted: Fitted, rows: pa.Table) -> tuple[Fitted, list[Fitted], Findings]:
    """A fitted job that goes on from newer history, what forecasts series that it was not fitted on, and what the guardrails saw.

    Args:
        fitted: The job.
        rows: All rows up to now, as they would be given to fit.

    Raises:
        DataError: A series is missing in them, or ends earlier.
    """
    table, others, found = check_newer(rows, fitted.table, fitted.schema, begin=fitted.begin, aggregate=fitted.options.get("aggregate"))
    made, told = newcomers(fitted, others)
    return replace(fitted, table=table, moved=True), made, found + told


def moved_groups(fitted: Fitted, rows: pa.Table, groups: pa.Table) -> Fitted:
    """A fitted block of which some groups go on from newer history; the others stay where they are.

    Args:
        fitted: The block.
        rows: All rows of these groups up to now.
        groups: The partition columns of the groups that go on.

    Raises:
        DataError: A series of these groups is missing in the rows, or ends earlier.
    """
    wanted = {*zip(*(groups[name].to_pylist() for name in groups.column_names), strict=True)}
    labels = zip(*(fitted.table.groups[name].tolist() for name in groups.column_names), strict=True)
    which = np.flatnonzero(np.array([label in wanted for label in labels])[fitted.table.group])
    known, begin = fitted.table.take(which), fitted.begin[which]
    part, _, found = check_newer(rows, known, fitted.schema, begin=begin, aggregate=fitted.options.get("aggregate"))
    # The models go over all values of the others too, but nobody asks what comes out.
    others = fitted.table.since(fitted.begin)
    return replace(fitted, table=_with(others, part, which), moved=True, findings=fitted.findings + found)


def _with(table: Table, part: Table, which: Ints) -> Table:
    """The table with the series `which` as they are in another one, which has the same columns."""
    sizes, start, begin = table.sizes.copy(), table.start.copy(), table.indptr[:-1].copy()
    sizes[which], start[which], begin[which] = part.sizes, part.start, part.indptr[:-1] + len(table.target)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.arange(indptr[-1]) + np.repeat(begin - indptr[:-1], sizes)
    static = {name: column.copy() for name, column in table.static.items()}
    for name, column in static.items():
        column[which] = part.static[name]
    return replace(
        table,
        target=np.concatenate([table.target, part.target])[rows],
        indptr=indptr,
        start=start,
        known={name: np.concatenate([column, part.known[name]])[rows] for name, column in table.known.items()},
        past={name: np.concatenate([column, part.past[name]])[rows] for name, column in table.past.items()},
        static=static,
    )


def roll(fitted: Fitted, rows: pa.Table, horizon: int | None = None, step: int | None = None) -> pa.Table:
    """Forecast from one origin after the other, each time with the actual values up to there.

    Args:
        fitted: The job.
        rows: All rows, as they would be given to fit, with the actual values after those that it was fitted on.
        horizon: Steps ahead of each origin; those that it was fitted for where None.
        step: Steps from one origin to the next, at most the horizon; the horizon where None.

    Returns:
        Series columns, time, "origin", "actual", "forecast" and one column per quantile; the first origin of a series is the end of
        what it was fitted on, the last one has an actual value after it.

    Raises:
        SettingsError: The step is below 1 or above the horizon.
        DataError: As `moved`; or no row is newer.
    """
    whole, steps = moved(fitted, rows)[0], fitted.steps(horizon)

    def forecast(left: Ints) -> pa.Table:
        at = replace(whole, table=whole.table.drop_last(left))
        return at.forecast(known_after(whole.table, left, steps))

    return from_each(whole.table, fitted.table.end, whole.alive, forecast, steps=steps, stride=step)


def from_each(
    table: Table, end: Ints, told: NDArray[np.bool_], forecast: Callable[[Ints], pa.Table], *, steps: int, stride: int | None
) -> pa.Table:
    """The forecasts of each origin, with the origin and what came.

    Args:
        table: All values up to now.
        end: Last step that was fitted on: the first origin. (series,)
        told: Which series are forecast. (series,)
        forecast: The rows that follow when the last values of each series are left out, `steps` for each one that is told.
        steps: Steps ahead of each origin.
        stride: Steps from one origin to the next; `steps` where None.

    Raises:
        SettingsError: The stride is below 1 or above the horizon, or there is nothing to roll over.
    """
    if stride is not None and (isinstance(stride, bool) or not isinstance(stride, int | np.integer) or not 1 <= stride <= steps):
        raise SettingsError(f"step={stride!r}: expected a whole number of steps from 1 to the horizon of {steps}")
    newer = np.where(told, table.end - end, 0)
    if not newer.any():
        raise SettingsError("data has no row after those that the job was fitted on, so there is nothing to roll over; give newer rows too")
    place, made = np.cumsum(told) - 1, []
    for done in range(0, int(newer.max()), int(stride or steps)):
        left = np.maximum(newer - done, 0)
        kept = np.flatnonzero(left > 0)
        taken = forecast(left).take((place[kept, None] * steps + np.arange(steps)).reshape(-1))
        actual = _after(table, left, table.target, steps)[kept].reshape(-1)
        origin = frames.moments(table.frequency, np.repeat((table.end - left)[kept], steps))
        at = taken.schema.get_field_index("forecast")
        made.append(taken.add_column(at, "origin", origin).add_column(at + 1, "actual", pa.array(actual, from_pandas=True)))
    return pa.concat_tables(made)


def known_after(table: Table, left: Ints, steps: int) -> Future:
    """The known covariates of the steps after each origin; past the rows of the table the last known value stands."""
    past = table.drop_last(left)
    return Future({name: continued(_after(table, left, column, steps), past, name) for name, column in table.known.items()}, steps)


def _after(table: Table, left: Ints, column: NDArray[Any], steps: int) -> NDArray[Any]:
    """The `steps` rows of a column after each origin, NaN where there are none. (series, steps)"""
    at = (table.indptr[1:] - left)[:, None] + np.arange(steps)
    inside = (at < table.indptr[1:, None]) & (at >= table.indptr[:-1, None])
    return np.where(inside, column[np.where(inside, at, 0)], np.nan).astype(column.dtype)


def steps_until(jobs: Sequence[Fitted], until: Any) -> int:
    """Steps that the series which ended first, of some jobs, is away from a stamp.

    Raises:
        SettingsError: It is no stamp, or no series has a step to go.
    """
    steps = max(int((step_at(one.table.frequency, until, "until") - one.table.end).max(initial=0)) for one in jobs)
    if steps < 1:
        raise SettingsError(f"until={until!r}: every series has values up to there or later; give a later stamp")
    return steps


def up_to(fitted: Fitted, made: pa.Table, until: Any) -> pa.Table:
    """The rows of a forecast that lie no later than a stamp."""
    frequency, stamps = fitted.table.frequency, made[fitted.schema.time]
    last = frequency.stamps(np.array([step_at(frequency, until, "until")])).view(np.int64)[0]
    return made.filter(pc.less_equal(stamps, pa.scalar(int(last), stamps.type)))
