"""The search spaces of the tabular tasks: one line per learner that has hyperparameters worth searching, and settings to try first.

The options are those that a user would write; `scaling` is the step before the learner. What is not varied stays as in the catalogue.
"""

from __future__ import annotations

from typing import Any

from forecaster.tabular.problem import Task
from forecaster.tuning import Between, Space

_SCALING = ("standard", "robust", "minmax", "maxabs")
_STRENGTH, _PENALTY = Between(1e-3, 100.0, log=True), Between(1e-6, 1e-1, log=True)
_SHARE, _LEAF = Between(0.1, 1.0), Between(1, 40, log=True)
_TREE: dict[str, Any] = {"max_depth": Between(2, 20), "min_samples_leaf": _LEAF, "max_features": _SHARE}
_FOREST: dict[str, Any] = {"min_samples_leaf": Between(1, 20, log=True), "max_features": _SHARE}
_NEAR: dict[str, Any] = {"n_neighbors": Between(1, 60, log=True), "weights": ("uniform", "distance"), "scaling": _SCALING}
_BOOSTED: dict[str, Any] = {
    "rounds": Between(50, 1000, log=True), "learning_rate": Between(0.01, 0.2, log=True), "leaves": Between(4, 127, log=True),
    "min_leaf": Between(1, 60, log=True), "feature_fraction": Between(0.2, 1.0), "bagging_fraction": Between(0.5, 1.0),
    "l2": Between(1e-2, 100.0, log=True),
}  # fmt: skip
_HISTOGRAMS: dict[str, Any] = {
    "max_iter": Between(50, 600, log=True), "learning_rate": Between(0.01, 0.3, log=True), "max_leaf_nodes": Between(4, 127, log=True),
    "min_samples_leaf": Between(2, 60, log=True), "l2_regularization": Between(1e-3, 100.0, log=True),
}  # fmt: skip


def _boosted(*settings: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(dict(zip(_BOOSTED, setting, strict=True)) for setting in settings)


_TRIED = _boosted((300, 0.04, 6, 10, 0.5, 0.8, 1.0), (400, 0.03, 31, 20, 0.6, 0.8, 1.0), (800, 0.04, 63, 10, 0.8, 0.8, 3.0))
_OF_BOTH: dict[str, Space] = {
    "decision_tree": Space(_TREE),
    "extra_trees": Space(_FOREST, ({"min_samples_leaf": 1, "max_features": 0.5},)),
    "gradient_boosting": Space(_HISTOGRAMS),
    "knn": Space(_NEAR),
    "lightgbm": Space(_BOOSTED, _TRIED),
    "random_forest": Space(_FOREST, ({"min_samples_leaf": 1, "max_features": 0.4},)),
    "xgboost": Space(_BOOSTED, _TRIED),
}
SPACES: dict[Task, dict[str, Space]] = {
    "classify": _OF_BOTH | {
        "averaged_perceptron": Space({"alpha": _PENALTY, "scaling": _SCALING}),
        "bernoulli_naive_bayes": Space({"alpha": Between(1e-3, 10.0, log=True)}),
        "linear_svm": Space({"C": _STRENGTH, "scaling": _SCALING}, ({"C": 1.0, "scaling": "standard"},)),
        "logistic_regression": Space({"C": _STRENGTH, "scaling": _SCALING}, ({"C": 0.1, "scaling": "standard"},)),
        "multinomial_naive_bayes": Space({"alpha": Between(1e-3, 10.0, log=True)}),
        "sgd": Space({"alpha": _PENALTY, "penalty": ("l2", "l1", "elasticnet"), "scaling": _SCALING}),
        "svm": Space({"C": Between(0.1, 100.0, log=True), "gamma": Between(1e-4, 1.0, log=True), "scaling": ("standard", "robust")}),
    },
    "regress": _OF_BOTH | {
        # These two find the strength of their penalty themselves, and are candidates with the first scaling.
        "elastic_net": Space({"scaling": _SCALING[1:]}),
        "lasso_lars": Space({"scaling": _SCALING[1:]}),
        "sgd": Space({"alpha": _PENALTY, "penalty": ("l2", "l1", "elasticnet"), "scaling": _SCALING}),
    },
}  # fmt: skip

FURTHER = ("gradient_boosting", "xgboost", "knn")
"""What a search varies beside the portfolio of "auto": dear, or of use with the right setting only. Left out where not installed."""
