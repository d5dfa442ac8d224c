"""Quantiles of forecasts that add up, from draws that add up.

A draw gives every node a quantile of its own spread (`forecaster.calibration`); which one, is told by the ranks of its residuals in one
step of one window of the backtest, so that nodes are off together as they were there (an empirical copula: Schefzik et al. 2013). Draws
are then moved to the nearest ones that add up, as Panagiotelis et al. (2023) reconcile samples; what does not add up is shared out by
the scale of the nodes, which leaves most of what is known of each level's own errors (picked among powers of the scale on the
tourism series: its square takes a sixth of the width off the total, the scale itself half of that). What adds up is every single draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.calibration import Spread
from forecaster.hierarchy.covariance import Covariance
from forecaster.hierarchy.reconcile import Projection
from forecaster.hierarchy.tree import Tree
from forecaster.table import Floats
from forecaster.yardstick import Usual

DRAWS = 100
"""Draws at least: enough for quantiles between 0.01 and 0.99."""


@storable
@dataclass(frozen=True, eq=False)
class Joint:
    """How far all nodes are off together.

    Args:
        tree: The nodes.
        spread: How far each is off by itself, in the sizes that are usual.
        usual: How far off a seasonal naive forecast of each would be.
        rank: Which of its quantiles each node has in each draw; every row has every rank once. (nodes, draws)
    """

    tree: Tree
    spread: Spread
    usual: Usual
    rank: NDArray[np.int16]

    @classmethod
    def of(cls, tree: Tree, spread: Spread, usual: Usual, residuals: Floats, seed: int) -> Joint:
        """Learn from out-of-fold residuals.

        Args:
            tree: The nodes.
            spread: How far each is off by itself, in the sizes that are usual.
            usual: How far off a seasonal naive forecast of each would be.
            residuals: Of forecasts that add up, in these sizes, NaN where unknown. (windows, nodes, horizon)
            seed: Decides ties, and where a node has no residual.
        """
        standard = np.moveaxis(residuals / spread.profile[spread.group], 0, 1).reshape(len(tree), -1)
        n = standard.shape[1]
        draws = np.linspace(0, n - 1, DRAWS).astype(np.int64) if n >= DRAWS else np.tile(np.arange(n), -(-DRAWS // n))
        chance = np.random.default_rng(seed).standard_normal((len(tree), len(draws)))
        size = np.maximum(spread.scale, 1e-300)[:, None]
        drawn = standard[:, draws] / size
        order = np.argsort(np.where(np.isfinite(drawn), drawn + 1e-6 * chance, chance), axis=1, kind="stable")
        rank = np.empty(order.shape, np.int16)
        np.put_along_axis(rank, order, np.arange(len(draws), dtype=np.int16)[None], axis=1)
        return cls(tree, spread, usual, rank)

    def quantiles(self, mean: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles around point forecasts that add up. (nodes, steps) -> (nodes, steps, levels)"""
        out = np.empty((*mean.shape, len(levels)))
        for step, drawn in enumerate(self._draws(mean.shape[1])):
            out[:, step] = np.quantile(drawn, levels, axis=1).T
        return mean[..., None] + out

    def draws(self, mean: Floats) -> Floats:
        """Draws around point forecasts that add up; each of them does. (nodes, steps) -> (nodes, steps, draws)"""
        return mean[..., None] + np.stack(list(self._draws(mean.shape[1])), axis=1)

    @cached_property
    def _nearest(self) -> Projection:
        typical = self.usual.at(self.spread.profile.shape[1]).mean(1)
        return Projection(self.tree, Covariance.of_scales(self.spread.scale * typical))

    def _draws(self, steps: int) -> Iterator[Floats]:
        """Draws around zero, step after step. (nodes, draws)"""
        count = self.rank.shape[1]
        width, standard = self.spread.parts(steps, ((np.arange(count) + 0.5) / count).tolist())
        width *= self.usual.at(steps)
        drawn = np.take_along_axis(standard, self.rank.astype(np.int64), axis=1)
        for step in range(steps):
            yield self.tree.add_up(self._nearest.series(width[:, step, None] * drawn))
