"""Hostile files, names and paths: nothing in them is ever run, and the error names the file."""

from __future__ import annotations

import os
import pickle
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_runs import stores, task

from forecaster import Forecaster
from forecaster.archive.sealed import sealed, unsealed
from forecaster.errors import ForecasterError
from forecaster.jobfile import JobFile
from many_models import ManyModels, Registry, Run

Train = Callable[..., Run]
Spoil = Callable[[bytes], bytes]


class Opens:
    """A pickle that leaves a file behind where it is loaded."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def spoils(mark: Path) -> dict[str, Spoil]:
    """Ways to spoil a file. Name -> bytes to bytes"""
    deep, wide = b"[" * 200_000, b'{"a":' * 50_000
    many: dict[str, Spoil] = {
        "empty": lambda data: b"",
        "half": lambda data: data[: len(data) // 2],
        "one byte": lambda data: data[:1],
        "without its end": lambda data: data[:-1],
        "zeros": lambda data: bytes(len(data)),
        "noise": lambda data: zlib.compress(data, 9),
        "pickle": lambda data: pickle.dumps(Opens(str(mark))),
        "pickle at the end": lambda data: data[:-8] + pickle.dumps(Opens(str(mark))),
        "deep": lambda data: deep,
        "wide": lambda data: wide,
        "text": lambda data: b"\xff\xfe\x00 not what it says",
        "null": lambda data: b"null",
        "list": lambda data: b"[1, 2]",
        "number": lambda data: b"1e999",
        "nan": lambda data: b'{"format": NaN}',
        "foreign": lambda data: b'{"format": 3, "identity": 3, "job": {"parse": "os:system", "settings": {}, "partition_by": ["a"]}}',
    }
    for eighth in range(8):
        many[f"flipped at {eighth}/8"] = lambda data, at=eighth: _flipped(data, at * (len(data) - 1) // 8)  # type: ignore[misc]
    return many


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]


def bombs() -> dict[str, pa.Table]:
    """Parquet files that are other than they should be, or far larger than they look."""
    n = 3_000_000
    return {
        "a bomb of zeros": pa.table({"status": pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), ["done"]).cast(pa.string())}),
        "no columns": pa.table({}),
        "other columns": pa.table({"x": [1]}),
        "other types": pa.table({"store": [1], "rows": ["a"], "data_hash": [2.0], "block": [None], "files": [3], "status": [1]}),
        "nested": pa.table({"store": [[["a"]]], "status": [[{"a": 1}]], "data_hash": [[b"x"]]}),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of real models, and a registry that has it."""
    rows = pa.table({"store": ["a"] * 40 + ["b"] * 40, "day": [*range(40)] * 2, "y": [float(i % 7) for i in range(80)]})
    columns = {"series": ["store"], "time": "day", "target": "y", "freq": 1, "season_length": 7}
    place = tmp_path_factory.mktemp("hostile")
    job = Forecaster(3, learners=["naive", "elastic_net"], **columns)
    run = ManyModels(job, "store").train(rows, place / "run", workers=1, progress=False)
    Registry(place / "registry").register("sales", run, alias="champion")
    return place


FILES = [
    "run/run.json", "run/plan.parquet", "run/attempt.json", "run/changes.parquet", "run/settled.parquet",
    "run/blocks/*/outcomes.parquet", "run/blocks/*/forecasts.parquet", "run/blocks/*/tables.arrow",
    "run/blocks/*/models/manifest.json", "run/blocks/*/models/model.json", "run/blocks/*/models/model.parquet",
    "registry/log/00000001/event.json",
]  # fmt: skip
"""The files that are spoilt; each in every way."""


def everything(place: Path, *, models: bool = True) -> Iterator[str]:
    """Use all that a run and a registry give; gives what went wrong, in words."""
    run = Run(place / "run")
    steps: list[Callable[[], Any]] = [
        lambda: Run.open(place / "run"), run.outcomes, run.leaderboard, run.selected, run.findings, run.backtest, run.changes, run.status,
        run.forecast, run.models, Registry(place / "registry").models,
        lambda: Registry(place / "registry").open("sales"),
    ]  # fmt: skip
    for step in [*steps, *([lambda: run.forecast(horizon=2, workers=1)] if models else [])]:
        try:
            step()
        except ForecasterError as error:
            yield str(error)


