"""Trying learners: each is fitted on the training rows of every fold and says what it says of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from forecaster.archive import storable
from forecaster.errors import MissingExtra, SettingsError
from forecaster.table import Floats, Ints, Singles
from forecaster.tabular.encode import Encoder
from forecaster.tabular.learners import Recipe
from forecaster.tabular.models import fit
from forecaster.tabular.problem import Problem
from forecaster.tabular.scores import Score
from forecaster.tabular.validation import Splits


@storable
@dataclass(frozen=True, eq=False)
class TabularTrial:
    """What became of one candidate.

    Args:
        learner: Its name.
        status: "done", "pruned" (clearly worse in the first folds), "failed" or "skipped".
        reason: Why it was not done.
        loss: Loss over all rows that were tested, lower is better.
        fit_seconds: Time of its fits.
        predict_seconds: Time of its predictions.
        said: Out-of-fold predictions, NaN on rows never tested. (rows, classes)
        parameters: Its options that are not as in the catalogue, as JSON.
        folds: Folds that it was tried on.
    """

    learner: str
    status: str
    reason: str
    loss: float
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    said: Floats = field(default_factory=lambda: np.empty((0, 1)))
    parameters: str = "{}"
    folds: int = 0

    @property
    def usable(self) -> bool:
        return self.status == "done" and bool(np.isfinite(self.loss))


@dataclass(frozen=True, eq=False)
class Fold:
    """One training and test part, with features learned from the training rows alone.

    Args:
        train: What is fitted.
        rows: Which rows of the data these are.
        test: Which rows are tested.
        x: Their features. (tested, features)
    """

    train: Problem
    rows: Ints
    test: Ints
    x: Singles

    def weighed(self, weight: Floats) -> Fold:
        """The fold with other weights, of all rows of the data."""
        return replace(self, train=replace(self.train, weight=weight[self.rows]))

    def thinned(self, kept: Ints) -> Fold:
        """The fold with some of its training rows."""
        return replace(self, train=self.train.take(kept), rows=self.rows[kept])


def folds_of(frame: pa.Table, encoder: Encoder, problem: Problem, splits: Splits) -> list[Fold]:
    """The folds of a problem: what columns are is decided once, what is learned from their values is learned in every fold anew."""
    out = []
    for train, test in splits:
        part = frame.take(pa.array(train))
        learned = encoder.again(part)
        mine = replace(problem.take(train), x=learned.matrix(part))
        out.append(Fold(mine, train, test, learned.matrix(frame.take(pa.array(test)))))
    return out


Verdict = tuple[str, str]
"""What becomes of a trial that is given up, and why: ("pruned" or "skipped", reason)."""


def run_trial(
    recipe: Recipe, problem: Problem, folds: Sequence[Fold], score: Score, given_up: Callable[[Floats, int], Verdict | None] | None = None
) -> TabularTrial:
    """Try one learner; one that breaks is a trial that says why.

    Args:
        given_up: Asked after each fold but the last: (what was said so far, folds) -> the end of the trial, or None to go on.
    """
    made = np.full((len(problem.y), problem.classes), np.nan)
    trial = TabularTrial(recipe.label, "done", "", float("nan"), parameters=recipe.parameters)
    try:
        for done, fold in enumerate(folds, 1):
            started = time.perf_counter()
            model = fit(recipe, fold.train)
            fitted = time.perf_counter()
            made[fold.test] = model.predict(fold.x)
            trial = replace(
                trial, fit_seconds=trial.fit_seconds + fitted - started,
                predict_seconds=trial.predict_seconds + time.perf_counter() - fitted, folds=done,
            )  # fmt: skip
            if given_up is not None and done < len(folds) and (verdict := given_up(made, done)) is not None:
                return replace(trial, status=verdict[0], reason=verdict[1], loss=so_far(score, problem.y, made))
        loss = loss_of(score, problem.y, made)
        reason = "" if np.isfinite(loss) else f"the metric {score.name!r} gives no number for these rows; choose another one"
        return replace(trial, loss=loss, reason=reason, said=made)
    except (MissingExtra, MemoryError):
        raise
    except Exception as error:  # one candidate that breaks must not cost the others
        return replace(trial, status="failed", reason=f"{type(error).__name__}: {error}")


def run_trials(
    recipes: Sequence[Recipe], problem: Problem, folds: Sequence[Fold], score: Score, over: Callable[[Sequence[TabularTrial]], str]
) -> list[TabularTrial]:
    """Try the learners until it is over, the first one in any case.

    Args:
        over: Asked before each further one with the trials so far: why no more are to be tried; empty to go on.
    """
    trials: list[TabularTrial] = []
    for recipe in recipes:
        if trials and (why := over(trials)):
            trials.append(TabularTrial(recipe.label, "skipped", why, float("nan"), parameters=recipe.parameters))
        else:
            trials.append(run_trial(recipe, problem, folds, score))
    return trials


def loss_of(score: Score, y: Floats, made: Floats) -> float:
    """Loss over the rows that were tested."""
    tested = np.isfinite(made).all(axis=1)
    return score.loss(y[tested], made[tested])


def so_far(score: Score, y: Floats, made: Floats) -> float:
    """Loss over the rows that were tested in some of the folds; NaN where these are too few for the metric."""
    try:
        return loss_of(score, y, made)
    except SettingsError:
        return float("nan")
