"""The command `forecaster` in a process of its own: what it prints, what it writes, and errors of one line without tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

JOB = """
horizon: 7
series: [store]
time: day
target: units
known: [price]
learners: [seasonal_naive, average]
backtest: {windows: 2}
n_jobs: 1
"""


def sales() -> pd.DataFrame:
    rng, days = np.random.default_rng(0), np.arange(60)
    parts = [
        pd.DataFrame(
            {
                "store": store,
                "day": pd.date_range("2024-01-01", periods=60),
                "units": 50 + 10 * np.sin(days * 2 * np.pi / 7) + rng.normal(size=60),
                "price": rng.integers(9, 12, 60),
            }
        )
        for store in ("north", "south")
    ]
    whole = pd.concat(parts, ignore_index=True)
    return whole[(whole["store"] != "south") | (whole["day"] != "2024-02-02")]


def future() -> pd.DataFrame:
    days = pd.date_range("2024-03-01", periods=7)
    return pd.concat([pd.DataFrame({"store": store, "day": days, "price": 10}) for store in ("north", "south")])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a job, data, a future and a fitted job."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "job.yaml").write_text(JOB)
    sales().to_csv(folder / "sales.csv", index=False)
    sales().to_parquet(folder / "sales.parquet", index=False)
    future().to_csv(folder / "future.csv", index=False)
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("not an archive")
    done = call(folder, "fit job.yaml --data sales.csv --out model --report page.html")
    assert done.returncode == 0, done.stderr
    (folder / "fit.txt").write_text(done.stdout)
    (folder / "fit.err").write_text(done.stderr)
    return folder


def call(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    code = "from forecaster.cli import main; main()"
    environment = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-c", code, *words.split()], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_fit_shows_its_iterations_and_the_leaderboard(place):
    head, *rows = (place / "fit.err").read_text().splitlines()
    assert head.split() == ["iteration", "pipeline", "duration", "nrmse", "best"]
    assert max(map(len, [head, *rows])) <= 80
    assert [row.split()[:2] for row in rows] == [["1", "seasonal_naive"], ["2", "average"]]
    scores = np.array([[float(number) for number in row.split()[4:]] for row in rows])
    np.testing.assert_array_equal(scores[:, 1], np.minimum.accumulate(scores[:, 0]))
    told = (place / "fit.txt").read_text()
    for word in ("leaderboard (nrmse)", "seasonal_naive", "voting", "findings (1; ", "south", "gaps", "saved to model; next:"):
        assert word in told
    assert max(map(len, told.splitlines())) <= 80


def test_fit_writes_the_model_and_the_page(place):
    assert {path.name for path in (place / "model").iterdir()} == {"manifest.json", "model.json", "model.parquet", "arrays.parquet"}
    assert (place / "page.html").read_text().startswith("<!")


@pytest.mark.parametrize("name", ["ahead.csv", "deep/er/ahead.parquet"])
def test_predict_writes_the_forecast(place, name):
    done = call(place, f"predict --model model --future future.csv --out {name}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"14 rows written to {name}\n"
    made = pd.read_csv(place / name) if name.endswith("csv") else pd.read_parquet(place / name)
    assert list(made.columns) == ["store", "day", "forecast", "q0.1", "q0.5", "q0.9"]
    assert np.isfinite(made.iloc[:, 2:]).all().all()
    assert name.endswith("parquet") or made["day"].iloc[0] == "2024-03-01"


def test_predict_says_in_one_line_what_is_missing(place):
    done = call(place, "predict --model model --horizon 3 --out short.csv")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: price: no future was given")
    assert line.endswith("give the real ones in --future")
    assert len(pd.read_csv(place / "short.csv")) == 6


def test_backtest_writes_out_of_fold_forecasts(place):
    done = call(place, "backtest job.yaml --data sales.parquet --out folds.parquet")
    assert done.returncode == 0, done.stderr
    folds = pd.read_parquet(place / "folds.parquet")
    assert folds.groupby(["learner", "store"]).size().to_dict() == {
        (learner, store): 14 for learner in ("seasonal_naive", "average", "voting") for store in ("north", "south")
    }
    assert call(place, "backtest job.yaml --data sales.parquet").stdout.startswith("leaderboard")


def test_programs_follow_the_search_line_by_line(place):
    done = call(place, "backtest job.yaml --data sales.parquet --progress json")
    assert [json.loads(line)["learner"] for line in done.stderr.splitlines()] == ["seasonal_naive", "average"]
    assert call(place, "backtest job.yaml --data sales.parquet --progress none").stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fit nothing.yaml --data sales.csv --out m", "no job file at 'nothing.yaml'"),
        ("fit job.yaml --data nothing.csv --out m", "no CSV or Parquet file at 'nothing.csv'"),
        ("fit job.yaml --data job.yaml --out m", "job.yaml"),
        ("fit job.yaml --data future.csv --out m", "'units'"),
        ("fit job.yaml --data sales.csv --out notes", "notes exists and is no archive"),
        ("predict --model notes --out a.csv", "notes"),
        ("predict --model nothing --out a.csv", "nothing"),
        ("predict --model model --out a.xlsx", "a.xlsx: expected a name that ends in .parquet or .csv"),
        ("predict --model model --out sales.csv/a.csv", "sales.csv"),
        ("predict --model model --future sales.csv --out a.csv", "shifted by"),
        ("backtest job.yaml --data sales.csv --out a.txt", "a.txt"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(place, words, said):
    done = call(place, words)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert done.stdout == ""


@pytest.mark.parametrize("words", ["fit job.yaml", "fot", "predict --model model --out a.csv --horizon 0"])
def test_a_wrong_call_names_the_help(place, words):
    done = call(place, words)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["", "fit", "predict", "backtest"])
def test_help_fits_80_columns_and_names_everything(place, command):
    done = call(place, f"{command} --help")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    expected = {
        "": ["fit", "predict", "backtest"],
        "fit": ["job", "--data", "--out", "--report"],
        "predict": ["--model", "--future", "--horizon", "--out"],
        "backtest": ["job", "--data", "--out"],
    }[command]
    assert not [word for word in expected if word not in done.stdout]
