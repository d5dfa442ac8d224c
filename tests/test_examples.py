"""The examples run: simulated ones always, those on real series where the data is present."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(name: str, *options: object) -> str:
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_demo_leaves_everything(tmp_path: Path) -> None:
    told = run("demo.py", "--out", tmp_path, "--stores", 8, "--workers", 1)
    assert "24 models" in told
    assert max(map(len, told.splitlines())) <= 80
    assert [line.split()[0] for line in told.splitlines()[-4:]] == ["report.html", "forecasts.parquet", "outcomes.parquet", "run"]
    outcomes = pd.read_parquet(tmp_path / "outcomes.parquet")
    assert set(outcomes["status"]) <= {"done", "fallback"}
    forecast = pd.read_parquet(tmp_path / "forecasts.parquet")
    assert forecast.groupby(["store", "brand"]).size().eq(8).all()
    assert forecast[["forecast", "q0.1", "q0.5", "q0.9"]].notna().all().all()
    assert "Every group got a model of its own" in (tmp_path / "report.html").read_text()


def test_quickstart() -> None:
    assert "q0.9" in run("quickstart.py")


def test_custom_learner_is_on_the_leaderboard() -> None:
    told = run("custom_learner.py")
    assert "extra_trees_regressor" in told
    assert "failed" not in told


@pytest.mark.slow
def test_m5_slice(shared: Callable[[str], Path], tmp_path: Path) -> None:
    told = run("m5_stores.py", "--data", shared("m5"), "--out", tmp_path, "--stores", 1, "--items", 60, "--workers", 1)
    score, naive = map(float, re.search(r"WRMSSE\s+([\d.]+)\s+([\d.]+)", told).groups())  # type: ignore[union-attr]
    assert score < naive
    assert (tmp_path / "report.html").stat().st_size < 500_000


def test_orange_juice_slice(shared: Callable[[str], Path], tmp_path: Path) -> None:
    told = run("orange_juice.py", "--data", shared("orange_juice"), "--out", tmp_path, "--stores", 6)
    scores = dict(re.findall(r"^(.+?)\s+([\d.]+)$", told, re.MULTILINE))
    assert float(scores["one model per brand"]) < float(scores["last value"])


def test_rossmann_slice(shared: Callable[[str], Path], tmp_path: Path) -> None:
    told = run("rossmann.py", "--data", shared("rossmann"), "--out", tmp_path, "--stores", 12)
    scores = dict(re.findall(r"^(.+?)\s+([\d.]+)$", told, re.MULTILINE))
    assert float(scores["one model per type"]) < 0.4
