"""Out-of-fold forecasts that add up: in every window by what the other windows say, so that their residuals are honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecaster.hierarchy.plan import AUTO, CHOICE, Hierarchy
from forecaster.hierarchy.reconcile import Reconciler, bounded, reconciler
from forecaster.hierarchy.tree import Tree
from forecaster.metrics import Score, per_group
from forecaster.metrics.segments import mean
from forecaster.table import Floats, Ints, Table


@dataclass(frozen=True, eq=False)
class Windows:
    """What was said of the nodes, and what came.

    Args:
        plan: How forecasts are made to add up.
        tree: The nodes.
        series: The series, all with the same end.
        nodes: All nodes, with the same end.
        cutoff: Last known step of each window. (windows,)
        actual: NaN where unknown or not scored. (windows, nodes, horizon)
        base: Forecasts that do not add up; NaN where there is none. (windows, nodes, horizon)
        typical: What a squared residual of a node is expected to be. (nodes,)
        floor: No forecast of a series lies below. (series,)
        integer: Whether forecasts of series are whole numbers.
    """

    plan: Hierarchy
    tree: Tree
    series: Table
    nodes: Table
    cutoff: Ints
    actual: Floats
    base: Floats
    typical: Floats
    floor: Floats
    integer: bool = False

    def reconciler(self, windows: Sequence[int], cutoff: int | None = None) -> Reconciler:
        """What the residuals of some windows, and the values up to a cutoff, make of the plan."""
        residuals = np.ascontiguousarray(np.moveaxis((self.actual - self.base)[list(windows)], 0, 1))
        known = self.series if cutoff is None else self.series.drop_last(self.series.end - cutoff)
        return reconciler(self.plan, self.tree, known, residuals, self.typical)

    def best(self, score: Score) -> Windows:
        """The same with the method that "auto" stands for: the one with the least error, all levels weighing the same.

        Args:
            score: Errors of the nodes: (actual, forecast, nodes) -> (nodes,), lower is better.
        """
        if self.plan.reconcile != AUTO:
            return self
        tried = [replace(self, plan=replace(self.plan, reconcile=how)) for how in (CHOICE if len(self.base) else CHOICE[1:2])]
        if len(tried) == 1:
            return tried[0]
        nodes = np.arange(len(self.tree))
        errors = [np.nanmean(per_group(score(self.actual, one.reconciled(), nodes), self.tree.ptr)) for one in tried]
        return tried[int(np.nanargmin(errors)) if np.isfinite(errors).any() else 1]

    def reconciled(self, said: Floats | None = None) -> Floats:
        """Forecasts of each window, made to add up by what the other windows say; NaN in windows without any.

        Args:
            said: What does not add up; `base` where None. (windows, nodes, steps)

        Returns:
            (windows, nodes, steps)
        """
        said, windows = self.base if said is None else said, range(len(self.base))
        made = [self._window(w, [v for v in windows if v != w], one) for w, one in enumerate(said)]
        return np.stack(made) if made else self.base

    def _window(self, w: int, others: list[int], said: Floats) -> Floats:
        if not np.isfinite(said).any():
            return np.full(said.shape, np.nan)
        cutoff = int(self.cutoff[w])
        past = self.nodes.drop_last(np.clip(self.nodes.end - cutoff, 0, self.nodes.sizes))
        so_far = np.nan_to_num(mean(past.target, past.indptr))[:, None]
        base = np.where(np.isfinite(said), said, so_far)
        return self.tree.add_up(bounded(self.reconciler(others, cutoff).series(base), self.floor, self.integer))


def values_after(table: Table, cutoff: Ints, horizon: int, gap: int = 0) -> Floats:
    """The values of the steps after each cutoff; NaN where unknown. (cutoffs, series, horizon)"""
    end = table.end.max(initial=0)
    first = int(end - cutoff.min(initial=end))
    past = table.last(first)
    at = (first - (end - cutoff) + gap)[:, None] + np.arange(horizon)
    return np.moveaxis(past[:, at], 0, 1)
