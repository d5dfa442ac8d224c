"""The two ends: whatever comes goes in, and leaves as the kind that came."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from forecaster import Forecaster, frames
from forecaster.errors import DataError
from forecaster.frequency import Frequency
from forecaster.rows import Rows
from forecaster.schema import Schema

PANDAS = pd.DataFrame(
    {
        "unique_id": ["a", "a", "b"],
        "ds": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"]),
        "y": [1.0, np.nan, 3.0],
        "kind": pd.Categorical(["x", "x", "z"], categories=["w", "x", "z"]),
    }
)
ARROW = pa.table(PANDAS)

KINDS: dict[str, tuple[Any, type]] = {
    "pandas": (PANDAS, pd.DataFrame),
    "polars": (pl.from_pandas(PANDAS), pl.DataFrame),
    "lazy": (pl.from_pandas(PANDAS).lazy(), pl.LazyFrame),
    "arrow": (ARROW, pa.Table),
    "reader": (None, pa.Table),
    "batch": (ARROW.to_batches()[0], pa.Table),
    "dataset": (pa.dataset.dataset(ARROW), pa.Table),
    "duckdb": (None, duckdb.DuckDBPyRelation),
}


def data(kind: str) -> Any:
    made = {"reader": ARROW.to_reader, "duckdb": lambda: duckdb.from_arrow(ARROW)}
    return made[kind]() if kind in made else KINDS[kind][0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back(kind):
    table, came = frames.read(data(kind))
    assert table.column_names == ["unique_id", "ds", "y", "kind"]
    assert table["unique_id"].to_pylist() == ["a", "a", "b"]
    assert table["ds"].cast(pa.timestamp("us")).to_pylist() == [datetime(2024, 1, 1), datetime(2024, 1, 2), datetime(2024, 1, 1)]
    assert np.array_equal(np.array(table["y"].to_pylist(), float), [1.0, np.nan, 3.0], equal_nan=True)
    assert table["kind"].to_pylist() == ["x", "x", "z"]
    assert isinstance(frames.give(table, came), KINDS[kind][1])


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_columns_asked_for(kind):
    table, _ = frames.read(data(kind), columns=["y", "ds", "nowhere", "y"])
    assert table.column_names == ["y", "ds"]


def test_named_index_levels_are_columns():
    for frame in (PANDAS.set_index("unique_id"), PANDAS.set_index(["unique_id", "ds"]), PANDAS.set_index("ds")):
        table, _ = frames.read(frame)
        assert set(table.column_names) == set(PANDAS.columns)
        assert table["unique_id"].to_pylist() == ["a", "a", "b"]
    assert frames.read(PANDAS.set_index("y", drop=False))[0].column_names == ["unique_id", "ds", "y", "kind"]


# --- what cannot be held --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "1"], r"column 'x' mixes number \(1\) and str \('1'\).*astype\(str\)"),
        ([None, 2.5, "a"], r"mixes number \(2.5\) and str"),
        ([datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], r"mixes time without zone .* and time in zone UTC.*one time zone"),
        ([pd.Timestamp("2024", tz="Europe/Berlin"), pd.Timestamp("2024", tz="Asia/Tokyo")], r"zone Europe/Berlin.*zone Asia/Tokyo"),
        ([datetime(2024, 1, 1), "2024-01-02"], r"time without zone.*str"),
        ([True, 3], r"bool.*number"),
        ([object(), None], r"column 'x' cannot be read"),
        ([2**70, 1], r"column 'x' cannot be read"),
    ],
)
def test_mixed_columns_are_refused_by_name(values, message):
    with pytest.raises(DataError, match=message):
        frames.read(pd.DataFrame({"x": pd.Series(values, dtype=object)}))


def test_what_is_not_asked_for_cannot_hurt():
    frame = PANDAS.assign(odd=pd.Series([1, "1", object()], dtype=object))
    assert frames.read(frame, columns=["y"])[0].column_names == ["y"]


def test_objects_of_one_type_are_fine():
    values = {
        "text": ["a", None, float("nan")],
        "whole": [1, 2, None],
        "day": [date(2024, 1, 1), None, date(2024, 1, 2)],
        "when": [datetime(2024, 1, 1), pd.NaT, None],
    }
    table, _ = frames.read(pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in values.items()}))
    assert table["text"].to_pylist() == ["a", None, None]
    assert table["day"].type == pa.date32()
    assert pa.types.is_timestamp(table["when"].type)


def test_names_told_twice_are_refused():
    with pytest.raises(DataError, match=r"\['y'\] are there more than once"):
        frames.read(pd.concat([PANDAS, PANDAS[["y"]]], axis=1))
    with pytest.raises(DataError, match="more than once"):
        frames.read(pa.table([[1], [2]], names=["y", "y"]))


@pytest.mark.parametrize("thing", [None, 5, {"y": [1]}, [], [1, 2], PANDAS["y"], np.ones(3), pl.Series([1])])
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(DataError, match="expected a path, folder, glob"):
        frames.read(thing)


# --- files ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A flat folder, a hive folder, and CSV files of several kinds."""
    (tmp_path / "flat").mkdir()
    for i in range(3):
        pq.write_table(pa.table({"i": [i], "y": [float(i)]}), tmp_path / "flat" / f"part-{i}.parquet")
    (tmp_path / "flat" / "_SUCCESS").touch()
    (tmp_path / "flat" / "readme.md").write_text("hello")
    for store in ("CA_1", "TX_2"):
        (tmp_path / "hive" / f"store={store}").mkdir(parents=True)
        pq.write_table(pa.table({"y": [1, 2]}), tmp_path / "hive" / f"store={store}" / "0.parquet")
    (tmp_path / "one.csv").write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\n")
    (tmp_path / "two.csv").write_text("unique_id,ds,y\n7,2024-01-03,2.5\n")
    (tmp_path / "semi.csv").write_text("unique_id;ds;y\nb;2024-01-03;2.5\n")
    (tmp_path / "tabs.tsv").write_text("unique_id\tds\ty\nb\t2024-01-03\t2.5\n")
    return tmp_path


