"""What candidates are compared on: the windows, what came in them, and the forecasts that stand in for those that fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.backtest import Window, actuals, backtest
from forecaster.protocols import Learner
from forecaster.table import Floats, Ints, Table

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Bench:
    """What candidates are compared on.

    Args:
        windows: Oldest first.
        actual: What came. (windows, series, horizon)
        spare: Forecasts of the baseline. (windows, series, horizon)
        score: Errors of some series, less is better.
        series: What `score` calls these series. (series,)
        group_ptr: Boundaries of the groups in the series. (groups + 1,)
    """

    windows: Sequence[Window]
    actual: Floats
    spare: Floats
    score: metrics.Score
    series: Ints
    group_ptr: Ints

    @classmethod
    def of(cls, table: Table, windows: Sequence[Window], baseline: Learner, metric: str | Callable[..., Any]) -> Bench:
        """The windows of a table; the baseline is backtested on them."""
        score = metrics.scorer(metrics.get(metric), metrics.Scale.of(table))
        return cls(windows, actuals(windows), backtest(baseline, windows).forecast, score, np.arange(len(table)), table.group_ptr)

    @property
    def group(self) -> Ints:
        """Group of each series."""
        return np.repeat(np.arange(len(self.group_ptr) - 1), np.diff(self.group_ptr))

    @property
    def needed(self) -> Mask:
        """Which series take part in which window. (windows, series)"""
        return np.stack([window.included for window in self.windows])

    def judge(self, forecast: Floats, windows: int | None = None) -> Floats:
        """Error of each series over the first windows, or all; NaN for one without any. (windows, series, horizon) -> (series,)"""
        return self.score(self.actual[:windows], forecast[:windows], self.series)

    def losses(self, forecast: Floats, windows: int | None = None) -> Floats:
        """Mean error of each group over the first windows, or all. (groups,)"""
        return metrics.per_group(self.judge(forecast, windows), self.group_ptr)

    def filled(self, forecast: Floats) -> tuple[Floats, Mask]:
        """Forecasts with those of the baseline where a series has none of its own, and where that is. (windows, series)"""
        missing = self.needed & ~np.isfinite(forecast).all(axis=2)
        return np.where(missing[..., None], self.spare, forecast), missing

    def among(self, series: Mask) -> Bench:
        """The same with some series taking no part."""
        if series.all():
            return self
        return replace(self, windows=[replace(window, included=window.included & series) for window in self.windows])

    def part(self, groups: Ints) -> Bench:
        """Some groups alone (ascending indices)."""
        if len(groups) == len(self.group_ptr) - 1:
            return self
        kept = np.isin(self.group, groups)
        table = self.windows[0].table.take(kept)
        windows = [replace(window, table=table, drop=window.drop[kept], included=window.included[kept]) for window in self.windows]
        return Bench(windows, self.actual[:, kept], self.spare[:, kept], self.score, self.series[kept], table.group_ptr)
