"""Lifts a regressor on a feature matrix to the learner seam.

One regressor is fitted per group, on rows of all its series. All groups whose features agree share one design matrix, and all learners
that are given the same table and design share it too. Past the horizon a forecast becomes history and the next block starts from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import MissingExtra, SettingsError
from forecaster.features.auto import lags_and_windows
from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign
from forecaster.features.matrix import Matrix
from forecaster.features.rollout import Rollout
from forecaster.learners._shared import SHARED
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Singles, Table

ZEROS = 0.1
"""Share of zeros above which a target that is never negative counts as intermittent."""

BATCH_ROWS = 4_000_000
"""Rows of one feature matrix, or those of one group where these are more."""

NOTHING_OBSERVED = "it has no observed value; give at least one number"
NO_ROWS = "its group has no training row; at least one series must have two observed values"
NOT_FINITE = "its forecast is not a finite number"


@dataclass(frozen=True, eq=False)
class Rows:
    """What a regressor is trained on: the rows of one group.

    Args:
        X: Features without constant columns; NaN where missing. (rows, k)
        y: Targets, never NaN and not all equal. (rows,)
        kinds: "number", "category" (a code without order) or "cycle" (a calendar number) per column.
        distinct: Number of different target rows: fewer than rows where each is seen from several origins.
    """

    X: Singles
    y: Floats
    kinds: tuple[str, ...]
    distinct: int

    @property
    def repeats(self) -> float:
        """Rows per target row."""
        return len(self.y) / self.distinct

    @property
    def categories(self) -> list[int]:
        """Columns that are codes without order."""
        return [column for column, kind in enumerate(self.kinds) if kind == "category"]


class Predictor(Protocol):
    """A trained regressor: a storable dataclass."""

    def predict(self, X: Singles) -> Floats:
        """One number per row of features (rows, k), which may hold NaN."""
        ...


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What every regression learner has besides its hyperparameters; a learner adds `train`.

    Args:
        design: The recipe of the feature matrix; a job fills it in where it is None.
        target: "scale" divides each series by its root mean square, so that small and large series teach alike and a known scale
            is applied to what comes out; None takes the values as they are, so that large series count for more; "auto" is None
            for groups of intermittent counts and "scale" for all others.
        max_rows: Most rows per group to train on, evenly spread; None for all.
        seed: Seed of whatever is random; every group gets the same.
        threads: Threads for one fit on many rows; None is one. It changes the speed, never the bits.
    """

    design: Design | None = None
    target: Literal["auto", "scale"] | None = "scale"
    max_rows: int | None = None
    seed: int = 0
    threads: int | None = None
    traits: ClassVar[Traits] = Traits(pooled=True, covariates=True, min_length=2)

    def __post_init__(self) -> None:
        if self.target not in ("auto", "scale", None):
            raise SettingsError(f'target is "auto", "scale" or None; came {self.target!r}')
        if self.max_rows is not None and self.max_rows < 1:
            raise SettingsError(f"max_rows starts at 1; came {self.max_rows}")

    def train(self, rows: Rows) -> Predictor:
        """Fit one regressor on the rows of one group."""
        raise NotImplementedError

    def fit(self, table: Table) -> Reduced:
        """One regressor per group; a group that cannot be fitted is a reason in the forecast."""
        scale = _scales(table) if self.target else np.ones(len(table))
        if self.target == "auto":
            scale[_intermittent(table)[table.group]] = 1.0
        scaled = _scaled(table, scale)
        pools = tuple(self._pool(scaled, *batch) for batch in _batches(scaled, self.design or Design()))
        return Reduced(pools, _context(scaled, pools), scale, _unobserved(table))

    def _pool(self, table: Table, groups: Ints, recipe: Design) -> Pool:
        design, matrix = _matrix(table, groups, recipe)
        trained: list[Predictor | None] = []
        broken: dict[int, str] = {}
        for place in range(len(groups)):
            try:
                trained.append(self._group(matrix, slice(*matrix.group_ptr[place : place + 2]), design.kinds))
            except (MissingExtra, MemoryError):
                raise
            except Exception as error:
                # One group must not cost its neighbours their models: the reason travels in the forecast.
                trained.append(None)
                broken[place] = reason_of(error)
        return Pool(groups, design, tuple(trained), broken)

    def _group(self, matrix: Matrix, of_group: slice, kinds: tuple[str, ...]) -> Predictor:
        X, y, row = matrix.X[of_group], matrix.y[of_group], matrix.row[of_group]
        if not len(y):
            raise ValueError(NO_ROWS)
        if self.max_rows is not None and len(y) > self.max_rows:
            kept = np.arange(self.max_rows) * len(y) // self.max_rows
            X, y, row = X[kept], y[kept], row[kept]
        telling = _telling(X)
        if y.min() == y.max() or not len(telling):
            return Constant(float(y.mean()))
        distinct = int(np.count_nonzero(np.diff(row))) + 1
        rows = Rows(X if len(telling) == len(kinds) else X[:, telling], y, tuple(kinds[column] for column in telling), distinct)
        return Chosen(telling, self.train(rows))