@pytest.mark.parametrize("path", ["flat", "flat/*.parquet", "flat/part-[0-2].parquet", "fl*", "**/part-*.parquet", "flat/", "./flat"])
def test_folders_and_globs(folder, path, monkeypatch):
    monkeypatch.chdir(folder)
    for place in (path, folder / path):
        table, kind = frames.read(place)
        assert sorted(table["i"].to_pylist()) == [0, 1, 2]
        assert isinstance(frames.give(table, kind), pd.DataFrame)


def test_lists_of_paths_keep_their_order(folder):
    table, _ = frames.read([folder / "flat" / "part-2.parquet", str(folder / "flat" / "part-0.parquet")])
    assert table["i"].to_pylist() == [2, 0]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.int64()], ids=str)
def test_a_key_of_hive_folders_may_be_a_column_of_the_files_too(tmp_path, kind):
    for store in ("1", "2"):
        (tmp_path / f"store={store}").mkdir()
        column = pa.array([store, store]).cast(pa.int64() if pa.types.is_integer(kind) else pa.string())
        column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
        pq.write_table(pa.table({"y": [1, 2], "store": column}), tmp_path / f"store={store}" / "0.parquet")
    table, _ = frames.read(tmp_path)
    assert table["store"].to_pylist() == ([1, 1, 2, 2] if pa.types.is_integer(kind) else ["1", "1", "2", "2"])


@pytest.mark.parametrize("path", ["hive", "hive/*", "hive/*/*.parquet", "hive/store=*"])
def test_hive_folders_have_their_keys_as_columns(folder, path):
    table, _ = frames.read(folder / path)
    assert table["store"].to_pylist() == ["CA_1", "CA_1", "TX_2", "TX_2"]
    assert table["y"].to_pylist() == [1, 2, 1, 2]
    assert frames.read(folder / path, columns=["store"])[0].column_names == ["store"]


