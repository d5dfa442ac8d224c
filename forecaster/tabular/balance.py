"""Rare classes: whether rows of them are to weigh more (azure-semantics A.5 #65)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forecaster.table import Floats
from forecaster.tabular.encode import Found
from forecaster.tabular.learners import Recipe
from forecaster.tabular.problem import Problem
from forecaster.tabular.scores import Score
from forecaster.tabular.trials import Fold, run_trial

RARE = 0.2
"""A class with at most this share of the rows of the commonest is rare."""

SAMPLE = 5_000
"""Rows of a fold that the test is made on, at most."""


def balanced(
    problem: Problem, asked: bool | str, recipe: Recipe, folds: Sequence[Fold], score: Score, target: str, classes: tuple[object, ...]
) -> tuple[Problem, list[Found]]:
    """The problem with weights by class where these help, and the finding that tells so.

    Args:
        asked: True weighs in any case, False never; "auto" where a class is rare and `recipe` scores better with weights.
    """
    counts = np.bincount(problem.y.astype(int), minlength=problem.classes).astype(np.float64)
    rare = counts.min() <= RARE * counts.max()
    if asked is False or not (rare or asked is True):
        return problem, []
    weight = weights(problem, counts)
    few, many = int(counts.argmin()), int(counts.argmax())
    seen = f"{classes[few]!r} has {counts[few]:.0f} rows, {classes[many]!r} has {counts[many]:.0f}"
    if asked is True or _better(problem, weight, recipe, folds, score):
        return replace(problem, weight=weight), [
            (target, "class imbalance", int(counts.min()), "repaired", f"{seen}; rows of rare classes weigh more")
        ]
    return problem, [(target, "class imbalance", int(counts.min()), "noted", f"{seen}; weights by class did not help")]


def weights(problem: Problem, counts: Floats) -> Floats:
    """Weights under which all classes count the same, with a mean of one where rows had no weights."""
    per_class = len(problem.y) / (len(counts) * np.maximum(counts, 1))
    own = np.ones(len(problem.y)) if problem.weight is None else problem.weight
    return np.asarray(own * per_class[problem.y.astype(int)], np.float64)


def _better(problem: Problem, weight: Floats, recipe: Recipe, folds: Sequence[Fold], score: Score) -> bool:
    rng = np.random.default_rng(problem.seed)
    small = [fold.thinned(np.sort(rng.permutation(len(fold.rows))[:SAMPLE])) for fold in folds[:2]]
    before = run_trial(recipe, problem, small, score)
    after = run_trial(recipe, problem, [fold.weighed(weight) for fold in small], score)
    return after.usable and before.usable and after.loss < before.loss
