"""Lifts a regressor on a feature matrix to the learner seam.

One regressor is fitted per group, on rows of all its series. All groups whose features agree share one design matrix, and all learners
that are given the same table and design share it too. Past the horizon a forecast becomes history and the next block starts from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from forecaster.errors import MissingExtra, SettingsError
from forecaster.features.alone import Alone
from forecaster.features.design import Design
from forecaster.features.matrix import Matrix
from forecaster.learners._matrices import batches, intermittent, matrix, scaled, scales, telling, unobserved
from forecaster.learners._pool import Chosen, Constant, Pool, Predictor, Reduced, context_of, own_codes, reason_of
from forecaster.protocols import Traits
from forecaster.table import Floats, Ints, Singles, Table

NO_ROWS = "its group has no training row; at least one series must have two observed values"


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


@dataclass(frozen=True, kw_only=True)
class Reduction(ABC):
    """What every regression learner has besides its hyperparameters; a learner adds `train`.

    Args:
        design: The recipe of the feature matrix; a job fills it in where it is None.
        target: "scale" divides each series by its root mean square, so that small and large series teach alike and a known scale
            is applied to what comes out; None takes the values as they are, so that large series count for more; "auto" is None
            for groups of intermittent counts and "scale" for all others.
        max_rows: Most rows per group to train on, evenly spread; None for all.
        strategy: "direct" or "recursive", whatever the design says; None leaves it to the design.
        seed: Seed of whatever is random; every group gets the same.
        threads: Threads for one fit on many rows; None is one. It changes the speed, never the bits.
    """

    design: Design | None = None
    target: Literal["auto", "scale"] | None = "scale"
    max_rows: int | None = None
    strategy: Literal["direct", "recursive"] | None = None
    seed: int = 0
    threads: int | None = None
    traits: ClassVar[Traits] = Traits(pooled=True, covariates=True, min_length=2)

    def __post_init__(self) -> None:
        if self.target not in ("auto", "scale", None):
            raise SettingsError(f'target is "auto", "scale" or None; came {self.target!r}')
        if self.strategy not in ("direct", "recursive", None):
            raise SettingsError(f'strategy is "direct", "recursive" or None; came {self.strategy!r}')
        if self.design is not None and self.strategy is not None:
            object.__setattr__(self, "design", replace(self.design, strategy=self.strategy))
        if self.max_rows is not None and self.max_rows < 1:
            raise SettingsError(f"max_rows starts at 1; came {self.max_rows}")

    @abstractmethod
    def train(self, rows: Rows) -> Predictor:
        """Fit one regressor on the rows of one group."""

    def fit(self, table: Table) -> Reduced:
        """One regressor per group; a group that cannot be fitted is a reason in the forecast."""
        scale = scales(table) if self.target else np.ones(len(table))
        if self.target == "auto":
            scale[intermittent(table)[table.group]] = 1.0
        within = scaled(table, scale)
        pools = tuple(self._pool(within, *batch) for batch in batches(within, self.design or Design(strategy=self.strategy or "direct")))
        return Reduced(pools, context_of(within, pools), scale, unobserved(table))

    def _pool(self, table: Table, groups: Ints, recipe: Design) -> Pool:
        design, rows, alone = matrix(table, groups, recipe)
        trained: list[Predictor | None] = []
        broken: dict[int, str] = {}
        for place in range(len(groups)):
            try:
                trained.append(self._group(rows, slice(*rows.group_ptr[place : place + 2]), design.kinds, alone[place]))
            except (MissingExtra, MemoryError):
                raise
            except Exception as error:
                # One group must not cost its neighbours their models: the reason travels in the forecast.
                trained.append(None)
                broken[place] = reason_of(error)
        return Pool(groups, design, tuple(trained), broken)

    def _group(self, pooled: Matrix, of_group: slice, kinds: tuple[str, ...], alone: Alone) -> Predictor:
        X, y, row = pooled.X[of_group], pooled.y[of_group], pooled.row[of_group]
        if not len(y):
            raise ValueError(NO_ROWS)
        if self.max_rows is not None and len(y) > self.max_rows:
            kept = np.arange(self.max_rows) * len(y) // self.max_rows
            X, y, row = X[kept], y[kept], row[kept]
        columns = np.setdiff1d(telling(X), alone.idle)
        if y.min() == y.max() or not len(columns):
            return Constant(float(y.mean()))
        distinct = int(np.count_nonzero(np.diff(row))) + 1
        X, kinds = X if len(columns) == len(kinds) else X[:, columns], tuple(kinds[column] for column in columns)
        met = None if alone.met is None else alone.met.take(columns)
        return Chosen(columns, self.train(Rows(own_codes(X, met), y, kinds, distinct)), met)