def test_csv_files_agree_on_types(folder):
    table, _ = frames.read([folder / "one.csv", folder / "two.csv"])
    assert table["unique_id"].to_pylist() == ["a", "a", "7"]
    assert table["y"].to_pylist() == [1.0, 2.0, 2.5]
    assert pa.types.is_temporal(table["ds"].type)


@pytest.mark.parametrize("name", ["semi.csv", "tabs.tsv"])
def test_delimiters_are_seen(folder, name):
    assert frames.read(folder / name)[0].to_pylist() == [{"unique_id": "b", "ds": date(2024, 1, 3), "y": 2.5}]


@pytest.mark.parametrize(("late", "kind"), [("2.5", pa.float64()), ("A7", pa.string())])
def test_a_type_that_shows_late_in_a_csv_file(tmp_path, late, kind):
    rows = [f"{i % 7}," + "x" * 20 for i in range(100_000)]  # more than the first block, from which Arrow guesses the types
    (tmp_path / "long.csv").write_text("\n".join(["key,text", *rows, f"{late},end"]) + "\n")
    table, _ = frames.read(tmp_path / "long.csv")
    assert table["key"].type == kind
    assert table.num_rows == 100_001


def test_compressed_csv(tmp_path):
    pd.DataFrame({"y": [1, 2]}).to_csv(tmp_path / "y.csv.gz", index=False)
    assert frames.read(tmp_path / "y.csv.gz")[0]["y"].to_pylist() == [1, 2]


def test_files_of_different_whole_and_broken_numbers(tmp_path):
    pq.write_table(pa.table({"y": pa.array([1], pa.int32())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"y": [2.5], "more": ["x"]}), tmp_path / "b.parquet")
    table, _ = frames.read(tmp_path)
    assert table.to_pydict() == {"y": [1.0, 2.5], "more": [None, "x"]}


@pytest.mark.parametrize("path", ["nowhere.csv", "nowhere/", "nowhere/*.parquet", "flat/*.csv", "nowhere/../one.parquet"])
def test_missing_files_are_named(folder, path):
    with pytest.raises(DataError, match="no CSV or Parquet file at .*" + path.replace("*", r"\*").rstrip("/")):
        frames.read(folder / path)


def test_foreign_and_broken_files_are_named(folder):
    with pytest.raises(DataError, match=r"readme.md.*neither CSV nor Parquet"):
        frames.read(folder / "flat" / "readme.md")
    (folder / "broken.parquet").write_text("PAR1 nothing")
    with pytest.raises(DataError, match=r"broken.parquet.*cannot be read"):
        frames.read(folder / "broken.parquet")
    (folder / "latin.csv").write_bytes("id,y\nä,1\n".encode("latin1"))
    with pytest.raises(DataError, match=r"latin.csv.*\['id'\] hold texts that are not UTF-8"):
        frames.read(folder / "latin.csv")
    with pytest.raises(DataError, match="cannot be opened"):
        frames.read("nowhere://x/y.parquet")


# --- stamps leave as they came --------------------------------------------------------------------------------------------


STAMPS = {
    "ns": pa.array([0, 1], pa.timestamp("ns")),
    "us": pa.array([0, 1], pa.timestamp("us")),
    "ms zoned": pa.array([0, 1], pa.timestamp("ms", "Europe/Berlin")),
    "date32": pa.array([0, 1], pa.date32()),
    "int32": pa.array([0, 1], pa.int32()),
    "uint16": pa.array([0, 1], pa.uint16()),
}


