"""The command line: exit codes, what is written, and errors without tracebacks."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from breaking import breaking, raises
from small_runs import stores

from forecaster import simulate
from forecaster.errors import SettingsError
from many_models import Run, cli, doctor, engines, screen
from many_models.training import held

Train = Callable[..., Run]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command line; gives its exit code and all that it printed."""

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["many-models", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return run


Call = Callable[..., tuple[int, str]]


def test_a_run_with_failures_ends_with_3_and_names_them(trained: Train, call: Call) -> None:
    run = trained(stores(6), options={"faults": {"s001": "raise", "s004": "sick"}})
    code, told = call("status", "--run", run.path)
    assert code == 0
    assert "complete: 6 of 6 groups, 2 without a model" in told
    assert "failed: store=s001: ZeroDivisionError: bad numbers" in told
    assert max(map(len, told.splitlines())) <= 80
    code, told = call("retry", "--run", run.path, "--workers", 1)
    assert code == 3
    (Path(run.settings.log) / "cured").touch()
    assert by_name(call("retry", "--run", run.path)[1]) == {"done": 5, "failed": 1}


def test_what_may_go_well_another_time_ends_with_1(call: Call, tmp_path: Path) -> None:
    rows, job, run = tmp_path / "rows.parquet", tmp_path / "job.yaml", tmp_path / "run"
    pq.write_table(stores(2, 40), rows)
    job.write_text("{horizon: 2, series: [store], time: day, target: y, learners: [naive], backtest: null, partition_by: [store]}")
    train = ("train", job, "--data", rows, "--run", run, "--quiet")
    with held(run):
        code, told = call(*train)
    assert (code, "another process is working on the run" in told) == (1, True)
    with breaking(run, raises(9, errno.ENOSPC)):
        code, told = call(*train)
    assert (code, "No space left on device" in told, "make room and try again" in told) == (1, True, True)
    assert call(*train)[0] == 0


def by_name(told: str) -> dict[str, int]:
    rows = [line.split() for line in told.splitlines()]
    return {words[0]: int(words[1]) for words in rows if len(words) == 2 and words[1].isdigit()}


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "folder"])
def test_forecasts_are_written(trained: Train, call: Call, tmp_path: Path, name: str) -> None:
    run = trained(stores(3))
    assert call("forecast", "--run", run.path, "--out", tmp_path / name)[0] == 0
    read = pa_csv.read_csv if name.endswith("csv") else pq.read_table
    assert read(tmp_path / name).num_rows == 6


def test_accuracy_of_past_forecasts(trained: Train, call: Call, tmp_path: Path) -> None:
    run = trained(stores(3))
    pq.write_table(pa.table({"store": ["s001"], "day": [4000], "y": [0.5]}), tmp_path / "actuals.parquet")
    code, told = call("evaluate", "--run", run.path, "--actuals", tmp_path / "actuals.parquet", "--out", tmp_path / "accuracy.csv")
    assert code == 0
    assert "mae" in told
    assert pa_csv.read_csv(tmp_path / "accuracy.csv")["store"].to_pylist() == ["s001"]


def test_old_forecasts_of_replaced_models_are_forgotten(trained: Train, call: Call) -> None:
    came = pa.table({"store": ["s000"], "day": [4001], "y": [1.0]})
    for days in range(4):
        run = trained(
            pa.concat_tables([stores(4), pa.table({"store": ["s000"] * 3, "day": [4000, 4001, 4002], "y": [1.0] * 3}).slice(0, days)])
        )
    assert run.evaluate(came)["n"].to_pylist() == [2]
    old, new = sorted(run.past(), key=lambda file: file.stat().st_mtime)
    os.utime(old, (time.time() - 91 * 86_400,) * 2)
    assert call("forget", "--run", run.path, "--days", 90) == (0, "1 forecasts of replaced models deleted\n")
    assert run.past() == [new]
    assert run.evaluate(came)["n"].to_pylist() == [1]
    assert (run.forget(0), run.past()) == (1, [])
    assert run.status().counts == {"done": 4}
    with pytest.raises(SettingsError, match="days should be a number from 0 on, such as 90; it is -1"):
        run.forget(-1)


