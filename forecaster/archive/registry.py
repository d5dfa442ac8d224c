"""The classes that may be saved and rebuilt. Nothing else is ever built from a file."""

from __future__ import annotations

import importlib
from typing import TypeVar

from forecaster import outside

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
    cls.__storable__ = _Mark(cls)  # type: ignore[attr-defined]
    return cls


class _Mark:
    """Goes with a class of a script, which other processes are sent by value: it may be saved and rebuilt there, too."""

    def __init__(self, owner: type) -> None:
        self.owner = owner
        STORABLE[name_of(owner)] = owner

    def __reduce__(self) -> tuple[type[_Mark], tuple[type]]:
        return _Mark, (self.owner,)


def name_of(cls: type) -> str:
    """The name of a class within an archive."""
    return f"{cls.__module__}:{cls.__qualname__}"


def may_save(cls: type) -> bool:
    """Whether instances of this class can be rebuilt on load."""
    return STORABLE.get(name_of(cls)) is cls or name_of(cls) in LISTED


def find(name: str) -> type | None:
    """The storable class of that name; only modules of our own packages, and learners that installed packages bring, are imported to look
    for it."""
    module, _, qualname = name.partition(":")
    if name not in STORABLE and module.startswith(OURS):
        try:
            found = getattr(importlib.import_module(module), qualname, None)
        except (ImportError, ValueError):
            return None
        if name in LISTED and isinstance(found, type):
            return found
    elif name not in STORABLE:
        outside.import_package(module)
    return STORABLE.get(name)
