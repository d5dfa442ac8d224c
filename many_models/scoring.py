"""Forecasts of all groups: read where training left them, made anew in parallel where a future or another horizon is given."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forecaster import frames
from forecaster.errors import CannotPredict, SettingsError, UnknownName
from many_models import engines, keys, outcomes, spool
from many_models.blocks import Block
from many_models.how import How
from many_models.source import Frame
from many_models.store import LocalStore
from many_models.task import Task
from many_models.work import DONE, REFUSED
from many_models.worker import Predict, blocks_of, with_groups

TRIES = 3
"""How often a block is forecast before it is given up."""


def tables(root: Path, live: pa.Table, name: str, by: Sequence[str]) -> list[tuple[pa.Table, pa.Table]]:
    """A table of each block, cut to the groups that live in it.

    Args:
        root: The folder of the run.
        live: Outcomes of the groups, with "block".
        name: Which table.
        by: The partition columns.

    Returns:
        The groups of each block and its table; blocks that do not have the table are passed over.
    """
    made = []
    for key, groups in _by_block(live, by):
        file = blocks_of(root).get(key) / f"{name}.parquet"
        # What is damaged is as good as not there.
        with suppress(FileNotFoundError, pa.ArrowException):
            made.append((groups, _cut(pq.read_table(file).replace_schema_metadata(None), groups)))
    return made


def forecasts(root: Path, task: Task, live: pa.Table, future: Any, horizon: int | None, workers: int | None) -> list[pa.Table]:
    """The forecasts of every block.

    Raises:
        CannotPredict: no group could be forecast.
    """
    live = outcomes.with_forecast(live)
    if future is None and horizon is None:
        kept = [table for _, table in tables(root, live, "forecasts", task.partition_by)]
        if len(kept) == len(set(live["block"].to_pylist())):
            _tell_carried(task)
            return kept
    place = _workplace(root)
    try:
        return list(_made(root, place, task, live, future, horizon, workers))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _workplace(root: Path) -> Path:
    """An empty folder: in the run, or elsewhere where the run may only be read."""
    place = root / f".forecast-{uuid.uuid4().hex}"
    try:
        place.mkdir()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="forecast-"))
    return place


def together(parts: Sequence[pa.Table], groups: pa.Table | None = None) -> pa.Table:
    """One table of the tables of all blocks, in the order of the groups: however they were packed, the same rows come out."""
    filled = [part for part in parts if part.num_columns]
    if not filled:
        return pa.table({})
    whole = _typed(pa.concat_tables([_untyped(part) for part in filled], promote_options="permissive"), filled[0].schema)
    by = [] if groups is None else [name for name in groups.column_names if name in whole.column_names]
    if groups is None or not by:
        return whole
    at = keys.found(whole.select(by), groups.select(by))
    return whole if (np.diff(at) >= 0).all() else whole.take(pa.array(np.argsort(at, kind="stable")))


def _untyped(part: pa.Table) -> pa.Table:
    """A column without a value has no say in the type: a block that found nothing does not know that its keys are numbers."""
    for i, column in enumerate(part.columns):
        if column.null_count == part.num_rows:
            part = part.set_column(i, part.column_names[i], pa.nulls(part.num_rows))
    return part


def _typed(whole: pa.Table, schema: pa.Schema) -> pa.Table:
    """Columns without any value have the types of the schema."""
    for i, field in enumerate(whole.schema):
        if pa.types.is_null(field.type) and field.name in schema.names:
            whole = whole.set_column(i, field.name, pa.nulls(whole.num_rows, schema.field(field.name).type))
    return whole


def once(findings: pa.Table, by: Sequence[str]) -> pa.Table:
    """Findings in which what concerns the whole job, and every block has found for itself, is said once."""
    if not findings.num_rows or not {"count", "first", *by} <= set(findings.column_names):
        return findings
    general = pc.is_null(findings[by[0]])
    same = [name for name in findings.column_names if name not in ("count", "first")]
    joined = findings.filter(general).group_by(same, use_threads=False).aggregate([("count", "sum"), ("first", "first")])
    renamed = joined.rename_columns([*same, "count", "first"]).select(findings.column_names).cast(findings.schema)
    return pa.concat_tables([renamed, findings.filter(pc.invert(general))])


def write(parts: Sequence[pa.Table], groups: pa.Table, out: Path) -> Path:
    """Write tables to one Parquet file, or to a folder with one file per block, in place of what an earlier call has written there.

    Raises:
        SettingsError: the name is that of another kind of file.
    """
    check_out(out)
    if out.suffix == ".parquet":
        out.parent.mkdir(parents=True, exist_ok=True)
        _write(together(parts, groups), out)
        return out
    out.mkdir(parents=True, exist_ok=True)
    schema = together([part.slice(0, 0) for part in parts]).schema
    for i, table in enumerate(parts):
        _write(table.select(schema.names).cast(schema), out / f"part-{i:06}.parquet")
    for old in sorted(out.glob("part-*.parquet"))[len(parts) :]:
        old.unlink()
    return out


def check_out(out: Path) -> None:
    """Refuse to write Parquet under the name of something else."""
    if out.suffix not in ("", ".parquet"):
        raise SettingsError(f"out should be a .parquet file or a folder without an ending, got {str(out)!r}")


def _write(table: pa.Table, out: Path) -> None:
    """Write a file whole or not at all."""
    part = out.with_name(f".part-{uuid.uuid4().hex}")
    try:
        pq.write_table(table, part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _made(root: Path, place: Path, task: Task, live: pa.Table, future: Any, horizon: int | None, workers: int | None) -> Iterator[pa.Table]:
    """Forecast every block with its models."""
    blocks = [Block(key, groups, (spool.location(key),)) for key, groups in _by_block(live, task.partition_by)]
    columns: tuple[str, ...] = ()
    if future is not None:
        rows = _with_partition(frames.read(future)[0], root, blocks, task)
        columns = tuple(rows.column_names)
        spool.spool(Frame(rows, frames.FrameKind("arrow")), columns, blocks, place)
        blocks = [Block(b.key, b.groups, tuple(str(place / f) for f in b.files)) for b in blocks]
    how = How.of("local", workers, None, None, False)
    made = LocalStore(place / "made")
    lost = _run(Predict(str(root.absolute()), task, str(place.absolute() / "made"), uuid.uuid4().hex, horizon, columns), how, blocks)
    _tell(lost, len(blocks))
    there = made.keys()
    found = [_cut(pq.read_table(made.get(block.key) / "findings.parquet"), block.groups) for block in blocks if block.key in there]
    _tell_found(together(found))
    for block in blocks:
        if block.key in there:
            yield pq.read_table(made.get(block.key) / "forecasts.parquet")


def _run(work: Predict, how: How, blocks: Sequence[Block]) -> list[tuple[Block, str]]:
    """Run the blocks; gives those that were lost, with what was said."""
    engine = engines.make(how.engine, min(how.workers, max(len(blocks), 1)), how.limits)
    engine.start(work)
    lost = []
    try:
        for block in blocks:
            engine.submit(block)
        for block, receipt in engine.finished():
            if receipt.status == "crashed" and block.tries + 1 < TRIES:
                engine.submit(Block(block.key, block.groups, block.files, block.tries + 1))
            elif receipt.status == REFUSED:
                raise SettingsError(receipt.error)
            elif receipt.status != DONE:
                lost.append((block, f"{receipt.error_type}: {receipt.error}"))
    finally:
        engine.close()
    return lost


def _tell(lost: Sequence[tuple[Block, str]], blocks: int) -> None:
    """Say which groups have no forecast."""
    if not lost:
        return
    groups, (first, why) = sum(len(block) for block, _ in lost), lost[0]
    told = (
        f"{groups} groups have no forecast, the first of them {keys.told(_keys(first), 0)}: {why}; if a model cannot be loaded, train again"
    )
    if len(lost) == blocks:
        raise CannotPredict(told)
    warnings.warn(told, stacklevel=2)


def _tell_carried(task: Task) -> None:
    """Say that what training forecast did not know the future."""
    if known := ", ".join(getattr(task.settings, "known", ())):
        warnings.warn(f"{known}: no future was given: the last known value of each series stands there; give future=", stacklevel=4)


def _tell_found(found: pa.Table) -> None:
    """Say once for each rule and column what had to stand for values of the future, and in how many series."""
    if not found.num_rows:
        return
    mended = found.filter(pc.not_equal(found["action"], "noted"))
    seen = mended.group_by(["column", "rule"], use_threads=False).aggregate([("message", "first"), ("message", "count")])
    for row in seen.to_pylist():
        others = f" (and in {row['message_count'] - 1:,} more series)" if row["message_count"] > 1 else ""
        warnings.warn(f"{row['column']}: {row['message_first']}{others}", stacklevel=5)


def _with_partition(rows: pa.Table, root: Path, blocks: Sequence[Block], task: Task) -> pa.Table:
    """The future rows with their partition columns, found through their series where they lack them."""
    if set(task.partition_by) <= set(rows.column_names):
        return rows
    ids = together([pq.read_table(blocks_of(root).get(block.key) / "ids.parquet").replace_schema_metadata(None) for block in blocks])
    missing = [name for name in task.settings.series if name not in rows.column_names]
    if missing:
        raise UnknownName.of("column of the future", missing[0], rows.column_names)
    return with_groups(rows, ids, task)


def _keys(block: Block) -> pa.Table:
    return block.groups.select([name for name in block.groups.column_names if name not in ("rows", "data_hash")])


def _by_block(live: pa.Table, by: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """The groups that live in each block: partition columns, "rows" and "data_hash"."""
    codes, names = keys.coded(live, ["block"])
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(names.num_rows + 1))
    groups = live.select([*by, "rows", "data_hash"])
    for i, key in enumerate(names["block"].to_pylist()):
        yield key, groups.take(pa.array(order[bounds[i] : bounds[i + 1]]))


def _cut(table: pa.Table, groups: pa.Table) -> pa.Table:
    """The rows of the groups, and those that belong to no group."""
    by = [name for name in groups.column_names if name in table.column_names and name not in ("rows", "data_hash")]
    if not by or not table.num_rows:
        return table
    kept = keys.found(table.select(by), groups.select(by)) >= 0
    for name in by:
        kept |= pc.is_null(table[name]).to_numpy()
    return table if kept.all() else table.filter(pa.array(kept))
