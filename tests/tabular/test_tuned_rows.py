"""The search for hyperparameters of classifiers and regressors."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine

from forecaster import Classifier, Regressor
from forecaster.errors import SettingsError, UnknownName
from forecaster.tabular.learners import catalogue
from forecaster.tabular.spaces import SPACES
from many_models import ManyModels

DIABETES, WINE = load_diabetes(as_frame=True).frame, load_wine(as_frame=True).frame
FAST = {"learners": ["knn", "decision_tree"], "validation": 3, "n_jobs": 1}


def tuned(tune, **options):
    return Regressor("target", tune=tune, **{**FAST, **options}).fit(DIABETES)


def test_a_longer_search_begins_with_a_shorter_one_and_chooses_no_worse():
    jobs = [tuned(trials, ensemble=None) for trials in (3, 10)]
    short, long = ([(row.learner, row.parameters, row.score) for row in job.trials_.itertuples()] for job in jobs)
    assert long[: len(short)] == short
    assert jobs[1].leaderboard_["score"].min() <= jobs[0].leaderboard_["score"].min()
    again = tuned(10, ensemble=None)
    pd.testing.assert_frame_equal(again.predict(DIABETES), jobs[1].predict(DIABETES))


def test_every_trial_is_told_and_hopeless_ones_are_given_up():
    told = tuned(12, metric="mae").trials_
    assert told["trial"].tolist() == list(range(1, 15))
    assert told["parameters"][:2].tolist() == ["{}", "{}"]
    assert all(json.loads(row) for row in told["parameters"][2:])
    pruned = told[told["status"] == "pruned"]
    assert len(pruned)
    assert (pruned["folds"] < 3).all()
    assert pruned["reason"].str.contains("clearly worse after").all()
    assert (told[told["status"] == "done"]["folds"] == 3).all()


def test_the_best_setting_is_a_candidate_and_is_saved(tmp_path):
    job = tuned(12)
    board = job.leaderboard_.set_index("learner")["score"]
    assert board["knn_tuned"] < board["knn"]
    assert "knn_tuned" in set(job.selected_["learner"])
    job.save(tmp_path / "model")
    loaded = Regressor.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(DIABETES), job.predict(DIABETES))
    pd.testing.assert_frame_equal(loaded.trials_, job.trials_)
    assert loaded.settings.tune == job.settings.tune


def test_patience_targets_and_time_end_a_search():
    assert len(tuned({"trials": 50, "patience": 3}).trials_) < 30
    reached = tuned({"trials": 50, "target": 1000.0}, metric="mae")
    assert reached.trials_["status"].tolist() == ["done", "skipped"]
    assert "target" in reached.trials_["reason"][1]
    assert len(tuned(50, time_limit=1e-6).trials_) == 2
    better = Classifier("target", tune={"trials": 30, "target": 0.5}, **FAST).fit(WINE)
    assert len(better.trials_) == 2


def test_classes_are_searched_like_values():
    job = Classifier("target", tune=6, metric="log_loss", learners=["logistic_regression", "svm"], validation=3, n_jobs=1).fit(WINE)
    assert len(job.trials_) == 8
    assert job.leaderboard_["score"][0] < 0.2


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_every_range_is_an_option_of_its_learner(task):
    kind = Classifier if task == "classify" else Regressor
    for name in catalogue(task):
        space = SPACES[task].get(name)
        assert space is not None, name
        setting = {key: values[0] if isinstance(values, tuple) else values.low for key, values in space.ranges.items()}
        kind("target", learners=[{name: setting}])


def test_auto_searches_what_is_too_dear_for_every_job():
    options = {"block": ["extra_trees", "random_forest", "lightgbm"], "validation": 2, "n_jobs": 1}
    job = Regressor("target", tune=12, **options).fit(DIABETES)
    assert set(job.trials_["learner"]) > {"elastic_net", "knn"}
    assert "knn" not in set(job.leaderboard_["learner"])


def test_groups_of_a_run_are_searched_one_by_one(tmp_path):
    rows = pd.concat([DIABETES.iloc[half::2].assign(region=name) for half, name in enumerate("ab")])
    run = ManyModels(Regressor("target", tune=4, **FAST), ["region"]).train(rows, path=tmp_path / "run", engine="joblib", progress=False)
    told = run.trials()
    assert told.groupby("region").size().to_dict() == {"a": 6, "b": 6}
    alone = Regressor("target", tune=4, **FAST).fit(rows[rows["region"] == "b"].drop(columns="region")).trials_
    np.testing.assert_array_equal(told[told["region"] == "b"]["parameters"], alone["parameters"])


@pytest.mark.parametrize(("tune", "error"), [(-1, SettingsError), ({"trails": 3}, UnknownName), ("many", SettingsError)])
def test_what_cannot_be_meant_is_refused(tune, error):
    with pytest.raises(error, match="trials"):
        Classifier("target", tune=tune)