def test_a_night_is_told_and_watched(trained: Train, call: Call, tmp_path: Path) -> None:
    trained(stores(3))
    run = trained(stores(4, seed=1))
    code, told = call("changes", "--run", run.path, "--out", tmp_path / "changes.csv")
    assert (code, told.splitlines()[0]) == (0, "3 retrained, 1 new")
    assert max(map(len, told.splitlines())) <= 80
    assert "its data changed" in told
    assert pa_csv.read_csv(tmp_path / "changes.csv").num_rows == 4
    days = [*range(4000, 4002)]
    pq.write_table(pa.table({"store": ["s001"] * 2, "day": days, "y": [0.5] * 2}), tmp_path / "actuals.parquet")
    watch = ("monitor", "--run", run.path, "--actuals", tmp_path / "actuals.parquet")
    code, told = call(*watch, "--out", tmp_path / "alerts.csv", "--retrain", tmp_path / "again.parquet")
    assert (code, told.splitlines()[0]) == (4, "3 alerts, 0 of 4 groups to train again")
    assert max(map(len, told.splitlines())) <= 80
    assert "nothing has come of the times that were forecast" in " ".join(told.split())
    assert pa_csv.read_csv(tmp_path / "alerts.csv")["alert"].to_pylist() == ["no data"] * 3
    assert pq.read_table(tmp_path / "again.parquet").num_rows == 0


def test_a_run_is_promoted_and_rolled_back(trained: Train, call: Call, tmp_path: Path) -> None:
    run = trained(stores(2))
    books = tmp_path / "registry"
    assert call("register", "--run", run.path, "--tag", "season=winter") == (0, "run version 1: 2 groups, 0 without a model\n")
    assert call("promote", "--run", run.path) == (0, "run version 1 is the champion: by hand\n")
    trained(stores(2, seed=1))
    assert call("promote", "--run", run.path, "--name", "run")[1] == "run version 2 is the champion: by hand\n"
    assert call("rollback", "run", "--registry", books) == (0, "run version 1 is the champion again\n")
    code, told = call("models", "--registry", books)
    assert (code, told.splitlines()[1].split()[:3]) == (0, ["run", "1", "champion"])
    code, told = call("models", "run", "--registry", books, "--audit")
    assert [line.split()[2] for line in told.splitlines()[1:]] == ["registered", "promoted", "registered", "promoted", "rolled"]
    assert max(map(len, told.splitlines())) <= 80
    assert call("rollback", "ruin", "--registry", books)[0] == 2


def test_versions_are_tagged_and_deleted(trained: Train, call: Call, tmp_path: Path) -> None:
    books = ("--registry", tmp_path / "registry")
    for seed in range(2):
        call("register", "--run", trained(stores(2, seed=seed)).path, "--tag", "season=winter")
    assert call("tag", "run", "season=", "name=north", "--version", 1, *books) == (0, "run version 1: name=north\n")
    assert call("tag", "run", "season=", *books) == (0, "run version 2: no tags\n")
    code, told = call("tag", "run", "winter", *books)
    assert (code, "should be like season=winter" in told) == (2, True)
    assert call("promote", "--run", tmp_path / "run")[0] == 0
    code, told = call("delete", "run", 2, *books)
    assert (code, "in use as champion" in told) == (2, True)
    assert call("delete", "run", 1, "--reason", "old", *books) == (0, "run version 1 is deleted\n")
    assert "deleted" in call("models", "run", *books, "--audit")[1]