@storable
@dataclass(frozen=True, eq=False)
class Constant:
    """The predictor of a group whose target never changes, or which nothing tells anything about."""

    value: float

    def predict(self, X: Singles) -> Floats:
        """The value, once per row."""
        return np.full(len(X), self.value)


@storable
@dataclass(frozen=True, eq=False)
class Chosen:
    """A predictor that sees only the columns that were not constant in its group."""

    columns: Ints
    predictor: Predictor

    def predict(self, X: Singles) -> Floats:
        """Predict from the chosen columns."""
        return self.predictor.predict(X if len(self.columns) == X.shape[1] else X[:, self.columns])


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
            rollout = Rollout(self.design, table, horizon, _steps(future, 0, horizon))
            return rollout.ahead(lambda X: self._block(table, X[:, None], broken)[:, 0])
        done: list[Floats] = []
        reached = 0
        while reached < horizon:
            ahead = min(self.design.horizon, horizon - reached) if self.design.looks_back else horizon - reached
            part = _steps(future, reached, ahead)
            X = self._first(table, ahead, part) if reached == 0 else self.design.ahead(table, ahead, part)
            done.append(self._block(table, X, broken))
            reached += ahead
            if reached < horizon:
                table = _tail(table.extend(done[-1], part), self.design.span)
        return np.concatenate(done, axis=1) if done else np.empty((len(table), 0))

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

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast from the end of `history`, or of the table it was fitted on."""
        context = self.context if history is None else _scaled(history, self.scale)
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


def reason_of(error: Exception) -> str:
    """An error as a reason: its own words, with its type where that says more than ValueError."""
    words = " ".join(str(error).split()) or "no message"
    return words if type(error) is ValueError else f"{type(error).__name__}: {words}"


def _batches(table: Table, design: Design) -> list[tuple[Ints, Design]]:
    """Groups whose "auto" means the same, in batches that are not too large, with what it means."""
    return SHARED.get(table, ("batches", design), lambda: list(_batched(table, design)), lambda made: sum(one.nbytes for one, _ in made))


def _batched(table: Table, design: Design) -> Iterator[tuple[Ints, Design]]:
    alike: dict[Design, list[int]] = {}
    for g in range(table.n_groups):
        # What a group's features are must not depend on its neighbours in the block.
        alike.setdefault(_resolved(table, design, g), []).append(g)
    rows = np.diff(table.indptr[table.group_ptr]) * (design.horizon if design.strategy == "direct" else 1)
    rows = np.minimum(rows, design.row_budget or rows.max(initial=0))
    for resolved, groups in alike.items():
        batch = (np.cumsum(rows[groups]) - 1) // BATCH_ROWS
        for cut in np.split(np.array(groups, np.int64), np.flatnonzero(np.diff(batch)) + 1):
            yield cut, resolved


def _matrix(table: Table, groups: Ints, design: Design) -> tuple[FittedDesign, Matrix]:
    """The features of some groups; computed once for all learners that ask."""

    def make() -> tuple[FittedDesign, Matrix]:
        part = table if len(groups) == table.n_groups else table.take_groups(groups)
        fitted = design.fit(part)
        return fitted, fitted.training(part)

    return SHARED.get(table, ("matrix", design, groups.tobytes()), make, lambda made: _nbytes(made[1]))


def _resolved(table: Table, design: Design, group: int) -> Design:
    if "auto" not in (design.lags, design.windows):
        return design
    return lags_and_windows(design, table if table.n_groups == 1 else table.take_groups([group]))


def _nbytes(matrix: Matrix) -> int:
    return matrix.X.nbytes + matrix.y.nbytes + matrix.row.nbytes + matrix.horizon.nbytes


def _scales(table: Table) -> Floats:
    """The root mean square of the observed values of each series; 1 where that is zero or nothing is observed. (series,)"""
    seen = np.isfinite(table.target)
    size, of, values = len(table), table.series[seen], np.abs(table.target[seen])
    # Bring each series near 1 before squaring, so that no square overflows.
    peak = np.zeros(size)
    np.maximum.at(peak, of, values)
    unit = np.where(peak > 0, peak, 1.0)
    squares = np.bincount(of, weights=(values / unit[of]) ** 2, minlength=size)
    root = np.sqrt(squares / np.maximum(np.bincount(of, minlength=size), 1))
    return np.where(root > 0, root * unit, 1.0)


def _intermittent(table: Table) -> NDArray[np.bool_]:
    """Groups that are never negative and zero in more than a tenth of the values. (groups,)"""
    of = table.group[table.series]
    rows = (np.isfinite(table.target), table.target == 0, table.target < 0)
    seen, zero, negative = (np.bincount(of[which], minlength=table.n_groups) for which in rows)
    return np.asarray((zero > ZEROS * seen) & (negative == 0), np.bool_)


def _scaled(table: Table, scale: Floats) -> Table:
    if (scale == 1).all():
        return table
    scaled = table.with_target(table.target / np.repeat(scale, table.sizes))
    return SHARED.derived(table, ("scaled", scale.tobytes()), scaled)


def _unobserved(table: Table) -> Ints:
    return np.flatnonzero(np.bincount(table.series[np.isfinite(table.target)], minlength=len(table)) == 0)


def _context(table: Table, pools: tuple[Pool, ...]) -> Table:
    """The tail that every pool can forecast from."""
    spans = [pool.design.span for pool in pools]
    if None in spans or not spans:
        return table
    return _tail(table, max(span for span in spans if span is not None))


def _members(context: Table, pool: Pool) -> Table:
    """The series of a pool, no longer than its features look back: so any longer history gives the same bits."""
    if len(pool.groups) == context.n_groups:
        return _tail(context, pool.design.span)
    key = ("members", pool.groups.tobytes())
    return _tail(SHARED.derived(context, key, context.take_groups(pool.groups)), pool.design.span)


def _tail(table: Table, span: int | None) -> Table:
    if span is None or (table.sizes <= span).all():
        return table
    return SHARED.derived(table, ("tail", span), table.tail(span))


def _of(future: Future | None, members: NDArray[np.bool_]) -> Future | None:
    return future if future is None or members.all() else future.take(members)


def _steps(future: Future | None, first: int, n: int) -> Future | None:
    """Exactly `n` steps of a future from `first` on; NaN past its end."""
    if future is None or (first == 0 and future.steps == n):
        return future

    def part(block: Singles) -> Singles:
        given = block[:, first : first + n]
        return np.pad(given, ((0, 0), (0, n - given.shape[1])), constant_values=np.nan)

    return Future({name: part(block) for name, block in future.known.items()}, n)


def _telling(X: Singles) -> Ints:
    """Columns with more than one value; a gap counts as one, a column of gaps does not."""
    low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
    gaps = np.isnan(X.sum(axis=0))
    partly = np.flatnonzero(gaps)
    gaps[partly] = np.isnan(X[:, partly]).any(axis=0)
    return np.flatnonzero((low < high) | (gaps & np.isfinite(low)))
