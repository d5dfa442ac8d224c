"""Weights from relative errors, against the formula written out for one series at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.ensembles import COMBINERS, Evidence, crossed, elect, weigh
from forecaster.metrics import METRICS, Scale, scorer

NAN = np.nan


def evidence(errors, sizes, merit=None, able=None, pooled=False, metric="mae", informed=None):
    """Learners whose forecasts of zeros are off by `errors`. (learners, series, windows)"""
    errors = np.asarray(errors, float)
    learners, series, _ = errors.shape
    forecast = np.moveaxis(errors, 2, 1)[..., None]
    actual = np.where(np.isnan(forecast).all(0), NAN, 0.0)
    able = np.ones((learners, len(sizes)), bool) if able is None else np.asarray(able)
    merit = np.zeros(learners) if merit is None else np.asarray(merit, float)
    score = scorer(METRICS[metric], Scale(*np.ones((3, series))))
    return Evidence(actual, forecast, score, np.cumsum([0, *sizes]), able, merit, pooled, informed=informed)


def slow(errors, sizes, merit, informed):
    """weight = exp(-12 m); m = group's + n / (n + 6) * (own - group's own); group's = (sum + 4 * expected) / (n + 4); a tenth of the best.

    What is expected of a learner is its merit and, where it sees covariates, what they are worth: n / (n + 1) * (the median of how much
    worse than their merits those that see them are - that of the others).
    """
    relative = [
        [[np.log(e / np.median(errors[:, s, w])) for w, e in enumerate(row) if not np.isnan(e)] for s, row in enumerate(one)]
        for one in errors
    ]
    weights, first = [], 0
    for size in sizes:
        members = range(first, first + size)
        told = [[r for i in members for r in one[i]] for one in relative]
        expected = merit - np.median(merit)
        off = [np.mean(seen) - e if seen else NAN for seen, e in zip(told, expected, strict=True)]
        mine, others = ([x for x, sees in zip(off, informed, strict=True) if sees == which and not np.isnan(x)] for which in (True, False))
        n = max(map(len, told))
        worth = n / (n + 1) * (np.median(mine) - np.median(others)) if mine and others else 0.0
        for s in members:
            m = []
            for k, (one, seen) in enumerate(zip(relative, told, strict=True)):
                group = (sum(seen) + 4 * (expected[k] + worth * informed[k])) / (len(seen) + 4)
                own = np.mean(one[s]) - np.mean(seen) if one[s] else 0.0
                m.append(group + len(one[s]) / (len(one[s]) + 6) * own)
            raw = np.exp(-12 * (np.array(m) - min(m)))
            raw[raw < 0.1] = 0
            weights.append(raw / raw.sum())
        first += size
    return np.array(weights)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 99), learners=st.integers(1, 6), windows=st.integers(1, 4),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3), blank=st.floats(0, 0.5),
)  # fmt: skip
def test_every_series_gets_the_weights_of_the_slow_one(seed, learners, windows, sizes, blank):
    rng = np.random.default_rng(seed)
    errors = np.exp(0.3 * rng.normal(size=(learners, sum(sizes), windows)))
    errors[:, rng.random((sum(sizes), windows)) < blank] = NAN
    merit, informed = 0.2 * rng.normal(size=learners), rng.random(learners) < 0.5
    assert weigh(evidence(errors, sizes, merit, informed=informed)) == pytest.approx(slow(errors, sizes, merit, informed), abs=1e-9)
    assert np.array_equal(weigh(evidence(errors, sizes, merit)), weigh(evidence(errors, sizes, merit, informed=np.zeros(learners, bool))))


def test_learners_that_see_covariates_tell_together_what_these_are_worth():
    """Three windows believe three quarters of what they are worth, and 4/7 of that is left beside what each learner did itself. Where the
    last two of four see covariates and err 10% less, that is 6/7 of the difference instead of 3/7; where only one of them does, the other
    has a lead of half as much over those that did as well as it."""
    informed = np.array([False, False, True, True])
    better, mixed = (np.repeat(np.array(errors)[:, None, None], 3, axis=2) for errors in ([1.1, 1.1, 1, 1], [1.1, 1.1, 1, 1.1]))
    assert ratio(weigh(evidence(better, [1]))) == pytest.approx(1.1 ** (12 * 3 / 7))
    assert ratio(weigh(evidence(better, [1], informed=informed))) == pytest.approx(1.1 ** (12 * 6 / 7))
    assert ratio(weigh(evidence(mixed, [1]))) == pytest.approx(1)
    assert ratio(weigh(evidence(mixed, [1], informed=informed))) == pytest.approx(1.1 ** (12 * 3 / 7 / 2))


def ratio(weights):
    """The last learner's to the first one's in the first series."""
    return weights[0, -1] / weights[0, 0]


def test_a_series_alone_by_hand():
    """Errors 1 and 2 in three windows, median 1.5: m = 3 log(2/3) / 7 and 3 log(4/3) / 7, 12 times their difference is log(2) * 36 / 7."""
    assert weigh(evidence([[[1.0, 1, 1]], [[1.1, 1.1, 1.1]]], [1]))[0, 1] == pytest.approx(1 / (1 + 1.1 ** (36 / 7)))


def test_without_any_window_experience_decides():
    one = weigh(evidence(np.full((3, 1, 2), NAN), [1], merit=[0.3, -0.1, -0.1]))
    assert one[0].tolist() == [0, 0.5, 0.5]


def test_a_series_without_windows_goes_with_its_group():
    errors = np.ones((2, 3, 3))
    errors[1] *= 1.1
    errors[:, 2] = NAN
    weights = weigh(evidence(errors, [3]))
    assert weights[2] == pytest.approx(weights[:2].mean(0))


def test_who_is_not_able_has_no_share_and_moves_no_bit_of_the_others():
    rng = np.random.default_rng(0)
    errors = np.exp(rng.normal(size=(12, 2, 3)))
    some = rng.random(12) < 0.5
    errors[~some] = NAN
    able = np.stack([some, some], axis=1)
    for informed in (np.zeros(12, bool), rng.random(12) < 0.5):
        weights = weigh(evidence(errors, [1, 1], able=able, informed=informed))
        assert np.array_equal(weights[:, some], weigh(evidence(errors[some], [1, 1], informed=informed[some])))
        assert not weights[:, ~some].any()


def test_groups_learn_from_the_block_only_if_asked():
    rng = np.random.default_rng(0)
    errors = np.exp(rng.normal(size=(4, 30, 2)))
    errors[2] *= 0.8
    alone = weigh(evidence(errors, [1] * 30))
    for g in range(30):
        assert np.array_equal(alone[g], weigh(evidence(errors[:, [g]], [1]))[0])
    pooled = weigh(evidence(errors, [1] * 30, pooled=True))
    assert pooled[:, 2].mean() > alone[:, 2].mean()


def test_scores_to_maximise_are_weighed_too():
    """r2 of 0.9, 0.8 and 0.1: losses below zero."""
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(3, 1, 200))
    noise = np.sqrt([0.1, 0.2, 0.9])[:, None, None, None] * rng.normal(size=(3, 3, 1, 200))
    made = Evidence(
        actual, actual + noise, scorer(METRICS["r2"], Scale(*np.ones((3, 1)))), np.array([0, 1]), np.ones((3, 1), bool), np.zeros(3)
    )
    weights = weigh(made)[0]
    assert weights[0] > weights[1] > weights[2]
    assert weights.sum() == pytest.approx(1)


def test_three_windows_do_not_overfit():
    """Ten equally good learners: what looks best in three windows is chance, and an average is the better forecast."""
    rng = np.random.default_rng(0)
    forecast = rng.normal(size=(10, 4, 300, 4))
    score = scorer(METRICS["mae"], Scale(*np.ones((3, 300))))
    made = Evidence(np.zeros((3, 300, 4)), forecast[:, :3], score, np.arange(301), np.ones((10, 300), bool), np.zeros(10))
    best = made.errors.mean(2).argmin(0)
    alone = np.abs(forecast[best, 3, np.arange(300)]).mean()
    for combine in COMBINERS.values():
        assert np.abs(np.einsum("sl,lsh->sh", combine(made), forecast[:, 3])).mean() < 0.6 * alone


def test_the_score_of_an_ensemble_has_not_seen_what_came():
    """Learners without any skill: in the windows that chose them they look better than they are, crossed they do not."""
    rng = np.random.default_rng(1)
    forecast = rng.normal(size=(8, 3, 200, 2))
    score = scorer(METRICS["mae"], Scale(*np.ones((3, 200))))
    made = Evidence(np.zeros((3, 200, 2)), forecast, score, np.arange(201), np.ones((8, 200), bool), np.zeros(8))
    new = rng.normal(size=(8, 3, 200, 2))
    honest = np.abs(np.einsum("wsl,lwsh->wsh", crossed(elect, made), forecast)).mean()
    seen = np.abs(np.einsum("sl,lwsh->wsh", elect(made), forecast)).mean()
    ahead = np.abs(np.einsum("sl,lwsh->wsh", elect(made), new)).mean()
    assert seen < 0.9 * ahead
    assert ahead < honest < 1.1 * ahead


def test_a_window_that_says_all_there_is_counts_for_itself():
    errors = np.array([[[1.0, NAN]], [[2.0, NAN]]])
    made = evidence(errors, [1])
    assert np.array_equal(crossed(elect, made)[0], elect(made))


@pytest.mark.parametrize("windows", [1, 4, 16])
def test_votes_of_a_group_with_few_windows_are_shrunk_towards_those_of_all_where_they_may_be(windows):
    errors = np.full((2, 5, 16), [[[1.0]], [[3.0]]])  # the first is best everywhere ...
    errors[:, 0] = [[3.0], [1.0]]  # ... but in the first group, which has fewer windows
    errors[:, 0, windows:] = NAN
    sizes = [1, 2, 2]
    assert elect(evidence(errors, sizes)).tolist() == [[0, 1], *[[1, 0]] * 4]
    shrunk = elect(evidence(errors, sizes, pooled=True))
    first = 64 / (64 + windows)  # the mean share of the first learner, by windows
    np.testing.assert_allclose(shrunk[0, 0], 4 * first / (windows + 4))
    np.testing.assert_allclose(shrunk[1:, 0], [(32 + 4 * first) / 36] * 4)
    np.testing.assert_allclose(shrunk.sum(1), 1)


def test_votes_that_are_shrunk_never_go_to_a_learner_that_is_not_able():
    errors = np.full((2, 3, 2), [[[1.0]], [[3.0]]])
    errors[0, 0] = NAN
    able = [[False, True, True], [True, True, True]]
    shrunk = elect(evidence(errors, [1, 1, 1], able=able, pooled=True))
    np.testing.assert_allclose(shrunk, [[0, 1], [7 / 9, 2 / 9], [7 / 9, 2 / 9]])


def intermittent(seed=0):
    """Sales of 200 series, one in ten days; what is expected of them, and half of that. (2, 3, 200, 14)"""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.05, 0.15, 200)
    actual = rng.poisson(rate[:, None], (3, 200, 14)).astype(float)
    said = np.broadcast_to(rate[:, None], actual.shape)
    score = scorer(METRICS["rmse"], Scale(*np.ones((3, 200))))
    return Evidence(actual, np.stack([said, said / 2]), score, np.array([0, 200]), np.ones((2, 1), bool), np.zeros(2))


def test_of_intermittent_demand_the_sums_have_a_say():
    """In most windows of a series nothing is sold, so half of what is expected is the nearer forecast, and half of what comes in all."""
    alone = intermittent()
    together = replace(alone, sparse=np.array([True]))
    assert weigh(alone)[:, 1].mean() > 0.8
    weights = weigh(together)
    assert (weights == weights[0]).all()
    assert weights[0, 0] > weigh(alone)[:, 0].mean() + 0.3


def test_sums_are_judged_by_hand():
    """Two series, two windows: together off by 0 and 2 per step, and by 1 and 1; without the second window by 0 and 1."""
    forecast = np.array([[[[1.0, 1], [-1, -1]], [[1, 1], [1, 1]]], [[[1, 1], [0, 0]], [[1, 1], [0, 0]]]])
    score = scorer(METRICS["rmse"], Scale(*np.ones((3, 2))))
    made = Evidence(np.zeros((2, 2, 2)), forecast, score, np.array([0, 2]), np.ones((2, 1), bool), np.zeros(2), sparse=np.array([True]))
    assert made.of_sums[:, 0].tolist() == [[0, 2], [1, 1]]
    assert made.without(1).of_sums[:, 0].tolist() == [[0], [1]]


def test_what_a_learner_did_not_forecast_is_in_no_sum():
    made = intermittent()
    forecast = made.forecast.copy()
    forecast[1, :, :150] = NAN
    fewer = replace(made, forecast=forecast)
    kept = Evidence(made.actual[:, 150:], made.forecast[:, :, 150:], made.score, np.array([0, 50]), made.able, made.merit)
    assert np.allclose(fewer.of_sums, kept.of_sums)


def test_groups_of_intermittent_demand_are_weighed_alone():
    made = replace(intermittent(), group_ptr=np.array([0, 80, 200]), able=np.ones((2, 2), bool), sparse=np.array([True, True]))
    alone = replace(
        made, actual=made.actual[:, :80], forecast=made.forecast[:, :, :80], group_ptr=np.array([0, 80]), able=made.able[:, :1],
        sparse=made.sparse[:1],
    )  # fmt: skip
    assert np.array_equal(weigh(made)[:80], weigh(alone))
    mixed = replace(made, sparse=np.array([True, False]))
    assert np.array_equal(weigh(mixed)[:80], weigh(alone))
    assert len(np.unique(weigh(mixed)[80:, 0])) > 1
