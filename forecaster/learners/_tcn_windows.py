"""Windows of a panel: some steps of one series, with one or more origins near their end, in units of the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.learners._tcn_channels import Panel
from forecaster.learners._tcn_network import Batch
from forecaster.table import Floats, Ints


@storable
@dataclass(frozen=True)
class View:
    """What a window holds.

    Args:
        horizon: Steps ahead.
        sees: Steps up to an origin that the cells see.
        seasons: Steps in each season, ascending; none where there is no season.
        repeats: Earlier values at a step ahead, per season.
        known: Numbers known ahead.
        known_codes: Categories known ahead.
    """

    horizon: int
    sees: int
    seasons: tuple[int, ...]
    repeats: int
    known: int
    known_codes: int

    @property
    def anchors(self) -> int:
        """Earlier values: some per season, the last one, and the level of the window."""
        return self.repeats * len(self.seasons) + 2

    @property
    def inputs(self) -> int:
        """Numbers of a past step besides covariates: the value, whether it is there, and what it was a season before."""
        return 2 + len(self.seasons)

    @property
    def span(self) -> int:
        """Steps up to an origin that have a say in its forecast."""
        longest = max(self.seasons, default=1)
        return max(self.sees + longest, self.repeats * longest, 8)


@dataclass(frozen=True, eq=False)
class Windows:
    """A batch, and the unit that each window is told in.

    Args:
        batch: What a network sees.
        level: What was taken off each value; NaN where nothing was there. (windows,)
        scale: What the rest was divided by; 0 where all values were alike. (windows,)
    """

    batch: Batch
    level: Floats
    scale: Floats


def windows(panel: Panel, view: View, series: Ints, last: Ints, origins: Ints, until: Ints | None = None) -> Windows:
    """Cut windows out of a panel.

    Args:
        panel: Rows of a group.
        view: What a window holds.
        series: Series of each window. (windows,)
        last: Its last origin, counted from the first row of the series. (windows,)
        origins: Steps from the first possible origin to each one, ascending; the last possible one is `last`. (windows, origins)
        until: Rows from here on are no targets, counted likewise. (windows,)
    """
    reach = int(origins.max(initial=0))
    rows, inside = placed(panel, series, last, view.span + reach, view.horizon)
    values = np.where(inside, panel.target[rows], np.nan)
    level, scale = _unit(values[:, : view.span], view)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(scale[:, None] > 0, (values - level[:, None]) / scale[:, None], np.where(np.isfinite(values), 0.0, np.nan))
    ends = view.span + reach
    first = ends - reach - view.sees
    place = view.span - 1 + origins[..., None] + np.arange(1, view.horizon + 1)
    actual = np.take_along_axis(z[:, None], place, 2)
    if until is not None:
        later = last[:, None, None] - reach + (place - view.span + 1) >= until[:, None, None]
        actual = np.where(later | (scale[:, None, None] <= 0), np.nan, actual)
    numbers, codes = panel.numbers[rows] * inside[..., None], panel.codes[rows] * inside[..., None]
    coming = slice(view.span - max(view.seasons, default=1), None)
    batch = Batch(
        past=_tensor(np.concatenate([_values(z, view, first, ends), numbers[:, first:ends]], 2)),
        past_codes=torch.from_numpy(codes[:, first:ends]),
        ahead=_tensor(numbers[:, coming, numbers.shape[2] - view.known :]),
        ahead_codes=torch.from_numpy(codes[:, coming, : view.known_codes]),
        origins=torch.from_numpy(origins),
        anchors=_tensor(_anchors(z, view, origins)),
        actual=_tensor(actual),
    )
    return Windows(batch, level, scale)


def placed(panel: Panel, series: Ints, last: Ints, before: int, after: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Row of each step of each window, and whether the series has it. (windows, before + after)"""
    place = last[:, None] + np.arange(1 - before, after + 1)
    inside = (place >= 0) & (place < panel.sizes[series, None])
    return np.where(inside, panel.indptr[series, None] + place, 0), inside


def _unit(values: Floats, view: View) -> tuple[Floats, Floats]:
    """Mean of the last season, or of all where that is missing, and mean distance from it. (windows,) each"""
    recent, whole = (_mean(part) for part in (values[:, -max(view.seasons, default=8) :], values))
    level = np.where(np.isfinite(recent), recent, whole)
    return level, np.nan_to_num(_mean(np.abs(values - level[:, None])))


def _values(z: Floats, view: View, first: int, ends: int) -> Floats:
    """The value of each step, whether it is there, and the value a season before. (windows, steps, 2 + seasons)"""
    earlier = [z[:, first - season : ends - season] for season in view.seasons]
    there = np.isfinite(z[:, first:ends])
    return np.asarray(np.nan_to_num(np.stack([z[:, first:ends], there, *earlier], 2)))


def _anchors(z: Floats, view: View, origins: Ints) -> Floats:
    """Earlier values at each step ahead: of each season, the last one, and 0 for the level. (windows, origins, horizon, anchors)"""
    origin = (view.span - 1 + origins)[..., None]
    ahead = np.arange(1, view.horizon + 1)
    latest = np.take_along_axis(z, np.take_along_axis(np.maximum.accumulate(_there(z), 1), origin[..., 0], 1), 1)
    parts = [np.broadcast_to(np.nan_to_num(latest)[..., None, None], (*origins.shape, view.horizon, 1))]
    for season in reversed(view.seasons):
        places = [origin + ahead - season * (-(-ahead // season) + k) for k in range(view.repeats)]
        found = np.stack([np.take_along_axis(z[:, None], place, 2) for place in places], -1)
        # What is missing is the mean of the other values of that season, or the first of the next longer one, or the last value.
        stand = np.where(np.isfinite(mean := _mean(found)), mean, parts[0][..., 0])
        parts.insert(0, np.where(np.isfinite(found), found, stand[..., None]))
    return np.concatenate([*parts, np.zeros((*origins.shape, view.horizon, 1))], -1)


def _there(z: Floats) -> Ints:
    """Place of each value that is there, 0 for the others."""
    return np.asarray(np.where(np.isfinite(z), np.arange(z.shape[1]), 0), np.int64)


def _mean(values: Floats) -> Floats:
    """The mean of what is there along the last axis; NaN for nothing."""
    there = np.isfinite(values)
    count = there.sum(-1)
    return np.where(count > 0, np.where(there, values, 0.0).sum(-1) / np.maximum(count, 1), np.nan)


def _tensor(values: NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
