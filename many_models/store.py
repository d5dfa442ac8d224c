"""Where models live. A block is there whole or not at all, whatever is killed and whenever."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from forecaster.errors import ArchiveError

_PART = ".part-"


class Store(Protocol):
    """A place for folders under keys. `LocalStore` is one on a file system; others put and get elsewhere."""

    def keys(self) -> set[str]: ...
    def put(self, key: str, fill: Callable[[Path], None]) -> None: ...
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
        """The keys of all folders that are whole."""
        if not self.root.is_dir():
            return set()
        return {entry.name for entry in os.scandir(self.root) if entry.is_dir() and not entry.name.startswith(".")}

    def put(self, key: str, fill: Callable[[Path], None]) -> None:
        """Commit a folder: `fill` writes into an empty one, which then appears under its key at once.

        A folder that is there already stays: the same key is the same content.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        part = self.root / f"{_PART}{uuid.uuid4().hex}"
        part.mkdir()
        try:
            fill(part)
            _sync_tree(part)
            if not (self.root / key).exists():
                part.rename(self.root / key)
                _sync(self.root)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def get(self, key: str) -> Path:
        """The folder under a key, to be read."""
        return self.root / key

    def delete(self, key: str) -> None:
        """Take a folder away, at once for every reader."""
        gone = self.root / f"{_PART}{uuid.uuid4().hex}"
        if (self.root / key).exists():
            (self.root / key).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed writers left; only for whoever holds the run alone."""
        if self.root.is_dir():
            for entry in os.scandir(self.root):
                if entry.name.startswith(_PART):
                    shutil.rmtree(entry.path, ignore_errors=True)


class Markers:
    """Notes about blocks in flight: who started one, so that whoever meets it again knows that it took its worker down."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def set(self, key: str, note: dict[str, Any]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        write_json(self.root / f"{key}.json", note, durable=False)

    def get(self, key: str) -> dict[str, Any] | None:
        note: dict[str, Any] | None = read_json(self.root / f"{key}.json")
        return note

    def clear(self, key: str) -> None:
        (self.root / f"{key}.json").unlink(missing_ok=True)

    def all(self) -> dict[str, dict[str, Any]]:
        """Every block in flight. Key -> note"""
        names = [path.stem for path in self.root.glob("*.json")] if self.root.is_dir() else []
        return {name: note for name in names if (note := self.get(name)) is not None}

    def sweep(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{_PART}{uuid.uuid4().hex}")
    with part.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)
    if durable:
        _sync(path.parent)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write JSON whole or not at all."""
    write_bytes(path, json.dumps(value, indent=1).encode(), durable=durable)


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None where there is no file.

    Raises:
        ArchiveError: the file holds something else.
    """
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise ArchiveError(f"{path} is damaged ({error}); take it from a backup, or train again with resume=False") from None


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold a lock that dies with its holder; gives whether it was free."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _sync_tree(folder: Path) -> None:
    """Have all files and folders on the disk. Together they take hardly longer than one: the disk's journal is written once for many."""
    found = [Path(place) / name for place, _, files in os.walk(folder) for name in [*files, "."]]
    with ThreadPoolExecutor(len(found)) as pool:
        list(pool.map(_sync, found))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