def test_a_run_that_is_not_better_ends_with_4(trained: Train, call: Call, tmp_path: Path) -> None:
    pq.write_table(pa.table({"store": ["s001"], "day": [4000], "y": [0.5]}), tmp_path / "actuals.parquet")
    for seed in range(2):
        run = trained(stores(3, seed=seed))
        code, told = call("promote", "--run", run.path, "--actuals", tmp_path / "actuals.parquet", "--margin", 0.9)
        assert code == (4 if seed else 0), told
    assert "is not the champion: wape" in told


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("horizon: 4\nhorizn: 5", "did you mean 'horizon'"),
        ("horizon: 4", "has no partition_by"),
        ("horizon: -1\npartition_by: store", "horizon"),
        ("- a list", "should hold"),
    ],
)
def test_usage_errors_are_one_line_and_2(call: Call, tmp_path: Path, yaml: str, told: str) -> None:
    (tmp_path / "job.yaml").write_text(yaml)
    code, said = call("train", tmp_path / "job.yaml", "--data", "x.csv", "--run", tmp_path / "run")
    assert code == 2
    assert told in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("dsk", "no engine is called 'dsk'; did you mean 'dask'"),
        ("{address: tcp://here:1}", "expected a name"),
        ("{name: local, adress: x}", "did you mean 'address'"),
        ("{name: local, address: x}", "no option of the engine 'local' is called 'address'"),
        ("{name: dask, address: 5}", "address should be text"),
        ("{name: local, workers: 0}", "workers should be a whole number from 1 on; it is 0"),
        ("{name: ray, resources: [memory]}", "resources should be names and amounts"),
        ("[local]", "expected a name such as dask"),
    ],
)
def test_an_engine_of_the_job_that_cannot_be_meant_is_refused(call: Call, tmp_path: Path, engine: str, told: str) -> None:
    (tmp_path / "job.yaml").write_text(f"horizon: 4\npartition_by: store\nseries: store\nengine: {engine}")
    pq.write_table(stores(2), tmp_path / "data.parquet")
    code, said = call("train", tmp_path / "job.yaml", "--data", tmp_path / "data.parquet", "--run", tmp_path / "run")
    assert code == 2
    assert f"{tmp_path / 'job.yaml'}: " in said
    assert told in said
    assert not (tmp_path / "run").exists()


