"""Intermittent demand: the size of a demand and the time to the next one, smoothed apart (equations in _native/intermittent.hpp)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from forecaster._native import intermittent as native
from forecaster.archive import columns, storable
from forecaster.errors import SettingsError
from forecaster.learners._errors import apart
from forecaster.learners._local import NOTHING_OBSERVED
from forecaster.learners._newer import NOWHERE, ends_early, flat, newer
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Table

CROSTON, SBA_, TSB_, BY_PATTERN = range(4)
WEIGHTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Smoothing weights to choose from where a recipe leaves one open."""


@storable
@dataclass(frozen=True)
class Croston:
    """Croston's method: demand per step is the smoothed size of a demand over the smoothed interval between demands.

    Args:
        alpha: Weight of the newest demand in the size, in (0, 1]; chosen per series by the squared error one step ahead where None.
        beta: Weight of the newest interval, likewise.
        threads: Threads of the native call; they change no bit.

    Source: Croston (1972), Forecasting and stock control for intermittent demands.
    """

    alpha: float | None = 0.1
    beta: float | None = 0.1
    threads: int | None = None
    traits: ClassVar[Traits] = Traits()
    method: ClassVar[int] = CROSTON

    def __post_init__(self) -> None:
        _expect_weights(self.alpha, self.beta)

    def fit(self, table: Table) -> Rate:
        """One native call for all series."""
        # Nothing is squared where nothing is chosen, and looking for a unit would take as long as the call.
        return (_fit if self.alpha and self.beta else _fit_in_units)(self, table)

    @property
    def smooth(self) -> tuple[float, float]:
        """The interval and the variation up to which demand is smooth, where the method depends on that."""
        return 0.0, 0.0


@storable
@dataclass(frozen=True)
class SBA(Croston):
    """Croston's method without its bias: times one minus half the weight of the newest interval.

    Source: Syntetos & Boylan (2005), The accuracy of intermittent demand estimates.
    """

    method: ClassVar[int] = SBA_


@storable
@dataclass(frozen=True)
class TSB(Croston):
    """Smoothed size of a demand times the smoothed chance of one, which moves at every step, so that the forecast of a dead product fades.

    Here `beta` is the weight of the newest step in the chance.

    Source: Teunter, Syntetos & Babai (2011), Intermittent demand: linking forecasting to inventory obsolescence.
    """

    method: ClassVar[int] = TSB_


@storable
@dataclass(frozen=True)
class Intermittent(Croston):
    """Croston's method or SBA, chosen per series by how often and how evenly it sells; weights by its squared error unless given.

    Fixed weights of 0.1 forecast worse on M5 by days and by weeks (seen on a cut-off earlier than that of the benchmarks).

    Args:
        interval: Up to this mean interval between demands (ADI) ...
        variation: ... and this squared coefficient of variation of their sizes (CV2) demand is smooth, and Croston's method is best.

    Source: Syntetos, Boylan & Croston (2005), On the categorization of demand patterns.
    """

    alpha: float | None = None
    beta: float | None = None
    interval: float = 1.32
    variation: float = 0.49
    method: ClassVar[int] = BY_PATTERN

    def fit(self, table: Table) -> Rate:
        """One native call for all series."""
        return _fit_in_units(self, table)

    @property
    def smooth(self) -> tuple[float, float]:
        """The interval and the variation up to which demand is smooth."""
        return self.interval, self.variation


@storable
@dataclass(frozen=True, eq=False)
class Rate:
    """Demand per step, the same at every step ahead.

    Args:
        recipe: What made it.
        end: Last step it has seen. (series,)
        method: 0 Croston, 1 SBA, 2 TSB. (series,)
        smoothing: Weights of size and of interval or chance. (series, 2)
        state: Size, interval or chance, steps since the last demand, demands so far. (series, 4)
        rate: The forecast; NaN where nothing is known of the series. (series,)
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: Croston
    end: Ints
    method: Ints
    smoothing: Floats = field(metadata=columns("alpha", "beta"))
    state: Floats = field(metadata=columns("size", "interval", "since", "demands"))
    rate: Floats
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Repeat the rate; `history` moves it on over the values that it has not seen."""
        rate = self.rate if history is None else self._rolled(history)
        unknown = np.flatnonzero(np.isnan(rate))
        lost = dict.fromkeys(unknown[~self.state[unknown].any(axis=1)].tolist(), NOTHING_OBSERVED)
        late = {} if history is None else ends_early(history, self.end)
        return flat(rate, horizon, late | lost)

    @in_units
    def fitted(self, table: Table) -> Floats:
        """The rate before each observed value, from those of the table before it; NaN where there is none. (rows,)"""
        said, state = np.empty(len(table.target)), np.zeros_like(self.state)
        _follow(table.target, table.indptr, self.method, self.smoothing, state, self.recipe.threads, said)
        return np.where(np.isfinite(table.target), said, np.nan)

    def residuals(self, table: Table) -> Floats:
        """The values less the fitted ones. (rows,)"""
        return apart(table.target, self.fitted(table))

    def _rolled(self, history: Table) -> Floats:
        values, indptr = newer(history, self.end)
        return _follow(values, indptr, self.method, self.smoothing, self.state.copy(), self.recipe.threads)


def _fit(recipe: Croston, table: Table) -> Rate:
    series = len(table)
    method, smoothing, state, rate = np.full(series, recipe.method), np.empty((series, 2)), np.empty((series, 4)), np.empty(series)
    sizes, paces = _open(recipe.alpha), _open(recipe.beta)
    native.fit_demand(table.target, table.indptr, method, recipe.smooth, sizes, paces, smoothing, state, rate, recipe.threads or 1)
    return Rate(recipe, table.end, method, smoothing, state, rate)


_fit_in_units = own_units(_fit)


def _follow(
    values: Floats, indptr: Ints, method: Ints, smoothing: Floats, state: Floats, threads: int | None, said: Floats = NOWHERE
) -> Floats:
    """Move `state` on over the values; the rate of each series, NaN where it was never observed. (series,)"""
    rate = np.empty(len(state))
    native.follow_demand(values, indptr, method, smoothing, state, rate, said, threads or 1)
    return rate


def _open(weight: float | None) -> tuple[float, ...]:
    return WEIGHTS if weight is None else (weight,)


def _expect_weights(*weights: float | None) -> None:
    for weight in weights:
        if weight is not None and not 0 < weight <= 1:
            raise SettingsError(f"a smoothing weight lies above 0 and at most at 1; came {weight!r}; None chooses one per series")
