"""Whatever holds the rows, the groups and what comes out of them are the same."""

from __future__ import annotations

import os
import string
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from faulty import Settings
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs
from small_runs import PATHS, by_store, stores, task

from forecaster import Forecaster, threads
from forecaster.errors import DataError, SettingsError, UnknownName
from many_models import ManyModels, Run, hashing, keys, pipeline
from many_models.blocks import Block, costs, pack, split
from many_models.evaluation import NothingYet
from many_models.how import How
from many_models.partition import partition
from many_models.source import source
from many_models.task import Task
from many_models.worker import read_files

Train = Callable[..., Run]


def one_file_each(data: pa.Table, folder: Path) -> Path:
    by_store = ds.partitioning(pa.schema([("store", pa.string())]), flavor="hive")
    ds.write_dataset(data, folder, format="parquet", partitioning=by_store, existing_data_behavior="overwrite_or_ignore")
    return folder


def one_file(data: pa.Table, folder: Path) -> Path:
    pq.write_table(data, folder / "data.parquet", row_group_size=5000)
    return folder / "data.parquet"


def shuffled(data: pa.Table, folder: Path) -> Path:
    return one_file(data.take(pa.array(np.random.default_rng(0).permutation(data.num_rows))), folder)


def csv(data: pa.Table, folder: Path) -> Path:
    pa_csv.write_csv(data, folder / "data.csv")
    return folder / "data.csv"


@pytest.mark.parametrize("write", [one_file_each, one_file, shuffled, csv])
def test_files_give_what_frames_give(trained: Train, tmp_path: Path, write: Callable[[pa.Table, Path], Path]) -> None:
    data = stores(8)
    (tmp_path / "files").mkdir()
    expected = trained(data, folder="frame").forecast()
    run = trained(write(data, tmp_path / "files"), folder="files-run")
    made = run.forecast()
    assert isinstance(made, pd.DataFrame)
    assert made["store"].tolist() == expected["store"].to_pylist()
    assert made["day"].tolist() == expected["day"].to_pylist()
    np.testing.assert_allclose(made["forecast"], expected["forecast"].to_numpy(), rtol=1e-12)
    assert set(by_store(run).values()) == {"done"}


def test_a_file_per_store_is_read_in_place(trained: Train, tmp_path: Path) -> None:
    run = trained(one_file_each(stores(5), tmp_path / "files"))
    assert not (run.path / "data").exists()


def test_files_with_few_groups_per_row_group_are_read_in_place(trained: Train, tmp_path: Path) -> None:
    data = stores(60, 1000)
    pq.write_table(data, tmp_path / "sorted.parquet", row_group_size=6000)
    assert not (trained(tmp_path / "sorted.parquet").path / "data").exists()
    scattered = data.take(pa.array(np.random.default_rng(0).permutation(data.num_rows)))
    pq.write_table(scattered, tmp_path / "scattered.parquet", row_group_size=6000)
    assert (trained(tmp_path / "scattered.parquet", folder="other").path / "data").exists()


def test_a_worker_reads_its_own_row_groups_only(tmp_path: Path) -> None:
    data, file = stores(6, 1000), tmp_path / "data.parquet"
    pq.write_table(data, file, row_group_size=1000, use_dictionary=["store"])
    where = pq.ParquetFile(file).metadata.row_group(4).column(2)
    with file.open("r+b") as opened:  # the values of s004 cannot be read any more
        opened.seek(where.data_page_offset)
        opened.write(b"\xff" * 40)
    for store in ("s003", "s005"):
        rows = read_files([str(file)], data.column_names, pa.table({"store": [store]}))
        assert rows.equals(data.filter(pc.equal(data["store"], store)))
    with pytest.raises((OSError, pa.ArrowException)):
        read_files([str(file)], data.column_names, pa.table({"store": ["s004"]}))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, fs.FileSystem]]:
    """A bucket of an object store on this machine: its address with {} for a path, and what opens it."""
    from moto.server import ThreadedMotoServer

    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    where = {"endpoint_override": f"{host}:{port}", "scheme": "http", "region": "us-east-1"}
    system = fs.S3FileSystem(**where, allow_bucket_creation=True)
    system.create_dir("bucket")
    yield f"s3://bucket/{{}}?endpoint_override={host}%3A{port}&scheme=http&region=us-east-1", system
    server.stop()


