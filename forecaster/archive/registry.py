"""The classes that may be saved and rebuilt. Nothing else is ever built from a file."""

from __future__ import annotations

import importlib
from typing import TypeVar

T = TypeVar("T", bound=type)

STORABLE: dict[str, type] = {}

OURS = ("forecaster.", "many_models.")

# Classes of modules that do without an import of this package.
LISTED = frozenset(
    {
        "forecaster.backtest.origin:RollingOrigin",
        "forecaster.frequency:Frequency",
        "forecaster.guardrails.findings:Batch",
        "forecaster.guardrails.findings:Finding",
        "forecaster.guardrails.findings:Findings",
        "forecaster.protocols:Forecast",
        "forecaster.protocols:Traits",
        "forecaster.schema:Schema",
        "forecaster.table:Future",
        "forecaster.table:Table",
        "forecaster.metrics.scale:Scale",
    }
)


def storable(cls: T) -> T:
    """Class decorator: instances of this dataclass may be saved, and rebuilt on load."""
    STORABLE[name_of(cls)] = cls
    return cls


def name_of(cls: type) -> str:
    """The name of a class within an archive."""
    return f"{cls.__module__}:{cls.__qualname__}"


def may_save(cls: type) -> bool:
    """Whether instances of this class can be rebuilt on load."""
    return STORABLE.get(name_of(cls)) is cls or name_of(cls) in LISTED


def find(name: str) -> type | None:
    """The storable class of that name; only modules of our own packages are imported to look for it."""
    module, _, qualname = name.partition(":")
    if name not in STORABLE and module.startswith(OURS):
        try:
            found = getattr(importlib.import_module(module), qualname, None)
        except (ImportError, ValueError):
            return None
        if name in LISTED and isinstance(found, type):
            return found
    return STORABLE.get(name)
