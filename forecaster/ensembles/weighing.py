"""Weights from relative errors, series by series: what is seen of a series is shrunk towards its group, and that towards experience.

The relative error of a learner is the logarithm of its error over the median learner's, in the same window of the same series. Its
mean m over the windows of a series is believed as far as there are windows (empirical Bayes with fixed prior weights), and the
weight is exp(-SHARP * m): the exponentially weighted average of Vovk (1990), here on relative errors so that no series counts
more than another. Nothing is searched for, so a group with three windows does not overfit.

What covariates are worth differs from job to job more than anything else, and all learners that see them tell it together: their common
lead over the others is learnt before any of them is judged on its own.

Of intermittent demand a window of a series is mostly chance: in one without a sale the lowest forecast is the best one, and weights
from single series draw their sum below what comes. There all series of a group share the weights; a learner is judged by its mean error
over the series and, as much, by its error of their sum, which is seen once per window however many series there are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecaster.ensembles.evidence import Evidence
from forecaster.metrics.segments import mean, total
from forecaster.table import Floats

# Picked on M3, M4 hourly and weekly, NN5 and Australian tourism, a horizon before their ends; doubling or halving any of them costs
# less than 0.5% of MASE.
SHARP = 12.0
"""A learner whose error is 6% lower has twice the weight."""

OF_SERIES = 6.0
"""Windows that a series needs to be believed as much as its group."""

OF_GROUP = 4.0
"""Windows, over all series, that a group needs to be believed as much as experience (or as the block, where it may be asked)."""

OF_COVARIATES = 1.0
"""Windows, over all series of a group, that it takes to believe half of what covariates seem to be worth there."""

LEAST = 0.1
"""Part of the largest weight of a series that a weight must have; the learners below it are left out."""

FARTHEST = np.log(20.0)
"""Most that one window can say for or against a learner."""


def weigh(evidence: Evidence) -> Floats:
    """Weights of the learners in each series; they add up to 1, or are all 0 where no learner is able. (series, learners)"""
    relative = _relative(evidence.errors)
    count, sums = np.isfinite(relative).sum(2).astype(np.float64), added(np.nan_to_num(relative), 2)
    expected = _of_groups(count, sums, evidence)[:, evidence.group]
    windows, middle = (total(x, evidence.group_ptr)[:, evidence.group] for x in (count, sums))
    own = _over(sums, count) - _over(middle, windows)
    believed = expected + count / (count + OF_SERIES) * own
    if evidence.sparse is not None and evidence.sparse.any():
        believed = np.where(evidence.sparse[evidence.group], _together(evidence)[:, evidence.group], believed)
    return _shares(np.where(evidence.able[:, evidence.group], believed, np.inf)).T


def _together(evidence: Evidence) -> Floats:
    """Relative error to expect of each learner where all series of a group share it. (learners, groups)"""
    by_window, ptr = np.moveaxis(evidence.errors, 1, 2), evidence.group_ptr
    alone = np.moveaxis(mean(by_window, ptr), 2, 1)
    seen = total(np.isfinite(by_window).sum(1).astype(np.float64), ptr)
    windows = np.isfinite(evidence.of_sums).sum(2).astype(np.float64)
    return np.asarray((_shrunk(_relative(alone), seen, evidence) + _shrunk(_relative(evidence.of_sums), windows, evidence)) / 2)


def _shrunk(relative: Floats, seen: Floats, evidence: Evidence) -> Floats:
    """The mean over the windows of a group, pulled to experience where little was seen. (learners, groups)"""
    windows = np.isfinite(relative).sum(2).astype(np.float64)
    middle = _over(added(np.nan_to_num(relative), 2), windows)
    return np.asarray((seen * middle + OF_GROUP * _experience(evidence, middle, windows)) / (seen + OF_GROUP))


def _experience(evidence: Evidence, middle: Floats, windows: Floats) -> Floats:
    """Relative error to expect of each learner in each group before its own was seen. (learners, groups)

    Args:
        evidence: Of which the merits are read, and who sees covariates.
        middle: Mean relative error of each learner, which tells what covariates are worth. (learners, groups)
        windows: How many windows it is the mean of. (learners, groups)
    """
    merit = np.where(evidence.able, evidence.merit[:, None], np.nan)
    expected = np.nan_to_num(merit - _median(merit))
    if evidence.informed is None:
        return np.asarray(expected)
    informed = evidence.informed[:, None] & evidence.able
    return np.asarray(expected + informed * _worth(middle - expected, np.where(evidence.able, windows, 0.0), informed))


def _worth(surprise: Floats, windows: Floats, informed: NDArray[np.bool_]) -> Floats:
    """What covariates change in the logarithm of an error, negative where they help: how much worse than expected the middle one of the
    learners that see them did, less that of the others, as far as there are windows to believe it. (groups,)

    Args:
        surprise: How much worse than expected each learner was. (learners, groups)
        windows: How many windows tell it. (learners, groups)
        informed: Who sees covariates. (learners, groups)
    """
    surprise = np.where(windows > 0, surprise, np.nan)
    lead = _median(np.where(informed, surprise, np.nan)) - _median(np.where(informed, np.nan, surprise))
    seen = windows.max(0)
    return np.asarray(np.nan_to_num(lead) * seen / (seen + OF_COVARIATES))


def _relative(errors: Floats) -> Floats:
    """Logarithm of each error over that of the median learner in the same series and window. (learners, series, windows)"""
    lowest, middle = np.fmin.reduce(errors, 0), _median(errors)
    # Scores that are maximised, such as r2, are losses below zero: count them from the best one.
    raised = np.where(lowest < 0, np.abs(middle) - lowest, 0.0)
    errors, middle = errors + raised, middle + raised
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(middle > 0, np.log(errors / middle), np.where(errors > 0, FARTHEST, errors * 0.0))
    return np.clip(ratio, -FARTHEST, FARTHEST)


def _median(values: Floats) -> Floats:
    """Over the learners, NaN skipped; NaN where there is none."""
    ordered, count = np.sort(values, 0), np.isfinite(values).sum(0)
    low, high = (np.take_along_axis(ordered, at[None], 0)[0] for at in ((count - 1) // 2, np.minimum(count // 2, len(values) - 1)))
    return np.asarray((low + high) / 2)


def _of_groups(count: Floats, sums: Floats, evidence: Evidence) -> Floats:
    """Relative error to expect of each learner in each group. (learners, groups)"""
    ptr = evidence.group_ptr
    seen, said = total(count, ptr), total(sums, ptr)
    prior = _experience(evidence, _over(said, seen), seen)
    if evidence.pooled:
        prior = (said.sum(1, keepdims=True) + OF_GROUP * prior) / (seen.sum(1, keepdims=True) + OF_GROUP)
    return np.asarray((said + OF_GROUP * prior) / (seen + OF_GROUP))


def _over(sums: Floats, count: Floats) -> Floats:
    return np.asarray(sums / np.maximum(count, 1))


def _shares(errors: Floats) -> Floats:
    """Weights of relative errors, infinite ones for learners without any. (learners, series)"""
    lowest = errors.min(0)
    raw = np.exp(-SHARP * (errors - np.where(np.isfinite(lowest), lowest, 0.0)))
    raw = np.where(raw >= LEAST, raw, 0.0)
    return np.asarray(raw / np.maximum(added(raw, 0), 1e-300))


def added(values: Floats, axis: int) -> Floats:
    """The sum along an axis, one value after the other: further zeros, as of learners that others try, move no bit."""
    nothing = np.zeros((*values.shape[:axis], 1, *values.shape[axis + 1 :]))
    return np.asarray(np.take(np.add.accumulate(np.concatenate([nothing, values], axis), axis), -1, axis))
