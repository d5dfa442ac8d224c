"""Classifier and Regressor as estimators of scikit-learn: X and y, its tools, and its own checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from forecaster import Classifier, Regressor
from forecaster.errors import DataError, UnknownName

FAST = {"learners": ["decision_tree"], "validation": 2, "n_jobs": 1}
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]

NOT_OURS = {
    "check_do_not_raise_errors_in_init_or_set_params": "an option that cannot be meant is refused where it is given, not in fit",
    "check_classifier_data_not_an_array": "a frame leaves as a frame: the rows with their predictions",
    "check_regressor_data_not_an_array": "a frame leaves as a frame: the rows with their predictions",
    "check_fit2d_1sample": "refused, in other words",
    "check_array_api_input": "runs with SCIPY_ARRAY_API=1 only",
}


@pytest.mark.filterwarnings("ignore:.*delay parameter validation until fit")
@parametrize_with_checks([Classifier(**FAST), Regressor(**FAST)], expected_failed_checks=lambda job: NOT_OURS)
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_arrays_in_arrays_out(tmp_path):
    model = Classifier(**FAST).fit(X, NAMES)
    said, shares = model.predict(X), model.predict_proba(X)
    assert (said == NAMES).mean() > 0.9
    assert model.classes_.tolist() == sorted(set(NAMES))
    np.testing.assert_array_equal(model.classes_[shares.argmax(axis=1)], said)
    assert model.features(X).shape == X.shape
    assert model.score(X, NAMES) == (said == NAMES).mean()
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(Classifier.load(tmp_path / "model").predict(X), said)
    assert isinstance(model.leaderboard_, pd.DataFrame)


def test_a_frame_and_its_target_may_come_apart():
    frame = load_diabetes(as_frame=True)
    apart = Regressor("target", **FAST).fit(frame.data, frame.target)
    together = Regressor("target", **FAST).fit(frame.frame)
    pd.testing.assert_frame_equal(apart.predict(frame.data), together.predict(frame.data))
    assert apart.feature_names_in_.tolist() == list(frame.data.columns)
    assert apart.score(frame.frame) == apart.score(frame.data, frame.target)
    with pytest.raises(DataError, match="has a column 'target' already"):
        Regressor("target", **FAST).fit(frame.frame, frame.target)


def test_the_tools_of_scikit_learn_take_them():
    pipe = make_pipeline(StandardScaler(), Classifier(**FAST))
    assert cross_val_score(pipe, X, Y, cv=3).mean() > 0.8
    assert cross_val_score(Classifier(**FAST), X, Y, cv=3, scoring="roc_auc_ovr").mean() > 0.8
    search = GridSearchCV(Regressor(**FAST), {"learners": [["decision_tree"], ["elastic_net"]], "ensemble": [None]}, cv=2)
    search.fit(*load_diabetes(return_X_y=True))
    assert search.best_params_["learners"] == ["elastic_net"]


def test_options_are_parameters():
    job = Classifier("label", **FAST)
    assert job.get_params()["metric"] == "auc_weighted"
    assert clone(job).get_params() == job.get_params()
    assert repr(job.set_params(metric="log_loss")) == repr(Classifier("label", metric="log_loss", **FAST))
    with pytest.raises(UnknownName, match="metric"):
        job.set_params(metrc="log_loss")


@pytest.mark.parametrize("ask", [lambda job: job.predict(X), check_is_fitted, lambda job: job.leaderboard_])
def test_what_is_not_fitted_says_so_in_both_languages(ask):
    with pytest.raises(NotFittedError, match="not fitted"):
        ask(Classifier(**FAST))


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda job: job.fit(X), "requires y"),
        (lambda job: job.fit(X, Y[:-1]), "one value for each of the 150 rows"),
        (lambda job: job.fit(X[:, 0], Y), "2D array"),
        (lambda job: job.fit(X, Y).predict(X[:, :2]), "expecting 4 features"),
        (lambda job: job.fit(X, X[:, 0] + np.arange(150) / 1e3), "use Regressor"),
        (lambda job: job.fit(X, Y).score(X, Y + 5), "were not trained on"),
    ],
)
def test_arrays_that_do_not_fit_together(give, said):
    with pytest.raises(DataError, match=said):
        give(Classifier(**FAST))
