"""A run that is killed at any moment goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from small_runs import Inline, by_store, stores, task

from forecaster.errors import ArchiveError
from many_models import ManyModels, Run, blocks, bundle, engines, manifest, training
from many_models.blocks import Block
from many_models.files import read_parquet, write_json
from many_models.training import RunBusy, held
from many_models.work import Receipt

Train = Callable[..., Run]
Tries = Callable[[], Counter[str]]

Driver = Callable[..., "subprocess.Popen[bytes]"]

DRIVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told its jobs to ignore it
from small_runs import stores, task
from many_models import ManyModels
ManyModels(task(log=sys.argv[2], sleep=float(sys.argv[3]))).train(stores(24), sys.argv[1], workers=2, progress=False)
"""

NIGHT_BLOCK = 2 * (100 + blocks.GROUP_COST)
NIGHT = f"""
import sys
from small_runs import stores, task
from many_models import ManyModels, blocks
blocks.SMALLEST = {NIGHT_BLOCK}
ManyModels(task(log=sys.argv[2], sleep=float(sys.argv[3]))).train(stores(400, 100), sys.argv[1], workers=2, progress=False)
"""


@pytest.fixture
def driver(tmp_path: Path, log: Path) -> Iterator[Driver]:
    """Start a run in a process of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(sleep: float = 0.15, folder: str = "run", script: str = DRIVER) -> subprocess.Popen[bytes]:
        here = Path(__file__).parent
        paths = os.pathsep.join([str(here), str(here.parents[1])])
        command = [sys.executable, "-c", script, str(tmp_path / folder), str(log), str(sleep)]
        started.append(subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def committed(path: Path) -> set[str]:
    return {entry.name for entry in (path / "blocks").iterdir() if not entry.name.startswith(".")} if (path / "blocks").is_dir() else set()


def wait_until(condition: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether all have ended; one that nobody has asked for its exit code is a zombie, not an orphan."""
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def leftovers(path: Path) -> list[str]:
    return [str(file) for file in path.rglob("*") if ".part-" in file.name or file.parent.name == "inflight"]


def test_a_killed_driver_loses_only_the_blocks_in_flight(trained: Train, tries: Tries, driver: Driver, tmp_path: Path) -> None:
    process = driver()
    wait_until(lambda: len(committed(tmp_path / "run")) >= 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: all_gone(workers), seconds=10)
    finished, before = set(by_store(Run.open(tmp_path / "run"))), tries()
    resumed = trained(stores(24))
    again = {store for store, n in (tries() - before).items() if before[store]}
    assert 0 < len(finished) < 24
    assert not again & finished
    assert len(again) <= 2 * 6  # two blocks in flight, of a few stores each
    undisturbed = trained(stores(24), folder="undisturbed")
    assert resumed.forecast().equals(undisturbed.forecast())
    assert resumed.outcomes().equals(undisturbed.outcomes())
    assert not leftovers(tmp_path / "run")


def test_of_a_killed_night_no_more_than_one_group_in_a_hundred_is_done_again(
    trained: Train, tries: Tries, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "SMALLEST", NIGHT_BLOCK)
    process = driver(0.02, script=NIGHT)
    wait_until(lambda: len(committed(tmp_path / "run")) >= 100)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = trained(stores(400, 100))
    assert len(resumed.blocks()) == 200
    assert sum(n > 1 for n in tries().values()) <= 4  # two workers, two groups in hand each
    assert resumed.forecast().equals(trained(stores(400, 100), folder="undisturbed").forecast())


