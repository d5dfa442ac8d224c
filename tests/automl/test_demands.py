"""What the candidates ask of the data, and what becomes of series that do not have it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, RollingOrigin
from forecaster.features.design import Design
from forecaster.learners._shared import SHARED
from forecaster.learners.linear import ElasticNet


def daily(**sizes: int) -> pd.DataFrame:
    """Series of noise that all end on the same day."""
    rng, end = np.random.default_rng(0), pd.Timestamp("2024-06-30")
    parts = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(end=end, periods=size), "y": rng.normal(50, 5, size)})
        for name, size in sizes.items()
    ]
    return pd.concat(parts, ignore_index=True)


def windows_of(made: Forecaster) -> dict[str, int]:
    return made.backtest_.groupby("unique_id")["cutoff"].nunique().to_dict()


@pytest.mark.parametrize(
    ("learners", "options", "need"),
    [
        (["naive", "average"], {}, 7),
        (["elastic_net"], {"lags": [1, 30], "windows": None}, 37),
        (["elastic_net"], {"lags": [1], "windows": {"mean": [40], "ewm": [0.5]}}, 47),
        (["elastic_net"], {"lags": None, "windows": {"season_mean": [4]}}, 29),
        (["elastic_net"], {}, 7),
        (["elastic_net"], {"lags": [1, 30], "windows": None, "target_transform": [{"difference": 7}, "log"]}, 44),
        (["naive"], {"target_transform": "difference"}, 7),
    ],
    ids=str,
)
def test_a_window_needs_horizon_and_look_back_before_its_cutoff(learners, options, need):
    """T >= 2 H + (n - 1) step + look-back + 1 (azure-semantics B.3); need = H + look-back + 1."""
    horizon, count, step = 6, 3, 6
    enough = need + horizon + (count - 1) * step
    data = daily(enough=enough, short=enough - 1, shorter=need + horizon - 1)
    made = Forecaster(horizon, learners=learners, backtest=RollingOrigin(count, step), n_jobs=1, **options).fit(data)
    assert windows_of(made) == {"enough": 3, "short": 2}
    found = made.findings_.query("rule == 'short_backtest'").set_index("unique_id")
    assert found["count"].to_dict() == {"short": 2, "shorter": 0}
    assert found["action"].unique().tolist() == ["noted"]
    assert f"takes {need} known values to train on" in found.loc["short", "message"]
    assert len(made.predict()) == 3 * horizon


def test_a_sliding_window_never_needs_more_than_it_holds():
    made = Forecaster(14, learners=["naive"], backtest=RollingOrigin(2, length=10), n_jobs=1).fit(daily(a=60))
    assert windows_of(made) == {"a": 2}


def test_a_job_that_is_too_short_for_any_window_says_so():
    made = Forecaster(10, learners=["average", "naive"], n_jobs=1).fit(daily(a=15, b=12))
    assert made.leaderboard_.empty
    assert made.findings_.query("rule == 'short_backtest'")["count"].tolist() == [0, 0]
    assert np.isfinite(made.predict()["forecast"]).all()


@pytest.mark.parametrize("ensemble", ["voting", "caruana", "stacking", None])
def test_a_learner_that_looks_back_too_far_to_be_tested_keeps_no_other_from_it(ensemble):
    options = {"lags": [1, 50], "windows": None, "ensemble": ensemble, "n_jobs": 1}
    made = Forecaster(6, learners=["average", "elastic_net", "drift"], **options).fit(daily(a=60, b=30))
    board = made.leaderboard_.set_index("learner")
    assert board["status"].drop(ensemble or []).to_dict() == {"average": "done", "drift": "done", "elastic_net": "skipped"}
    assert "no series is long enough" in board.loc["elastic_net", "reason"]
    alone = Forecaster(6, learners=["average", "drift"], **options).fit(daily(a=60, b=30))
    pd.testing.assert_frame_equal(made.predict(), alone.predict())


def test_learners_that_all_look_back_too_far_to_be_tested_are_taken_as_they_are():
    made = Forecaster(6, learners=["elastic_net"], lags=[1, 50], windows=None, n_jobs=1).fit(daily(a=60))
    assert made.leaderboard_.empty
    assert made.selected_["learner"].tolist() == ["elastic_net"]


def test_a_sample_of_the_training_rows_is_a_finding():
    learner = ElasticNet(design=Design(horizon=8, lags=(1,), windows=None, row_budget=500))
    made = Forecaster(8, learners=[learner, "naive"], n_jobs=1).fit(daily(a=100, b=100))
    (told,) = made.findings_.query("rule == 'sampled_rows'")["message"]
    pairs = 2 * sum(min(position, 8) for position in range(100))
    assert f"{pairs} training rows" in told
    assert "row budget of 500" in told
    assert made.findings_.query("rule == 'sampled_rows'")["count"].tolist() == [pairs]


def test_no_sample_no_finding():
    made = Forecaster(8, learners=["elastic_net", "naive"], n_jobs=1).fit(daily(a=100, b=100))
    assert "sampled_rows" not in set(made.findings_["rule"])


def test_four_horizons_of_each_value_are_enough_and_fewer_are_a_finding(monkeypatch):
    data = daily(a=600)
    told = [set(Forecaster(28, learners=["elastic_net", "naive"], n_jobs=1).fit(data).findings_["rule"])]
    monkeypatch.setattr("forecaster.features.pairs.MOST", 1000)
    monkeypatch.setattr("forecaster.features.pairs.FEWEST", 10)
    told.append(set(Forecaster(28, learners=["elastic_net", "naive"], n_jobs=1).fit(data).findings_["rule"]))
    assert ["sampled_rows" in one for one in told] == [False, True]


def test_feature_matrices_are_let_go_at_the_end_of_a_job():
    made = Forecaster(8, learners=["elastic_net"], n_jobs=1).fit(daily(a=100))
    assert SHARED.held == 0
    made.predict()
    assert SHARED.held == 0
