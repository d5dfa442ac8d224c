"""The search for hyperparameters of rows: the tuner proposes, settings are tried fold by fold, and the best are candidates of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import numpy as np

from forecaster.table import Floats
from forecaster.tabular.learners import Recipe, catalogue
from forecaster.tabular.problem import Problem, Task
from forecaster.tabular.scores import Score
from forecaster.tabular.spaces import FURTHER, SPACES
from forecaster.tabular.trials import Fold, TabularTrial, Verdict, run_trial, so_far
from forecaster.tuning import Asked, Space, Status, Tuner, Tuning

TUNED = "_tuned"
"""What the best setting of a candidate is called: the candidate's name and this."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a search found.

    Args:
        attempts: Every setting that was tried, in order, under the name of its candidate.
        trials: The best setting of each candidate that beats the candidate as it was, under a name of its own.
        recipes: What these are, by name.
    """

    attempts: tuple[TabularTrial, ...] = ()
    trials: tuple[TabularTrial, ...] = ()
    recipes: Mapping[str, Recipe] = field(default_factory=dict)


def further(task: Task, block: tuple[str, ...], known: Sequence[Recipe]) -> list[Recipe]:
    """What a search varies beside the portfolio: as far as it is installed, not blocked and not there yet."""
    names = [name for name in FURTHER if name not in (*block, *(recipe.name for recipe in known))]
    entries = {name: catalogue(task)[name] for name in names}
    return [Recipe(name, one, name=name) for name, one in entries.items() if one.extra is None or find_spec(one.extra) is not None]


def tune(
    recipes: Sequence[Recipe], trials: Sequence[TabularTrial], problem: Problem, folds: Sequence[Fold], score: Score, tuning: Tuning,
    spent: Callable[[], str],
) -> Tuned:  # fmt: skip
    """Search for better settings than those of the candidates.

    Args:
        recipes: What may be varied: the candidates, and what else there is.
        trials: What became of the candidates.
        problem: All rows.
        folds: What settings are compared on.
        score: What they are compared by.
        tuning: How long to search.
        spent: Why there is no time left; empty while there is.

    Raises:
        MissingExtra: Optuna is not installed.
    """
    alike = {recipe.label: recipe for recipe in recipes}
    spaces = {label: space for label, recipe in alike.items() if (space := _space(recipe, problem.task)) is not None}
    best = min((trial for trial in trials if trial.usable), key=lambda trial: trial.loss)
    tuner = Tuner(spaces, tuning, seed=problem.seed, best=_course(best.said, problem, folds, score), target=target_of(tuning, score))
    attempts: list[TabularTrial] = []
    found: dict[str, tuple[TabularTrial, Recipe]] = {}
    before = {trial.learner: trial.loss for trial in trials if trial.usable}
    while not spent() and (asked := tuner.ask()) is not None:
        label = asked.learner
        varied = alike[label].varied(label + TUNED, asked.params)
        trial = _attempt(varied, tuner, asked, problem, folds, score, spent)
        attempts.append(replace(trial, learner=label, said=trial.said[:0]))
        if trial.usable and trial.loss < (found[label][0].loss if label in found else before.get(label, np.inf)):
            found[label] = trial, varied
    return Tuned(tuple(attempts), tuple(trial for trial, _ in found.values()), {one.label: one for _, one in found.values()})


def target_of(tuning: Tuning | None, score: Score) -> float | None:
    """The loss that is good enough; None where no score was said to be."""
    if tuning is None or tuning.target is None:
        return None
    return -tuning.target if score.greater_is_better else tuning.target


def _space(recipe: Recipe, task: Task) -> Space | None:
    """What may be varied of a recipe, without the settings that it has already."""
    space = SPACES[task].get(recipe.name)
    if space is None:
        return None
    has = {"scaling": recipe.scaling, **recipe.entry.params, **recipe.options}
    return replace(space, tried=tuple(setting for setting in space.tried if not setting.items() <= has.items()))


def _attempt(
    recipe: Recipe, tuner: Tuner, asked: Asked, problem: Problem, folds: Sequence[Fold], score: Score, spent: Callable[[], str]
) -> TabularTrial:
    """Try a setting, as long as it is worth it, and tell the tuner."""
    losses: list[float] = []

    def given_up(said: Floats, done: int) -> Verdict | None:
        losses.append(so_far(score, problem.y, said))
        after = f"after {done} of {len(folds)} folds"
        if tuner.hopeless(losses):
            return "pruned", f"clearly worse {after}"
        return ("skipped", f"{why} {after}") if (why := spent()) else None

    trial = run_trial(recipe, problem, folds, score, given_up)
    told: dict[str, Status] = {"done": "done", "pruned": "pruned", "skipped": "pruned", "failed": "failed"}
    tuner.tell(asked, [*losses, trial.loss] if trial.status == "done" else losses, told[trial.status])
    return trial


def _course(said: Floats, problem: Problem, folds: Sequence[Fold], score: Score) -> list[float]:
    """Losses of a trial over its first 1, 2, ... folds."""
    made, losses = np.full_like(said, np.nan), list[float]()
    for fold in folds:
        made[fold.test] = said[fold.test]
        losses.append(so_far(score, problem.y, made))
    return losses
