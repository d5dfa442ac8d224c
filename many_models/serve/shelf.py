"""The models that a server offers, by name, and which version of one answers whom."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from forecaster.errors import ArchiveError, ForecasterError, SettingsError, UnknownName
from many_models import manifest
from many_models.registry import CHAMPION, Registry
from many_models.run import Run
from many_models.serve.answers import Answers, Key, told
from many_models.status import Status, status_of

CHALLENGER = "challenger"
FRESH = 1.0
"""Seconds for which it is believed that nothing has changed on disk."""


@dataclass(frozen=True)
class Offer:
    """A version of a model.

    Args:
        version: What it is called: a number, an alias, or when it was trained.
        path: The run that it is.
        share: Of the groups, how many it answers, 0 to 1; the others are answered by the other versions.
        shadow: Whether it is asked as well, without its answer being given.
    """

    version: str
    path: Path
    share: float = 1.0
    shadow: bool = False


class Shelf(Protocol):
    """Where models come from."""

    def offers(self) -> Mapping[str, list[Offer]]: ...


@dataclass(frozen=True)
class Runs:
    """Runs on disk, each a model of its own: one run, or the runs in a folder.

    Args:
        root: A run, or a folder of runs.
    """

    root: Path

    def offers(self) -> Mapping[str, list[Offer]]:
        return {path.name: [Offer(_trained(path), path)] for path in self._found()}

    def _found(self) -> list[Path]:
        root = self.root.resolve()
        if (root / manifest.FILE).exists():
            return [root]
        return sorted(path.parent for path in root.glob(f"*/{manifest.FILE}"))


@dataclass(frozen=True)
class Registered:
    """The models of a registry: the champion of each answers, and the challenger has a part where it is given one.

    Args:
        books: The registry.
        split: Share of the groups that the challenger answers.
        shadow: Whether the challenger is asked in the shadow instead.
    """

    books: Registry
    split: float = 0.0
    shadow: bool = False

    def offers(self) -> Mapping[str, list[Offer]]:
        return {name: self._of(name) for name in self.books.names()}

    def _of(self, name: str) -> list[Offer]:
        aliases = self.books.aliases(name)
        first = self._offer(name, aliases.get(CHAMPION), 1.0)
        other = aliases.get(CHALLENGER)
        if other is None or f"{other}" == first.version or not (self.split or self.shadow):
            return [first]
        with suppress(ArchiveError):  # a challenger that cannot be opened takes no part
            self.books.open(name, other)
            second = self._offer(name, other, self.split)
            return [first, replace(second, share=0.0, shadow=True)] if self.shadow else [replace(first, share=1.0 - self.split), second]
        return [first]

    def _offer(self, name: str, number: int | None, share: float) -> Offer:
        version = self.books.version(name, number)
        return Offer(str(version.number), self.books.place(name, version.number), share)


@dataclass(frozen=True)
class Opened:
    """What answers for an offer, and what its files were like when it was opened."""

    answers: Answers
    stamp: Any


@dataclass
class Models:
    """All models of a shelf, opened when first asked for and opened anew when their files change.

    Args:
        shelf: Where they come from.
    """

    shelf: Shelf
    _offers: Mapping[str, list[Offer]] = field(default_factory=dict)
    _opened: dict[Path, Opened] = field(default_factory=dict)
    _ended: dict[Path, tuple[Any, Status]] = field(default_factory=dict)
    _looked: float = float("-inf")
    _lock: Any = field(default_factory=Lock)

    def offers(self) -> Mapping[str, list[Offer]]:
        """Model -> its versions, as they are on disk now or were a second ago."""
        if time.monotonic() - self._looked > FRESH:
            self._offers, self._looked = self.shelf.offers(), time.monotonic()
            self._opened = {path: one for path, one in self._opened.items() if one.stamp == _stamp(path)}
        return self._offers

    def of(self, name: str) -> list[Offer]:
        """The versions of a model.

        Raises:
            UnknownName: there is no such model; the message names the nearest.
        """
        offers = self.offers()
        if name not in offers:
            raise UnknownName.of("model", name, offers)
        return offers[name]

    def open(self, offer: Offer) -> Answers:
        """The version, ready to answer."""
        if (known := self._opened.get(offer.path)) is not None:
            return known.answers
        with self._lock:
            if offer.path not in self._opened:
                stamp = _stamp(offer.path)
                self._opened[offer.path] = Opened(Answers(Run.open(offer.path)), stamp)
            return self._opened[offer.path].answers

    def status(self, offer: Offer) -> Status:
        """How far the version is; read once where nobody works on it and nothing has changed since."""
        stamp = _stamp(offer.path)
        if (known := self._ended.get(offer.path)) is not None and known[0] == stamp:
            return known[1]
        opened = self._opened.get(offer.path)
        held = opened is not None and opened.stamp == stamp
        status = status_of(offer.path, opened.answers.outcomes) if opened and held else Run.open(offer.path).status()
        if not status.running:
            self._ended[offer.path] = (stamp, status)
        return status

    def running(self, offer: Offer) -> bool:
        """Whether somebody works on the version; nobody does on one that cannot be read."""
        with suppress(ArchiveError):
            return self.status(offer).running
        return False

    def ready(self, offer: Offer) -> bool:
        """Whether the version is open, so that asking it takes no time."""
        return offer.path in self._opened

    def answering(self, name: str, key: Key) -> Offer:
        """The version that answers a group: always the same one, as long as the shares are the same."""
        offers = [offer for offer in self.of(name) if not offer.shadow]
        place = _place(told(key)) * sum(offer.share for offer in offers)
        for offer in offers:
            place -= offer.share
            if place < 0:
                return offer
        return offers[-1]

    def shadows(self, name: str) -> list[Offer]:
        """The versions that are asked in the shadow."""
        return [offer for offer in self.of(name) if offer.shadow]


def open_shelf(run: Path | None, registry: Path | None = None, split: float = 0.0, shadow: bool = False) -> Shelf:
    """The shelf of a folder.

    Args:
        run: A run, or a folder of runs.
        registry: A registry, instead of runs.
        split: Share of the groups that challengers of the registry answer.
        shadow: Whether they are asked in the shadow instead.

    Raises:
        SettingsError: no folder was named or there is none, or shares are asked of something that is no registry.
    """
    if registry is not None and run is None:
        if not registry.is_dir():
            raise SettingsError(f"--registry {registry}: there is no such folder")
        return Registered(Registry(registry), split, shadow)
    if run is None or registry is not None:
        raise SettingsError("name what is to be served: --run a run or a folder of runs, or --registry a registry")
    if split or shadow:
        raise SettingsError("--split and --shadow are about the challengers of a registry; serve one with --registry")
    if not run.is_dir():
        raise SettingsError(f"--run {run}: there is no such folder")
    return Runs(run)


def _place(text: str) -> float:
    """A number from 0 to 1 that is always the same for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") / 2.0**64


def _trained(path: Path) -> str:
    """When a run was trained last: what tells its versions apart."""
    try:
        when = manifest.attempt(path).get("since") or manifest.read(path)["written"]
    except ForecasterError:
        return "damaged"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def _stamp(path: Path) -> Any:
    """What changes whenever a run does: its plan, its job, and the blocks that are committed."""
    try:
        return tuple((path / name).stat().st_mtime_ns for name in (manifest.FILE, "plan.parquet", "blocks"))
    except OSError:
        return None
