"""What a table is like: series that are short, empty, constant or stale stay in it, and are recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def note_short(table: Table, known: Ints, schema: Schema, horizon: int, findings: Findings) -> None:
    """Record the series with too few known values, which fall back. `known` is how many each has. (series,)"""
    none = known == 0
    _tell(
        table, none, findings, count=known, rule="empty", action="quarantined", column=schema.target,
        message="no value is known: the series has no forecast",
    )  # fmt: skip
    _tell(
        table, ~none & (known < horizon + 1), findings, count=known, rule="short", action="quarantined", column=schema.target,
        message=f"{{count}} known {{value is|values are}} fewer than horizon + 1 = {horizon + 1}; it is forecast by a fallback",
    )  # fmt: skip


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
