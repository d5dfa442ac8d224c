"""One call of `train`: plan what is to be done, run it on an engine, commit whatever becomes of each group."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forecaster import errors
from forecaster.errors import ForecasterError, SettingsError
from many_models import engines, ledger, manifest, outcomes, spool
from many_models.blocks import Block, split
from many_models.outcomes import MODELLED
from many_models.partition import partition
from many_models.plan import Plan, lay_out, retry
from many_models.progress import Show, Tally
from many_models.source import Source, check_columns, source
from many_models.store import LocalStore, Markers, alone
from many_models.task import Task
from many_models.work import DONE, REFUSED, Engine, Limits, Receipt
from many_models.worker import Train, blocks_of, commit

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


class RunBusy(ForecasterError):
    """Another process is working on the run."""


@dataclass(frozen=True)
class How:
    """How blocks are run.

    Args:
        engine: Name of the engine.
        workers: Number of workers.
        limits: What a group may use.
        progress: Whether to show how far it is.
    """

    engine: str
    workers: int
    limits: Limits
    progress: bool

    @classmethod
    def of(cls, engine: str, workers: int | None, seconds: Any, memory: Any, progress: bool) -> How:
        """Check what a user asked for.

        Raises:
            SettingsError: a number or unit cannot be meant.
            UnknownName: there is no such engine.
        """
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise SettingsError(f"workers should be a whole number from 1 on, or None for one per core; it is {workers!r}")
        engines.check(engine)
        limits = Limits(_quantity("time_limit_per_group", seconds, _UNITS, "'5min' or 300"), _whole("memory_limit", memory))
        return cls(engine, workers or _cores(), limits, bool(progress))


def train(task: Task, data: Any, root: Path, how: How, resume: bool) -> None:
    """Train every group of the data that has no outcome yet.

    Raises:
        RunBusy: another process works on this run.
        UnknownName: a column is not in the data.
        DataError: the data cannot be partitioned.
        SettingsError: the job itself cannot run.
    """
    with _held(root):
        rows = source(data)
        settings = task.settings
        check_columns(rows.schema, [*task.partition_by, *settings.series, settings.time, settings.target])
        columns = [name for name in rows.schema.names if name not in settings.drop or name in task.partition_by]
        _clean(root, resume)
        groups = partition(rows, task.partition_by, columns, settings.series)
        done = ledger.committed(blocks_of(root), task.identity)
        plan, blocks = lay_out(groups, done, Plan.load(root), task.identity, how.workers)
        manifest.write(root, task, rows.schema.empty_table().select(columns), rows.kind.name, plan.groups["data_hash"].to_pylist())
        plan.save(root)
        nameless, blocks = _nameless(blocks, plan.by)
        if nameless is not None:
            commit(blocks_of(root), nameless, task, _refused_rows(nameless))
        _run(task, root, how, blocks, columns, len(groups), rows=None if groups.in_place else rows)
        _retire(root, task)


def train_again(task: Task, root: Path, how: How) -> int:
    """Try the groups without a model once more; gives how many there were."""
    with _held(root):
        plan, done = Plan.load(root), ledger.committed(blocks_of(root), task.identity)
        if plan is None or done is None:
            return 0
        _clean(root, resume=True)
        mine = done.take(pa.array([i for i in ledger.rows_of(plan.table["data_hash"], done) if i >= 0], pa.int64()))
        bad = mine.filter(pc.invert(pc.is_in(mine["status"], pa.array(MODELLED))))
        bad = bad.filter(pc.invert(_any_null(bad, plan.by)))
        if bad.num_rows:
            blocks = retry(plan, bad, task.identity, how.workers)
            _run(task, root, how, blocks, manifest.columns(root), plan.table.num_rows)
            _retire(root, task)
        return int(bad.num_rows)


def _run(task: Task, root: Path, how: How, blocks: Sequence[Block], columns: Sequence[str], total: int, rows: Source | None = None) -> None:
    """Work on the blocks until every group has an outcome; `rows` are cut into blocks first."""
    attempt = uuid.uuid4().hex[:12]
    todo = sum(len(block) for block in blocks)
    tally = Tally(total, sum(block.cost for block in blocks), total - todo)
    manifest.begin(root, attempt, tally)
    if not blocks:
        return
    engine = engines.make(how.engine, min(how.workers, len(blocks)), how.limits)
    engine.start(Train(str(root.absolute()), task, tuple(columns), attempt))
    try:
        if rows is not None:
            spool.spool(rows, columns, blocks, root)
        for block in blocks:
            engine.submit(block)
        with Show(tally, how.progress) as show:
            for block, receipt in engine.finished():
                _settle(task, root, engine, block, receipt, tally)
                show.update()
    finally:
        engine.close()
        Markers(root / "inflight").sweep()


def _settle(task: Task, root: Path, engine: Engine, block: Block, receipt: Receipt, tally: Tally) -> None:
    """Take note of a block that is done; cut up one that was lost, or record what became of its last group."""
    if receipt.status == REFUSED:
        kind = getattr(errors, receipt.error_type, SettingsError)
        raise kind(receipt.error)
    if receipt.status == DONE:
        tally.add(receipt.counts, block.cost)
        if set(receipt.counts) <= set(MODELLED) and block.files == (spool.location(block.key),):
            LocalStore(root / spool.FOLDER).delete(block.key)
        return
    smaller = split(task.identity, block, receipt.status)
    for part in smaller:
        engine.submit(part)
    if not smaller:
        told = outcomes.lost(block.groups, receipt.status, block.attempts, receipt.error_type, receipt.error, receipt.seconds)
        commit(blocks_of(root), block, task, told)
        tally.add({receipt.status: len(block)}, block.cost)


def _retire(root: Path, task: Task) -> None:
    """Take away blocks that no group lives in any more, keeping what they forecast, and rows that nobody will read again."""
    plan, store = Plan.load(root), blocks_of(root)
    done = ledger.committed(store, task.identity)
    if plan is None or done is None:
        return
    at = ledger.rows_of(plan.table["data_hash"], done)
    live = done.take(pa.array(at[at >= 0]))
    for key in store.keys() - set(live["block"].to_pylist()):
        _keep_forecasts(store.get(key), root / "past", key)
        store.delete(key)
    needed = plan.table.filter(pa.array(at < 0)) if (at < 0).any() else plan.table.slice(0, 0)
    bad = live.filter(pc.invert(pc.is_in(live["status"], pa.array(MODELLED))))
    wanted = pa.concat_tables([needed, plan.table.take(pa.array(ledger.rows_of(bad["data_hash"], plan.table)))])
    kept = {file for files in wanted["files"].to_pylist() for file in files}
    data = LocalStore(root / spool.FOLDER)
    for key in sorted(data.keys()):
        if spool.location(key) not in kept:
            data.delete(key)


def _keep_forecasts(folder: Path, past: Path, key: str) -> None:
    """What a block forecast stays, to be compared with what came true."""
    if (folder / "forecasts.parquet").exists():
        past.mkdir(exist_ok=True)
        rows = pq.read_table(folder / "forecasts.parquet")
        pq.write_table(rows, past / f".part-{key}")
        (past / f".part-{key}").replace(past / f"{key}.parquet")


def _clean(root: Path, resume: bool) -> None:
    """Remove what killed processes left behind; all of an earlier run where it is not to be resumed."""
    for folder in ("blocks", spool.FOLDER, "past"):
        LocalStore(root / folder).sweep()
    Markers(root / "inflight").sweep()
    for part in root.glob(".part-*"):
        part.unlink(missing_ok=True)
    if not resume:
        (root / "plan.parquet").unlink(missing_ok=True)
        for folder in ("blocks", spool.FOLDER):
            store = LocalStore(root / folder)
            for key in sorted(store.keys()):
                store.delete(key)


def _nameless(blocks: Sequence[Block], by: Sequence[str]) -> tuple[Block | None, list[Block]]:
    """Groups whose key is missing are a block of their own that nobody works on."""
    blank = [_any_null(block.groups, by).to_numpy() for block in blocks]
    if not any(mask.any() for mask in blank):
        return None, list(blocks)
    bad = pa.concat_tables([block.groups.filter(pa.array(mask)) for block, mask in zip(blocks, blank, strict=True)])
    good = [
        block if not mask.any() else Block(block.key, block.groups.filter(pa.array(~mask)), block.files, block.tries, block.before)
        for block, mask in zip(blocks, blank, strict=True)
    ]
    return Block.of("nameless", bad), [block for block in good if len(block)]


def _refused_rows(block: Block) -> pa.Table:
    told = "the key of this group is missing in these rows; fill the partition columns in the data"
    return outcomes.lost(block.groups, "failed", 1, "DataError", told)


def _any_null(table: pa.Table, by: Sequence[str]) -> pa.ChunkedArray:
    missing = np.zeros(table.num_rows, bool)
    for name in by:
        missing |= pc.is_null(table[name]).to_numpy()
    return pa.chunked_array([pa.array(missing)])


class _held:
    """The run, for this process alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __enter__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for _ in range(20):
            self.lock = alone(self.root / "lock")
            if self.lock.__enter__():
                return
            self.lock.__exit__(None, None, None)
            time.sleep(0.05)
        raise RunBusy(f"another process is working on the run {str(self.root)!r}; wait for it, or give this one another path")

    def __exit__(self, *_: object) -> None:
        self.lock.__exit__(None, None, None)


def _quantity(name: str, value: Any, units: dict[str, float], hint: str) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(value))
    if isinstance(value, bool) or not match or match[2].lower() not in units or float(match[1]) <= 0:
        raise SettingsError(f"{name} should be like {hint}, or None for no limit; it is {value!r}")
    return float(match[1]) * units[match[2].lower()]


def _whole(name: str, value: Any) -> int | None:
    amount = _quantity(name, value, {unit: float(size) for unit, size in _BYTES.items()}, "'2GB' or 2000000000")
    return None if amount is None else int(amount)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
