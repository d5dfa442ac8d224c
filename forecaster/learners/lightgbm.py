"""Gradient boosting by LightGBM, through its Booster: no wrapper, so that a small group costs milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._boosting import Boosting, Trained, rate
from forecaster.learners._dense import AsIs
from forecaster.learners._reduction import Rows
from forecaster.table import Floats, Singles

OBJECTIVES = ("auto", "regression", "regression_l1", "huber", "fair", "poisson", "tweedie", "quantile", "mape", "gamma")


@storable
@dataclass(frozen=True, eq=False)
class Boosted(Trained):
    """A trained booster of LightGBM."""

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        return np.asarray(self.booster.predict(self.encoding.apply(X), num_threads=1), np.float64)


@storable
@dataclass(frozen=True, kw_only=True)
class LightGBM(Boosting):
    """LightGBM (Ke et al. 2017), with the options of `Boosting`; categories are left to it where nothing is scaled.

    Args:
        alpha: Level of the objective "quantile", or where "huber" bends.
        bagging_fraction: Share of the rows that each tree is grown on; all of them below a thousand targets.
    """

    alpha: float = 0.5
    bagging_fraction: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective not in OBJECTIVES:
            raise SettingsError(f"objective is one of {', '.join(OBJECTIVES)}; came {self.objective!r}")

    def train(self, rows: Rows) -> Boosted:
        """Grow one booster on the rows of one group."""
        import lightgbm as lgb  # seconds in a fresh process: a job of little time tries the cheap learners first

        params = self._params(rows)
        encoding, X = self._encoded(rows)
        categories = rows.categories if isinstance(encoding, AsIs) else []
        data = lgb.Dataset(X, rows.y.astype(np.float32), categorical_feature=categories, params=params)
        booster = lgb.Booster(params, data)
        for _ in range(self._size(rows).rounds):
            if booster.update():
                break
        # The text form is what is saved: a model read from it is free of the training rows and gives the same bits.
        return Boosted(encoding, lgb.Booster(model_str=booster.model_to_string()))

    def _params(self, rows: Rows) -> dict[str, Any]:
        size = self._size(rows)
        leaf = max(1, round(size.min_leaf * rows.repeats))
        many = rows.distinct >= 1000
        return {
            "objective": self._objective(rows.y, "tweedie", "regression"), "tweedie_variance_power": self.tweedie_power,
            "alpha": self.alpha, "learning_rate": self.learning_rate or rate(size.rounds), "num_leaves": size.leaves,
            "min_data_in_leaf": leaf, "min_data_per_group": min(100, leaf), "cat_smooth": min(10.0, 1.0 * leaf),
            "min_sum_hessian_in_leaf": 1e-3,
            "feature_fraction": self.feature_fraction, "bagging_fraction": self.bagging_fraction if many else 1.0,
            "bagging_freq": 1 if many and self.bagging_fraction < 1 else 0, "lambda_l2": self.l2, "max_bin": 127 if many else 63,
            "num_threads": self._threads(rows), "seed": self.seed, "deterministic": True, "force_row_wise": True,
            "feature_pre_filter": False, "verbosity": -1, **dict(self.params),
        }  # fmt: skip
