"""Gradient boosting by XGBoost (extra `xgboost`), through its Booster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xgboost as xgb

from forecaster.archive import storable
from forecaster.learners._dense import AsIs, Dense, dense
from forecaster.learners._matrices import ZEROS
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners._sizes import MANY, rate, sizes
from forecaster.learners.scaling import Given, Scaling, scaling_of
from forecaster.shapley import Contributions, of_booster
from forecaster.table import Floats, Singles


@storable
@dataclass(frozen=True, eq=False)
class Boosted:
    """A trained booster and the encoding it was trained on."""

    encoding: Dense | AsIs
    booster: Any

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        return np.asarray(self.booster.inplace_predict(self.encoding.apply(X)), np.float64)

    def contributions(self, X: Singles) -> Contributions:
        """TreeSHAP of the booster, where it takes the features as they are."""
        if isinstance(self.encoding, Dense):
            return np.full((*X.shape, 1), np.nan), np.zeros(1)
        return of_booster(self.booster, X)


@storable
@dataclass(frozen=True, kw_only=True)
class XGBoost(Reduction):
    """XGBoost (Chen & Guestrin 2016). What is None is chosen by the number of different target values; codes are taken as numbers.

    Args:
        scaling: A name, a recipe or a transformer of scikit-learn: then gaps are filled and categories become indicators. None leaves
            both to the trees.
        objective: An XGBoost objective; "auto" is "reg:tweedie" where targets are never negative and often zero, else "reg:squarederror".
        tweedie_power: Variance power of "reg:tweedie".
        rounds: Trees.
        learning_rate: Weight of each tree.
        leaves: Most leaves of a tree.
        min_leaf: Fewest different target values in a leaf, where the loss is squared.
        feature_fraction: Share of the columns that each tree may use.
        l2: Penalty on the values of leaves.
        params: Further XGBoost parameters, as pairs or a mapping.
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

    def train(self, rows: Rows) -> Boosted:
        """Grow one booster on the rows of one group."""
        encoding: Dense | AsIs = AsIs()
        X: Any = rows.X
        if self.scaling is not None:
            encoding, X = dense(rows.X, rows.kinds, scaling_of(self.scaling))
        params = self._params(rows)
        data = xgb.QuantileDMatrix(X, rows.y.astype(np.float32), max_bin=params["max_bin"], nthread=params["nthread"])
        booster = xgb.train(params, data, self.rounds or sizes(rows.distinct).rounds)
        booster.set_param({"nthread": 1})
        return Boosted(encoding, booster)

    def _params(self, rows: Rows) -> dict[str, Any]:
        size = sizes(rows.distinct)
        return {
            "objective": self._objective(rows.y), "learning_rate": self.learning_rate or rate(self.rounds or size.rounds),
            "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": self.leaves or size.leaves, "max_depth": 0,
            "min_child_weight": max(1.0, (self.min_leaf or size.min_leaf) * rows.repeats), "max_bin": 127,
            "colsample_bytree": self.feature_fraction, "reg_lambda": self.l2, "seed": self.seed, "verbosity": 0,
            "nthread": 1 if len(rows.y) < MANY else self.threads or 1, **dict(self.params),
        } | self._power(rows.y)  # fmt: skip

    def _objective(self, y: Floats) -> str:
        if self.objective != "auto":
            return self.objective
        return "reg:tweedie" if y.min() >= 0 and (y == 0).mean() > ZEROS else "reg:squarederror"

    def _power(self, y: Floats) -> dict[str, Any]:
        return {"tweedie_variance_power": self.tweedie_power} if self._objective(y) == "reg:tweedie" else {}
