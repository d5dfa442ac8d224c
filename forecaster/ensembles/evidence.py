"""What a backtest says of the candidates of some groups: all that a combiner sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecaster.metrics import Score
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
    """

    actual: Floats
    forecast: Floats
    score: Score
    group_ptr: Ints
    able: NDArray[np.bool_]
    merit: Floats
    pooled: bool = False

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

    def without(self, window: int) -> Evidence:
        """The evidence of all windows but one."""
        others = np.arange(len(self.actual)) != window
        less = replace(self, actual=self.actual[others], forecast=self.forecast[:, others])
        less.__dict__["errors"] = self.errors[:, :, others]  # known already
        return less
