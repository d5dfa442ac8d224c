"""The table of iterations, as a person sees it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

from forecaster.progress import trial_json, trial_lines


@dataclass
class Told:
    learner: str
    score: float
    status: str = "done"
    reason: str = ""
    parameters: str = "{}"
    fit_seconds: float = 1.25
    predict_seconds: float = 0.5


def shown(*trials, metric="mae", sign=1.0):
    out = io.StringIO()
    show = trial_lines(metric, sign, out)
    for trial in trials:
        show(trial)
    return out.getvalue().splitlines()


def test_every_iteration_has_a_line_with_the_best_so_far():
    lines = shown(Told("naive", 3.0), Told("ets", 2.0), Told("theta", 2.5))
    assert [line.split() for line in lines] == [
        ["iteration", "pipeline", "duration", "mae", "best"],
        ["1", "naive", "1.75", "s", "3.0000", "3.0000"],
        ["2", "ets", "1.75", "s", "2.0000", "2.0000"],
        ["3", "theta", "1.75", "s", "2.5000", "2.0000"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_what_was_pruned_is_never_the_best_and_what_failed_says_why():
    lines = shown(
        Told("knn", 0.5, "pruned", "clearly worse after 1 of 3 windows"), Told("tcn", float("nan"), "failed", "no luck"), Told("ets", 1.0)
    )
    assert lines[1].split()[-1] == "pruned"
    assert lines[2].split()[-1] == "failed"
    assert lines[3].strip() == "no luck"
    assert lines[4].split()[-2:] == ["1.0000", "1.0000"]


def test_scores_that_are_maximised_are_shown_as_they_are():
    lines = shown(Told("naive", -0.5), Told("ets", -0.7), Told("theta", -0.6), metric="r2", sign=-1.0)
    assert [line.split()[-1] for line in lines[1:]] == ["0.5000", "0.7000", "0.7000"]


def test_a_setting_is_shown_as_far_as_80_columns_go():
    setting = json.dumps({"rounds": 200, "learning_rate": 0.0312345, "params": {"a": 1}, "objective": "tweedie"})
    lines = shown(Told("gradient_boosting", 1.0, parameters=setting), Told("x" * 99, 1.0, "failed", "y" * 99))
    assert "gradient_boosting rounds=200 lear\u2026" in lines[1]
    assert max(map(len, lines)) <= 80
    assert "knn weights=odd far=0.0312" in shown(Told("knn", 1.0, parameters='{"weights": "odd", "far": 0.03123}'))[1]


def test_programs_are_told_each_trial_as_an_object():
    out = io.StringIO()
    show = trial_json(-1.0, out)
    for trial in (Told("naive", -0.5), Told("tcn", float("nan"), "failed", "no luck"), Told("ets", -0.7, parameters='{"damped": true}')):
        show(trial)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    numbers = [(line["done"], line["failed"], line["score"], line["best"]) for line in told]
    assert numbers == [(1, 0, 0.5, 0.5), (2, 1, None, 0.5), (3, 1, 0.7, 0.7)]
    assert told[1]["reason"] == "no luck"
    assert told[2]["parameters"] == {"damped": True}
    assert all(line["phase"] == "search" and line["total"] is None and line["rate"] > 0 and line["seconds"] == 1.75 for line in told)
