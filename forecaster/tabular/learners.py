"""Learners of the tabular tasks by name (azure-semantics A.4). Adding one: a line in `CLASSIFIERS` or `REGRESSORS`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from math import inf
from typing import Any

from forecaster.errors import MissingExtra, SettingsError, UnknownName
from forecaster.learners.scaling import scaling_of
from forecaster.tabular.problem import Task


@dataclass(frozen=True)
class Entry:
    """A learner of the catalogue.

    Args:
        path: "module:class" of an estimator.
        params: Its parameters, where they are not its own defaults.
        scaling: The scaling step before it (azure-semantics A.5 #54), None for features as they are.
        calibrated: Whether it has scores only, which a sigmoid is to turn into probabilities (Platt 1999).
        without: Parameters that it has, and that have no effect but a warning.
        extra: The extra that brings its package, where it does not come with this one.
    """

    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    scaling: str | None = None
    calibrated: bool = False
    without: tuple[str, ...] = ()
    extra: str | None = None


_LINEAR, _TREES = "sklearn.linear_model:", "sklearn.ensemble:"
_LEAF = {"min_samples_leaf": 5}
_FOREST = {"n_estimators": 300}
_NEAR = {"n_neighbors": 7, "weights": "distance"}

CLASSIFIERS: dict[str, Entry] = {
    "averaged_perceptron": Entry(_LINEAR + "SGDClassifier", {"loss": "perceptron", "average": True}, "standard", calibrated=True),
    "bernoulli_naive_bayes": Entry("sklearn.naive_bayes:BernoulliNB", {}, "standard"),
    "decision_tree": Entry("sklearn.tree:DecisionTreeClassifier", _LEAF),
    "extra_trees": Entry(_TREES + "ExtraTreesClassifier", _FOREST),
    "gradient_boosting": Entry(_TREES + "HistGradientBoostingClassifier", {"learning_rate": 0.08}),
    "knn": Entry("sklearn.neighbors:KNeighborsClassifier", _NEAR, "standard"),
    "lightgbm": Entry("forecaster.tabular.boosting:LightGBM"),
    "linear_svm": Entry("sklearn.svm:LinearSVC", {"C": 0.1, "dual": False}, "standard", calibrated=True),
    "logistic_regression": Entry(_LINEAR + "LogisticRegression", {"max_iter": 2000}, "standard", without=("n_jobs",)),
    "multinomial_naive_bayes": Entry("sklearn.naive_bayes:MultinomialNB", {}, "minmax"),
    "random_forest": Entry(_TREES + "RandomForestClassifier", _FOREST),
    "sgd": Entry(_LINEAR + "SGDClassifier", {"loss": "log_loss", "alpha": 1e-3, "average": True}, "standard"),
    "svm": Entry("sklearn.svm:SVC", {}, "standard", calibrated=True),
    "xgboost": Entry("forecaster.tabular.boosting:XGBoost", extra="xgboost"),
}
REGRESSORS: dict[str, Entry] = {
    "decision_tree": Entry("sklearn.tree:DecisionTreeRegressor", _LEAF),
    "elastic_net": Entry(_LINEAR + "ElasticNetCV", {"l1_ratio": [0.1, 0.5, 0.9, 1.0], "cv": 3}, "standard"),
    "extra_trees": Entry(_TREES + "ExtraTreesRegressor", _FOREST),
    "gradient_boosting": Entry(_TREES + "HistGradientBoostingRegressor", {"learning_rate": 0.08}),
    "knn": Entry("sklearn.neighbors:KNeighborsRegressor", _NEAR, "standard"),
    "lasso_lars": Entry(_LINEAR + "LassoLarsIC", {}, "standard"),
    "lightgbm": Entry("forecaster.tabular.boosting:LightGBM"),
    "random_forest": Entry(_TREES + "RandomForestRegressor", _FOREST),
    "sgd": Entry(_LINEAR + "SGDRegressor", {"alpha": 1e-3, "max_iter": 5000, "average": True}, "standard"),
    "xgboost": Entry("forecaster.tabular.boosting:XGBoost", extra="xgboost"),
}

SHALLOW = {"lightgbm": {"leaves": 6, "rounds": 300, "learning_rate": 0.04, "min_leaf": 10, "feature_fraction": 0.5}}
DEEP = {"lightgbm": {"leaves": 63, "rounds": 800, "learning_rate": 0.04, "min_leaf": 10, "l2": 3.0}}


@dataclass(frozen=True)
class Proposal:
    """A learner of the portfolio, and the data that "auto" tries it on.

    Args:
        learner: As a user would write it.
        most: Rows above which it is left out: its time grows faster than they do.
        least: Rows below which it is left out: it would only learn them by heart.
        classes: Classes above which it is left out: it grows a tree for each.
    """

    learner: Any
    most: float = inf
    least: int = 0
    classes: float = inf

    def suits(self, rows: int, classes: int) -> bool:
        """Whether it is tried on so many rows and classes."""
        return self.least <= rows <= self.most and classes <= self.classes


PORTFOLIO: dict[Task, tuple[Proposal, ...]] = {
    "classify": (
        Proposal("logistic_regression"), Proposal("extra_trees"), Proposal("lightgbm"), Proposal("svm", most=10_000),
        Proposal("random_forest"), Proposal(SHALLOW, classes=20), Proposal(DEEP, least=2_000, classes=3),
    ),
    "regress": (
        Proposal("elastic_net"), Proposal("extra_trees"), Proposal("lightgbm"), Proposal("random_forest"), Proposal(SHALLOW),
        Proposal(DEEP, least=2_000),
    ),
}  # fmt: skip
"""What "auto" tries, in this order: cheap ones first, so that a time limit leaves something."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """A learner as it is tried.

    Args:
        label: Its name in the leaderboard.
        entry: Where its estimator comes from.
        options: What goes before the parameters of the entry.
        given: The estimator itself where a user gave one.
        name: Its name in the catalogue; empty for an estimator of a user.
    """

    label: str
    entry: Entry
    options: Mapping[str, Any] = field(default_factory=dict)
    given: Any = None
    name: str = ""

    @property
    def scaling(self) -> Any:
        """The scaling step, by name or as a recipe."""
        return self.options.get("scaling", self.entry.scaling)

    def varied(self, label: str, options: Mapping[str, Any]) -> Recipe:
        """The same with other options, under another name."""
        return replace(self, label=label, options={**self.options, **options})

    @property
    def parameters(self) -> str:
        """The options that are not as in the catalogue, as JSON."""
        return json.dumps(dict(self.options), sort_keys=True, default=repr)

    def estimator(self, seed: int, threads: int) -> Any:
        """A new estimator; it is given the seed and the threads where it takes them.

        Raises:
            MissingExtra: its package is not installed.
            SettingsError: it has no such parameter.
        """
        if self.given is not None:
            return _clone(self.given)
        kind = self.kind()
        params = {**self.entry.params, **{name: value for name, value in self.options.items() if name != "scaling"}}
        taken = kind().get_params()
        return kind(
            **{
                name: value
                for name, value in {"random_state": seed, "n_jobs": threads}.items()
                if name in taken and name not in self.entry.without
            }
            | params
        )

    def kind(self) -> Any:
        """The class of the estimator."""
        module, _, attribute = self.entry.path.partition(":")
        try:
            if self.entry.extra is not None:
                import_module(self.entry.extra)
            return getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise MissingExtra.of(f"the learner {self.label!r}", error.name, self.entry.extra or "all") from None


def catalogue(task: Task) -> dict[str, Entry]:
    """The learners of a task by name."""
    return CLASSIFIERS if task == "classify" else REGRESSORS


def recipes(asked: Any, block: tuple[str, ...], task: Task, size: tuple[int, int] | None = None) -> list[Recipe]:
    """The learners to try, each under a name of its own.

    Args:
        asked: "auto", or names, {name: options} and objects with fit and predict.
        block: Names not to try.
        task: "classify" or "regress".
        size: Rows and classes of the data, by which "auto" leaves some out.

    Raises:
        UnknownName: no learner of the task has that name, or it has no such option.
        SettingsError: none is left.
    """
    for name in block:
        _entry(name, task)
    proposed = [one.learner for one in PORTFOLIO[task] if size is None or one.suits(*size)]
    made = [_recipe(one, task) for one in (proposed if asked == "auto" else asked)]
    kept = [one for one in made if one.label not in block]
    if not kept:
        raise SettingsError(f"no learner is left to try: learners={[one.label for one in made]} and block={list(block)}")
    seen: dict[str, int] = {}
    out = []
    for one in kept:
        seen[one.label] = seen.get(one.label, 0) + 1
        out.append(one if seen[one.label] == 1 else replace(one, label=f"{one.label}_{seen[one.label]}"))
    return out


def _recipe(one: Any, task: Task) -> Recipe:
    if isinstance(one, str):
        return Recipe(one, _entry(one, task), name=one)
    if isinstance(one, Mapping):
        if len(one) != 1:
            raise SettingsError(f"learners: expected one name with its options, such as {{lightgbm: {{leaves: 15}}}}, got {dict(one)!r}")
        name, options = next(iter(one.items()))
        recipe = Recipe(str(name), _entry(name, task), dict(options or {}), name=str(name))
        _check_options(recipe)
        return recipe
    if isinstance(one, type) or not all(callable(getattr(one, verb, None)) for verb in ("fit", "predict")):
        raise SettingsError(f"a learner is a name, {{name: options}} or an object with fit(X, y) and predict(X); got {one!r}")
    return Recipe(type(one).__name__, Entry(""), given=one)


def _entry(name: Any, task: Task) -> Entry:
    table = catalogue(task)
    if name not in table:
        raise UnknownName.of("learner", name, table)
    return table[name]


def _check_options(recipe: Recipe) -> None:
    scaling_of(recipe.scaling)
    taken = recipe.kind()().get_params()
    for name in recipe.options:
        if name != "scaling" and name not in taken:
            raise UnknownName.of(f"option of {recipe.label!r}", name, [*taken, "scaling"])


def _clone(estimator: Any) -> Any:
    from copy import deepcopy

    from sklearn.base import clone

    return clone(estimator) if hasattr(estimator, "get_params") else deepcopy(estimator)
