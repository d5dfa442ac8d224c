"""k nearest neighbours: the mean of what followed the most similar rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._dense import Dense, dense
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners.scaling import Given, Scaling, scaling_of
from forecaster.table import Floats, Singles

CELLS = 1 << 22
"""Distances held at a time."""


@storable
@dataclass(frozen=True, eq=False)
class Neighbours:
    """The rows to compare with.

    Args:
        encoding: From features to comparable numbers.
        known: Encoded training rows. (rows, n)
        y: Their targets. (rows,)
        count: How many neighbours to average.
        weights: "uniform" or "distance".
    """

    encoding: Dense
    known: Singles
    y: Floats
    count: int
    weights: str

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        Z = self.encoding.apply(X).astype(np.float32)
        norms = np.einsum("ij,ij->i", self.known, self.known)
        size = max(1, CELLS // len(self.known))
        parts = [self._near(Z[at : at + size], norms) for at in range(0, len(Z), size)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _near(self, Z: Singles, norms: Singles) -> Floats:
        # |z - k|^2 without |z|^2, which is the same for all neighbours of a row.
        distance = norms - 2 * (Z @ self.known.T)
        near = np.argpartition(distance, self.count - 1, axis=1)[:, : self.count]
        # In the order of the rows, so that the sum has the same bits however the partition left them.
        near.sort(axis=1)
        if self.weights == "uniform":
            return np.asarray(self.y[near].mean(axis=1), np.float64)
        square = np.take_along_axis(distance, near, axis=1).astype(np.float64) + np.einsum("ij,ij->i", Z, Z)[:, None]
        weight = 1 / np.sqrt(np.maximum(square, 1e-6))
        return np.asarray((self.y[near] * weight).sum(axis=1) / weight.sum(axis=1), np.float64)


@storable
@dataclass(frozen=True, kw_only=True)
class KNN(Reduction):
    """k nearest neighbours (Fix & Hodges 1951) in the scaled features.

    Args:
        scaling: The scaling step: a name, a recipe or a transformer of scikit-learn.
        neighbors: How many different target values to average; None is the square root of their number, from 3 to 25.
        weights: "distance" weighs near rows more, "uniform" all alike.
    """

    scaling: str | Scaling | Given | None = "standard"
    neighbors: int | None = None
    weights: str = "distance"
    max_rows: int | None = 20_000

    def __post_init__(self) -> None:
        super().__post_init__()
        scaling_of(self.scaling)
        if self.weights not in ("uniform", "distance") or (self.neighbors is not None and self.neighbors < 1):
            raise SettingsError(f'knn needs neighbors >= 1 and weights "uniform" or "distance"; got {self.neighbors} and {self.weights!r}')

    def train(self, rows: Rows) -> Neighbours:
        """Keep the rows of one group."""
        encoding, Z = dense(rows.X, rows.kinds, scaling_of(self.scaling))
        wanted = self.neighbors or int(np.clip(np.sqrt(rows.distinct), 3, 25))
        count = min(max(1, round(wanted * rows.repeats)), 200, len(Z))
        return Neighbours(encoding, Z.astype(np.float32), rows.y, count, self.weights)
