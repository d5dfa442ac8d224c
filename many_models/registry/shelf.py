"""What the events of a registry come to: which versions there are, and which of them the aliases name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from forecaster.errors import ArchiveError, UnknownName
from many_models.registry.log import Event, file_of

FACTS: dict[str, Any] = {
    "copy": str, "content": str, "source": str, "job": str, "data": str, "commit": str | None,
    "groups": int, "failed": int, "score": float | None,
}  # fmt: skip
"""What is noted of a run when it is registered."""


@dataclass(frozen=True)
class Version:
    """One version of a model.

    Args:
        model: Name of the model.
        number: Number of the version, from 1 on; never given twice.
        who: Who registered it.
        when: When, in UTC.
        facts: What is known of the run: `FACTS`.
        tags: Words about it.
    """

    model: str
    number: int
    who: str
    when: str
    facts: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Model:
    """All versions of one model.

    Args:
        name: Its name.
        versions: Those that are there. Number -> version
        held: The versions that each alias has named, the present one last. Alias -> numbers
        latest: Highest number that was ever given.
    """

    name: str
    versions: dict[int, Version] = field(default_factory=dict)
    held: dict[str, list[int]] = field(default_factory=dict)
    latest: int = 0

    @property
    def aliases(self) -> dict[str, int]:
        """Alias -> number of its version."""
        return {alias: numbers[-1] for alias, numbers in self.held.items()}

    def find(self, which: int | str | None) -> Version:
        """A version by number, alias or nothing, which is the latest.

        Raises:
            UnknownName: there is none.
        """
        number = max(self.versions, default=0) if which is None else self.aliases.get(str(which), which)
        number = int(number) if str(number).isdecimal() else number
        if number not in self.versions:
            raise UnknownName.of(f"version of {self.name!r}", which, [*map(str, self.versions), *self.aliases])
        return self.versions[int(number)]

    def before(self, alias: str) -> int | None:
        """The version that an alias named before the present one, passing over those that were deleted."""
        numbers = self.held.get(alias, [])
        return next((number for number in reversed(numbers[:-1]) if number in self.versions and number != numbers[-1]), None)


def shelf(events: Iterable[Event]) -> dict[str, Model]:
    """Every model that the events tell of. Name -> model

    Raises:
        ArchiveError: an event is of no kind that this version knows, or does not fit those before.
    """
    models: dict[str, Model] = {}
    for number, event in enumerate(events, 1):
        try:
            _STEPS[event.kind](models.setdefault(event.model, Model(event.model)), event)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ArchiveError(
                f"{file_of(number)} in the log of the registry ({event.kind!r} of {event.model!r}) cannot be meant: {error!r}; "
                f"a newer version of forecaster wrote it, or it is damaged"
            ) from None
    return models


def _registered(model: Model, event: Event) -> None:
    facts = {name: event.details[name] for name in FACTS}
    if strange := [name for name, kind in FACTS.items() if not isinstance(facts[name], kind)]:
        raise TypeError(strange[0])
    if not re.fullmatch("[0-9a-f]{32}", facts["copy"]):
        raise ValueError(f"no key of a copy: {facts['copy'][:80]!r}")
    tags = {str(name): str(value) for name, value in dict(event.details["tags"]).items()}
    model.versions[event.version] = Version(model.name, event.version, event.who, event.when, facts, tags)
    model.latest = max(model.latest, event.version)


def _promoted(model: Model, event: Event) -> None:
    model.held.setdefault(str(event.details["alias"]), []).append(model.versions[event.version].number)


def _rolled_back(model: Model, event: Event) -> None:
    numbers = model.held[str(event.details["alias"])]
    del numbers[len(numbers) - 1 - numbers[::-1].index(event.version) + 1 :]


def _tagged(model: Model, event: Event) -> None:
    known = model.versions[event.version]
    tags = dict(known.tags) | {str(name): value for name, value in dict(event.details["tags"]).items()}
    model.versions[event.version] = replace(known, tags={name: str(value) for name, value in tags.items() if value is not None})


def _deleted(model: Model, event: Event) -> None:
    del model.versions[event.version]


_STEPS = {"registered": _registered, "promoted": _promoted, "rolled back": _rolled_back, "tagged": _tagged, "deleted": _deleted}
