"""Forecasts of all groups: read where training left them, made anew in parallel where a future or another horizon is given."""

from __future__ import annotations

import re
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import frames
from forecaster.errors import ArchiveError, CannotPredict, SettingsError, UnknownName
from many_models import engines, keys, outcomes, spool
from many_models.blocks import Block
from many_models.files import read_parquet, write_parquet
from many_models.how import How
from many_models.source import Frame
from many_models.steps import refuse_strangers, whole
from many_models.store import LocalStore
from many_models.task import Task
from many_models.work import DONE, HALTED, REFUSED, CannotWrite, Work
from many_models.worker import Predict, blocks_of, cut, read_table, with_groups

_PARTS = re.compile(r"part-\d{6}\.parquet")
TRIES = 3
"""How often a block is forecast before it is given up."""


def tables(
    root: Path, live: pa.Table, name: str, by: Sequence[str], keep: Callable[[pa.Table], pa.Table] | None = None
) -> list[tuple[pa.Table, pa.Table]]:
    """A table of each block, cut to the groups that live in it.

    Args:
        root: The folder of the run.
        live: Outcomes of the groups, with "block".
        name: Which table.
        by: The partition columns.
        keep: Takes what is wanted of the table of a block; all where absent.

    Returns:
        The groups of each block and its table; blocks that do not have the table are passed over.
    """
    made = []
    for key, groups in _by_block(live, by):
        # What is damaged is as good as not there.
        with suppress(FileNotFoundError, ArchiveError, pa.ArrowException):
            table = read_table(blocks_of(root).get(key), name)
            made.append((groups, cut(table if keep is None else keep(table), groups)))
    return made


@dataclass(frozen=True, eq=False)
class Ahead:
    """What groups forecast.

    Args:
        parts: The rows of each block.
        lost: Groups whose models could not be asked.
    """

    parts: Sequence[pa.Table]
    lost: int = 0


def forecasts(root: Path, task: Task, live: pa.Table, future: Any, horizon: int | None, workers: int | None) -> Ahead:
    """The forecasts of every block.

    Raises:
        CannotPredict: no group could be forecast.
        CannotWrite: the disk is full or read-only.
    """
    live = outcomes.with_forecast(live)
    if future is None and horizon is None:
        kept = [table for _, table in tables(root, live, "forecasts", task.partition_by)]
        if len(kept) == len(set(live["block"].to_pylist())):
            _tell_carried(task)
            return Ahead(kept)
    place = _workplace(root)
    try:
        return _made(root, place, task, live, future, horizon, workers)
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
        SettingsError: the name is that of another kind of file, or of a folder that holds something else.
    """
    check_out(out)
    with whole(out) as place:
        if out.suffix == ".parquet":
            write_parquet(together(parts, groups), place)
            return out
        place.mkdir()
        schema = together([part.slice(0, 0) for part in parts]).schema
        for i, table in enumerate(parts):
            write_parquet(table.select(schema.names).cast(schema), place / f"part-{i:06}.parquet")
    return out


def check_out(out: Path) -> None:
    """Refuse to write Parquet under the name of something else."""
    if out.suffix not in ("", ".parquet"):
        raise SettingsError(f"out should be a .parquet file or a folder without an ending, got {str(out)!r}")
    if out.suffix == "" or out.is_dir():
        refuse_strangers(out, _PARTS, "is no forecast")


def _made(root: Path, place: Path, task: Task, live: pa.Table, future: Any, horizon: int | None, workers: int | None) -> Ahead:
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
    work = Predict(str(root.absolute()), task, str(place.absolute() / "made"), uuid.uuid4().hex, horizon, columns)
    lost = run_all(work, how, blocks, root)
    _tell(lost, len(blocks))
    there = made.keys()
    found = [cut(read_parquet(made.get(block.key) / "findings.parquet"), block.groups) for block in blocks if block.key in there]
    _tell_found(together(found))
    parts = [read_parquet(made.get(block.key) / "forecasts.parquet") for block in blocks if block.key in there]
    return Ahead(parts, sum(len(block) for block, _ in lost))


def run_all(work: Work, how: How, blocks: Sequence[Block], root: Path, *, refusable: bool = False) -> list[tuple[Block, str]]:
    """Run the blocks of what lies at `root` until all are done or time is up; gives those that were lost, with what was said.

    Raises:
        SettingsError: a block was refused, and blocks are not `refusable`.
        CannotWrite: the disk is full or read-only.
    """
    engine = engines.make(how.engine, min(how.workers, max(len(blocks), 1)), how.limits)
    engine.start(work)
    lost = []
    try:
        for block in blocks:
            engine.submit(block)
        for block, receipt in engine.finished(how.until):
            if receipt.status == "crashed" and block.tries + 1 < TRIES:
                engine.submit(Block(block.key, block.groups, block.files, block.tries + 1))
            elif receipt.status == REFUSED and not refusable:
                raise SettingsError(receipt.error)
            elif receipt.status == HALTED:
                raise CannotWrite.of(root, receipt.error)
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
    missing = [name for name in task.settings.series or task.partition_by if name not in rows.column_names]
    if missing:
        raise UnknownName.of("column of the future", missing[0], rows.column_names)
    return with_groups(rows, together([read_table(blocks_of(root).get(block.key), "ids") for block in blocks]), task)


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