def test_workers_read_an_object_store_in_place(trained: Train, tmp_path: Path, bucket: tuple[str, fs.FileSystem], log: Path) -> None:
    address, system = bucket
    data = stores(names=["a b", "c%20", "d?", "e"])
    hive = ds.partitioning(pa.schema([("store", pa.string())]), flavor="hive")
    ds.write_dataset(data, "bucket/sales", filesystem=system, format="parquet", partitioning=hive)
    run = trained(address.format("sales"), options={"faults": {"e": "sick"}})
    assert not (run.path / "data").exists()
    assert run.forecast()["forecast"].tolist()[:6] == pytest.approx(trained(data, folder="frame").forecast()["forecast"].to_pylist()[:6])
    (log / "cured").touch()
    run.retry_failed(workers=1, progress=False)
    assert set(by_store(run).values()) == {"done"}
    assert set(by_store(trained(address.format("sales/*/part-0.parquet"), folder="glob"))) == set(data["store"].to_pylist())


def test_what_only_this_process_can_read_is_cut_into_blocks_first(trained: Train) -> None:
    with fsspec.filesystem("memory").open("/data/sales.parquet", "wb") as file:
        pq.write_table(stores(4), file)
    run = trained("memory://data/sales.parquet")
    assert set(by_store(run).values()) == {"done"}
    assert (run.path / "data").exists()


def test_a_data_set_of_pyarrow_is_read_from_its_own_file_system(trained: Train, tmp_path: Path) -> None:
    pq.write_table(stores(4), tmp_path / "sales.parquet", row_group_size=3000)
    system = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    run = trained(ds.dataset("sales.parquet", filesystem=system))
    assert isinstance(run.forecast(), pa.Table)
    assert run.forecast().equals(trained(stores(4), folder="frame").forecast())


def test_an_address_with_a_password_is_refused(trained: Train) -> None:
    with pytest.raises(SettingsError, match=r"s3://\.\.\.@bucket/sales holds a password.*AWS_SECRET_ACCESS_KEY") as told:
        trained("s3://me:secret@bucket/sales")
    assert "secret@" not in str(told.value)


@pytest.mark.parametrize("path", ["s3://bucket/run", Path("gs://bucket/run"), "memory://run"])
def test_a_run_lies_where_there_are_locks_and_renames(trained: Train, tmp_path: Path, path: str) -> None:
    told = "local or mounted file system.*Only data, future and actuals"
    with pytest.raises(SettingsError, match=told):
        ManyModels(task()).train(stores(2), path)
    with pytest.raises(SettingsError, match=told):
        Run.open(path)
    with pytest.raises(SettingsError, match=told):
        trained(stores(2)).forecast(out=path)
    with pytest.raises(SettingsError, match=told):
        trained(stores(2)).report(path)


def test_a_file_that_changes_while_the_run_goes_on_is_noticed(trained: Train, tmp_path: Path, log: Path) -> None:
    files = one_file_each(stores(2, 30_000), tmp_path / "files")
    run = trained(files, options={"faults": {"s001": "sick"}})
    (log / "cured").touch()
    one_file_each(stores(2, 30_000, seed=1), tmp_path / "files")
    run.retry_failed(workers=1, progress=False)
    assert by_store(run) == {"s000": "done", "s001": "failed"}
    assert "changed" in by_store(run, "error")["s001"]
    assert set(by_store(trained(files)).values()) == {"done"}


