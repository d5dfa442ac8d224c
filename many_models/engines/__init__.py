"""Where blocks run: a name for each engine, imported when asked for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forecaster.errors import SettingsError, UnknownName
from many_models.work import Engine, Limits

ENGINES = {
    "local": "many_models.engines.local:Local",
    "dask": "many_models.engines.dask:Dask",
    "ray": "many_models.engines.ray:Ray",
    "spark": "many_models.engines.spark:Spark",
    "joblib": "many_models.engines.joblib:Joblib",
}
"""Engine name -> import path of its class, which takes the number of workers, the limits and options by name."""
_KEYS = ("name", "address", "workers", "resources")


@dataclass(frozen=True)
class Chosen:
    """An engine with its options, as `use` makes it."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


def use(name: str, **options: Any) -> Chosen:
    """An engine with options, to be given as `engine=`: `use("dask", address="tcp://10.0.0.1:8786")`.

    Args:
        name: Name of the engine.
        **options: What its class takes beside workers and limits; see docs/engines.md.

    Raises:
        UnknownName: there is no such engine.
    """
    if name not in ENGINES:
        raise UnknownName.of("engine", name, ENGINES)
    return Chosen(name, options)


def chosen(engine: str | Chosen) -> Chosen:
    """The engine that a user named, by name or by name and address (`dask@tcp://10.0.0.1:8786`).

    Raises:
        UnknownName: there is none of that name; the message names the nearest.
        SettingsError: it is not the name of an engine, nor made by `use`.
    """
    if isinstance(engine, Chosen):
        return engine
    if not isinstance(engine, str):
        raise SettingsError(f"engine should be one of {', '.join(ENGINES)}, or engines.use(name, ...); it is {engine!r}")
    name, _, address = engine.partition("@")
    return use(name, **({"address": address} if address else {}))


def of_job(told: str | Mapping[str, Any]) -> tuple[Chosen, int | None]:
    """The engine of a JOB.yaml, `dask` or `{name: dask, address: tcp://10.0.0.1:8786, workers: 8}`, and the workers that it names.

    Raises:
        UnknownName: there is no such engine, or a key is none of those; the message names the nearest.
        SettingsError: the name is missing, or a value cannot be meant.
    """
    if isinstance(told, str):
        return chosen(told), None
    for key in told:
        if key not in _KEYS:
            raise UnknownName.of("key of engine", key, _KEYS)
    if not isinstance(told.get("name"), str):
        raise SettingsError(f"engine: expected a name, such as {{name: dask, workers: 8}}, got {dict(told)!r}")
    if not isinstance(told.get("address", ""), str):
        raise SettingsError(f"engine: address should be text, such as tcp://10.0.0.1:8786; it is {told['address']!r}")
    resources, workers = told.get("resources", {}), told.get("workers")
    if not isinstance(resources, Mapping) or not all(isinstance(amount, (int, float)) for amount in resources.values()):
        raise SettingsError(f"engine: resources should be names and amounts, such as {{memory: 2}}; it is {resources!r}")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise SettingsError(f"engine: workers should be a whole number from 1 on; it is {workers!r}")
    named = chosen(told["name"])
    own = {key: told[key] for key in ("address", "resources") if key in told}
    return use(named.name, **(named.options | own)), workers


def check(engine: Chosen) -> type:
    """The class of an engine, whose options are all known.

    Raises:
        MissingExtra: its package is not installed.
        UnknownName: it has no such option; the message names the nearest.
    """
    module, _, kind = ENGINES[engine.name].partition(":")
    found: type = getattr(importlib.import_module(module), kind)
    known = [name for name, told in inspect.signature(found).parameters.items() if told.kind is told.KEYWORD_ONLY]
    for name in engine.options:
        if name not in known:
            raise UnknownName.of(f"option of the engine {engine.name!r}", name, known)
    return found


def make(engine: Chosen, workers: int, limits: Limits) -> Engine:
    """The engine itself.

    Raises:
        MissingExtra: its package is not installed.
        UnknownName: it has no such option; the message names the nearest.
    """
    opened: Engine = check(engine)(workers, limits, **engine.options)
    return opened
