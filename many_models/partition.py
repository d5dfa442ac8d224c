"""Rows to groups: one pass that counts and hashes the rows of every group, and notes in which files they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forecaster.errors import DataError
from many_models import hashing, keys
from many_models.blocks import SMALLEST, Ints, costs
from many_models.source import Batch, Source

FEW = 3
"""Files are read in place when every row is read about so many times at most; anything else is cut into blocks first."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Every group of the data.

    Args:
        table: One row per group, ascending: the partition columns, "rows" and "data_hash".
        by: The partition columns.
        files: The files in which the rows of each group lie; empty where rows must be cut into blocks first. (groups,)
    """

    table: pa.Table
    by: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def keys(self) -> pa.Table:
        return self.table.select(list(self.by))

    @property
    def in_place(self) -> bool:
        """Whether workers read the files of the user."""
        return bool(self.files)


def partition(
    rows: Source, by: Sequence[str], columns: Sequence[str], series: Sequence[str] = (), look: Callable[[pa.Table], None] | None = None
) -> Groups:
    """Find the groups of the data in one pass.

    Args:
        rows: Where the rows come from.
        by: The partition columns.
        columns: Columns that count: a change in any of them is a change of the group.
        series: The columns that name a series, to check that no series is split over groups.
        look: Is shown the rows as they go by.

    Raises:
        DataError: there are no rows, or a series lies in two groups.
    """
    counts, pairs, files = [], [], []
    for batch in rows.batches(columns):
        if look is not None:
            look(batch.rows)
        counted = _count(batch, by)
        counts.append(counted)
        files.append(batch.file)
        if series and not set(by) <= set(series):
            pairs.append(batch.rows.select(list(dict.fromkeys([*series, *by]))).group_by(list(dict.fromkeys([*series, *by]))).aggregate([]))
    found = pa.concat_tables(counts, promote_options="permissive")
    if not found.num_rows:
        raise DataError(f"the data has no rows; expected one row per {', '.join(series) or 'series'} and time")
    if pairs:
        _check_whole(pa.concat_tables(pairs), series, by)
    where = np.repeat(np.arange(len(files)), [count.num_rows for count in counts])
    return _together(found, tuple(by), files, where)


def _count(batch: Batch, by: Sequence[str]) -> pa.Table:
    """The groups of a batch: keys, rows and the two hash sums."""
    codes, groups = keys.coded(batch.rows, by)
    first, second = hashing.group_sums(hashing.row_hashes(batch.rows), codes, groups.num_rows)
    rows = np.bincount(codes, minlength=groups.num_rows)
    return groups.append_column("rows", pa.array(rows)).append_column("first", pa.array(first)).append_column("second", pa.array(second))


def _together(found: pa.Table, by: tuple[str, ...], files: list[str | None], where: Ints) -> Groups:
    """Join what the batches found."""
    codes, groups = keys.coded(found, by)
    sums = np.zeros((3, groups.num_rows), np.uint64)
    for row, name in zip(sums, ("rows", "first", "second"), strict=True):
        np.add.at(row, codes, found[name].to_numpy().astype(np.uint64))
    groups = groups.append_column("rows", pa.array(sums[0].astype(np.int64)))
    groups = groups.append_column("data_hash", pa.array(hashing.names_of(sums[1], sums[2])))
    known = [file for file in files if file is not None]
    if len(known) < len(files) or _reads(codes, where, found["rows"].to_numpy(), costs(groups)) > FEW * sums[0].sum():
        return Groups(groups, by, ())
    return Groups(groups, by, tuple(_files(codes, where, known, groups.num_rows)))


def _reads(codes: Ints, where: Ints, rows: Ints, cost: Ints) -> int:
    """How many rows are read, about, when each block reads all row groups that it has rows in.

    Blocks are neighbours, of no less than a certain cost: a row group is read once for each run of neighbours in it, and again for each
    further block that these make; but not more often than it has groups.
    """
    order = np.lexsort((codes, where))
    first = np.flatnonzero(np.diff(where[order], prepend=-1))
    breaks = (np.diff(codes[order], prepend=-2) != 1) | (np.diff(where[order], prepend=-1) != 0)
    runs, size, each = (np.add.reduceat(values, first) for values in (breaks.astype(np.int64), rows[order], cost[codes[order]]))
    return int((size * np.minimum(np.diff(first, append=len(order)), runs + each // SMALLEST)).sum())


def _files(codes: Ints, where: Ints, files: list[str], groups: int) -> Iterator[tuple[str, ...]]:
    """The files of each group."""
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(groups + 1))
    for g in range(groups):
        yield tuple(dict.fromkeys(files[where[i]] for i in order[bounds[g] : bounds[g + 1]]))


def _check_whole(pairs: pa.Table, series: Sequence[str], by: Sequence[str]) -> None:
    """Every series must lie in one group."""
    distinct = pairs.group_by(pairs.column_names).aggregate([])
    codes, ids = keys.coded(distinct, series)
    split = np.flatnonzero(np.bincount(codes, minlength=ids.num_rows) > 1)
    if len(split):
        mine = distinct.filter(pa.array(codes == split[0])).select(list(by))
        raise DataError(
            f"{len(split)} series lie in more than one group, the first of them {keys.told(ids, int(split[0]))}: "
            f"{keys.told(mine, 0)} and {keys.told(mine, 1)}. Each group must hold whole series: add {', '.join(by)} to series="
        )
