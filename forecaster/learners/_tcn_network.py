"""The network: a temporal convolution over the past, and one step ahead at a time for every quantile.

Past: residual cells of two causal convolutions of width 3 (Bai, Kolter & Koltun 2018), dilated 1, 2, 4 ... within a block, so that
`blocks` times `cells` of them see 4 blocks (2^cells - 1) + 1 steps. What they say of an origin, what is known of the step ahead, and
the values of earlier seasons at that step then give all quantiles of that step (multi-horizon quantile regression, Wen et al. 2017).
The forecast is a mean of the earlier values, weighted by a softmax, and a correction; it starts as a seasonal naive forecast.

Weights are a mapping of tensors and the network a function of them: no hidden state, and no number that is not drawn from our own seed.
Every new tensor names its device and its type: the defaults of torch are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from math import sqrt

import torch
from torch import Tensor
from torch.nn.functional import conv1d, linear, softplus

from forecaster.archive import storable

FIRST_SHARE = 2.0
"""Logarithm of how much more weight earlier seasons have than the last value and the level, before anything is learnt."""

Weights = Mapping[str, Tensor]

WIDTH = 3
"""Steps that one convolution sees."""


@storable
@dataclass(frozen=True)
class Plan:
    """The sizes of a network.

    Args:
        horizon: Steps ahead.
        levels: Quantile levels, ascending, 0.5 among them.
        inputs: Numbers of each past step.
        known: How many of the last of them are known ahead too.
        cards: Codes of each category of a past step; 0 is for codes never met.
        known_cards: How many of the first of them are known ahead too.
        seasons: Steps in each season.
        anchors: Earlier values at a step ahead.
        blocks: Times that dilations start anew.
        cells: Residual cells in a block.
        channels: Width of the cells.
        dropout: Share of the channels that a cell goes without, at random, while it learns.
    """

    horizon: int
    levels: tuple[float, ...]
    inputs: int
    known: int
    cards: tuple[int, ...]
    known_cards: int
    seasons: tuple[int, ...]
    anchors: int
    blocks: int
    cells: int
    channels: int
    dropout: float

    @property
    def lead(self) -> int:
        """Steps before an origin of which a step ahead is told what was known."""
        return max(self.seasons, default=1) - 1

    @property
    def embedded(self) -> tuple[int, ...]:
        """Numbers that stand for a category: the fourth root of its codes, from 3 to 100 (azure-semantics B.10)."""
        return tuple(min(max(round((card - 1) ** 0.25 + 0.5), 3), 100) for card in self.cards)


def seen(blocks: int, cells: int) -> int:
    """Steps up to an origin that residual cells see."""
    return 2 * (WIDTH - 1) * blocks * ((1 << cells) - 1) + 1


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows as a network sees them, in units of each window.

    Args:
        past: Each step up to the last origin. (windows, steps, inputs)
        past_codes: Its categories. (windows, steps, categories)
        ahead: What is known of the steps from `lead` before the first origin on. (windows, steps, known)
        ahead_codes: Its categories. (windows, steps, known categories)
        origins: Steps from the first origin to each origin. (windows, origins)
        anchors: Earlier values. (windows, origins, horizon, anchors)
        actual: NaN where missing. (windows, origins, horizon)
    """

    past: Tensor
    past_codes: Tensor
    ahead: Tensor
    ahead_codes: Tensor
    origins: Tensor
    anchors: Tensor
    actual: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return replace(self, **{name: tensor.to(device) for name, tensor in vars(self).items()})

    def parts(self, n: int) -> list[Batch]:
        """The batch in `n` parts of nearly equal size."""
        cut = [tensor.tensor_split(n) for tensor in vars(self).values()]
        return [Batch(*part) for part in zip(*cut, strict=True)]


def start(plan: Plan, seed: int) -> dict[str, Tensor]:
    """Random weights of a network whose forecast is near that of a seasonal naive one."""
    random = torch.Generator().manual_seed(seed)
    made = {
        name: torch.randn(shape, generator=random, device="cpu", dtype=torch.float32) / sqrt(max(torch.Size(shape[1:]).numel(), 1))
        for name, shape in _shapes(plan).items()
    }
    for name, tensor in made.items():
        if name.endswith(("bias", "head", "steps")):
            tensor.zero_()
        elif name.endswith("gain"):
            tensor.fill_(1.0 if name.endswith("0.gain") else 0.5)
    shares = made["bias"][len(plan.levels) :]
    shares[: max(plan.anchors - 2, 1)] = FIRST_SHARE
    for level, bias in zip(plan.levels, made["bias"], strict=False):
        bias.fill_(0.0 if level == 0.5 else -1.0)
    return made


