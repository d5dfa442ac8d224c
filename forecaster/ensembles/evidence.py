"""What a backtest says of the candidates of some groups: all that a combiner sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecaster.metrics import Score
from forecaster.metrics.point import root_mse
from forecaster.metrics.segments import total
from forecaster.table import Floats, Ints


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a backtest says of the candidates.

    Args:
        actual: NaN where unknown. (windows, series, horizon)
        forecast: Out-of-fold forecasts; NaN where a learner has none of its own. (learners, windows, series, horizon)
        score: Errors of some series, less is better, as `metrics.scorer` makes it.
        group_ptr: Boundaries of the groups in the series. (groups + 1,)
        able: Which learners may have a share in which group. (learners, groups)
        merit: Logarithm of the error to expect of each learner against the others before any was seen. (learners,)
        pooled: Whether groups may learn from each other.
        sparse: Whether the demand of a group is intermittent; no group's where absent. (groups,)
        informed: Which learners see covariates; absent where there are none that move. (learners,)
    """

    actual: Floats
    forecast: Floats
    score: Score
    group_ptr: Ints
    able: NDArray[np.bool_]
    merit: Floats
    pooled: bool = False
    sparse: NDArray[np.bool_] | None = None
    informed: NDArray[np.bool_] | None = None

    @property
    def group(self) -> Ints:
        """Group of each series."""
        return np.repeat(np.arange(len(self.group_ptr) - 1), np.diff(self.group_ptr))

    @cached_property
    def errors(self) -> Floats:
        """Error of each learner, series and window; NaN where there is none. (learners, series, windows)"""
        everyone = np.arange(self.actual.shape[1])
        shape = (len(self.forecast), len(everyone), len(self.actual))
        out = np.full(shape, np.nan)
        for learner, window in np.ndindex(shape[0], shape[2]):
            out[learner, :, window] = self.score(self.actual[[window]], self.forecast[learner, [window]], everyone)
        return np.where(np.isfinite(out), out, np.nan)

    @cached_property
    def of_sums(self) -> Floats:
        """Root mean squared error of the sum over the series of a group, of the steps that all learners of the group forecast; NaN where
        there is none. (learners, groups, windows)"""
        able = self.able[:, self.group][:, None, :, None]
        missing = ~np.isfinite(self.actual) | (able & ~np.isfinite(self.forecast)).any(0)
        out = np.full((len(self.forecast), len(self.group_ptr) - 1, len(self.actual)), np.nan)
        for learner in range(len(self.forecast)):
            off = np.moveaxis(self.forecast[learner] - self.actual, 1, 2)
            off[np.moveaxis(missing, 1, 2) | ~np.isfinite(off)] = 0.0
            out[learner] = root_mse(np.moveaxis(total(off, self.group_ptr), 1, 2), np.zeros(1)).T
        there = total(np.asarray(~missing.all(2), np.float64), self.group_ptr).T > 0
        return np.where(there & self.able[..., None], out, np.nan)

    def without(self, window: int) -> Evidence:
        """The evidence of all windows but one."""
        others = np.arange(len(self.actual)) != window
        less = replace(self, actual=self.actual[others], forecast=self.forecast[:, others])
        less.__dict__["errors"] = self.errors[:, :, others]  # known already
        return less
