"""Learners that other packages bring: entry points of the group `forecaster.learners`, each the import path of a learner."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from forecaster.errors import SettingsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "forecaster.learners"


@cache
def named() -> dict[str, EntryPoint]:
    """What is installed. Name -> entry point"""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def load(name: str) -> Any:
    """The class behind a name.

    Raises:
        SettingsError: it cannot be imported, or is no learner.
    """
    point = named()[name]
    where = f"the learner {name!r} of the package {point.dist.name if point.dist else '?'} ({point.value})"
    try:
        made = point.load()
    except Exception as error:  # whatever the package does when it is imported
        raise SettingsError(f"{where} cannot be imported: {type(error).__name__}: {error}; update or remove that package") from error
    if not (isinstance(made, type) and hasattr(made, "__dataclass_fields__") and hasattr(made, "traits") and hasattr(made, "fit")):
        raise SettingsError(
            f"{where} should be a frozen dataclass with `traits` and `fit(table)`, see forecaster.protocols.Learner; it is {made!r}"
        )
    return made


def name_of(cls: type) -> str | None:
    """The name under which a class is brought; None where it is not."""
    path = f"{cls.__module__}:{cls.__qualname__}"
    return next((name for name, point in named().items() if point.value == path), None)


def import_package(module: str) -> None:
    """Import the learners of the package that a module belongs to, where it brings any: their classes may be saved and rebuilt then."""
    for name, point in named().items():
        if point.module.partition(".")[0] == module.partition(".")[0]:
            with suppress(SettingsError):
                load(name)
