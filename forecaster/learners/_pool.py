"""The model of every regression learner: predictors by group, and the end of the history they go on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.features.fitted import FittedDesign
from forecaster.features.rollout import Rollout
from forecaster.guardrails import expect_history
from forecaster.labels import Met
from forecaster.learners._local import NOTHING_OBSERVED
from forecaster.learners._matrices import scaled, scales, tail, unobserved
from forecaster.learners._shared import SHARED
from forecaster.learners._watched import Noted, Watched, contributions, gathered
from forecaster.protocols import Forecast, Parts
from forecaster.shapley import Contributions
from forecaster.table import Floats, Future, Ints, Singles, Table

NOT_FINITE = "its forecast is not a finite number"


class Predictor(Protocol):
    """A trained regressor: a storable dataclass."""

    def predict(self, X: Singles) -> Floats:
        """One number per row of features (rows, k), which may hold NaN."""
        ...


@storable
@dataclass(frozen=True, eq=False)
class Constant:
    """The predictor of a group whose target never changes, or which nothing tells anything about."""

    value: float

    def predict(self, X: Singles) -> Floats:
        """The value, once per row."""
        return np.full(len(X), self.value)

    def contributions(self, X: Singles) -> Contributions:
        """No feature adds anything."""
        return np.zeros((*X.shape, 1)), np.array([self.value])


@storable
@dataclass(frozen=True, eq=False)
class Chosen:
    """A predictor that sees only the columns that were not constant in its group, and categories in codes of the group's own.

    Args:
        columns: The columns.
        predictor: What predicts from them.
        met: The labels of the group in each column that holds those of other groups too; None where there is none.
    """

    columns: Ints
    predictor: Predictor
    met: Met | None = None

    def seen(self, X: Singles) -> Singles:
        """What the predictor sees of rows."""
        return own_codes(X if len(self.columns) == X.shape[1] else X[:, self.columns], self.met)

    def predict(self, X: Singles) -> Floats:
        """Predict from the chosen columns."""
        return self.predictor.predict(self.seen(X))

    def contributions(self, X: Singles) -> Contributions:
        """Those of the chosen columns; the others add nothing."""
        seen, out = self.seen(X), np.zeros((*X.shape, 1))
        out[:, self.columns], base = contributions(self.predictor, seen, self.predictor.predict(seen))
        return out, base


def own_codes(X: Singles, met: Met | None) -> Singles:
    """Rows with the categories that have met labels in codes of their own: the place of a label among these; any other is missing."""
    if met is None:
        return X
    X = X.copy("K")
    for column in np.flatnonzero(met.counts).tolist():
        labels = met.by(column)
        turn = np.full(labels[-1] + 2, np.nan, np.float32)
        turn[labels] = np.arange(len(labels))
        X[:, column] = turn[np.fmin(X[:, column], len(turn) - 1).astype(np.int64)]
    return X


@storable
@dataclass(frozen=True, eq=False)
class Pool:
    """The groups that share a design, each with its own predictor.

    Args:
        groups: Indices of the groups, ascending. (n,)
        design: Makes the rows ahead.
        trained: One predictor per group; None where it could not be trained.
        broken: Why. Place in `groups` -> reason
    """

    groups: Ints
    design: FittedDesign
    trained: tuple[Predictor | None, ...]
    broken: Mapping[int, str]

    def roll(self, table: Table, horizon: int, future: Future | None, broken: dict[int, str]) -> Floats:
        """Forecast block by block; each block is the history of the next. Groups that fail are added to `broken`. (series, horizon)"""
        if self.design.looks_back and not self.design.direct:
            rollout = Rollout(self.design, table, horizon, steps_of(future, 0, horizon))
            return rollout.ahead(lambda X: self._block(table, X[:, None], broken)[:, 0])
        done: list[Floats] = []
        reached = 0
        while reached < horizon:
            ahead = min(self.design.horizon, horizon - reached) if self.design.looks_back else horizon - reached
            part = steps_of(future, reached, ahead)
            X = self._first(table, ahead, part) if reached == 0 else self.design.ahead(table, ahead, part)
            done.append(self._block(table, X, broken))
            reached += ahead
            if reached < horizon:
                table = tail(table.extend(done[-1], part), self.design.span)
        return np.concatenate(done, axis=1) if done else np.empty((len(table), 0))

    def watched(self, notes: list[Noted], group: Ints) -> Pool:
        """The same with predictors that note why they say what they say; `group` is the group of each series."""
        mine = [Noted(int(g), self.design.names) for g in self.groups]
        notes += mine
        series = [int((group == g).sum()) for g in self.groups]
        trained = [None if p is None else Watched(p, note, n) for p, note, n in zip(self.trained, mine, series, strict=True)]
        return replace(self, trained=tuple(trained))

    def _first(self, table: Table, ahead: int, future: Future | None) -> Singles:
        """The rows of the first block, which are the same for all learners of this design. (series, ahead, k)"""
        given = None if future is None else tuple((name, block.tobytes()) for name, block in future.known.items())
        key = ("ahead", self.design.design, self.groups.tobytes(), ahead, given)
        return SHARED.get(table, key, lambda: self.design.ahead(table, ahead, future), lambda made: made.nbytes)

    def _block(self, table: Table, X: Singles, broken: dict[int, str]) -> Floats:
        mean = np.full(X.shape[:2], np.nan)
        for place, predictor in enumerate(self.trained):
            if predictor is None:
                continue
            series = slice(*table.group_ptr[place : place + 2])
            try:
                mean[series] = predictor.predict(X[series].reshape(-1, X.shape[2])).reshape(-1, X.shape[1])
            except MemoryError:
                raise
            except Exception as error:
                broken[place] = reason_of(error)
        return mean


@storable
@dataclass(frozen=True, eq=False)
class Reduced:
    """The model of every regression learner.

    Args:
        pools: The fitted groups.
        context: What is needed of the history to forecast from its end, divided by `scale`.
        scale: What each series was divided by. (series,)
        unobserved: Series that had no value to learn a scale from.
    """

    pools: tuple[Pool, ...]
    context: Table
    scale: Floats
    unobserved: Ints

    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """What each feature adds, and "expected": what is said where nothing is known. A recursive forecast is taken step by step."""
        group = (self.context if history is None else history).group
        notes: list[Noted] = []
        pools = [pool.watched(notes, group) for pool in self.pools]
        said = replace(self, pools=tuple(pools)).predict(horizon, history, future)
        return gathered(notes, group, self.scale, said.mean)

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast from the end of `history`, or of the table it was fitted on."""
        if history is not None:
            expect_history(history, self.context.start, span_of(self.pools))
        context = self.context if history is None else scaled(history, self.scale)
        mean = np.full((len(context), horizon), np.nan)
        failed: dict[int, str] = {}
        for pool in self.pools:
            broken = dict(pool.broken)
            members = np.isin(context.group, pool.groups)
            mean[members] = pool.roll(_members(context, pool), horizon, _of(future, members), broken)
            for place, reason in broken.items():
                failed |= dict.fromkeys(np.flatnonzero(context.group == pool.groups[place]).tolist(), reason)
        mean *= self.scale[:, None]
        mean[self.unobserved] = np.nan
        failed |= dict.fromkeys(self.unobserved.tolist(), NOTHING_OBSERVED)
        for i in np.flatnonzero(~np.isfinite(mean).all(axis=1)).tolist():
            mean[i] = np.nan
            failed.setdefault(i, NOT_FINITE)
        return Forecast(mean, failed=failed)

    def adopted(self, group: int, table: Table) -> Reduced:
        """The model of series that it was not fitted on, all of one of its groups: in their own scale where the group's have theirs."""
        pool = pool_of(self.pools, group)
        plain = (self.scale[self.context.group == group] == 1).all()
        scale = np.ones(len(table)) if plain else scales(table)
        return Reduced((pool,), context_of(scaled(table, scale), (pool,)), scale, unobserved(table))


