"""Gradient boosting by LightGBM, through its Booster: no wrapper, so that a small group costs milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._dense import AsIs, Dense, dense
from forecaster.learners._matrices import ZEROS
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners._sizes import MANY, rate, sizes
from forecaster.learners.scaling import Given, Scaling, scaling_of
from forecaster.shapley import Contributions, of_booster
from forecaster.table import Floats, Singles

OBJECTIVES = ("auto", "regression", "regression_l1", "huber", "fair", "poisson", "tweedie", "quantile", "mape", "gamma")


@storable
@dataclass(frozen=True, eq=False)
class Boosted:
    """A trained booster and the encoding it was trained on."""

    encoding: Dense | AsIs
    booster: Any

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        return np.asarray(self.booster.predict(self.encoding.apply(X), num_threads=1), np.float64)

    def contributions(self, X: Singles) -> Contributions:
        """TreeSHAP of the booster, where it takes the features as they are."""
        if isinstance(self.encoding, Dense):
            return np.full((*X.shape, 1), np.nan), np.zeros(1)
        return of_booster(self.booster, X)


@storable
@dataclass(frozen=True, kw_only=True)
class LightGBM(Reduction):
    """LightGBM (Ke et al. 2017). What is None is chosen by the number of different target values.

    Args:
        scaling: A name, a recipe or a transformer of scikit-learn: then gaps are filled and categories become indicators. None leaves
            both to LightGBM.
        objective: A LightGBM objective; "auto" is "tweedie" where targets are never negative and often zero, else "regression".
        tweedie_power: Variance power of "tweedie", from 1 (poisson) to 2 (gamma).
        alpha: Level of "quantile", or where "huber" bends.
        rounds: Trees.
        learning_rate: Weight of each tree.
        leaves: Most leaves of a tree.
        min_leaf: Fewest different target values in a leaf.
        feature_fraction: Share of the columns that each tree may use.
        bagging_fraction: Share of the rows that each tree is grown on; all of them below a thousand targets.
        l2: Penalty on the values of leaves.
        params: Further LightGBM parameters, as pairs or a mapping.
    """

    scaling: str | Scaling | Given | None = None
    target: Literal["auto", "scale"] | None = "auto"
    max_rows: int | None = 150_000
    objective: str = "auto"
    tweedie_power: float = 1.2
    alpha: float = 0.5
    rounds: int | None = None
    learning_rate: float | None = None
    leaves: int | None = None
    min_leaf: int | None = None
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    l2: float = 1.0
    params: tuple[tuple[str, Any], ...] | dict[str, Any] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        scaling_of(self.scaling)
        if self.objective not in OBJECTIVES:
            raise SettingsError(f"objective is one of {', '.join(OBJECTIVES)}; came {self.objective!r}")
        object.__setattr__(self, "params", tuple(dict(self.params).items()))

    def train(self, rows: Rows) -> Boosted:
        """Grow one booster on the rows of one group."""
        import lightgbm as lgb  # seconds in a fresh process: a job of little time tries the cheap learners first

        params = self._params(rows)
        encoding: Dense | AsIs = AsIs()
        X, categories = rows.X, rows.categories
        if self.scaling is not None:
            encoding, X = dense(rows.X, rows.kinds, scaling_of(self.scaling))  # type: ignore[assignment]
            categories = []
        data = lgb.Dataset(X, rows.y.astype(np.float32), categorical_feature=categories, params=params)
        booster = lgb.Booster(params, data)
        for _ in range(self.rounds or sizes(rows.distinct).rounds):
            if booster.update():
                break
        # The text form is what is saved: a model read from it is free of the training rows and gives the same bits.
        return Boosted(encoding, lgb.Booster(model_str=booster.model_to_string()))

    def _params(self, rows: Rows) -> dict[str, Any]:
        size = sizes(rows.distinct)
        leaf = max(1, round((self.min_leaf or size.min_leaf) * rows.repeats))
        many = rows.distinct >= 1000
        return {
            "objective": self._objective(rows.y), "tweedie_variance_power": self.tweedie_power, "alpha": self.alpha,
            "learning_rate": self.learning_rate or rate(self.rounds or size.rounds), "num_leaves": self.leaves or size.leaves,
            "min_data_in_leaf": leaf, "min_data_per_group": min(100, leaf), "cat_smooth": min(10.0, 1.0 * leaf),
            "min_sum_hessian_in_leaf": 1e-3,
            "feature_fraction": self.feature_fraction, "bagging_fraction": self.bagging_fraction if many else 1.0,
            "bagging_freq": 1 if many and self.bagging_fraction < 1 else 0, "lambda_l2": self.l2, "max_bin": 127 if many else 63,
            "num_threads": 1 if len(rows.y) < MANY else self.threads or 1, "seed": self.seed, "deterministic": True, "force_row_wise": True,
            "feature_pre_filter": False, "verbosity": -1, **dict(self.params),
        }  # fmt: skip

    def _objective(self, y: Floats) -> str:
        if self.objective != "auto":
            return self.objective
        return "tweedie" if y.min() >= 0 and (y == 0).mean() > ZEROS else "regression"
