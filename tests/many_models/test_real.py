"""Real forecasting jobs over many groups: what is decided once for all, and what a group that is odd costs."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from faulty import Deadly

from forecaster import Forecaster, archive, frames
from forecaster.errors import ArchiveError, DataError, SettingsError, UnknownName
from forecaster.frequency import Frequency
from many_models import ManyModels, Run
from many_models.sample import Sample

DAY, WEEK = np.timedelta64(1, "D"), np.timedelta64(7, "D")


def rows(name: Any, n: int, step: np.timedelta64 = DAY, start: str = "2024-01-01") -> pa.Table:
    """One series that goes up and down."""
    stamps = np.datetime64(start, "s") + np.arange(n) * step
    return pa.table({"id": [name] * n, "t": stamps, "y": 10.0 + np.arange(n) % 7})


def job(**options: Any) -> ManyModels:
    known = {"horizon": 3, "series": "id", "time": "t", "target": "y", "learners": ["naive", "average"], "backtest": {"windows": 2}}
    return ManyModels(Forecaster(**(known | options)), ["id"])


def train(data: pa.Table, folder: Path, **options: Any) -> Run:
    return job(**options).train(data, folder, workers=1, progress=False)


def gaps(run: Run, name: Any) -> set[np.timedelta64]:
    """Distances between the forecasts of one group."""
    made = run.forecast().filter(pc.equal(run.forecast()["id"], name))
    return set(np.diff(made["t"].to_numpy()))


def test_a_block_of_single_rows_has_the_frequency_of_the_run(tmp_path: Path) -> None:
    data = pa.concat_tables([rows(f"long{i}", 50) for i in range(3)] + [rows(f"short{i:03}", 1) for i in range(80)])
    run = train(data, tmp_path / "run")
    assert set(run.outcomes()["status"].to_pylist()) <= {"done", "fallback"}
    assert gaps(run, "short007") == {DAY}
    assert run.forecast().num_rows == 83 * 3
    assert Run.open(run.path).settings.freq == Frequency("D")


def test_groups_of_another_rhythm_are_findings_wherever_they_lie(tmp_path: Path) -> None:
    """The weekly groups fill blocks of their own, which would be weekly if each block decided for itself."""
    data = pa.concat_tables([rows(f"a{i:03}", 60) for i in range(90)] + [rows(f"w{i:03}", 60, WEEK) for i in range(70)])
    run = train(data, tmp_path / "run")
    assert gaps(run, "w050") == gaps(run, "a050") == {DAY}
    found = run.findings().filter(pc.equal(run.findings()["rule"], "mixed_frequency"))
    assert found["id"].to_pylist() == [f"w{i:03}" for i in range(70)]
    assert set(found["action"].to_pylist()) == {"quarantined"}


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [({}, SettingsError, "no frequency can be inferred.*give freq="), ({"freq": "fortnight"}, SettingsError, "fortnight")],
)
def test_a_run_without_a_frequency_is_refused_before_it_begins(tmp_path: Path, options: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        train(pa.concat_tables([rows(f"s{i}", 1) for i in range(50)]), tmp_path / "run", **options)
    assert not (tmp_path / "run" / "blocks").exists()


def test_a_group_without_any_stamp_says_so(tmp_path: Path) -> None:
    bad = rows("bad", 30)
    bad = bad.set_column(1, "t", pa.nulls(30, bad.schema.field("t").type))
    told = train(pa.concat_tables([rows("good", 30), bad]), tmp_path / "run").told().to_pylist()
    assert [(row["id"], row["status"], row["error_type"]) for row in told] == [("bad", "failed", "DataError"), ("good", "done", None)]
    assert told[0]["error"] == "30 rows without a stamp were left out; the series has no others, so it is gone"


def test_a_frequency_that_no_group_has_is_refused_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no series does"):
        train(pa.concat_tables([rows(f"s{i}", 9, start="2024-01-02") for i in range(5)]), tmp_path / "run", freq="MS")


def test_a_frequency_that_is_given_is_enough(tmp_path: Path) -> None:
    run = train(pa.concat_tables([rows(f"s{i}", 1) for i in range(5)]), tmp_path / "run", freq="D")
    assert run.forecast().num_rows == 15


@pytest.mark.parametrize("most", [50, 10**6])
def test_a_sample_is_the_same_however_the_rows_come(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("many_models.sample.ROWS", most)
    monkeypatch.setattr("many_models.sample.SERIES", 40)
    data = pa.concat_tables([rows(f"s{i:03}", 1 + i % 9) for i in range(100)])
    shuffled = data.take(pa.array(np.random.default_rng(0).permutation(data.num_rows)))
    samples = []
    for table, size in ((data, 1000), (data, 17), (shuffled, 33)):
        sample = Sample(["id"], "t")
        for begin in range(0, table.num_rows, size):
            sample.add(table.slice(begin, size))
        samples.append(sample.table.sort_by([("id", "ascending"), ("t", "ascending")]))
    assert samples[0].equals(samples[1])
    assert samples[0].equals(samples[2])
    assert samples[0].equals(data.filter(pc.is_in(data["id"], samples[0]["id"].unique())).select(["id", "t"]))
    assert samples[0].num_rows <= most
    assert len(samples[0]["id"].unique()) == 40 or most == 50


def test_findings_of_blocks_that_found_nothing(tmp_path: Path) -> None:
    """Keys are numbers, and only one block of several has a finding."""
    data = pa.concat_tables([rows(i, 60) for i in range(90)])
    data = data.set_column(2, "y", pc.if_else(pc.and_(pc.equal(data["id"], 80), pc.equal(data["y"], 12)), None, data["y"]))
    run = train(data, tmp_path / "run")
    assert len(set(run.placed()["block"].to_pylist())) > 1
    assert run.findings().filter(pc.is_valid(run.findings()["id"]))["id"].to_pylist() == [80]
    page = run.report(tmp_path / "run.html").read_text()
    assert "missing" in page


def test_a_report_draws_the_forecast_that_it_is_given(tmp_path: Path) -> None:
    run = train(pa.concat_tables([rows(f"s{i}", 60) for i in range(3)]), tmp_path / "run")
    made = run.forecast(horizon=5)
    plain, given = (run.report(tmp_path / name, forecast).read_text() for name, forecast in (("a.html", None), ("b.html", made)))
    assert "Mar 05" in given or given != plain


def test_a_learner_object_is_opened_elsewhere(tmp_path: Path) -> None:
    from forecaster.learners.average import Average

    run = train(pa.concat_tables([rows(f"s{i}", 60) for i in range(3)]), tmp_path / "run", learners=[Average(window=5)])
    opened = Run.open(run.path)
    assert opened.settings.learners == (Average(window=5),)
    assert opened.task == run.task
    assert opened.task.identity == run.task.identity
    assert opened.forecast(horizon=2).num_rows == 6


def half_error(actual: Any, forecast: Any) -> float:
    return float(np.abs(actual - forecast).mean() / 2)


def test_what_no_file_can_bring_back_is_said_when_the_run_begins(tmp_path: Path) -> None:
    data = pa.concat_tables([rows(f"s{i}", 60) for i in range(3)])
    with pytest.warns(UserWarning, match="only this script can go on with the run.*half_error"):
        run = train(data, tmp_path / "run", metric=half_error)
    assert run.forecast(horizon=2).num_rows == 6
    with pytest.raises(SettingsError, match="half_error"):
        Run.open(run.path).forecast(horizon=2)


@pytest.mark.parametrize("damage", ["flip", "moved"])
def test_an_archive_that_cannot_be_loaded_is_noticed_without_loading_it(tmp_path: Path, damage: str) -> None:
    run = train(pa.concat_tables([rows(f"s{i}", 60) for i in range(3)]), tmp_path / "run")
    (models,) = (run.path / "blocks").glob("*/models")
    archive.check(models)
    if damage == "flip":
        data = bytearray((models / "model.parquet").read_bytes())
        data[len(data) // 2] ^= 1
        (models / "model.parquet").write_bytes(data)
    else:
        text = (models / "model.json").read_text().replace("forecaster.fitted:Fitted", "forecaster.gone:Fitted", 1)
        rewritten(models, text)
    for look in (archive.check, archive.load):
        with pytest.raises(ArchiveError, match=r"model.parquet|forecaster.gone:Fitted"):
            look(models)
    with pytest.warns(UserWarning, match=r"1 blocks \(3 groups, the first id=s0\) cannot be read any more and are trained again"):
        again = train(pa.concat_tables([rows(f"s{i}", 60) for i in range(3)]), tmp_path / "run")
    assert again.forecast(horizon=5).num_rows == 15


def rewritten(models: Path, text: str) -> None:
    """An archive as another version might have written it: whole, with another tree."""
    from forecaster.archive import folder

    (models / "model.json").write_text(text)
    files = {name: (models / name).read_bytes() for name in ("model.json", "model.parquet", "arrays.parquet")}
    (models / "manifest.json").write_bytes(folder._manifest(files, {}))


def test_the_whole_tables_of_many_groups_lie_beside_the_page(tmp_path: Path) -> None:
    many, few = (train(pa.concat_tables([rows(f"a{i:03}", 20) for i in range(n)]), tmp_path / f"of_{n}") for n in (101, 100))
    page = many.report(tmp_path / "out" / "night 1.html")
    links = re.findall('href="([^"#]+)"', page.read_text())
    assert [Path(unquote(link)).name for link in links] == ["outcomes.parquet", "leaderboard.parquet", "findings.parquet"]
    outcomes, board, findings = (pq.read_table(page.parent / unquote(link)) for link in links)
    assert outcomes["id"].to_pylist() == many.outcomes()["id"].to_pylist()
    assert board.num_rows == many.leaderboard().num_rows
    assert findings.num_rows == many.findings().num_rows
    few.report(tmp_path / "small.html")
    assert not (tmp_path / "small_tables").exists()


def test_a_group_without_a_model_of_its_own_has_a_seasonal_naive_forecast(tmp_path: Path) -> None:
    """A learner that ends its process on one group; the fallback needs no covariates, of which the job has some."""
    data = pa.concat_tables([rows(f"s{i}", 60) for i in range(4)]).append_column("price", pa.array(np.ones(240)))
    data = data.set_column(2, "y", pc.if_else(pc.equal(data["id"], "s2"), pc.negate(data["y"]), data["y"]))
    run = train(data, tmp_path / "run", known="price", learners=[Deadly()])
    told = {row["id"]: (row["status"], row["learner"], row["forecast"]) for row in run.outcomes().to_pylist()}
    assert told == dict.fromkeys(["s0", "s1", "s3"], ("done", "deadly", "model")) | {"s2": ("crashed", "seasonal_naive", "fallback")}
    future = pa.concat_tables([rows(f"s{i}", 3, start="2024-03-01").append_column("price", pa.array([1.0] * 3)) for i in range(4)])
    made = run.forecast(future.drop_columns(["y"]))
    assert made.num_rows == 12
    assert made.filter(pc.equal(made["id"], "s2"))["forecast"].to_pylist() == [-14.0, -15.0, -16.0]  # after 8 weeks and 4 days
    page = run.report(tmp_path / "run.html").read_text()
    assert "<td>crashed</td><td>seasonal_naive</td>" in page


@pytest.fixture
def priced(tmp_path: Path) -> tuple[Run, pa.Table]:
    """A run whose sales double where the price is 2, and a future with that price throughout."""
    price = np.resize([1.0, 2.0, 1.0, 2.0, 1.0], 60)
    data = [rows(name, 60).append_column("price", pa.array(price)) for name in ("a", "b")]
    data = [table.set_column(2, "y", pa.array(table["y"].to_numpy() * price)) for table in data]
    run = train(pa.concat_tables(data), tmp_path / "priced", known="price", learners=["elastic_net"])
    ahead = pa.concat_tables([rows(name, 3, start="2024-03-01").append_column("price", pa.array([2.0] * 3)) for name in ("a", "b")])
    return run, ahead


def test_what_stands_for_the_future_is_told(priced: tuple[Run, pa.Table]) -> None:
    run, ahead = priced
    future = ahead.drop_columns(["y"])
    with pytest.warns(UserWarning, match="price: no future was given"):
        run.forecast()
    with pytest.warns(UserWarning, match="price: no future was given.* 5 steps"):
        run.forecast(horizon=5)
    with pytest.warns(UserWarning, match=r"t: 2 steps have no row in future, the first 2024-03-02.*\(and in 1 more series\)"):
        run.forecast(future.filter(pc.equal(future["t"], pa.scalar(np.datetime64("2024-03-01", "s")))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.forecast(future)


def test_a_future_or_horizon_that_cannot_be_meant_is_no_fault_of_the_groups(priced: tuple[Run, pa.Table]) -> None:
    run, ahead = priced
    with pytest.raises(SettingsError, match=r"^no column of the future is called 'price'.*known="):
        run.forecast(ahead.drop_columns(["y", "price"]))
    with pytest.raises(SettingsError, match=r"^horizon=0"):
        run.forecast(horizon=0)


def test_the_forecast_that_knew_the_future_is_the_one_compared(priced: tuple[Run, pa.Table], tmp_path: Path) -> None:
    run, ahead = priced
    made = run.forecast(ahead.drop_columns(["y"]), tmp_path / "made.parquet")
    actuals = frames.read(made)[0].rename_columns({"forecast": "y"})
    assert run.evaluate(actuals, made)["mae"].to_pylist() == [0.0, 0.0]
    with pytest.warns(UserWarning, match="without the future of price"):
        assert min(run.evaluate(actuals)["mae"].to_pylist()) > 0.0
    with pytest.raises(UnknownName, match="column of the forecasts is called 'forecast'"):
        run.evaluate(actuals, actuals)
    assert run.report(tmp_path / "run.html", made).stat().st_size > 10_000


def test_a_run_keeps_every_trial_of_every_group(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    data = pa.concat_tables([rows("a", 60), rows("b", 70)])
    told = train(data, tmp_path / "run", learners=["naive", "knn"], tune=3, n_jobs=1).trials()
    assert told["id"].to_pylist() == ["a"] * 5 + ["b"] * 5
    assert told["trial"].to_pylist() == [1, 2, 3, 4, 5] * 2
    assert told["learner"].to_pylist() == ["naive", "knn", "knn", "knn", "knn"] * 2
    assert set(told["status"].to_pylist()) <= {"done", "pruned"}


def test_columns_to_drop_are_dropped(tmp_path: Path) -> None:
    rows = pa.table({"s": ["a"] * 9 + ["b"] * 9, "d": [*range(9)] * 2, "y": [*range(9)] * 2, "note": ["x"] * 18})
    columns = {"series": ["s"], "time": "d", "target": "y", "learners": ["naive"], "backtest": None, "freq": 1}
    run = ManyModels(Forecaster(2, drop=["note"], **columns), "s").train(rows, tmp_path / "run", progress=False)
    assert "note" not in run.findings()["column"].to_pylist()
    with pytest.raises(UnknownName, match="did you mean 'note'"):
        ManyModels(Forecaster(2, drop=["notes"], **columns), "s").train(rows, tmp_path / "other", progress=False)


def test_a_run_without_a_backtest_has_a_page(tmp_path: Path) -> None:
    ids = pa.array(["a"] * 9 + ["b"] * 9, pa.large_string())
    table = pa.table({"s": ids, "d": [*range(9)] * 2, "y": [*range(9)] * 2})
    job = Forecaster(2, series=["s"], time="d", target="y", learners=["naive"], backtest=None, freq=1)
    run = ManyModels(job, "s").train(table, tmp_path / "run", progress=False)
    assert run.report(tmp_path / "run.html").stat().st_size > 5_000


def test_a_group_without_any_value_has_an_outcome_that_says_so_and_no_forecast(tmp_path: Path) -> None:
    empty = rows("empty", 20).set_column(2, "y", pa.nulls(20, pa.float64()))
    run = train(pa.concat_tables([rows("full", 60), empty]), tmp_path / "run")
    told = {row["id"]: row for row in run.outcomes().to_pylist()}
    assert (told["full"]["status"], told["empty"]["status"]) == ("done", "failed")
    assert (told["empty"]["learner"], told["empty"]["forecast"]) == (None, None)
    assert told["empty"]["error"] == "no value of 'y' is known in its 20 rows; fill them in, or leave the group out"
    assert set(run.forecast()["id"].to_pylist()) == set(run.forecast(horizon=5)["id"].to_pylist()) == {"full"}
    assert "empty" in run.findings()["rule"].to_pylist()
    assert run.status().failed == 1
    again = train(pa.concat_tables([rows("full", 60), rows("empty", 20)]), tmp_path / "run")
    assert set(again.outcomes()["status"].to_pylist()) == {"done"}


def test_the_page_of_a_run_tells_what_the_last_training_did(tmp_path: Path) -> None:
    train(pa.concat_tables([rows(f"s{i}", 60) for i in range(3)]), tmp_path / "run")
    run = train(pa.concat_tables([rows("s0", 60), rows("s1", 67), rows("s3", 60)]), tmp_path / "run")
    page = run.report(tmp_path / "run.html").read_text()
    assert "1 of 4 groups are as they were" in page
    assert "60 → 67" in page
    assert "2 groups on 1 worker<" in page
