"""What became of each group: one row per group, whatever happened."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from many_models import keys

MODELLED = ("done", "fallback")
"""Statuses of groups that have a model."""

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
        return lost(groups, "failed", attempts, "NoOutcome", _SILENT["error"])
    by = _by(groups)
    at = keys.found(groups.select(by), told.select(by))
    silent = pa.array(at < 0)
    known = told.take(pa.array(np.maximum(at, 0)))
    columns: dict[str, Any] = {name: groups[name] for name in by}
    for name, kind in COLUMNS.items():
        if name in ("rows", "data_hash"):
            columns[name] = groups[name]
        elif name in known.column_names:
            columns[name] = pc.if_else(silent, pa.scalar(_SILENT.get(name), kind), known[name].cast(kind))
    columns["attempts"] = pa.array([attempts] * groups.num_rows, pa.int64())
    columns["forecast"] = origin(columns["status"])
    return _ordered(columns, groups.num_rows)


def origin(status: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where forecasts come from, by the status of groups that had no fallback beside it."""
    return pc.if_else(pc.equal(status, "done"), MODEL, pc.if_else(pc.equal(status, "fallback"), FALLBACK, pa.scalar(None, pa.string())))


def lost(
    groups: pa.Table, status: str, attempts: int, error_type: str, error: str, seconds: float = 0.0, fallback: str | None = None
) -> pa.Table:
    """Outcomes of groups that have no model; `fallback` is the learner that forecasts instead, if any does."""
    n = groups.num_rows
    columns: dict[str, Any] = {name: groups[name] for name in [*_by(groups), "rows", "data_hash"]}
    same = {"status": status, "seconds": seconds / max(n, 1), "attempts": attempts, "error_type": error_type, "error": error}
    same |= {"learner": fallback, "forecast": fallback and FALLBACK}
    return _ordered(columns | {name: pa.array([value] * n, COLUMNS[name]) for name, value in same.items()}, n)


def with_forecast(table: pa.Table) -> pa.Table:
    """The groups that have a forecast, by a model of their own or by a fallback."""
    return table.filter(pc.is_valid(table["forecast"]))


def with_model(table: pa.Table) -> pa.Table:
    """The groups that have a model of their own."""
    return table.filter(pc.is_in(table["status"], pa.array(MODELLED)))


def without_model(table: pa.Table) -> pa.Table:
    """The groups that have none."""
    return table.filter(pc.invert(pc.is_in(table["status"], pa.array(MODELLED))))


def empty(groups: pa.Table) -> pa.Table:
    """No outcome yet."""
    return lost(groups.slice(0, 0), "failed", 0, "", "")


def counted(table: pa.Table) -> dict[str, int]:
    """Number of groups of each status that occurs."""
    return dict(Counter(table["status"].to_pylist()))


_SILENT: dict[str, Any] = {"status": "failed", "seconds": 0.0, "error_type": "NoOutcome", "error": "the job said nothing about this group"}


def _by(groups: pa.Table) -> list[str]:
    return [name for name in groups.column_names if name not in ("rows", "data_hash")]


def _ordered(columns: dict[str, Any], n: int) -> pa.Table:
    by = [name for name in columns if name not in COLUMNS]
    rest = {name: columns.get(name, pa.nulls(n, kind)) for name, kind in COLUMNS.items()}
    return pa.table({name: columns[name] for name in by} | rest)