def test_kills_at_many_moments_end_in_the_same_result(trained: Train, driver: Driver, tmp_path: Path) -> None:
    for wait in (0.0, 0.2, 0.5):
        (tmp_path / "run" / "attempt.json").unlink(missing_ok=True)
        process = driver(0.05)
        wait_until((tmp_path / "run" / "plan.parquet").exists if not wait else (tmp_path / "run" / "attempt.json").exists)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert trained(stores(24)).outcomes().equals(trained(stores(24), folder="undisturbed").outcomes())
    assert not leftovers(tmp_path / "run")


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(trained: Train, driver: Driver, tmp_path: Path) -> None:
    process = driver()
    wait_until(lambda: committed(tmp_path / "run"))
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    wait_until(lambda: all_gone(workers), seconds=10)
    assert not Run.open(tmp_path / "run").status().running
    assert set(by_store(trained(stores(24))).values()) == {"done"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_is_heard_though_a_finalizer_swallows_it(trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)  # Python prints what is raised here, and goes on

    class Pressed(Inline):
        def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
            for done in super().finished(until):
                Dying()
                yield done

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored, a test before have left another
    try:
        with monkeypatch.context() as patch:
            patch.setattr(engines, "make", Pressed)
            with pytest.raises(KeyboardInterrupt):
                trained(stores(24, 4000))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert 0 < len(by_store(Run.open(tmp_path / "run"))) < 24
    assert set(by_store(trained(stores(24, 4000))).values()) == {"done"}


def test_status_and_results_from_another_process(driver: Driver, tmp_path: Path) -> None:
    task()  # a task of this process: a run may name its functions
    process = driver(0.3)
    wait_until(lambda: committed(tmp_path / "run"))
    run = Run.open(tmp_path / "run")
    status = run.status()
    assert status.running
    assert status.pid == process.pid
    assert status.groups == 24
    assert 0 < status.done < 24
    assert status.rate
    assert status.eta
    assert status.in_flight
    assert f"running in process {process.pid}" in str(status)
    assert set(run.outcomes()["store"].to_pylist()) <= set(run.forecast()["store"].to_pylist())
    with pytest.raises(RunBusy, match="another process"):
        ManyModels(task()).train(stores(24), tmp_path / "run", progress=False)


def test_a_clock_that_was_set_back_makes_no_nonsense(trained: Train) -> None:
    run = trained(stores(12))
    expected = run.forecast()
    write_json(run.path / "attempt.json", manifest.attempt(run.path) | {"since": time.time() + 3600.0, "kept": 0})
    with held(run.path):
        status = run.status()
    assert (status.running, status.rate, status.eta) == (True, None, None)
    assert trained(stores(12)).forecast().equals(expected)


def test_nothing_is_done_twice(trained: Train, tries: Tries) -> None:
    first = trained().outcomes()
    assert trained().outcomes().equals(first)
    assert set(tries().values()) == {1}


def test_only_changed_and_new_groups_are_trained_again(trained: Train, tries: Tries) -> None:
    first = trained(stores(12))
    forecast = first.forecast()
    data = stores(13)
    changed = pc.and_(pc.equal(data["store"], "s003"), pc.equal(data["day"], 3999))
    data = data.set_column(2, "y", pc.if_else(changed, 5.0, data["y"]))
    data = data.filter(pc.not_equal(data["store"], "s007"))
    second = trained(data)
    assert {store for store, n in tries().items() if n == 2} == {"s003"}
    assert tries()["s012"] == 1
    assert set(by_store(second)) == {f"s{i:03}" for i in range(13)} - {"s007"}
    same = [f"s{i:03}" for i in range(12) if i not in (3, 7)]
    kept = pa.array(same)
    assert second.forecast().filter(pc.is_in(second.forecast()["store"], kept)).equals(forecast.filter(pc.is_in(forecast["store"], kept)))


def test_order_of_rows_and_columns_changes_nothing(trained: Train, tries: Tries) -> None:
    data = stores(6)
    trained(data)
    shuffled = data.take(pa.array(np.random.default_rng(1).permutation(data.num_rows))).select(["y", "store", "day"])
    trained(shuffled)
    assert set(tries().values()) == {1}


def test_another_job_trains_everything_again(trained: Train, tries: Tries) -> None:
    trained()
    run = trained(options={"horizon": 3})
    assert set(tries().values()) == {2}
    assert run.forecast().num_rows == 12 * 3


def test_without_resume_everything_is_done_again(trained: Train, tries: Tries) -> None:
    trained()
    trained(resume=False)
    assert set(tries().values()) == {2}


def test_recorded_failures_are_not_repeated_by_resuming(trained: Train, tries: Tries) -> None:
    trained(options={"faults": {"s003": "kill"}})
    before = tries()
    run = trained(options={"faults": {"s003": "kill"}})
    assert tries() == before
    assert by_store(run)["s003"] == "crashed"


def spoil(run: Run, store: str, file: str = "models/means.parquet") -> str:
    """Damage a file of the block of a store; gives the key of the block."""
    live = run.placed()
    key = str(live["block"][live["store"].to_pylist().index(store)])
    (run.path / "blocks" / key / file).write_bytes(b"PAR1 damaged")
    return key


@pytest.mark.parametrize("file", ["models/means.parquet", "outcomes.parquet", "tables.arrow"])
def test_blocks_that_cannot_be_read_any_more_are_trained_again(trained: Train, tries: Tries, file: str) -> None:
    run = trained(stores(24))
    before, expected = run.placed(), run.forecast()
    key = spoil(run, "s005", file)
    lost = set(before.filter(pc.equal(before["block"], key))["store"].to_pylist())
    with pytest.warns(UserWarning, match=rf"1 blocks \({len(lost)} groups, the first store={min(lost)}\) cannot be read any more"):
        again = trained(stores(24))
    assert {store for store, n in tries().items() if n == 2} == lost
    assert again.forecast(horizon=2).equals(expected)


@pytest.mark.parametrize("other", [{"seed": 9}, {}], ids=["of another job", "of other data"])
def test_a_block_of_another_run_in_the_place_of_ours_is_trained_again(trained: Train, other: dict[str, int]) -> None:
    run, strange = trained(stores(24)), trained(stores(24, seed=5), folder="strange", options=other)
    expected, key = run.forecast(), run.blocks()[0]
    shutil.rmtree(run.path / "blocks" / key)
    shutil.copytree(strange.path / "blocks" / strange.blocks()[0], run.path / "blocks" / key)
    assert run.status().done < 24
    with pytest.warns(UserWarning, match=f"block {key} holds groups of another job or other data"):
        again = trained(stores(24))
    assert again.status().counts == {"done": 24}
    assert again.forecast().equals(expected)


def test_what_a_worker_without_a_driver_still_writes_is_taken_or_swept(
    trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    whole = trained(stores(24), folder="whole")
    key, plain = whole.blocks()[0], training.lay_out

    def late(*given: Any) -> Any:
        """Once the call knows what is done, a block of the call before is committed, and another is begun and never ended."""
        place = tmp_path / "run" / "blocks"
        shutil.copytree(whole.path / "blocks" / key, place / key)
        (place / ".part-orphan").mkdir()
        return plain(*given)

    monkeypatch.setattr(training, "lay_out", late)
    run = trained(stores(24))
    assert run.outcomes().equals(whole.outcomes())
    assert not leftovers(run.path)
    assert not [str(one.message) for one in recwarn if "another job" in str(one.message)]


def test_a_block_of_another_name_is_the_same_block(trained: Train, tries: Tries) -> None:
    run = trained(stores(24))
    expected, key = run.forecast(), run.blocks()[0]
    (run.path / "blocks" / key).rename(run.path / "blocks" / ("0" * 24))
    assert run.forecast().equals(expected)
    assert trained(stores(24)).forecast().equals(expected)
    assert set(tries().values()) == {1}


def test_what_cannot_be_forecast_any_more_is_named(trained: Train) -> None:
    run = trained(stores(24))
    spoil(run, "s005")
    with pytest.warns(UserWarning, match=r"groups have no forecast, the first of them store=.*train again"):
        made = run.forecast(horizon=3)
    assert 0 < len(set(made["store"].to_pylist())) < 24
    with pytest.warns(UserWarning, match="cannot be loaded"):
        assert run.models()
    assert run.forecast().num_rows == 48  # what training has left is still there


def test_a_damaged_forecast_is_made_again(trained: Train) -> None:
    run = trained(stores(24))
    expected = run.forecast()
    spoil(run, "s005", "forecasts.parquet")
    assert run.forecast().equals(expected)


def test_opening_a_run_runs_none_of_its_functions(trained: Train) -> None:
    path = trained(stores(3)).path
    job = json.dumps(manifest.read(path)["job"]).replace("faulty:load", "subprocess:run")
    write_json(path / manifest.FILE, manifest.read(path) | {"job": json.loads(job)})
    with pytest.raises(ArchiveError, match="subprocess:run, which is not ours"):
        Run.open(path).forecast(horizon=3)


def test_a_damaged_run_page_says_so(trained: Train) -> None:
    path = trained(stores(3)).path
    (path / "run.json").write_bytes(b"{ half")
    with pytest.raises(ArchiveError, match=r"run\.json.*damaged"):
        Run.open(path)


def _without_checksum(page: Path, told: dict[str, Any]) -> None:
    page.write_text(json.dumps(told, indent=1))


@pytest.mark.parametrize(
    ("written", "write", "way"),
    [
        (1, _without_checksum, r"earlier version.*resume=False"),
        (2, _without_checksum, r"earlier version.*resume=False"),
        (99, write_json, "update forecaster"),
    ],
)
def test_a_run_of_another_format_is_refused_and_can_be_begun_anew(
    trained: Train, written: int, write: Callable[[Path, dict[str, Any]], None], way: str
) -> None:
    path = trained(stores(3)).path
    write(path / manifest.FILE, manifest.read(path) | {"format": written})
    for use in (lambda: Run.open(path), lambda: trained(stores(3))):
        with pytest.raises(ArchiveError, match=rf"format {written}.*{way}"):
            use()
    assert set(by_store(trained(stores(3), resume=False)).values()) == {"done"}


def test_the_tables_of_a_run_are_read_by_sql(trained: Train) -> None:
    run = trained(stores(24))
    sql = f"select store, status from read_parquet('{run.path}/blocks/*/outcomes.parquet') order by store"
    assert dict(duckdb.sql(sql).fetchall()) == by_store(run)
    for name, rows in {"forecasts": 48, "backtest": 24}.items():
        assert len(duckdb.sql(f"select * from read_parquet('{run.path}/blocks/*/{name}.parquet')").fetchall()) == rows


def test_every_flipped_byte_of_a_table_is_noticed(trained: Train) -> None:
    block = next((trained(stores(2, 3)).path / "blocks").iterdir())
    reads = {file.name: bundle.read if file.suffix == ".arrow" else read_parquet for file in block.iterdir() if file.is_file()}
    assert set(reads) == {"outcomes.parquet", "backtest.parquet", "forecasts.parquet", "tables.arrow"}
    for name, read in reads.items():
        data = (block / name).read_bytes()
        for at in range(len(data)):
            (block / name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises(ArchiveError, match=rf"{name} is damaged"):
                read(block / name)
        (block / name).write_bytes(data)
        read(block / name)


def test_a_file_of_tables_can_be_added_to(tmp_path: Path) -> None:
    first, second, none = stores(2, 3), stores(3, 2), pa.table({"learner": pa.array([], pa.string())})
    bundle.write({"rows": first, "trials": none}, tmp_path / "t.arrow")
    bundle.write({"rows": second}, tmp_path / "t.arrow", more=True)
    assert bundle.read(tmp_path / "t.arrow") == {"rows": pa.concat_tables([first, second]), "trials": none}


def test_there_must_be_a_run_to_open(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no run at"):
        Run.open(tmp_path / "nowhere")


def test_a_script_without_a_main_guard_can_train(tmp_path: Path, log: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(DRIVER)
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parents[1])])
    command = [sys.executable, str(script), str(tmp_path / "run"), str(log), "0"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=True, timeout=60)
    assert Run.open(tmp_path / "run").status().done == 24


def test_a_run_that_is_held_still_does_not_see_what_is_trained_meanwhile(trained: Train) -> None:
    before = trained(stores(12)).still()
    trained(stores(16))
    assert before.told().num_rows == before.status().done == 12
    assert Run.open(before.path).told().num_rows == 16


def test_parts_are_the_table_block_by_block(trained: Train) -> None:
    run = trained(stores(24))
    parts = run.parts("forecasts", lambda part: part.select(["store"]))
    assert len(parts) == len(run.blocks()) > 1
    assert sorted(pa.concat_tables(parts)["store"].to_pylist()) == sorted(run.table("forecasts")["store"].to_pylist())