def test_files_of_other_types_are_read_together_or_refused(trained: Train, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    first, second = stores(names=["a", "b"]), stores(names=["c", "d"])
    pq.write_table(first, tmp_path / "files" / "1.parquet")
    pq.write_table(second.set_column(1, "day", second["day"].cast(pa.int32())), tmp_path / "files" / "2.parquet")
    assert list(by_store(trained(tmp_path / "files"))) == ["a", "b", "c", "d"]
    pq.write_table(second.set_column(0, "store", pa.array(np.repeat([1, 2], 4000))), tmp_path / "files" / "2.parquet")
    with pytest.raises(DataError, match="'store' is string and int64 in different files"):
        trained(tmp_path / "files", folder="other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_stamps_of_any_unit_are_the_same_rows_once_they_are_written(unit: str) -> None:
    column = pa.array([1, None, -5], pa.timestamp(unit, "UTC"))
    data = pa.table({"t": column, "d": pa.array([1, 2, None], pa.date32()), "l": [[1], None, [2, 3]]})
    sink = pa.BufferOutputStream()
    pq.write_table(data, sink)
    assert (hashing.row_hashes(pq.read_table(sink.getvalue())) == hashing.row_hashes(data)).all()


def test_a_folder_of_forecasts_holds_those_of_the_last_call_only(trained: Train, tmp_path: Path) -> None:
    trained(stores(12), folder="a").forecast(out=tmp_path / "out")
    run = trained(stores(2), folder="b")
    assert pq.read_table(run.forecast(out=tmp_path / "out")).num_rows == 4
    with pytest.raises(SettingsError, match=r"out\.xlsx"):
        run.forecast(out=tmp_path / "out.xlsx")


@pytest.mark.parametrize("name", [".git", "part-timers.csv", "thesis.txt"])
def test_a_folder_that_holds_anything_else_is_never_replaced(trained: Train, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    run = trained(stores(2))
    run.forecast(out=out)
    (out / name).mkdir()
    with pytest.raises(SettingsError, match=f"holds '{name}', which is no forecast"):
        run.forecast(out=out)
    assert (out / name).is_dir()


@pytest.mark.parametrize("out", [".", "../here", ".."])
def test_the_folder_that_one_works_in_is_never_replaced(trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    run = trained(stores(2), folder="far/run")
    here = tmp_path / "near" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    with pytest.raises(SettingsError, match=r"this process works in|holds 'here'"):
        pipeline.forecast(run, out)
    assert list(here.iterdir()) == []


def test_a_file_is_never_replaced_by_a_folder(trained: Train, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SettingsError, match=r"out' is a file"):
        trained(stores(2)).forecast(out=tmp_path / "out")


def test_the_place_of_a_run_is_no_column_of_its_data(trained: Train) -> None:
    assert by_store(trained(stores(2), folder="store=x/day=1")) == {"s000": "done", "s001": "done"}


def test_what_was_cut_out_is_removed_once_it_is_used(trained: Train) -> None:
    assert not list((trained(stores(5)).path / "data").iterdir())


def test_the_frame_that_came_is_the_frame_that_goes(trained: Train) -> None:
    data = stores(3)
    assert isinstance(trained(pl.from_arrow(data), folder="a").outcomes(), pl.DataFrame)
    assert isinstance(trained(data.to_pandas(), folder="b").forecast(), pd.DataFrame)
    assert isinstance(Run.open(trained(data, folder="c").path).forecast(), pa.Table)


HOSTILE = [
    "a/b",
    "..",
    "../../etc/passwd",
    "",
    " ",
    "\n\t\x07",
    "x" * 10_000,
    "ünïcødé \U0001f37a",
    "a=b",
    ".part-x",
    "CON",
    "%2e%2e",
    "'; DROP",
    "\x1b[31m",
]


def test_hostile_names_are_never_paths(trained: Train, tmp_path: Path) -> None:
    before = set(tmp_path.parent.iterdir())
    run = trained(stores(names=HOSTILE, days=1000), options={"faults": {"../../etc/passwd": "raise"}})
    assert set(by_store(run)) == set(HOSTILE)
    assert by_store(run)["../../etc/passwd"] == "failed"
    assert set(run.forecast()["store"].to_pylist()) == set(HOSTILE)
    names = [part for path in run.path.rglob("*") for part in path.relative_to(run.path).parts]
    assert all(set(name) <= set(string.ascii_letters + string.digits + "-._") and len(name) < 60 for name in names)
    assert set(tmp_path.parent.iterdir()) == before


def test_missing_keys_are_one_failed_group(trained: Train) -> None:
    data = stores(names=["a", "b"])
    data = pa.concat_tables([data, data.slice(0, 3).set_column(0, "store", pa.nulls(3, pa.string()))])
    told = by_store(trained(data))
    assert told == {"a": "done", "b": "done", None: "failed"}


def test_categories_and_numbers_can_be_keys(trained: Train) -> None:
    frame = stores(3).to_pandas()
    frame["store"] = frame["store"].astype("category").cat.add_categories(["never"])
    assert trained(frame, folder="a").outcomes()["store"].tolist() == ["s000", "s001", "s002"]
    frame["store"] = frame["store"].cat.codes.astype("int16")
    assert trained(frame, folder="b").outcomes()["store"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "name",
    ["status", "rows", "block", "moved", "files", "first", "second", "members", "trial", "actual", "prediction", "mae", "from", "rule"],
)
def test_columns_of_a_run_are_no_partition_columns(name: str) -> None:
    with pytest.raises(SettingsError, match=f"'{name}'.*rename it in the data"):
        Task(Settings(), (name,))


def test_quantiles_are_no_partition_columns() -> None:
    with pytest.raises(SettingsError, match=r"'q0\.9'.*rename it in the data"):
        Task(Forecaster(3, static=["q0.9"]).settings, ("q0.9",))


@pytest.mark.parametrize("update", [None, "state"])
def test_keys_of_another_type_are_refused_before_anything_is_done(trained: Train, update: str | None) -> None:
    numbers = stores(2).set_column(0, "store", pa.array(np.repeat([0, 1], 4000)))
    run = trained(stores(2))
    with pytest.raises(SettingsError, match=r"'store' of the data is int64, and was string.*resume=False"):
        trained(numbers, update=update)
    assert by_store(run) == {"s000": "done", "s001": "done"}
    assert by_store(trained(numbers, resume=False)) == {0: "done", 1: "done"}
    assert by_store(trained(numbers.set_column(0, "store", numbers["store"].cast(pa.int16())))) == {0: "done", 1: "done"}


def test_a_series_may_not_lie_in_two_groups(tmp_path: Path) -> None:
    data = stores(2).append_column("region", pa.array(np.tile(["north", "south"], 4000)))
    job = ManyModels(Task(Settings(), ("region",), **PATHS))
    with pytest.raises(DataError, match=r"2 series lie in more than one group.*store=s000.*region=north and region=south"):
        job.train(data, tmp_path / "run", progress=False)


def test_groups_that_are_no_series_column(trained: Train, tmp_path: Path) -> None:
    data = stores(6).append_column("region", pa.array(np.repeat(["n", "n", "s", "s", "w", "w"], 4000)))
    run = ManyModels(Task(Settings(), ("region",), **PATHS)).train(data, tmp_path / "run", workers=2, progress=False)
    assert run.outcomes()["region"].to_pylist() == ["n", "s", "w"]
    assert run.forecast()["region"].to_pylist() == ["n", "n", "s", "s", "w", "w"]


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ({"deadline": "at five"}, SettingsError, "deadline should be like '10min' or 600"),
        ({"workers": 0}, SettingsError, "workers"),
        ({"time_limit_per_group": "soon"}, SettingsError, "'5min' or 300"),
        ({"memory_limit": "much"}, SettingsError, "memory_limit"),
        ({"engine": "lokal"}, UnknownName, "'local'"),
    ],
)
def test_options_that_cannot_be_meant(trained: Train, how: dict[str, object], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        trained(**how)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "9900000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu.max": "what?"}, 8),
    ],
)
def test_there_are_no_more_workers_than_the_container_is_granted_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert How.of("local", None, None, None, False).workers == cores


