"""One call of `train`: find out what is to be done, and have it done."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import ForecasterError, SettingsError
from many_models import changes, course, keys, ledger, manifest, outcomes
from many_models.blocks import Block
from many_models.choice import narrowed
from many_models.files import read_json
from many_models.how import How
from many_models.partition import Groups, partition
from many_models.plan import Plan, lay_out, retry
from many_models.progress import tell
from many_models.sample import Sample
from many_models.source import Source, check_columns, source
from many_models.store import alone
from many_models.task import Task
from many_models.update import update
from many_models.upkeep import clean, drop_unsound, expect_ours, make_room, retire
from many_models.worker import blocks_of, commit


class RunBusy(ForecasterError, RuntimeError):
    """Another process is working on the run."""


def train(task: Task, data: Any, root: Path, how: How, resume: bool, state: bool = False, chosen: Any = None) -> Task:
    """Train every group of the data that has no outcome yet; gives the task with what was decided once for all groups.

    Args:
        task: What to run.
        data: The rows.
        root: The folder of the run.
        how: Engine, workers and limits.
        resume: Whether to keep what is done.
        state: Whether models go on from rows that were only added, without being fitted again.
        chosen: The groups to work on; all where absent.

    Raises:
        RunBusy: another process works on this run.
        CannotWrite: the disk is full, broken or not ours to write.
        UnknownName: a column is not in the data.
        DataError: the data cannot be partitioned.
        SettingsError: the job itself cannot run.
        ArchiveError: what is to be resumed was written by an earlier or a newer version.
        SettingsError: the folder holds something else than a run.
    """
    rows = source(data)
    columns = columns_of(rows, task)
    expect_ours(root)
    with course.writing(root), held(root):
        if resume:
            manifest.check(root)
        clean(root, resume)
        before = Plan.load(root)
        _check_partition(root, before, task)
        tell("read", how.progress)
        groups, task = partitioned(rows, task, columns)
        _check_types(root, before, groups)
        _say_what_stays_here(task)
        groups, wanted = (groups, None) if chosen is None else narrowed(groups, chosen, before, _known_job(root, task))
        drop_unsound(root, task)
        if state:
            update(task, root, how, groups, columns, rows)
        done = ledger.settled(blocks_of(root), task.identity)
        plan, blocks = lay_out(groups, done, before, task.identity, how.workers, wanted, not state)
        make_room(root, blocks, task)
        manifest.write(root, task, rows.schema.empty_table().select(columns), rows.kind.name, plan.table["data_hash"])
        plan.save(root)
        nameless, blocks = _nameless(blocks, plan.by)
        if nameless is not None:
            commit(blocks_of(root), nameless, task, _refused_rows(nameless))
        unseen = course.run(task, root, how, blocks, columns, len(groups), rows=None if groups.in_place else rows)
        if (done := ledger.committed(blocks_of(root), task.identity)) is not None:
            at = ledger.rows_of(plan.table["data_hash"], done)
            changes.settle(root, task, plan, done, at, wanted)
            retire(root, plan, done, at, unseen)
        return task


def _check_partition(root: Path, before: Plan | None, task: Task) -> None:
    """A run goes on with the groups that it has: other partition columns are another run.

    Raises:
        SettingsError: the folder holds a run of other groups.
    """
    if before is not None and list(before.by) != list(task.partition_by):
        told = f"one model per {', '.join(before.by)}, and this job wants one per {', '.join(task.partition_by)}"
        raise SettingsError(f"the run {str(root)!r} has {told}; give it another path, or begin anew with resume=False (--fresh)")


def _check_types(root: Path, before: Plan | None, groups: Groups) -> None:
    """A group is found again by the value of its key, so that text and numbers are no names of the same groups.

    Raises:
        SettingsError: a partition column had values of another kind in the run.
    """
    if before is None:
        return
    for name in groups.by:
        was, now = (table.schema.field(name).type for table in (before.table, groups.table))
        if not keys.comparable(was, now):
            told = f"column {name!r} of the data is {now}, and was {was} when the run {str(root)!r} was trained"
            raise SettingsError(f"{told}; give it that type, give the run another path, or begin anew with resume=False (--fresh)")


def columns_of(rows: Source, task: Task) -> list[str]:
    """The columns that a job reads.

    Raises:
        UnknownName: one that it names is not there; the message names the nearest.
        DataError: one that names groups or series is of a type that cannot.
    """
    settings = task.settings
    check_columns(rows.schema, [*task.partition_by, *settings.required, *settings.drop])
    keys.expect_names(rows.schema, [*task.partition_by, *settings.series])
    return [name for name in rows.schema.names if name not in settings.drop or name in task.partition_by]


def partitioned(rows: Source, task: Task, columns: Sequence[str]) -> tuple[Groups, Task]:
    """The groups of the data, and the task with the frequency that all of them are to have."""
    settings = task.settings
    if not hasattr(settings, "freq"):
        return partition(rows, task.partition_by, columns, settings.series), task
    sample = Sample(settings.series, settings.time)
    groups = partition(rows, task.partition_by, columns, settings.series, sample.add)
    return groups, replace(task, settings=settings.model_copy(update={"freq": sample.frequency(settings)}))


def _known_job(root: Path, task: Task) -> bool:
    """Whether what lies in the folder, if anything, was trained under this job."""
    told = read_json(root / manifest.FILE)
    return told is None or told["identity"] == task.identity


def _say_what_stays_here(task: Task) -> None:
    """Warn of objects that a file cannot bring back: the run can be read anywhere, but gone on with from this script only."""
    try:
        Task.from_dict(task.as_dict())
    except ForecasterError as error:
        warnings.warn(f"only this script can go on with the run, or forecast from its models: {error}", stacklevel=4)


def train_again(task: Task, root: Path, how: How) -> int:
    """Try the groups without a model once more; gives how many there were."""
    with course.writing(root), held(root):
        plan, done = Plan.load(root), ledger.committed(blocks_of(root), task.identity)
        if plan is None or done is None:
            return 0
        clean(root, resume=True)
        mine = done.take(pa.array([i for i in ledger.rows_of(plan.table["data_hash"], done) if i >= 0], pa.int64()))
        bad = outcomes.without_model(mine)
        bad = bad.filter(pc.invert(_any_null(bad, plan.by)))
        if bad.num_rows:
            blocks = retry(plan, bad, task.identity, how.workers)
            course.run(task, root, how, blocks, manifest.columns(root), plan.table.num_rows)
            if (done := ledger.committed(blocks_of(root), task.identity)) is not None:
                retire(root, plan, done, ledger.rows_of(plan.table["data_hash"], done))
        return int(bad.num_rows)


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


class held:
    """The run, for this process alone; where it is shared, for all that only read it, while nobody writes.

    Raises:
        RunBusy: another process holds it.
    """

    def __init__(self, root: Path, *, shared: bool = False) -> None:
        self.root, self.shared = root, shared

    def __enter__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for _ in range(20):
            self.lock = alone(self.root / "lock", shared=self.shared)
            if self.lock.__enter__():
                return
            self.lock.__exit__(None, None, None)
            time.sleep(0.05)
        raise RunBusy(f"another process is working on the run {str(self.root)!r}; wait for it, or give this one another path")

    def __exit__(self, *_: object) -> None:
        self.lock.__exit__(None, None, None)
