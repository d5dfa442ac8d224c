"""Stacking: a regression of what came on what the learners said, group by group (Wolpert, 1992).

The meta-learner is an elastic net whose coefficients are not negative, through the origin, on values divided by the size of their
series; how strong its penalty is, is found by leaving each window out in turn. Forecasting tends to overfit here: with fewer windows
than two, or fewer values than FEWEST per learner, the weights of `weigh` stand.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from forecaster.ensembles.evidence import Evidence
from forecaster.ensembles.weighing import weigh
from forecaster.metrics.segments import along
from forecaster.table import Floats

FEWEST = 8
"""Known values per learner that a group needs for a meta-learner of its own."""

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""What the strength of the penalty is chosen from, in mean squares of the target."""

MIXED = 0.5
"""Part of the penalty that is on absolute coefficients; the rest is on their distance to the weights of `weigh`."""


def stack(evidence: Evidence) -> Floats:
    """Coefficients of the learners in each series, scaled to add up to 1. (series, learners)"""
    start = weigh(evidence)
    out = start.copy()
    for g, (first, last) in enumerate(pairwise(evidence.group_ptr.tolist())):
        able = np.flatnonzero(evidence.able[:, g])
        X, y, window = _rows(evidence, slice(first, last), able)
        if len(able) > 1 and len(np.unique(window)) > 1 and len(y) >= FEWEST * len(able):
            prior = start[first:last].mean(0)[able]
            found = _regress(X, y, prior, _strength(X, y, window, prior))
            out[first:last] = 0.0
            out[first:last, able] = (found if found.sum() > 0 else prior) / (found.sum() or prior.sum())
    return out


def _rows(evidence: Evidence, series: slice, able: np.ndarray) -> tuple[Floats, Floats, Floats]:
    """What the learners said (rows, learners), what came, and the window, of the steps that all have forecast, in sizes of the series."""
    actual = evidence.actual[:, series]
    said = np.moveaxis(evidence.forecast[able][:, :, series], 0, -1)
    size = along(np.abs(np.moveaxis(actual, 1, 0).reshape(actual.shape[1], -1)))
    size = np.where(size > 0, size, 1.0)[None, :, None]
    good = np.isfinite(actual) & np.isfinite(said).all(-1)
    window = np.broadcast_to(np.arange(len(actual))[:, None, None], actual.shape)
    return (said / size[..., None])[good], (actual / size)[good], window[good].astype(np.float64)


def _strength(X: Floats, y: Floats, window: Floats, prior: Floats) -> float:
    """The penalty under which a window is forecast best from the others."""

    def loss(penalty: float) -> float:
        squares = 0.0
        for w in np.unique(window):
            out = window == w
            squares += float(np.square(y[out] - X[out] @ _regress(X[~out], y[~out], prior, penalty)).sum())
        return squares

    return min(PENALTIES[::-1], key=loss)


def _regress(X: Floats, y: Floats, prior: Floats, penalty: float) -> Floats:
    """min |y - X b|^2 / n + penalty * s * (MIXED |b|_1 + (1 - MIXED) |b - prior|^2), b >= 0, by coordinate descent; s = mean y^2."""
    n = len(y)
    gram, target = X.T @ X / n, X.T @ y / n
    weight = penalty * float(np.square(y).mean())
    ridge, lasso = weight * (1 - MIXED), weight * MIXED / 2
    b = prior.copy()
    for _ in range(500):
        before = b.copy()
        for j in range(len(b)):
            rest = target[j] - gram[j] @ b + gram[j, j] * b[j]
            b[j] = max(rest + ridge * prior[j] - lasso, 0.0) / (gram[j, j] + ridge + 1e-12)
        if np.abs(b - before).max() < 1e-9:
            break
    return b
