"""Rows in the order of a table, against a plain sort of Python records."""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import DataError
from forecaster.rows import NO_STAMP, Rows
from forecaster.schema import Schema

Record = dict[str, Any]


def last(value: Any) -> tuple[bool, Any]:
    """Sorts None after all values."""
    return (value is None, 0 if value is None else value)


def expected(records: list[Record], series: list[str], group: list[str]) -> list[list[Record]]:
    """The series, sorted by group and id, each by its stamps; the first row of a series decides on its group."""
    group_of: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for record in records:
        group_of.setdefault(tuple(record[name] for name in series), tuple(last(record[name]) for name in group))

    def place(record: Record) -> tuple[Any, ...]:
        key = tuple(record[name] for name in series)
        return group_of[key], tuple(last(value) for value in key)

    ordered = sorted(records, key=lambda record: (place(record), NO_STAMP if record["ds"] is None else record["ds"]))
    return [list(rows) for _, rows in groupby(ordered, place)]


def check(frame: pa.Table, schema: Schema) -> Rows:
    rows = Rows.of(frame, schema)
    records = [record | {"row": i} for i, record in enumerate(frame.to_pylist())]
    slow = expected(records, list(schema.series), list(schema.group))
    assert len(rows) == len(slow)
    assert np.array_equal(rows.indptr, np.cumsum([0, *map(len, slow)]))
    flat = [record for one in slow for record in one]
    order = np.arange(len(flat)) if rows.order is None else rows.order
    assert order.tolist() == [record["row"] for record in flat]
    assert rows.stamps.tolist() == [NO_STAMP if record["ds"] is None else record["ds"] for record in flat]
    np.testing.assert_equal(rows.target, np.array([record["y"] for record in flat], float))
    assert rows.series.tolist() == [i for i, one in enumerate(slow) for _ in one]
    assert rows.torn.tolist() == [len({tuple(row[name] for name in schema.group) for row in one}) > 1 for one in slow]
    for name, values in rows.ids.items():
        told = [(value, one[0][name]) for value, one in zip(values.tolist(), slow, strict=True) if one[0][name] is not None]
        assert all(value == came for value, came in told)
    assert rows.arrange(frame["y"]).to_pylist() == [record["y"] for record in flat]
    return rows


names = st.sampled_from(["a", "b", "ä", "B", None])
record = st.fixed_dictionaries(
    {
        "store": names,
        "item": st.one_of(st.none(), st.integers(-2, 2)),
        "region": names,
        "ds": st.one_of(st.none(), st.integers(-5, 5)),
        "y": st.one_of(st.none(), st.floats(-9, 9)),
    }
)
TYPES = pa.schema([("store", pa.string()), ("item", pa.int64()), ("region", pa.string()), ("ds", pa.int64()), ("y", pa.float64())])

relaxed = settings(max_examples=150)


@relaxed
@given(
    st.lists(record, max_size=40),
    st.sampled_from([["store"], ["item"], ["store", "item"], ["item", "store"], []]),
    st.sampled_from(["none", "first", "region", "both"]),
)
def test_any_rows_are_put_in_order(records, series, grouping):
    group = {"none": [], "first": series[-1:], "region": ["region"], "both": ["region", *series[:1]]}[grouping]
    schema = Schema.of(series=series, static=["region"], group=group)
    rows = check(pa.Table.from_pylist(records, schema=TYPES), schema)
    assert rows.group_ptr[0] == 0
    assert rows.group_ptr[-1] == len(rows)
    assert np.all(np.diff(rows.group_ptr) > 0) or not len(rows)


@relaxed
@given(st.lists(record, max_size=40), st.integers(1, 7), st.booleans())
def test_chunks_and_dictionaries_make_no_difference(records, size, encoded):
    frame = pa.Table.from_pylist(records, schema=TYPES)
    if encoded:
        frame = frame.set_column(0, "store", frame["store"].dictionary_encode()).set_column(1, "item", frame["item"].dictionary_encode())
    chunked = pa.concat_tables([frame.slice(i, size) for i in range(0, max(len(records), 1), size)])
    check(chunked, Schema.of(series=["store", "item"]))


@relaxed
@given(st.lists(names, max_size=6), st.integers(1, 13), st.sampled_from([pa.string(), pa.large_string()]))
def test_stretches_of_one_text_make_no_difference(stores, size, kind):
    """Nine rows of each: texts are looked at once per stretch then."""
    rows = [{"store": store, "ds": k % 5, "y": float(k)} for store in stores for k in range(9)]
    frame = pa.Table.from_pylist(rows, schema=pa.schema([("store", kind), ("ds", pa.int64()), ("y", pa.float64())]))
    chunked = pa.concat_tables([frame.slice(i, size) for i in range(0, max(len(rows), 1), size)])
    check(chunked, Schema.of(series=["store"]))


def simple(**columns: Any) -> pa.Table:
    return pa.table({"unique_id": ["a", "a"], "ds": [0, 1], "y": [1.0, 2.0]} | columns)