@pytest.mark.parametrize("pattern", FILES)
@pytest.mark.filterwarnings("ignore")
def test_a_spoilt_file_runs_nothing_and_is_named(made: Path, tmp_path: Path, pattern: str) -> None:
    file = next(made.glob(pattern))
    whole, mark = file.read_bytes(), tmp_path / "run by a pickle"
    ways = dict(spoils(mark))
    if file.suffix == ".parquet":
        ways |= {name: lambda data, table=table: _as_parquet(table) for name, table in bombs().items()}  # type: ignore[misc]
    try:
        for name, spoil in ways.items():
            file.write_bytes(spoil(whole))
            told = list(everything(made, models="models" in pattern))
            assert not mark.exists(), name
            assert all("Traceback" not in one for one in told)
            if file.name in ("run.json", "event.json"):
                assert any(file.name in one for one in told), (name, told)
    finally:
        file.write_bytes(whole)
    assert list(everything(made)) == []


def test_there_are_more_than_a_hundred_of_them(tmp_path: Path) -> None:
    parquet = sum(file.endswith(".parquet") for file in FILES)
    assert len(FILES) * len(spoils(tmp_path)) + parquet * len(bombs()) >= 100


def _as_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


NAMES = [
    "../../../up", "/etc/passwd", "a/b/c", "..", ".", "", " ", "a\x00b", "a\nb\r", "\x1b[2J", "x" * 10_000, "caf\u00e9", "cafe\u0301",
    "C:\\con", "nul", "\u202eevil", "=cmd()", "'; drop table", "${HOME}", "$(touch me)", "%00", "store=../x", "\ud83d\ude00".encode(
        "utf-16", "surrogatepass").decode("utf-16"), "\ufeff", "a" * 255, "-rf", "~", "*", "?", "|", "<script>",
]  # fmt: skip


