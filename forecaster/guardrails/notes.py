"""What a table is like: series that are short, empty, constant or stale stay in it, and are recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.stamped import step_text
from forecaster.guardrails.survey import Survey
from forecaster.schema import Schema
from forecaster.table import Floats, Ints, Table


def note(table: Table, seen: Survey, schema: Schema, horizon: int, findings: Findings) -> None:
    """Record what is worth knowing of each series."""
    flat = (seen.lowest == seen.highest) & (table.sizes > 2)
    if flat.any():
        zero = seen.lowest == 0
        _tell(table, flat & zero, findings, rule="all_zero", action="noted", column=schema.target, message="all {count} values are zero")
        _tell(
            table, flat & ~zero, findings, rule="constant", action="noted", column=schema.target, message="all {count} values are the same"
        )
    late = max(horizon, table.season_length)
    usual = np.sort(table.end)[len(table) // 2]
    _tell(
        table, table.end <= usual - late, findings, first=table.end, rule="stale", action="noted", column=schema.time,
        message=f"the series ends at {{first}}, {late} steps or more before most others, and is forecast from there; drop it if it closed",
    )  # fmt: skip


def short(table: Table, known: Ints, schema: Schema, horizon: int, how: str, findings: Findings) -> tuple[Table, Findings]:
    """Series with too few known values: they fall back, are dropped, or are refused."""
    few = known < horizon + 1
    if not few.any():
        return table, findings
    need = f"fewer than horizon + 1 = {horizon + 1}"
    if how == "error":
        i = int(np.argmax(few))
        raise DataError(
            f"{int(few.sum())} series have {need} known values, the first is {table.label(i) or 'the only one'} with {known[i]} "
            f"from {step_text(table.frequency, table.start[i : i + 1])[0]}; leave them out, or give short='fallback' or short='drop'"
        )
    end = "it is forecast by a fallback" if how == "fallback" else "the series was left out"
    none = known == 0
    _tell(
        table,
        few & none,
        findings,
        rule="empty",
        action="quarantined",
        column=schema.target,
        message="no value is known: the series has no forecast" if how == "fallback" else f"no value is known; {end}",
        count=known,
    )
    _tell(
        table,
        few & ~none,
        findings,
        rule="short",
        action="quarantined",
        column=schema.target,
        message=f"{{count}} known {{value is|values are}} {need}; {end}",
        count=known,
    )
    if how == "fallback":
        return table, findings
    if few.all():
        raise DataError(
            f"all {len(table)} series have {need} known values, so short='drop' leaves none; give a smaller horizon or short='fallback'"
        )
    return table.take(~few), findings.renumbered(np.where(few, -1, np.cumsum(~few) - 1))


def _tell(table: Table, mask: Any, findings: Findings, *, first: Ints | None = None, count: Any = None, **what: Any) -> None:
    """One finding for each series of a mask, by default with its number of rows and its first stamp."""
    series = np.flatnonzero(mask)
    if not len(series):
        return
    ids = {name: values[series] for name, values in table.ids.items()}
    steps = (table.start if first is None else first)[series]
    counts = (table.sizes if count is None else count)[series]
    findings.add(series=ids, index=series, count=counts, first=step_text(table.frequency, steps), **what)


def empty(values: Floats, indptr: Ints) -> NDArray[np.bool_]:
    """Rows of series without any known value. (rows,)"""
    return np.repeat(Survey.of(values, indptr).known == 0, np.diff(indptr))
