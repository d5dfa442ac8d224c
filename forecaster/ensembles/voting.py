"""A weighted average per group: ensemble selection with replacement (Caruana et al., 2004), for all groups at once.

It starts from the best learners of the group (up to five, within 5% of the best; azure-semantics B.5) and adds, one vote at a
time, the learner that lowers the error of the average most, until none does. Votes over all votes are the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.metrics import Score, per_group
from forecaster.table import Floats, Ints

FIRST, WITHIN, ROUNDS = 5, 0.05, 15
"""Learners to start from at most, how near to the best they must be, and votes that may be added."""


def vote(actual: Floats, forecast: Floats, score: Score, group_ptr: Ints) -> Floats:
    """Weights of the learners in each group.

    Args:
        actual: NaN where unknown. (windows, series, horizon)
        forecast: Out-of-fold forecasts. A learner without one for a known actual has no vote in the group.
            (learners, windows, series, horizon)
        score: Errors of some series, less is better, as `metrics.scorer` makes it.
        group_ptr: Boundaries of the groups in the series. (groups + 1,)

    Returns:
        Weights that add up to 1; all 0 for a group that no learner could forecast. (groups, learners)
    """
    ballot = _Ballot(actual, forecast, score, group_ptr)
    errors = np.stack([ballot.errors(f, ballot.everyone) for f in forecast])
    errors = np.where(np.isnan(errors), np.inf, errors)
    votes, best = _first(errors), errors.min(0)
    together = ballot.average(votes, ballot.everyone)
    with np.errstate(invalid="ignore"):
        worse = ~(together <= best)
    votes[:, worse] = _alone(errors)[:, worse]
    lowest = np.where(worse, best, together)
    active = np.flatnonzero(np.isfinite(lowest))
    for _ in range(ROUNDS):
        active = _round(ballot, votes, lowest, np.isfinite(errors), active)
        if not len(active):
            break
    total = votes.sum(0)
    return (votes / np.where(total > 0, total, 1)).T


@dataclass(frozen=True, eq=False)
class _Ballot:
    """What averages are judged by."""

    actual: Floats
    forecast: Floats
    score: Score
    group_ptr: Ints

    @property
    def everyone(self) -> Ints:
        return np.arange(len(self.group_ptr) - 1)

    def average(self, votes: Floats, groups: Ints) -> Floats:
        """Error of the average that the votes (learners, groups) give, in some groups. (groups,)"""
        return self.errors(self.mixed(votes, groups), groups, cut=True)

    def mixed(self, votes: Floats, groups: Ints) -> Floats:
        """The average that the votes give, for the series of some groups. (windows, series, horizon)"""
        series, place = self.members(groups)
        share = votes[:, groups] / np.maximum(votes[:, groups].sum(0), 1)
        out = np.zeros((len(self.actual), len(series), self.actual.shape[-1]))
        for weight, forecast in zip(share[:, place], self.forecast, strict=True):
            if weight.any():
                out += np.where(weight[:, None] > 0, forecast[:, series], 0.0) * weight[:, None]
        return out

    def errors(self, forecast: Floats, groups: Ints, cut: bool = False) -> Floats:
        """Mean error of some groups; `cut` says that the forecast holds only their series. (groups,)"""
        series, place = self.members(groups)
        values = self.score(self.actual[:, series], forecast if cut else forecast[:, series], series)
        ptr = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(groups)))])
        return per_group(values, ptr)

    def members(self, groups: Ints) -> tuple[Ints, Ints]:
        """The series of some groups, and which of the groups each belongs to."""
        sizes = np.diff(self.group_ptr)[groups]
        place = np.repeat(np.arange(len(groups)), sizes)
        return np.arange(len(place)) + np.repeat(self.group_ptr[groups] - np.cumsum(sizes) + sizes, sizes), place


def _first(errors: Floats) -> Floats:
    """One vote for each learner to start from. (learners, groups)"""
    best = errors.min(0)
    with np.errstate(invalid="ignore"):
        near = np.isfinite(errors) & (errors - best <= WITHIN * np.abs(best))
    rank = np.argsort(np.argsort(errors, axis=0, kind="stable"), axis=0)
    votes: Floats = (near & (rank < FIRST)).astype(np.float64)
    return votes


def _alone(errors: Floats) -> Floats:
    """One vote for the best learner; none where all have failed. (learners, groups)"""
    votes: Floats = (np.arange(len(errors))[:, None] == errors.argmin(0)).astype(np.float64)
    votes *= np.isfinite(errors.min(0))
    return votes


def _round(ballot: _Ballot, votes: Floats, lowest: Floats, able: NDArray[np.bool_], active: Ints) -> Ints:
    """Add one vote where it helps; the groups in which it did."""
    series, place = ballot.members(active)
    now, count = ballot.mixed(votes, active), votes[:, active].sum(0)[place][:, None]
    tried = np.full((len(votes), len(active)), np.inf)
    for learner, forecast in enumerate(ballot.forecast):
        mixed = (now * count + np.nan_to_num(forecast[:, series])) / (count + 1)
        tried[learner] = np.where(able[learner, active], ballot.errors(mixed, active, cut=True), np.inf)
    best, choice = tried.min(0), tried.argmin(0)
    helped = best < lowest[active] * (1 - 1e-12)
    votes[choice[helped], active[helped]] += 1
    lowest[active[helped]] = best[helped]
    still: Ints = active[helped]
    return still
