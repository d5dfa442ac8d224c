"""Learners of the tabular tasks: name -> scikit-learn estimator. Fitted ones are saved by skops, LightGBM as text."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np

from forecaster.archive import storable
from forecaster.errors import UnknownName
from forecaster.table import Floats, Singles

Task = Literal["classify", "regress"]
SCALED = {"elastic_net", "knn", "lasso_lars", "logistic_regression", "sgd"}  # need features of one scale

CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "decision_tree": ("sklearn.tree:DecisionTreeClassifier", {"min_samples_leaf": 5}),
    "extra_trees": ("sklearn.ensemble:ExtraTreesClassifier", {"n_estimators": 200}),
    "gradient_boosting": ("sklearn.ensemble:HistGradientBoostingClassifier", {"learning_rate": 0.08}),
    "knn": ("sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 7, "weights": "distance"}),
    "lightgbm": ("", {}),
    "logistic_regression": ("sklearn.linear_model:LogisticRegression", {"max_iter": 1000}),
    "random_forest": ("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 200}),
}
REGRESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "decision_tree": ("sklearn.tree:DecisionTreeRegressor", {"min_samples_leaf": 5}),
    "elastic_net": ("sklearn.linear_model:ElasticNetCV", {"l1_ratio": [0.1, 0.5, 0.9, 1.0], "cv": 3}),
    "extra_trees": ("sklearn.ensemble:ExtraTreesRegressor", {"n_estimators": 200}),
    "gradient_boosting": ("sklearn.ensemble:HistGradientBoostingRegressor", {"learning_rate": 0.08}),
    "knn": ("sklearn.neighbors:KNeighborsRegressor", {"n_neighbors": 7, "weights": "distance"}),
    "lightgbm": ("", {}),
    "random_forest": ("sklearn.ensemble:RandomForestRegressor", {"n_estimators": 200}),
}
PORTFOLIO = {
    "classify": ("logistic_regression", "lightgbm", "random_forest", "extra_trees"),
    "regress": ("elastic_net", "lightgbm", "random_forest", "extra_trees"),
}


def known(task: Task) -> dict[str, tuple[str, dict[str, Any]]]:
    """The learners of a task by name."""
    return CLASSIFIERS if task == "classify" else REGRESSORS


@storable
@dataclass(frozen=True, eq=False)
class TabularModel:
    """A fitted learner: probabilities per class, or one value per row.

    Args:
        fitted: The scikit-learn estimator, or a LightGBM booster.
        center: Mean of each feature; empty where features are taken as they are.
        width: Standard deviation of each feature, likewise.
    """

    fitted: Any
    center: Floats
    width: Floats

    def predict(self, x: Singles) -> Floats:
        """Class probabilities, or values in one column. (rows, classes or 1)"""
        scaled = (x - self.center) / self.width if len(self.center) else x
        if hasattr(self.fitted, "predict_proba"):
            return np.asarray(self.fitted.predict_proba(scaled), float)
        made = np.asarray(self.fitted.predict(scaled), float)
        return made if made.ndim == 2 else made[:, None]


def fit(name: str, task: Task, x: Singles, y: Floats, weight: Floats | None, *, threads: int, seed: int) -> TabularModel:
    """Fit a learner by name.

    Args:
        x: Features. (rows, features)
        y: Target values, or class codes from 0. (rows,)
        weight: Weight of each row, or None.

    Raises:
        UnknownName: no learner of the task has that name.
    """
    table = known(task)
    if name not in table:
        raise UnknownName.of("learner", name, table)
    center, width = (x.mean(axis=0, dtype=float), x.std(axis=0, dtype=float)) if name in SCALED else (np.empty(0), np.empty(0))
    width = np.where(width > 0, width, 1.0)
    scaled = (x - center) / width if len(center) else x
    if name == "lightgbm":
        return TabularModel(_boost(task, scaled, y, weight, threads, seed), center, width)
    path, params = table[name]
    module, _, attribute = path.partition(":")
    kind = getattr(import_module(module), attribute)
    accepted = kind().get_params()
    extra = {key: value for key, value in {"random_state": seed, "n_jobs": threads}.items() if key in accepted and name != "logistic_regression"}
    estimator = kind(**params, **extra)
    takes_weight = weight is not None and name != "knn"
    return TabularModel(estimator.fit(scaled, y, **({"sample_weight": weight} if takes_weight else {})), center, width)


def _boost(task: Task, x: Singles, y: Floats, weight: Floats | None, threads: int, seed: int) -> Any:
    import lightgbm

    classes = int(y.max()) + 1 if task == "classify" else 1
    objective = {"objective": "regression"} if task == "regress" else {"objective": "multiclass", "num_class": classes}
    params = objective | {
        "learning_rate": 0.06, "num_leaves": 31, "min_data_in_leaf": int(np.clip(len(y) // 50, 3, 20)), "feature_fraction": 0.9,
        "verbosity": -1, "seed": seed, "num_threads": threads, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    return lightgbm.train(params, lightgbm.Dataset(x, y, weight=weight), num_boost_round=200)
