"""Cross-validated choice among tabular learners, and the weighted vote of the best."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.table import Floats, Ints
from forecaster.tabular.models import Problem, Task, fit
from forecaster.tabular.scores import Score

HOLDOUT_ABOVE, TEN_FOLDS_BELOW = 20_000, 1_000  # azure-semantics A.6 #67
START_WITH, WITHIN, ROUNDS = 5, 0.05, 15  # azure-semantics B.5


@storable
@dataclass(frozen=True, eq=False)
class TabularTrial:
    """What became of one candidate: its cross-validated loss (lower is better) and time, or why it failed."""

    learner: str
    status: str
    reason: str
    loss: float
    fit_seconds: float
    predict_seconds: float


def folds(y: Floats, task: Task, validation: str | int, seed: int) -> list[tuple[Ints, Ints]]:
    """Train and test rows: 10 % held out above 20,000 rows, 10 folds below 1,000, 3 between; classes keep their shares."""
    from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

    count = validation if isinstance(validation, int) else 1 if len(y) > HOLDOUT_ABOVE else 10 if len(y) < TEN_FOLDS_BELOW else 3
    if task == "classify":
        rarest = int(np.bincount(y.astype(int)).min())
        count = max(min(count, rarest), 1) if rarest > 1 else 1
    stratify = task == "classify" and int(np.bincount(y.astype(int)).min()) > 1
    if count == 1:
        kind = StratifiedShuffleSplit if stratify else ShuffleSplit
        return list(kind(n_splits=1, test_size=0.1 if len(y) > TEN_FOLDS_BELOW else 0.3, random_state=seed).split(y, y))
    kind = StratifiedKFold if stratify else KFold
    return list(kind(n_splits=count, shuffle=True, random_state=seed).split(y, y))


def run_trial(name: str, problem: Problem, splits: Sequence[tuple[Ints, Ints]], score: Score) -> tuple[TabularTrial, Floats]:
    """Cross-validate one learner.

    Returns:
        The trial, and its out-of-fold predictions, NaN on rows never tested. (rows, classes)
    """
    made = np.full((len(problem.y), problem.classes), np.nan)
    fit_seconds = predict_seconds = 0.0
    try:
        for train, test in splits:
            started = time.perf_counter()
            model = fit(name, problem.take(train))
            fitted = time.perf_counter()
            made[test] = model.predict(problem.x[test])
            fit_seconds += fitted - started
            predict_seconds += time.perf_counter() - fitted
    except Exception as error:  # one candidate that breaks must not cost the others
        return TabularTrial(name, "failed", f"{type(error).__name__}: {error}", float("nan"), fit_seconds, predict_seconds), made
    return TabularTrial(name, "done", "", loss_of(score, problem.y, made), fit_seconds, predict_seconds), made


def loss_of(score: Score, y: Floats, made: Floats) -> float:
    """Loss over the rows that were tested."""
    tested = np.isfinite(made).all(axis=1)
    return score.loss(y[tested], made[tested] if made.shape[1] > 1 else made[tested, 0])


def vote(score: Score, y: Floats, made: Mapping[str, Floats], losses: Mapping[str, float]) -> dict[str, float]:
    """Caruana selection with replacement, sorted initialisation (Caruana et al. 2004; azure-semantics B.5).

    Returns:
        Learner -> weight; the weights sum to one.
    """
    order = sorted(made, key=lambda name: losses[name])
    best = losses[order[0]]
    bag = [name for name in order[:START_WITH] if losses[name] - best <= WITHIN * abs(best)]
    total = blend(made, dict.fromkeys(bag, 1.0))
    current = loss_of(score, y, total / len(bag))
    if losses[order[0]] < current:
        bag, total, current = order[:1], made[order[0]].copy(), losses[order[0]]
    for _ in range(ROUNDS):
        trials = {name: loss_of(score, y, (total + made[name]) / (len(bag) + 1)) for name in order}
        name = min(trials, key=lambda n: trials[n])
        if trials[name] >= current:
            break
        bag, total, current = [*bag, name], total + made[name], trials[name]
    return {name: bag.count(name) / len(bag) for name in order if name in bag}


def blend(made: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The weighted mean of the members' predictions. (rows, classes)"""
    return np.asarray(np.sum([weight * made[name] for name, weight in weights.items()], axis=0), np.float64)
