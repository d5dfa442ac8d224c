"""What there is to do: every group of the run, the block it is to be worked on in, and where its rows lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from many_models import spool
from many_models.blocks import Block, Ints, costs, pack
from many_models.ledger import rows_of
from many_models.partition import Groups
from many_models.store import write_bytes

FILE = "plan.parquet"


@dataclass(frozen=True, eq=False)
class Plan:
    """The groups of a run.

    Args:
        table: One row per group: the partition columns, "rows", "data_hash", "block" and "files".
    """

    table: pa.Table

    @property
    def groups(self) -> pa.Table:
        """The partition columns, "rows" and "data_hash"."""
        return self.table.drop_columns(["block", "files"])

    @property
    def by(self) -> list[str]:
        return [name for name in self.table.column_names if name not in ("rows", "data_hash", "block", "files")]

    def save(self, root: Path) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(self.table, sink)
        write_bytes(root / FILE, sink.getvalue().to_pybytes())

    @classmethod
    def load(cls, root: Path) -> Plan | None:
        """The plan of a run; None where it has none yet."""
        try:
            return cls(pq.read_table(root / FILE))
        except FileNotFoundError:
            return None


def lay_out(groups: Groups, done: pa.Table | None, before: Plan | None, job: str, workers: int) -> tuple[Plan, list[Block]]:
    """Plan a run: groups that are done stay where they are, blocks that were planned and not done stay as they were, the rest is packed.

    Args:
        groups: The groups of the data.
        done: What is committed (`ledger.committed`).
        before: The plan of an earlier call on the same folder.
        job: Hash of the job.
        workers: How many will work.

    Returns:
        The plan, and the blocks to work on, the most expensive first.
    """
    at = rows_of(groups.table["data_hash"], done)
    left = np.flatnonzero(at < 0)
    blocks = [_block(groups, part, job) for part in _parts(groups, left, before, done, workers)]
    block = np.array([""] * len(groups), object)
    if done is not None:
        block[at >= 0] = done["block"].to_numpy()[at[at >= 0]]
    files: list[tuple[str, ...]] = _files_before(groups, before)
    row = {key: i for i, key in enumerate(groups.table["data_hash"].to_pylist())}
    for made in blocks:
        mine = [row[key] for key in made.groups["data_hash"].to_pylist()]
        block[mine] = made.key
        for i in mine:
            files[i] = made.files
    table = groups.table.append_column("block", pa.array(block, pa.string())).append_column("files", pa.array(files, pa.list_(pa.string())))
    return Plan(table), sorted(blocks, key=lambda made: -made.cost)


def retry(plan: Plan, outcomes: pa.Table, job: str, workers: int) -> list[Block]:
    """Blocks of the groups that have no model, from the rows that were kept for them.

    Args:
        plan: The plan of the run.
        outcomes: Outcomes of the groups to try again.
        job: Hash of the job.
        workers: How many will work.
    """
    rows = plan.table.take(pa.array(rows_of(outcomes["data_hash"], plan.table)))
    before = outcomes["attempts"].to_numpy()
    where = np.unique([f"{n}|{files}" for n, files in zip(before, rows["files"].to_pylist(), strict=True)], return_inverse=True)[1]
    made = []
    for kind in range(int(where.max(initial=-1)) + 1):
        mine = np.flatnonzero(where == kind)
        part = rows.take(pa.array(mine))
        files = tuple(part["files"][0].as_py())
        groups = Plan(part).groups
        made += [Block.of(job, groups.take(pa.array(chosen)), files, 0, int(before[mine[0]])) for chosen in pack(costs(groups), workers)]
    return made


def _parts(groups: Groups, left: Ints, before: Plan | None, done: pa.Table | None, workers: int) -> list[Ints]:
    """Group indices of each block to work on."""
    kept = _as_planned(groups, left, before, done)
    rest = np.setdiff1d(left, np.concatenate(kept)) if kept else left
    return kept + ([rest[part] for part in pack(costs(groups.table.take(pa.array(rest))), workers)] if len(rest) else [])


def _as_planned(groups: Groups, left: Ints, before: Plan | None, done: pa.Table | None) -> list[Ints]:
    """Blocks of an earlier plan that were never committed and whose groups are all still to be done, unchanged."""
    if before is None:
        return []
    at = rows_of(before.table["data_hash"], groups.table)
    waiting = np.isin(at, left)
    codes = before.table["block"].combine_chunks().dictionary_encode()
    block = codes.indices.to_numpy()
    whole = np.bincount(block, minlength=len(codes.dictionary)) == np.bincount(block[waiting], minlength=len(codes.dictionary))
    committed = pa.array([], pa.string()) if done is None else done["block"].combine_chunks()
    gone = pc.is_in(codes.dictionary, committed).to_numpy(zero_copy_only=False)
    return [np.sort(at[block == b]) for b in np.flatnonzero(whole & ~gone)]


def _block(groups: Groups, part: Ints, job: str) -> Block:
    made = Block.of(job, groups.table.take(pa.array(part)))
    files = tuple(dict.fromkeys(file for g in part for file in groups.files[g])) if groups.in_place else (spool.location(made.key),)
    return Block(made.key, made.groups, files)


def _files_before(groups: Groups, before: Plan | None) -> list[tuple[str, ...]]:
    """Where the rows of each group were kept by an earlier call."""
    if before is None:
        return [()] * len(groups)
    at = rows_of(groups.table["data_hash"], before.table)
    known = before.table["files"].to_pylist()
    return [tuple(known[i]) if i >= 0 else () for i in at]
