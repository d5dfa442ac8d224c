"""Where models live. A block is there whole or not at all, whatever is killed and whenever."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from forecaster.errors import ArchiveError, SettingsError
from many_models.files import PART, read_json, sync, sync_tree, write_json

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def here(path: str | Path, what: str) -> Path:
    """A path of this machine, or of a file system that it has mounted.

    Raises:
        SettingsError: it is an address, or empty.
    """
    if scheme := _SCHEME.match(str(path)):
        told = f"{scheme[0]}/{str(path)[scheme.end() :].lstrip('/')}"  # a Path has one slash where there were two
        raise SettingsError(
            f"{what} should be a folder on a local or mounted file system, which has locks and renames; it is {told!r}. Only data, "
            f"future and actuals may be addresses: mount the bucket, or copy {what} there when it is done"
        )
    if not str(path):
        raise SettingsError(f"{what} should be a folder; it is empty")
    place = Path(path)
    return place if place.name not in ("", "..") else place.resolve()


class Store(Protocol):
    """A place for folders under keys. `LocalStore` is one on a file system; others put and get elsewhere."""

    def keys(self) -> set[str]: ...
    def put(self, key: str, fill: Callable[[Path], None]) -> bool: ...
    def get(self, key: str) -> Path: ...
    def delete(self, key: str) -> None: ...
    def sweep(self) -> None: ...


class LocalStore:
    """Folders on a file system: written under a temporary name, fsynced, renamed.

    Args:
        root: The folder that holds one folder per key.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def keys(self) -> set[str]:
        """The keys of all folders that are whole; a link is none of them, as what it leads to is not ours."""
        if not self.root.is_dir():
            return set()
        with os.scandir(self.root) as entries:
            return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")}

    def put(self, key: str, fill: Callable[[Path], None]) -> bool:
        """Commit a folder: `fill` writes into an empty one, which then appears under its key at once.

        Returns:
            Whether it is this folder that is there now. One that was there before stays: the same key is the same content.
        """
        part = self.root / f"{PART}{uuid.uuid4().hex}"
        part.mkdir(parents=True)
        made = False
        try:
            fill(part)
            sync_tree(part)
            made = _appear(part, self.root / key)
            sync(self.root)
        finally:
            if not made:
                shutil.rmtree(part, ignore_errors=True)
        return made

    def put_all(self, fill: Callable[[Path], None]) -> None:
        """Commit many files or folders, with one wait for the disk: `fill` writes them, and each then appears at once under its name."""
        staging = self.root / f"{PART}{uuid.uuid4().hex}"
        staging.mkdir(parents=True)
        try:
            fill(staging)
            sync_tree(staging)
            for key in os.listdir(staging):
                _appear(staging / key, self.root / key)
            sync(self.root)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def get(self, key: str) -> Path:
        """The folder under a key, to be read."""
        return self.root / key

    def delete(self, key: str) -> None:
        """Take a folder away, at once for every reader."""
        gone = self.root / f"{PART}{uuid.uuid4().hex}"
        with suppress(FileNotFoundError):
            (self.root / key).rename(gone)
            _remove(gone)

    def sweep(self) -> None:
        """Remove what killed writers left; only for whoever holds the run alone."""
        if self.root.is_dir():
            for place in self.root.glob(f"{PART}*"):
                shutil.rmtree(place, ignore_errors=True)


class Markers:
    """Notes about blocks in flight: who started one, so that whoever meets it again knows that it took its worker down."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def set(self, key: str, note: dict[str, Any]) -> None:
        try:
            write_json(self.root / f"{key}.json", note, durable=False)
        except FileNotFoundError:
            self.root.mkdir(parents=True, exist_ok=True)
            write_json(self.root / f"{key}.json", note, durable=False)

    def get(self, key: str) -> dict[str, Any] | None:
        return read_json(self.root / f"{key}.json")

    def clear(self, key: str) -> None:
        (self.root / f"{key}.json").unlink(missing_ok=True)

    def all(self) -> dict[str, dict[str, Any]]:
        """Every block in flight. Key -> note"""
        names = [path.stem for path in self.root.glob("*.json")] if self.root.is_dir() else []
        return {name: note for name in names if (note := self.get(name)) is not None}

    def sweep(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def alone(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Hold a lock that dies with its holder; gives whether it was free. A shared one may be held by many, while nobody holds it alone.

    Raises:
        ArchiveError: what lies there is no file.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise ArchiveError(f"{path} should be an empty file that we lock; it is a folder. Take it away")
    with path.open("rb" if shared and path.exists() else "a+b") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _appear(part: Path, place: Path) -> bool:
    """Rename a file, or a folder with something in it; of several folders that want one name, every file system lets one have it."""
    try:
        part.rename(place)
    except OSError:
        if not place.exists():
            raise
        return False
    return True


def _remove(folder: Path) -> None:
    """Take away a folder that nobody looks for any more; one of files alone, as most are, without the care that a tree needs.

    Of a link only the link goes: what it leads to is not ours.
    """
    try:
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                os.unlink(entry.path)
        folder.rmdir()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
