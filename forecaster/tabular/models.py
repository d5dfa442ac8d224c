"""Learners of the tabular tasks: name -> scikit-learn estimator. Fitted ones are saved by skops, LightGBM as text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from typing import Any, Literal

import numpy as np

from forecaster.archive import storable
from forecaster.errors import UnknownName
from forecaster.table import Floats, Ints, Singles

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


@dataclass(frozen=True, eq=False)
class Problem:
    """What a learner is fitted on.

    Args:
        task: "classify" or "regress".
        x: Features. (rows, features)
        y: Target values, or class codes from 0. (rows,)
        weight: Weight of each row, or None.
        classes: Number of classes; 1 for regression.
        threads: Threads to use.
        seed: Seed of everything random.
    """

    task: Task
    x: Singles
    y: Floats
    weight: Floats | None
    classes: int
    threads: int
    seed: int

    def take(self, rows: Ints) -> Problem:
        """The problem of some rows."""
        return replace(self, x=self.x[rows], y=self.y[rows], weight=None if self.weight is None else self.weight[rows])


def fit(name: str, problem: Problem) -> TabularModel:
    """Fit a learner by name.

    Raises:
        UnknownName: no learner of the task has that name.
    """
    table = known(problem.task)
    if name not in table:
        raise UnknownName.of("learner", name, table)
    center = problem.x.mean(axis=0, dtype=float) if name in SCALED else np.empty(0)
    spread = problem.x.std(axis=0, dtype=float) if name in SCALED else np.empty(0)
    width = np.where(spread > 0, spread, 1.0)
    scaled = replace(problem, x=((problem.x - center) / width).astype(np.float32)) if len(center) else problem
    return TabularModel(_boosted(scaled) if name == "lightgbm" else _estimated(*table[name], scaled), center, width)


def _estimated(path: str, params: dict[str, Any], problem: Problem) -> Any:
    """A scikit-learn estimator, fitted; it is given the options and the weights that it takes."""
    module, _, attribute = path.partition(":")
    kind = getattr(import_module(module), attribute)
    accepted = kind().get_params()
    wanted = {"random_state": problem.seed} | ({} if "linear_model" in path else {"n_jobs": problem.threads})
    extra = {key: value for key, value in wanted.items() if key in accepted}
    estimator = kind(**params, **extra)
    weighs = problem.weight is not None and "sample_weight" in signature(estimator.fit).parameters
    return estimator.fit(problem.x, problem.y, **({"sample_weight": problem.weight} if weighs else {}))


def _boosted(problem: Problem) -> Any:
    import lightgbm

    objective = {"objective": "regression"} if problem.task == "regress" else {"objective": "multiclass", "num_class": problem.classes}
    params = objective | {
        "learning_rate": 0.06,
        "num_leaves": 31,
        "min_data_in_leaf": int(np.clip(len(problem.y) // 50, 3, 20)),
        "feature_fraction": 0.9,
        "verbosity": -1,
        "seed": problem.seed,
        "num_threads": problem.threads,
        "deterministic": True,
        "force_row_wise": True,
    }
    return lightgbm.train(params, lightgbm.Dataset(problem.x, problem.y, weight=problem.weight), num_boost_round=200)
