"""Small runs of a job that goes wrong on command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import faulty
import numpy as np
import pyarrow as pa
import pytest

from many_models import ManyModels, Run
from many_models.task import Task

PATHS = {"fit": "faulty:fit", "save": "faulty:save", "load": "faulty:load", "parse": "faulty:Settings"}


def stores(groups: int = 12, days: int = 4000, seed: int = 0, names: list[str] | None = None) -> pa.Table:
    """A table of stores with daily values; several blocks per worker, as each store costs some thousand rows."""
    named = names or [f"s{i:03}" for i in range(groups)]
    values = np.random.default_rng(seed).random(len(named) * days)
    return pa.table({"store": np.repeat(named, days), "day": np.tile(np.arange(days), len(named)), "y": values})


def task(**options: Any) -> Task:
    """The faulty job over stores."""
    return Task(faulty.Settings(**options), ("store",), **PATHS)


def by_store(run: Run, column: str = "status") -> Mapping[str, Any]:
    """Store -> its value in a column of the outcomes."""
    told = run.told()
    return dict(zip(told["store"].to_pylist(), told[column].to_pylist(), strict=True))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


@pytest.fixture
def tries(log: Path) -> Callable[[], Counter[str]]:
    """How often each store was tried."""
    return lambda: Counter((log / "tries").read_text().split()) if (log / "tries").exists() else Counter()


@pytest.fixture
def trained(tmp_path: Path, log: Path) -> Callable[..., Run]:
    """Train the faulty job on some stores."""

    def train(data: Any = None, *, folder: str = "run", options: Mapping[str, Any] | None = None, **how: Any) -> Run:
        job = ManyModels(task(log=str(log), **(options or {})))
        return job.train(stores() if data is None else data, tmp_path / folder, **({"workers": 2, "progress": False} | how))

    return train
