"""Voting against Caruana's algorithm written out for one group."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.ensembles import vote
from forecaster.metrics import METRICS, Scale, scorer

NAN = np.nan


def forecasts(learners, windows, series, horizon, seed=0):
    rng = np.random.default_rng(seed)
    actual = rng.normal(size=(windows, series, horizon))
    return actual, actual + rng.normal(size=(learners, windows, series, horizon)) * rng.uniform(0.5, 1.5, (learners, 1, series, 1))


def unit(series):
    return Scale(*np.ones((3, series)))


def slow(actual, forecast, metric, rounds=15):
    """One group: start from the best five within 5%, or the best alone if they do worse; add the best vote until none helps."""
    series = np.arange(actual.shape[1])
    score = scorer(metric, unit(len(series)))

    def error(votes):
        mean = sum(n * f for n, f in zip(votes, forecast, strict=True)) / sum(votes)
        return np.nanmean(score(actual, mean, series))

    alone = [error(np.eye(len(forecast))[k]) for k in range(len(forecast))]
    near = [k for k in np.argsort(alone, kind="stable")[:5] if alone[k] - min(alone) <= 0.05 * abs(min(alone))]
    votes = np.isin(np.arange(len(forecast)), near).astype(float)
    if error(votes) > min(alone):
        votes = np.eye(len(forecast))[int(np.argmin(alone))]
    for _ in range(rounds):
        tried = [error(votes + np.eye(len(forecast))[k]) for k in range(len(forecast))]
        if not min(tried) < error(votes) * (1 - 1e-12):
            break
        votes[int(np.argmin(tried))] += 1
    return votes / votes.sum()


@settings(max_examples=25)
@given(
    seed=st.integers(0, 99), learners=st.integers(1, 7), sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    name=st.sampled_from(["mae", "nrmse", "smape"]), blank=st.floats(0, 0.3),
)  # fmt: skip
def test_every_group_gets_the_weights_of_the_slow_one(seed, learners, sizes, name, blank):
    actual, forecast = forecasts(learners, 2, sum(sizes), 4, seed)
    actual[:, :, 1:][np.random.default_rng(seed).random(actual[:, :, 1:].shape) < blank] = NAN
    ptr = np.cumsum([0, *sizes])
    weights = vote(actual, forecast, scorer(METRICS[name], unit(sum(sizes))), ptr)
    for g, (first, last) in enumerate(pairwise(ptr)):
        assert weights[g] == pytest.approx(slow(actual[:, first:last], forecast[:, :, first:last], METRICS[name]))


def test_errors_that_cancel_share_the_vote():
    actual = np.zeros((1, 1, 4))
    forecast = np.stack([np.full((1, 1, 4), x) for x in (1.0, -1.02, 7.0)])
    weights = vote(actual, forecast, scorer(METRICS["mae"], unit(1)), np.array([0, 1]))
    assert weights[0] == pytest.approx([0.5, 0.5, 0], abs=0.02)


def test_never_worse_than_the_best_alone():
    actual, forecast = forecasts(6, 3, 50, 7)
    score, ptr = scorer(METRICS["nrmse"], unit(50)), np.arange(51)
    weights = vote(actual, forecast, score, ptr)
    everyone = np.arange(50)
    together = score(actual, np.einsum("sl,lwsh->wsh", weights, forecast), everyone)
    best = np.min([score(actual, f, everyone) for f in forecast], axis=0)
    assert (together <= best + 1e-12).all()
    assert weights.sum(1) == pytest.approx(1)


def test_a_learner_without_a_forecast_has_no_vote_in_its_group():
    actual, forecast = forecasts(3, 2, 4, 3)
    forecast[0, 1, 0, 2] = NAN
    forecast[:, 0, 3] = NAN
    weights = vote(actual, forecast, scorer(METRICS["mae"], unit(4)), np.array([0, 1, 3, 4]))
    assert weights[0, 0] == 0
    assert weights[0].sum() == pytest.approx(1)
    assert weights[2].tolist() == [0, 0, 0]


def test_groups_know_nothing_of_each_other():
    actual, forecast = forecasts(5, 3, 12, 6)
    ptr, scale = np.array([0, 3, 4, 12]), unit(12)
    together = vote(actual, forecast, scorer(METRICS["nrmse"], scale), ptr)
    for g, (first, last) in enumerate(pairwise(ptr)):
        score = scorer(METRICS["nrmse"], unit(last - first))
        alone = vote(actual[:, first:last], forecast[:, :, first:last], score, np.array([0, last - first]))
        assert np.array_equal(together[g], alone[0])


def test_a_thousand_groups_are_quick():
    actual, forecast = forecasts(6, 3, 1000, 28)
    score = scorer(METRICS["nrmse"], unit(1000))
    begin = time.process_time()
    vote(actual, forecast, score, np.arange(1001))
    assert time.process_time() - begin < 2
