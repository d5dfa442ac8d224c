"""A learner of another distribution: installed, found by its name, saved, and opened by a process that has not imported it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TINY = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from forecaster.archive import storable
from forecaster.protocols import Forecast, Traits


@storable
@dataclass(frozen=True)
class Fives:
    value: float = 5.0
    traits: ClassVar[Traits] = Traits()

    def fit(self, table):
        return Fitted(np.full(len(table), self.value))


@storable
@dataclass(frozen=True, eq=False)
class Fitted:
    level: np.ndarray

    def predict(self, horizon, history=None, future=None):
        return Forecast(np.repeat(self.level[:, None], horizon, axis=1))


nothing = 3
"""
ENTRIES = "[forecaster.learners]\nfives = tiny_fives:Fives\nbroken = tiny_fives:nothing\nlost = tiny_gone:Fives\n"
FIT = """
import numpy as np, pandas as pd
from forecaster import Forecaster
from many_models import ManyModels
rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=60), "y": 5.0 + np.arange(60) % 2})
job = Forecaster(3, learners=["fives", {"fives": {"value": 9.0}}, "naive"], ensemble=None, n_jobs=1)
print(job.fit(rows).leaderboard_["learner"].tolist())
job.save("job")
ManyModels(Forecaster(3, learners=["fives"], n_jobs=1), "unique_id").train(rows, "run", workers=1, progress=False)
"""
OPEN = """
import sys
from forecaster import Forecaster
from many_models import Run
assert "tiny_fives" not in sys.modules
print(Forecaster.load("job").predict()["forecast"].tolist(), Run.open("run").forecast(horizon=2)["forecast"].tolist())
"""
ASK = """
import json
from forecaster.errors import ForecasterError
from forecaster.learners import make
told = {}
for name in ("fivs", "broken", "lost"):
    try:
        make(name)
    except ForecasterError as error:
        told[name] = f"{type(error).__name__}: {error}"
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the distribution."""
    place = tmp_path_factory.mktemp("site")
    wheel = place / "tiny_fives-1.0-py3-none-any.whl"
    info = "tiny_fives-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("tiny_fives.py", TINY)
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-fives\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/entry_points.txt", ENTRIES)
        file.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in ("tiny_fives.py", f"{info}/METADATA", f"{info}/RECORD")))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", place / "installed", wheel], check=True, capture_output=True)
    return place / "installed"


def ended(site: Path, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=told, capture_output=True, text=True, check=False)


def test_it_is_tried_by_name_saved_and_opened_elsewhere(site: Path, tmp_path: Path) -> None:
    fitted = ended(site, tmp_path, FIT)
    assert fitted.returncode == 0, fitted.stderr
    assert fitted.stdout.strip() == "['fives', 'naive', 'fives_2']"
    opened = ended(site, tmp_path, OPEN)
    assert opened.stdout.strip() == "[5.0, 5.0, 5.0] [5.0, 5.0]", opened.stderr


@pytest.fixture(scope="module")
def wrong(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name -> what is said of it, all by one process that has the distribution."""
    asked = ended(site, tmp_path_factory.mktemp("asked"), ASK)
    assert asked.returncode == 0, asked.stderr
    told: dict[str, str] = json.loads(asked.stdout)
    return told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fivs", "no learner is called 'fivs'; did you mean 'fives'?"),
        ("broken", "'broken' of the package tiny-fives (tiny_fives:nothing) should be a frozen dataclass"),
        ("lost", "'lost' of the package tiny-fives (tiny_gone:Fives) cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_is_wrong_with_it_is_said(wrong: dict[str, str], name: str, told: str) -> None:
    assert told in wrong[name]
