"""Shared fixtures: where the real series lie; and how long drawn examples may take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says more of what else the machine does than of the code
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a real data file; the test is skipped with a message where the data is absent."""

    def find(name: str) -> Path:
        if not (path := DATA / name).exists():
            pytest.skip(f"needs the real series {name} in {DATA}, which is not here")
        return path

    return find
