"""Learners of the user's own in a run: those that cannot be saved, and those that stand in a script."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from forecaster import Forecaster
from forecaster.archive import storable
from forecaster.errors import CannotPredict, CannotSave
from forecaster.learners.naive import Naive
from forecaster.protocols import Traits
from forecaster.table import Table
from many_models import ManyModels, Run

SCRIPT = """
import sys
from dataclasses import dataclass
from typing import ClassVar
import numpy as np, pyarrow as pa
from forecaster import Forecaster
from forecaster.archive import storable
from forecaster.protocols import Forecast, Traits
from many_models import ManyModels, Run

@storable
@dataclass(frozen=True)
class Level:
    value: np.ndarray
    def predict(self, horizon, history=None, future=None):
        return Forecast(np.repeat(self.value[:, None], horizon, axis=1))

@dataclass(frozen=True)
class Last:
    traits: ClassVar[Traits] = Traits()
    def fit(self, table):
        return Level(table.target[table.indptr[1:] - 1])

rows = pa.table({"id": np.repeat(["a", "b"], 20), "t": np.tile(np.arange(20), 2), "y": np.arange(40.0)})
job = Forecaster(2, series="id", time="t", freq=1, learners=[Last()], backtest=None, ensemble=None, quantiles=())
run = ManyModels(job, "id").train(rows, sys.argv[1], workers=2, progress=False)
print(run.outcomes()["status"].to_pylist(), run.forecast()["forecast"].to_pylist(), run.forecast(horizon=3)["forecast"].to_pylist())
"""


@dataclass(frozen=True)
class Closed:
    """A model that holds what no file can."""

    model: Any
    held: Any

    def predict(self, *arguments: Any) -> Any:
        return self.model.predict(*arguments)


@dataclass(frozen=True)
class Closing:
    """A learner whose models can be saved, but for series with values below zero."""

    traits: ClassVar[Traits] = Traits()
    always: bool = False

    def fit(self, table: Table) -> Any:
        model = Naive().fit(table)
        return Closed(model, os.getpid) if self.always or (table.target < 0).any() else model


@storable
@dataclass(frozen=True)
class Silent:
    """A model that refuses to forecast."""

    model: Any

    def predict(self, *arguments: Any) -> Any:
        raise CannotPredict("not below zero")


@dataclass(frozen=True)
class Silencing:
    """A learner whose models forecast, but for series with values below zero."""

    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Any:
        model = Naive().fit(table)
        return Silent(model) if (table.target < 0).any() else model


def night(path: Path, learner: Any) -> Run:
    first = np.where(np.arange(8) == 5, -1.0, 1.0)
    data = pa.table({"id": np.repeat([f"s{i}" for i in range(8)], 30), "t": np.tile(np.arange(30), 8), "y": np.repeat(first, 30)})
    job = Forecaster(2, series="id", time="t", freq=1, learners=[learner], backtest=None, ensemble=None)
    return ManyModels(job, "id").train(data, path, workers=2, progress=False)


@pytest.mark.filterwarnings("ignore:only this script")
def test_a_model_that_cannot_be_saved_costs_its_own_group(tmp_path: Path) -> None:
    told = night(tmp_path / "run", Closing()).told().to_pylist()
    bad = told.pop(5)
    assert {row["status"] for row in told} == {"done"}
    assert (bad["id"], bad["status"], bad["error_type"], bad["forecast"]) == ("s5", "failed", "CannotSave", "fallback")
    assert "test_custom.Closed" in bad["error"]
    assert "decorate it with @forecaster.archive.storable" in bad["error"]


@pytest.mark.filterwarnings("ignore:only this script")
def test_a_model_that_refuses_to_forecast_costs_its_own_group_and_is_told(tmp_path: Path) -> None:
    run = night(tmp_path / "run", Silencing())
    told = run.told().to_pylist()
    bad = told.pop(5)
    assert {row["status"] for row in told} == {"done"}
    assert (bad["id"], bad["status"], bad["error_type"], bad["forecast"]) == ("s5", "failed", "CannotPredict", "fallback")
    assert "not below zero" in bad["error"]
    assert len(run.forecast()) == 2 * 8


@pytest.mark.filterwarnings("ignore:only this script")
def test_a_learner_none_of_whose_models_can_be_saved_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CannotSave, match=r"test_custom\.Closed.*decorate it"):
        night(tmp_path / "run", Closing(always=True))


def test_a_storable_class_of_a_script_is_saved_and_read_by_workers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "script.py"), str(tmp_path / "run")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout.strip() == "['done', 'done'] [19.0, 19.0, 39.0, 39.0] [19.0, 19.0, 19.0, 39.0, 39.0, 39.0]", ended.stderr
