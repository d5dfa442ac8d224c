"""Groups to blocks: several groups that are worked on in one call, so that bookkeeping costs next to nothing per group."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from math import ceil, isqrt
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from many_models.work import Receipt

Ints = NDArray[np.int64]

GROUP_COST = 1000
"""What a group costs beside its rows, in rows."""
SMALLEST = 40_000
"""Cost under which a block is not worth a call of its own, in rows."""
LARGEST = 2_000_000
"""Cost over which a block would ask too much memory, in rows."""
PER_WORKER = 100
"""Most blocks per worker: enough that an interrupted run repeats little and no worker waits for another at the end."""

TRIES = {"crashed": 3, "over_memory": 2, "timed_out": 1, "failed": 1}
"""How often a group may die alone, or nearly alone, before it is recorded."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some groups to be worked on in one call.

    Args:
        key: A hash of the job, the groups and their data: the name of the block on disk.
        groups: One row per group: the partition columns, "rows" and "data_hash".
        files: Where the rows lie.
        tries: How many times these groups were tried before and took their worker down.
        before: Attempts of earlier rounds, which were recorded and are now repeated.
        lost: What became of it, where nothing is left to try and it is only given a fallback forecast.
    """

    key: str
    groups: pa.Table
    files: tuple[str, ...] = ()
    tries: int = 0
    before: int = 0
    lost: Receipt | None = None

    def __len__(self) -> int:
        return int(self.groups.num_rows)

    @property
    def cost(self) -> int:
        return int(costs(self.groups).sum())

    @classmethod
    def of(cls, job: str, groups: pa.Table, files: tuple[str, ...] = (), tries: int = 0, before: int = 0) -> Block:
        """The block of these groups under the job with the hash `job`."""
        told = hashlib.sha256("\n".join([job, str(before), *groups["data_hash"].to_pylist()]).encode())
        return cls(told.hexdigest()[:24], groups, files, tries, before)

    @property
    def attempts(self) -> int:
        """Attempts of these groups, this one included; a fallback is none."""
        return self.before + self.tries + (self.lost is None)

    def instead(self, lost: Receipt) -> Block:
        """The same block, to be given a fallback forecast after it was lost."""
        return replace(self, tries=self.tries + 1, lost=lost)


def costs(groups: pa.Table) -> Ints:
    """Estimated cost of each group, in rows. (groups,)"""
    return np.asarray(groups["rows"].to_numpy() + GROUP_COST, np.int64)


def pack(cost: Ints, workers: int) -> list[Ints]:
    """Cut groups into blocks of about equal cost: neighbours stay together, a group that is as large as a block stands alone.

    Args:
        cost: Estimated cost of each group. (groups,)
        workers: How many will work on them.

    Returns:
        Group indices of each block, the most expensive block first.
    """
    aim = min(max(int(cost.sum()) // (workers * PER_WORKER), SMALLEST), LARGEST)
    small = np.flatnonzero(cost < aim)
    before, whole = np.cumsum(cost[small]) - cost[small], int(cost[small].sum())
    share = max(whole / max(round(whole / aim), 1), 1)
    cuts = np.flatnonzero(np.diff(before // share)) + 1
    made = [part for part in np.split(small, cuts) if len(part)] + [np.array([g]) for g in np.flatnonzero(cost >= aim)]
    return sorted(made, key=lambda part: (-int(cost[part].sum()), int(part[0])))


def split(job: str, block: Block, status: str) -> list[Block]:
    """What to try next after a block took its worker down: smaller blocks, in at most three tries down to single groups.

    Args:
        job: Hash of the job.
        block: The block that was lost.
        status: How it was lost.

    Returns:
        Blocks to try; none when the block is one group and its tries are used up.
    """
    tries = block.tries + 1
    if len(block) == 1:
        return [] if tries >= TRIES[status] else [replace(block, tries=tries)]
    size = 1 if tries >= 2 or len(block) == 2 else isqrt(len(block) - 1) + 1
    parts = [block.groups.slice(i * size, size) for i in range(ceil(len(block) / size))]
    return [Block.of(job, part, block.files, tries, block.before) for part in parts]


def fingerprint(hashes: pa.ChunkedArray) -> str:
    """One hash for all data of a run, whatever the order of its groups."""
    ordered = hashes.take(pc.sort_indices(hashes)).combine_chunks()
    return hashlib.sha256(pc.binary_join(pa.ListArray.from_arrays([0, len(ordered)], ordered), "\n")[0].as_buffer()).hexdigest()[:32]
