"""Quantiles of learners whose errors are normal."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from forecaster.table import Floats


def normal_quantiles(mean: Floats, spread: Floats, levels: tuple[float, ...]) -> Floats:
    """Quantiles of normal distributions; infinite where they are beyond all numbers. (series, horizon, levels)"""
    said = np.empty((*mean.shape, len(levels)))
    with np.errstate(over="ignore", invalid="ignore"):
        for i, level in enumerate(levels):
            np.add(mean, spread * NormalDist().inv_cdf(level), out=said[..., i])
    return said
