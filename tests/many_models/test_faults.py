"""A worker that raises, dies, hangs or eats memory costs the group that did it, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import faulty
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from faulty import Settings
from pyarrow import csv
from small_runs import Inline, by_store, stores

import many_models
from forecaster.errors import SettingsError
from many_models import Run, blocks, engines, spool
from many_models.outcomes import COLUMNS
from many_models.work import CannotStart

Train = Callable[..., Run]
Tries = Callable[[], Counter[str]]


def test_every_group_has_one_outcome_row(trained: Train) -> None:
    told = trained(stores(9)).outcomes()
    assert told.column_names == ["store", *COLUMNS]
    assert told["store"].to_pylist() == [f"s{i:03}" for i in range(9)]
    assert told["rows"].to_pylist() == [4000] * 9
    assert set(told["status"].to_pylist()) == {"done"}
    assert set(told["attempts"].to_pylist()) == {1}


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("raise", "failed", "ZeroDivisionError"),
        ("refuse", "failed", "SettingsError"),
        ("speechless", "failed", "Speechless"),
        ("surrogate", "failed", "ValueError"),
        ("kill", "crashed", "WorkerDied"),
        ("memory", "over_memory", "MemoryLimit"),
    ],
)
def test_a_bad_group_stands_alone_after_three_tries(trained: Train, tries: Tries, fault: str, status: str, kind: str) -> None:
    run = trained(stores(30, 2000), options={"faults": {"s011": fault}}, memory_limit="500MB")
    expected = {f"s{i:03}": "done" for i in range(30)} | {"s011": status}
    assert by_store(run) == expected
    assert by_store(run, "error_type")["s011"] == kind
    assert by_store(run, "attempts")["s011"] == tries()["s011"] == 3
    assert by_store(run, "forecast") == dict.fromkeys(expected, "model") | {"s011": "fallback"}
    assert set(run.forecast()["store"].to_pylist()) == set(expected)


@pytest.mark.parametrize("fault", ["raise!", "kill!", "memory!"])
def test_a_group_that_no_fallback_can_help_has_no_forecast_and_spoils_none(trained: Train, fault: str) -> None:
    run = trained(stores(12, 2000), options={"faults": {"s005": fault, "s007": fault}}, memory_limit="500MB")
    assert set(run.forecast()["store"].to_pylist()) == {f"s{i:03}" for i in range(12)} - {"s005", "s007"}
    assert by_store(run, "forecast")["s005"] is None
    assert by_store(run, "attempts")["s005"] == 3
    assert run.forecast(horizon=4)["store"].to_pylist().count("s006") == 4


def test_a_fallback_forecasts_as_models_do(trained: Train) -> None:
    run = trained(stores(6), options={"faults": {"s002": "kill"}})
    whole = trained(stores(6), folder="whole").forecast(horizon=4)
    assert run.forecast(horizon=4).equals(whole)
    assert by_store(run, "learner")["s002"] == "mean"
    assert set(run.findings()["store"].to_pylist()) == {f"s{i:03}" for i in range(6)}
    assert set(run.selected()["store"].to_pylist()) == {f"s{i:03}" for i in range(6)} - {"s002"}
    assert len(run.models()) == len(set(run.placed()["block"].to_pylist()))


def test_a_worker_killed_once_costs_one_more_try_of_its_block(trained: Train, tries: Tries) -> None:
    run = trained(stores(30, 2000), options={"faults": {"s011": "once"}})
    assert set(by_store(run).values()) == {"done"}
    assert max(tries().values()) == 2
    assert by_store(run, "attempts")["s011"] == 2


OTHER_ROWS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "a value is another one": lambda rows: rows.set_column(2, "y", pa.array([*rows["y"].to_pylist()[:-1], 0.5])),
    "a row is gone": lambda rows: rows.slice(0, rows.num_rows - 1),
    "all are gone": lambda rows: rows.filter(pc.not_equal(rows["store"], "s007")),
    "another group is there too": lambda rows: pa.concat_tables([rows.slice(0, rows.num_rows - 1), stores(1, 1, names=["new"])]),
}


@pytest.mark.parametrize("size", [1, blocks.SMALLEST], ids=["a block per group", "one block"])
@pytest.mark.parametrize("other", OTHER_ROWS)
def test_rows_that_change_between_two_readings_of_a_file_are_noticed(
    trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str, size: int
) -> None:
    file, cut, rows = tmp_path / "stores.csv", spool.spool, stores(8, 50)
    csv.write_csv(rows, file)

    def changed(*told: Any) -> None:
        csv.write_csv(OTHER_ROWS[other](rows), file)
        cut(*told)

    monkeypatch.setattr(spool, "spool", changed)
    monkeypatch.setattr(blocks, "SMALLEST", size)
    monkeypatch.setattr(engines, "make", Inline)
    run = trained(ds.dataset(file, format="csv"))
    assert by_store(run) == {f"s{i:03}": "done" for i in range(7)} | {"s007": "failed"}
    assert "changed while the run was going on" in by_store(run, "error")["s007"]


def test_a_hanging_group_ends_at_its_limit(trained: Train) -> None:
    run = trained(stores(30, 2000), options={"faults": {"s011": "hang"}}, time_limit_per_group=2)  # how soon: tests/benchmarks/faults.py
    assert by_store(run) == {f"s{i:03}": "done" for i in range(30)} | {"s011": "timed_out"}
    assert "2 s" in by_store(run, "error")["s011"]


def test_several_faults_at_once_on_one_worker(trained: Train) -> None:
    faults = {"s003": "raise", "s005": "kill", "s012": "once", "s009": "kill"}
    run = trained(stores(14, 3000), options={"faults": faults}, workers=1)
    told = by_store(run)
    assert {store for store, status in told.items() if status != "done"} == {"s003", "s005", "s009"}


def test_a_group_that_is_a_block_of_its_own_is_tried_three_times(trained: Train, tries: Tries) -> None:
    run = trained(stores(2, 60_000), options={"faults": {"s001": "kill"}})
    assert by_store(run) == {"s000": "done", "s001": "crashed"}
    assert tries() == {"s000": 1, "s001": 3}


def test_healthy_groups_are_the_same_beside_a_bad_one(trained: Train) -> None:
    alone = trained(stores(12), folder="alone").forecast()
    beside = trained(stores(12), folder="beside", options={"faults": {"s004": "kill"}}).forecast()
    healthy = pc.not_equal(alone["store"], "s004")
    assert beside.filter(healthy).equals(alone.filter(healthy))


def test_one_worker_and_two_give_the_same(trained: Train) -> None:
    one, two = trained(folder="one", workers=1), trained(folder="two", workers=2)
    assert one.forecast().equals(two.forecast())
    assert one.outcomes().equals(two.outcomes())


def test_failed_groups_can_be_tried_again(trained: Train, tries: Tries) -> None:
    run = trained(stores(8), options={"faults": {"s002": "raise", "s005": "kill"}})
    again = run.retry_failed(workers=2, progress=False)
    assert by_store(again, "attempts")["s002"] > 3
    assert by_store(again)["s005"] == "crashed"
    assert {store for store, status in by_store(again).items() if status == "done"} == {"s000", "s001", "s003", "s004", "s006", "s007"}


def test_a_group_that_failed_is_mended_by_a_retry(trained: Train, log: Path) -> None:
    run = trained(stores(12), options={"faults": {"s002": "sick"}})
    before = run.forecast()
    (log / "cured").touch()
    run.retry_failed(workers=1, progress=False)
    assert set(by_store(run).values()) == {"done"}
    assert by_store(run, "attempts")["s002"] == 4
    after = run.forecast()
    assert after.equals(before)  # the mean of faulty is its fallback too
    assert set(by_store(run, "forecast").values()) == {"model"}
    assert not list((run.path / "data").iterdir())


def test_one_group_that_refuses_its_options_spoils_no_small_run(trained: Train) -> None:
    run = trained(stores(8, 500), options={"faults": {"s003": "refuse"}})
    assert [store for store, status in by_store(run).items() if status != "done"] == ["s003"]


def test_a_full_disk_stops_the_run_and_is_no_groups_fault(trained: Train, log: Path) -> None:
    options = {"faults": {"s011": "full"}}
    with pytest.raises(OSError, match=r"No space left on device.*make room and try again"):
        trained(stores(30, 2000), options=options)
    (log / "cured").touch()
    assert set(by_store(trained(stores(30, 2000), options=options)).values()) == {"done"}


def test_options_that_every_block_refuses_are_an_error(trained: Train, tries: Tries) -> None:
    with pytest.raises(SettingsError, match="no frequency"):
        trained(stores(8), options={"faults": {f"s{i:03}": "refuse" for i in range(8)}})
    assert max(tries().values()) <= 2


def test_workers_that_cannot_load_the_job_stop_the_run_and_are_no_groups_fault(trained: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ModuleType("only_in_the_driver")
    monkeypatch.setitem(sys.modules, elsewhere.__name__, elsewhere)
    known = type("Known", (Settings,), {"__module__": elsewhere.__name__})
    elsewhere.Known = known  # type: ignore[attr-defined]
    monkeypatch.setattr(faulty, "Settings", known)
    with pytest.raises(CannotStart, match="only_in_the_driver"):
        trained(stores(8))
    monkeypatch.undo()
    assert set(by_store(trained(stores(8))).values()) == {"done"}


def test_a_module_of_the_same_name_where_the_user_works_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").touch()
    (tmp_path / "here").mkdir()
    script = tmp_path / "here" / "job.py"
    script.write_text(
        "import sys; from small_runs import by_store, stores, task; from many_models import ManyModels\n"
        "print(set(by_store(ManyModels(task()).train(stores(4), sys.argv[1], workers=2, progress=False)).values()))"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(many_models.__file__).parents[1])])
    command = [sys.executable, str(script), str(tmp_path / "run")]
    ended = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "{'done'}", ended.stderr