def test_columns_that_are_not_there(trained: Train) -> None:
    with pytest.raises(UnknownName, match="'store'"):
        trained(stores(2).rename_columns(["stores", "day", "y"]))
    with pytest.raises(SettingsError, match="partition_by is empty"):
        Task(Settings(), ())
    with pytest.raises(SettingsError, match="status"):
        Task(Settings(), ("status",))
    with pytest.raises(SettingsError, match="expected a Forecaster"):
        ManyModels("job", ["store"])
    with pytest.raises(DataError, match="no rows"):
        trained(stores(2).slice(0, 0))


def test_a_run_of_plain_options_can_be_opened_and_used_anywhere(trained: Train) -> None:
    run = Run.open(trained(stores(3)).path)
    assert run.task == task(log=run.settings.log)
    assert run.settings.horizon == 2
    assert run.partition_by == ("store",)
    assert run.forecast(horizon=5).num_rows == 15


def test_a_future_is_sent_to_the_models_that_need_it(trained: Train, tmp_path: Path) -> None:
    run = trained(stores(6))
    future = pa.table({"store": [f"s{i:03}" for i in range(6)], "price": [float(i) for i in range(6)]})
    base = run.forecast()
    made = run.forecast(future, workers=2)
    assert made.num_rows == base.num_rows
    assert not (set(run.path.iterdir()) & set(run.path.glob(".forecast*")))
    out = run.forecast(future, tmp_path / "out", workers=1)
    assert out == tmp_path / "out"
    assert pq.read_table(out).num_rows == 12
    assert pq.read_table(run.forecast(out=tmp_path / "one.parquet")).replace_schema_metadata(None).equals(base)


