"""How far forecasts are off together: a diagonal, and what residuals add to it. Never a matrix of nodes by nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.table import Floats

LEAST = 1e-4
"""What remains of the diagonal at least when it is shrunk towards: with it the covariance can be inverted."""

PRIOR = 1.0
"""Residuals that what is typical of a node counts for: one that happened to be right is not trusted without end."""

FLOOR = 1e-8
"""Variance of a node at least, in that of the node that varies most."""


@storable
@dataclass(frozen=True, eq=False)
class Covariance:
    """diag(own) + shared @ shared.T

    Args:
        own: (nodes,)
        shared: (nodes, residuals)
    """

    own: Floats
    shared: Floats

    @classmethod
    def structural(cls, sizes: Floats) -> Covariance:
        """The variance of a node is the number of its series (Athanasopoulos et al. 2017)."""
        return cls._diagonal(sizes)

    @classmethod
    def equal(cls, nodes: int) -> Covariance:
        """All nodes alike: ordinary least squares (Hyndman et al. 2011)."""
        return cls._diagonal(np.ones(nodes))

    @classmethod
    def of_variances(cls, residuals: Floats, typical: Floats) -> Covariance:
        """The variance of each node's residuals, on the diagonal. (nodes, windows, horizon), (nodes,)"""
        return cls._diagonal(_variance(residuals, typical))

    @classmethod
    def of_scales(cls, scale: Floats) -> Covariance:
        """The scale of each node itself, not its square, on the diagonal: what does not add up is shared out by scale. (nodes,)"""
        return cls._diagonal(np.maximum(scale, FLOOR * max(float(scale.max(initial=0.0)), FLOOR)))

    @classmethod
    def shrunk(cls, residuals: Floats, typical: Floats) -> Covariance:
        """Residual covariance shrunk towards its diagonal (Wickramasuriya et al. 2019), by as much as Schäfer & Strimmer (2005) say.

        It is taken about zero, so that a forecast that is off in one direction is trusted less. Residuals that are missing count as
        unrelated to all others.

        Args:
            residuals: NaN where unknown. (nodes, windows, horizon)
            typical: What a squared residual of a node is expected to be. (nodes,)
        """
        variance = _variance(residuals, typical)
        standard = np.nan_to_num(residuals).reshape(len(variance), -1) / np.sqrt(variance)[:, None]
        kept = max(shrinkage(standard), LEAST)
        n = max(standard.shape[1], 1)
        return cls(kept * variance, np.sqrt((1 - kept) * variance / n)[:, None] * standard)

    @classmethod
    def _diagonal(cls, own: Floats) -> Covariance:
        return cls(np.asarray(own, np.float64), np.zeros((len(own), 0)))

    def times(self, vectors: Floats) -> Floats:
        """The covariance times vectors. (nodes, k) -> (nodes, k)"""
        return self.own[:, None] * vectors + self.shared @ (self.shared.T @ vectors)


def shrinkage(standard: Floats) -> float:
    """The share of the diagonal that Schäfer & Strimmer (2005) give for residuals of variance one, between 0 and 1.

    It is the sum of the variances of all correlations over that of their squares. Both are had from the products of the residuals with
    each other: |X X'| = |X' X|, so the cost is nodes x residuals^2.

    Args:
        standard: (nodes, residuals)
    """
    n = standard.shape[1]
    if n < 2:
        return 1.0
    squares = standard**2
    own = squares.mean(1)
    alike = float(((standard.T @ standard) ** 2).sum()) / n**2 - float((own**2).sum())
    of_products = float((squares.sum(0) ** 2).sum()) - float((squares**2).sum())
    variance = n / (n - 1) ** 3 * (of_products - n * alike)
    return float(np.clip(variance / alike, 0, 1)) if alike > 0 else 1.0


def _variance(residuals: Floats, typical: Floats) -> Floats:
    """Mean squared residual of each node, and what is typical as if it were a few of them. Never zero."""
    known = np.isfinite(residuals)
    count = known.sum((1, 2))
    sums = (np.where(known, residuals, 0.0) ** 2).sum((1, 2))
    found = (sums + PRIOR * typical) / (count + PRIOR)
    return np.asarray(np.maximum(found, FLOOR * max(float(found.max(initial=0.0)), FLOOR)), np.float64)
