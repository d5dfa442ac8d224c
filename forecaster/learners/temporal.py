"""Temporal hierarchies: a season forecast whole, in halves, thirds and so on down to single steps, and made to agree.

With `b` the steps of a season, row `i` of `S` the steps that node `i` sums up, `y` the forecasts of all nodes and `W` the inverse of how
many steps each holds, the forecasts of the steps are those that the nodes agree on best:

    b = argmin (S b - y)' W (S b - y) = (S' W S)^-1 S' W y

Steps that are known already, where newer values end within a season, leave `S` and are taken off the nodes that hold them.

Source: Athanasopoulos, Hyndman, Kourentzes & Petropoulos (2017), Forecasting with temporal hierarchies, structural scaling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.frequency import Frequency
from forecaster.learners._blocks import in_blocks
from forecaster.learners._newer import told
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Learner, Model, Traits
from forecaster.table import Floats, Future, Ints, Table


def _ets() -> Learner:
    from forecaster.learners.ets import ETS

    return ETS()


@storable
@dataclass(frozen=True)
class Temporal:
    """Fits a learner at every number of steps that divides the season, and reconciles what the levels forecast.

    Sums over longer times show trends that single steps hide. Past the horizon, forecasts are the history of the next block.

    Args:
        learner: What is fitted at each level; an exponential smoothing model where absent. Covariates stay with learners outside.
        fewest: Sums that a series needs at a level for a forecast there.
        design: Tells the horizon; filled in by a job.
    """

    # options from a file are checked by pydantic, and the learner within is an object by then
    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    learner: Learner = field(default_factory=_ets)
    fewest: int = 20
    design: Design | None = None

    def __post_init__(self) -> None:
        if self.fewest < 1:
            raise SettingsError(f"temporal: fewest is a number of sums from 1 up; came {self.fewest!r}")

    @property
    def traits(self) -> Traits:
        """Those of the learner, which sees no covariates."""
        return replace(self.learner.traits, covariates=False)

    @own_units
    def fit(self, table: Table) -> Reconciled:
        """Fit the learner once per level."""
        season = max(table.season_length, 1)
        known = np.bincount(table.series[np.isfinite(table.target)], minlength=len(table))
        widths = [k for k in range(1, season + 1) if season % k == 0 and (k == 1 or (known >= k * self.fewest).any())]
        usable = np.stack([(known >= k * self.fewest) | (k == 1) for k in widths], axis=1)
        models = tuple(self.learner.fit(_sums(table, k, table.end)) for k in widths)
        horizon = None if self.design is None else self.design.horizon
        return Reconciled(models, tuple(widths), season, usable, table.end, horizon, table)


@storable
@dataclass(frozen=True, eq=False)
class Reconciled:
    """The models of all levels.

    Args:
        models: One per level, the single steps first.
        widths: Steps in each sum of a level.
        season: Steps in a season.
        usable: Which levels a series has. (series, levels)
        end: Last step that was seen; sums begin and end where it ends one. (series,)
        horizon: Steps that are forecast at once; None for any number.
        context: The history.
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    models: tuple[Model, ...]
    widths: tuple[int, ...]
    season: int
    usable: NDArray[np.bool_]
    end: Ints
    horizon: int | None
    context: Table
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast block by block: what the levels agree on is the history of the next."""
        return in_blocks(self._block, self.horizon or horizon, horizon, history, future, self.context)

    def _block(self, steps: int, history: Table | None, future: Future | None) -> Forecast:
        told_of = self.context if history is None else history
        done = (told_of.end - self.end) % self.season if history is not None else np.zeros(len(self.end), np.int64)
        seasons = int(-(-(done.max(initial=0) + steps) // self.season))
        newer = None if history is None else _sums(history, 1, self.end)
        said = self.models[0].predict(seasons * self.season, newer, None)
        mean = said.mean.copy()
        coarse = [self._level(level, history, done, seasons) for level in range(1, len(self.widths))]
        has = self.usable.copy()
        for level, values in enumerate(coarse, 1):
            has[:, level] &= np.isfinite(values).all(axis=1)
        for which, levels, first in self._alike(has, done):
            if len(levels) > 1:
                some = [coarse[level - 1][which] for level in levels[1:]]
                widths = tuple(self.widths[level] for level in levels)
                mean[which] = _agreed(mean[which], some, widths, self.season, first, told_of.last(self.season)[which])
        mean = mean[:, :steps]
        if said.quantiles is None:
            return told(mean, dict(said.failed))
        moved = said.quantiles[:, :steps] + (mean - said.mean[:, :steps])[..., None]
        return told(mean, dict(said.failed), said.levels, moved)

    def _level(self, level: int, history: Table | None, done: Ints, seasons: int) -> Floats:
        """What a level says of `seasons` seasons from the one that the history ends in; zero for sums that are over. (series, sums)"""
        width = self.widths[level]
        newer = None if history is None else _sums(history, width, self.end)
        count = seasons * self.season // width
        said = self.models[level].predict(count, newer, None).mean
        over = done // width
        at = np.arange(count) - over[:, None]
        return np.where(at >= 0, np.take_along_axis(said, np.maximum(at, 0), axis=1), 0.0)

    def _alike(self, has: NDArray[np.bool_], done: Ints) -> Iterator[tuple[Ints, list[int], int]]:
        """Series with the same levels whose histories end at the same step of a season: the series, the levels, the step."""
        keys, which = np.unique(np.column_stack([has, done]), axis=0, return_inverse=True)
        for i, key in enumerate(keys):
            yield np.flatnonzero(which.ravel() == i), np.flatnonzero(key[:-1]).tolist(), int(key[-1])


def _sums(table: Table, width: int, end: Ints) -> Table:
    """Sums over `width` steps, one of which ends at step `end` of its series; of what is known, where not all is."""
    whole = table.drop_last((table.end - end) % width)
    count = whole.sizes // width
    rows = whole.tail(count * width).target.reshape(-1, width)
    known = np.isfinite(rows)
    with np.errstate(over="ignore"):  # a value far beyond those that the unit was chosen for
        sums = np.where(known, rows, 0.0).sum(axis=1) * width
    seen = known.sum(axis=1)
    return Table(
        target=np.where(seen > 0, sums / np.maximum(seen, 1), np.nan),
        indptr=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        start=(whole.end - end) // width - count,
        frequency=Frequency.parse("1"),
        ids=table.ids,
        group_ptr=table.group_ptr,
        groups=table.groups,
        season_length=table.season_length // width,
    )


def _agreed(steps: Floats, coarse: list[Floats], widths: tuple[int, ...], season: int, done: int, last: Floats) -> Floats:
    """The steps that all levels agree on best.

    Args:
        steps: What the level of single steps says, from the end of the history on. (series, seasons x season)
        coarse: What the others say, from the begin of the season that the history ends in. (series, sums)
        widths: Steps in each sum, by level.
        season: Steps in a season.
        done: Steps of the season that are known.
        last: The last season of values; the known ones are its end. (series, season)
    """
    out, seasons = steps.copy(), steps.shape[1] // season
    for i in range(seasons):
        known = done if i == 0 else 0
        begin = i * season - done + known
        nodes = [steps[:, begin : (i + 1) * season - done]]
        for values, width in zip(coarse, widths[1:], strict=True):
            sums = values[:, i * season // width : (i + 1) * season // width].copy()
            for step in range(known):
                sums[:, step // width] -= last[:, season - known + step]
            nodes.append(sums[:, known // width :])
        said = np.concatenate(nodes, axis=1)
        told_all = np.asarray(np.isfinite(said).all(axis=1))  # a value of the season may be missing
        agreed = np.zeros((len(steps), season - known))
        # node by node, so that what a series gets never depends on how many others there are
        for node, weights in enumerate(_projection(widths, season, known).T):
            agreed += said[:, node, None] * weights
        out[:, begin : begin + season - known] = np.where(told_all[:, None], agreed, nodes[0])
    return out


@cache
def _projection(widths: tuple[int, ...], season: int, done: int) -> Floats:
    """What each node adds to each step of a season that is not known yet. (steps, nodes)"""
    holds: Floats = np.concatenate([np.kron(np.eye(season // width), np.ones((1, width))) for width in widths])[:, done:]
    rows = holds[holds.sum(axis=1) > 0]
    weighted = (rows / rows.sum(axis=1, keepdims=True)).T
    with threadpool_limits(1, user_api="blas"):  # bits must not depend on how many threads there are
        return np.asarray(np.linalg.solve(weighted @ rows, weighted))
