"""Features of the time alone: calendar, Fourier terms and a trend, once per distinct step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.features.calendar import COLUMNS, WIDE, Grid, calendar, informative
from forecaster.features.fourier import fourier
from forecaster.frequency import Frequency
from forecaster.table import Ints, Singles

_CALENDAR = frozenset(name for names in COLUMNS.values() for name in names)


@storable
@dataclass(frozen=True)
class Timeline:
    """Which columns of the time a matrix has.

    Args:
        calendar: Whether calendar columns are wanted.
        orders: Fourier terms: period in steps -> number of pairs.
        origin: Step that the trend counts from; None for no trend.
        names: The columns that are kept.
    """

    calendar: bool = True
    orders: Mapping[float, int] = field(default_factory=dict)
    origin: int | None = None
    names: tuple[str, ...] = ()

    def fit(self, frequency: Frequency, grid: Grid) -> Timeline:
        """Keep the columns that say something new over the steps of the training rows."""
        return replace(self, names=tuple(informative(self._columns(frequency, grid.steps))))

    def columns(self, frequency: Frequency, grid: Grid) -> Singles:
        """The kept columns of each step of the grid. (steps, k)"""
        found = self._columns(frequency, grid.steps) if self.names else {}
        return np.column_stack([found[name] for name in self.names]) if found else np.zeros((len(grid.steps), 0), np.float32)

    def natural(self, frequency: Frequency, grid: Grid) -> dict[str, NDArray[Any]]:
        """The kept columns in the smallest type that holds all that they may be. Column name -> (steps,)"""
        columns = self.columns(frequency, grid)
        return {name: columns[:, k].astype(_type_of(name)) for k, name in enumerate(self.names)}

    def _columns(self, frequency: Frequency, steps: Ints) -> dict[str, Singles]:
        trend = {} if self.origin is None else {"trend": (steps - self.origin).astype(np.float32)}
        return trend | (calendar(frequency, steps) if self.calendar else {}) | fourier(steps, self.orders)


def _type_of(name: str) -> type[np.generic]:
    if name == "trend":
        return np.int32
    return np.float32 if name not in _CALENDAR else np.int16 if name in WIDE else np.int8
