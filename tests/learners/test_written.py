"""Learners as plain data: whatever a job is given can be written to a file and brought back, or says that it cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import lightgbm
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from forecaster.archive import storable
from forecaster.errors import SettingsError, UnknownName
from forecaster.jobfile import JobFile
from forecaster.learners import CATALOGUE, build, make, name_of
from forecaster.learners.conformal import Conformal
from forecaster.learners.custom import Custom
from forecaster.learners.lightgbm import LightGBM
from forecaster.learners.mstl import MSTL
from forecaster.learners.scaling import Scaling
from forecaster.learners.transformed import Transformed
from forecaster.settings import Settings


@storable
@dataclass(frozen=True)
class Mine:
    """A regressor of a user."""

    power: float = 1.0
    names: tuple[str, ...] = ()

    def fit(self, X: Any, y: Any) -> Mine:
        return self

    def predict(self, X: Any) -> Any:
        return X[:, 0] ** self.power


class Opaque:
    """Another one, of which nothing is known."""

    def __init__(self, power: float) -> None:
        self.power = power

    fit, predict = Mine.fit, Mine.predict


def again(one: Any) -> tuple[Settings, Settings]:
    """Settings with this learner, and what their JSON gives."""
    settings = Settings.parse({"horizon": 3, "learners": [one]})
    return settings, Settings.parse(json.loads(json.dumps(settings.as_dict())))


OBJECTS = [
    LightGBM(rounds=300, params={"max_bin": 31}),  # type: ignore[arg-type]
    Transformed(make("knn", scaling=Scaling("robust", low=5)), "log"),
    Conformal(make("seasonal_naive", period=7)),
    Custom(regressor=Ridge(alpha=2), scaling="robust"),
    make_pipeline(StandardScaler(), Ridge()),
    SVR(C=3.0),
    lightgbm.LGBMRegressor(n_estimators=7),
    Mine(2.0, ("a", "b")),
]


@pytest.mark.parametrize("one", [*OBJECTS, *(make(name) for name in CATALOGUE)], ids=lambda one: type(one).__name__)
def test_an_object_comes_back_as_it_was(one: Any) -> None:
    before, after = again(one)
    assert repr(after.learners) == repr(before.learners)
    assert after.as_dict() == before.as_dict()


def test_a_name_with_options_takes_the_rest_from_the_job() -> None:
    _, settings = again({"lightgbm": {"rounds": 30, "scaling": {"kind": "robust"}, "params": {"max_bin": 31}}})
    asked = settings.named_learners[0]
    name, learner = name_of(asked), build(asked, seed=5, threads=2)
    assert name == "lightgbm"
    assert learner == LightGBM(rounds=30, scaling=Scaling("robust"), params={"max_bin": 31}, seed=5, threads=2)  # type: ignore[arg-type]
    assert build({"lightgbm": {"seed": 3}}, seed=5) == LightGBM(seed=3)


def test_a_wrapper_takes_the_learner_within_by_name_or_with_options() -> None:
    plain = build({"mstl": {"seasons": [24, 168], "learner": "ets"}}, season_length=24, threads=2)
    assert plain == MSTL(learner=build("ets", season_length=24, threads=2), seasons=(24, 168), threads=2)
    told = build({"mstl": {"learner": {"ets": {"form": "AAN"}}}}, season_length=24)
    assert told == MSTL(learner=build({"ets": {"form": "AAN"}}, season_length=24))
    with pytest.raises(UnknownName, match="best"):
        build({"mstl": {"learner": "best"}})


def test_options_can_be_said_in_a_job_file(tmp_path: Any) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("horizon: 4\nlearners:\n  - seasonal_naive\n  - lightgbm: {rounds: 300, learning_rate: 0.05}\n  - average:\n")
    assert JobFile.read(path).settings.learners == ("seasonal_naive", {"lightgbm": {"rounds": 300, "learning_rate": 0.05}}, {"average": {}})


@pytest.mark.parametrize(
    ("one", "error", "said"),
    [
        ({"lightgbm": {"learning_rat": 0.1}}, UnknownName, "did you mean 'learning_rate'"),
        ({"lightgmb": {"rounds": 3}}, UnknownName, "did you mean 'lightgbm'"),
        ({"lightgbm": {"rounds": "many"}}, SettingsError, "options of 'lightgbm': rounds: .*integer.*'many'"),
        ({"lightgbm": {"objective": "best"}}, SettingsError, "objective is one of"),
        ({"lightgbm": 300}, SettingsError, "learners: expected names"),
        ({"lightgbm": {}, "naive": {}}, SettingsError, "learners: expected names"),
        ({"class": "os:system", "fields": {}}, SettingsError, "os:system cannot be brought back from a file here; import its module first"),
        ({"class": "nowhere.models:Best", "fields": {}}, SettingsError, "import its module first"),
        ({"estimator": "os:system", "params": {"command": "true"}}, SettingsError, "cannot be brought back"),
        ({"estimator": "sklearn.datasets:load_iris", "params": {}}, SettingsError, "cannot be brought back"),
        ({"estimator": "sklearn.linear_model:Ridge", "params": {"alfa": 1}}, SettingsError, "cannot be built from"),
    ],
)
def test_what_cannot_be_meant_says_so(one: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Settings.parse({"horizon": 3, "learners": ["naive", one]})


def test_an_object_of_which_nothing_is_known_is_told_apart_but_not_brought_back() -> None:
    told = [Settings.parse({"horizon": 3, "learners": Opaque(power)}).as_dict()["learners"] for power in (1.0, 2.0)]
    assert told[0] != told[1]
    assert "0x" not in json.dumps(told)
    with pytest.raises(SettingsError, match=r"Opaque\(power=1.0\) cannot be brought back"):
        Settings.parse({"horizon": 3, "learners": told[0]})