def test_past_forecasts_are_compared_with_what_came_true(trained: Train) -> None:
    run = trained(stores(4))
    actuals = pa.table({"store": ["s000", "s000", "s001"], "day": [4000, 4001, 4000], "y": [1.0, 0.0, 0.5]})
    accuracy = run.evaluate(actuals).to_pylist()
    means = dict(zip(run.forecast()["store"].to_pylist(), run.forecast()["forecast"].to_pylist(), strict=True))
    assert [row["store"] for row in accuracy] == ["s000", "s001"]
    assert [row["n"] for row in accuracy] == [2, 1]
    assert accuracy[0]["mae"] == pytest.approx((abs(means["s000"] - 1) + abs(means["s000"])) / 2)
    assert accuracy[1]["bias"] == pytest.approx(means["s001"] - 0.5)
    longer = pa.concat_tables([stores(4), pa.table({"store": ["s000"], "day": [4000], "y": [1.0]})])
    again = trained(longer).evaluate(actuals).to_pylist()
    assert again[0]["n"] == 3  # two forecasts of day 4001: of both trainings
    with pytest.raises(DataError, match="from 4000 to 400"):
        run.evaluate(pa.table({"store": ["s000"], "day": [9], "y": [1.0]}))


def test_actuals_that_cannot_be_read_are_named(trained: Train) -> None:
    run = trained(stores(2))
    good = pa.table({"store": ["s000"], "day": [4000], "y": [1.0]})
    with pytest.raises(NothingYet, match="actuals have no rows"):
        run.evaluate(good.slice(0, 0))
    for name, values in {"y": ["much"], "day": ["monday"]}.items():
        with pytest.raises(DataError, match=f"column '{name}' of type string cannot be read as"):
            run.evaluate(good.set_column(good.column_names.index(name), name, pa.array(values)))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", None, "c/d"]), st.integers(-2, 3), st.floats(width=32, allow_nan=True)),
        min_size=1,
        max_size=40,
    ),
    st.randoms(),
)
def test_hashes_and_codes_against_a_loop(rows: list[tuple[str | None, int, float]], shuffle: object) -> None:
    table = pa.table({"k": pa.array([r[0] for r in rows], pa.string()), "n": [r[1] for r in rows], "y": [r[2] for r in rows]})
    codes, groups = keys.coded(table, ["k", "n"])
    assert [tuple(groups[c][int(i)].as_py() for c in ("k", "n")) for i in codes] == [(r[0], r[1]) for r in rows]
    assert keys.found(table.select(["k", "n"]), groups).tolist() == codes.tolist()
    order = list(range(len(rows)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    again = table.take(pa.array(order)).select(["y", "k", "n"])
    sums = [
        hashing.names_of(*hashing.group_sums(hashing.row_hashes(t), keys.coded(t, ["k", "n"])[0], groups.num_rows)) for t in (table, again)
    ]
    assert sums[0] == sums[1]
    same = Counter(map(repr, rows))
    distinct = {tuple(sorted(r for r in same.elements() if r.startswith(f"({k!r}, {n},"))) for k, n, _ in rows}
    assert len(set(sums[0])) == len(distinct)


def test_one_changed_value_changes_one_hash() -> None:
    data = stores(3, 50)
    changed = data.set_column(2, "y", pc.if_else(pc.equal(pc.add(data["day"], 0), 7), 0.25, data["y"]))
    before, after = (partition(source(t), ["store"], t.column_names, ["store"]).table["data_hash"].to_pylist() for t in (data, changed))
    assert not set(before) & set(after)
    renamed = data.rename_columns(["store", "day", "z"])
    assert not set(before) & set(partition(source(renamed), ["store"], renamed.column_names, ["store"]).table["data_hash"].to_pylist())


@settings(max_examples=60)
@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=200), st.integers(1, 8))
def test_every_group_is_packed_once_and_no_block_is_tiny(rows: list[int], workers: int) -> None:
    cost = costs(pa.table({"rows": rows}))
    parts = pack(cost, workers)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(rows)))
    assert len(parts) <= 100 * workers + len(rows) // 20 + 2
    sizes = [int(cost[part].sum()) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(size < 30_000 for size in sizes) <= 1 + sum(c >= 40_000 for c in cost) + len(parts) // 2  # a share is 3/4 of it at least


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 1000])
def test_a_lost_block_is_down_to_one_group_at_the_third_try(n: int) -> None:
    groups = pa.table({"store": list(range(n)), "rows": [10] * n, "data_hash": [f"{i:032}" for i in range(n)]})
    block, tries = Block.of("job", groups), 1
    while smaller := split("job", block, "crashed"):
        assert sum(len(part) for part in smaller) == len(block)
        block, tries = smaller[0], tries + 1
    assert len(block) == 1
    assert tries == 3