def test_the_engine_of_the_job_is_used_unless_the_command_names_one(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(stores(4), tmp_path / "data.parquet")
    job = "horizon: 2\nseries: store\ntime: day\ntarget: y\nfreq: 1\nlearners: naive\nbacktest: null\npartition_by: store\n"
    (tmp_path / "job.yaml").write_text(job + "engine: {name: joblib, workers: 1}")
    seen: list[tuple[str, int]] = []
    plain = engines.make
    monkeypatch.setattr(
        engines, "make", lambda engine, workers, limits: seen.append((engine.name, workers)) or plain(engine, workers, limits)
    )
    words = ["train", tmp_path / "job.yaml", "--data", tmp_path / "data.parquet", "--run", tmp_path / "run", "--quiet", "--fresh"]
    for more in ((), ("--workers", 2), ("--engine", "local", "--workers", 2)):
        assert call(*words, *more)[0] == 0
    assert seen == [("joblib", 1), ("joblib", 1), ("local", 1)]  # four stores are one block, which one worker has


def test_a_horizon_beyond_all_measure_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("horizon: 10000000000000000000000\npartition_by: store")
    code, told = call("train", tmp_path / "job.yaml", "--data", "x.csv", "--run", tmp_path / "run")
    assert code == 2
    assert "horizon: input should be less than or equal to 1000000" in told


def test_things_that_are_not_there(call: Call, tmp_path: Path) -> None:
    assert call("status", "--run", tmp_path / "none")[0] == 2
    (tmp_path / "job.yaml").write_text("horizon: 4\npartition_by: store\nseries: store")
    code, said = call("train", tmp_path / "job.yaml", "--data", tmp_path / "none.csv", "--run", tmp_path / "run")
    assert code == 2
    assert "none.csv" in said


def test_the_whole_way_from_the_shell(tmp_path: Path) -> None:
    pa_csv.write_csv(simulate.sales(6, 2, 60), tmp_path / "sales.csv")
    options = "horizon: 4\nseries: [store, brand]\ntime: week\ntarget: quantity\nlearners: [naive, average]\npartition_by: [store]\n"
    (tmp_path / "job.yaml").write_text(options)
    command = [sys.executable, "-m", "many_models.cli"]
    words = ["train", str(tmp_path / "job.yaml"), "--data", str(tmp_path / "sales.csv"), "--run", str(tmp_path / "run"), "--workers", "2"]
    ended = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "6 of 6 groups, 0 without a model" in ended.stdout
    assert "6 of 6 groups, 0 failed" in ended.stderr
    ended = subprocess.run([*command, *words, "--fresh", "--progress", "json"], capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["phase"], line["done"], line["failed"], line["total"]) for line in told[:2]] == [("read", 0, 0, None), ("train", 0, 0, 6)]
    assert (told[-1]["phase"], told[-1]["done"], told[-1]["total"]) == ("end", 6, 6)
    assert told[-1]["rate"] > 0
    assert told[-1]["eta"] == 0
    ended = subprocess.run([*command, *words, "--progress", "none"], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    out = tmp_path / "forecasts.parquet"
    subprocess.run([*command, "forecast", "--run", str(tmp_path / "run"), "--out", str(out)], check=True)
    assert pq.read_table(out).num_rows == 6 * 2 * 4


def test_the_doctor_says_that_an_engine_works(call: Call) -> None:
    code, told = call("doctor", "--engine", "local", "--workers", 2)
    assert code == 0
    assert "19 done, 1 crashed" in told
    assert "20 of 20 groups" in told
    assert max(map(len, told.splitlines())) <= 80


def test_the_doctor_says_what_is_missing_and_how_to_get_it(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.PACKAGES, "ray", ("no-such-package",))
    code, told = call("doctor", "--engine", "ray")
    assert code == 1
    assert "pip install 'forecaster[ray]'" in told
    assert "'ray' does not work" in told


def test_the_doctor_sees_a_group_that_is_not_as_it_should_be(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXPECTED, "shop 03", "crashed")
    code, told = call("doctor", "--workers", 1)
    assert code == 1
    assert "shop 03 is done, not crashed" in " ".join(told.split())


def test_an_option_of_an_engine_is_checked(call: Call) -> None:
    code, told = call("doctor", "--engine-option", "address")
    assert code == 2
    assert "address=tcp" in told
    code, told = call("doctor", "--engine", "local@tcp://here:1")
    assert code == 2
    assert "no option of the engine 'local' is called 'address'" in told
    code, told = call("doctor", "--engine-option", "adress=x")
    assert code == 2
    assert "no option of the engine 'local' is called 'adress'" in told


def test_a_first_job_is_written_once_and_can_be_trained(call: Call, tmp_path: Path) -> None:
    pq.write_table(simulate.sales(stores=2), tmp_path / "sales.parquet")
    assert call("init", tmp_path / "sales.parquet", "--out", tmp_path / "job.yaml")[0] == 0
    code, told = call("init", tmp_path / "sales.parquet", "--out", tmp_path / "job.yaml")
    assert code == 2
    assert "is there already" in told
    text = (tmp_path / "job.yaml").read_text().replace("learners: auto", "learners: [naive] #")
    (tmp_path / "job.yaml").write_text(text)
    assert call("train", tmp_path / "job.yaml", "--data", tmp_path / "sales.parquet", "--run", tmp_path / "run", "--quiet")[0] == 0


def test_a_dry_run_of_one_group_speaks_of_one(call: Call, tmp_path: Path) -> None:
    one = simulate.sales(stores=1)
    pq.write_table(one.filter(pc.equal(one["brand"], one["brand"][0])), tmp_path / "sales.parquet")
    (tmp_path / "job.yaml").write_text(
        "horizon: 4\npartition_by: [store]\nseries: [store]\ntime: week\ntarget: quantity\nlearners: [naive]"
    )
    told = call(
        "train", tmp_path / "job.yaml", "--data", tmp_path / "sales.parquet", "--run", tmp_path / "run", "--workers", 1, "--dry-run"
    )
    assert told[1].startswith("1 group with")
    assert "in 1 block on 1 worker\n" in told[1]


def test_help_begins_with_commands_that_there_are(call: Call) -> None:
    told = call("--help")[1]
    assert (named := re.findall(r"^ *many-models (\w+) .+--", told, re.MULTILINE)) == ["init", "train", "report"]
    assert all(call(name, "--help")[0] == 0 for name in named)


def test_a_server_that_others_could_reach_needs_keys(call: Call, trained: Train) -> None:
    code, told = call("serve", "--run", trained(stores(3)).path, "--host", "0.0.0.0")
    assert code == 2
    assert "many-models key" in told


def test_other_partition_columns_are_another_run(call: Call, tmp_path: Path) -> None:
    pq.write_table(simulate.sales(stores=2), tmp_path / "sales.parquet")
    job = "horizon: 2\nseries: [store, brand]\ntime: week\ntarget: quantity\nlearners: [naive]\nbacktest: null\n"
    words = ["train", tmp_path / "job.yaml", "--data", tmp_path / "sales.parquet", "--run", tmp_path / "run", "--quiet"]
    (tmp_path / "job.yaml").write_text(job + "partition_by: [store, brand]")
    assert call(*words)[0] == 0
    (tmp_path / "job.yaml").write_text(job + "partition_by: [store]")
    code, told = call(*words)
    assert code == 2
    assert "one model per store, brand" in told
    assert "6 of 6 groups" in call("status", "--run", tmp_path / "run")[1]
    assert call(*words, "--fresh")[0] == 0


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(call: Call, tmp_path: Path) -> None:
    pq.write_table(simulate.sales(stores=9), tmp_path / "sales.parquet")
    job = "horizon: 4\npartition_by: [store, brand]\nseries: [store, brand]\ntime: week\ntarget: quantity\nlearners: [naive, drift]"
    (tmp_path / "job.yaml").write_text(job)
    words = ["train", tmp_path / "job.yaml", "--data", tmp_path / "sales.parquet", "--run", tmp_path / "run", "--workers", 2, "--dry-run"]
    code, told = call(*words)
    assert code == 0
    assert told.startswith("27 groups with")
    assert "learners: naive, drift" in told
    assert "as 5 groups fitted for this took" in told
    assert not (tmp_path / "run").exists()
    assert max(map(len, told.splitlines())) <= 80


def test_programs_are_told_every_failure_and_when_there_was_nothing_to_do(trained: Train, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        trained(stores(4), options={"faults": {"s001": "raise"}}, progress="json")
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    ends = [(line["done"], line["failed"], line["total"]) for line in told if line["phase"] == "end"]
    assert ends == [(4, 1, 4), (4, 0, 4)]
    assert [set(line) for line in told] == [{"phase", "done", "failed", "total", "rate", "eta"}] * len(told)


def test_another_way_to_show_progress_is_refused(trained: Train) -> None:
    with pytest.raises(SettingsError, match="no progress is called 'jsn'; did you mean 'json'"):
        trained(stores(2), progress="jsn")


@pytest.mark.parametrize(
    ("package", "begun", "ends"),
    [
        ("many_models", "many-models tr", ["train"]),
        ("many_models", "many-models train --progress js", ["json"]),
        ("many_models", "many-models train --engine da", ["dask"]),
        ("forecaster", "forecaster backt", ["backtest"]),
        ("forecaster", "forecaster fit --progress n", ["none"]),
    ],
)
def test_the_shell_completes_what_was_begun(package: str, begun: str, ends: list[str]) -> None:
    name = begun.split(maxsplit=1)[0]
    script = f"import sys; sys.argv = [{name!r}]; from {package}.cli import app; app(prog_name={name!r})"
    asked = {f"_{name.replace('-', '_').upper()}_COMPLETE": "complete_bash", "COMP_WORDS": begun, "COMP_CWORD": str(len(begun.split()) - 1)}
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ | asked, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ends, ended.stderr


def test_the_last_column_of_a_table_goes_on_below_and_loses_nothing() -> None:
    why = "there was no time for its model before a deadline; it has no model of its own"
    table = pa.table({"store": ["s" * 60, "t"], "change": ["retrained", "new"], "rows": [1000, 2], "reason": [why, None]})
    lines = screen.lines(table, table.column_names, wrapped=True)
    assert max(map(len, lines)) <= 80
    assert " ".join(line[50:].strip() for line in lines[1:-1]) == why
    assert lines[-1].split() == ["t", "new", "2", "-"]
