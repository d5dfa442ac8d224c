"""The search by ask and tell, on losses that are made up."""

from __future__ import annotations

import sys

import pytest

from forecaster.errors import MissingExtra, SettingsError, UnknownName
from forecaster.learners import CATALOGUE, with_options
from forecaster.learners.spaces import SPACES
from forecaster.tuning import LANDMARKS, Between, Space, Tuner, Tuning

pytest.importorskip("optuna")

TWO = {
    "bowl": Space({"x": Between(-5.0, 5.0), "cost": (None, 1, 2)}, ({"x": 4.0, "cost": None}, {"x": 1.0, "cost": 1})),
    "steps": Space({"n": Between(1, 40, log=True)}, ({"n": 7},)),
}


def loss_of(asked):
    if asked.learner == "steps":
        return 5.0 + abs(asked.params["n"] - 20)
    return (asked.params["x"] - 2) ** 2 + (asked.params["cost"] or 0)


def searched(tuning, seed=0, spaces=TWO, **options):
    tuner, made = Tuner(spaces, tuning, seed=seed, **options), []
    while (asked := tuner.ask()) is not None:
        losses = []
        for _ in range(3):
            losses.append(loss_of(asked))
            if tuner.hopeless(losses):
                break
        tuner.tell(asked, losses, "done" if len(losses) == 3 else "pruned")
        made.append((asked.learner, asked.params, len(losses)))
    return made, tuner


def test_tried_settings_come_first_in_turns():
    made, _ = searched(Tuning(3))
    assert [one[:2] for one in made] == [("bowl", {"x": 4.0, "cost": None}), ("steps", {"n": 7}), ("bowl", {"x": 1.0, "cost": 1})]


def test_no_more_than_the_landmarks_are_asked_for_before_the_search():
    many = {"a": Space({"n": Between(0, 99)}, tuple({"n": n} for n in range(50)))}
    made, _ = searched_numbers(many, 20)
    assert made[:LANDMARKS] == list(range(LANDMARKS))
    assert made[LANDMARKS:] != list(range(LANDMARKS, 20))


def searched_numbers(spaces, trials):
    tuner, made = Tuner(spaces, Tuning(trials)), []
    while (asked := tuner.ask()) is not None:
        made.append(asked.params["n"])
        tuner.tell(asked, [abs(asked.params["n"] - 70.0)])
    return made, tuner


def test_the_search_learns_from_what_it_was_told():
    made, tuner = searched(Tuning(60))
    assert tuner.best[-1] < 0.05
    assert sum(learner == "bowl" for learner, *_ in made[20:]) > 25


def test_a_longer_search_begins_with_a_shorter_one_and_seeds_tell_them_apart():
    assert searched(Tuning(25))[0] == searched(Tuning(40))[0][:25]
    assert searched(Tuning(25))[0] != searched(Tuning(25), seed=1)[0]


def test_the_hopeless_are_stopped_after_the_first_piece():
    made, tuner = searched(Tuning(30), best=(1.0, 1.0, 1.0))
    assert made[0][1:] == ({"x": 4.0, "cost": None}, 1)  # a loss of 4
    assert made[2][1:] == ({"x": 1.0, "cost": 1}, 1)  # a loss of 2
    assert {pieces for *_, pieces in made} == {1, 3}
    assert not tuner.hopeless([1.15 * tuner.best[0]])
    assert tuner.hopeless([1.25 * tuner.best[0]])
    assert tuner.hopeless([float("nan")])


@pytest.mark.parametrize(
    ("tuning", "options", "why"),
    [
        (Tuning(9), {}, "9 trials were made"),
        (Tuning(99, patience=4), {"best": (-1.0,) * 3}, "4 trials in a row were no better"),
        (Tuning(99, target=7), {"target": 7.0}, "the target of 7 was reached"),
        (Tuning(99, target=7), {"target": 7.0, "best": (6.0, 6.0, 6.0)}, "the target of 7 was reached"),
    ],
)
def test_why_it_is_over(tuning, options, why):
    made, tuner = searched(tuning, **options)
    assert tuner.over == why
    assert len(made) == {"9": 9, "4": 4, "t": 0 if "best" in options else 1}[why[0]]


def test_a_small_space_is_left_once_everything_was_tried():
    made, tuner = searched(Tuning(50), spaces={"steps": Space({"n": (1, 2, 3)})})
    assert sorted(params["n"] for _, params, _ in made) == [1, 2, 3]
    assert tuner.over == "there was nothing new to try"


def test_a_failed_proposal_is_neither_the_best_nor_asked_for_again():
    tuner = Tuner({"a": Space({"n": (1, 2)})}, Tuning(10))
    first = tuner.ask()
    tuner.tell(first, [], "failed")
    second = tuner.ask()
    tuner.tell(second, [float("nan")])
    assert first.params != second.params
    assert (tuner.best, tuner.ask()) == ((), None)


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"pip install 'forecaster\[tune\]'"):
        Tuner(TWO, Tuning(3))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"trials": -1}, "trials should be a whole number, 0 or more"),
        ({"trials": 3, "patience": 0.5}, "patience should be"),
        ({"target": "low"}, "target should be a score"),
        ("many", "expected a number of trials"),
        (True, "expected a number of trials"),
    ],
)
def test_what_cannot_be_meant_is_refused(told, message):
    with pytest.raises(SettingsError, match=message):
        Tuning.of(told)


def test_options_are_read_as_a_file_tells_them():
    assert Tuning.of(7) == Tuning(trials=7)
    assert Tuning.of({"trials": 9, "patience": 3, "target": 0.1}) == Tuning(9, 3, 0.1)
    with pytest.raises(UnknownName, match="did you mean 'trials'"):
        Tuning.of({"trial": 9})


def test_a_tried_setting_must_lie_in_its_space():
    with pytest.raises(SettingsError, match="within the range of each"):
        Space({"n": Between(1, 9)}, ({"n": 10},))
    with pytest.raises(SettingsError, match="within the range of each"):
        Space({"n": Between(1, 9)}, ({"n": 2, "m": 1},))


@pytest.mark.parametrize("name", SPACES)
def test_every_corner_of_a_space_is_a_setting_of_its_learner(name):
    if CATALOGUE[name].extra:
        pytest.importorskip({"tcn": "torch", "xgboost": "xgboost"}[CATALOGUE[name].extra])
    space = SPACES[name]
    low = {key: values.low if isinstance(values, Between) else values[0] for key, values in space.ranges.items()}
    high = {key: values.high if isinstance(values, Between) else values[-1] for key, values in space.ranges.items()}
    for setting in (low, high, *space.tried):
        with_options(name, setting)
