"""Learners made of learners: intervals and target transforms."""

from __future__ import annotations

import numpy as np
import pytest

from forecaster.backtest import RollingOrigin
from forecaster.errors import SettingsError, UnknownName
from forecaster.features.design import Design
from forecaster.learners import build, make, name_of
from forecaster.learners.conformal import Conformal
from forecaster.learners.transformed import Transformed
from forecaster.testing import PROMISES, table_of

WRAPPED = {
    "conformal naive": Conformal(make("naive"), RollingOrigin(windows=2), horizon=3),
    "conformal elastic net": Conformal(make("elastic_net", design=Design(horizon=4)), RollingOrigin(windows=2)),
    "differences of a mean": Transformed(make("average"), "difference"),
    "log of elastic net": Transformed(make("elastic_net", design=Design(horizon=4)), "log"),
    "intervals of differences": Conformal(Transformed(make("seasonal_average"), "difference"), RollingOrigin(windows=2), horizon=3),
}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", WRAPPED)
def test_a_wrapped_learner_keeps_the_promises(name, promise):
    promise(WRAPPED[name])


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(0)
    values = [50 + rng.normal(size=140) for _ in range(60)]
    learner = Conformal(make("average"), RollingOrigin(windows=4), levels=(0.1, 0.9), horizon=7)
    forecast = learner.fit(table_of([v[:133] for v in values])).predict(7)
    actual = np.stack([v[133:] for v in values])
    inside = (actual >= forecast.quantiles[..., 0]) & (actual <= forecast.quantiles[..., 1])
    assert 0.74 < inside.mean() < 0.86


def test_intervals_hold_what_they_promise_past_the_horizon():
    """Every value is the one of a season before and something new, so errors grow from horizon to horizon and not within."""
    walks = np.random.default_rng(0).normal(size=(400, 12, 4)).cumsum(1).reshape(400, -1)
    learner = Conformal(make("seasonal_naive"), RollingOrigin(windows=4), levels=(0.1, 0.9), horizon=4)
    made = learner.fit(table_of(walks[:, :-12], season_length=4)).predict(12)
    held = (walks[:, -12:] >= made.quantiles[..., 0]) & (walks[:, -12:] <= made.quantiles[..., 1])
    assert held.reshape(400, 3, 4).mean((0, 2)) == pytest.approx(np.full(3, 0.8), abs=0.05)


def test_the_mean_of_differences_is_the_drift():
    table = table_of([np.r_[1.0, 4.0, 2.0, 8.0, 9.0]])
    one, two = Transformed(make("average"), "difference").fit(table).predict(3).mean, make("drift").fit(table).predict(3).mean
    np.testing.assert_allclose(one, two)


def test_bad_settings_are_refused():
    with pytest.raises(SettingsError, match="ascend"):
        Conformal(make("naive"), levels=(0.9, 0.1))
    with pytest.raises(UnknownName, match="did you mean 'log'"):
        Transformed(make("naive"), "lgo")


def test_a_job_reaches_the_learner_inside():
    learner = build(Transformed(make("elastic_net"), "log"), design=Design(horizon=9))
    assert name_of(learner) == "log_elastic_net"
    assert learner.learner.design.horizon == 9
    assert name_of(Conformal(make("lightgbm"))) == "light_gbm"
