"""A temporal convolutional network (extra `tcn`): one network over all series of a group, every step and quantile at once.

Windows of each series are told in their own unit (the mean of the last season, the mean distance from it), so that a network
forecasts series of any size, newer history and all. The parts: `_tcn_channels` makes numbers of rows, `_tcn_windows` cuts windows,
`_tcn_network` is the network, `_tcn_split` and `_tcn_training` train it, `_tcn_model` forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from safetensors import torch as safetensors

from forecaster.archive import storable
from forecaster.errors import MissingExtra, SettingsError
from forecaster.features.design import Design
from forecaster.learners._local import ascending
from forecaster.learners._pool import reason_of
from forecaster.learners._seasons import usual
from forecaster.learners._tcn_channels import Channels
from forecaster.learners._tcn_model import Networks, Trained, span_of
from forecaster.learners._tcn_network import Plan, seen
from forecaster.learners._tcn_split import Split
from forecaster.learners._tcn_training import Effort, train
from forecaster.learners._tcn_windows import View
from forecaster.protocols import Traits
from forecaster.table import Table

DEEPEST = 6
"""Cells in a block, where the data decide: 253 steps are seen."""

FARTHEST = 1000
"""Steps back to which earlier values are taken from, where the data decide and three seasons are shorter."""


@storable
@dataclass(frozen=True, kw_only=True)
class TCN:
    """A temporal convolutional network with known, past and static covariates and quantiles of its own.

    Args:
        design: The recipe of what is known of every step (calendar, holidays, covariates, series) and the horizon, filled in by a job;
            its lags and windows are not looked at.
        levels: Quantile levels, ascending; the forecast itself is the median.
        seasons: Steps in each season, such as (48, 336); those usual for the frequency where None. One of which the longest series has
            not two is left out.
        repeats: Values of earlier seasons that a step is forecast from, per season; 3 to 8 where None, the fewer the longer the seasons.
        blocks: Times that dilations start anew.
        cells: Residual cells in a block; so many that two of the shortest season are seen where None.
        channels: Width of a cell.
        dropout: Share of the channels that are left out at random.
        learning_rate: Largest rate.
        epochs: Most epochs, of 4 to 25 batches each.
        patience: Epochs without a better forecast of the last window of training time after which to stop.
        max_seconds: Seconds per group after which no further epoch is begun; with it the bits depend on the speed of the machine.
        device: "cpu", "gpu", or "auto" for a GPU where there is one. Forecasts are always made on the processor.
        mixed: Whether to multiply in bfloat16; on a GPU that can, where None.
        seed: Seed of whatever is random; every group gets the same.
        threads: Threads for one fit; None is one. It changes the speed, never the bits.

    Source: Bai, Kolter & Koltun (2018), An empirical evaluation of generic convolutional and recurrent networks for sequence modeling;
    Wen, Torkkola, Narayanaswamy & Madeka (2017), A multi-horizon quantile recurrent forecaster.
    """

    design: Design | None = None
    levels: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9)
    seasons: tuple[int, ...] | None = None
    repeats: int | None = None
    blocks: int = 1
    cells: int | None = None
    channels: int = 32
    dropout: float = 0.1
    learning_rate: float = 3e-3
    epochs: int = 20
    patience: int = 5
    max_seconds: float | None = None
    device: Literal["auto", "cpu", "gpu"] = "auto"
    mixed: bool | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.seasons is not None:
            object.__setattr__(self, "seasons", tuple(self.seasons))
        object.__setattr__(self, "levels", ascending(self.levels))
        for name in ("repeats", "blocks", "cells", "channels", "epochs", "patience"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise SettingsError(f"tcn: {name} starts at 1; came {value!r}")
        if not 0 <= self.dropout < 1 or self.learning_rate <= 0:
            raise SettingsError(f"tcn: dropout lies in [0, 1) and learning_rate is positive; came {self.dropout!r}, {self.learning_rate!r}")
        if any(season < 2 for season in self.seasons or ()):
            raise SettingsError(f"tcn: seasons are whole numbers of steps from 2 up, such as (48, 336); came {self.seasons!r}")
        if self.device not in ("auto", "cpu", "gpu"):
            raise SettingsError(f'tcn: device is "auto", "cpu" or "gpu"; came {self.device!r}')

    @property
    def traits(self) -> Traits:
        """What it can do; three horizons are the least that can be split into teaching and watching."""
        return Traits(pooled=True, covariates=True, quantiles=bool(self.levels), min_length=max(20, 3 * self._recipe.horizon))

    def fit(self, table: Table) -> Networks:
        """One network per group; a group that cannot be fitted is a reason in the forecast."""
        trained: list[Trained | None] = []
        broken: dict[int, str] = {}
        for g in range(table.n_groups):
            try:
                trained.append(self._network(table.take_groups([g])))
            except (MissingExtra, MemoryError, SettingsError):
                raise
            except Exception as error:
                # One group must not cost its neighbours their networks: the reason travels in the forecast.
                trained.append(None)
                broken[g] = reason_of(error)
        return Networks(tuple(trained), broken, table.tail(span_of(trained)), self.levels)

    @property
    def _recipe(self) -> Design:
        return self.design or Design()

    def _network(self, table: Table) -> Trained:
        self._expect_enough(table)
        longest = int(table.sizes.max())
        seasons = tuple(season for season in self.seasons or usual(table) if 2 * season <= longest)
        cells = self.cells or self._cells(min(seasons, default=4), longest // 2)
        channels = Channels.of(self._recipe, table)
        panel = channels.panel(table)
        repeats = self.repeats or _repeats(max(seasons, default=1), longest // 2)
        view = View(self._recipe.horizon, seen(self.blocks, cells), seasons, repeats, channels.known, channels.known_categories)
        plan = Plan(
            horizon=view.horizon, levels=tuple(sorted({*self.levels, 0.5})), inputs=view.inputs + panel.numbers.shape[1],
            known=channels.known, cards=tuple(len(labels) + 1 for labels in channels.labels), known_cards=channels.known_categories,
            seasons=seasons, anchors=view.anchors, blocks=self.blocks, cells=cells, channels=self.channels, dropout=self.dropout,
        )  # fmt: skip
        weights = train(Split(panel, view), plan, self._effort())
        return Trained(plan, view, channels, safetensors.save(weights))

    def _expect_enough(self, table: Table) -> None:
        known = np.bincount(table.series[np.isfinite(table.target)], minlength=len(table)).max(initial=0)
        if known < (needed := self.traits.min_length):
            raise ValueError(f"its longest series has {known} observed values; a network needs {needed}, take a learner of single series")

    def _cells(self, season: int, room: int) -> int:
        """So many that two of the shortest season are seen, as far as the data reach."""
        fitting = [cells for cells in range(1, DEEPEST + 1) if seen(self.blocks, cells) <= room] or [1]
        return next((cells for cells in fitting if seen(self.blocks, cells) >= 2 * season), fitting[-1])

    def _effort(self) -> Effort:
        device = _device(self.device)
        mixed = device.type != "cpu" and torch.cuda.is_bf16_supported(False) if self.mixed is None else self.mixed
        return Effort(self.epochs, self.patience, self.learning_rate, self.max_seconds, self.seed, device, mixed, self.threads or 1)


def _repeats(season: int, room: int) -> int:
    """Eight earlier values, fewer of long seasons, and no more than the data have."""
    return max(1, min(8, max(3, FARTHEST // season), room // season))


def _device(asked: str) -> torch.device:
    there = torch.cuda.is_available()
    if asked == "gpu" and not there:
        raise SettingsError('tcn: device="gpu", but torch finds no GPU here; use device="auto" or "cpu"')
    return torch.device("cuda" if there and asked != "cpu" else "cpu")
