"""The fault matrix: whatever goes wrong on whatever engine, every other group is trained, and all engines give the same, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest
from small_runs import by_store, stores

from forecaster import Forecaster
from forecaster.errors import SettingsError
from many_models import ManyModels, Run, blocks, doctor, engines

pytestmark = pytest.mark.engines

Train = Callable[..., Run]
Tries = Callable[[], Counter[str]]

ALL = ["joblib", "dask", "ray", "spark"]
"""Engines beside local, which test_faults.py and test_resume.py have."""
STORES = 16
HEALTHY = {f"s{i:03}": "done" for i in range(STORES)}
DRIVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told its jobs to ignore it
from small_runs import stores, task
from many_models import ManyModels
ManyModels(task(log=sys.argv[2], sleep=0.3)).train(stores(24), sys.argv[1], engine=sys.argv[3], workers=2, progress=False)
"""


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An engine, on a cluster that is there for all tests of it."""
    yield from {"dask": _dask, "ray": _ray, "spark": _spark}.get(request.param, lambda: iter([request.param]))()


def _dask() -> Iterator[Any]:
    import distributed

    kept = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**kept, silence_logs="CRITICAL") as cluster:
        yield engines.use("dask", address=cluster.scheduler_address)


def _ray() -> Iterator[Any]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield "ray"
    ray.shutdown()


def _spark() -> Iterator[Any]:
    """A session without retries of tasks: the hardest case."""
    from pyspark import sql

    old = os.environ.get("PYSPARK_PYTHON")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    yield engines.use("spark", session=session)
    session.stop()
    os.environ.pop("PYSPARK_PYTHON") if old is None else os.environ.update(PYSPARK_PYTHON=old)


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("engine", names, indirect=True)


@on(*ALL)
@pytest.mark.parametrize(
    ("fault", "status", "kind", "limits"),
    [
        ("raise", "failed", "ZeroDivisionError", {}),
        ("kill", "crashed", "WorkerDied", {}),
        ("hang", "timed_out", "TimeLimit", {"time_limit_per_group": 2}),
        ("memory", "over_memory", "MemoryLimit", {"memory_limit": "500MB"}),
    ],
)
def test_a_bad_group_stands_alone(
    trained: Train, tries: Tries, engine: Any, fault: str, status: str, kind: str, limits: dict[str, Any]
) -> None:
    run = trained(stores(STORES, 4000), options={"faults": {"s011": fault}}, engine=engine, **limits)
    assert by_store(run) == HEALTHY | {"s011": status}
    assert by_store(run, "error_type")["s011"] == kind
    assert by_store(run, "attempts")["s011"] == tries()["s011"] <= 3
    assert set(run.forecast()["store"].to_pylist()) == set(HEALTHY)
    assert not list(run.path.glob("inflight/*"))


@on(*ALL)
def test_a_process_killed_once_costs_one_more_try_of_its_block(trained: Train, tries: Tries, engine: Any) -> None:
    run = trained(stores(STORES, 4000), options={"faults": {"s011": "once"}}, engine=engine)
    assert by_store(run) == HEALTHY
    assert max(tries().values()) == by_store(run, "attempts")["s011"] == 2


@on(*ALL)
def test_a_worker_of_the_engine_killed_once_costs_one_more_try_of_its_block(trained: Train, tries: Tries, engine: Any) -> None:
    run = trained(stores(STORES, 4000), options={"faults": {"s011": "host"}}, engine=engine)
    assert by_store(run) == HEALTHY
    assert max(tries().values()) == by_store(run, "attempts")["s011"] == 2


@on("joblib")
def test_joblib_takes_the_backend_that_is_set(trained: Train, engine: Any) -> None:
    import joblib

    with joblib.parallel_config(backend="threading"):
        run = trained(stores(STORES, 4000), options={"faults": {"s011": "kill"}}, engine=engine)
    assert by_store(run) == HEALTHY | {"s011": "crashed"}


@on(*ALL)
def test_a_killed_driver_is_gone_on_with(trained: Train, tries: Tries, engine: Any, tmp_path: Path, log: Path) -> None:
    name = engine if isinstance(engine, str) else engine.name
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parents[1])])
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "run"), str(log), name]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    try:
        _wait_until(lambda: process.poll() is not None or len(_committed(tmp_path / "run")) >= 2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    finished, before = set(by_store(Run.open(tmp_path / "run"))), tries()
    resumed = trained(stores(24), engine=engine)
    undisturbed = trained(stores(24), folder="undisturbed", engine="local")
    assert 0 < len(finished) < 24
    assert resumed.outcomes().equals(undisturbed.outcomes())
    assert resumed.forecast().equals(undisturbed.forecast())
    again = {store for store, n in (tries() - before).items() if n > 1}
    assert not again & finished  # once each, by the run without a kill


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_ctrl_c_ends_the_cluster_and_the_next_call_goes_on(trained: Train, tries: Tries, engine: str, tmp_path: Path, log: Path) -> None:
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parents[1])])
    command = [sys.executable, "-c", DRIVER.replace("24", "64"), str(tmp_path / "run"), str(log), engine]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        _wait_until(lambda: process.poll() is not None or len(_committed(tmp_path / "run")) >= 2)
        children = psutil.Process(process.pid).children(recursive=True)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the driver and to all that it has started
        _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, said
    # Python itself prints what is raised in a callback of the garbage collector, which ends nothing.
    assert said.count("Traceback") - said.count("Exception ignored") == 1, said
    assert said.rstrip().endswith("KeyboardInterrupt")
    _wait_until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children), 30)
    assert not list((tmp_path / "run").glob("inflight/*"))
    finished, before = set(by_store(Run.open(tmp_path / "run"))), tries()
    resumed = trained(stores(64), engine="local")
    assert 0 < len(finished) < 64
    assert by_store(resumed) == {f"s{i:03}": "done" for i in range(64)}
    assert not {store for store in (tries() - before) if store in finished}


@on(*ALL)
def test_a_deadline_is_kept_and_every_group_has_a_forecast(engine: Any, trained: Train) -> None:
    trained(stores(STORES), folder="warm", engine=engine, workers=2)  # processes are there and have everything imported
    started = time.monotonic()
    run = trained(stores(64), options={"sleep": 0.3}, engine=engine, deadline="8s")  # eight blocks of 2.4 s, on two workers
    assert time.monotonic() - started < 8 + 5
    assert Counter(by_store(run, "forecast").values()).keys() == {"model", "fallback"}
    undisturbed = trained(stores(64), folder="undisturbed")
    assert trained(stores(64), engine=engine).forecast().equals(undisturbed.forecast())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """What the local engine forecasts, all groups in one block."""
    return _forecasts(tmp_path_factory.mktemp("here") / "run", "local", 1)


@on(*ALL)
def test_every_engine_number_of_workers_and_size_of_blocks_gives_the_same_bits(
    engine: Any, here: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "SMALLEST", 6000)
    assert _forecasts(tmp_path / "run", engine, 3).equals(here)
    assert len(_committed(tmp_path / "run")) > 3


@on(*ALL)
def test_an_option_that_is_none_is_answered_with_those_that_are(engine: Any, trained: Train) -> None:
    name = engine if isinstance(engine, str) else engine.name
    with pytest.raises(SettingsError, match="adress"):
        trained(engine=engines.use(name, adress="tcp://127.0.0.1:1"))


@on(*ALL)
def test_the_doctor_finds_the_engine_well(engine: Any) -> None:
    found = doctor.smoke(engines.chosen(engine), workers=2)
    assert [one.what for one in found if not one.well] == []


def _forecasts(path: Path, engine: Any, workers: int) -> pa.Table:
    rng = np.random.default_rng(1)
    data = pa.table(
        {
            "store": np.repeat([f"s{i}" for i in range(24)], 120),
            "day": np.tile(np.arange(120), 24),
            "sales": rng.gamma(2.0, 10.0, 24 * 120) + np.tile(np.arange(120) % 7, 24),
        }
    )
    job = Forecaster(horizon=3, series=["store"], time="day", target="sales", season_length=7, learners=["ets", "lightgbm"], seed=3)
    return ManyModels(job, ["store"]).train(data, path, engine=engine, workers=workers, progress=False).forecast()


def _committed(path: Path) -> list[Path]:
    return list((path / "blocks").glob("[!.]*"))


def _wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
