"""What the baselines share: a cycle that repeats along a straight line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.guardrails import expect_history
from forecaster.learners._newer import told
from forecaster.learners._units import in_units
from forecaster.protocols import Forecast, Learner
from forecaster.table import Floats, Future, Ints, Table

NOTHING_OBSERVED = "it has no observed value; give at least one number"


@storable
@dataclass(frozen=True, eq=False)
class Cycle:
    """The model of every baseline: step `h` (from 0) is `values[h % period] + slope * (h + 1)`.

    Args:
        recipe: The learner that made it, to move on to newer history.
        values: One cycle; a row of NaN where nothing is known of the series. (series, period)
        slope: Growth per step. (series,)
        begin: First step of the values. (series,)
        reach: So many of the last values say all, where one is known at each step of the cycle; None where every one counts.
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: Learner
    values: Floats
    slope: Floats
    begin: Ints
    reach: int | None
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Repeat the cycle; `history` replaces the one it was fitted on."""
        if history is not None:
            expect_history(history, self._needed(history))
            return self.recipe.fit(history).predict(horizon)
        steps = np.arange(horizon)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self.values[:, steps % self.values.shape[1]] + self.slope[:, None] * (steps + 1)
        lost = np.flatnonzero(np.isnan(self.values).any(axis=1))
        return told(mean, dict.fromkeys(lost.tolist(), NOTHING_OBSERVED))

    def _needed(self, history: Table) -> Ints:
        """The first step of each series that the forecast depends on. (series,)"""
        if self.reach is None:
            return self.begin
        period, recent = self.values.shape[1], history.tail(self.reach)
        known = np.bincount(cells(recent, period)[np.isfinite(recent.target)], minlength=len(history) * period).reshape(-1, period)
        window = np.maximum(self.begin, history.end - self.reach + 1)
        return np.where((known > 0).all(axis=1) | (history.start > window), window, self.begin)


def observed(table: Table) -> Ints:
    """Number of values of each series that are not missing."""
    return np.bincount(table.series[np.isfinite(table.target)], minlength=len(table))


def last_observed(table: Table) -> tuple[Floats, Ints]:
    """The last value of each series that is not missing and its row; NaN and the first row where there is none. (series,) each"""
    return _edge(table, table.indptr[1:] - 1, table.indptr[:-1], np.maximum)


def first_observed(table: Table) -> tuple[Floats, Ints]:
    """The first value of each series that is not missing and its row; NaN and the last row where there is none. (series,) each"""
    return _edge(table, table.indptr[:-1].copy(), table.indptr[1:] - 1, np.minimum)


def _edge(table: Table, rows: Ints, otherwise: Ints, pick: np.ufunc) -> tuple[Floats, Ints]:
    """Values at `rows`, one per series; for a missing one, at the row that `pick` takes of the others, or at `otherwise`."""
    if not len(table.target):
        return np.full(len(table), np.nan), otherwise
    missing = ~((table.sizes > 0) & np.isfinite(table.target[np.clip(rows, 0, len(table.target) - 1)]))
    rows[missing] = otherwise[missing]
    # Most series are observed at both ends: only the others are looked through.
    look = np.flatnonzero(missing & (table.sizes > 0))
    if len(look):
        sizes = table.sizes[look]
        first = np.cumsum(sizes) - sizes
        at = np.arange(sizes.sum()) + np.repeat(table.indptr[look] - first, sizes)
        rows[look] = pick.reduceat(np.where(np.isfinite(table.target[at]), at, np.repeat(otherwise[look], sizes)), first)
    values = table.target[np.clip(rows, 0, len(table.target) - 1)]
    return np.where((table.sizes > 0) & np.isfinite(values), values, np.nan), rows


def phases(table: Table, period: int) -> Ints:
    """Which step of the next cycle each row belongs to, counted so that the row after the last one is 0. (rows,)"""
    before_end = np.repeat(table.indptr[1:], table.sizes) - np.arange(len(table.target))
    return np.asarray(-before_end % period, np.int64)


def cells(table: Table, period: int) -> Ints:
    """Flat index of each row in a (series, period) block. (rows,)"""
    return table.series * period + phases(table, period)


def season(period: int | None, table: Table) -> int:
    """The season to use: the learner's own, or the table's."""
    return max(table.season_length if period is None else period, 1)


def expect_period(period: int | None) -> None:
    """Refuse a season that is no number of steps.

    Raises:
        SettingsError: It is below 1.
    """
    if period is not None and period < 1:
        raise SettingsError(f"period is the number of steps in one season, 1 for none; came {period!r}; None takes that of the table")


def ascending(levels: Iterable[float]) -> tuple[float, ...]:
    """Quantile levels as numbers; none for forecasts without quantiles.

    Raises:
        SettingsError: They do not ascend between 0 and 1.
    """
    given = tuple(float(level) for level in levels)
    if list(given) != sorted(set(given)) or (given and not 0 < given[0] <= given[-1] < 1):
        raise SettingsError(f"levels ascend between 0 and 1; came {given!r}")
    return given


def filled(block: Floats, otherwise: Floats) -> Floats:
    """`block` (series, period) with `otherwise` (series,) where it is NaN."""
    missing: NDArray[np.bool_] = np.isnan(block)
    return np.where(missing, otherwise[:, None], block)
