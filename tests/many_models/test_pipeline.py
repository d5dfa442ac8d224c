"""Prepare, train, forecast, evaluate: done once for the same inputs, and gone on with after a kill anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from forecaster import Classifier, Forecaster, simulate
from forecaster.errors import SettingsError
from many_models import ManyModels, Run, cli, pipeline
from many_models.steps import Made, Step, fingerprint, whole

JOB = """
horizon: 4
series: [store, brand]
time: week
target: quantity
drop: [price, deal, holiday, size, income]
learners: [naive, average]
backtest: null
ensemble: null
partition_by: [store]
"""
HERE = Path(__file__).parent
KILLED = """
import sys
from pathlib import Path
from breaking import breaking, kills
from many_models import cli
folder, n = Path(sys.argv[1]), int(sys.argv[2])
sys.argv = ["many-models", *sys.argv[3:]]
with breaking(folder, kills(n)) as seen:
    try:
        cli.main()
    finally:
        print(len(seen))
"""

Chain = Callable[..., tuple[int, dict[str, str]]]


def weeks(n: int, stores: int = 5) -> pa.Table:
    return simulate.sales(stores, 2, n).combine_chunks()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command line in this process; gives its exit code and what it printed."""

    def run(*told: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["many-models", *map(str, told)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().out
        assert all(len(line) <= 80 or str(tmp_path) in line for line in said.splitlines())
        return int(ended.value.code or 0), said

    return run


@pytest.fixture
def chain(tmp_path: Path, call: Callable[..., tuple[int, str]]) -> Chain:
    """Run the whole chain on a CSV file; gives its exit code and what each step said."""

    def run(data: pa.Table | None = None, *more: object, job: str = JOB) -> tuple[int, dict[str, str]]:
        (tmp_path / "job.yaml").write_text(job)
        if data is not None:
            pa_csv.write_csv(data, tmp_path / "sales.csv")
        code, said = call(*words(tmp_path, *more))
        return code, steps_of(said)

    return run


def words(folder: Path, *more: object) -> list[str]:
    told = ["pipeline", folder / "job.yaml", "--data", folder / "sales.csv", "--run", folder / "run", "--out", folder / "out"]
    return [str(word) for word in (*told, "--workers", 1, "--quiet", *more)]


def steps_of(said: str) -> dict[str, str]:
    """Step -> what it said."""
    told: dict[str, str] = {}
    name = ""
    for line in said.splitlines():
        if line.startswith(" "):
            told[name] += f" {line.strip()}"
        else:
            name, _, rest = line.partition(":")
            told[name] = rest.strip()
    return told


def reused(said: dict[str, str]) -> list[str]:
    return [name for name, told in said.items() if told.startswith("unchanged, reused")]


def results(folder: Path) -> dict[str, Any]:
    """All that the chain makes."""
    run = Run.open(folder / "run")
    return {
        "forecast": pq.read_table(folder / "out").to_pydict(),
        "prepared": pq.read_table(folder / "run" / "prepared").to_pydict(),
        "findings": pq.read_table(folder / "run" / "prepared" / "_findings.parquet").to_pydict(),
        "accuracy": pq.read_table(folder / "run" / "accuracy.parquet").to_pydict()
        if (folder / "run" / "accuracy.parquet").exists()
        else None,
        "outcomes": run.told().drop_columns(["seconds"]).to_pydict(),
    }


def test_a_step_is_reused_until_what_it_depends_on_changes(chain: Chain, tmp_path: Path) -> None:
    code, said = chain(weeks(60))
    assert code == 0
    assert list(said) == ["prepare", "train", "forecast", "evaluate"]
    assert reused(said) == []
    files = [*(tmp_path / "out").iterdir(), *(tmp_path / "run" / "prepared").iterdir()]
    before = {file: file.stat().st_ino for file in files}
    assert reused(chain()[1]) == ["prepare", "train", "forecast"]
    assert {file: file.stat().st_ino for file in files} == before
    assert reused(chain(job=JOB.replace("[naive, average]", "[naive, drift]"))[1]) == ["prepare"]
    assert reused(chain(job=JOB.replace("[naive, average]", "[naive, drift]"))[1]) == ["prepare", "train", "forecast"]
    assert reused(chain(None, "--horizon", 2, job=JOB.replace("[naive, average]", "[naive, drift]"))[1]) == ["prepare", "train"]


def test_the_next_night_is_evaluated_and_a_third_call_of_it_has_nothing_to_do(chain: Chain, tmp_path: Path) -> None:
    assert chain(weeks(60))[1]["evaluate"] == "no forecast has an actual value yet"
    code, said = chain(weeks(62))
    assert code == 0
    assert "5 retrained" in said["train"]
    assert "5 groups have actual values; means over them: wape" in said["evaluate"]
    assert pq.read_table(tmp_path / "run" / "accuracy.parquet").num_rows == 5
    assert reused(chain()[1]) == ["prepare", "train", "forecast", "evaluate"]


@pytest.mark.parametrize("place", ["out/part-000000.parquet", "run/prepared/part-000000.parquet", "run/plan.parquet"])
def test_what_was_damaged_or_taken_away_is_made_again(chain: Chain, tmp_path: Path, place: str) -> None:
    chain(weeks(60))
    expected, file = results(tmp_path), tmp_path / place
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data) if place != "run/plan.parquet" else file.unlink()
    step = {"out": "forecast", "run/prepared": "prepare", "run": "train"}[str(Path(place).parent)]
    assert step not in reused(chain()[1])
    assert results(tmp_path) == expected


def test_training_on_what_is_prepared_gives_what_training_on_the_source_gives(chain: Chain, tmp_path: Path) -> None:
    data = weeks(60)
    shuffled = data.take(pa.array(np.random.default_rng(0).permutation(data.num_rows)))
    assert chain(shuffled)[0] == 0
    many = ManyModels(Forecaster.of(Run.open(tmp_path / "run").settings), "store")
    direct = many.train(pa_csv.read_csv(tmp_path / "sales.csv"), tmp_path / "direct", workers=1, progress=False)
    assert pq.read_table(tmp_path / "out").to_pydict() == direct.forecast().to_pydict()
    assert not (tmp_path / "run" / "data").exists()  # workers read the prepared files in place


def test_prepared_rows_are_those_of_the_source_by_group_and_series(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = pa.table(
        {
            "shop": pa.array([None if n == 3 else n for n in rng.integers(0, 40, 20_000)], pa.int64()),
            "day": np.arange(20_000) % 500,
            "y": rng.random(20_000),
            "of_no_use": rng.random(20_000),
        }
    )
    job = ManyModels(Forecaster(2, series=["shop"], time="day", target="y", drop="of_no_use", freq=1, learners=["naive"]), "shop")
    made = pipeline.prepare(job.task, data, tmp_path / "ready", workers=2)
    files = sorted((tmp_path / "ready").glob("part-*.parquet"))
    assert len(files) > 1
    rows = pq.read_table(tmp_path / "ready")
    assert rows["of_no_use"].type == pa.null()
    rows, kept = rows.drop_columns("of_no_use"), data.drop_columns("of_no_use")
    by = [("shop", "ascending"), ("day", "ascending"), ("y", "ascending")]
    assert rows.sort_by(by).equals(kept.sort_by(by))
    shops = [shop for file in files for shop in pc.unique(pq.read_table(file)["shop"]).to_pylist()]
    assert sorted(map(str, shops)) == sorted(map(str, set(data["shop"].to_pylist())))  # a group lies in one file
    rules = pc.value_counts(pq.read_table(tmp_path / "ready" / "_findings.parquet")["rule"]).to_pylist()
    assert f"{sum(one['counts'] for one in rules):,} findings" in made.said


def test_groups_that_cannot_be_mended_are_told_before_training(chain: Chain, call: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    data = weeks(60)
    first = pc.equal(data["store"], data["store"][0])
    days = data["week"].cast(pa.string())
    some = pc.and_(first, pa.array(np.arange(data.num_rows) % 7 == 0))
    bad = data.set_column(data.column_names.index("week"), "week", pc.if_else(some, "9999-12-31", days))
    code, said = chain(bad)
    assert "1 groups cannot be mended" in said["prepare"], said
    found = pq.read_table(tmp_path / "run" / "prepared" / "_findings.parquet")
    told = found.filter(pc.equal(found["rule"], "refused")).to_pylist()
    assert [one["store"] for one in told] == [data["store"][0].as_py()]
    assert "9999" in told[0]["message"]
    assert "1 without a model" in said["train"]
    assert code == 3
    assert call("prepare", tmp_path / "job.yaml", "--data", tmp_path / "sales.csv", "--out", tmp_path / "ready")[0] == 4


def test_commands_of_their_own_reuse_what_they_made(chain: Chain, call: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    chain(weeks(60))
    chain(weeks(62))
    for out in ("a.csv", "b.parquet", "c"):
        said = [call("forecast", "--run", tmp_path / "run", "--out", tmp_path / out)[1] for _ in range(2)]
        assert ["reused" in one for one in said] == [False, True]
    line = ["evaluate", "--run", tmp_path / "run", "--actuals", tmp_path / "sales.csv", "--out", tmp_path / "accuracy.csv"]
    said = [call(*line)[1] for _ in range(2)]
    assert ["reused" in one for one in said] == [False, True]
    assert all("wape" in one for one in said)


def test_rows_are_predicted_where_the_task_is_no_forecast(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pa.table({"shop": np.repeat(["a", "b"], 80), "x": rng.random(160), "label": rng.integers(0, 2, 160)})
    pq.write_table(rows, tmp_path / "rows.parquet")
    many = ManyModels(Classifier(target="label", learners=["decision_tree"], ensemble=None), "shop")
    ready, out = tmp_path / "ready", tmp_path / "out.parquet"
    for again in (False, True):
        steps = [pipeline.prepare(many.task, tmp_path / "rows.parquet", ready)]
        steps.append(pipeline.train(many, ready, tmp_path / "run", workers=1, progress=False))
        steps.append(pipeline.forecast(Run.open(tmp_path / "run"), out, rows.drop_columns(["label"])))
        assert [step.reused for step in steps] == [again] * 3
    assert pq.read_table(out).num_rows == 160


def kill(folder: Path, n: int) -> str:
    """Run the chain and kill it before its n-th write; gives what it printed."""
    paths = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    line = [sys.executable, "-c", KILLED, str(folder), str(n), *words(folder)]
    done = subprocess.run(line, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_chain_that_is_killed_anywhere_is_gone_on_with(chain: Chain, tmp_path: Path) -> None:
    chain(weeks(60))
    first = results(tmp_path)
    pa_csv.write_csv(weeks(62), tmp_path / "sales.csv")
    before = tmp_path.with_name(tmp_path.name + "-before")
    tmp_path.rename(before)
    restore(before, tmp_path)
    writes = int(kill(tmp_path, 10**9).split()[-1])
    whole = results(tmp_path)
    assert writes > 60
    killed = 0
    for n in range(2, writes + 1, max(writes // 14, 1)):
        restore(before, tmp_path)
        said = kill(tmp_path, n)
        killed += "evaluate" not in said
        for name in ("out", "run/prepared"):
            if (tmp_path / name).exists():  # whole, of this night or of the last
                there = pq.read_table(tmp_path / name).to_pydict()
                assert there in [night["forecast" if name == "out" else "prepared"] for night in (first, whole)], n
        assert chain()[0] == 0
        assert results(tmp_path) == whole, n
        assert not list(tmp_path.rglob(".part-*")), n
    assert killed > 8


def restore(before: Path, folder: Path) -> None:
    """The folder as it was, files and paths."""
    subprocess.run(["rm", "-rf", folder], check=True)
    subprocess.run(["cp", "-a", before, folder], check=True)


def test_what_is_made_takes_the_place_of_a_folder_that_cannot_be_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "mount"
    out.mkdir()
    (out / "part-old").write_text("old")
    plain = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, to: _busy() if path == out else plain(path, to))
    with whole(out) as place:
        place.mkdir()
        (place / "part-new").write_text("new")
    assert [file.name for file in tmp_path.rglob("*")] == ["mount", "part-new"]


def test_what_a_killed_step_left_in_a_run_is_removed_and_what_a_living_one_makes_is_not(tmp_path: Path) -> None:
    left = tmp_path / "run" / ".part-prepared-0123"
    (left / "prepared").mkdir(parents=True)
    with whole(tmp_path / "run" / "other") as place:
        place.write_text("x")
        train_once(tmp_path / "run")
        assert not left.exists()
        assert place.exists()
    assert (tmp_path / "run" / "other").read_text() == "x"


def train_once(folder: Path) -> Run:
    job = Forecaster(2, series=["store", "brand"], time="week", target="quantity", learners=["naive"], backtest=None)
    return ManyModels(job, "store").train(weeks(30, 1), folder, workers=1, progress=False)


def _busy() -> None:
    raise OSError(16, "Device or resource busy")


def test_a_step_that_has_more_to_do_is_not_reused(tmp_path: Path) -> None:
    out, codes = tmp_path / "out.txt", []
    for settled in (False, True, True):
        step = Step("example", {"a": "1"}, [out])
        codes.append(step.run(lambda settled=settled: (out.write_text("x"), Made("made", 3, settled=settled))[1]))
    assert [(one.reused, one.code) for one in codes] == [(False, 3), (False, 3), (True, 3)]


def test_a_step_that_failed_leaves_no_record(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    step = Step("example", {"a": "1"}, [out])
    step.run(lambda: (out.write_text("x"), Made("made"))[1])
    with pytest.raises(ZeroDivisionError):
        Step("example", {"a": "2"}, [out]).run(lambda: Made(str(1 / 0)))
    assert not step.run(lambda: Made("made")).reused


def test_the_same_content_has_the_same_fingerprint(tmp_path: Path) -> None:
    rows = weeks(20)
    shuffled = rows.take(pa.array(np.random.default_rng(0).permutation(rows.num_rows)))
    assert fingerprint(rows) == fingerprint(shuffled.select(rows.column_names[::-1])) != fingerprint(rows.slice(1))
    pq.write_table(rows, tmp_path / "a.parquet")
    told = fingerprint(tmp_path / "a.parquet")
    os.utime(tmp_path / "a.parquet", (1, 1))
    assert fingerprint(str(tmp_path / "a.parquet")) == told
    pq.write_table(rows.slice(1), tmp_path / "a.parquet")
    assert fingerprint(tmp_path / "a.parquet") != told


@pytest.mark.parametrize("name", ["thesis.txt", ".git", "_drafts", "part-time.csv"])
def test_a_folder_that_holds_something_else_is_not_prepared(tmp_path: Path, name: str) -> None:
    job, out = ManyModels(Forecaster(2, series="store"), "store").task, tmp_path / "out"
    (out / name).mkdir(parents=True)
    with pytest.raises(SettingsError, match=f"holds '{name}', which no step has prepared"):
        pipeline.prepare(job, weeks(30), out)
    assert (out / name).exists()
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="is a file"):
        pipeline.prepare(job, weeks(30), tmp_path / "file")


def test_a_folder_that_holds_something_else_is_left_alone(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("ten years of work")
    code, said = chain(weeks(30))
    assert code == 2
    assert list(said) == ["prepare", "train"]
    assert (tmp_path / "out" / "thesis.txt").exists()
    with pytest.raises(SettingsError, match=r"holds 'thesis.txt'"):
        pipeline.prepare(ManyModels(Forecaster(2, series="store"), "store").task, weeks(30), tmp_path / "out")
