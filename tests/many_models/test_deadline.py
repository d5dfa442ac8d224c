"""A run that has to end in time: a cheap forecast for every group first, then as many models as there is time for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from faulty import Slow
from small_runs import by_store, stores, task
from typer.testing import CliRunner

from forecaster import Forecaster
from forecaster.errors import SettingsError
from many_models import ManyModels, Run
from many_models.cli import app

Train = Callable[..., Run]
Tries = Callable[[], Counter[str]]
GRACE = 3.0
"""Seconds to end processes in, on a busy machine."""


def late(run: Run) -> set[str]:
    """Stores for whose model no time was left."""
    return {store for store, kind in by_store(run, "error_type").items() if kind == "Deadline"}


def test_a_run_that_needs_longer_ends_in_time_and_goes_on_when_called_again(trained: Train, tries: Tries) -> None:
    data, undisturbed = stores(64), trained(stores(64), folder="undisturbed")
    tried = tries()
    started = time.monotonic()
    run = trained(data, options={"sleep": 0.2}, deadline="5s")  # eight blocks of 1.6 s, on two workers
    assert time.monotonic() - started < 5 + GRACE
    waiting = late(run)
    assert 0 < len(waiting) < 64
    assert run.status().failed == len(waiting)
    assert set(by_store(run, "forecast").values()) == {"model", "fallback"}
    assert {store for store, whence in by_store(run, "forecast").items() if whence == "fallback"} == waiting
    assert {by_store(run)[store] for store in waiting} == {"fallback"}
    assert all("train again" in by_store(run, "error")[store] for store in waiting)
    assert run.forecast()["store"].to_pylist() == undisturbed.forecast()["store"].to_pylist()
    assert set(run.selected()["store"].to_pylist()) == set(by_store(run)) - waiting
    first = tries() - tried
    again = trained(data)
    assert set(by_store(again).values()) == {"done"}
    assert again.forecast().equals(undisturbed.forecast())
    assert again.outcomes().equals(undisturbed.outcomes())
    done = set(by_store(again)) - waiting
    assert all((tries() - tried)[store] == first[store] == 1 for store in done)  # what had a model is not fitted again


def test_a_deadline_that_is_long_enough_changes_nothing(trained: Train) -> None:
    options = {"faults": {"s003": "raise", "s011": "kill", "s013": "refuse"}}
    plain = trained(stores(20), folder="plain", options=options)
    run = trained(stores(20), options=options, deadline=300)
    slower = ["seconds"]
    assert run.told().drop_columns(slower).equals(plain.told().drop_columns(slower))
    assert run.forecast().equals(plain.forecast())
    assert run.leaderboard().equals(plain.leaderboard())
    assert not (run.path / "past").exists()  # what only held a place is no forecast to be judged by


def test_groups_that_no_fallback_can_help_spoil_no_forecast(trained: Train) -> None:
    options = {"faults": {"s002": "raise!", "s007": "kill!"}, "sleep": 30}
    run = trained(stores(12), options=options, deadline=4, workers=1)
    assert late(run) == set(by_store(run))
    assert {store for store, whence in by_store(run, "forecast").items() if whence is None} == {"s002", "s007"}
    assert {store for store, status in by_store(run).items() if status == "timed_out"} == {"s002", "s007"}
    assert set(run.forecast()["store"].to_pylist()) == set(by_store(run)) - {"s002", "s007"}
    again = trained(stores(12), options={"faults": options["faults"]})
    assert {store: status for store, status in by_store(again).items() if status != "done"} == {"s002": "failed", "s007": "crashed"}


def test_a_time_too_short_for_anything_leaves_an_outcome_for_every_group(trained: Train) -> None:
    run = trained(stores(60), deadline=0.001)
    assert by_store(run) == dict.fromkeys((f"s{i:03}" for i in range(60)), "timed_out")
    assert set(by_store(run, "error_type").values()) == {"Deadline"}
    assert len(run.blocks()) == 1  # to say so group by group, or block by block, would take time that there is not
    again = trained(stores(12), options={"sleep": 30}, deadline=4)
    assert set(by_store(again).values()) == {"fallback"}
    assert set(by_store(again, "forecast").values()) == {"fallback"}


def test_groups_without_a_model_of_the_night_can_be_retried(trained: Train) -> None:
    run = trained(stores(12), options={"sleep": 30}, deadline=4)
    assert late(run) == set(by_store(run))
    assert all(why.endswith("no model of its own") for why in run.changes()["reason"].to_pylist())
    awake = Run(run.path, task(log=run.settings.log)).retry_failed(workers=1, progress=False)
    assert set(by_store(awake).values()) == {"done"}


def test_options_that_no_group_can_have_are_an_error_still(trained: Train) -> None:
    names = [f"s{i:03}" for i in range(12)]
    with pytest.raises(SettingsError, match="no frequency"):
        trained(stores(12), options={"faults": dict.fromkeys(names, "refuse!")}, deadline=60)


def test_what_helps_most_groups_per_second_is_trained_first(trained: Train, log: Path) -> None:
    long, short = stores(4, 60_000), stores(30, 500, names=[f"t{i:03}" for i in range(30)])
    run = trained(pa.concat_tables([long, short]), deadline=60, workers=1)
    assert set(by_store(run).values()) == {"done"}
    order = (log / "tries").read_text().split()
    assert all(store.startswith("t") for store in order[:30])
    assert all(store.startswith("s") for store in order[30:])


def test_nothing_is_begun_that_could_not_end_in_time(trained: Train, tries: Tries) -> None:
    run = trained(stores(24), options={"sleep": 0.25}, deadline=4.5, workers=1)  # blocks of 2 s: one is done, one may be, no third is begun
    assert set(tries()) == {store for store, kind in by_store(run, "error_type").items() if kind is None}


@pytest.fixture
def rows() -> pd.DataFrame:
    days, values = pd.date_range("2024-01-01", periods=60), np.random.default_rng(0).random((3, 60))
    return pd.concat([pd.DataFrame({"store": f"s{i}", "date": days, "y": values[i]}) for i in range(3)])


def test_forecasters_repeat_their_last_season_until_there_is_time(tmp_path: Path, rows: pd.DataFrame) -> None:
    columns = {"horizon": 7, "series": ["store"], "time": "date", "target": "y"}
    how = {"path": tmp_path / "run", "workers": 1, "progress": False}
    run = ManyModels(Forecaster(**columns, learners=[Slow()]), ["store"]).train(rows, **how, deadline=8)
    assert by_store(run, "learner") == dict.fromkeys(("s0", "s1", "s2"), "seasonal_naive")
    assert late(run) == {"s0", "s1", "s2"}
    naive = ManyModels(Forecaster(**columns, learners=["seasonal_naive"]), ["store"]).train(rows, **(how | {"path": tmp_path / "naive"}))
    pd.testing.assert_frame_equal(run.forecast()[["store", "date", "forecast"]], naive.forecast()[["store", "date", "forecast"]])


def test_the_command_has_the_option(tmp_path: Path, rows: pd.DataFrame) -> None:
    rows.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "job.yaml").write_text(
        "horizon: 7\nseries: [store]\ntime: date\ntarget: y\nlearners: [naive]\npartition_by: [store]\n", encoding="utf-8"
    )
    run = tmp_path / "run"
    told = ["train", str(tmp_path / "job.yaml"), "--data", str(tmp_path / "rows.parquet"), "--run", str(run), "--workers", "1", "--quiet"]
    ended = CliRunner().invoke(app, [*told, "--deadline", "0.001"])
    assert ended.exit_code == 3, ended.output
    assert "no time was left" in ended.output
    ended = CliRunner().invoke(app, [*told, "--deadline", "5min"])
    assert ended.exit_code == 0, ended.output
    assert set(by_store(Run.open(run), "learner").values()) == {"naive"}
