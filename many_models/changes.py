"""What a night did to every group, and why: kept, updated, retrained, new or retired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from many_models import keys, outcomes
from many_models.blocks import Ints
from many_models.files import parquet_bytes, read_parquet, write_bytes
from many_models.plan import Chosen, Plan
from many_models.task import Task

KINDS = ("kept", "updated", "retrained", "new", "retired")
FILE, SETTLED = "changes.parquet", "settled.parquet"
CURE = "delete it: no model is in it, and the next training tells all groups as new"


def settle(root: Path, task: Task, plan: Plan, done: pa.Table, at: Ints, chosen: Chosen | None = None) -> None:
    """Note what became of every group since the last call that came to its end, now that this one has.

    Args:
        root: The folder of the run.
        task: What was run.
        plan: The groups.
        done: What is committed.
        at: The row of `done` of each group; -1 where it has none. (groups,)
        chosen: The groups of the plan that might be worked on; all where absent.
    """
    now = _now(plan, done, at)
    told = _compared(now, _settled(root), plan.by, task.identity, chosen)
    _write(told, root / FILE)
    _write(now.replace_schema_metadata({"job": task.identity}), root / SETTLED)


def read(root: Path) -> pa.Table | None:
    """What the last call that came to its end did; None where there was none."""
    try:
        return read_parquet(root / FILE, {"change": pa.string(), "reason": pa.string()}, cure=CURE)
    except FileNotFoundError:
        return None


def line(changes: pa.Table) -> str:
    """How many groups there are of each kind, on a line."""
    counts = outcomes.tally(changes, "change")
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind]) or "no groups"


def _now(plan: Plan, done: pa.Table, at: Ints) -> pa.Table:
    """The groups with what their forecasts come from: partition columns, rows, data_hash, block, moved, status, error_type."""
    rows = pa.array(at, mask=at < 0)
    return pa.table(
        {name: plan.groups[name] for name in plan.groups.column_names}
        | {n: done[n].take(rows) for n in ("block", "moved", "status", "error_type")}
    )


def _settled(root: Path) -> pa.Table | None:
    try:
        return read_parquet(root / SETTLED, {"rows": pa.int64(), "data_hash": pa.string(), "block": pa.string()}, cure=CURE)
    except FileNotFoundError:
        return None


def _compared(now: pa.Table, before: pa.Table | None, by: list[str], job: str, chosen: Chosen | None) -> pa.Table:
    """One row per group of either table: partition columns, change, reason, rows, rows_before, status."""
    if before is None:
        before = now.slice(0, 0).replace_schema_metadata({"job": job})
    groups = keys.alike(before.select(by), now.schema)
    at = keys.found(now.select(by), groups)
    change, reason = _kinds(now, before.take(pa.array(np.maximum(at, 0))) if before.num_rows else now, at >= 0, _job(before) == job, chosen)
    gone = np.flatnonzero(keys.found(groups, now.select(by)) < 0)
    left, was = pa.array(gone), pa.array(at, mask=at < 0)
    columns = {name: pa.concat_tables([now.select(by), groups.take(left)])[name] for name in by}
    columns["change"] = pa.chunked_array([change, pa.array(["retired"] * len(gone), pa.string())])
    columns["reason"] = pa.chunked_array([reason, pa.array(["the data has no rows of it any more"] * len(gone), pa.string())])
    columns["rows"] = pa.chunked_array([*now["rows"].chunks, pa.nulls(len(gone), pa.int64())], pa.int64())
    columns["rows_before"] = pa.chunked_array([*before["rows"].take(was).chunks, *before["rows"].take(left).chunks], pa.int64())
    columns["status"] = pa.chunked_array([*now["status"].chunks, pa.nulls(len(gone), pa.string())], pa.string())
    return pa.table(columns)


def _kinds(now: pa.Table, before: pa.Table, known: Chosen, same_job: bool, chosen: Chosen | None) -> tuple[pa.Array, pa.Array]:
    """Kind and reason of each group that there is now, beside what it was before."""
    same_rows, same_block = (_flags(pc.equal(now[name], before[name])) for name in ("data_hash", "block"))
    none = np.zeros(now.num_rows, bool)
    asked, late = none if chosen is None else chosen, _flags(outcomes.late(before))
    cases = [
        (~known, "new", "the run has not had it before"),
        (np.full(now.num_rows, not same_job), "retrained", "the options of the job changed"),
        (none if chosen is None else ~chosen, "kept", "not among the groups to train"),
        (same_rows & same_block, "kept", "its data is the same"),
        (_flags(pc.greater(now["moved"], 0)), "updated", "rows were added: its model goes on from them"),
        (same_rows & asked, "retrained", "it is among the groups to train"),
        (same_rows & late, "retrained", "there was no time for its model before a deadline"),
        (same_rows, "retrained", "it was tried again, or its files could not be read any more"),
        (np.ones(now.num_rows, bool), "retrained", "its data changed"),
    ]
    case = pa.array(np.argmax(np.stack([flags for flags, _, _ in cases]), axis=0))
    reason = pa.array([why for _, _, why in cases]).take(case)
    lost = pc.binary_join_element_wise(reason, "it has no model of its own", "; ")
    return pa.array([kind for _, kind, _ in cases]).take(case), pc.if_else(outcomes.modelled(now).combine_chunks(), reason, lost)


def _flags(values: pa.ChunkedArray) -> Chosen:
    return np.asarray(values.fill_null(False).to_numpy(), bool)


def _job(table: pa.Table) -> str:
    return str((table.schema.metadata or {}).get(b"job", b"").decode())


def _write(table: pa.Table, file: Path) -> None:
    write_bytes(file, parquet_bytes(table))
