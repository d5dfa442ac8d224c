"""Trees and forests of scikit-learn."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._boosting import MANY, rate, sizes
from forecaster.learners._dense import AsIs, Filled, dense, filled
from forecaster.learners._estimator import Fitted, threads_of_openmp
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners.scaling import Given, Scaling, scaling_of

FOREST = 20_000
"""Rows from which a forest is grown on several threads: each grows trees of its own, and waits for no other."""


@dataclass(frozen=True, kw_only=True)
class Trees(Reduction):
    """What the tree learners share.

    Args:
        scaling: A name, a recipe or a transformer of scikit-learn: then gaps are filled and categories become indicators. None leaves
            both to the trees.
    """

    scaling: str | Scaling | Given | None = None
    target: Literal["auto", "scale"] | None = "auto"
    max_rows: int | None = 150_000

    def __post_init__(self) -> None:
        super().__post_init__()
        scaling_of(self.scaling)

    def train(self, rows: Rows) -> Fitted:
        """Fit one estimator on the rows of one group."""
        if self.scaling is not None:
            encoding, Z = dense(rows.X, rows.kinds, scaling_of(self.scaling))
            return Fitted(encoding, self._grown(Z, rows))
        plain = self._encoding(rows)
        return Fitted(plain, self._grown(plain.apply(rows.X), rows))

    def _encoding(self, rows: Rows) -> Filled | AsIs:
        return filled(rows.X)

    @abstractmethod
    def _grown(self, Z: Any, rows: Rows) -> Any:
        """The estimator, fitted."""

    def _threads(self, rows: int, least: int) -> int:
        return 1 if rows < least else self.threads or 1

    def _leaf(self, least: int, rows: Rows) -> int:
        """Fewest rows in a leaf: `least` different targets, each of which may stand in several rows."""
        return max(1, round(least * rows.repeats))


@storable
@dataclass(frozen=True, kw_only=True)
class DecisionTree(Trees):
    """One regression tree (Breiman et al. 1984).

    Args:
        max_depth: Most splits from the root to a leaf.
        min_leaf: Fewest different target values in a leaf.
        max_features: Share of the columns that each split may choose from.
    """

    max_depth: int | None = 10
    min_leaf: int = 10
    max_features: float = 1.0
    max_rows: int | None = 200_000

    def _grown(self, Z: Any, rows: Rows) -> Any:
        from sklearn.tree import DecisionTreeRegressor

        leaf = self._leaf(self.min_leaf, rows)
        tree = DecisionTreeRegressor(
            max_depth=self.max_depth, min_samples_leaf=leaf, max_features=self.max_features, random_state=self.seed
        )  # fmt: skip
        return tree.fit(Z, rows.y)


@dataclass(frozen=True, kw_only=True)
class Forest(Trees):
    """What the forests share.

    Args:
        trees: How many.
        max_depth: Most splits from the root to a leaf.
        min_leaf: Fewest different target values in a leaf.
        max_features: Share of the columns that each split may choose from.
        per_tree: Most rows that one tree is grown on.
    """

    trees: int = 60
    max_depth: int | None = None
    min_leaf: int = 3
    max_features: float = 0.33
    per_tree: int = 20_000
    max_rows: int | None = 200_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trees < 1 or not 0 < self.max_features <= 1:
            raise SettingsError(f"a forest needs trees >= 1 and max_features in (0, 1]; got {self.trees} and {self.max_features}")

    def _grown(self, Z: Any, rows: Rows) -> Any:
        forest = self._forest(
            n_estimators=self.trees, max_depth=self.max_depth, min_samples_leaf=self._leaf(self.min_leaf, rows), bootstrap=True,
            max_features=self.max_features, max_samples=min(self.per_tree, len(Z)), random_state=self.seed,
            n_jobs=self._threads(len(Z), FOREST),
        ).fit(Z, rows.y)  # fmt: skip
        # Threads add up their trees in whatever order they end, and floats do not commute: predict with one.
        return forest.set_params(n_jobs=1)

    @abstractmethod
    def _forest(self, **params: Any) -> Any:
        """The estimator, to be fitted."""


@storable
@dataclass(frozen=True, kw_only=True)
class RandomForest(Forest):
    """A random forest (Breiman 2001)."""

    def _forest(self, **params: Any) -> Any:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(**params)


@storable
@dataclass(frozen=True, kw_only=True)
class ExtraTrees(Forest):
    """Extremely randomised trees (Geurts et al. 2006)."""

    def _forest(self, **params: Any) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(**params)


@storable
@dataclass(frozen=True, kw_only=True)
class GradientBoosting(Trees):
    """Gradient boosting on histograms, by scikit-learn; codes are taken as numbers.

    Args:
        loss: "squared_error", "absolute_error", "poisson" or "gamma"; the last two need targets that are not negative.
        rounds: Trees; None chooses by the number of target values.
        learning_rate: Weight of each tree; None goes with the rounds.
        leaves: Most leaves of a tree; None chooses by the number of target values.
        min_leaf: Fewest different target values in a leaf.
        l2: Penalty on the values of leaves.
    """

    loss: str = "squared_error"
    rounds: int | None = None
    learning_rate: float | None = None
    leaves: int | None = None
    min_leaf: int | None = None
    l2: float = 1.0

    def _encoding(self, rows: Rows) -> Filled | AsIs:
        return AsIs()

    def _grown(self, Z: Any, rows: Rows) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        size = sizes(rows.distinct, self.rounds, self.leaves, self.min_leaf)
        model = HistGradientBoostingRegressor(
            loss=self.loss, max_iter=size.rounds, learning_rate=self.learning_rate or rate(size.rounds), max_leaf_nodes=size.leaves,
            min_samples_leaf=self._leaf(size.min_leaf, rows), l2_regularization=self.l2, early_stopping=False,
            categorical_features=None, random_state=self.seed,
        )  # fmt: skip
        with threads_of_openmp(self._threads(len(Z), MANY)):
            return model.fit(Z, rows.y)
