"""Metrics of quantile forecasts: actual (..., steps), quantiles (..., steps, levels) to (...); steps whose actual is NaN are skipped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecaster.metrics.segments import along
from forecaster.table import Floats


def pinball(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Quantile loss, mean over levels and steps (Koenker and Bassett, 1978)."""
    error = actual[..., None] - quantiles
    level = np.asarray(levels)
    return along(np.maximum(level * error, (level - 1) * error).mean(-1))


def wql(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Twice the sum of the quantile losses over the sum of the absolute actuals, mean over levels; NaN where all actuals are 0."""
    size = along(np.abs(actual))
    return 2 * pinball(actual, quantiles, levels) / np.where(size == 0, np.nan, size)


def coverage(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Part of the actuals within the outermost levels; a level that bounds only one side leaves the other open."""
    above = actual >= quantiles[..., 0] if levels[0] < 0.5 else True
    below = actual <= quantiles[..., -1] if levels[-1] > 0.5 else True
    inside = np.where(np.logical_and(above, below), 1.0, 0.0)
    return along(np.where(np.isnan(actual), np.nan, inside))


def nominal(levels: Sequence[float]) -> float:
    """The coverage that the outermost levels promise."""
    return (levels[-1] if levels[-1] > 0.5 else 1.0) - (levels[0] if levels[0] < 0.5 else 0.0)
