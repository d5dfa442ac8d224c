"""Calendar features: what the local clock and calendar say about each step.

Steps are whole numbers on one grid, so every column is computed once per distinct step and gathered: the cost grows with the
number of steps between the first and the last, not with the number of rows.

Columns that are functions of a column that is here (half year, quarter day, am/pm, twelve-hour clock, ISO year, labels) are
left out; so are columns finer than the frequency (azure-semantics A.5 #57 and B.4: "pruned when finer than freq or collinear").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from forecaster.table import Ints, Singles, Table

DAILY = ("year", "quarter", "month", "week", "year_day", "month_day", "weekday")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "integer": (),
    "year": ("year",),
    "quarter": ("year", "quarter"),
    "month": ("year", "quarter", "month", "month_days"),
    "week": ("year", "quarter", "month", "week", "month_day"),
    "business": DAILY,
    "day": DAILY,
    "hour": (*DAILY, "hour"),
    "minute": (*DAILY, "hour", "minute"),
    "second": (*DAILY, "hour", "minute", "second"),
}
WIDE = frozenset({"year", "year_day"})
"""Columns whose numbers take two bytes; the others take one."""
CYCLES = frozenset({"quarter", "month", "weekday", "hour"})
"""Columns whose few values come round again: learners that cannot bend a line may take them as categories."""

Name = TypeVar("Name", str, int)

_DENSE = 1 << 16


@dataclass(frozen=True, eq=False)
class Grid:
    """The distinct steps of some rows, and where each row's step lies among them."""

    steps: Ints

    @classmethod
    def of(cls, steps: Ints) -> Grid:
        """All steps from the first to the last, or the sorted distinct ones where they lie far apart."""
        if steps.size == 0:
            return cls(np.zeros(0, np.int64))
        low, high = int(steps.min()), int(steps.max())
        dense = high - low < 2 * steps.size + _DENSE
        return cls(np.arange(low, high + 1) if dense else np.unique(steps))

    @classmethod
    def over(cls, table: Table) -> Grid:
        """The grid of a table's rows, for which their steps need not be written down where all lie near each other."""
        there = table.sizes > 0
        if not there.any():
            return cls.of(table.start[:0])
        low, high = int(table.start[there].min()), int(table.end[there].max())
        return cls(np.arange(low, high + 1)) if high - low < 2 * len(table.target) + _DENSE else cls.of(table.steps)

    def at(self, steps: Ints) -> Ints:
        """Position of each step in the grid."""
        if len(self.steps) and self.steps[-1] - self.steps[0] == len(self.steps) - 1:
            return np.asarray(steps - self.steps[0], np.int64)
        return np.searchsorted(self.steps, steps).astype(np.int64)


def calendar(frequency: Frequency, steps: Ints) -> dict[str, Singles]:
    """Calendar columns of the steps in local wall-clock time.

    Args:
        frequency: Turns steps into wall-clock time; its unit decides which columns there are.
        steps: Any steps. (n,)

    Returns:
        Column name -> (n,): `year`; `quarter` 1-4; `month` 1-12; `month_days` 28-31; ISO `week` 1-53; `year_day` 1-366;
        `month_day` 1-31; `weekday` 0 (Monday) to 6; `hour`, `minute`, `second` from 0.
    """
    wanted = COLUMNS[frequency.unit]
    if not wanted:
        return {}
    clock = frequency.local(steps).astype("datetime64[s]")
    parts = _dates(clock) | _times(clock)
    return {name: parts[name].astype(np.float32) for name in wanted}


def _dates(clock: NDArray[np.datetime64]) -> dict[str, Ints]:
    day, month, year = (clock.astype(f"datetime64[{unit}]") for unit in "DMY")
    weekday = (_int(day) + 3) % 7
    thursday = day + (3 - weekday)
    return {
        "year": _int(year) + 1970,
        "quarter": _int(month) % 12 // 3 + 1,
        "month": _int(month) % 12 + 1,
        "month_days": _int((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")),
        "week": _int(thursday - thursday.astype("datetime64[Y]").astype("datetime64[D]")) // 7 + 1,
        "year_day": _int(day - year.astype("datetime64[D]")) + 1,
        "month_day": _int(day - month.astype("datetime64[D]")) + 1,
        "weekday": weekday,
    }


def _times(clock: NDArray[np.datetime64]) -> dict[str, Ints]:
    second = _int(clock) % 86_400
    return {"hour": second // 3600, "minute": second // 60 % 60, "second": second % 60}


def _int(values: NDArray[np.datetime64] | NDArray[np.timedelta64]) -> Ints:
    return values.astype(np.int64)


def informative(columns: Mapping[Name, Singles]) -> list[Name]:
    """Names of the columns that say something new: not constant, and no straight line of an earlier column.

    Args:
        columns: Column name -> (n,), without NaN.
    """
    kept: list[Name] = []
    seen: list[NDArray[np.float64]] = []
    for name, column in columns.items():
        centred = column.astype(np.float64) - column.mean(dtype=np.float64) if column.size else np.zeros(0)
        length = float(np.sqrt(centred @ centred))
        if length <= 1e-6 * max(1.0, float(np.sqrt(column.size))):
            continue
        centred /= length
        if all(abs(float(centred @ other)) < 1 - 1e-9 for other in seen):
            kept.append(name)
            seen.append(centred)
    return kept
