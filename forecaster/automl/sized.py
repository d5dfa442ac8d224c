"""A spread measured in the sizes that were to be expected at each cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.calibration import Spread
from forecaster.table import Floats, Ints
from forecaster.yardstick import over


@storable
@dataclass(frozen=True, eq=False)
class Sized:
    """A spread in sizes that were expected of each series and step.

    Args:
        spread: How far off forecasts are, in these sizes; past its horizon it goes on growing as within, on top of the sizes.
        size: (series, steps)
    """

    spread: Spread
    size: Floats

    @classmethod
    def of(cls, actual: Floats, forecast: Floats, sizes: Floats, now: Floats, group_ptr: Ints) -> Sized:
        """Learn from out-of-fold forecasts and what was expected at each cutoff.

        Args:
            actual: NaN where unknown. (windows, series, horizon)
            forecast: NaN where there is none. (windows, series, horizon)
            sizes: What was expected at the cutoffs. (windows, series, horizon)
            now: What is expected at the end. (series, horizon)
            group_ptr: Boundaries of the groups in the series. (groups + 1,)
        """
        return cls(Spread.of(over(actual, sizes), over(forecast, sizes), np.ones(len(now)), group_ptr), now)

    def quantiles(self, mean: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles around point forecasts, ascending in the level, never infinite. (series, steps) -> (series, steps, levels)"""
        standard = self.spread.quantiles(np.zeros(mean.shape), levels)
        with np.errstate(over="ignore"):
            told = mean[..., None] + self.size[:, : mean.shape[1], None] * standard
        beyond = np.finfo(np.float64).max
        return np.clip(told, -beyond, beyond)
