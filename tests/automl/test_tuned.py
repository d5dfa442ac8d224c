"""The search for hyperparameters, as a job sees it."""

from __future__ import annotations

import json
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import Forecaster, RollingOrigin
from forecaster.block import fit_block
from forecaster.errors import MissingExtra
from forecaster.jobfile import JobFile
from forecaster.learners import spaces
from forecaster.settings import Settings
from forecaster.tuning import Space, Tuning

pytest.importorskip("optuna")

FAST = {"learners": ["seasonal_naive", "knn"], "n_jobs": 1}


def data(series=3, n=84, seed=0):
    rng, days, t = np.random.default_rng(seed), pd.date_range("2024-01-01", periods=n), np.arange(n)
    parts = [
        {"unique_id": f"s{i}", "store": f"store{i % 2}", "ds": days, "y": 40 + 9 * np.sin(2 * np.pi * t / 7 + i) + rng.normal(0, 3, n)}
        for i in range(series)
    ]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def tuned(trials, **options):
    return Forecaster(7, tune=trials, **{**FAST, **options}).fit(data()[["unique_id", "ds", "y"]])


def test_more_trials_begin_with_the_same_ones_and_never_choose_worse():
    jobs = [tuned(trials, ensemble=None) for trials in (1, 4, 12)]
    scores = [job.selected_.score[0] for job in jobs]
    assert scores[0] >= scores[1] >= scores[2]
    columns = ["trial", "learner", "parameters", "score", "windows", "status", "reason"]
    for shorter, longer in pairwise(jobs):
        ahead = longer.trials_[columns].head(len(shorter.trials_))
        pd.testing.assert_frame_equal(shorter.trials_[columns], ahead)


def test_every_trial_is_told_and_the_best_one_is_what_forecasts():
    job = tuned(10, ensemble=None, metric="mae")
    told = job.trials_
    assert told.trial.tolist() == list(range(1, 13))
    assert told.learner.tolist() == ["seasonal_naive"] + ["knn"] * 11
    assert set(told.status) == {"done", "pruned"}
    assert (told.windows[told.status == "pruned"] < 3).all()
    assert (told.windows[told.status == "done"] == 3).all()
    assert told.reason[told.status == "pruned"].str.fullmatch("clearly worse after [12] of 3 windows").all()
    best = told[told.status == "done"].sort_values("score").iloc[0]
    assert job.selected_[["learner", "score"]].to_numpy().tolist() == [["knn_tuned", best.score]]
    alone = Forecaster(7, learners=[{"knn": json.loads(best.parameters)}], backtest=None, ensemble=None, n_jobs=1)
    assert np.array_equal(job.predict().forecast, alone.fit(data()[["unique_id", "ds", "y"]]).predict().forecast)


def test_what_was_tuned_stands_in_the_leaderboard_and_is_saved(tmp_path):
    job = tuned(10)
    assert "knn_tuned" in set(job.leaderboard_.learner)
    job.save(tmp_path / "job")
    again = Forecaster.load(tmp_path / "job")
    assert again.settings.tune == Tuning(10)
    pd.testing.assert_frame_equal(again.trials_, job.trials_)
    pd.testing.assert_frame_equal(again.predict(), job.predict())


def test_what_a_group_gets_does_not_depend_on_those_beside_it():
    options = Settings.parse({"horizon": 7, "series": ["store", "unique_id"], "tune": 6, **FAST})
    frame = data(4)
    block = fit_block(pa.Table.from_pandas(frame), options, ("store",))
    for store in ("store0", "store1"):
        alone = fit_block(pa.Table.from_pandas(frame[frame.store == store]), options, ("store",))
        assert alone.predict().equals(of(store, block.predict()))
        columns = ["trial", "learner", "parameters", "score", "windows", "status"]
        assert alone.trials().select(columns).equals(of(store, block.trials()).select(columns))


def of(store, made):
    return made.filter(pa.compute.field("store") == store)


def test_a_setting_that_breaks_is_told_and_costs_nothing_else(monkeypatch):
    monkeypatch.setitem(spaces.SPACES, "knn", Space({"neighbors": (5,), "weights": ("odd", "uniform")}))
    job = tuned(5)
    told = job.trials_.set_index("status")
    assert told.reason["failed"].startswith('SettingsError: knn needs neighbors >= 1 and weights "uniform"')
    assert json.loads(told.parameters["failed"])["weights"] == "odd"
    assert np.isfinite(job.predict().forecast).all()


def test_patience_and_target_end_the_search_of_each_group():
    assert len(tuned({"trials": 50, "patience": 2}).trials_) < 30
    reached = tuned({"trials": 50, "target": 100.0}, metric="mae").trials_
    assert reached[["learner", "status", "reason"]].iloc[1:].to_numpy().tolist() == [["knn", "skipped", "the target was reached"]]
    better = tuned({"trials": 3, "target": -0.9}, metric="r2").trials_  # greater is better
    assert better.status.tolist() == ["done", "skipped"]


def test_a_target_ends_the_portfolio_without_any_search(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    reached = tuned({"trials": 0, "target": 100.0}, metric="mae")
    assert reached.trials_[["learner", "status", "reason"]].iloc[1:].to_numpy().tolist() == [["knn", "skipped", "the target was reached"]]
    missed = tuned({"trials": 0, "target": 0.0}, metric="mae")
    assert missed.trials_.status.tolist() == ["done", "done"]
    pd.testing.assert_frame_equal(missed.predict(), tuned(None, metric="mae").predict())


def test_a_search_tries_more_than_the_portfolio_where_nothing_was_named():
    frame = data(3)[["unique_id", "ds", "y"]]
    further = {"random_forest", "extra_trees", "gradient_boosting"}
    tried = Forecaster(
        7, tune=3, block=["lightgbm", "elastic_net", "tcn", "xgboost"], backtest=RollingOrigin(1), n_jobs=1, metric="mae"
    ).fit(frame).trials_.learner.tail(3)  # fmt: skip
    assert set(tried) <= further
    assert len(set(tried)) > 1


def test_without_optuna_fit_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"forecaster\[tune\]"):
        tuned(2)


def test_a_job_file_has_the_same_options(tmp_path):
    (tmp_path / "job.yaml").write_text("horizon: 7\ntune:\n  trials: 9\n  patience: 3\n  target: 0.1\n")
    assert JobFile.read(tmp_path / "job.yaml").settings.tune == Tuning(9, 3, 0.1)


def test_networks_begin_with_their_landmarks():
    pytest.importorskip("torch")
    job = tuned(2, learners=[{"tcn": {"epochs": 1}}], backtest=RollingOrigin(1))
    tried = [json.loads(told) for told in job.trials_.parameters]
    assert tried == [{"epochs": 1}, {"epochs": 1, "channels": 16}, {"epochs": 1, "dropout": 0.0}]
