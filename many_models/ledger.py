"""What is done: read from the committed blocks, which are the only record of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import ForecasterError
from many_models.blocks import Block
from many_models.files import read_parquet
from many_models.outcomes import COLUMNS, late, modelled, origin
from many_models.store import Store

Ints = NDArray[np.int64]
NEEDED = {name: kind for name, kind in COLUMNS.items() if name != "forecast"}
"""Columns of outcomes and their types, without which a block is as good as damaged."""


def committed(store: Store, job: str) -> pa.Table | None:
    """The outcome of every group that was ever worked on under this job, with "block" (that it lies in) and
    "moved" (how often its model has gone on since it was fitted); None where there is none.

    A group that was tried in several blocks has its best row: one with a model first, then the latest, then one with a forecast.
    """
    found = [rows for key in sorted(store.keys()) if (rows := _outcomes(store.get(key), key, job)) is not None]
    if not found:
        return None
    rows = pa.concat_tables(found, promote_options="permissive")
    order = np.lexsort((pc.is_null(rows["forecast"]).to_numpy(), -rows["attempts"].to_numpy(), ~modelled(rows).to_numpy()))
    codes = rows["data_hash"].take(pa.array(order)).combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.empty(int(codes.max(initial=-1)) + 1, np.int64)
    first[codes[::-1]] = order[::-1]
    return rows if len(first) == len(order) else rows.take(pa.array(np.sort(first)))


def settled(store: Store, job: str) -> pa.Table | None:
    """The same without the groups for whose model no time was left: what need not be done again."""
    done = committed(store, job)
    return None if done is None else done.filter(pc.invert(late(done)))


def holds(folder: Path, block: Block, job: str) -> bool:
    """Whether a folder is this block of the job."""
    rows = _outcomes(folder, block.key, job)
    return rows is not None and set(rows["data_hash"].to_pylist()) == set(block.groups["data_hash"].to_pylist())


def _outcomes(folder: Path, key: str, job: str) -> pa.Table | None:
    try:
        rows = read_parquet(folder / "outcomes.parquet", NEEDED)
    except FileNotFoundError:
        # Another process has just taken the block away: its groups live in a newer one.
        return None
    except (OSError, ForecasterError):
        # Damaged: the next training does its groups again.
        return None
    noted = rows.schema.metadata or {}
    if noted.get(b"job", b"").decode() != job:
        return None
    rows = rows.replace_schema_metadata(None)
    if "forecast" not in rows.column_names:  # written before groups without a model had one
        rows = rows.append_column("forecast", origin(rows["status"]))
    moved = int(noted.get(b"moved", b"0"))
    rows = rows.append_column("block", pa.repeat(pa.scalar(key, pa.string()), rows.num_rows))
    return rows.append_column("moved", pa.repeat(pa.scalar(moved, pa.int64()), rows.num_rows))


def rows_of(hashes: pa.ChunkedArray, known: pa.Table | None) -> Ints:
    """The row of `known` that has each data hash; -1 where there is none."""
    if known is None or not known.num_rows:
        return np.full(len(hashes), -1, np.int64)
    return np.asarray(pc.index_in(hashes, known["data_hash"].combine_chunks()).fill_null(-1).to_numpy(), np.int64)
