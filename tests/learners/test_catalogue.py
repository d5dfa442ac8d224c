"""The catalogue: names, near names, missing extras, and what it costs to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forecaster import learners
from forecaster.errors import MissingExtra, UnknownName
from forecaster.learners import CATALOGUE, Entry, build, make, name_of, names


def test_is_sorted():
    assert list(CATALOGUE) == sorted(CATALOGUE) == list(names())


def test_has_every_name_of_the_contract():
    contract = """naive seasonal_naive drift average seasonal_average ets theta arima ces croston sba tsb adida imapa prophet tcn
        elastic_net lasso_lars sgd decision_tree knn random_forest extra_trees gradient_boosting lightgbm xgboost"""
    beyond = "autoregression combined intermittent mstl temporal"
    assert set(contract.split()) | set(beyond.split()) == set(CATALOGUE)


def test_a_wrong_name_is_answered_with_near_ones():
    with pytest.raises(UnknownName, match="did you mean 'lightgbm'"):
        make("lightgmb")


def test_a_wrong_hyperparameter_is_answered_with_near_ones():
    with pytest.raises(UnknownName, match=r"hyperparameter of 'average' is called 'windw'; did you mean 'window'"):
        make("average", windw=3)


def test_a_missing_extra_names_the_command(monkeypatch):
    monkeypatch.setitem(CATALOGUE, "ghost", Entry("ghost:Ghost", extra="ghost"))
    with pytest.raises(MissingExtra, match=r"pip install 'forecaster\[ghost\]'"):
        make("ghost")
    assert "ghost" not in learners.installed()


def test_importing_the_catalogue_imports_no_learner():
    heavy = ("sklearn", "lightgbm", "xgboost", "torch", "joblib", "pandas")
    code = f"import forecaster.learners, sys; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("name", names())
def test_a_learner_knows_its_name(name):
    try:
        learner = make(name)
    except MissingExtra:
        pytest.skip(f"{name} is not installed")
    assert name_of(learner) == name
    assert name_of(build(learner)) == name_of(name) == name_of({name: {}}) == name


def test_build_fills_only_what_is_open():
    assert build("seasonal_naive", period=3, threads=2).period == 3
    assert build(make("seasonal_naive", period=5), period=3).period == 5
    assert build(make("seasonal_naive"), period=3).period == 3


@pytest.mark.parametrize("within", ["ets", {"ets": {"form": "ANN"}}, make("ets", form="ANN")])
def test_a_learner_within_may_be_named(within):
    learner = make("mstl", learner=within, seasons=(7,)).learner
    assert name_of(learner) == "ets"
    assert isinstance(within, str) or learner.form == "ANN"
