"""Which windows of a group teach a network and which tell when to stop."""

from __future__ import annotations

import numpy as np

from forecaster.learners._tcn_channels import Panel
from forecaster.learners._tcn_network import Batch
from forecaster.learners._tcn_windows import View, windows
from forecaster.sample import evenly

ORIGINS = 8
"""Origins of a window: they share the work of the cells."""

VALUES = 24_000
"""Targets of a batch, more or less."""

WATCHED = 256
"""Windows that the loss is watched on, at most."""

FEWEST, MOST = 10, 25
"""Batches of an epoch."""


class Split:
    """The last steps of each series are watched, a tenth of them or at least the horizon; what lies before teaches.

    Args:
        panel: The rows of a group.
        view: What a window holds.
    """

    def __init__(self, panel: Panel, view: View) -> None:
        self.panel, self.view = panel, view
        held = np.minimum(np.clip(panel.sizes // 10, view.horizon, 4 * view.horizon), panel.sizes // 3)
        self.cut = panel.sizes - held
        self.low = np.minimum(view.span, self.cut // 2)
        self.count = np.maximum(self.cut - 1 - self.low, 0)
        self.reach = int(min(view.sees, self.count.max(initial=0) // 2))
        enough = -(-int(self.count.sum()) // ORIGINS)
        self.size = int(min(np.clip(VALUES // (ORIGINS * view.horizon), 8, 64), max(2, enough)))

    @property
    def large(self) -> bool:
        """Whether a batch is worth several threads."""
        return self.size * ORIGINS * self.view.horizon > VALUES // 4

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return int(np.clip(self.count.sum() // (self.size * ORIGINS), FEWEST, MOST))

    def draw(self, random: np.random.Generator) -> Batch:
        """A batch of windows to learn from."""
        bounds = np.cumsum(self.count)
        drawn = random.integers(0, bounds[-1], self.size)
        series = np.searchsorted(bounds, drawn, side="right")
        low, cut = self.low[series], self.cut[series]
        last = np.maximum(low + drawn - (bounds - self.count)[series], np.minimum(low + self.reach, cut - 2))
        origins = np.sort(random.integers(0, self.reach + 1, (self.size, ORIGINS)), axis=1)
        origins[:, -1] = self.reach
        return windows(self.panel, self.view, series, last, origins, cut).batch

    def watched(self) -> list[Batch]:
        """Windows that begin where the teaching ends, one horizon after the other; an even choice where there are many."""
        horizon, held = self.view.horizon, self.panel.sizes - self.cut
        each = np.where(self.count > 0, -(-held // horizon), 0)
        series = np.repeat(np.arange(len(each)), each)
        last = self.cut[series] - 1 + horizon * (np.arange(len(series)) - np.repeat(np.cumsum(each) - each, each))
        kept = evenly(len(series), WATCHED)
        parts = np.array_split(kept, -(-len(kept) // self.size)) if len(kept) else []
        nearest = np.zeros((len(series), 1), np.int64)
        return [
            windows(self.panel, self.view, series[part], last[part], nearest[part], self.panel.sizes[series[part]]).batch for part in parts
        ]
