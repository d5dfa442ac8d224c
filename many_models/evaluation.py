"""How good past forecasts were, per group, once it is known what came true."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster import frames, guardrails
from forecaster.errors import DataError
from forecaster.schema import Schema
from many_models import keys
from many_models.source import check_columns
from many_models.task import Task

Floats = NDArray[np.float64]


class NothingYet(DataError):
    """No forecast has an actual value."""


def accuracy(made: pa.Table, actuals: pa.Table, task: Task) -> pa.Table:
    """Compare forecasts with actual values.

    Args:
        made: Forecasts: partition and series columns, time, "forecast" and quantiles.
        actuals: Series columns, time and target.
        task: Says which columns these are.

    Returns:
        One row per group with at least one pair: partition columns, n, mae, rmse, wape, smape, bias, nrmse, and the coverage of the
        outermost two quantiles.

    Raises:
        NothingYet: no forecast has an actual value.
    """
    rows = paired(made, actuals, task)
    group, groups = keys.coded(rows, task.partition_by)
    told = measures(rows, rows["actual"].to_numpy(), group, groups.num_rows)
    return pa.table({name: groups[name] for name in groups.column_names} | told)


def paired(made: pa.Table, actuals: pa.Table, task: Task) -> pa.Table:
    """The forecasts that have an actual value, which is their column "actual".

    Raises:
        NothingYet: no forecast has one.
    """
    settings = task.settings
    expect_forecasts(made, task)
    check_columns(actuals.schema, [*settings.series, settings.time, settings.target], "actuals")
    if not actuals.num_rows:
        raise NothingYet("the actuals have no rows; give those of the times that were forecast")
    if getattr(settings, "aggregate", None) is not None:
        actuals = _joined(actuals, settings)
    actual = _came_true(made, actuals, settings)
    pairs = np.isfinite(actual)
    if not pairs.any():
        raise NothingYet(_nothing_in_common(made, actuals, settings.time))
    return made.filter(pa.array(pairs)).append_column("actual", pa.array(actual[pairs]))


def _joined(actuals: pa.Table, settings: Any) -> pa.Table:
    """Rows that training joins into longer steps, joined likewise; a first or last step that is not full says nothing yet."""
    schema = Schema.of(series=settings.series, time=settings.time, target=settings.target)
    table, _ = guardrails.check(actuals, schema, freq=settings.freq, aggregate=settings.aggregate, full=True)
    ids = {name: values[table.series] for name, values in table.ids.items()}
    return frames.long(ids, table.frequency, table.steps, 1, {settings.target: table.target}, settings.time)


def _came_true(made: pa.Table, actuals: pa.Table, settings: Any) -> Floats:
    """What came true of each forecast; NaN where that is not known, or where there is more than one answer. (rows,)"""
    named = [*settings.series, settings.time]
    code, asked = keys.coded(made, named)
    at = keys.found(keys.alike(actuals.select(named), made.schema), asked)
    came = keys.alike(actuals.select([settings.target]), pa.schema({settings.target: pa.float64()}))[settings.target].to_numpy()
    known = (at >= 0) & np.isfinite(came)
    low, high = np.full(asked.num_rows, np.inf), np.full(asked.num_rows, -np.inf)
    np.minimum.at(low, at[known], came[known])
    np.maximum.at(high, at[known], came[known])
    if (several := low < high).any():
        first = keys.told(asked, int(np.argmax(several)))
        told = "values of the actuals came twice and differ, so that they are left out, the first of"
        warnings.warn(f"{int(several.sum())} {told} {first}; remove the wrong rows", stacklevel=5)
    return np.where(low == high, low, np.nan)[code]


def expect_forecasts(made: pa.Table, task: Task) -> None:
    """Refuse what are no forecasts of a run.

    Raises:
        NothingYet: there are none.
        UnknownName: a column that they need is not there.
    """
    if not made.num_rows:
        raise NothingYet("this run has no forecasts to compare with; train it, or forecast with its future first")
    needed = dict.fromkeys([*task.partition_by, *task.settings.series, task.settings.time])
    check_columns(made.schema, [*needed, "forecast"], "forecasts")


def measures(rows: pa.Table, actual: Floats, group: NDArray[np.int64], n: int) -> dict[str, Any]:
    """What there is to say of the forecasts of each of `n` groups.

    Args:
        rows: "forecast" and quantiles. One row per value.
        actual: What came true. (rows,)
        group: Group of each row. (rows,)
        n: Number of groups.
    """

    def mean(values: Floats) -> Floats:
        count = np.bincount(group, minlength=n)
        return np.bincount(group, values, n) / np.where(count > 0, count, np.nan)

    forecast = rows["forecast"].to_numpy()
    error = forecast - actual
    size, high, low = mean(np.abs(actual)), np.full(n, -np.inf), np.full(n, np.inf)
    np.maximum.at(high, group, actual)
    np.minimum.at(low, group, actual)
    both = np.abs(actual) + np.abs(forecast)
    told = {
        "n": np.bincount(group, minlength=n),
        "mae": mean(np.abs(error)),
        "rmse": np.sqrt(mean(error**2)),
        "wape": _share(mean(np.abs(error)), size),
        "smape": mean(np.where(both > 0, 2 * np.abs(error) / np.where(both > 0, both, 1.0), 0.0)),
        "bias": mean(error),
        "nrmse": _share(np.sqrt(mean(error**2)), high - low),
    }
    columns: dict[str, Any] = {name: pa.array(values, from_pandas=True) for name, values in told.items()}
    if names := outermost(rows):
        inside = (rows[names[0]].to_numpy() <= actual) & (actual <= rows[names[1]].to_numpy())
        columns[f"coverage_{float(names[1][1:]) - float(names[0][1:]):g}"] = pa.array(mean(inside.astype(float)), from_pandas=True)
    return columns


def outermost(rows: pa.Table) -> tuple[str, str] | None:
    """The columns of the lowest and the highest quantile, where there are two."""
    levels = sorted((name for name in rows.column_names if name.startswith("q0.")), key=lambda name: float(name[1:]))
    return (levels[0], levels[-1]) if len(levels) > 1 else None


def _share(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, missing where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _nothing_in_common(made: pa.Table, actuals: pa.Table, time: str) -> str:
    ours, theirs = (pc.min_max(keys.plain(table[time])).as_py() for table in (made, actuals))
    return (
        f"no forecast has an actual value: forecasts go from {ours['min']} to {ours['max']}, actuals from {theirs['min']} to "
        f"{theirs['max']}; give rows of the same series and times"
    )