def test_hostile_names_of_groups_stay_in_the_run(trained: Train, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    days = [*range(30)]
    rows = {"store": [name for name in NAMES for _ in days], "day": days * len(NAMES), "y": [float(day % 7) for day in days] * len(NAMES)}
    run = trained(pa.table(rows))
    assert set(run.told()["store"].to_pylist()) == set(NAMES)
    assert set(run.told()["status"].to_pylist()) == {"done"}
    assert run.forecast().num_rows == 2 * len(NAMES)
    assert {path.name for path in tmp_path.iterdir()} - before == {"run"}
    out = run.forecast(out=tmp_path / "out")
    assert all(path.parent == out for path in out.rglob("*"))
    assert all(len(path.name) < 60 and path.name.isascii() for path in run.path.rglob("*"))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch {mark}']", "horizon: !!python/name:os.system", "[" * 5000, "a: &a [*a]", "horizon: 1\x00",
        "&a [x]: *a", "horizon: 4\nlearners: ['os:system']\npartition_by: store", "- " * 3000,
        "a: &a ['x','x']\nb: &b [*a,*a]\nc: &c [*b,*b]\nhorizon: *c", "? [1]\n: 2", "horizon: 4\nhorizon: 5\nx: 1",
    ],
)  # fmt: skip
def test_a_hostile_job_file_runs_nothing_and_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.yaml").write_text(text.replace("{mark}", str(tmp_path / "mark")))
    with pytest.raises(ForecasterError, match=r"job\.yaml|horizon|learner"):
        JobFile.read(tmp_path / "job.yaml").settings.named_learners  # noqa: B018
    assert not (tmp_path / "mark").exists()


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of somebody else, with what a run has too."""
    folder = tmp_path / "precious"
    (folder / "photos").mkdir(parents=True)
    for name in ("letter.txt", "rows.arrow", "photos/one.png"):
        (folder / name).write_bytes(b"mine")
    return folder


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("resume", [True, False])
def test_a_block_that_is_a_link_takes_nothing_with_it(trained: Train, precious: Path, resume: bool) -> None:
    run = trained()
    key = run.blocks()[0]
    (run.path / "blocks" / key).rename(run.path / "elsewhere")
    for name in (key, "0" * 24):
        (run.path / "blocks" / name).symlink_to(precious)
    with pytest.warns(UserWarning, match=f"block {key} holds groups of another job"):
        again = trained(resume=resume)
    assert again.status().counts == {"done": 12}
    assert _files(precious) == ["letter.txt", "photos/one.png", "rows.arrow"]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("folder", ["blocks", "data", "past", "inflight"])
def test_a_folder_of_a_run_that_is_a_link_is_refused(trained: Train, precious: Path, folder: str, resume: bool) -> None:
    run = trained()
    place = run.path / folder
    if place.exists():
        place.rename(run.path / "elsewhere")
    place.symlink_to(precious)
    with pytest.raises(ForecasterError, match=f"{folder} is a link.*Take the link away"):
        trained(resume=resume)
    assert _files(precious) == ["letter.txt", "photos/one.png", "rows.arrow"]


def test_a_folder_in_place_of_the_lock_is_named(trained: Train) -> None:
    lock = trained().path / "lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(ForecasterError, match=f"{lock} should be an empty file.*it is a folder"):
        trained()


def test_a_run_that_names_foreign_functions_is_refused(made: Path) -> None:
    file = made / "run" / "run.json"
    whole = file.read_bytes()
    for role in ("fit", "save", "load", "check", "fallback", "move", "parse"):
        told = unsealed(whole)
        told["job"][role] = "os:system"
        file.write_bytes(sealed(told))
        with pytest.raises(ForecasterError, match="os:system, which is not ours"):
            _ = Run.open(made / "run").task
    file.write_bytes(whole)


@pytest.mark.parametrize("device", ["pipe", "/dev/zero"])
@pytest.mark.parametrize("pattern", FILES)
@pytest.mark.filterwarnings("ignore")
def test_a_pipe_or_a_device_is_never_waited_for(made: Path, tmp_path: Path, pattern: str, device: str) -> None:
    shutil.copytree(made, tmp_path / "copy")
    file = next((tmp_path / "copy").glob(pattern))
    file.unlink()
    os.mkfifo(file) if device == "pipe" else file.symlink_to(device)
    told = list(everything(tmp_path / "copy", models="models" in pattern))
    if "blocks" not in pattern and "settled" not in pattern:  # what only training reads, and what is as good as not there
        assert any(f"{file} is no file but a pipe or a device" in one for one in told)


def test_what_may_be_deleted_is_told(trained: Train) -> None:
    run = trained()
    asked = {"attempt.json": run.status, "settled.parquet": lambda: trained(stores(13)), "changes.parquet": run.changes}
    for name, ask in asked.items():
        (run.path / name).write_bytes(b"spoilt")
        with pytest.raises(ForecasterError, match=f"{name} is damaged.*delete it: no model is in it"):
            ask()
        (run.path / name).unlink()
    assert trained(stores(13)).status().counts == {"done": 13}


THEIRS = ["data/rows.parquet", "data/2024/rows.csv", "blocks/houses/plan.txt", "past/1999.parquet", "inflight/lunch.json", "plan.parquet"]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("name", THEIRS)
def test_a_folder_of_something_else_is_never_made_a_run(trained: Train, tmp_path: Path, name: str, resume: bool) -> None:
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"mine")
    with pytest.raises(ForecasterError, match=f"is no run, and holds '{'/'.join(Path(name).parts[:2])}'.*a folder of its own"):
        trained(resume=resume)
    assert _files(tmp_path / "run") == [name]


def test_what_lies_beside_the_rows_of_blocks_stays(trained: Train) -> None:
    run = trained(stores(2))
    (run.path / "data" / "mine.parquet").write_bytes(b"mine")
    assert trained(stores(2), resume=False).status().counts == {"done": 2}
    assert (run.path / "data" / "mine.parquet").exists()


def test_a_run_that_lost_its_first_page_is_gone_on_with(trained: Train) -> None:
    run = trained(stores(3))
    (run.path / "run.json").unlink()
    assert set(trained(stores(3)).changes()["change"].to_pylist()) == {"kept"}


def test_a_file_in_place_of_a_folder_of_the_run_is_named(trained: Train) -> None:
    run = trained(stores(2))
    shutil.rmtree(run.path / "blocks")
    (run.path / "blocks").write_text("")
    with pytest.raises(ForecasterError, match="blocks should be a folder of the run; it is a file"):
        trained(stores(2))


@pytest.mark.parametrize("use", [lambda path: ManyModels(task()).train(stores(2), path), Run.open])
def test_a_path_that_is_empty_is_not_the_folder_that_one_works_in(use: Callable[[str], Run]) -> None:
    with pytest.raises(ForecasterError, match="path should be a folder; it is empty"):
        use("")
