"""Joining learners: the combiners of the forecasts on rows, and a meta-learner of their predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.archive import storable
from forecaster.ensembles import COMBINERS, Evidence
from forecaster.table import Floats, Ints
from forecaster.tabular.problem import Problem
from forecaster.tabular.scores import Score
from forecaster.tabular.trials import TabularTrial
from forecaster.tabular.validation import Splits

Said = Mapping[str, Floats]
"""What each member says. Name -> (rows, classes)"""


@storable
@dataclass(frozen=True, eq=False)
class Vote:
    """The weighted mean of the members; for classes that is a soft vote. The weights add up to 1."""

    weights: dict[str, float]

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.weights)

    def join(self, said: Said) -> Floats:
        """(rows, classes)"""
        return np.asarray(np.sum([weight * said[name] for name, weight in self.weights.items()], axis=0), np.float64)


@storable
@dataclass(frozen=True, eq=False)
class Stack:
    """A linear model of what the members say (Wolpert 1992).

    Args:
        members: Names, in the order of the slopes.
        slopes: One per class or value, member and class of the member. (outputs, members * classes)
        intercept: What they add to. (outputs,)
        classes: 1 for regression.
    """

    members: tuple[str, ...]
    slopes: Floats
    intercept: Floats
    classes: int

    @property
    def weights(self) -> dict[str, float]:
        """Share of each member in the size of the slopes."""
        size = np.abs(self.slopes).reshape(len(self.slopes), len(self.members), -1).sum(axis=(0, 2))
        return dict(zip(self.members, (size / (size.sum() or 1.0)).tolist(), strict=True))

    def join(self, said: Said) -> Floats:
        """(rows, classes)"""
        made = _beside(said, self.members, self.classes) @ self.slopes.T + self.intercept
        if self.classes == 1:
            return np.asarray(made, np.float64)
        scores = np.column_stack([np.zeros(len(made)), made]) if made.shape[1] == 1 else made
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def combine(way: str | None, trials: Sequence[TabularTrial], problem: Problem, splits: Splits, score: Score) -> tuple[Vote | Stack, Floats]:
    """Join the learners that were tried.

    Args:
        way: "voting", "caruana", "stacking", or None for the best one alone.

    Returns:
        What joins them, and what it says out of fold: a meta-learner has not seen the rows that it speaks of. (rows, classes)
    """
    good = sorted((trial for trial in trials if trial.usable), key=lambda trial: trial.loss)
    said = {trial.learner: trial.said for trial in good}
    if way is None or len(good) == 1:
        alone = Vote({good[0].learner: 1.0})
        return alone, alone.join(said)
    vote = _vote("caruana" if way == "stacking" else way, good, problem, splits, score)
    if way != "stacking":
        return vote, vote.join(said)
    members = tuple(dict.fromkeys([*vote.members, *[trial.learner for trial in good[:3]]]))
    return _stacked(members, said, problem, splits)


def _vote(way: str, good: Sequence[TabularTrial], problem: Problem, splits: Splits, score: Score) -> Vote:
    shares = COMBINERS[way](_evidence(good, problem, splits, score))[0]
    return Vote({trial.learner: float(share) for trial, share in zip(good, shares, strict=True) if share > 0})


def _evidence(good: Sequence[TabularTrial], problem: Problem, splits: Splits, score: Score) -> Evidence:
    """Rows as a combiner sees forecasts: one series, a window per fold, and a step per row and class."""
    width = problem.classes
    truth = problem.y[:, None] if width == 1 else np.eye(width)[problem.y.astype(int)]
    most = max(len(test) for _, test in splits)

    def window(values: Floats, test: Ints) -> Floats:
        return np.concatenate([values[test].ravel(), np.full((most - len(test)) * width, np.nan)])

    def windows(values: Floats) -> Floats:
        return np.stack([window(values, test) for _, test in splits])[:, None]

    def errors(actual: Floats, forecast: Floats, series: Ints) -> Floats:
        known = np.isfinite(actual[:, 0])
        rows, said = actual[:, 0][known].reshape(-1, width), forecast[:, 0][known].reshape(-1, width)
        return np.array([score.loss(rows[:, 0] if width == 1 else rows.argmax(axis=1).astype(float), said)])

    said = np.stack([windows(trial.said) for trial in good])
    return Evidence(windows(truth), said, errors, np.array([0, 1]), np.ones((len(good), 1), bool), np.zeros(len(good)))


def _beside(said: Said, members: Sequence[str], classes: int) -> Floats:
    """What the members say side by side, probabilities as their logarithms. (rows, members * classes)"""
    whole = np.hstack([said[name] for name in members])
    return whole if classes == 1 else np.log(np.clip(whole, 1e-6, 1.0))


def _stacked(members: tuple[str, ...], said: Said, problem: Problem, splits: Splits) -> tuple[Stack, Floats]:
    tests = [test for _, test in splits]
    rows = np.concatenate(tests)
    heard = {name: said[name] for name in members}
    made = np.full((len(problem.y), problem.classes), np.nan)
    for test in tests if len(tests) > 1 else np.array_split(rows, 5):
        others = np.setdiff1d(rows, test)
        made[test] = _learned(members, heard, problem, others).join({name: values[test] for name, values in heard.items()})
    return _learned(members, heard, problem, rows), made


def _learned(members: tuple[str, ...], said: Said, problem: Problem, rows: Ints) -> Stack:
    """The meta-learner of some rows: a logistic regression, or an elastic net; how strong its penalty is, is cross-validated."""
    x, y = _beside({name: values[rows] for name, values in said.items()}, members, problem.classes), problem.y[rows]
    weight = None if problem.weight is None else problem.weight[rows]
    if problem.classes == 1:
        return _net(members, x, y, weight)
    present = np.unique(y).astype(int)
    meta = _logistic(x, y, weight, problem.seed)
    if len(present) == problem.classes:
        return Stack(members, np.asarray(meta.coef_, np.float64), np.asarray(meta.intercept_, np.float64), problem.classes)
    return Stack(members, *_widened(meta, present, problem.classes), problem.classes)


def _net(members: tuple[str, ...], x: Floats, y: Floats, weight: Floats | None) -> Stack:
    from sklearn.linear_model import ElasticNetCV

    size = float(np.abs(y).max()) or 1.0
    net = ElasticNetCV(l1_ratio=0.5, positive=True, cv=3).fit(x / size, y / size, sample_weight=weight)
    return Stack(members, np.asarray(net.coef_[None], np.float64), np.array([net.intercept_ * size]), 1)


def _logistic(x: Floats, y: Floats, weight: Floats | None, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    folds = max(2, min(3, int(np.unique(y, return_counts=True)[1].min())))
    search = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": [0.001, 0.01, 0.1, 1.0]}, scoring="neg_log_loss",
        cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
    )  # fmt: skip
    return search.fit(x, y, **({} if weight is None else {"sample_weight": weight})).best_estimator_


def _widened(meta: Any, present: Ints, classes: int) -> tuple[Floats, Floats]:
    """Slopes for all classes of a meta-learner that has not seen some."""
    slopes, intercept = np.zeros((classes, meta.coef_.shape[1])), np.full(classes, -30.0)
    both = len(present) == 2
    slopes[present] = np.vstack([np.zeros_like(meta.coef_), meta.coef_]) if both else meta.coef_
    intercept[present] = np.append(0.0, meta.intercept_) if both else meta.intercept_
    return slopes, intercept
