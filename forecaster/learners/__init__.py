"""The catalogue: one line per learner. Nothing is imported until it is asked for. Other packages add theirs: see `forecaster.outside`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from forecaster import outside
from forecaster.errors import MissingExtra, UnknownName
from forecaster.protocols import Learner, changed


@dataclass(frozen=True)
class Entry:
    """Where a learner lives.

    Args:
        path: Module below `forecaster.learners` and class, as in "naive:Drift".
        extra: The optional dependency set it needs, if any.
    """

    path: str
    extra: str | None = None


CATALOGUE: dict[str, Entry] = {
    "adida": Entry("aggregated:ADIDA"),
    "arima": Entry("arima:Arima"),
    "autoregression": Entry("autoregression:Autoregression"),
    "average": Entry("average:Average"),
    "ces": Entry("ces:CES"),
    "combined": Entry("combined:Combined"),
    "croston": Entry("croston:Croston"),
    "decision_tree": Entry("trees:DecisionTree"),
    "drift": Entry("naive:Drift"),
    "elastic_net": Entry("linear:ElasticNet"),
    "ets": Entry("ets:ETS"),
    "extra_trees": Entry("trees:ExtraTrees"),
    "gradient_boosting": Entry("trees:GradientBoosting"),
    "imapa": Entry("aggregated:IMAPA"),
    "intermittent": Entry("croston:Intermittent"),
    "knn": Entry("neighbors:KNN"),
    "lasso_lars": Entry("linear:LassoLars"),
    "lightgbm": Entry("lightgbm:LightGBM"),
    "mstl": Entry("mstl:MSTL"),
    "naive": Entry("naive:Naive"),
    "prophet": Entry("prophet:Prophet"),
    "random_forest": Entry("trees:RandomForest"),
    "sba": Entry("croston:SBA"),
    "seasonal_average": Entry("average:SeasonalAverage"),
    "seasonal_naive": Entry("naive:SeasonalNaive"),
    "sgd": Entry("linear:SGD"),
    "tcn": Entry("tcn:TCN", extra="tcn"),
    "temporal": Entry("temporal:Temporal"),
    "theta": Entry("theta:Theta"),
    "tsb": Entry("croston:TSB"),
    "xgboost": Entry("xgboost:XGBoost", extra="xgboost"),
}


def names() -> tuple[str, ...]:
    """The names of all learners, sorted."""
    return tuple(CATALOGUE)


def installed() -> tuple[str, ...]:
    """The names of the learners whose dependencies are installed, sorted."""
    return tuple(name for name in CATALOGUE if is_installed(name))


def is_installed(name: str) -> bool:
    """Whether the dependencies of a learner are installed; imports it."""
    try:
        _recipe(name)
    except (MissingExtra, ModuleNotFoundError):
        return False
    return True


def check(name: str) -> None:
    """Raise UnknownName unless a learner, of this version or of another package, is called `name`; imports nothing."""
    if name not in CATALOGUE and name not in outside.named():
        raise UnknownName.of("learner", name, [*CATALOGUE, *outside.named()])


def make(name: str, **params: Any) -> Learner:
    """Build a learner by name.

    Args:
        name: A name of the catalogue.
        params: Hyperparameters: the fields of the learner's dataclass; a learner within may be named, as for `build`.

    Raises:
        UnknownName: No learner or hyperparameter is called that; the message names near ones.
        MissingExtra: The learner needs a package that is not installed; the message is the command that installs it.
    """
    return _with_members(_made(name, {**params, **_inner(params)}))


def with_options(name: str, options: Mapping[str, Any]) -> Learner:
    """Build a learner by name from options that came from a file, each checked against the type of its field.

    Raises:
        UnknownName: No learner or option is called that; the message names near ones.
        SettingsError: An option has a value that cannot be meant.
    """
    from forecaster.learners.written import of_options

    recipe = _recipe(name)
    _check_params(name, recipe, options)
    return _with_members(of_options(recipe, name, {**options, **_inner(options)}))


def build(one: Any, **given: Any) -> Learner:
    """A learner from whatever a user named one by.

    Args:
        one: A name of the catalogue, {name: options}, a learner, or any object with `fit` and `predict` in the manner of scikit-learn.
        given: What the job decides (design, threads, seed ...): a learner takes the fields it has and that are still open (None);
            one made here from a name takes all that it has.

    Raises:
        SettingsError: It is none of these.
    """
    if isinstance(one, str):
        return _with_members(_made(one, _fitting(_recipe(one), given)), **given)
    if isinstance(one, Mapping):
        name, options = next(iter(one.items()))
        learner = with_options(name, options)
        rest = {field: value for field, value in _fitting(learner, given).items() if options.get(field) is None}
        return _with_members(changed(learner, **rest, **_inner(options, **given)), **given)
    learner = _lifted(one)
    still_open = {name: value for name, value in _fitting(learner, given).items() if getattr(learner, name) is None}
    if isinstance(inner := getattr(learner, "learner", None), Learner):
        still_open["learner"] = build(inner, **given)
    filled = changed(learner, **still_open) if still_open else learner
    return _with_members(filled, **given)


def _made(name: str, params: Mapping[str, Any]) -> Learner:
    """A learner of the catalogue; its members may still be names."""
    recipe = _recipe(name)
    _check_params(name, recipe, params)
    learner: Learner = recipe(**params)
    return learner


def _with_members(learner: Learner, **given: Any) -> Learner:
    """A learner that is made of several, each of them built."""
    members = getattr(learner, "learners", None)
    if not (isinstance(members, tuple) and hasattr(learner, "__dataclass_fields__")):
        return learner
    return changed(learner, learners=_built(members, given))


def _built(members: Iterable[Any], given: Mapping[str, Any]) -> tuple[Learner, ...]:
    return tuple(build(one, **given) for one in members)


def _inner(options: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """The learners that a learner is to be made of, where its options name some."""
    one, several = options.get("learner"), options.get("learners")
    made: dict[str, Any] = {} if one is None else {"learner": build(one, **given)}
    return made | ({"learners": _built(several, given)} if isinstance(several, list | tuple) else {})


def forget() -> None:
    """Let go of the feature matrices that learners share: at most a gigabyte, worth giving back at the end of a job."""
    from forecaster.learners._shared import SHARED

    SHARED.forget()


def name_of(one: Any) -> str:
    """The name of whatever `build` takes: that of the catalogue, or one made from its class: `MyLearner` is "my_learner"."""
    if isinstance(one, str | Mapping):
        return one if isinstance(one, str) else str(next(iter(one)))
    learner = _lifted(one)
    path = f"{type(learner).__module__.rpartition('.')[2]}:{type(learner).__qualname__}"
    known = [name for name, entry in CATALOGUE.items() if entry.path == path]
    if known:
        return known[0]
    if not type(learner).__module__.startswith("forecaster.") and (brought := outside.name_of(type(learner))) is not None:
        return brought
    label = getattr(learner, "label", None) or type(learner).__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", label).lower()


def _check_params(name: str, recipe: Any, params: Iterable[str]) -> None:
    known = [field.name for field in dataclasses.fields(recipe)]
    for param in params:
        if param not in known:
            raise UnknownName.of(f"hyperparameter of {name!r}", param, known)


def _lifted(one: Any) -> Learner:
    if isinstance(one, Learner) and not isinstance(one, type):
        return one
    from forecaster.learners.custom import Custom

    return Custom(regressor=one)


def _fitting(recipe: Any, given: dict[str, Any]) -> dict[str, Any]:
    if not dataclasses.is_dataclass(recipe):
        return {}
    return {field.name: given[field.name] for field in dataclasses.fields(recipe) if field.name in given}


def _recipe(name: str) -> Any:
    check(name)
    if name not in CATALOGUE:
        return outside.load(name)
    entry = CATALOGUE[name]
    module, _, attribute = entry.path.partition(":")
    try:
        return getattr(import_module(f"forecaster.learners.{module}"), attribute)
    except ModuleNotFoundError as error:
        if entry.extra is None:
            raise
        raise MissingExtra.of(f"the learner {name!r}", error.name, entry.extra) from error
