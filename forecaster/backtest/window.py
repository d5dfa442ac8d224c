"""One cutoff per series, and what is known before it and came after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Floats, Future, Ints, Table


@dataclass(frozen=True, eq=False)
class Window:
    """One cutoff per series. Tables are cut when they are asked for, so a list of windows costs no memory.

    Args:
        table: All values of all series.
        horizon: Steps that are scored.
        drop: Values of each series after the cutoff. (series,)
        included: Which series take part: those with enough values before the cutoff and some after it. (series,)
        gap: Steps after the cutoff that are forecast but not scored, as if values came in late.
        length: Most values of a series to train on; None for all.
        fresh: Whether to fit here; otherwise the last model rolls forward.
    """

    table: Table
    horizon: int
    drop: Ints
    included: NDArray[np.bool_]
    gap: int = 0
    length: int | None = None
    fresh: bool = True

    @property
    def train(self) -> Table:
        """What a model may be fitted on: the included series, in order, up to the cutoff."""
        return self.training(np.flatnonzero(self.included))

    @property
    def history(self) -> Table:
        """All series up to the cutoff, also those that do not take part and may be empty."""
        return self.table.drop_last(self.drop)

    @property
    def cutoff(self) -> Ints:
        """Step of the last value that is known. (series,)"""
        return self.table.end - self.drop

    @property
    def actual(self) -> Floats:
        """What came in the scored steps; NaN where missing and for series that do not take part. (series, horizon)"""
        values = self._ahead(self.table.target)[:, self.gap :]
        return np.where(self.included[:, None], values, np.nan)

    @property
    def future(self) -> Future:
        """Known covariates after the cutoff, gap and horizon. (series, gap + horizon)"""
        known = {name: self._ahead(column).astype(np.float32) for name, column in self.table.known.items()}
        return Future(known, self.gap + self.horizon)

    def past(self, series: Ints) -> Table:
        """The series `series` (ascending indices) up to the cutoff."""
        return self.table.take(series).drop_last(self.drop[series])

    def training(self, series: Ints) -> Table:
        """The last `length` values before the cutoff of the series `series` (ascending indices)."""
        past = self.past(series)
        return past if self.length is None else past.tail(self.length)

    def _ahead(self, column: NDArray[np.floating]) -> NDArray[np.floating]:
        """The `gap + horizon` rows after the cutoff of each series, NaN where there are none."""
        at = (self.table.indptr[1:] - self.drop)[:, None] + np.arange(self.gap + self.horizon)
        inside = (at >= self.table.indptr[:-1, None]) & (at < self.table.indptr[1:, None])
        return np.where(inside, column[np.where(inside, at, 0)] if len(column) else np.nan, np.nan)


def beyond(windows: Sequence[Window]) -> list[Window]:
    """The same cutoffs, scored a horizon later: a horizon more is forecast and not scored, as a gap is. A series takes part where a later
    window scores the same steps from nearer by, so that the two can be compared. Oldest first."""
    return [replace(w, gap=w.gap + w.horizon, included=w.included & _scored_later(w, windows[k + 1 :])) for k, w in enumerate(windows)]


def _scored_later(window: Window, later: Sequence[Window]) -> NDArray[np.bool_]:
    """Whether the horizon after that of a window is the one of a later window. (series,)"""
    met = [other.included & (other.cutoff - window.cutoff == window.horizon) for other in later]
    return np.any(met, axis=0) if met else np.zeros(len(window.drop), bool)


def actuals(windows: Sequence[Window]) -> Floats:
    """What came in the scored steps of all windows. (windows, series, horizon)"""
    return np.stack([w.actual for w in windows])


def cutoffs(windows: Sequence[Window]) -> Ints:
    """Last known steps of all windows. (windows, series)"""
    return np.stack([w.cutoff for w in windows])
