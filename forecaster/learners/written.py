"""Learners as plain data: what stands for an object in run.json and in JOB.yaml.

name                                    a learner of the catalogue
{name: {option: value}}                 the same with options; the job fills in the rest (seed, design, threads)
{"class": path, "fields": {...}}        a storable dataclass as it is: one of ours, or yours once its module is imported
{"estimator": path, "params": {...}}    an object of scikit-learn, LightGBM or XGBoost that is not fitted
{"tuple": [...]}, {"dict": {...}}       what fields hold
{"object": text}                        anything else: it can be told apart, but not be brought back
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter, ValidationError

from forecaster.archive.registry import find, may_save, name_of
from forecaster.errors import SettingsError
from forecaster.protocols import Learner, within

FILLED_IN = ("design", "learner", "season_length", "seed", "threads")
"""Fields that a job decides, and what a wrapper holds."""

LIBRARIES = ("sklearn", "lightgbm", "xgboost")
"""Packages whose unfitted objects are rebuilt from their parameters."""


def as_data(thing: Any) -> Any:
    """The plain data that stands for a learner; what cannot be brought back becomes {"object": text}."""
    try:
        return _data(thing)
    except TypeError:
        known = thing.get_params(deep=False) if hasattr(thing, "get_params") else getattr(thing, "__dict__", {})
        params = ", ".join(f"{name}={value!r}" for name, value in sorted(known.items()))
        return {"object": re.sub(r" at 0x[0-9a-f]+", "", f"{type(thing).__module__}:{type(thing).__qualname__}({params})")}


def parameters_of(learner: Learner) -> str:
    """What of a learner, and of those that it wraps, is not as in the catalogue, as JSON; what a job fills in is left out."""
    told: dict[str, Any] = {}
    for one in within(learner):
        fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(one) if dataclasses.is_dataclass(one) else ()
        for field in fields:
            if field.name not in FILLED_IN and (value := as_data(getattr(one, field.name))) != as_data(field.default):
                told[field.name] = value
    return json.dumps(told)


def from_data(data: Any) -> Any:
    """What `as_data` was given. Only storable dataclasses and estimators of known libraries are built.

    Raises:
        SettingsError: it is the data of an object that cannot be brought back here; says why and what to do.
    """
    if isinstance(data, list):
        return [from_data(one) for one in data]
    if not isinstance(data, Mapping):
        return data
    if "tuple" in data:
        return tuple(from_data(one) for one in data["tuple"])
    if "dict" in data:
        return {name: from_data(one) for name, one in data["dict"].items()}
    return _built(data)


def is_object(data: Mapping[str, Any]) -> bool:
    """Whether this data stands for an object; otherwise it names a learner with options."""
    return bool({"class", "estimator", "object"} & set(data))


def of_options(recipe: Any, name: str, options: Mapping[str, Any]) -> Learner:
    """A learner with options from a file, each checked against the type of its field.

    Raises:
        SettingsError: an option has a value that cannot be meant.
    """
    try:
        made: Learner = _adapter(recipe).validate_python(dict(options))
    except ValidationError as error:
        faults = error.errors()
        for fault in faults:
            if isinstance(raised := fault.get("ctx", {}).get("error"), SettingsError):
                raise raised from None
        told = (f"{fault['loc'][0]}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}" for fault in faults)
        raise SettingsError(f"options of {name!r}: {'; '.join(dict.fromkeys(told))}") from None
    return made


def _data(thing: Any) -> Any:
    if thing is None or type(thing) in (bool, int, float, str):
        return thing
    if type(thing) is list:
        return [_data(one) for one in thing]
    if type(thing) is tuple:
        return {"tuple": [_data(one) for one in thing]}
    if isinstance(thing, Mapping) and all(type(name) is str for name in thing):
        return {"dict": {name: _data(one) for name, one in thing.items()}}
    return _object_data(thing)


def _object_data(thing: Any) -> dict[str, Any]:
    cls = type(thing)
    if dataclasses.is_dataclass(cls) and may_save(cls):
        return {"class": name_of(cls), "fields": {field.name: _data(getattr(thing, field.name)) for field in dataclasses.fields(cls)}}
    if cls.__module__.partition(".")[0] in LIBRARIES and hasattr(thing, "get_params"):
        return {"estimator": name_of(cls), "params": {name: _data(value) for name, value in sorted(thing.get_params(deep=False).items())}}
    raise TypeError(f"{cls} has no plain data")


def _built(data: Mapping[str, Any]) -> Any:
    name = str(data.get("class") or data.get("estimator") or data.get("object"))
    cls = find(name) if "class" in data else _estimator(name) if "estimator" in data else None
    if cls is None:
        todo = "import its module first" if "class" in data else "go on from the script that made it, with ManyModels(job, ...).train(...)"
        raise SettingsError(f"the learner {name} cannot be brought back from a file here; {todo}")
    given = data["fields"] if "class" in data else data["params"]
    known = {field.name for field in dataclasses.fields(cls) if field.init} if dataclasses.is_dataclass(cls) else set(given)
    try:
        return cls(**{field: from_data(value) for field, value in given.items() if field in known})
    except (TypeError, ValueError) as error:
        raise SettingsError(f"the learner {name} cannot be built from {dict(given)!r}: {error}") from error


def _estimator(name: str) -> type | None:
    """The class of an estimator; nothing but estimators of known libraries."""
    module, _, qualname = name.partition(":")
    if module.partition(".")[0] not in LIBRARIES:
        return None
    try:
        found = getattr(import_module(module), qualname, None)
    except ImportError:
        return None
    return found if isinstance(found, type) and hasattr(found, "get_params") and hasattr(found, "fit") else None


@cache
def _adapter(recipe: Any) -> TypeAdapter[Any]:
    return TypeAdapter(recipe)
