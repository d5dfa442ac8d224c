"""The command line: exit codes, what is written, and errors without tracebacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from small_runs import stores

from forecaster import simulate
from many_models import Run, cli

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
    out = tmp_path / "forecasts.parquet"
    subprocess.run([*command, "forecast", "--run", str(tmp_path / "run"), "--out", str(out)], check=True)
    assert pq.read_table(out).num_rows == 6 * 2 * 4
