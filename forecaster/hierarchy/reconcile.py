"""From forecasts of nodes that do not add up to forecasts of the series, whose sums do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.guardrails import fill
from forecaster.hierarchy.covariance import Covariance
from forecaster.hierarchy.plan import Hierarchy
from forecaster.hierarchy.tree import Tree
from forecaster.table import Floats, Ints, Table


class Reconciler(Protocol):
    """Makes forecasts add up."""

    def series(self, base: Floats) -> Floats:
        """Forecasts of the series, from those of all nodes (NaN where none is needed). (nodes, k) -> (series, k)"""


@storable
@dataclass(frozen=True, eq=False)
class Shares:
    """Each series is its share of a node: all of itself (bottom-up), or part of the total (top-down) or of a node between (middle-out).

    Args:
        node: The node that each series is shared out of. (series,)
        share: (series,)
    """

    node: Ints
    share: Floats

    @classmethod
    def historical(cls, table: Table, tree: Tree, level: int, how: str) -> Shares:
        """Shares of the past (Gross & Sohl 1990): means of ratios ("average_proportions") or the ratio of means ("proportion_averages").

        Args:
            table: The series, all with the same end.
            tree: Their nodes.
            level: The level that is shared out.
            how: Which of the two.
        """
        node = tree.node[level]
        weight = _ratios(table, node) if how == "average_proportions" else np.bincount(table.series, _filled(table), len(table))
        sums, counts = np.bincount(node, weight, len(tree)), np.bincount(node, minlength=len(tree))
        none = (sums == 0)[node]
        return cls(node, np.where(none, 1 / counts[node], weight / np.where(none, 1.0, sums[node])))

    def series(self, base: Floats) -> Floats:
        return base[self.node] * self.share[:, None]


@storable
@dataclass(frozen=True, eq=False)
class ForecastShares:
    """Shares of the forecasts themselves, level by level: a child has its share of the sum of its siblings (Athanasopoulos et al. 2009).

    Args:
        tree: The nodes; those from `level` down lie within each other.
        level: The level that is shared out.
    """

    tree: Tree
    level: int

    def __post_init__(self) -> None:
        node = self.tree.node
        for k in range(self.level, len(node) - 1):
            if len(np.unique(node[k : k + 2], axis=1).T) > len(np.unique(node[k + 1])):
                raise SettingsError(
                    f"hierarchy: shares='forecast_proportions' goes down a tree, but level {self.tree.levels[k + 1]!r} does not lie within "
                    f"{self.tree.levels[k]!r}; take shares='proportion_averages', or reconcile='mint_shrink'"
                )

    def series(self, base: Floats) -> Floats:
        node = self.tree.node
        made = base[node[self.level]]
        for above, below in zip(node[self.level : -1], node[self.level + 1 :], strict=True):
            child, first = np.unique(below, return_index=True)
            parent = above[first]
            sums, count = (_sum_by(parent, values, len(self.tree)) for values in (base[child], np.ones((len(child), 1))))
            some = sums[parent] != 0
            share = np.where(some, base[child] / np.where(some, sums[parent], 1.0), 1 / count[parent])
            made = made * share[np.searchsorted(child, below)]
        return np.asarray(made, np.float64)


@storable
@dataclass(frozen=True, eq=False)
class Projection:
    """The forecasts that add up and lie nearest to the given ones, where `covariance` says what near means.

    With C = [I, -A], A the sums of the levels above, forecasts y add up where C y = 0, and the nearest are y - W C' (C W C')^-1 C y
    (Wickramasuriya et al. 2019, whose S (S' W^-1 S)^-1 S' W^-1 y is the same). C W C' is as large as the levels above are, sparse for a
    diagonal W, and what residuals add to it is of as low a rank as there are residuals.

    Args:
        tree: The nodes.
        covariance: W.
    """

    tree: Tree
    covariance: Covariance

    def series(self, base: Floats) -> Floats:
        upper = self.tree.upper
        moved = self.covariance.times(self._spread(self._solve(self._gap(base))))
        return np.asarray(base[upper:] - moved[upper:], np.float64)

    @cached_property
    def _above(self) -> Any:
        """A: the sums above the series. (upper, series)"""
        return self.tree.sums[: self.tree.upper]

    def _gap(self, values: Floats) -> Floats:
        """C values: what nodes have more than their series together."""
        return np.asarray(values[: self.tree.upper] - self._above @ values[self.tree.upper :], np.float64)

    def _spread(self, gaps: Floats) -> Floats:
        """C' gaps."""
        return np.concatenate([gaps, -(self._above.T @ gaps)])

    def _solve(self, right: Floats) -> Floats:
        """(C W C')^-1 right, by the identity of Woodbury."""
        solved = self._factor.solve(right)
        shared, inner = self._shared
        return np.asarray(solved - shared @ np.linalg.solve(inner, self._gap(self.covariance.shared).T @ solved), np.float64)

    @cached_property
    def _factor(self) -> Any:
        """The factors of C diag(own) C'."""
        from scipy.sparse import diags
        from scipy.sparse.linalg import splu

        own, upper = self.covariance.own, self.tree.upper
        matrix = diags(own[:upper]) + self._above @ diags(own[upper:]) @ self._above.T
        return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    @cached_property
    def _shared(self) -> tuple[Floats, Floats]:
        """What the shared part of W is in the gaps, solved; and the small matrix of the identity."""
        gaps = self._gap(self.covariance.shared)
        solved = np.asarray(self._factor.solve(gaps), np.float64).reshape(gaps.shape)
        return solved, np.eye(gaps.shape[1]) + gaps.T @ solved


def reconciler(plan: Hierarchy, tree: Tree, table: Table, residuals: Floats, typical: Floats) -> Reconciler:
    """What makes forecasts add up in the way that was asked for.

    Args:
        plan: What was asked for.
        tree: The nodes.
        table: The series up to the forecast, all with the same end.
        residuals: Out-of-fold residuals of the nodes, NaN where unknown; none where there was no backtest. (nodes, windows, horizon)
        typical: What a squared residual of a node is expected to be. (nodes,)
    """
    if plan.reconcile == "bottom_up":
        return Shares(tree.node[-1], np.ones(len(table)))
    if plan.reconcile in ("top_down", "middle_out"):
        level = plan.trained(tree.levels)[0]
        forecast = plan.shares == "forecast_proportions"
        return ForecastShares(tree, level) if forecast else Shares.historical(table, tree, level, plan.shares)
    return Projection(tree, _covariance(plan.reconcile, tree, residuals, typical))


def bounded(series: Floats, floor: Floats, integer: bool) -> Floats:
    """Forecasts of the series, rounded if whole numbers are wanted and not below their floor: sums of these add up. (series, k)"""
    return np.maximum(np.rint(series) if integer else series, (np.ceil(floor) if integer else floor)[:, None])


def _covariance(how: str, tree: Tree, residuals: Floats, typical: Floats) -> Covariance:
    if how == "ols":
        return Covariance.equal(len(tree))
    if how == "wls_struct" or not np.isfinite(residuals).any():
        return Covariance.structural(tree.add_up(np.ones(tree.node.shape[1])))
    return (Covariance.shrunk if how == "mint_shrink" else Covariance.of_variances)(residuals, typical)


def _filled(table: Table) -> Floats:
    return fill(table.target, table.indptr)


def _ratios(table: Table, node: Ints) -> Floats:
    """Mean of what each series is of its node, over the steps at which the node is not zero. (series,)"""
    first = table.start.min()
    steps = int(table.end.max() - first + 1)
    at = node[table.series] * steps + table.steps - first
    _, at = np.unique(at, return_inverse=True)
    values = _filled(table)
    sums = np.bincount(at, values)[at]
    ratio = np.where(sums != 0, values / np.where(sums != 0, sums, 1.0), 0.0)
    return np.asarray(np.bincount(table.series, ratio, len(table)), np.float64)


def _sum_by(place: Ints, values: Floats, size: int) -> Floats:
    """Sums of the rows that fall on the same place. (rows, k) -> (size, k)"""
    out = np.zeros((size, values.shape[1]))
    np.add.at(out, place, values)
    return out
