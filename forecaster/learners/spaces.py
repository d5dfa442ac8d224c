"""The search spaces: one line per learner of the catalogue that has hyperparameters worth searching, and settings to try first.

A learner that is not here chooses by itself (orders by information criterion, penalties by theirs) or has nothing to choose.
"""

from __future__ import annotations

from typing import Any

from forecaster.tuning import Between, Space

LANDMARKS: tuple[dict[str, Any], ...] = tuple(
    {"blocks": blocks, "cells": cells, "channels": channels, "dropout": dropout, "learning_rate": rate}
    for blocks, cells, channels, dropout, rate in (
        (1, None, 32, 0.1, 3e-3), (1, None, 16, 0.1, 3e-3), (1, None, 32, 0.0, 3e-3), (1, None, 32, 0.2, 1e-3),
        (2, None, 16, 0.1, 3e-3), (2, None, 32, 0.1, 2e-3), (1, 3, 32, 0.1, 3e-3), (1, 4, 16, 0.0, 6e-3),
        (1, 5, 32, 0.1, 2e-3), (1, 6, 16, 0.1, 3e-3), (2, 4, 24, 0.2, 2e-3), (1, 4, 48, 0.2, 1e-3),
    )
)  # fmt: skip
"""Twelve settings of the network to try before any others, the default first (azure-semantics B.10); small enough for a processor."""

_NETWORK: dict[str, Any] = {
    "blocks": (1, 2), "cells": (None, 2, 3, 4, 5, 6), "channels": (8, 16, 24, 32, 48, 64), "dropout": (0.0, 0.1, 0.2, 0.3),
    "learning_rate": (5e-4, 1e-3, 2e-3, 3e-3, 6e-3),
}  # fmt: skip
_ROUNDS, _LEAVES, _LEAF = Between(20, 600, log=True), Between(3, 127, log=True), Between(1, 60, log=True)
_SHARE, _PENALTY = Between(0.2, 1.0), Between(1e-2, 100.0, log=True)
_BOOSTED: dict[str, Any] = {"rounds": _ROUNDS, "leaves": _LEAVES, "min_leaf": _LEAF, "feature_fraction": _SHARE, "l2": _PENALTY}
_FOREST: dict[str, Any] = {"min_leaf": Between(1, 40, log=True), "max_features": Between(0.1, 1.0), "trees": (60, 150)}
_SCALING = ("standard", "robust", "minmax", "maxabs")


def _boosted(*settings: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(dict(zip(_BOOSTED, setting, strict=True)) for setting in settings)


# A boosted tree's rate goes with its rounds (see `_boosting.rate`), so that the two are one number here.
_TRIED = _boosted((200, 15, 10, 0.6, 1.0), (60, 7, 20, 0.8, 10.0), (400, 31, 20, 0.5, 1.0))
SPACES: dict[str, Space] = {
    "decision_tree": Space({"max_depth": Between(2, 16), "min_leaf": _LEAF, "max_features": _SHARE}),
    "elastic_net": Space({"l1_ratio": Between(0.05, 1.0), "scaling": _SCALING}, ({"l1_ratio": 1.0, "scaling": "standard"},)),
    "extra_trees": Space(_FOREST, ({"min_leaf": 5, "max_features": 0.7, "trees": 60},)),
    "gradient_boosting": Space(
        {name: values for name, values in _BOOSTED.items() if name != "feature_fraction"},
        tuple({name: value for name, value in one.items() if name != "feature_fraction"} for one in _TRIED[:2]),
    ),
    "knn": Space({"neighbors": Between(2, 60, log=True), "weights": ("uniform", "distance"), "scaling": _SCALING}),
    "lasso_lars": Space({"max_steps": Between(10, 400, log=True), "scaling": _SCALING}),
    "lightgbm": Space(
        {**_BOOSTED, "bagging_fraction": Between(0.4, 1.0)}, tuple({**one, "bagging_fraction": 0.8} for one in _TRIED),
    ),
    "random_forest": Space(_FOREST, ({"min_leaf": 5, "max_features": 0.7, "trees": 60},)),
    "sgd": Space({"alpha": Between(1e-6, 1e-1, log=True), "eta0": Between(5e-4, 5e-2, log=True), "penalty": ("l2", "l1", "elasticnet")}),
    "tcn": Space(_NETWORK, LANDMARKS),
    "xgboost": Space(_BOOSTED, _TRIED),
}  # fmt: skip
