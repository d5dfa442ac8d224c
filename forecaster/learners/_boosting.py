"""What the learners that boost share: how large a model the data can feed, and what becomes of its features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from forecaster.learners._dense import AsIs, Dense, dense
from forecaster.learners._matrices import ZEROS
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners.scaling import Given, Scaling, scaling_of
from forecaster.shapley import Contributions, of_booster
from forecaster.table import Floats, Singles

MANY = 100_000
"""Rows from which a boosted model is grown on several threads. They wait for each other several times per split, so that on a machine that
has other work (2 cores, load 9) 50 columns took two threads 10, 3.5 and 2.9 times as long as one, at 20, 60 and 150 thousand rows."""


@dataclass(frozen=True)
class Size:
    """What the learners that boost choose where they are not told."""

    rounds: int
    leaves: int
    min_leaf: int


def sizes(distinct: int, rounds: int | None, leaves: int | None, min_leaf: int | None) -> Size:
    """Rounds, leaves and rows per leaf; what is None suits a number of different target values: few of each for few."""
    return Size(
        rounds or int(np.clip(20 * np.log2(max(distinct, 2)) - 80, 30, 120)),
        leaves or int(np.clip(0.8 * np.sqrt(distinct), 4, 47)),
        min_leaf or int(np.clip(distinct / 20, 3, 20)),
    )


def rate(rounds: int) -> float:
    """A learning rate with which so many rounds come near the optimum: they explain all but exp(-6) of what they can."""
    return min(0.1, 6.0 / rounds)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained booster and the encoding it was trained on."""

    encoding: Dense | AsIs
    booster: Any

    def contributions(self, X: Singles) -> Contributions:
        """TreeSHAP of the booster, where it takes the features as they are."""
        if isinstance(self.encoding, Dense):
            return np.full((*X.shape, 1), np.nan), np.zeros(1)
        return of_booster(self.booster, X)


@dataclass(frozen=True, kw_only=True)
class Boosting(Reduction):
    """What LightGBM and XGBoost share. What is None is chosen by the number of different target values.

    Args:
        scaling: A name, a recipe or a transformer of scikit-learn: then gaps are filled and categories become indicators. None leaves
            both to the trees.
        objective: An objective of the library; "auto" is its "tweedie" where targets are never negative and often zero, else its squares.
        tweedie_power: Variance power of "tweedie", from 1 (poisson) to 2 (gamma).
        rounds: Trees.
        learning_rate: Weight of each tree.
        leaves: Most leaves of a tree.
        min_leaf: Fewest different target values in a leaf.
        feature_fraction: Share of the columns that each tree may use.
        l2: Penalty on the values of leaves.
        params: Further parameters of the library, as pairs or a mapping.
    """

    scaling: str | Scaling | Given | None = None
    target: Literal["auto", "scale"] | None = "auto"
    max_rows: int | None = 150_000
    objective: str = "auto"
    tweedie_power: float = 1.2
    rounds: int | None = None
    learning_rate: float | None = None
    leaves: int | None = None
    min_leaf: int | None = None
    feature_fraction: float = 0.8
    l2: float = 1.0
    params: tuple[tuple[str, Any], ...] | dict[str, Any] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        scaling_of(self.scaling)
        object.__setattr__(self, "params", tuple(dict(self.params).items()))

    def _encoded(self, rows: Rows) -> tuple[Dense | AsIs, Singles | Floats]:
        """The encoding of the features, and the encoded rows."""
        return (AsIs(), rows.X) if self.scaling is None else dense(rows.X, rows.kinds, scaling_of(self.scaling))

    def _size(self, rows: Rows) -> Size:
        return sizes(rows.distinct, self.rounds, self.leaves, self.min_leaf)

    def _objective(self, y: Floats, tweedie: str, squares: str) -> str:
        """The objective by its name in the library, which calls two of them so."""
        if self.objective != "auto":
            return self.objective
        return tweedie if y.min() >= 0 and (y == 0).mean() > ZEROS else squares

    def _threads(self, rows: Rows) -> int:
        return 1 if len(rows.y) < MANY else self.threads or 1
