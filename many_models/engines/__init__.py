"""Where blocks run: a name for each engine, imported when asked for."""

from __future__ import annotations

import importlib

from forecaster.errors import UnknownName
from many_models.work import Engine, Limits

ENGINES = {"local": "many_models.engines.local:Local"}
"""Engine name -> import path of its class, which takes the number of workers and the limits."""


def check(name: str) -> None:
    """There must be an engine of that name.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    if name not in ENGINES:
        raise UnknownName.of("engine", name, ENGINES)


def make(name: str, workers: int, limits: Limits) -> Engine:
    """The engine of that name."""
    check(name)
    module, _, kind = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), kind)(workers, limits)
    return engine
