"""Shared fixtures: where the real series lie; and how long drawn examples may take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from many_models.engines import local

# Most of what a process of a test would do is to compile what it imports, were it not to read what another has compiled.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# how long an example takes says more of what else the machine does than of the code
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

LOADED = ("forecaster.block", "lightgbm", "sklearn.linear_model", "sklearn.tree")
"""What takes a worker longer to load than most tests to run."""

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a real data file; the test is skipped with a message where the data is absent."""

    def find(name: str) -> Path:
        if not (path := DATA / name).exists():
            pytest.skip(f"needs the real series {name} in {DATA}, which is not here")
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def _server_of_workers() -> None:
    """Workers of all tests are forked from one server, which loads what the first run needs: here, what any of them does."""
    local.PRELOADED = (*local.PRELOADED, *LOADED)
