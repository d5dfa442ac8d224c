"""Saving and loading without pickle (see `save` and `load`)."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T", bound=type)

STORABLE: dict[str, type] = {}


def storable(cls: T) -> T:
    """Class decorator: instances of this dataclass may be saved, and rebuilt on load."""
    STORABLE[f"{cls.__module__}:{cls.__qualname__}"] = cls
    return cls
