"""What became of each group: one row per group, whatever happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from many_models import keys

MODELLED = ("done", "fallback")
"""Statuses of groups that have a model."""
DEADLINE = "Deadline"
"""The error type of groups for whose model no time was left: what forecasts them is not theirs, whatever their status."""

COLUMNS = {
    "status": pa.string(), "learner": pa.string(), "score": pa.float64(), "seconds": pa.float64(), "attempts": pa.int64(),
    "rows": pa.int64(), "data_hash": pa.string(), "error_type": pa.string(), "error": pa.string(), "forecast": pa.string(),
}  # fmt: skip

MODEL, FALLBACK = "model", "fallback"
"""Where the forecast of a group comes from: what was trained for it, or what stands in for that; null where it has none."""


def fitted(groups: pa.Table, told: pa.Table, attempts: int) -> pa.Table:
    """Outcomes of groups that a job told about; a group it said nothing of has failed.

    Args:
        groups: The partition columns, "rows" and "data_hash". One row per group.
        told: Partition columns, status, learner, score, seconds, error_type, error, in any order.
        attempts: How many times the groups were tried.
    """
    if not told.num_rows:
        return lost(groups, "failed", attempts, SILENT, _SILENT["error"])
    by, silent, known = _by(groups), None, told
    if not groups.select(by).equals(told.select(by)):
        at = keys.found(groups.select(by), told.select(by))
        silent = pa.array(at < 0) if (at < 0).any() else None
        known = told.take(pa.array(np.maximum(at, 0)))
    columns: dict[str, Any] = {name: groups[name] for name in by}
    for name, kind in COLUMNS.items():
        if name in ("rows", "data_hash"):
            columns[name] = groups[name]
        elif name in known.column_names:
            said = known[name] if known[name].type == kind else known[name].cast(kind)
            columns[name] = said if silent is None else pc.if_else(silent, pa.scalar(_SILENT.get(name), kind), said)
    columns["attempts"] = pa.array(np.full(groups.num_rows, attempts))
    columns["forecast"] = origin(columns["status"])
    return _ordered(columns, groups.num_rows)


def explained(table: pa.Table, found: pa.Table) -> pa.Table:
    """Outcomes in which groups that the job said nothing of have failed for what was found in their rows."""
    by = [name for name in table.column_names if name not in COLUMNS]
    if not {*by, "action", "message"} <= set(found.column_names):
        return table
    why = found.filter(pc.equal(found["action"], "quarantined"))
    at = keys.found(table.select(by), why.select(by))
    known = pa.array((at >= 0) & pc.equal(table["error_type"], SILENT).fill_null(False).to_numpy())
    said = {"error_type": pa.scalar("DataError"), "error": why["message"].take(pa.array(at, mask=at < 0))}
    for name, value in said.items():
        table = table.set_column(table.column_names.index(name), name, pc.if_else(known, value, table[name]))
    return table


def origin(status: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where forecasts come from, by the status of groups that had no fallback beside it."""
    return pa.chunked_array([[MODEL, FALLBACK]]).take(pc.index_in(status, pa.array(MODELLED)))


def lost(
    groups: pa.Table,
    status: str,
    attempts: int,
    error_type: str,
    error: str,
    seconds: float = 0.0,
    fallbacks: pa.ChunkedArray | None = None,
) -> pa.Table:
    """Outcomes of groups that have no model; `fallbacks` are the learners that forecast instead, where any does."""
    n = groups.num_rows
    columns: dict[str, Any] = {name: groups[name] for name in [*_by(groups), "rows", "data_hash"]}
    same = {"status": status, "seconds": seconds / max(n, 1), "attempts": attempts, "error_type": error_type, "error": error}
    columns |= {name: pa.array([value] * n, COLUMNS[name]) for name, value in same.items()}
    if fallbacks is not None:
        forecast = pc.if_else(pc.is_valid(fallbacks), FALLBACK, pa.scalar(None, pa.string()))
        columns |= {"learner": fallbacks, "forecast": forecast}
    return _ordered(columns, n)


def with_forecast(table: pa.Table) -> pa.Table:
    """The groups that have a forecast, by a model of their own or by a fallback."""
    return table.filter(pc.is_valid(table["forecast"]))


def late(table: pa.Table) -> pa.ChunkedArray:
    """Whether no time was left for the model of a group."""
    return pc.equal(table["error_type"], DEADLINE).fill_null(False)


def modelled(table: pa.Table) -> pa.ChunkedArray:
    """Whether a group has a model of its own."""
    return pc.and_(pc.is_in(table["status"], pa.array(MODELLED)), pc.invert(late(table)))


def with_model(table: pa.Table) -> pa.Table:
    """The groups that have a model of their own."""
    return table.filter(modelled(table))


def without_model(table: pa.Table) -> pa.Table:
    """The groups that have none."""
    return table.filter(pc.invert(modelled(table)))


def none_yet(groups: pa.Table | None, by: Sequence[str]) -> pa.Table:
    """No outcome, and no block that it lies in; `groups` are those of the plan, where there is one, and `by` the partition columns."""
    kinds = {**dict.fromkeys(by, pa.null()), "rows": pa.int64(), "data_hash": pa.string()}
    none = lost(pa.schema(kinds).empty_table() if groups is None else groups.slice(0, 0), "failed", 0, "", "")
    return none.append_column("block", pa.array([], pa.string())).append_column("moved", pa.array([], pa.int64()))


def counted(table: pa.Table) -> dict[str, int]:
    """Number of groups of each status that occurs."""
    return {one["values"]: one["counts"] for one in pc.value_counts(table["status"]).to_pylist()}


def tally(table: pa.Table, *names: str) -> Counter[Any]:
    """How often each value of a column occurs, or of several columns each tuple of values, in order of appearance."""
    found = table.select(list(names)).group_by(list(names), use_threads=False).aggregate([([], "count_all")])
    values = [found[name].to_pylist() for name in names]
    return Counter(dict(zip(values[0] if len(names) == 1 else zip(*values, strict=True), found["count_all"].to_pylist(), strict=True)))


SILENT = "NoOutcome"
"""The error type of groups that a job said nothing of."""
_SILENT: dict[str, Any] = {"status": "failed", "seconds": 0.0, "error_type": SILENT, "error": "the job said nothing about this group"}


def _by(groups: pa.Table) -> list[str]:
    return [name for name in groups.column_names if name not in ("rows", "data_hash")]


def _ordered(columns: dict[str, Any], n: int) -> pa.Table:
    by = [name for name in columns if name not in COLUMNS]
    rest = {name: columns.get(name, pa.nulls(n, kind)) for name, kind in COLUMNS.items()}
    return pa.table({name: columns[name] for name in by} | rest)