@pytest.mark.parametrize("name", STAMPS)
def test_stamps_leave_in_the_type_that_came(name):
    came = pa.table({"unique_id": pa.array(["a", "b"]).dictionary_encode(), "ds": STAMPS[name], "y": pa.array([1, 2], pa.int16())})
    _, kind = frames.read(came)
    zone = getattr(came["ds"].type, "tz", None)
    frequency = Frequency.parse(1 if pa.types.is_integer(came["ds"].type) else "D", zone)
    ids = {"unique_id": np.array(["a", "b"], object)}
    ahead = frames.long(ids, frequency, np.array([3, 5]), 2, {"forecast": np.ones((2, 2)), "y": np.full((2, 2), 1.5)}, "ds")
    given = frames.give(ahead, kind)
    assert given["ds"].type == came["ds"].type
    assert given["unique_id"].type == came["unique_id"].type
    assert given["y"].to_pylist() == [1.5] * 4


def test_long_is_series_after_series():
    table = frames.long(
        {"id": np.array([7, 9])},
        Frequency.parse("MS"),
        np.array([0, 2]),
        2,
        {"forecast": np.array([[1.0, 2.0], [3.0, np.nan]])},
        "ds",
    )
    assert table["id"].to_pylist() == [7, 7, 9, 9]
    assert [str(stamp.date()) for stamp in table["ds"].to_pylist()] == ["1970-01-01", "1970-02-01", "1970-03-01", "1970-04-01"]
    assert table["forecast"].to_pylist()[:3] == [1.0, 2.0, 3.0]


def test_long_of_one_series_without_ids():
    table = frames.long({}, Frequency.parse(2), np.array([0]), 3, {"forecast": np.ones((1, 3))}, "t")
    assert table.to_pydict() == {"t": [0, 2, 4], "forecast": [1.0, 1.0, 1.0]}


@pytest.mark.parametrize("frequency", [Frequency.parse(2), Frequency.parse("MS"), Frequency.parse("D", "Europe/Berlin")])
@pytest.mark.parametrize("start", [[5, 5, 5, 6, 6, 5], [5], [7, 6, 5], []])
@pytest.mark.parametrize("steps", [0, 1, 20])
def test_long_goes_on_from_each_start(frequency, start, steps):
    start = np.array(start, np.int64)
    table = frames.long({}, frequency, start, steps, {"forecast": np.ones((len(start), steps))}, "ds")
    table.validate(full=True)
    assert table["ds"].combine_chunks().equals(frames.moments(frequency, (start[:, None] + np.arange(steps)).reshape(-1)))


def test_local_midnights_leave_as_local_midnights():
    days = pd.date_range("2024-03-29", periods=5, freq="D", tz="Europe/Berlin")
    table, kind = frames.read(pd.DataFrame({"ds": days, "y": 1.0}))
    frequency = Frequency.parse("D", table["ds"].type.tz)
    steps, _ = frequency.steps(table["ds"].cast(pa.timestamp("us")).to_numpy())
    ahead = frames.give(frames.long({}, frequency, steps[:1] + 5, 5, {"forecast": np.ones((1, 5))}, "ds"), kind)
    assert ahead["ds"].tolist() == (days + pd.DateOffset(days=5)).tolist()
    assert str(ahead["ds"].dt.tz) == "Europe/Berlin"


def test_polars_keeps_its_types():
    frame = pl.DataFrame({"id": ["a", "b"], "ds": [date(2024, 1, 1), date(2024, 1, 2)]}).with_columns(pl.col("id").cast(pl.Categorical))
    table, kind = frames.read(frame)
    again = frames.give(table, kind)
    assert again.equals(frame)
    assert again.schema == frame.schema


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["b", "a"]), pl.String])
def test_ids_of_polars_are_ids(kind):
    frame = pl.DataFrame({"unique_id": ["b", "a", "a"], "ds": [1, 1, 2], "y": [1.0, 2.0, 3.0]}).with_columns(pl.col("unique_id").cast(kind))
    table, came = frames.read(frame)
    rows = Rows.of(table, Schema())
    assert rows.ids["unique_id"].tolist() == ["a", "b"]
    assert frames.give(table, came).equals(frame)


