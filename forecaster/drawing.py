"""The libraries that figures are drawn with."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from forecaster.errors import MissingExtra, UnknownName

BACKENDS = {"matplotlib": ("matplotlib.figure", "plot"), "plotly": ("plotly.graph_objects", "plotly")}
"""Name -> the module that has its figure, and the extra that brings it."""


def library(backend: str) -> Any:
    """The module of a library that has its `Figure`.

    Raises:
        UnknownName: figures are not drawn with a library of that name.
        MissingExtra: it is not installed.
    """
    if backend not in BACKENDS:
        raise UnknownName.of("backend", backend, BACKENDS)
    module, extra = BACKENDS[backend]
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra.of("a plot", backend, extra) from None
