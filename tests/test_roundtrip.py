"""From a frame to a table and back to a frame: the same ids, stamps and values, in the types and the kind of frame that came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster import frames
from forecaster.guardrails import check
from forecaster.schema import Schema

IDS: dict[str, Callable[[int], Any]] = {
    "text": lambda i: f"s{i:02d}",
    "unicode": lambda i: f"数据 '{i}'",
    "integer": lambda i: 7 - i,
    "category": lambda i: f"c{i}",
    "bool": lambda i: bool(i % 2),
    "date": lambda i: pd.Timestamp("2000-01-01") + pd.Timedelta(days=i),
}
KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": lambda table: table.to_pandas(),
    "polars": pl.from_arrow,
    "lazy": lambda table: pl.from_arrow(table).lazy(),
    "arrow": lambda table: table,
    "duckdb": duckdb.from_arrow,
}
STAMPS = [
    ("D", None, "us"), ("D", None, "s"), ("h", None, "ns"), ("h", "Europe/Berlin", "us"), ("D", "America/New_York", "ms"),
    ("B", None, "us"), ("W-WED", None, "us"), ("MS", "Asia/Tokyo", "us"), ("QE-NOV", None, "us"), ("YS-APR", None, "s"),
    ("20min", "UTC", "ns"), ("1", None, ""),
]  # fmt: skip
STARTS = ["2024-03-15", "1970-01-01", "2021-10-20"]


def arrow(data: Any) -> pa.Table:
    """Any kind of frame as Arrow, by its own means."""
    if isinstance(data, pd.DataFrame):
        return pa.Table.from_pandas(data, preserve_index=False)
    if isinstance(data, pl.LazyFrame):
        return data.collect().to_arrow()
    return pa.table(data)


def stamped(alias: str, zone: str | None, unit: str, start: str, n: int) -> pa.Array:
    if alias == "1":
        return pa.array(np.arange(n) * 3 + 5)
    return pa.array(pd.Series(pd.date_range(start, periods=n, freq=alias, tz=zone).as_unit(unit)))


def made(ids: str, stamps: pa.Array, sizes: list[int], seed: int) -> pa.Table:
    """Series that begin at different stamps, the first one at the first; without gaps."""
    first = np.array([0, *np.random.default_rng(seed).integers(0, 5, len(sizes) - 1)])
    at = np.concatenate([begin + np.arange(size) for begin, size in zip(first, sizes, strict=True)])
    names = pa.array(np.repeat(np.arange(len(sizes)), sizes)).to_pylist()
    key = pa.array([IDS[ids](i) for i in names])
    return pa.table(
        {
            "unique_id": key.dictionary_encode() if ids == "category" else key,
            "ds": stamps.take(pa.array(at)),
            "y": np.random.default_rng(seed + 1).normal(10, 3, len(at)),
        }
    )


@settings(max_examples=120)
@given(
    st.sampled_from(list(IDS)), st.sampled_from(list(KINDS)), st.sampled_from(STAMPS), st.sampled_from(STARTS),
    st.lists(st.integers(3, 12), min_size=1, max_size=5), st.integers(0, 9), st.booleans(),
)  # fmt: skip
def test_a_frame_comes_back(ids, kind, stamps, start, sizes, seed, shuffled):
    sizes = sizes[:2] if ids == "bool" else sizes
    came = made(ids, stamped(*stamps, start, 20), [max(sizes[0], 8), *sizes[1:]], seed)
    rows = came.take(pa.array(np.random.default_rng(seed).permutation(came.num_rows))) if shuffled else came
    read, frame_kind = frames.read(KINDS[kind](rows))
    table, findings = check(read, Schema(), horizon=1)
    assert not [finding for finding in findings if finding.action != "noted"]
    names = {name: values[table.series] for name, values in table.ids.items()}
    back = frames.give(frames.long(names, table.frequency, table.steps, 1, {"y": table.target}, "ds"), frame_kind)
    wanted = KINDS[kind](came)
    assert type(back) is type(wanted)
    assert _sorted(arrow(back)) == _sorted(arrow(wanted))
    if kind in ("polars", "arrow"):
        assert arrow(back).schema == arrow(wanted).schema


def _sorted(table: pa.Table) -> list[tuple[Any, ...]]:
    rows = zip(*(table[name].to_pylist() for name in ("unique_id", "ds", "y")), strict=True)
    return sorted(((str(name), stamp, value) for name, stamp, value in rows), key=lambda row: (row[0], row[1]))


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_two_series_columns_come_back(kind):
    frame = pa.table({"store": [1, 1, 1, 2, 2, 2], "item": ["b"] * 6, "t": [1, 2, 3, 1, 2, 3], "sales": [1.0, 2, 3, 4, 5, 6]})
    read, frame_kind = frames.read(KINDS[kind](frame))
    table, _ = check(read, Schema(series=("store", "item"), time="t", target="sales"), horizon=1)
    named = {name: values[table.series] for name, values in table.ids.items()}
    back = frames.give(frames.long(named, table.frequency, table.steps, 1, {"sales": table.target}, "t"), frame_kind)
    assert arrow(back).select(frame.column_names).to_pylist() == frame.to_pylist()
