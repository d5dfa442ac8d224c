"""Season and trend of the target as features, as far as they are known at the origin.

A decomposition of the whole series (STL by loess) would tell a training row what came after it. Here both parts are made of means of
the values so far, as in a classical decomposition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecaster.features.lookback import LookBack, Op, State, Windowed, latest
from forecaster.features.windows import Rolling, Seasonal
from forecaster.table import Floats, Ints, Singles

Parts = Literal["season", "season_trend"]
"""What may be asked for."""

SEASONS = 4
"""Seasons that a season is the mean of, or as many as there are."""


@dataclass(frozen=True)
class SeasonPart:
    """How far values of the same season lay above the mean of the season up to them: the mean of the last four. Missing in the first
    season. The state holds what lies before the series as infinite.

    Args:
        period: Rows in one season; half of them must be observed.
    """

    period: int

    @property
    def names(self) -> tuple[str, ...]:
        """One column."""
        return ("stl_season",)

    @property
    def span(self) -> int:
        """Rows of context that make `start` exact."""
        return SEASONS * self.period

    def transform(self, values: Floats | Singles, indptr: Ints) -> Singles:
        """The features of every row. (rows, 1)"""
        level = Rolling("mean", (self.period,), self._least).transform(values, indptr)[:, 0]
        place = np.arange(len(values)) - np.repeat(indptr[:-1], np.diff(indptr))
        above = np.where(place >= self.period - 1, values - level, np.nan)
        return Seasonal("mean", self.period, (SEASONS,)).transform(above, indptr)

    def start(self, values: Floats | Singles, indptr: Ints) -> State:
        """The state after the last row of each series."""
        return latest(values, indptr, self.span, before=np.inf)

    def step(self, state: State, value: Floats) -> tuple[State, Singles]:
        """The state after one more value of each series, and its feature row. (series, 1)"""
        state = np.column_stack([state[:, 1:], value])
        seasons = state.reshape(len(state), SEASONS, self.period)
        known = np.isfinite(seasons)
        count = known.sum(2)
        level = np.where(known, seasons, 0.0).sum(2) / np.maximum(count, 1)
        there = (count >= self._least) & ~np.isinf(seasons).any(2) & known[..., -1]
        above = np.where(there, seasons[..., -1], 0.0) - np.where(there, level, 0.0)
        mean = above.sum(1) / np.maximum(there.sum(1), 1)
        return state, np.where(there.any(1), mean, np.nan).astype(np.float32)[:, None]

    @property
    def _least(self) -> int:
        return (self.period + 1) // 2


@dataclass(frozen=True)
class TrendPart(Windowed):
    """The mean of the last season, in which no season is left.

    Args:
        period: Rows in one season.
    """

    period: int

    @property
    def names(self) -> tuple[str, ...]:
        """One column."""
        return ("stl_trend",)

    @property
    def ops(self) -> tuple[Op, ...]:
        """What is computed."""
        return (Op("mean", self.period),)


def season_of(asked: Parts | None, period: int) -> tuple[LookBack, ...]:
    """What is read at the last row of the season; nothing where there is no season."""
    return (SeasonPart(period),) if asked and period > 1 else ()


def trend_of(asked: Parts | None, period: int) -> tuple[LookBack, ...]:
    """What is read at the origin."""
    return (TrendPart(period),) if asked == "season_trend" and period > 1 else ()
