"""Gradient boosting by XGBoost (extra `xgboost`), through its Booster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from forecaster.archive import storable
from forecaster.learners._boosting import Boosting, Trained, rate
from forecaster.learners._reduction import Rows
from forecaster.table import Floats, Singles

TWEEDIE = "reg:tweedie"


@storable
@dataclass(frozen=True, eq=False)
class Boosted(Trained):
    """A trained booster of XGBoost."""

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        return np.asarray(self.booster.inplace_predict(self.encoding.apply(X)), np.float64)


@storable
@dataclass(frozen=True, kw_only=True)
class XGBoost(Boosting):
    """XGBoost (Chen & Guestrin 2016), with the options of `Boosting`; codes are taken as numbers."""

    def train(self, rows: Rows) -> Boosted:
        """Grow one booster on the rows of one group."""
        encoding, X = self._encoded(rows)
        params = self._params(rows)
        data = xgb.QuantileDMatrix(X, rows.y.astype(np.float32), max_bin=params["max_bin"], nthread=params["nthread"])
        booster = xgb.train(params, data, self._size(rows).rounds)
        booster.set_param({"nthread": 1})
        return Boosted(encoding, booster)

    def _params(self, rows: Rows) -> dict[str, Any]:
        size, objective = self._size(rows), self._objective(rows.y, TWEEDIE, "reg:squarederror")
        return {
            "objective": objective, "learning_rate": self.learning_rate or rate(size.rounds),
            "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": size.leaves, "max_depth": 0,
            "min_child_weight": max(1.0, size.min_leaf * rows.repeats), "max_bin": 127,
            "colsample_bytree": self.feature_fraction, "reg_lambda": self.l2, "seed": self.seed, "verbosity": 0,
            "nthread": self._threads(rows), **dict(self.params),
        } | ({"tweedie_variance_power": self.tweedie_power} if objective == TWEEDIE else {})  # fmt: skip
