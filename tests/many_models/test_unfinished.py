"""A run that was stopped at a bad moment, or in which nothing came out, is told as what it is."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from breaking import breaking, raises
from small_runs import Inline, stores

from forecaster import Forecaster
from forecaster.errors import ArchiveError
from many_models import ManyModels, Run, engines, pipeline
from many_models.evaluation import NothingYet
from many_models.work import CannotWrite

Train = Callable[..., Run]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of real models, in one block."""
    rows, job = stores(4, 40), Forecaster(2, series="store", time="day", target="y", learners=["naive"])
    days = pa.array(np.datetime64("2024-01-01", "us") + rows["day"].to_numpy().astype("timedelta64[D]"))
    return ManyModels(job, "store").train(rows.set_column(1, "day", days), tmp_path / "run", workers=1, progress=False)


def without_plan(run: Run) -> None:
    """As a driver leaves it that is killed before the groups are written down."""
    (run.path / "plan.parquet").unlink()


def without_blocks(run: Run) -> None:
    """As a driver leaves it that is killed before the first block is done."""
    shutil.rmtree(run.path / "blocks")


def without_models(run: Run) -> None:
    """As a restore leaves it that was not whole."""
    shutil.rmtree(run.path / "blocks" / run.blocks()[0] / "models")


@pytest.mark.parametrize("spoil", [without_plan, without_blocks, without_models])
@pytest.mark.filterwarnings("ignore:the models of block")
def test_the_page_of_an_unfinished_run_is_made(run: Run, tmp_path: Path, spoil: Callable[[Run], None]) -> None:
    spoil(run)
    assert Run.open(run.path).report(tmp_path / "run.html").stat().st_size > 1000


def test_the_page_of_a_run_without_any_forecast_is_made(tmp_path: Path) -> None:
    job = Forecaster(2, series="store", time="day", target="y", learners=["naive"], freq=1, season_length=7)
    run = ManyModels(job, "store").train(stores(3, 40), tmp_path / "run", workers=1, progress=False, deadline=0.001)
    assert run.status().counts == {"timed_out": 3}
    assert run.report(tmp_path / "run.html").stat().st_size > 1000
    with pytest.raises(NothingYet, match="no forecasts to compare with"):
        run.monitor(stores(3, 42))


def test_a_run_without_a_plan_is_not_complete(run: Run) -> None:
    without_plan(run)
    opened = Run.open(run.path)
    assert str(opened.status()).startswith("stopped: 0 of 0 groups")
    assert len(opened.forecast()) == len(opened.leaderboard()) == len(opened.findings()) == 0


@pytest.mark.parametrize("spoil", [without_plan, without_blocks])
def test_forecasts_of_an_unfinished_run_end_with_3(run: Run, tmp_path: Path, spoil: Callable[[Run], None]) -> None:
    assert pipeline.forecast(run, tmp_path / "whole").code == 0
    spoil(run)
    made = pipeline.forecast(run, tmp_path / "out")
    assert (made.code, "4 of 4 groups have none" in made.said) == (3, spoil is without_blocks)


def test_forecasts_that_lack_a_block_end_with_3_and_are_made_again(trained: Train, tmp_path: Path) -> None:
    run = trained(stores(24))
    key = run.blocks()[0]
    means = run.path / "blocks" / key / "models" / "means.parquet"
    means.rename(tmp_path / "means.parquet")
    with pytest.warns(UserWarning, match="groups have no forecast"):
        made = pipeline.forecast(run, tmp_path / "out.csv", horizon=3)
    assert (made.code, "of 24 groups have none" in made.said) == (3, True)
    (tmp_path / "means.parquet").rename(means)
    again = pipeline.forecast(run, tmp_path / "out.csv", horizon=3)
    assert (again.code, again.reused, len(pd.read_csv(tmp_path / "out.csv"))) == (0, False, 72)


def test_a_full_disk_is_no_reason_to_forecast_some_groups_only(trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(stores(24))
    monkeypatch.setattr(engines, "make", Inline)
    with breaking(run.path) as seen:
        run.forecast(horizon=3)
    at = [n for n, write in enumerate(seen, 1) if "forecasts.parquet" in write][-1]
    with breaking(run.path, raises(at, errno.ENOSPC)), pytest.raises(CannotWrite, match="No space left"):
        run.forecast(horizon=3)


def test_a_link_is_followed_to_what_it_leads_to(trained: Train, tmp_path: Path) -> None:
    run, place = trained(stores(2)), tmp_path / "large disk"
    for link in (tmp_path / "out", tmp_path / "out.parquet"):
        link.symlink_to(place / link.name)
        for _ in range(2):
            run.forecast(out=link)
        assert link.is_symlink()
        assert pq.read_table(place / link.name).num_rows == 4


def test_preparing_on_a_full_disk_may_go_well_another_time(trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "make", Inline)
    job, rows = trained(stores(2)).task, pa.table(stores(2))
    with breaking(tmp_path) as seen:
        pipeline.prepare(job, rows, tmp_path / "whole")
    at = next(n for n, write in enumerate(seen, 1) if "rows.parquet" in write)
    with breaking(tmp_path, raises(at, errno.ENOSPC)), pytest.raises(CannotWrite, match="No space left"):
        pipeline.prepare(job, rows, tmp_path / "full")


def test_a_run_that_was_trained_under_another_job_since_is_not_empty(trained: Train) -> None:
    run = trained(stores(3))
    trained(stores(3), options={"seed": 5})
    for ask in (run.outcomes, run.forecast, run.status):
        with pytest.raises(ArchiveError, match=r"another job since it was opened here; open it anew: Run.open"):
            ask()
    assert len(Run.open(run.path).outcomes()) == 3
