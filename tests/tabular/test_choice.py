"""Learners, validation, weights, ensembles and budgets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge

from forecaster import Classifier, Regressor
from forecaster.errors import DataError, NotFitted, SettingsError, UnknownName
from forecaster.learners.scaling import KINDS, Scaling
from forecaster.tabular.learners import CLASSIFIERS, REGRESSORS
from forecaster.tabular.validation import Validation

IRIS = load_iris(as_frame=True).frame.sample(frac=1.0, random_state=0)
DIABETES = load_diabetes(as_frame=True).frame
QUICK = {"validation": 2, "n_jobs": 1, "ensemble": None}
SMALL = {"extra_trees": {"n_estimators": 20}, "random_forest": {"n_estimators": 20}, "lightgbm": {"rounds": 20}, "xgboost": {"rounds": 20}}


def small(name):
    return [{name: SMALL[name]}] if name in SMALL else [name]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_learns_and_is_saved_without_pickle(name, tmp_path):
    model = Classifier("target", learners=small(name), **QUICK).fit(IRIS)
    proba = model.predict_proba(IRIS)[["p_0", "p_1", "p_2"]]
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-6)
    assert model.leaderboard_["score"][0] > (0.65 if "naive" in name else 0.9)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(Classifier.load(tmp_path / "model").predict_proba(IRIS)[["p_0", "p_1", "p_2"]], proba)


@pytest.mark.parametrize("name", REGRESSORS)
def test_every_regressor_beats_the_mean_and_is_saved_without_pickle(name, tmp_path):
    model = Regressor("target", learners=small(name), metric="r2", **QUICK).fit(DIABETES)
    assert model.leaderboard_["score"][0] > (-0.2 if name == "decision_tree" else 0.3)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(Regressor.load(tmp_path / "model").predict(DIABETES), model.predict(DIABETES))


@pytest.mark.parametrize("kind", KINDS)
def test_every_scaling_step_goes_before_a_learner(kind):
    model = Regressor("target", learners=[{"knn": {"scaling": kind}}], metric="r2", **QUICK).fit(DIABETES)
    assert model.leaderboard_["score"][0] > 0.2


def test_estimators_of_the_user_and_recipes_are_learners(tmp_path):
    own = [Ridge(alpha=0.1), {"elastic_net": {"scaling": Scaling("robust", low=5, high=95)}}, {"elastic_net": {"cv": 4}}]
    model = Regressor("target", learners=own, **QUICK | {"ensemble": "voting"}).fit(DIABETES)
    assert set(model.leaderboard_["learner"]) == {"Ridge", "elastic_net", "elastic_net_2", "voting"}
    model.save(tmp_path / "model")
    loaded = Regressor.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(DIABETES), model.predict(DIABETES))
    with pytest.raises(SettingsError, match="no file can hold"):
        loaded.fit(DIABETES)


def test_a_classifier_without_probabilities_gives_labels():
    class Always:
        def fit(self, x, y):
            return self

        def predict(self, x):
            return np.ones(len(x))

    made = Classifier("target", learners=[Always()], metric="accuracy", **QUICK).fit(IRIS).predict(IRIS)
    assert set(made["prediction"]) == {1}


@pytest.mark.parametrize("way", ["voting", "caruana", "stacking"])
def test_ensembles_are_no_worse_than_the_middle_of_their_members(way):
    names = ["elastic_net", "knn", {"extra_trees": {"n_estimators": 30}}]
    model = Regressor("target", learners=names, validation=3, n_jobs=1, ensemble=way).fit(DIABETES)
    board = model.leaderboard_.set_index("learner")["score"]
    assert board[way] <= board.drop(way).median()
    assert model.selected_["weight"].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("way", ["voting", "stacking"])
def test_ensembles_of_classes_are_saved_and_give_probabilities(way, tmp_path):
    names = ["logistic_regression", "knn", "decision_tree"]
    frame = load_wine(as_frame=True).frame
    model = Classifier("target", learners=names, validation=3, n_jobs=1, ensemble=way, metric="log_loss").fit(frame)
    model.save(tmp_path / "model")
    made = Classifier.load(tmp_path / "model").predict_proba(frame)
    np.testing.assert_allclose(made[["p_0", "p_1", "p_2"]].sum(axis=1), 1.0)
    assert model.leaderboard_.set_index("learner").loc[way, "score"] < 0.25


def test_the_validation_goes_by_the_rows():
    for rows, folds in ((100, 10), (1_000, 3), (20_001, 1)):
        y = np.arange(rows) % 2.0
        splits, found = Validation().split(None, y, "classify", 0)
        assert len(splits) == folds
        assert found[1] == "validation"
    assert sum(len(test) for _, test in splits) == 2001


def test_groups_stay_together_and_are_no_feature():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"well": np.repeat(np.arange(40), 10), "x": rng.normal(size=400)})
    frame["y"] = rng.normal(size=40)[frame["well"]]
    model = Regressor("y", learners=["decision_tree"], validation={"groups": "well", "folds": 4}, metric="r2", n_jobs=1).fit(frame)
    assert model.features_ == ("x",)
    assert "'well'" in model.findings_.set_index("rule").loc["validation", "message"]
    splits, _ = Validation(groups="well", folds=4).split(
        __import__("pyarrow").Table.from_pandas(frame), frame["y"].to_numpy(), "regress", 0
    )
    for train, test in splits:
        assert not set(frame["well"].iloc[train]) & set(frame["well"].iloc[test])


def test_time_ordered_folds_are_tested_on_later_rows():
    import pyarrow as pa

    when = pa.table({"when": np.random.default_rng(0).permutation(np.repeat(np.arange(50), 2))})
    splits, _ = Validation(time="when", folds=4).split(when, np.zeros(100), "regress", 0)
    stamps = when["when"].to_numpy()
    assert len(splits) == 4
    assert all(stamps[train].max() < stamps[test].min() for train, test in splits)
    with pytest.raises(DataError, match="too few"):
        Validation(time="when", folds=60).split(when, np.zeros(100), "regress", 0)


def test_weights_of_rows_count():
    frame = pd.DataFrame({"x": [0.0, 1.0] * 50, "y": [0.0, 0.0, 0.0, 1.0] * 25, "w": [1.0, 1.0, 1.0, 9.0] * 25})
    made = Regressor("y", weight="w", learners=["decision_tree"], **QUICK).fit(frame).predict(frame)["prediction"]
    assert made[1] == pytest.approx(0.9)
    with pytest.raises(DataError, match="weights"):
        Regressor("y", weight="w", learners=["decision_tree"], **QUICK).fit(frame.assign(w=-1.0))


def test_rare_classes_weigh_more_where_that_helps():
    rng = np.random.default_rng(1)
    label = np.where(np.arange(600) % 12 == 0, "broken", "fine")
    frame = pd.DataFrame({"x": rng.normal(size=600) + 1.5 * (label == "broken"), "label": label})
    options = {"learners": ["logistic_regression"], "metric": "balanced_accuracy", "validation": 3, "n_jobs": 1}
    plain, auto = Classifier("label", balance=False, **options).fit(frame), Classifier("label", **options).fit(frame)
    assert auto.leaderboard_["score"][0] > plain.leaderboard_["score"][0] + 0.1
    assert auto.findings_.set_index("rule").loc["class imbalance", "action"] == "repaired"
    accuracy = Classifier("label", **options | {"metric": "accuracy"}).fit(frame)
    assert accuracy.findings_.set_index("rule").loc["class imbalance", "action"] == "noted"


def test_a_time_limit_leaves_the_first_learner():
    model = Regressor("target", learners=["decision_tree", "knn"], time_limit=1e-6, **QUICK).fit(DIABETES)
    board = model.leaderboard_.set_index("learner")
    assert board["status"].to_dict() == {"decision_tree": "done", "knn": "skipped"}
    assert "time limit" in board.loc["knn", "reason"]


def test_a_learner_that_breaks_costs_the_others_nothing():
    class Broken:
        def fit(self, x, y):
            raise RuntimeError("no")

        def predict(self, x): ...

    board = Regressor("target", learners=[Broken(), "knn"], **QUICK).fit(DIABETES).leaderboard_.set_index("learner")
    assert board["status"].to_dict() == {"knn": "done", "Broken": "failed"}
    with pytest.raises(DataError, match="RuntimeError: no"):
        Regressor("target", learners=[Broken()], **QUICK).fit(DIABETES)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"validation": {"fold": 3}}, UnknownName, "folds"),
        ({"validation": {"groups": "a", "time": "b"}}, SettingsError, "not by both"),
        ({"validation": 1.5}, SettingsError, "between 0 and 1"),
        ({"ensemble": "bagging"}, UnknownName, "stacking"),
        ({"learners": [{"knn": {"neighbours": 3}}]}, UnknownName, "n_neighbors"),
        ({"learners": [LogisticRegression]}, SettingsError, "object"),
        ({"block": ["knn"], "learners": ["knn"]}, SettingsError, "no learner is left"),
        ({"target": "y", "drop": "y"}, SettingsError, "target"),
        ({"n_jobs": 0}, SettingsError, "threads"),
        ({"tim_limit": 3}, UnknownName, "time_limit"),
    ],
)
def test_options_that_cannot_be_meant(options, error, said):
    with pytest.raises(error, match=said):
        Classifier(**options)


def test_results_before_fit_say_so():
    with pytest.raises(NotFitted, match="Classifier"):
        Classifier("y").leaderboard_  # noqa: B018


def test_the_backtest_and_all_metrics_are_told():
    model = Classifier("target", learners=["knn"], **QUICK).fit(IRIS)
    told = model.backtest_
    assert len(told) == len(IRIS)
    accuracy = model.metrics_.set_index("metric")["score"]["accuracy"]
    assert (told["actual"] == told["prediction"]).mean() == pytest.approx(accuracy)
    assert (told["actual"].to_numpy() == IRIS["target"].to_numpy()[told["row"]]).all()