def test_sorted_rows_are_left_where_they_are():
    assert Rows.of(simple(), Schema()).order is None
    assert Rows.of(simple(ds=[1, 0]), Schema()).order.tolist() == [1, 0]
    assert Rows.of(simple(ds=[1, 1]), Schema()).order is None


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_stamps_of_every_unit(unit):
    stamps = pa.array([datetime(1600, 1, 1) if unit != "ns" else datetime(1700, 1, 1), None]).cast(pa.timestamp(unit))
    rows = Rows.of(simple(ds=stamps), Schema())
    assert rows.stamps.dtype == "datetime64[us]"
    assert rows.order.tolist() == [1, 0]
    assert np.isnat(rows.stamps).tolist() == [True, False]
    assert rows.stamps[1] == np.datetime64("1700-01-01" if unit == "ns" else "1600-01-01")


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates(kind):
    rows = Rows.of(simple(ds=pa.array([date(2024, 2, 29), date(9999, 12, 31)], kind)), Schema())
    assert rows.stamps.tolist() == [datetime(2024, 2, 29), datetime(9999, 12, 31)]
    assert rows.zone is None


def test_zones_stand_beside_instants():
    stamps = pd.Series(pd.date_range("2024-07-01", periods=2, tz="Europe/Berlin"))
    rows = Rows.of(simple(ds=pa.array(stamps)), Schema())
    assert rows.zone == "Europe/Berlin"
    assert rows.stamps[0] == np.datetime64("2024-06-30T22:00")


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.uint16(), pa.int64()])
def test_integer_stamps(kind):
    rows = Rows.of(simple(ds=pa.array([5, 3], kind)), Schema())
    assert rows.stamps.dtype == np.int64
    assert rows.stamps.tolist() == [3, 5]


@pytest.mark.parametrize("kind", [pa.int16(), pa.float32(), pa.decimal128(9, 2), pa.uint64(), pa.null()])
def test_numeric_targets(kind):
    values = [None, None] if kind == pa.null() else [1, 2]
    assert np.array_equal(Rows.of(simple(y=pa.array(values, kind)), Schema()).target, np.array(values, float), equal_nan=True)


def test_booleans_are_numbers():
    assert Rows.of(simple(y=[True, False]), Schema()).target.tolist() == [1.0, 0.0]


def test_rows_of_the_future_have_no_target():
    assert np.isnan(Rows.of(simple().drop_columns("y"), Schema()).target).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": ["1", "2"]}, "'y' is the target, but holds string"),
        ({"ds": ["2024", "2025"]}, "'ds' should hold the stamps"),
        ({"unique_id": [[1], [2]]}, "'unique_id' tells series"),
    ],
)
def test_types_that_cannot_be(columns, message):
    with pytest.raises(DataError, match=message):
        Rows.of(simple(**columns), Schema())


def test_ids_keep_their_types():
    days = pa.array([date(2024, 1, 1), date(2024, 1, 2)])
    frame = simple(unique_id=pa.array([2, 1], pa.int32()), day=days, share=[0.5, float("nan")], flag=[True, False])
    rows = Rows.of(frame, Schema.of(series=["unique_id", "day", "share", "flag"]))
    assert [values.dtype.kind for values in rows.ids.values()] == ["i", "M", "f", "b"]
    assert rows.label(1) == "unique_id=2, day=2024-01-01, share=0.5, flag=True"


def test_unused_categories_are_no_series():
    column = pa.DictionaryArray.from_arrays(pa.array([2, 0], pa.int8()), ["b", "unused", "a"])
    rows = Rows.of(simple(unique_id=column), Schema())
    assert rows.ids["unique_id"].tolist() == ["a", "b"]


def test_a_lone_series_has_a_name():
    rows = Rows.of(simple(), Schema.of(series=[]))
    assert (len(rows), rows.label(0), dict(rows.ids)) == (1, "the only series", {})


def test_no_rows():
    rows = Rows.of(simple().slice(0, 0), Schema())
    assert (len(rows), rows.indptr.tolist(), rows.group_ptr.tolist()) == (0, [0], [0])


def test_more_keys_than_numbers():
    """Five columns of ten thousand values each: their product is beyond 64 bits."""
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.permutation(10_000) for i in range(5)}
    rows = Rows.of(pa.table(columns | {"ds": np.zeros(10_000, np.int64), "y": np.ones(10_000)}), Schema.of(series=list(columns)))
    assert rows.ids["c0"].tolist() == list(range(10_000))
    assert rows.ids["c4"].tolist() == columns["c4"][np.argsort(columns["c0"])].tolist()


def test_many_series_in_no_order():
    rng = np.random.default_rng(0)
    series, stamps = np.repeat(np.arange(70_000), 3), np.tile(np.arange(3), 70_000)
    mixed = rng.permutation(210_000)
    rows = Rows.of(pa.table({"unique_id": series[mixed], "ds": stamps[mixed], "y": mixed}), Schema())
    assert np.array_equal(rows.target, np.arange(210_000))
