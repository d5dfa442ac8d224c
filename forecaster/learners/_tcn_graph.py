"""The network of one group as one function of plain values: the scaling around it, windows and all, for exports to other formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forecaster.learners._tcn_channels import FARTHEST, Channels
from forecaster.learners._tcn_network import Batch, Plan, Weights, quantiles
from forecaster.learners._tcn_windows import View
from forecaster.table import Floats, Singles


class Network(torch.nn.Module):
    """What the model does of one horizon, with operators that can be traced.

    Args:
        plan: Sizes of the network.
        view: What a window holds.
        channels: How rows become numbers.
        weights: The weights by name.
    """

    def __init__(self, plan: Plan, view: View, channels: Channels, weights: Weights) -> None:
        super().__init__()
        self.plan, self.view, self.weights = plan, view, dict(weights)
        self.centre, self.spread = (_single(values[channels.order]) for values in (channels.centre, channels.spread))
        self.labels = [_single(labels) for labels in channels.labels]

    def forward(self, target: Tensor, features: Tensor) -> Tensor:
        """Quantiles of the steps ahead. (series, span), (series, span + horizon, columns) -> (series, horizon, levels)"""
        span, sees, seasons = self.view.span, self.view.sees, self.view.seasons
        level, scale = self._unit(target)
        there = ~torch.isnan(target)
        z = torch.where(there & (scale > 0), (torch.nan_to_num(target) - level) / torch.where(scale > 0, scale, 1.0), 0.0)
        numbers, codes = self._numbers(features), self._codes(features)
        earlier = [z[:, span - sees - season : span - season] for season in seasons]
        values = torch.stack([z[:, span - sees :], there[:, span - sees :].float(), *earlier], 2)
        coming = span - max(seasons, default=1)
        known = numbers[..., numbers.shape[2] - self.view.known :]
        batch = Batch(
            past=torch.cat([values, numbers[:, span - sees : span]], 2), past_codes=codes[:, span - sees : span],
            ahead=known[:, coming:], ahead_codes=codes[:, coming:, : self.view.known_codes],
            origins=there[:, :1].long() * 0, anchors=self._anchors(z, there)[:, None], actual=target[:, None, :1],
        )  # fmt: skip
        return level[..., None] + scale[..., None] * quantiles(self.weights, self.plan, batch)[:, 0]

    def _unit(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Level and scale of each window. (series, 1) each"""
        recent, whole = (_mean(part) for part in (target[:, -max(self.view.seasons, default=8) :], target))
        level = torch.where(torch.isnan(recent), whole, recent)
        return level, torch.nan_to_num(_mean((target - level).abs()))

    def _numbers(self, features: Tensor) -> Tensor:
        scaled = (features[..., : len(self.centre)] - self.centre) / self.spread
        return torch.nan_to_num(scaled.clamp(-FARTHEST, FARTHEST))

    def _codes(self, features: Tensor) -> Tensor:
        """Place of each label among those of training, from 1; 0 for any other."""
        made = []
        for i, labels in enumerate(self.labels):
            place = torch.arange(1, len(labels) + 1, dtype=torch.long)
            same = features[..., len(self.centre) + i, None] == labels
            made.append((same.long() * place).sum(-1))
        return torch.stack(made, 2) if made else features[..., :0].long()

    def _anchors(self, z: Tensor, there: Tensor) -> Tensor:
        """Earlier values at each step ahead, as `_tcn_windows` has them. (series, horizon, anchors)"""
        span, horizon, ahead = self.view.span, self.view.horizon, np.arange(1, self.view.horizon + 1)
        latest = torch.where(there, torch.arange(span), 0).amax(1, keepdim=True)
        parts = [z.gather(1, latest)[..., None].expand(-1, horizon, -1)]
        for season in reversed(self.view.seasons):
            back = season * (-(-ahead[:, None] // season) + np.arange(self.view.repeats))
            place = torch.from_numpy((span - 1 + ahead[:, None] - back).ravel())
            found, seen = (values[:, place].reshape(-1, horizon, self.view.repeats) for values in (z, there.float()))
            count = seen.sum(-1, keepdim=True)
            stand = torch.where(count > 0, (found * seen).sum(-1, keepdim=True) / count.clamp(min=1.0), parts[0][..., :1])
            parts.insert(0, torch.where(seen > 0, found, stand))
        return torch.cat([*parts, 0.0 * parts[0][..., :1]], -1)


@dataclass(frozen=True, eq=False)
class Spoken:
    """A function, what it is given, and what the model says of that.

    Args:
        function: (target, features) -> quantiles, (series, horizon, levels).
        target: The last values up to an origin, NaN where missing. (series, span)
        features: Covariates and calendar of these steps and of those ahead, NaN where missing. (series, span + horizon, columns)
        columns: Their names.
        levels: Quantile levels.
        said: What the model says. (series, horizon, levels)
    """

    function: Network
    target: Singles
    features: Singles
    columns: tuple[str, ...]
    levels: tuple[float, ...]
    said: Floats


def _mean(values: Tensor) -> Tensor:
    """The mean of what is there along the last axis; NaN for nothing. (..., 1)"""
    there = ~torch.isnan(values)
    count = there.float().sum(-1, keepdim=True)
    mean = torch.nan_to_num(values).sum(-1, keepdim=True) / count.clamp(min=1.0)
    return torch.where(count > 0, mean, torch.full_like(mean, float("nan")))


def _single(values: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
