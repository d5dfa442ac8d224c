"""Models that go on from new rows without being fitted again."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from many_models import hashing, keys, ledger, outcomes, scoring, spool
from many_models.blocks import Block
from many_models.files import read_parquet
from many_models.how import How
from many_models.partition import Groups
from many_models.plan import Plan
from many_models.source import Source
from many_models.store import Markers
from many_models.task import Fitted, Task
from many_models.worker import MODELS, Guarded, blocks_of, commit, ids_of, only, read_block


@dataclass(frozen=True)
class Update(Guarded):
    """Lets the models of a block go on from newer rows, and commits them as a block of their own.

    Groups of which more has changed than that rows were added stay as they are: they have no outcome under their new rows.

    Args:
        sources: The block that the models of each block lie in. Key -> key
    """

    sources: Mapping[str, str]

    def _run(self, block: Block) -> dict[str, int]:
        started, by = time.perf_counter(), list(self.task.partition_by)
        folder = blocks_of(self.root).get(self.sources[block.key])
        before = read_parquet(folder / "outcomes.parquet")
        rows = read_block(block, self.columns, Path(self.root))
        fitted = self.task.read(folder / MODELS)
        groups = block.groups.filter(pa.array(_only_grew(rows, fitted, block, before, self.task)))
        if not groups.num_rows:
            return {}
        mine = only(rows, groups.select(by))
        moved = self.task.go_on(fitted, mine, groups.select(by))
        told = _told(groups, before, time.perf_counter() - started)
        count = int((before.schema.metadata or {}).get(b"moved", b"0")) + 1
        commit(blocks_of(self.root), replace(block, groups=groups), self.task, told, moved, ids_of(mine, self.task), count)
        return outcomes.counted(told)


def update(task: Task, root: Path, how: How, groups: Groups, columns: Sequence[str], rows: Source) -> None:
    """Let the models of changed groups go on, where rows were only added to them. What cannot be done is left as it was."""
    done, before = ledger.settled(blocks_of(root), task.identity), Plan.load(root)
    if done is None or before is None:
        return
    blocks, sources = _blocks(groups, done, before, task.identity)
    if not blocks:
        return
    if not groups.in_place:
        spool.spool(rows, columns, blocks, root)
    work = Update(str(root.absolute()), task, tuple(columns), uuid.uuid4().hex[:12], sources)
    scoring.run_all(work, how, blocks, root, refusable=True)
    Markers(root / "inflight").sweep()


def _blocks(groups: Groups, done: pa.Table, before: Plan, job: str) -> tuple[list[Block], dict[str, str]]:
    """Changed groups that have a model, by the block that it lies in, and the key of that block."""
    held = outcomes.with_model(done)
    was = keys.found(groups.keys, keys.alike(before.table.select(before.by), groups.keys.schema))
    known = before.table["data_hash"].take(pa.array(np.maximum(was, 0)))
    at = np.where(was < 0, -1, ledger.rows_of(known, held))
    changed = (at >= 0) & (ledger.rows_of(groups.table["data_hash"], done) < 0)
    code, names = keys.coded(held.take(pa.array(at[changed])), ["block"])
    mine, blocks, sources = np.flatnonzero(changed), [], {}
    for i, source in enumerate(names["block"].to_pylist()):
        part = mine[code == i]
        told = groups.table.take(pa.array(part))
        key = hashlib.sha256("\n".join([job, source, *told["data_hash"].to_pylist()]).encode()).hexdigest()[:24]
        files = dict.fromkeys(file for g in part for file in groups.files[g]) if groups.in_place else (spool.location(key),)
        blocks.append(Block(key, told, tuple(files)))
        sources[key] = source
    return blocks, sources


def _only_grew(rows: pa.Table, fitted: Fitted, block: Block, before: pa.Table, task: Task) -> NDArray[np.bool_]:
    """Whether the rows of a group are those that its model was fitted on, and later ones of the same series. (groups,)"""
    by, settings = list(task.partition_by), task.settings
    series, end = list(settings.series), settings.time
    ends = fitted.history().group_by(series, use_threads=False).aggregate([(end, "max")])
    at = keys.found(rows.select(series), keys.alike(ends.select(series), rows.schema))
    last = ends[f"{end}_max"].take(pa.array(np.maximum(at, 0))).cast(rows.schema.field(end).type)
    old = (at >= 0) & pc.less_equal(keys.plain(rows[end]), last).fill_null(False).to_numpy()
    group = keys.found(rows.select(by), block.groups.select(by))
    sums = hashing.group_sums(hashing.row_hashes(rows.filter(pa.array(old))), group[old], len(block))
    was = keys.found(block.groups.select(by), keys.alike(before.select(by), block.groups.schema))
    known = before["data_hash"].take(pa.array(np.maximum(was, 0))).to_numpy()
    same = (was >= 0) & (np.array(hashing.names_of(*sums), object) == known)
    return np.asarray(same & (np.bincount(group[at < 0], minlength=len(block)) == 0))


def _told(groups: pa.Table, before: pa.Table, seconds: float) -> pa.Table:
    """The outcomes of the groups as they were, under their new rows."""
    by = [name for name in groups.column_names if name not in ("rows", "data_hash")]
    kept = before.take(pa.array(keys.found(groups.select(by), keys.alike(before.select(by), groups.schema)))).replace_schema_metadata(None)
    new = {name: groups[name] for name in ("rows", "data_hash")}
    new["seconds"] = pa.array([seconds / max(groups.num_rows, 1)] * groups.num_rows)
    return pa.table({name: new.get(name, kept[name]) for name in kept.column_names})
