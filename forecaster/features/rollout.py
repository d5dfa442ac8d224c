"""The recursive strategy: one row ahead at a time, each forecast becoming history for the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecaster.features.calendar import Grid
from forecaster.features.fitted import FittedDesign
from forecaster.features.lookback import LookBack, State, matrix
from forecaster.features.matrix import Part, gather
from forecaster.features.sources import Sources, column_of, exactly
from forecaster.table import Floats, Future, Ints, Singles, Table


class Rollout:
    """Feature rows of the next step of every series.

    Call `rows`, predict, `push` the predictions, and so on; `ahead` does it with a function. Past covariates are not known
    ahead: their last known values go on.

    Args:
        fitted: The design, of the recursive strategy.
        table: History.
        horizon: Steps that will be asked for, so that what depends on the time alone is computed at once.
        future: Known covariates of these steps.
    """

    def __init__(self, fitted: FittedDesign, table: Table, horizon: int, future: Future | None = None) -> None:
        self.horizon, self.at = horizon, 0
        short = table if fitted.span is None else table.tail(fitted.span)
        n, period = len(short), fitted.season_length
        grid = Grid.of((short.end[:, None] + np.arange(1, horizon + 1)).reshape(-1))
        self._sources = Sources.of(fitted, short, fitted.clock(grid, short), exactly(future, horizon))
        self._width = len(fitted.names)
        last = np.arange(n) if (short.sizes > 0).all() else np.where(short.sizes > 0, np.arange(n), -1)
        self._looks = _Live(fitted.blocks, short.target, short.indptr, _rows(self._sources.looks, short.indptr, last))
        given = exactly(future, horizon).known
        self._later = [
            given.get(name, np.full((n, horizon), np.nan)) if name in short.known else _carried(short.past[name], short.indptr, horizon)
            for name in fitted.covariates
        ]
        self._covariates = [
            _Live(blocks, x, short.indptr, _rows(matrix(blocks, x, short.indptr), short.indptr, last))
            for blocks, x in ((blocks, column_of(short, name)) for name, blocks in fitted.covariates.items())
        ]
        self._seasonal = _Live(fitted.seasonal, short.target, short.indptr, np.zeros((n, 0), np.float32))
        # Row k of the ring is read k steps from now: the season of the next target was last seen `period` rows before it.
        back = short.indptr[1:, None] - period + np.arange(period)
        back = np.where(back < short.indptr[:-1, None], -1, back)
        self._ring = [_picked(self._sources.seasonal, back[:, k]) for k in range(period)]

    def rows(self) -> Singles:
        """The feature rows of the next step. (series, columns)"""
        given = self._sources.given
        series = np.arange(len(given.table))
        X = np.empty((len(series), self._width), np.float32)
        now = [self._looks.row, self._ring[0], *(live.row for live in self._covariates)]
        later = given.parts(series, given.table.end + self.at + 1, series * self.horizon + self.at)
        gather([*(Part(values, series) for values in now), *later], X)
        return X

    def push(self, values: Floats) -> None:
        """Take the forecasts of the step just read as its values. (series,)"""
        self._looks.push(values)
        self._seasonal.push(values)
        self._ring = [*self._ring[1:], self._seasonal.row]
        for live, later in zip(self._covariates, self._later, strict=True):
            live.push(np.asarray(later[:, self.at], np.float64))
        self.at += 1

    def ahead(self, predict: Any) -> Floats:
        """Forecasts of all steps by `predict(rows (series, columns)) -> (series,)`. (series, horizon)"""
        made = np.empty((len(self._sources.given.table), self.horizon))
        for k in range(self.horizon):
            made[:, k] = predict(self.rows())
            self.push(made[:, k])
        return made


class _Live:
    """Look-back blocks that go on from a history."""

    def __init__(self, blocks: tuple[LookBack, ...], values: Floats | Singles, indptr: Ints, row: Singles) -> None:
        self.blocks, self.row = blocks, row
        self.states: list[State] = [block.start(values, indptr) for block in blocks]

    def push(self, values: Floats) -> None:
        stepped = [block.step(state, values) for block, state in zip(self.blocks, self.states, strict=True)]
        self.states = [state for state, _ in stepped]
        self.row = np.concatenate([row for _, row in stepped], axis=1) if stepped else np.zeros((len(values), 0), np.float32)


def _rows(values: Singles, indptr: Ints, last: Ints) -> Singles:
    """The last row of each series. (series, k)"""
    return _picked(values, np.where(last < 0, -1, indptr[1:] - 1))


def _picked(values: Singles, index: Ints) -> Singles:
    out = np.empty((len(index), values.shape[1]), np.float32)
    gather([Part(values, index)], out)
    return out


def _carried(values: Singles, indptr: Ints, horizon: int) -> Floats:
    """The last known value of each series, once per step; NaN where there is none. (series, horizon)"""
    at = np.where(np.isfinite(values), np.arange(len(values)), -1)
    latest = np.maximum.accumulate(at) if len(at) else at
    found = latest[np.maximum(indptr[1:] - 1, 0)] if len(at) else np.full(len(indptr) - 1, -1)
    last = np.where((found >= indptr[:-1]) & (np.diff(indptr) > 0), values[np.maximum(found, 0)] if len(at) else np.nan, np.nan)
    return np.repeat(last[:, None], horizon, axis=1)
