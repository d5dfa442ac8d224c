"""Models of native learners on disk: the columns of all series in one Parquet file, in a job, in a block of a run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecaster import Forecaster, archive
from forecaster.learners import make
from forecaster.testing import sales, same, table_of
from many_models import ManyModels, Run

NATIVE = ("adida", "arima", "ces", "croston", "ets", "imapa", "intermittent", "mstl", "prophet", "sba", "theta", "tsb")
FILES = {"manifest.json", "model.json", "model.parquet"}


def saved(model, folder):
    """Rows of the Parquet file, and the bytes of the tree beside it."""
    archive.save(model, folder)
    assert {path.name for path in folder.iterdir()} == FILES
    return pq.read_metadata(folder / "model.parquet").num_rows, (folder / "model.json").stat().st_size


@pytest.mark.parametrize("name", NATIVE)
def test_more_series_are_longer_columns_and_not_more_of_them(name, tmp_path):
    values = [sales((1,), 60, seed).values(0) for seed in range(40)]
    few, many = (make(name).fit(table_of(some)) for some in (values[:4], values))
    rows, tree = saved(few, tmp_path / "few")
    more_rows, larger_tree = saved(many, tmp_path / "many")
    assert more_rows == rows
    assert larger_tree < tree + 100
    same(archive.load(tmp_path / "many").predict(5), many.predict(5))


def rows_of(groups, days=70):
    """A table of stores that sell more on some days than on others, some of them seldom."""
    rng = np.random.default_rng(0)
    made = [np.round(np.maximum(3 + i + 3 * np.sin(2 * np.pi * np.arange(days) / 7) + rng.normal(size=days), 0)) for i in range(groups)]
    for one in made[::3]:
        one[rng.random(days) < 0.7] = 0
    day = np.datetime64("2024-01-01", "s") + np.arange(days) * np.timedelta64(1, "D")
    return pa.table({"store": np.repeat([f"s{i}" for i in range(groups)], days), "ds": np.tile(day, groups), "y": np.concatenate(made)})


def job(ensemble=None, learners=NATIVE):
    return Forecaster(horizon=3, series="store", learners=list(learners), backtest={"windows": 1}, ensemble=ensemble)


def test_a_job_of_all_native_learners_is_the_same_after_loading(tmp_path):
    fitted = job("voting").fit(rows_of(4))
    fitted.save(tmp_path / "job")
    assert len(list((tmp_path / "job").rglob("*.parquet"))) == 1
    assert Forecaster.load(tmp_path / "job").predict().equals(fitted.predict())


def test_the_models_of_a_block_are_one_parquet_file(tmp_path):
    run = ManyModels(job(), ["store"]).train(rows_of(9), tmp_path / "run", workers=1, progress=False)
    blocks = list((tmp_path / "run" / "blocks").iterdir())
    assert sum(len(list((block / "models").iterdir())) for block in blocks) == len(FILES) * len(blocks)
    assert all({path.name for path in (block / "models").iterdir()} == FILES for block in blocks)
    assert len(blocks) < 9
    assert len(set(run.outcomes()["learner"].to_pylist())) > 1
    assert Run.open(run.path).forecast(horizon=5).equals(run.forecast(horizon=5))