DAYS = [date(2024, 1, 1), date(1, 1, 1), date(9999, 12, 31)]
NAMED = {
    "date32": pa.array(DAYS, pa.date32()), "date64": pa.array(DAYS, pa.date64()), "bool": pa.array([True, False, True]),
    "uint64": pa.array([2**64 - 1, 2**63, 0], pa.uint64()), "duration": pa.array([1, 2, 3], pa.duration("s")),
    "float32": pa.array([0.1, -0.0, float("inf")], pa.float32()), "binary": pa.array([b"", b"\xff\x00", b"a"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED)
def test_keys_of_any_type_are_kept_the_next_night(trained: Train, kind: str) -> None:
    data = stores(3, 40)
    data = data.set_column(0, "store", NAMED[kind].take(pa.array(np.repeat([0, 1, 2], 40))))
    assert set(trained(data).told()["status"].to_pylist()) == {"done"}
    assert set(trained(data).changes()["change"].to_pylist()) == {"kept"}
    assert by_store(trained(data, folder="other")) == by_store(Run.open(trained(data).path))


NAMELESS = {
    "halffloat": pa.array(np.array([1, 2], np.float16)), "decimal": pa.array([Decimal("1.5"), Decimal("2.5")]),
    "time": pa.array([time(1), time(2)]), "struct": pa.array([{"a": 1}, {"a": 2}]), "list": pa.array([[1], [2]]),
    "dictionary": pa.array([Decimal("1.5"), Decimal("2.5")]).dictionary_encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMELESS)
def test_columns_that_cannot_name_a_group_are_refused_before_anything_is_done(trained: Train, tmp_path: Path, kind: str) -> None:
    data = stores(2, 40)
    data = data.set_column(0, "store", NAMELESS[kind].take(pa.array(np.repeat([0, 1], 40))))
    with pytest.raises(DataError, match=r"column 'store' holds .* cannot name a group or a series"):
        trained(data)
    assert not (tmp_path / "run").exists()