def pool_of(pools: tuple[Pool, ...], group: int) -> Pool:
    """The predictor of one group, as if there were no other."""
    pool = next(pool for pool in pools if group in pool.groups)
    place = int(np.searchsorted(pool.groups, group))
    broken = {0: pool.broken[place]} if place in pool.broken else {}
    return Pool(np.zeros(1, np.int64), pool.design, (pool.trained[place],), broken)


def reason_of(error: Exception) -> str:
    """An error as a reason: its own words, with its type where that says more than ValueError."""
    words = " ".join(str(error).split()) or "no message"
    return words if type(error) is ValueError else f"{type(error).__name__}: {words}"


def context_of(table: Table, pools: tuple[Pool, ...]) -> Table:
    """The tail that every pool can forecast from."""
    return tail(table, span_of(pools))


def span_of(pools: tuple[Pool, ...]) -> int | None:
    """How far back the pools look; None where one looks at everything."""
    spans = [pool.design.span for pool in pools]
    return None if None in spans or not spans else max(span for span in spans if span is not None)


def _members(context: Table, pool: Pool) -> Table:
    """The series of a pool, no longer than its features look back: so any longer history gives the same bits."""
    if len(pool.groups) == context.n_groups:
        return tail(context, pool.design.span)
    key = ("members", pool.groups.tobytes())
    return tail(SHARED.derived(context, key, context.take_groups(pool.groups)), pool.design.span)


def _of(future: Future | None, members: NDArray[np.bool_]) -> Future | None:
    return future if future is None or members.all() else future.take(members)


def steps_of(future: Future | None, first: int, n: int) -> Future | None:
    """Exactly `n` steps of a future from `first` on; NaN past its end."""
    if future is None or (first == 0 and future.steps == n):
        return future

    def part(block: Singles) -> Singles:
        given = block[:, first : first + n]
        return np.pad(given, ((0, 0), (0, n - given.shape[1])), constant_values=np.nan)

    return Future({name: part(block) for name, block in future.known.items()}, n)
