"""Complex exponential smoothing: level and trend in one complex number (equations in _native/ces.hpp)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forecaster._native import ces as native
from forecaster.archive import columns, storable
from forecaster.errors import UnknownName
from forecaster.learners._errors import apart
from forecaster.learners._local import NOTHING_OBSERVED, ascending, expect_period, season
from forecaster.learners._newer import NOWHERE, ends_early, newer, replayed, told
from forecaster.learners._normal import normal_quantiles
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Table

CYCLES = ("none", "simple", "partial", "full")
NUMBERS = ("cycle", "a0", "a1", "b0", "b1", "deviation", "steps", "missing_at_end")
"""Columns of a model, as in _native/ces.pyi."""
STEPS, GAP = NUMBERS.index("steps"), NUMBERS.index("missing_at_end")


@storable
@dataclass(frozen=True)
class CES:
    """Complex exponential smoothing per series, with normal quantiles from its exact variance.

    Args:
        cycle: Kind of season: "none", "simple" (only the last season counts), "partial" (additive, of fixed shape), "full" (additive or
            growing with the level), or "auto": the one with the least AICc per series. A series shorter than two seasons has "none".
        period: Steps in one season; that of the table where None.
        levels: Quantile levels, ascending, between 0 and 1; none for forecasts without quantiles.
        threads: Threads of the native call; they change no bit.

    Source: Svetunkov, Kourentzes & Ord (2022), Complex exponential smoothing.
    """

    cycle: Literal["auto", "none", "simple", "partial", "full"] = "auto"
    period: int | None = None
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.cycle not in ("auto", *CYCLES):
            raise UnknownName.of("kind of season of CES", self.cycle, ("auto", *CYCLES))
        object.__setattr__(self, "levels", ascending(self.levels))
        expect_period(self.period)

    @property
    def traits(self) -> Traits:
        """Quantiles of its own where levels are set."""
        return Traits(quantiles=bool(self.levels))

    @own_units
    def fit(self, table: Table) -> FittedCES:
        """One native call for all series."""
        cycle, period = -1 if self.cycle == "auto" else CYCLES.index(self.cycle), season(self.period, table)
        models, first, states = (np.empty((len(table), width)) for width in (native.WIDTH, 2 * period + 2, 2 * period + 2))
        native.fit(table.target, table.indptr, cycle, period, models, first, states, self.threads or 1)
        return FittedCES(self, table.end, period, models, first, states)


@storable
@dataclass(frozen=True, eq=False)
class FittedCES:
    """The models of all series.

    Args:
        recipe: What made it.
        end: Last step it has seen. (series,)
        period: Steps in one season.
        models: Kind of season, weights, deviation and steps: `NUMBERS`. (series, WIDTH)
        first: Levels, potentials and seasons before the first value. (series, 2 * period + 2)
        states: The same after the last value. (series, 2 * period + 2)
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: CES
    end: Ints
    period: int
    models: Floats = field(metadata=columns(*NUMBERS))
    first: Floats
    states: Floats
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Means and quantiles; `history` moves the state on over the values that it has not seen."""
        models, states = (self.models, self.states) if history is None else self._rolled(history)
        mean, spread = np.empty((len(models), horizon)), np.empty((len(models), horizon))
        native.ahead(self.period, models, states, mean, spread, self.recipe.threads or 1)
        failed = dict.fromkeys(np.flatnonzero(self.models[:, STEPS] == 0).tolist(), NOTHING_OBSERVED)
        late = {} if history is None else ends_early(history, self.end)
        return told(mean, late | failed, self.recipe.levels, normal_quantiles(mean, spread, self.recipe.levels))

    @in_units
    def fitted(self, table: Table) -> Floats:
        """The forecast of each value from those before it; NaN where the value is missing or before all that it was fitted on. (rows,)"""
        begin = self.end + 1 - self.models[:, STEPS].astype(np.int64)
        models, states = self.models.copy(), self.first.copy()
        models[:, [STEPS, GAP]] = 0
        return replayed(table, begin, lambda values, indptr, said: self._follow(values, indptr, models, states, said))

    def residuals(self, table: Table) -> Floats:
        """The values less the fitted ones. (rows,)"""
        return apart(table.target, self.fitted(table))

    def _rolled(self, history: Table) -> tuple[Floats, Floats]:
        models, states = self.models.copy(), self.states.copy()
        self._follow(*newer(history, self.end), models, states, NOWHERE)
        return models, states

    def _follow(self, values: Floats, indptr: Ints, models: Floats, states: Floats, said: Floats) -> None:
        native.follow(values, indptr, self.period, models, states, said, self.recipe.threads or 1)
