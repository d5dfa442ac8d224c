"""Fitting a tabular learner, and what it gives: probabilities per class, or one value per row."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from forecaster.archive import storable
from forecaster.learners.scaling import Scaler, scaling_of
from forecaster.table import Floats, Ints, Singles
from forecaster.tabular.boosting import Boosting
from forecaster.tabular.learners import Recipe
from forecaster.tabular.problem import Problem
from forecaster.tabular.sigmoids import Sigmoids


@storable
@dataclass(frozen=True, eq=False)
class Constant:
    """What is said where nothing can be learned: the shares of the classes, or the mean. (classes,)"""

    said: Floats

    def predict(self, x: Singles) -> Floats:
        """The same for each row. (rows, classes)"""
        return np.tile(self.said, (len(x), 1))

    @classmethod
    def of(cls, problem: Problem) -> Constant:
        weight = np.ones(len(problem.y)) if problem.weight is None else problem.weight
        if problem.task == "regress":
            return cls(np.array([np.average(problem.y, weights=weight)]))
        shares = np.bincount(problem.y.astype(int), weight, problem.classes)
        return cls(shares / shares.sum())


@storable
@dataclass(frozen=True, eq=False)
class TabularModel:
    """A fitted learner.

    Args:
        fitted: A scikit-learn estimator, a LightGBM or XGBoost booster, or what a user's estimator has become.
        scaler: The scaling step, None for features as they are.
        classes: Number of classes; 1 for regression.
        present: Codes of the classes that it has seen.
    """

    fitted: Any
    scaler: Scaler | None
    classes: int
    present: Ints

    def scaled(self, x: Singles) -> Singles:
        """The features as the estimator takes them."""
        return x if self.scaler is None else self.scaler.apply(x.astype(np.float64)).astype(np.float32)

    def predict(self, x: Singles) -> Floats:
        """Class probabilities, or values in one column. (rows, classes)"""
        made = self._said(self.scaled(x))
        if self.classes == 1:
            return made.reshape(len(x), 1)
        if made.ndim == 1:
            made = np.column_stack([1.0 - made, made])
        out = np.zeros((len(x), self.classes))
        out[:, self.present] = made
        return np.asarray(out / np.maximum(out.sum(axis=1, keepdims=True), 1e-300), np.float64)

    def _said(self, x: Singles) -> Floats:
        fitted: Any = self.fitted
        if hasattr(fitted, "inplace_predict"):
            return np.asarray(fitted.inplace_predict(x), np.float64)
        if hasattr(fitted, "predict_proba"):
            return np.asarray(fitted.predict_proba(x), np.float64)
        made = np.asarray(fitted.predict(x), np.float64)
        if self.classes > 1 and not hasattr(fitted, "num_trees"):  # labels of an estimator of the user
            return np.asarray(np.eye(len(self.present))[made.astype(int)])
        return made


def fit(recipe: Recipe, problem: Problem) -> TabularModel | Constant:
    """Fit a learner."""
    codes, y = np.zeros(1), problem.y
    if problem.task == "classify":
        codes, place = np.unique(problem.y, return_inverse=True)
        y = place.astype(np.float64)
    if problem.task == "classify" and len(codes) == 1:
        return Constant.of(problem)
    scaler = None if recipe.scaling is None else scaling_of(recipe.scaling).fit(problem.x.astype(np.float64))
    x = problem.x if scaler is None else scaler.apply(problem.x.astype(np.float64)).astype(np.float32)
    estimator = recipe.estimator(problem.seed, problem.threads)
    with nullcontext() if recipe.given is not None else _stopping_early():
        if isinstance(estimator, Boosting):
            fitted = estimator.train(x, y, problem.weight, 1 if problem.task == "regress" else len(codes))
        elif recipe.entry.calibrated:
            fitted = Sigmoids.learn(estimator, x, y, problem.weight, problem.seed)
        else:
            fitted = _fitted(estimator, x, y, problem.weight)
    return TabularModel(fitted, scaler, problem.classes, codes.astype(np.int64))


@contextmanager
def _stopping_early() -> Iterator[None]:
    """Learners of ours may stop before they have converged: how good they are then is what their trial measures, and nobody who named
    none of them could do anything about a warning."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _fitted(estimator: Any, x: Singles, y: Floats, weight: Floats | None) -> Any:
    """The fitted object: what `fit` returns where that can predict, since not every `fit` returns itself."""
    weighs = weight is not None and "sample_weight" in signature(estimator.fit).parameters
    returned = estimator.fit(x, y, **({"sample_weight": weight} if weighs else {}))
    return returned if hasattr(returned, "predict") else estimator
