"""Models of native learners on disk: one row per series in one Parquet file, in a job, in a block of a run, which SQL reads."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecaster import Forecaster, archive
from forecaster.learners import make
from forecaster.learners.arima import NUMBERS, ORDERS
from forecaster.testing import sales, same, table_of
from many_models import ManyModels, Run

NATIVE = ("adida", "arima", "ces", "croston", "ets", "imapa", "intermittent", "mstl", "prophet", "sba", "theta", "tsb")
FILES = {"manifest.json", "model.json", "model.parquet", "arrays.parquet"}


def saved(model, folder):
    """What model.parquet is, how many arrays are beside it, and the bytes of the tree."""
    archive.save(model, folder)
    assert {path.name for path in folder.iterdir()} == FILES
    others = [row for row in pq.read_table(folder / "arrays.parquet").to_pylist() if not row["columns"]]
    return pq.read_table(folder / "model.parquet"), len(others), (folder / "model.json").stat().st_size


@pytest.mark.parametrize("name", NATIVE)
def test_more_series_are_longer_columns_and_not_more_of_them(name, tmp_path):
    values = [sales((1,), 60, seed).values(0) for seed in range(40)]
    few, many = (make(name).fit(table_of(some)) for some in (values[:4], values))
    rows, others, tree = saved(few, tmp_path / "few")
    more_rows, more_others, larger_tree = saved(many, tmp_path / "many")
    assert (rows.num_rows, more_rows.num_rows) == (4, 40)
    assert more_rows.column_names == rows.column_names
    assert more_others == others
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
    assert {path.name for path in (tmp_path / "job").iterdir()} == FILES
    assert Forecaster.load(tmp_path / "job").predict().equals(fitted.predict())


def test_the_models_of_a_block_are_one_archive(tmp_path):
    run = ManyModels(job(), ["store"]).train(rows_of(9), tmp_path / "run", workers=1, progress=False)
    blocks = list((tmp_path / "run" / "blocks").iterdir())
    assert sum(len(list((block / "models").iterdir())) for block in blocks) == len(FILES) * len(blocks)
    assert all({path.name for path in (block / "models").iterdir()} == FILES for block in blocks)
    assert len(blocks) < 9
    assert len(set(run.outcomes()["learner"].to_pylist())) > 1
    assert Run.open(run.path).forecast(horizon=5).equals(run.forecast(horizon=5))


def sql(query, folder):
    return duckdb.sql(query.replace("MODEL", f"'{folder / 'model.parquet'}'")).fetchall()


def test_sql_reads_the_models_of_a_table(tmp_path):
    model = make("arima", order=(1, 1, 2), seasonal=(0, 1, 1), period=7).fit(
        table_of([sales((1,), 60, seed).values(0) for seed in range(5)])
    )
    saved(model, tmp_path / "model")
    names = ", ".join((*ORDERS, *NUMBERS))
    told = np.array(sql(f"select {names} from MODEL", tmp_path / "model"))
    np.testing.assert_array_equal(told, np.hstack([model.orders, model.numbers]))
    assert told[:, :6].tolist() == [[1, 1, 2, 0, 1, 1]] * 5
    lists = sql("select coefficients, len(state) from MODEL", tmp_path / "model")
    np.testing.assert_array_equal([one for one, _ in lists], model.coefficients)
    assert {size for _, size in lists} == {model.state.shape[1]}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ets", lambda model: (("last.alpha", model.last.rate[:, 0]), ("variance", model.variance), ("criterion", model.criterion))),
        ("theta", lambda model: (("alpha", model.models[:, 1]), ("first_level", model.models[:, -1]))),
        ("ces", lambda model: (("cycle", model.models[:, 0]), ("missing_at_end", model.models[:, -1]))),
        ("croston", lambda model: (("alpha", model.smoothing[:, 0]), ("demands", model.state[:, 3]), ("rate", model.rate))),
        ("prophet", lambda model: (("sigma", model.sigma), ("log_posterior", model.log_posterior))),
    ],
)
def test_parameters_have_columns_by_name(name, wanted, tmp_path):
    model = make(name).fit(table_of([sales((1,), 60, seed).values(0) for seed in range(6)]))
    saved(model, tmp_path / "model")
    for column, values in wanted(model):
        np.testing.assert_array_equal([x for (x,) in sql(f'select "{column}" from MODEL', tmp_path / "model")], values)


def test_sql_reads_the_models_of_each_group_beside_its_names(tmp_path):
    """Groups that chose another learner have no numbers of this one, and those that did have their own."""
    run = ManyModels(job(learners=["arima", "croston"]), ["store"]).train(rows_of(9), tmp_path / "run", workers=1, progress=False)
    told: dict[str, tuple[float, ...]] = {}
    for block in (tmp_path / "run" / "blocks").iterdir():
        models = block / "models"
        for store, *numbers in sql('select store, "arima.p", "arima.aicc", "croston.rate" from MODEL', models):
            told[store] = numbers
        members = archive.load(models).search.blend.members
        aicc = [one for name in ("arima",) for member in members if member.learner == name for one in member.model.aicc]
        seen = [one for (one,) in sql('select "arima.aicc" from MODEL where "arima.p" is not null', models)]
        np.testing.assert_array_equal(seen, aicc)
    chose = dict(zip(*(run.outcomes()[name].to_pylist() for name in ("store", "learner")), strict=True))
    assert set(chose.values()) == {"arima", "croston"}
    for store, learner in chose.items():
        p, aicc, rate = told[store]
        assert (p is None) == (aicc is None) == (learner != "arima")
        assert (rate is None) == (learner != "croston")