def test_texts_of_any_arrow_type_are_read():
    table, _ = frames.read(pa.table({"view": pa.array(["a"], pa.string_view()), "large": pa.array(["a"], pa.large_string())}))
    assert table["view"].type == pa.string()
    assert table["large"].to_pylist() == ["a"]


def test_periods_are_stamps():
    table, _ = frames.read(pd.DataFrame({"ds": pd.period_range("2024-01", periods=2, freq="M"), "y": [1, 2]}))
    assert [str(stamp.date()) for stamp in table["ds"].to_pylist()] == ["2024-01-01", "2024-02-01"]


# --- odd columns of odd frames --------------------------------------------------------------------------------------------


def test_unnamed_levels_have_the_names_that_pandas_gives_them():
    assert frames.read(PANDAS.set_index("ds").rename_axis(None))[0].column_names[0] == "index"
    assert frames.read(PANDAS.set_index(["unique_id", "ds"]).rename_axis([None, "ds"]))[0].column_names[:2] == ["level_0", "ds"]
    assert frames.read(PANDAS[PANDAS.y > 2])[0].column_names == list(PANDAS.columns)


@pytest.mark.parametrize("first", [date(2024, 1, 1), pd.Timestamp("2024-01-01"), None, pd.NaT])
def test_dates_beside_times_keep_the_clock(first):
    values = pd.Series([first, date(2024, 1, 2), datetime(2024, 1, 3, 13, 5), None], dtype=object)
    came = frames.read(pd.DataFrame({"ds": values}))[0]["ds"].cast(pa.timestamp("us")).to_pylist()
    assert came == [None if first in (None, pd.NaT) else datetime(2024, 1, 1), datetime(2024, 1, 2), datetime(2024, 1, 3, 13, 5), None]


def test_dates_beside_times_of_a_zone_are_refused():
    with pytest.raises(DataError, match=r"mixes time without zone .* and time in zone UTC"):
        frames.read(pd.DataFrame({"ds": pd.Series([date(2024, 1, 2), datetime(2024, 1, 3, tzinfo=UTC)], dtype=object)}))


@pytest.mark.parametrize(
    "column",
    [
        pd.arrays.SparseArray([1.0, 2.0, 2.0]),
        pd.Categorical([1.0, 2.0, 2.0]),
        pa.array([1.0, 2.0, 2.0]).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays([1, 3], [1.0, 2.0]),
    ],
)
def test_numbers_in_any_wrapping_are_numbers(column):
    frame = pa.table({"y": column}) if isinstance(column, pa.Array) else pd.DataFrame({"y": column})
    assert frames.read(frame)[0]["y"].type == pa.float64()
    assert frames.read(frame)[0]["y"].to_pylist() == [1, 2, 2]


def test_extensions_are_what_they_are_stored_as():
    assert frames.read(pa.table({"id": pa.array([b"0123456789abcdef"], pa.uuid())}))[0]["id"].type == pa.binary(16)


def test_bins_of_pandas_do_not_stop_a_frame_from_being_read():
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0, None]})
    frame["bin"] = pd.cut(frame["y"], [0, 1, 2, 3])
    table, _ = frames.read(frame)
    assert table["y"].null_count == 1
    assert table["bin"].to_pylist() == [*({"left": i, "right": i + 1} for i in range(3)), None]


def test_what_arrow_cannot_hold_is_refused_or_left_out():
    frame = pl.DataFrame({"y": [1.0], "x": [1]}).with_columns(pl.col("x").cast(pl.Int128))
    with pytest.raises(DataError, match=r"cannot be read as Arrow: .*convert or drop others"):
        frames.read(frame)
    assert frames.read(frame, columns=["y"])[0].to_pydict() == {"y": [1.0]}


