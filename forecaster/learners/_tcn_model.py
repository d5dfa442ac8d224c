"""The model of the network: one set of weights per group, kept as safetensors, and the end of the history it goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor

from forecaster.archive import storable
from forecaster.guardrails import expect_history
from forecaster.learners._newer import told
from forecaster.learners._pool import steps_of
from forecaster.learners._tcn_channels import Channels, Panel
from forecaster.learners._tcn_graph import Network, Spoken
from forecaster.learners._tcn_network import Plan, quantiles
from forecaster.learners._tcn_training import one_thread
from forecaster.learners._tcn_windows import View, placed, windows
from forecaster.protocols import Forecast
from forecaster.table import Floats, Future, Ints, Table

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
        return self.said(panel, panel.sizes - self.view.horizon - 1)

    def said(self, panel: Panel, last: Ints) -> Floats:
        """The steps after the row `last` of each series, counted from its first. (series, horizon, levels)"""
        size = max(1, AT_ONCE // (self.view.horizon * len(self.plan.levels)))
        out = np.empty((len(last), self.view.horizon, len(self.plan.levels)))
        for begin in range(0, len(last), size):
            chosen = np.arange(begin, min(begin + size, len(last)))
            window = windows(panel, self.view, chosen, last[chosen], np.zeros((len(chosen), 1), np.int64))
            with torch.no_grad():
                told = quantiles(self.tensors, self.plan, window.batch)[:, 0].double().numpy()
            out[chosen] = window.level[:, None, None] + window.scale[:, None, None] * told
        return out

    def spoken(self, table: Table) -> Spoken:
        """The network with the scaling around it as one function, and what it says of the end of each series and of a horizon before."""
        horizon, span = self.view.horizon, self.view.span
        grown = table.extend(np.full((len(table), horizon), np.nan), None)
        panel, raw = self.channels.panel(grown), self.channels.raw(grown)
        ends = [(np.arange(len(table)), panel.sizes - horizon - 1), (np.flatnonzero(table.sizes > horizon), panel.sizes - 2 * horizon - 1)]
        target, features, said = [], [], []
        for series, last in ends:
            rows, inside = placed(panel, series, last[series], span, horizon)
            target.append(np.where(inside, panel.target[rows], np.nan)[:, :span])
            features.append(np.where(inside[..., None], raw[rows], np.nan))
            said.append(self.said(panel, last)[series])
        return Spoken(
            Network(self.plan, self.view, self.channels, self.tensors), np.concatenate(target).astype(np.float32),
            np.concatenate(features).astype(np.float32), self.channels.names, self.plan.levels, np.concatenate(said),
        )  # fmt: skip


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
        if history is not None:
            expect_history(history, self.context.start, span_of(self.trained))
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

    def spoken(self, group: int) -> Spoken | None:
        """The network of one of its groups as one function; None where there is none."""
        network = self.trained[group]
        return None if network is None else network.spoken(self.context.take_groups([group]))

    def adopted(self, group: int, table: Table) -> Networks:
        """The model of series that it was not fitted on, all of one of its groups: windows are told in their own unit."""
        network = self.trained[group]
        broken = {0: self.broken[group]} if network is None else {}
        return Networks((network,), broken, table.tail(1 if network is None else network.view.span), self.levels)


def span_of(trained: Sequence[Trained | None]) -> int:
    """How many steps back the networks look."""
    return max((one.view.span for one in trained if one is not None), default=1)
