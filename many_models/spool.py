"""Rows cut into one folder per block, in one pass over the data and without holding all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from many_models import bundle, keys
from many_models.blocks import Block
from many_models.source import Source
from many_models.store import LocalStore

FOLDER, ROWS = "data", "rows"
HELD = 512 * 1024 * 1024
"""Bytes that are kept in memory before they are written out."""


def spool(rows: Source, columns: Sequence[str], blocks: Sequence[Block], root: Path) -> None:
    """Write the rows of each block to `root/data/<key>`; blocks that lie there already are left.

    Args:
        rows: Where the rows come from.
        columns: The columns to keep.
        blocks: The blocks to cut out; rows of other groups are passed over.
        root: The folder of the run.
    """
    store = LocalStore(root / FOLDER)
    there = store.keys()
    wanted = [block for block in blocks if block.key not in there]
    if wanted:
        store.put_all(lambda staging: _cut(rows, columns, wanted, staging))


def location(key: str) -> str:
    """Where the rows of a block lie, seen from the folder of the run."""
    return f"{FOLDER}/{key}"


def read(folder: str | Path) -> pa.Table:
    """The rows that were cut out for a block."""
    return pa.concat_tables([bundle.read(Path(folder, part))[ROWS] for part in sorted(os.listdir(folder))])


def _cut(rows: Source, columns: Sequence[str], blocks: Sequence[Block], staging: Path) -> None:
    """Write the rows under `staging`, one folder per block."""
    by = [name for name in blocks[0].groups.column_names if name not in ("rows", "data_hash")]
    groups = pa.concat_tables([block.groups.select(by) for block in blocks])
    block_of = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    held: list[list[pa.Table]] = [[] for _ in blocks]
    size, written = 0, 0
    for batch in rows.batches(columns):
        size += batch.rows.nbytes
        for i, part in _by_block(batch.rows, keys.found(batch.rows.select(by), groups), block_of):
            held[i].append(part)
        if size > HELD:
            _flush(held, blocks, staging, written)
            size, written = 0, written + 1
    _flush(held, blocks, staging, written)


def _by_block(rows: pa.Table, group: np.ndarray, block_of: np.ndarray) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each block that has any, groups in order."""
    order = np.argsort(np.where(group < 0, len(block_of), group), kind="stable")[: int((group >= 0).sum())]
    if not len(order):
        return
    home = block_of[group[order]]
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(home)) + 1, [len(home)]])
    for begin, end in pairwise(cuts):
        mine = order[begin:end]
        together = mine[-1] - mine[0] == len(mine) - 1 and (np.diff(mine) == 1).all()
        yield int(home[begin]), rows.slice(mine[0], len(mine)) if together else rows.take(pa.array(mine))


def _flush(held: list[list[pa.Table]], blocks: Sequence[Block], staging: Path, number: int) -> None:
    for parts, block in zip(held, blocks, strict=True):
        if parts:
            (staging / block.key).mkdir(exist_ok=True)
            bundle.write({ROWS: parts[0] if len(parts) == 1 else pa.concat_tables(parts)}, staging / block.key / f"{number:06}.arrow")
            parts.clear()
