"""LightGBM and XGBoost behind the same words, as boosters, so that they are saved in their own formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from forecaster.table import Floats, Singles

PARALLEL = 2_000_000
"""Values of the feature matrix from which more than one thread pays."""


@dataclass
class Boosting(ABC):
    """What both have.

    Args:
        rounds: Trees (for each class, where there are more than two).
        learning_rate: Weight of each tree.
        leaves: Most leaves of a tree.
        min_leaf: Fewest rows in a leaf; by the rows where None.
        feature_fraction: Share of the features that each tree may use.
        bagging_fraction: Share of the rows that each tree is grown on.
        l2: Penalty on the values of leaves.
        random_state: Seed.
        n_jobs: Threads.
    """

    rounds: int = 200
    learning_rate: float = 0.06
    leaves: int = 31
    min_leaf: int | None = None
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    l2: float = 1.0
    random_state: int = 0
    n_jobs: int = 1

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def threads(self, x: Singles) -> int:
        """Threads for so many values: on few of them, waking the others is all that would happen."""
        return self.n_jobs if x.size >= PARALLEL else 1

    @abstractmethod
    def train(self, x: Singles, y: Floats, weight: Floats | None, classes: int) -> Any:
        """A booster; `classes` is 1 for regression."""

    def least(self, rows: int) -> int:
        """Fewest rows in a leaf."""
        return self.min_leaf if self.min_leaf is not None else int(np.clip(rows // 50, 3, 20))


@dataclass
class LightGBM(Boosting):
    """LightGBM (Ke et al. 2017)."""

    def train(self, x: Singles, y: Floats, weight: Floats | None, classes: int) -> Any:
        """Grow the trees."""
        import lightgbm

        told = {"objective": "regression" if classes == 1 else "binary" if classes == 2 else "multiclass"}
        params = told | ({"num_class": classes} if classes > 2 else {}) | {
            "learning_rate": self.learning_rate, "num_leaves": self.leaves, "min_data_in_leaf": self.least(len(y)),
            "feature_fraction": self.feature_fraction, "bagging_fraction": self.bagging_fraction, "bagging_freq": 1,
            "lambda_l2": self.l2, "verbosity": -1, "seed": self.random_state, "num_threads": self.threads(x), "deterministic": True,
            "force_row_wise": True, "max_bin": 255 if len(y) >= 5_000 else 63,
        }  # fmt: skip
        booster = lightgbm.train(params, lightgbm.Dataset(x, y, weight=weight), num_boost_round=self.rounds)
        # The text form is what is saved: a model read from it is free of the training rows and gives the same bits.
        return lightgbm.Booster(model_str=booster.model_to_string())


@dataclass
class XGBoost(Boosting):
    """XGBoost (Chen & Guestrin 2016)."""

    def train(self, x: Singles, y: Floats, weight: Floats | None, classes: int) -> Any:
        """Grow the trees."""
        import xgboost

        told = {"objective": "reg:squarederror" if classes == 1 else "binary:logistic" if classes == 2 else "multi:softprob"}
        params = told | ({"num_class": classes} if classes > 2 else {}) | {
            "learning_rate": self.learning_rate, "max_leaves": self.leaves, "max_depth": 0, "grow_policy": "lossguide",
            "tree_method": "hist", "min_child_weight": float(self.min_leaf or 1), "colsample_bytree": self.feature_fraction,
            "subsample": self.bagging_fraction, "reg_lambda": self.l2, "seed": self.random_state,
            "nthread": self.threads(x), "verbosity": 0,
        }  # fmt: skip
        return xgboost.train(params, xgboost.DMatrix(x, y, weight=weight), num_boost_round=self.rounds)
