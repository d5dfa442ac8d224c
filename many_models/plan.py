"""What there is to do: every group of the run, the block it is to be worked on in, and where its rows lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from many_models import spool
from many_models.blocks import Block, Ints, costs, pack
from many_models.files import parquet_bytes, read_parquet, write_bytes
from many_models.ledger import rows_of
from many_models.outcomes import modelled
from many_models.partition import Groups

FILE = "plan.parquet"
KINDS = {"rows": pa.int64(), "data_hash": pa.string(), "block": pa.string(), "files": pa.list_(pa.string())}
Chosen = NDArray[np.bool_]


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
        write_bytes(root / FILE, parquet_bytes(self.table))

    @classmethod
    def load(cls, root: Path) -> Plan | None:
        """The plan of a run; None where it has none yet.

        Raises:
            ArchiveError: its file is damaged.
        """
        try:
            return cls(read_parquet(root / FILE, KINDS))
        except FileNotFoundError:
            return None

    @staticmethod
    def hashes(root: Path) -> pa.ChunkedArray | None:
        """The data hash of every group of the plan of a run, which is quicker to read than all; None where it has none yet.

        Raises:
            ArchiveError: its file is damaged.
        """
        name = "data_hash"
        try:
            return read_parquet(root / FILE, {name: KINDS[name]}, [name])[name]
        except FileNotFoundError:
            return None


def lay_out(
    groups: Groups, done: pa.Table | None, before: Plan | None, job: str, workers: int, chosen: Chosen | None = None, afresh: bool = True
) -> tuple[Plan, list[Block]]:
    """Plan a run: groups that are done stay where they are, blocks that were planned and not done stay as they were, the rest is packed.

    Args:
        groups: The groups of the data.
        done: What is committed (`ledger.committed`).
        before: The plan of an earlier call on the same folder.
        job: Hash of the job.
        workers: How many will work.
        chosen: The groups that may be worked on; all where absent.
        afresh: Whether chosen groups whose models were fitted on earlier rows are fitted again.

    Returns:
        The plan, and the blocks to work on, the most expensive first.
    """
    at = rows_of(groups.table["data_hash"], done)
    if chosen is not None and done is not None and afresh:
        at[chosen & _not_fitted_here(at, done)] = -1
    left = np.flatnonzero(at < 0 if chosen is None else (at < 0) & chosen)
    parts = _parts(groups, left, before, done, workers)
    blocks = [_block(groups, part, job, done) for part in parts]
    block = np.array([""] * len(groups), object)
    if done is not None:
        block[at >= 0] = done["block"].to_numpy()[at[at >= 0]]
    files, where = _files_before(groups, before)
    for part, made in zip(parts, blocks, strict=True):
        block[part], where[part] = made.key, len(files)
        files.append(made.files)
    lists = pa.DictionaryArray.from_arrays(where, pa.array(files, pa.list_(pa.string())))
    table = groups.table.append_column("block", pa.array(block, pa.string())).append_column("files", lists.dictionary_decode())
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


def _not_fitted_here(at: Ints, done: pa.Table) -> Chosen:
    """The groups that have no model, or one that was fitted on earlier rows and went on. (groups,)"""
    other = pc.or_(pc.greater(done["moved"], 0), pc.invert(modelled(done))).to_numpy()
    return np.asarray((at >= 0) & other[at])


def _block(groups: Groups, part: Ints, job: str, done: pa.Table | None) -> Block:
    mine = groups.table.take(pa.array(part))
    at = rows_of(mine["data_hash"], done)
    before = int(done["attempts"].to_numpy()[at[at >= 0]].max(initial=0)) if done is not None else 0
    made = Block.of(job, mine, before=before)
    files = tuple(dict.fromkeys(file for g in part for file in groups.files[g])) if groups.in_place else (spool.location(made.key),)
    return replace(made, files=files)


def _files_before(groups: Groups, before: Plan | None) -> tuple[list[tuple[str, ...]], Ints]:
    """Where the rows of groups were kept by an earlier call, and which of these places is that of each group. (groups,)"""
    if before is None or not before.table.num_rows:
        return [()], np.zeros(len(groups), np.int64)
    at = rows_of(groups.table["data_hash"], before.table)
    kept = before.table["files"].combine_chunks()
    texts = pc.binary_join(kept, "\0").dictionary_encode()
    known = [tuple(text.split("\0")) if text else () for text in texts.dictionary.to_pylist()]
    return [(), *known], np.where(at < 0, 0, texts.indices.to_numpy()[at] + 1)