def _shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    wide, ahead = plan.channels, plan.known + sum(plan.embedded[: plan.known_cards])
    shapes: dict[str, tuple[int, ...]] = {
        f"embed.{i}": (card, size) for i, (card, size) in enumerate(zip(plan.cards, plan.embedded, strict=True))
    }
    shapes |= {"mix": (wide, plan.inputs + sum(plan.embedded)), "mix.bias": (wide,)}
    for cell in range(plan.blocks * plan.cells):
        for half in range(2):
            shapes |= {
                f"cell.{cell}.{half}": (wide, wide, WIDTH),
                f"cell.{cell}.{half}.gain": (wide, 1, 1),
                f"cell.{cell}.{half}.bias": (wide,),
            }
    outputs = len(plan.levels) + plan.anchors
    shapes |= {f"earlier.{i}": (wide, ahead) for i in range(len(plan.seasons))}
    shapes |= {"origin": (wide, wide), "ahead": (wide, ahead), "anchors": (wide, plan.anchors), "steps": (plan.horizon, wide)}
    return shapes | {"hidden": (wide, wide), "hidden.bias": (wide,), "head": (outputs, wide), "bias": (outputs,)}


def quantiles(weights: Weights, plan: Plan, batch: Batch, random: torch.Generator | None = None) -> Tensor:
    """Quantiles of every step ahead of every origin, ascending. (windows, origins, horizon, levels)

    Args:
        weights: As `start` gives them.
        plan: Its sizes.
        batch: Windows.
        random: Draws what dropout leaves out; nothing is left out where absent.
    """
    windows = torch.arange(batch.past.shape[0], device=batch.past.device)[:, None]
    seen = _cells(weights, plan, batch, random).transpose(1, 2)[windows, batch.origins]
    mixed = linear(seen, weights["origin"])[:, :, None] + _known(weights, plan, batch) + linear(batch.anchors, weights["anchors"])
    mixed = mixed + weights["steps"]
    hidden = torch.relu(mixed)
    hidden = hidden + torch.relu(linear(hidden, weights["hidden"], weights["hidden.bias"]))
    told = linear(hidden, weights["head"], weights["bias"]).float()
    share = torch.softmax(told[..., len(plan.levels) :], -1)
    return (share * batch.anchors).sum(-1, keepdim=True) + _ascending(told[..., : len(plan.levels)], plan.levels.index(0.5))


def _known(weights: Weights, plan: Plan, batch: Batch) -> Tensor:
    """What is known of each step ahead, and what was of the last one of the same season. (windows, origins, horizon, channels)"""
    windows = torch.arange(batch.past.shape[0], device=batch.past.device)[:, None, None]
    origins, step = plan.lead + batch.origins[..., None], torch.arange(1, plan.horizon + 1, device=batch.past.device)
    features = _with_codes(weights, batch.ahead, batch.ahead_codes)
    total = linear(features, weights["ahead"])[windows, origins + step]
    for i, season in enumerate(plan.seasons):
        total = total + linear(features, weights[f"earlier.{i}"])[windows, origins - (-step % season)]
    return total


def _cells(weights: Weights, plan: Plan, batch: Batch, random: torch.Generator | None) -> Tensor:
    """What the cells say of each origin; convolutions are not padded, so none sees what comes later. (windows, channels, origins)"""
    x = linear(_with_codes(weights, batch.past, batch.past_codes), weights["mix"], weights["mix.bias"]).transpose(1, 2)
    for cell in range(plan.blocks * plan.cells):
        dilation, y = 2 ** (cell % plan.cells), x
        for half in range(2):
            name = f"cell.{cell}.{half}"
            direction = weights[name]
            kernel = direction * (weights[f"{name}.gain"] / direction.norm(dim=(1, 2), keepdim=True))
            y = _dropped(torch.relu(conv1d(y, kernel, weights[f"{name}.bias"], dilation=dilation)), plan.dropout, random)
        x = torch.relu(x[..., -y.shape[-1] :] + y)
    return x


def _with_codes(weights: Weights, numbers: Tensor, codes: Tensor) -> Tensor:
    return torch.cat([numbers, *(weights[f"embed.{i}"][codes[..., i]] for i in range(codes.shape[-1]))], -1)


def _dropped(x: Tensor, share: float, random: torch.Generator | None) -> Tensor:
    """Without some channels of each window, the others larger instead."""
    if random is None or share == 0:
        return x
    kept = torch.rand(x.shape[:2], generator=random, device=x.device, dtype=torch.float32) >= share
    return x * (kept[..., None].to(x.dtype) / (1 - share))


def _ascending(told: Tensor, middle: int) -> Tensor:
    """Quantiles from a middle one and steps up and down from there, which are positive. (..., levels)"""
    centre, steps = told[..., middle], softplus(told).unbind(-1)
    # step by step, since the cumulative sum of CUDA is not deterministic
    down, up = [*accumulate(reversed(steps[:middle]))], accumulate(steps[middle + 1 :])
    return torch.stack([*(centre - one for one in reversed(down)), centre, *(centre + one for one in up)], -1)


def pinball(told: Tensor, batch: Batch, levels: Tensor) -> tuple[Tensor, Tensor]:
    """The total quantile loss of the values that are there, and how many these are."""
    there = torch.isfinite(batch.actual)
    error = torch.where(there, batch.actual, 0.0)[..., None] - told
    loss = torch.maximum(levels * error, (levels - 1) * error).mean(-1)
    return (loss * there).sum(), there.sum()
