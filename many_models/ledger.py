"""What is done: read from the committed blocks, which are the only record of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from many_models.outcomes import MODELLED, origin
from many_models.store import Store

Ints = NDArray[np.int64]


def committed(store: Store, job: str) -> pa.Table | None:
    """The outcome of every group that was ever worked on under this job, with the block it lies in; None where there is none.

    A group that was tried in several blocks has its best row: one with a model first, then the latest.
    """
    found = [rows for key in sorted(store.keys()) if (rows := _outcomes(store.get(key), key, job)) is not None]
    if not found:
        return None
    rows = pa.concat_tables(found, promote_options="permissive")
    modelled = pc.is_in(rows["status"], pa.array(MODELLED)).to_numpy()
    order = np.lexsort((-rows["attempts"].to_numpy(), ~modelled))
    _, first = np.unique(rows["data_hash"].to_numpy()[order], return_index=True)
    return rows.take(pa.array(np.sort(order[first])))


def _outcomes(folder: Path, key: str, job: str) -> pa.Table | None:
    try:
        rows = pq.read_table(folder / "outcomes.parquet")
    except FileNotFoundError:
        # Another process has just taken the block away: its groups live in a newer one.
        return None
    except (OSError, pa.ArrowException):
        # Damaged: the next training does its groups again.
        return None
    if (rows.schema.metadata or {}).get(b"job", b"").decode() != job:
        return None
    rows = rows.replace_schema_metadata(None)
    if "forecast" not in rows.column_names:  # written before groups without a model had one
        rows = rows.append_column("forecast", origin(rows["status"]))
    return rows.append_column("block", pa.array([key] * rows.num_rows, pa.string()))


def rows_of(hashes: pa.ChunkedArray, known: pa.Table | None) -> Ints:
    """The row of `known` that has each data hash; -1 where there is none."""
    if known is None or not known.num_rows:
        return np.full(len(hashes), -1, np.int64)
    return np.asarray(pc.index_in(hashes, known["data_hash"].combine_chunks()).fill_null(-1).to_numpy(), np.int64)
