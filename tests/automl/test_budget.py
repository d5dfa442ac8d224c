"""Budgets hold, on a clock that only fitting moves on."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, RollingOrigin
from forecaster.backtest import out_of_fold
from forecaster.learners import make
from forecaster.protocols import Traits


class Clock:
    """Seconds that pass while a `Slow` learner is fitted."""

    now = 0.0
    fits = 0


@dataclass(frozen=True)
class Slow:
    """The drift learner, as if a fit took long."""

    seconds: float
    label: str = "slow"
    traits = Traits()

    def fit(self, table):
        Clock.fits += 1
        Clock.now += self.seconds
        return make("drift").fit(table)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    Clock.now, Clock.fits = 0.0, 0
    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    monkeypatch.setattr(out_of_fold, "perf_counter", lambda: Clock.now)


def data(n=60, series=2):
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=n)
    return pd.concat(
        [pd.DataFrame({"unique_id": f"s{i}", "ds": days, "y": 20 + i + np.arange(n) + rng.normal(0, 1, n)}) for i in range(series)]
    )


def fitted(learners, **options):
    return Forecaster(5, learners=learners, backtest=RollingOrigin(3), n_jobs=1, **options).fit(data())


@pytest.mark.parametrize("limit", [1, 4, 9, 13, 18, 20, 25, 60])
def test_a_time_limit_is_overrun_by_one_fit_at_most_and_there_is_a_forecast(limit):
    forecaster = fitted([Slow(3.0, "one"), Slow(5.0, "two"), "naive", Slow(2.0, "three")], time_limit=limit)
    assert Clock.now <= limit + 5.0
    assert np.isfinite(forecaster.predict().iloc[:, 2:].to_numpy()).all()


@pytest.mark.parametrize(
    ("limit", "statuses", "reason"),
    [
        (20, ["done", "skipped", "done"], "the time limit of 20 s was reached after 1 of 3 windows"),
        (10, ["done", "skipped", "skipped"], "the time limit of 10 s was reached"),
    ],
)
def test_what_there_was_no_time_for_says_so(limit, statuses, reason):
    board = fitted([Slow(3.0, "one"), Slow(5.0, "two"), "naive"], time_limit=limit).leaderboard_.set_index("learner")
    assert board.status[["one", "two", "naive"]].tolist() == statuses
    assert board.reason["two"] == reason


def test_where_not_even_one_learner_had_time_the_baseline_forecasts_and_the_outcome_tells_why():
    forecaster = fitted([Slow(3.0, "one")], time_limit=1)
    assert forecaster._done.outcomes()["error"].to_pylist() == ["the time limit of 1 s was reached"]
    naive = Forecaster(5, learners=["seasonal_naive"], backtest=None, ensemble=None).fit(data())
    assert np.array_equal(forecaster.predict().forecast, naive.predict().forecast)


def test_time_for_everything_is_enough():
    statuses = fitted([Slow(3.0, "one"), Slow(5.0, "two")], time_limit=33).leaderboard_.status  # 3 windows and one fit more of each: 32
    assert set(statuses) == {"done"}


def test_a_search_for_hyperparameters_ends_with_the_time():
    pytest.importorskip("optuna")
    forecaster = fitted([Slow(3.0, "one"), "elastic_net"], time_limit=1, tune=50)
    assert len(forecaster.trials_) == 2


def test_a_target_that_was_reached_ends_it():
    board = fitted(["drift", Slow(3.0, "one"), "elastic_net"], tune={"target": 0.9}).leaderboard_.set_index("learner")
    assert board.reason[["one", "elastic_net"]].tolist() == ["the target was reached"] * 2
    assert not Clock.fits


def test_cheap_learners_are_tried_before_a_fresh_process_loads_what_the_dear_ones_need():
    code = """
import sys, numpy as np, pandas as pd
from forecaster import Forecaster
rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=90), "y": np.arange(90.0) % 7})
said = {}
job = Forecaster(5, learners=["seasonal_naive", "lightgbm"], n_jobs=1)
job.fit(rows, on_trial=lambda trial: said.setdefault(trial.learner, {"sklearn", "lightgbm"} & {*sys.modules}))
assert not said["seasonal_naive"], said
assert "lightgbm" in sys.modules
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@dataclass(frozen=True)
class Hopeless:
    """A learner that cannot be fitted."""

    label: str = "hopeless"
    traits = Traits()

    def fit(self, table):
        raise ValueError("no luck today")


@pytest.mark.parametrize("backtest", [{"windows": 2}, None])
def test_a_job_whose_learners_all_fail_says_so_and_why(backtest):
    with pytest.warns(UserWarning, match=r"a baseline forecasts it: .*hopeless: .*ValueError: no luck today"):
        made = Forecaster(5, learners=[Hopeless()], backtest=backtest).fit(data())
    assert made.selected_.learner.tolist() == ["baseline"]
    assert np.isfinite(made.predict().iloc[:, 2:].to_numpy()).all()


def test_a_job_without_time_says_so():
    with pytest.warns(UserWarning, match=r"a baseline forecasts it: the time limit of 1 s was reached"):
        fitted([Slow(3.0)], time_limit=1)


def test_one_learner_that_works_is_enough_for_silence(recwarn):
    Forecaster(5, learners=[Hopeless(), "drift"]).fit(data())
    assert not [one for one in recwarn if issubclass(one.category, UserWarning)]