def test_a_column_that_cannot_be_held_may_wait_until_it_is_needed():
    frame = PANDAS.assign(odd=pd.Series([1, "1", object()], dtype=object))
    table, _ = frames.read(frame, defer=True)
    assert table["y"].to_pylist()[0] == 1.0
    frames.readable(table, ["y", "ds"])
    with pytest.raises(DataError, match=r"column 'odd' mixes number \(1\) and str"):
        frames.readable(table, ["y", "odd"])


def test_what_is_missing_may_be_looked_for_later():
    frame = pd.DataFrame({"x": [1.0, np.nan], "t": pd.to_datetime(["2024-01-01", None]), "whole": [1.0, 2.0]})
    now, later = (frames.read(frame, defer=defer)[0] for defer in (False, True))
    assert [now[name].null_count for name in frame] == [1, 1, 0]
    assert [later[name].null_count for name in frame] == [0, 0, 0]
    assert frames.seen(later, ["t"])["t"].equals(now["t"])
    assert frames.seen(later, frame.columns).equals(now, check_metadata=True)
    assert frames.seen(now, frame.columns) is now


# --- odd files ------------------------------------------------------------------------------------------------------------


def test_codes_keep_their_zeros(tmp_path):
    (tmp_path / "a.csv").write_text("id,y\n007,10\n010,9\n")
    assert frames.read(tmp_path / "a.csv")[0].to_pydict() == {"id": ["007", "010"], "y": [10, 9]}
    (tmp_path / "b.csv").write_text("id,y\n007,05\n10,9\n")  # not of one length: numbers
    assert frames.read(tmp_path / "b.csv")[0].to_pydict() == {"id": [7, 10], "y": [5, 9]}


def test_codes_in_folder_names_keep_their_zeros(tmp_path):
    for store in ("01", "10"):
        (tmp_path / f"store={store}").mkdir()
        pq.write_table(pa.table({"y": [1]}), tmp_path / f"store={store}" / "0.parquet")
    assert frames.read(tmp_path)[0]["store"].to_pylist() == ["01", "10"]


def test_decimal_commas(tmp_path):
    (tmp_path / "a.csv").write_text("id;y\na;1,5\nb;-2,25\n")
    assert frames.read(tmp_path / "a.csv")[0]["y"].to_pylist() == [1.5, -2.25]
    (tmp_path / "b.csv").write_text("id;y\na,b;1.5\nb;2.25\n")
    assert frames.read(tmp_path / "b.csv")[0]["y"].to_pylist() == [1.5, 2.25]


