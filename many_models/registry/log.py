"""The log of a registry: events, each written once and never changed, each naming the one before by its hash.

The log is all that a registry knows. An event is a folder that appears under the next number at once or not at all, so of several writers
that want the same number one gets it, on any file system; the others read what it said and decide again.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecaster.archive.sealed import sealed
from forecaster.errors import ArchiveError
from many_models.files import read_json
from many_models.manifest import commit_of_code
from many_models.store import LocalStore

FILE = "event.json"
FIRST = "0" * 64
"""What the first event says of the one before."""


@dataclass(frozen=True)
class Event:
    """Something that was done to a registry.

    Args:
        kind: "registered", "promoted", "rolled back", "tagged" or "deleted".
        model: Name of the model.
        version: Number of the version.
        details: What else there is to know, by kind.
        who: Name of the user.
        when: Moment in UTC, as text.
        commit: Commit of the code that ran, where it was in a git checkout.
    """

    kind: str
    model: str
    version: int
    details: Mapping[str, Any] = field(default_factory=dict)
    who: str = ""
    when: str = ""
    commit: str | None = None

    @classmethod
    def now(cls, kind: str, model: str, version: int, **details: Any) -> Event:
        """What the user of this process does now."""
        return cls(kind, model, version, details, _user(), datetime.now(UTC).isoformat(timespec="milliseconds"), commit_of_code())

    @classmethod
    def read(cls, told: Any, file: Path) -> Event:
        """An event from its JSON.

        Raises:
            ArchiveError: it is none.
        """
        fits = isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in _KINDS.items())
        if not fits:
            raise ArchiveError(f"{file} is no event of a registry; take it from a backup")
        return cls(**{name: told[name] for name in _KINDS})


_KINDS: dict[str, Any] = {
    "kind": str, "model": str, "version": int, "details": dict, "who": str, "when": str, "commit": str | None,
}  # fmt: skip


@dataclass(frozen=True)
class Log:
    """The events of a registry, the oldest first.

    Args:
        root: Where they lie, one folder per event.
    """

    root: Path

    def read(self) -> tuple[list[Event], str]:
        """All events, and the hash of the last one.

        Raises:
            ArchiveError: an event is damaged, was changed or is missing; the message names its file.
        """
        events, last = [], FIRST
        there = LocalStore(self.root).keys()
        for number, name in enumerate(sorted(key for key in there if re.fullmatch("[0-9]{8}", key)), 1):
            file = self.root / file_of(number)
            told = read_json(file, "make the registry anew")
            if told is None or name != file.parent.name:
                raise ArchiveError(f"{file} is missing, and events after it are there; take it from a backup")
            event = Event.read(told, file)
            if told.get("after") != last:
                raise ArchiveError(f"{file} does not follow the event before it: one of the two was changed; take both from a backup")
            events.append(event)
            last = _hash(told)
        return events, last

    def append(self, event: Event, events: Sequence[Event], last: str) -> bool:
        """Write the next event after those that were read; gives False where another writer was quicker."""
        told = {name: getattr(event, name) for name in _KINDS} | {"after": last}

        def fill(part: Path) -> None:
            (part / FILE).write_bytes(sealed(told))

        return LocalStore(self.root).put(Path(file_of(len(events) + 1)).parent.name, fill)


def file_of(number: int) -> str:
    """The file of an event, seen from the log."""
    return f"{number:08}/{FILE}"


def _hash(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user of that number
        return "unknown"
