"""Shapley values (Shapley 1953; Lundberg & Lee 2017): what each feature adds to a prediction, so that all add up to it.

Of boosters they are exact. Of any function they are found by walks from a background row to the explained row (Strumbelj & Kononenko
2014): the features are switched one after the other from the background's value to the row's own, and what the prediction changes by is
the contribution of the feature. Every walk goes from what is said of the background to what is said of the row, so the contributions add
up exactly, however few walks there are; each order is walked in both directions, which halves the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forecaster.table import Floats, Ints, Singles

Contributions = tuple[Floats, Floats]
"""Of the features (rows, features, outputs), and what is said where nothing is known (outputs,)."""

Function = Callable[[Singles], Floats]
"""Features (rows, k) -> what is said (rows, outputs)."""

BATCH = 200_000
"""Rows that are predicted at once."""


def of_booster(booster: Any, x: Singles) -> Contributions:
    """TreeSHAP as LightGBM and XGBoost have it built in (Lundberg et al. 2020); of classes, in the unit of their raw score."""
    if hasattr(booster, "inplace_predict"):
        import xgboost

        told = np.asarray(booster.predict(xgboost.DMatrix(x), pred_contribs=True), np.float64)
        made = told[:, None] if told.ndim == 2 else told
    else:
        told = np.asarray(booster.predict(x, pred_contrib=True), np.float64)
        made = told.reshape(len(x), -1, x.shape[1] + 1)
    return np.moveaxis(made[:, :, :-1], 1, 2), np.asarray(made[0, :, -1], np.float64)


def sampled(say: Function, x: Singles, background: Singles, owner: Ints, walks: int, seed: int) -> tuple[Floats, Floats]:
    """Contributions of the features, those of one owner switched together and shared out by equal parts.

    Args:
        say: The function to explain.
        x: The rows to explain. (rows, features)
        background: Rows that stand for not knowing. (m, features)
        owner: Which group of features each belongs to, from 0. (features,)
        walks: Orders that are walked for each row, each in both directions; every walk starts from another background row.
        seed: Seed of the orders.

    Returns:
        Contributions of the groups (rows, groups, outputs), and what is expected (outputs,): the mean over the background.
    """
    rng = np.random.default_rng(seed)
    groups, expected = int(owner.max()) + 1, say(background).mean(axis=0)
    total = np.zeros((len(x), groups, len(expected)))
    starts = np.zeros((len(x), len(expected)))
    step = max(1, BATCH // (groups + 1))
    for _ in range(walks):
        order = rng.permutation(groups)
        start = background[rng.integers(len(background), size=len(x))]
        for walked in (order, order[::-1]):
            for first in range(0, len(x), step):
                part = slice(first, first + step)
                said = _walk(say, x[part], start[part], owner, walked)
                total[part, walked] += np.diff(said, axis=1)
                starts[part] += said[:, 0]
    total /= 2 * walks
    # Walks start from single background rows: what these say other than the whole background is nobody's merit, and shared evenly.
    total += ((starts / (2 * walks) - expected) / groups)[:, None]
    return total, np.asarray(expected, np.float64)


def _walk(say: Function, x: Singles, start: Singles, owner: Ints, order: Ints) -> Floats:
    """What is said at each stop of a walk. (rows, groups + 1, outputs)"""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    switched = rank[owner][None] < np.arange(len(order) + 1)[:, None]
    stops = np.where(switched[None], x[:, None], start[:, None])
    said = say(stops.reshape(-1, x.shape[1]))
    return said.reshape(len(x), len(order) + 1, -1)
