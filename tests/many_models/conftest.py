"""Small runs of a job that goes wrong on command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from small_runs import stores, task

from many_models import ManyModels, Run


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
