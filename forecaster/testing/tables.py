"""Small tables that learners are tested on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecaster.frequency import Frequency
from forecaster.table import Floats, Future, Table

HARD: dict[str, Floats] = {
    "nothing": np.empty(0),
    "never observed": np.full(30, np.nan),
    "one value": np.array([3.0]),
    "one value among gaps": np.r_[np.full(20, np.nan), 3.0, np.full(9, np.nan)],
    "two values": np.array([3.0, 4.0]),
    "constant": np.full(30, 5.0),
    "all zero": np.zeros(30),
    "one sale": np.r_[np.zeros(29), 1.0],
    "gaps": np.where(np.arange(40) % 3 == 0, np.nan, np.arange(40.0)),
    "late start": np.r_[np.full(25, np.nan), 1.0, 2.0, 4.0, 3.0, 2.0],
    "ends in gaps": np.r_[np.arange(25.0), np.full(10, np.nan)],
    "huge": 1e12 * (2 + np.sin(np.arange(40.0))),
    "tiny": 1e-12 * (2 + np.sin(np.arange(40.0))),
    "negative": -10 - np.sin(np.arange(40.0)),
    "a jump": np.r_[np.ones(30), 1e6, np.ones(9)],
}
"""Series that a job meets sooner or later."""


def table_of(series: Sequence[Floats], group_sizes: Sequence[int] | None = None, **fields: Any) -> Table:
    """A daily table of the given values.

    Args:
        series: Values of each series; they end on the same day.
        group_sizes: Series per group; one group where absent.
        fields: Further fields of the table.
    """
    sizes = np.array([len(values) for values in series], np.int64)
    made: dict[str, Any] = {
        "target": np.concatenate([np.asarray(values, np.float64) for values in series]),
        "indptr": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "start": 20_000 - sizes,
        "frequency": Frequency.parse("D"),
        "ids": {"unique_id": np.array([f"s{i:03d}" for i in range(len(series))])},
        "group_ptr": np.cumsum([0, *(group_sizes or [len(series)])]).astype(np.int64),
        "groups": {} if group_sizes is None else {"group": np.arange(len(group_sizes)).astype(str)},
        "season_length": 7,
    }
    return Table(**(made | fields))


def sales(groups: Sequence[int] = (2, 1, 2), days: int = 70, seed: int = 0) -> Table:
    """A small table with a weekly season, a trend, and series of different lengths and sizes.

    Args:
        groups: Series per group.
        days: Length of the longest series.
        seed: Seed of the noise.
    """
    rng = np.random.default_rng(seed)
    series = []
    for i in range(sum(groups)):
        day = np.arange(6 * i, days)
        series.append(10.0 ** (i % 3) * (20 + 5 * np.sin(2 * np.pi * (day + i) / 7) + 0.05 * day + rng.normal(size=len(day))))
    return table_of(series, groups)


def promoted() -> tuple[Table, Future]:
    """A table in which a known promotion adds half to the sales, and a future with a promotion on every day."""
    rng = np.random.default_rng(0)
    promotion = (rng.random(160) < 0.4).astype(np.float32)
    table = table_of([20 + 10 * promotion[:80] + rng.normal(size=80), 30 + 15 * promotion[80:] + rng.normal(size=80)])
    return dataclasses.replace(table, known={"promotion": promotion}), Future({"promotion": np.ones((2, 3), np.float32)}, 3)


def reordered(table: Table, order: Sequence[int]) -> Table:
    """The table with its series in another order; every series must be a group of its own."""
    turn = np.asarray(order)
    fields: Mapping[str, Any] = {"ids": {name: values[turn] for name, values in table.ids.items()}, "start": table.start[turn]}
    return dataclasses.replace(table_of([table.values(i) for i in order], [1] * len(turn)), **fields)
