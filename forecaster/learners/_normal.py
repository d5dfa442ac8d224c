"""Quantiles of learners whose errors are normal."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from forecaster.errors import SettingsError
from forecaster.table import Floats


def normal_quantiles(mean: Floats, spread: Floats, levels: tuple[float, ...]) -> Floats:
    """Quantiles of normal distributions; infinite where they are beyond all numbers. (series, horizon, levels)"""
    said = np.empty((*mean.shape, len(levels)))
    with np.errstate(over="ignore", invalid="ignore"):
        for i, level in enumerate(levels):
            np.add(mean, spread * NormalDist().inv_cdf(level), out=said[..., i])
    return said


def ascending(levels: tuple[float, ...]) -> tuple[float, ...]:
    """Quantile levels as numbers.

    Raises:
        SettingsError: They do not ascend between 0 and 1.
    """
    given = tuple(float(level) for level in levels)
    if not given or list(given) != sorted(set(given)) or not 0 < given[0] <= given[-1] < 1:
        raise SettingsError(f"levels ascend between 0 and 1; came {levels!r}")
    return given
