"""How good the out-of-fold forecasts were: per step, window, series, group and quantile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.ensembles import FINAL
from forecaster.report.axes import Array
from forecaster.report.data import Ints, Series, floats, keys, places, times


@dataclass(frozen=True, eq=False)
class Backtested:
    """The out-of-fold forecasts of what was chosen, flat, one entry per row.

    Args:
        series: Distinct series keys.
        code: Series of each row.
        window: Window of each row, 0 for the oldest of its series.
        step: Steps ahead of each row, 0 for the first.
        actual: What came.
        forecast: What was forecast.
        quantiles: Level -> quantile forecasts.
    """

    series: pa.Table
    code: Ints
    window: Ints
    step: Ints
    actual: Array
    forecast: Array
    quantiles: dict[float, Array]

    @classmethod
    def of(cls, series: Series) -> Backtested:
        """Number the rows of a backtest."""
        names, rows = series.columns.series, chosen(series.backtest)
        known = keys(rows, names)
        code = places(rows, known, names)
        cutoffs = ranked(code, times(rows, "cutoff"))
        steps = ranked(code * (int(cutoffs.max(initial=0)) + 1) + cutoffs, times(rows, series.columns.time))
        return cls(known, code, cutoffs, steps, floats(rows, "actual"), floats(rows, "forecast"), quantile_columns(rows))

    @cached_property
    def scored(self) -> Array:
        """1 for a row with both an actual and a forecast."""
        return (np.isfinite(self.actual) & np.isfinite(self.forecast)).astype(np.float64)

    @property
    def n_windows(self) -> int:
        return int(self.window.max(initial=-1)) + 1

    @property
    def n_steps(self) -> int:
        return int(self.step.max(initial=-1)) + 1

    def wape(self, by: Ints, count: int) -> Array:
        """Sum of the absolute errors over the sum of the absolute actuals, for each value of `by`. (count,)"""
        error = np.where(self.scored > 0, np.abs(self.actual - self.forecast), 0.0)
        return _ratio(by, count, error, np.where(self.scored > 0, np.abs(self.actual), 0.0))

    def bias(self, by: Ints, count: int) -> Array:
        """Sum of forecast minus actual over the sum of the absolute actuals. (count,)"""
        error = np.where(self.scored > 0, self.forecast - self.actual, 0.0)
        return _ratio(by, count, error, np.where(self.scored > 0, np.abs(self.actual), 0.0))

    def by_step(self) -> dict[str, Array]:
        """WAPE per step: one line per window, and one over all windows as the last entry."""
        cell = self.wape(self.window * self.n_steps + self.step, self.n_windows * self.n_steps).reshape(self.n_windows, self.n_steps)
        lines = {f"window {w + 1}": cell[w] for w in range(self.n_windows)} if self.n_windows > 1 else {}
        return lines | {"all windows": self.wape(self.step, self.n_steps)}

    def covered(self, low: float, high: float) -> tuple[Array, float]:
        """Share of the actuals between two quantiles, per step and over all. (steps,)"""
        inside = (self.actual >= self.quantiles[low]) & (self.actual <= self.quantiles[high])
        known = np.isfinite(self.quantiles[low]) & np.isfinite(self.quantiles[high]) & (self.scored > 0)
        per_step = _ratio(self.step, self.n_steps, (inside & known).astype(float), known.astype(float))
        return per_step, float((inside & known).sum() / max(known.sum(), 1)) if known.any() else float("nan")

    def below(self, level: float) -> float:
        """Share of the actuals at or below a quantile. Of those exactly on it, as many count as the level asks for: where most actuals are
        zero, a low quantile of zero is right."""
        known = np.isfinite(self.quantiles[level]) & (self.scored > 0)
        if not known.any():
            return float("nan")
        actual, quantile = self.actual[known], self.quantiles[level][known]
        return float(np.clip(level, (actual < quantile).mean(), (actual <= quantile).mean()))


def chosen(backtest: pa.Table) -> pa.Table:
    """The rows of the final forecast, which goes by the name of its ensemble; all rows where the backtest does not say.
    They no longer name the learner."""
    if "learner" not in backtest.column_names:
        return backtest
    which = pc.is_in(backtest["learner"], value_set=pa.array(FINAL))
    rows = backtest.drop_columns("learner")
    return rows.filter(which) if pc.any(which).as_py() else rows


def quantile_columns(table: pa.Table) -> dict[float, Array]:
    """Level -> values of the columns "q0.1" and the like, ascending."""
    found = {}
    for name in table.column_names:
        if name.startswith("q") and name[1:].replace(".", "", 1).isdigit() and 0 < float(name[1:]) < 1:
            found[float(name[1:])] = floats(table, name)
    return dict(sorted(found.items()))


def interval(levels: tuple[float, ...]) -> tuple[float, float] | None:
    """The widest pair of levels around one half; None where there is none."""
    return (min(levels), max(levels)) if levels and min(levels) < 0.5 < max(levels) else None


def _ratio(by: Ints, count: int, above: Array, below: Array) -> Array:
    top, bottom = np.bincount(by, above, count), np.bincount(by, below, count)
    return np.asarray(np.divide(top, bottom, out=np.full(count, np.nan), where=bottom > 0))


def _order(code: Ints, values: NDArray[Any]) -> Ints:
    """Places of the entries by code, then by value; as they lie where that is their order, which is seen sooner than sorted."""
    same, up = code[1:] == code[:-1], values[1:] >= values[:-1]
    if ((code[1:] > code[:-1]) | (same & up)).all():
        return np.arange(len(code))
    return np.lexsort((values, code))


def ranked(code: Ints, values: NDArray[Any]) -> Ints:
    """Dense rank of each value among the rows of the same code, 0 for the smallest."""
    if not len(code):
        return np.zeros(0, np.int64)
    order = _order(code, values)
    first = np.concatenate([[True], code[order][1:] != code[order][:-1]])
    new = first | np.concatenate([[True], values[order][1:] != values[order][:-1]])
    count = np.cumsum(new)
    rank = np.empty(len(code), np.int64)
    rank[order] = count - np.maximum.accumulate(np.where(first, count, 0))
    return rank