def test_utf_16_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("id,y\na,1\n", encoding="utf-16")
    with pytest.raises(DataError, match=r"a.csv' is in UTF-16.*save the file as UTF-8"):
        frames.read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (pa.array([0], pa.date32()), pa.array([86_400], pa.timestamp("s")), [datetime(1970, 1, 1), datetime(1970, 1, 2)]),
        (pa.array(["a"]), pa.array(["b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), ["a", "b"]),
    ],
)
def test_files_that_hold_the_same_in_other_types(tmp_path, one, other, together):
    pq.write_table(pa.table({"x": one}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": other}), tmp_path / "b.parquet")
    assert frames.read(tmp_path)[0]["x"].to_pylist() == together


def test_files_that_do_not_hold_the_same_are_refused(tmp_path):
    pq.write_table(pa.table({"x": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"a.parquet.*column 'x' is string and int64 in different files; expected one type"):
        frames.read(tmp_path)


def test_csv_beside_parquet(tmp_path):
    pq.write_table(pa.table({"id": ["a"], "ds": pa.array([0], pa.timestamp("us")), "y": [1.5]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("id,ds,y\n7,1970-01-02,2\n")
    table, kind = frames.read(tmp_path)
    assert table["id"].to_pylist() == ["a", "7"]
    assert table["ds"].to_pylist() == [datetime(1970, 1, 1), datetime(1970, 1, 2)]
    assert table["y"].to_pylist() == [1.5, 2.0]
    assert str(frames.give(table, kind).ds.dtype) == "datetime64[us]"


def test_dates_of_a_file_leave_as_stamps(folder):
    table, kind = frames.read(folder / "one.csv")
    assert str(frames.give(table, kind).ds.dtype) == "datetime64[us]"


@pytest.mark.engines
def test_a_frame_of_spark_is_read_and_given_back() -> None:
    sql = pytest.importorskip("pyspark.sql")
    session = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        rows = pd.DataFrame(
            {"unique_id": ["a", "b"] * 30, "ds": pd.date_range("2024-01-01", periods=30).repeat(2).date, "y": np.arange(60.0)}
        )
        data = session.createDataFrame(rows.assign(note="not asked for"))
        table, kind = frames.read(data, ["unique_id", "ds", "y"])
        assert (table.column_names, table.num_rows, kind.name) == (["unique_id", "ds", "y"], 60, "spark")
        job = Forecaster(3, drop=["note"], learners=["naive"], n_jobs=1)
        made = job.fit(data).predict()
        assert isinstance(made, type(data))
        assert [row["forecast"] for row in made.filter(made.unique_id == "b").collect()] == [59.0] * 3
    finally:
        session.stop()
    assert isinstance(job.predict(), pa.Table)


@pytest.mark.parametrize("fresh", [False, True])
def test_frames_of_pandas_are_those_that_arrow_makes(fresh):
    table = pa.table(
        {
            "text": pa.array(["a", "b"]),
            "category": pa.array(["x", "y"]).dictionary_encode(),
            "stamp": pa.array(np.array(["2024-01-01", "2024-01-02"], "M8[us]")),
            "zoned": pa.array(np.array(["2024-01-01", "2024-01-02"], "M8[us]")).cast(pa.timestamp("us", "Europe/Berlin")),
            "day": pa.array([1, 2], pa.date32()),
            "float": np.array([1.0, np.nan]),
            "single": np.array([1, 2], np.float32),
            "gap": pa.array([1.0, None]),
            "whole": np.array([1, 2], np.int8),
            "some": pa.array([1, None]),
            "flag": pa.array([True, False]),
            "chunks": pa.chunked_array([[1], [2]]),
            "list": pa.array([[1], [2, 3]]),
        }
    )
    made, other = (frames.give(table, frames.FrameKind(), fresh=fresh) for _ in range(2))
    pd.testing.assert_frame_equal(made, table.to_pandas())
    made.columns.name = "changed"
    made["float"] = 7.0
    pd.testing.assert_frame_equal(other, table.to_pandas())


def test_only_the_numbers_of_a_fresh_table_are_shared():
    values = np.arange(3.0)
    for fresh in (False, True):
        made = frames.give(pa.table({"y": values}), frames.FrameKind(), fresh=fresh)
        assert np.shares_memory(made["y"].to_numpy(), values) == fresh
        made.loc[0, "y"] = 5.0
    part = frames.give(pa.table({"y": values}).slice(1), frames.FrameKind(), fresh=True)
    assert part["y"].tolist() == [1.0, 2.0]


def test_what_was_the_index_is_the_index_again():
    frame = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="id"))
    pd.testing.assert_frame_equal(frames.give(pa.Table.from_pandas(frame), frames.FrameKind()), frame)


@pytest.mark.parametrize("ids", [["a", "b"], ["", "b\u00e4"], [None, "b"], [1, 2]])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_long_repeats_ids(ids, n):
    values = pa.array(ids).to_numpy(zero_copy_only=False)
    table = frames.long({"id": values}, Frequency.parse(1), n * np.arange(2), n, {}, "t")
    assert table["id"].to_pylist() == [one for one in values.tolist() for _ in range(n)]
    table.validate(full=True)
