"""From a design matrix with gaps and codes to plain numbers, for regressors that know nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.learners.scaling import Scaler, Scaling
from forecaster.table import Floats, Ints, Singles

MEDIAN_ROWS = 4096
"""Rows that a median is taken from; more change it less than the noise of the data."""

MOST_LEVELS = 32
"""Most indicators per column: the most frequent levels get one, all others share none."""


@storable
@dataclass(frozen=True, eq=False)
class Dense:
    """A fitted encoding: numbers with gaps filled, then one indicator per frequent level of each code, then a scaling.

    Args:
        numbers: Columns kept as numbers. (n,)
        fill: What stands in for a missing number: the median. (n,)
        coded: Column of each indicator. (levels,)
        level: Code that each indicator is 1 for. (levels,)
        scaler: The scaling step.
    """

    numbers: Ints
    fill: Floats
    coded: Ints
    level: Floats
    scaler: Scaler

    def apply(self, X: Singles) -> Floats:
        """Encode rows. (rows, columns) -> (rows, n + levels, or the components of the scaling)"""
        return self.scaler.apply(_plain(X, self.numbers, self.fill, self.coded, self.level))

    def gathered(self, Z: Floats, slopes: Floats, columns: int) -> Floats:
        """What each column adds to a linear model of encoded rows: not known of components, norms or other transformers.
        (rows, columns, 1)"""
        owner = np.concatenate([self.numbers, self.coded])
        out = np.zeros((len(Z), columns, 1))
        if self.scaler.rotation is None and self.scaler.step is None:
            for place, column in enumerate(owner):
                out[:, column, 0] += Z[:, place] * slopes[place]
        return out


def dense(X: Singles, kinds: tuple[str, ...], scaling: Scaling) -> tuple[Dense, Floats]:
    """Fit an encoding and apply it to the rows it was fitted on.

    Args:
        X: Features, NaN where missing. (rows, columns)
        kinds: "number", "category" or "cycle" per column; a cycle of more than `MOST_LEVELS` values stays a number.
        scaling: The scaling step.

    Returns:
        The encoding and the encoded rows. (rows, n + levels or components)
    """
    numbers, coded, level = _columns(X, kinds)
    fill = medians(X[:, numbers])
    Z = _plain(X, numbers, fill, coded, level)
    scaler = scaling.fit(Z)
    return Dense(numbers, fill, coded, level, scaler), scaler.apply(Z)


def medians(X: Singles) -> Floats:
    """The median of each column without its gaps, 0 for a column that is all gap. (columns,)"""
    some = X[:: max(1, len(X) // MEDIAN_ROWS)]
    if not np.isnan(some).any():
        return np.median(some, axis=0).astype(np.float64)
    # NaN sorts last, so the middle of the first `count` values is the median; much faster than nanmedian.
    ordered = np.sort(some, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    at = np.arange(X.shape[1])
    low, high = ordered[np.maximum(count - 1, 0) // 2, at], ordered[np.minimum(count // 2, len(some) - 1), at]
    return np.where(count > 0, (low.astype(np.float64) + high) / 2, 0.0)


def _columns(X: Singles, kinds: tuple[str, ...]) -> tuple[Ints, Ints, Floats]:
    numbers: list[int] = []
    coded: list[int] = []
    levels: list[float] = []
    for column, kind in enumerate(kinds):
        found = _levels(X[:, column], kind == "cycle") if kind != "number" else None
        if found is None:
            numbers.append(column)
        else:
            coded += [column] * len(found)
            levels += found
    return np.array(numbers, np.int64), np.array(coded, np.int64), np.array(levels, np.float64)


def _levels(column: Singles, ordered: bool) -> list[float] | None:
    """The most frequent codes; None for a column that is better kept as a number."""
    codes, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    if ordered and len(codes) > MOST_LEVELS:
        return None
    frequent = np.sort(np.argsort(-counts, kind="stable")[:MOST_LEVELS])
    return [float(code) for code in codes[frequent]]


def _plain(X: Singles, numbers: Ints, fill: Floats, coded: Ints, level: Floats) -> Floats:
    Z = np.empty((len(X), len(numbers) + len(coded)))
    Z[:, : len(numbers)] = X[:, numbers]
    left = Z[:, : len(numbers)]
    gaps = np.isnan(left)
    if gaps.any():
        np.copyto(left, np.broadcast_to(fill, left.shape), where=gaps)
    Z[:, len(numbers) :] = X[:, coded] == level
    return Z


@storable
@dataclass(frozen=True, eq=False)
class Filled:
    """A fitted encoding for trees that take no gaps: a gap becomes a number below all others, so that one split tells it apart.

    Args:
        below: That number. (columns,)
    """

    below: Floats

    def apply(self, X: Singles) -> Singles:
        """Fill the gaps. (rows, columns)"""
        gaps = np.isnan(X)
        return np.where(gaps, self.below.astype(np.float32), X) if gaps.any() else X


@storable
@dataclass(frozen=True, eq=False)
class AsIs:
    """The encoding for learners that take gaps and codes as they come."""

    def apply(self, X: Singles) -> Singles:
        """Nothing to do."""
        return X


def filled(X: Singles) -> Filled:
    """Fit `Filled` on rows with gaps. (rows, columns)"""
    low, high = np.fmin.reduce(X, axis=0).astype(np.float64), np.fmax.reduce(X, axis=0).astype(np.float64)
    return Filled(low - np.maximum(high - low, 1.0))
