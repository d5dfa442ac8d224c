"""Learners made of several learners."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.errors import SettingsError, UnknownName
from forecaster.features.design import Design
from forecaster.learners import build, make, with_options
from forecaster.learners.combined import Combined
from forecaster.testing import PROMISES, sales

DESIGN = Design(horizon=3)


def said(name, table, steps=3):
    return build(name, design=DESIGN).fit(table).predict(steps)


@pytest.mark.parametrize(("how", "middle"), [("mean", np.mean), ("median", np.median)])
def test_it_says_what_lies_in_the_middle_of_its_members(how, middle):
    table, names = sales((1, 2), 50), ["naive", "average", "drift", "ets"]
    one = build({"combined": {"learners": names, "how": how}}, design=DESIGN).fit(table).predict(3)
    np.testing.assert_allclose(one.mean, middle([said(name, table).mean for name in names], axis=0), rtol=1e-12)


def test_quantiles_are_joined_level_by_level():
    table, names = sales((2,), 50), ["ets", "theta", "arima"]
    one, parts = build(Combined(learners=names), design=DESIGN).fit(table).predict(3), [said(name, table) for name in names]
    assert one.levels == tuple(level for level in parts[0].levels if all(level in part.levels for part in parts)) != ()
    wanted = np.median([part.quantiles[..., [part.levels.index(level) for level in one.levels]] for part in parts], axis=0)
    np.testing.assert_allclose(one.quantiles, wanted, rtol=1e-12)


def test_combinations_nest():
    table = sales((1, 1), 60)
    inner = {"combined": {"learners": ["naive", "drift"], "how": "mean"}}
    one = build({"combined": {"learners": [inner, "average"], "how": "mean"}}, design=DESIGN).fit(table).predict(3).mean
    two = (said("naive", table).mean + said("drift", table).mean) / 2
    np.testing.assert_allclose(one, (two + said("average", table).mean) / 2, rtol=1e-12)


def test_what_a_job_decides_reaches_every_member():
    learner = build({"combined": {"learners": ["seasonal_naive", {"lightgbm": {"rounds": 5}}]}}, design=DESIGN, seed=3, period=9)
    assert [one.period for one in learner.learners[:1]] == [9]
    assert (learner.learners[1].rounds, learner.learners[1].seed, learner.learners[1].design) == (5, 3, DESIGN)


def test_a_member_without_a_forecast_leaves_the_word_to_the_others():
    short = sales((1,), 3)
    one = build(Combined(learners=["naive", "lightgbm", "tsb"]), design=DESIGN).fit(short).predict(3)
    assert np.isfinite(one.mean).all()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_one_of_both_kinds_keeps_the_promises_too(promise):
    promise(build(Combined(learners=("seasonal_naive", "elastic_net"), how="mean"), design=Design(horizon=4), threads=1))


def test_a_job_takes_one_as_it_takes_any_learner(tmp_path):
    days = pd.date_range("2024-01-01", periods=90)
    y = 20 + np.tile([5, 1, 2, 3, 0, 9, 8], 13)[:90] + np.random.default_rng(0).normal(0, 1, 90)
    data = pd.DataFrame({"unique_id": "a", "ds": days, "y": y})
    job = Forecaster(7, learners=["seasonal_naive", "combined", {"combined": {"learners": ["ets", "lightgbm"]}}], n_jobs=1).fit(data)
    assert {"combined", "combined_2"} <= set(job.leaderboard_.learner)
    job.save(tmp_path / "job")
    again = Forecaster.load(tmp_path / "job")
    pd.testing.assert_frame_equal(again.predict(horizon=15), job.predict(horizon=15))
    assert again.settings.learners == job.settings.learners


def test_names_and_options_of_members_are_checked():
    with pytest.raises(UnknownName, match="did you mean 'theta'"):
        make("combined", learners=["teta"])
    with pytest.raises(UnknownName, match="did you mean 'rounds'"):
        with_options("combined", {"learners": [{"lightgbm": {"round": 3}}]})
    with pytest.raises(SettingsError, match="expected learners"):
        make("combined", learners=[])
