"""The Theta method: half a straight line and half a smoothed level, or the best mixture (equations in _native/theta.hpp)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from forecaster._native import theta as native
from forecaster.archive import columns, storable
from forecaster.errors import UnknownName
from forecaster.learners._errors import apart
from forecaster.learners._local import NOTHING_OBSERVED, ascending, expect_period, season
from forecaster.learners._newer import NOWHERE, ends_early, newer, replayed, told
from forecaster.learners._normal import normal_quantiles
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Parts, Traits
from forecaster.table import Floats, Future, Ints, Table

FORMS = ("STM", "OTM", "DSTM", "DOTM")
DECOMPOSITIONS = ("none", "multiplicative", "additive")
NUMBERS = (
    "form", "alpha", "k", "deviation", "decomposition", "level", "steps", "line_n", "line_time", "line_mean", "line_tt", "line_ty",
    "phase", "missing_at_end", "first_level",
)  # fmt: skip
"""Columns of a model, as in _native/theta.pyi."""
STEPS = NUMBERS.index("steps")
KIND, LEVEL = NUMBERS.index("decomposition"), NUMBERS.index("level")


@storable
@dataclass(frozen=True)
class Theta:
    """A theta model per series, with normal quantiles from its variance in closed form.

    Args:
        form: "DOTM" (theta optimised, the line moves with the data), "DSTM" (theta is 2), "OTM" and "STM" (one line for all values), or
            "auto": the one with the least AICc per series, which on competition data forecast no better than DOTM alone.
        decomposition: How a season is taken out where a test finds one: "multiplicative" (additive where values or indices are not
            positive), "additive" or "none".
        period: Steps in one season; that of the table where None.
        levels: Quantile levels, ascending, between 0 and 1; none for forecasts without quantiles.
        threads: Threads of the native call; they change no bit.

    Source: Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), Models for optimising the theta method.
    """

    form: Literal["auto", "STM", "OTM", "DSTM", "DOTM"] = "DOTM"
    decomposition: Literal["none", "multiplicative", "additive"] = "multiplicative"
    period: int | None = None
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.form not in ("auto", *FORMS):
            raise UnknownName.of("form of the theta model", self.form, ("auto", *FORMS))
        if self.decomposition not in DECOMPOSITIONS:
            raise UnknownName.of("decomposition", self.decomposition, DECOMPOSITIONS)
        object.__setattr__(self, "levels", ascending(self.levels))
        expect_period(self.period)

    @property
    def traits(self) -> Traits:
        """Quantiles of its own where levels are set."""
        return Traits(quantiles=bool(self.levels))

    @own_units
    def fit(self, table: Table) -> FittedTheta:
        """One native call for all series."""
        form = -1 if self.form == "auto" else FORMS.index(self.form)
        models, indices = np.empty((len(table), native.WIDTH)), np.empty((len(table), season(self.period, table)))
        native.fit(table.target, table.indptr, form, DECOMPOSITIONS.index(self.decomposition), models, indices, self.threads or 1)
        return FittedTheta(self, table.end, models, indices)


@storable
@dataclass(frozen=True, eq=False)
class FittedTheta:
    """The theta models of all series.

    Args:
        recipe: What made it.
        end: Last step it has seen. (series,)
        models: Parameters and state: `NUMBERS`. (series, WIDTH)
        indices: Of the season, from the step after `end` on. (series, steps of a season)
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: Theta
    end: Ints
    models: Floats = field(metadata=columns(*NUMBERS))
    indices: Floats
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Means and quantiles; `history` moves the state on over the values that it has not seen."""
        models = self.models if history is None else self._rolled(history)
        mean, spread = np.empty((len(models), horizon)), np.empty((len(models), horizon))
        native.ahead(models, self.indices, mean, spread, self.recipe.threads or 1)
        failed = dict.fromkeys(np.flatnonzero(self.models[:, STEPS] == 0).tolist(), NOTHING_OBSERVED)
        late = {} if history is None else ends_early(history, self.end)
        return told(mean, late | failed, self.recipe.levels, normal_quantiles(mean, spread, self.recipe.levels))

    @in_units
    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """Level, trend and season: the level that it stands at, what moves away from it, and what the season changes."""
        moved = self if history is None else replace(self, models=self._rolled(history))
        calm = np.repeat(np.where(self.models[:, [KIND]] == 1, 1.0, 0.0), self.indices.shape[1], axis=1)
        whole, bare = moved.predict(horizon).mean, replace(moved, indices=calm).predict(horizon).mean
        level = np.where(np.isfinite(bare), moved.models[:, [LEVEL]], np.nan)
        return {"level": level, "trend": bare - level, "season": whole - bare}

    @in_units
    def fitted(self, table: Table) -> Floats:
        """The forecast of each value from those before it; NaN where the value is missing or before all that it was fitted on. (rows,)"""
        begin = self.end + 1 - self.models[:, STEPS].astype(np.int64)
        models = self.models.copy()
        native.restart(models, self.indices.shape[1])
        return replayed(table, begin, lambda values, indptr, said: self._follow(values, indptr, models, said))

    def residuals(self, table: Table) -> Floats:
        """The values less the fitted ones. (rows,)"""
        return apart(table.target, self.fitted(table))

    def _rolled(self, history: Table) -> Floats:
        models = self.models.copy()
        self._follow(*newer(history, self.end), models, NOWHERE)
        return models

    def _follow(self, values: Floats, indptr: Ints, models: Floats, said: Floats) -> None:
        native.follow(values, indptr, self.indices, models, said, self.recipe.threads or 1)
