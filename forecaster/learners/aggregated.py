"""Intermittent demand, smoothed at coarser steps where it is steadier (equations in _native/intermittent.hpp)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecaster._native import intermittent as native
from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._local import NOTHING_OBSERVED
from forecaster.learners._newer import ends_early, newer, told
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Table


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

    def fit(self, table: Table) -> Buckets:
        """Two native calls for all series."""
        return _fit(self, table, _widest(table, self.threads), np.arange(len(table) + 1))


@storable
@dataclass(frozen=True)
class IMAPA(ADIDA):
    """The mean of such forecasts over all numbers of steps from one to the mean interval between demands.

    Args:
        widest: Most steps in one bucket, which bounds time and memory where a product hardly ever sells.

    Source: Petropoulos & Kourentzes (2015), Forecast combinations for intermittent demand.
    """

    widest: int = 100

    def fit(self, table: Table) -> Buckets:
        """Two native calls for all series."""
        widest = np.minimum(_widest(table, self.threads), max(self.widest, 1))
        ptr = np.concatenate([[0], np.cumsum(widest)])
        return _fit(self, table, 1 + np.arange(ptr[-1]) - np.repeat(ptr[:-1], widest), ptr)


@storable
@dataclass(frozen=True, eq=False)
class Buckets:
    """Smoothed sums of every series at one or more bucket sizes; the forecast is their mean per step.

    Args:
        recipe: What made it.
        end: Last step it has seen. (series,)
        ptr: Boundaries of the series in the buckets. (series + 1,)
        size: Steps in one bucket. (buckets,)
        alpha: Smoothing weight. (buckets,)
        state: Level, sum and count of the bucket in the making, full buckets. (buckets, 4)
    """

    recipe: ADIDA
    end: Ints
    ptr: Ints
    size: Ints
    alpha: Floats
    state: Floats

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Repeat the rate; `history` moves it on over the values that it has not seen."""
        state = self.state if history is None else self._rolled(history)
        owner = np.repeat(np.arange(len(self.end)), np.diff(self.ptr))
        # bincount adds bucket by bucket, so a series gets the same bits whatever stands beside it.
        rate = np.bincount(owner, state[:, 0] / self.size, len(self.end)) / np.diff(self.ptr)
        unseen = (state[:, 2] == 0) & (state[:, 3] == 0)
        lost = dict.fromkeys(owner[unseen].tolist(), NOTHING_OBSERVED)
        late = {} if history is None else ends_early(history, self.end)
        return told(np.repeat(rate[:, None], horizon, axis=1), late | lost)

    def _rolled(self, history: Table) -> Floats:
        values, indptr = newer(history, self.end)
        state = self.state.copy()
        native.follow_buckets(values, indptr, self.ptr, self.size, self.alpha, state, self.recipe.threads or 1)
        return state


def _widest(table: Table, threads: int | None) -> Ints:
    """The mean interval between demands, rounded; one where there are none. (series,)"""
    found = np.empty((len(table), 3))
    native.patterns(table.target, table.indptr, found, threads or 1)
    return np.rint(np.nan_to_num(found[:, 1], nan=1.0)).astype(np.int64)


def _fit(recipe: ADIDA, table: Table, size: Ints, ptr: Ints) -> Buckets:
    alpha, state = np.empty(len(size)), np.empty((len(size), 4))
    native.fit_buckets(table.target, table.indptr, ptr, size, recipe.low, recipe.high, alpha, state, recipe.threads or 1)
    return Buckets(recipe, table.end, ptr, size, alpha, state)
