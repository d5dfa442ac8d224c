"""Rows cut into one file per block, in one pass over the data and without holding all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from many_models import bundle, hashing, keys
from many_models.blocks import Block, Ints
from many_models.source import Source
from many_models.store import LocalStore

FOLDER, END, ROWS, CHANGED = "data", ".arrow", "rows", "changed"
HELD = 512 * 1024 * 1024
"""Bytes that are kept in memory before they are written out."""


def spool(rows: Source, columns: Sequence[str], blocks: Sequence[Block], root: Path) -> None:
    """Write the rows of each block to `root/data/<key>.arrow`; blocks that lie there already are left.

    Args:
        rows: Where the rows come from.
        columns: The columns to keep.
        blocks: The blocks to cut out; rows of other groups are passed over.
        root: The folder of the run.
    """
    there = locations(root)
    wanted = [block for block in blocks if location(block.key) not in there]
    if wanted:
        LocalStore(root / FOLDER).put_all(lambda staging: _cut(rows, columns, wanted, staging))


def location(key: str) -> str:
    """Where the rows of a block lie, seen from the folder of the run."""
    return f"{FOLDER}/{key}{END}"


def locations(root: Path) -> set[str]:
    """Where rows of blocks lie, seen from the folder of the run."""
    return {f"{FOLDER}/{file.name}" for file in (root / FOLDER).glob(f"[!.]*{END}")}


def holds(file: str) -> bool:
    """Whether a file was cut out for a block."""
    return file.endswith(END)


def read(files: Sequence[str]) -> tuple[pa.Table, set[str]]:
    """The rows that were cut out for blocks, and the data hashes of groups whose rows were not those any more that had been hashed."""
    found = [bundle.read(Path(file)) for file in files]
    changed = {name for tables in found if CHANGED in tables for name in tables[CHANGED]["data_hash"].to_pylist()}
    return pa.concat_tables([tables[ROWS] for tables in found], promote_options="permissive"), changed


def _cut(rows: Source, columns: Sequence[str], blocks: Sequence[Block], staging: Path) -> None:
    """Write the rows under `staging`, one file per block."""
    by = [name for name in blocks[0].groups.column_names if name not in ("rows", "data_hash")]
    groups = pa.concat_tables([block.groups.select(by) for block in blocks])
    block_of = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    held: list[list[pa.Table]] = [[] for _ in blocks]
    size, sums = 0, np.zeros((2, len(block_of)), np.uint64)
    for batch in rows.batches(columns):
        size += batch.rows.nbytes
        group = keys.found(batch.rows.select(by), groups)
        if not rows.fixed:
            sums += hashing.group_sums(hashing.row_hashes(batch.rows)[group >= 0], group[group >= 0], len(block_of))
        for i, part in _by_block(batch.rows, group, block_of):
            held[i].append(part)
        if size > HELD:
            _flush(held, blocks, staging)
            size = 0
    _flush(held, blocks, staging)
    _write_empty(rows.schema.empty_table().select(list(columns)), blocks, staging)
    if not rows.fixed:
        _note_changed(sums, blocks, block_of, staging)


def _write_empty(none: pa.Table, blocks: Sequence[Block], staging: Path) -> None:
    """Files of blocks whose rows are gone."""
    for file in (staging / f"{block.key}{END}" for block in blocks):
        if not file.exists():
            bundle.write({ROWS: none}, file)


def _note_changed(sums: hashing.Hashes, blocks: Sequence[Block], block_of: Ints, staging: Path) -> None:
    """Say beside the rows of a block which of its groups had other rows when they were hashed."""
    known = [name for block in blocks for name in block.groups["data_hash"].to_pylist()]
    changed = (sums != hashing.sums_of(known)).any(axis=0)
    for i in np.unique(block_of[changed]):
        mine = [known[at] for at in np.flatnonzero(changed & (block_of == i))]
        bundle.write({CHANGED: pa.table({"data_hash": mine})}, staging / f"{blocks[i].key}{END}", more=True)


def _by_block(rows: pa.Table, group: Ints, block_of: Ints) -> Iterator[tuple[int, pa.Table]]:
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


def _flush(held: list[list[pa.Table]], blocks: Sequence[Block], staging: Path) -> None:
    for parts, block in zip(held, blocks, strict=True):
        if parts:
            rows = parts[0] if len(parts) == 1 else pa.concat_tables(parts)
            bundle.write({ROWS: rows}, staging / f"{block.key}{END}", more=True)
            parts.clear()
