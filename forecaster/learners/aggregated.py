"""Intermittent demand, smoothed at coarser steps where it is steadier (equations in _native/intermittent.hpp)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecaster._native import intermittent as native
from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._errors import apart
from forecaster.learners._local import NOTHING_OBSERVED
from forecaster.learners._newer import NOWHERE, ends_early, flat, newer
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Table

FILLED = 2
"""Column of a bucket's state: how many values it holds; below zero those that belong to none."""


@storable
@dataclass(frozen=True)
class ADIDA:
    """Simple exponential smoothing of sums over as many steps as demands lie apart on average.

    Args:
        low: Least smoothing weight; the one with the least squared error one bucket ahead is chosen per series.
        high: Largest smoothing weight.
        threads: Threads of the native call; they change no bit.

    Source: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011), An aggregate-disaggregate intermittent demand approach.
    """

    low: float = 0.1
    high: float = 0.3
    threads: int | None = None
    traits: ClassVar[Traits] = Traits()

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high <= 1:
            raise SettingsError(f"smoothing weights need 0 < low <= high <= 1; came low={self.low!r} and high={self.high!r}")

    @own_units
    def fit(self, table: Table) -> Buckets:
        """Two native calls for all series."""
        observed, widest = _patterns(table, self.threads)
        return _fit(self, table, observed, widest, np.arange(len(table) + 1))


@storable
@dataclass(frozen=True)
class IMAPA(ADIDA):
    """The mean of such forecasts over all numbers of steps from one to the mean interval between demands.

    Args:
        widest: Most steps in one bucket, which bounds time and memory where a product hardly ever sells.

    Source: Petropoulos & Kourentzes (2015), Forecast combinations for intermittent demand.
    """

    widest: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.widest < 1:
            raise SettingsError(f"widest is a number of steps, 1 or more; came {self.widest!r}")

    @own_units
    def fit(self, table: Table) -> Buckets:
        """Two native calls for all series."""
        observed, widest = _patterns(table, self.threads)
        widest = np.minimum(widest, self.widest)
        ptr = np.concatenate([[0], np.cumsum(widest)])
        return _fit(self, table, observed, 1 + np.arange(ptr[-1]) - np.repeat(ptr[:-1], widest), ptr)


@storable
@dataclass(frozen=True, eq=False)
class Buckets:
    """Smoothed sums of every series at one or more bucket sizes; the forecast is their mean per step.

    Args:
        recipe: What made it.
        end: Last step it has seen. (series,)
        ptr: Boundaries of the series in the buckets. (series + 1,)
        size: Steps in one bucket. (buckets,)
        lead: Values before the first full bucket. (buckets,)
        alpha: Smoothing weight. (buckets,)
        state: Level, sum and count of the bucket in the making, full buckets. (buckets, 4)
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: ADIDA
    end: Ints
    ptr: Ints
    size: Ints
    lead: Ints
    alpha: Floats
    state: Floats
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Repeat the rate; `history` moves it on over the values that it has not seen."""
        state = self.state if history is None else self._rolled(history)
        owner = np.repeat(np.arange(len(self.end)), np.diff(self.ptr))
        # bincount adds bucket by bucket, so a series gets the same bits whatever stands beside it.
        rate = np.bincount(owner, state[:, 0] / self.size, len(self.end)) / np.diff(self.ptr)
        unseen = (state[:, 2] == 0) & (state[:, 3] == 0)
        lost = dict.fromkeys(owner[unseen].tolist(), NOTHING_OBSERVED)
        late = {} if history is None else ends_early(history, self.end)
        return flat(rate, horizon, late | lost)

    @in_units
    def fitted(self, table: Table) -> Floats:
        """The rate before each observed value, from those of the table before it; NaN until there is a full bucket of every size. (rows,)

        Buckets are cut as in the table it was fitted on, so the table begins where that one does.
        """
        said, state = np.empty(len(table.target)), np.zeros_like(self.state)
        state[:, FILLED] = -self.lead
        self._follow(table.target, table.indptr, state, said)
        return np.where(np.isfinite(table.target), said, np.nan)

    def residuals(self, table: Table) -> Floats:
        """The values less the fitted ones. (rows,)"""
        return apart(table.target, self.fitted(table))

    def _rolled(self, history: Table) -> Floats:
        state = self.state.copy()
        self._follow(*newer(history, self.end), state, NOWHERE)
        return state

    def _follow(self, values: Floats, indptr: Ints, state: Floats, said: Floats) -> None:
        native.follow_buckets(values, indptr, self.ptr, self.size, self.alpha, state, said, self.recipe.threads or 1)


def _patterns(table: Table, threads: int | None) -> tuple[Ints, Ints]:
    """Observed values, and the mean interval between demands, rounded; one where there are none. (series,) each"""
    found = np.empty((len(table), 3))
    native.patterns(table.target, table.indptr, found, threads or 1)
    observed, interval = found[:, 0], np.nan_to_num(found[:, 1], nan=1.0)
    return observed.astype(np.int64), np.rint(interval).astype(np.int64)


def _fit(recipe: ADIDA, table: Table, observed: Ints, size: Ints, ptr: Ints) -> Buckets:
    alpha, state = np.empty(len(size)), np.empty((len(size), 4))
    native.fit_buckets(table.target, table.indptr, ptr, size, recipe.low, recipe.high, alpha, state, recipe.threads or 1)
    return Buckets(recipe, table.end, ptr, size, np.repeat(observed, np.diff(ptr)) % size, alpha, state)
