"""The model of the network: one set of weights per group, kept as safetensors, and the end of the history it goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor

from forecaster.archive import storable
from forecaster.learners._newer import told
from forecaster.learners._pool import steps_of
from forecaster.learners._tcn_channels import Channels
from forecaster.learners._tcn_network import Plan, quantiles
from forecaster.learners._tcn_training import one_thread
from forecaster.learners._tcn_windows import View, windows
from forecaster.protocols import Forecast
from forecaster.table import Floats, Future, Table

AT_ONCE = 400_000
"""Forecast values that are worked on at a time."""


@storable
@dataclass(frozen=True, eq=False)
class Trained:
    """The network of one group.

    Args:
        plan: Its sizes.
        view: What a window holds.
        channels: How rows become numbers.
        weights: Its weights, as safetensors.
    """

    plan: Plan
    view: View
    channels: Channels
    weights: bytes

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The weights by name."""
        return safetensors.load(self.weights)

    def roll(self, table: Table, horizon: int, future: Future | None) -> Floats:
        """Forecast horizon by horizon: the median of one is the history of the next. (series, horizon, levels)

        Errors of one horizon add to those of the next: quantiles of the k-th lie sqrt(k) times as far off (azure-semantics B.8).
        """
        reach, middle, done = self.view.horizon, self.plan.levels.index(0.5), []
        for first in range(0, horizon, reach):
            part = steps_of(future, first, reach)
            made = self._ahead(table.tail(self.view.span), part)
            median = made[..., middle]
            table = table.extend(median, part)
            done.append(median[..., None] + np.sqrt(1 + first // reach) * (made - median[..., None]))
        return np.concatenate(done, axis=1)[:, :horizon]

    def _ahead(self, table: Table, future: Future | None) -> Floats:
        """The steps that the network knows; NaN for a series without a value in its window. (series, horizon, levels)"""
        panel = self.channels.panel(table, self.view.horizon, future)
        last, nearest = panel.sizes - self.view.horizon - 1, np.zeros((len(table), 1), np.int64)
        size = max(1, AT_ONCE // (self.view.horizon * len(self.plan.levels)))
        out = np.empty((len(table), self.view.horizon, len(self.plan.levels)))
        for begin in range(0, len(table), size):
            chosen = np.arange(begin, min(begin + size, len(table)))
            window = windows(panel, self.view, chosen, last[chosen], nearest[chosen])
            with torch.no_grad():
                said = quantiles(self.tensors, self.plan, window.batch)[:, 0].double().numpy()
            out[chosen] = window.level[:, None, None] + window.scale[:, None, None] * said
        return out


@storable
@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of all groups.

    Args:
        trained: One per group; None where it could not be trained.
        broken: Why. Group index -> reason
        context: What is needed of the history to forecast from its end.
        levels: Quantile levels of its forecasts.
    """

    trained: tuple[Trained | None, ...]
    broken: Mapping[int, str]
    context: Table
    levels: tuple[float, ...]

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast from the end of `history`, or of the table it was fitted on."""
        table = self.context if history is None else history
        made = np.full((len(table), horizon, len(self.levels) + 1), np.nan)
        failed: dict[int, str] = {}
        with one_thread():
            for g, network in enumerate(self.trained):
                members = np.flatnonzero(table.group == g)
                if network is None:
                    failed |= dict.fromkeys(members.tolist(), self.broken[g])
                    continue
                said = network.roll(table.take(members), horizon, None if future is None else future.take(members))
                made[members] = said[..., [network.plan.levels.index(level) for level in (0.5, *self.levels)]]
                lost = members[np.isnan(said).any(axis=(1, 2))]
                failed |= dict.fromkeys(lost.tolist(), f"it has no observed value in the last {network.view.span} steps")
        return told(made[..., 0], failed, self.levels, made[..., 1:] if self.levels else None)
