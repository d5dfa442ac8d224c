"""Small tables for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecaster.frequency import Frequency
from forecaster.table import Table


def hand_table(
    values: Sequence[Sequence[float]],
    freq: str = "D",
    start: str = "2021-01-01",
    season_length: int = 1,
    groups: Sequence[int] | None = None,
    zone: str | None = None,
    **columns: Any,
) -> Table:
    """The table of some series that all begin at `start`.

    Args:
        values: One list per series.
        groups: Number of series of each group; one group where absent.
    """
    frequency = Frequency.parse(freq, zone)
    stamp = np.array([int(start)] if start.lstrip("-").isdigit() else [start], None if start.lstrip("-").isdigit() else "datetime64[us]")
    counts = [len(values)] if groups is None else list(groups)
    return Table(
        target=np.concatenate([np.asarray(one, float) for one in values]),
        indptr=np.cumsum([0, *map(len, values)]),
        start=np.repeat(frequency.steps(stamp)[0], len(values)),
        frequency=frequency,
        ids={"unique_id": np.array([f"s{i}" for i in range(len(values))])},
        group_ptr=np.cumsum([0, *counts]),
        groups={} if groups is None else {"store": np.arange(len(counts))},
        season_length=season_length,
        **columns,
    )


def noisy_table(seed: int = 0, sizes: Sequence[int] = (60, 41, 5, 83), missing: float = 0.1, **options: Any) -> Table:
    """A table of counts with gaps, two known covariates (one a category), a past one, and a static category."""
    rng = np.random.default_rng(seed)
    values = [np.where(rng.random(n) < missing, np.nan, rng.poisson(9, n).astype(float)) for n in sizes]
    rows = sum(sizes)
    given: dict[str, Any] = {
        "known": {"price": rng.normal(3, 1, rows).astype(np.float32), "promo": rng.integers(0, 3, rows).astype(np.float32)},
        "past": {"visits": rng.normal(50, 9, rows).astype(np.float32)},
        "static": {"region": (np.arange(len(sizes)) % 3).astype(np.float32)},
        "categories": {"promo": ("none", "leaflet", "radio"), "region": ("north", "south", "west")},
        "season_length": 7,
    }
    return hand_table(values, **(given | options))
