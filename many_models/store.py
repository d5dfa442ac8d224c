"""Where models live. A block is there whole or not at all, whatever is killed and whenever."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.archive.regular import bytes_of
from forecaster.archive.sealed import sealed, unsealed
from forecaster.errors import ArchiveError, SettingsError

_PART = ".part-"
_WAITING, _EACH = 16, 3
"""Threads that wait for the disk, and files that one of them takes at least: to wake one costs as much as to sync one."""
AFRESH = "train again with resume=False (--fresh)"
"""What can be done about any damaged file of a run."""
DIGEST = 32
"""Length of a digest, in bytes."""
_FEW = 4096
"""Rows up to which a table is one plain page per column, on one thread: all else about it takes longer than it saves."""


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
        part = self.root / f"{_PART}{uuid.uuid4().hex}"
        part.mkdir(parents=True)
        made = False
        try:
            fill(part)
            sync_tree(part)
            made = _appear(part, self.root / key)
            _sync(self.root)
        finally:
            if not made:
                shutil.rmtree(part, ignore_errors=True)
        return made

    def put_all(self, fill: Callable[[Path], None]) -> None:
        """Commit many files or folders, with one wait for the disk: `fill` writes them, and each then appears at once under its name."""
        staging = self.root / f"{_PART}{uuid.uuid4().hex}"
        staging.mkdir(parents=True)
        try:
            fill(staging)
            sync_tree(staging)
            for key in os.listdir(staging):
                _appear(staging / key, self.root / key)
            _sync(self.root)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def get(self, key: str) -> Path:
        """The folder under a key, to be read."""
        return self.root / key

    def delete(self, key: str) -> None:
        """Take a folder away, at once for every reader."""
        gone = self.root / f"{_PART}{uuid.uuid4().hex}"
        with suppress(FileNotFoundError):
            (self.root / key).rename(gone)
            _remove(gone)

    def sweep(self) -> None:
        """Remove what killed writers left; only for whoever holds the run alone."""
        if self.root.is_dir():
            for place in self.root.glob(f"{_PART}*"):
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


def write_json(path: Path, value: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a JSON object whole or not at all, with a digest of it."""
    write_bytes(path, sealed(value), durable=durable)


def read_json(path: Path, cure: str = AFRESH) -> dict[str, Any] | None:
    """What `write_json` wrote; None where there is no file.

    Args:
        path: The file.
        cure: What else can be done where it is damaged and there is no backup.

    Raises:
        ArchiveError: the file holds something else.
    """
    try:
        data = bytes_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return unsealed(data)
    except ValueError as error:
        raise ArchiveError(f"{path} is damaged ({error}); take it from a backup, or {cure}") from None


def write_parquet(table: pa.Table, where: Path) -> None:
    """Write Parquet with a digest of the whole file, so that every other byte is noticed."""
    where.write_bytes(parquet_bytes(table))


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file.

    Its digest lies between the last page and the footer. Readers begin at the end of the file and go where the footer sends them, so none
    meets it; the checksums of pages, which they know, leave out the footer.
    """
    sink, rich = pa.BufferOutputStream(), table.num_rows > _FEW
    pq.write_table(table, sink, write_page_checksum=True, use_dictionary=rich, write_statistics=rich)
    data = memoryview(sink.getvalue())
    foot = _footer(data)
    return b"".join((data[:foot], digest(data[:foot], data[foot:]), data[foot:]))


def _footer(data: memoryview) -> int:
    """Where the footer of a Parquet file begins."""
    return max(len(data) - 8 - int.from_bytes(data[-8:-4], "little"), 0)


def digest(*parts: bytes | memoryview | pa.Buffer) -> bytes:
    """What any other bytes would not have."""
    whole = hashlib.blake2b(digest_size=DIGEST)
    for part in parts:
        whole.update(part)
    return whole.digest()


def _unchanged(data: memoryview) -> bool:
    foot = _footer(data)
    seal = max(foot - DIGEST, 0)
    return digest(data[:seal], data[foot:]) == data[seal:foot]


def read_parquet(
    path: Path, kinds: Mapping[str, pa.DataType] | None = None, columns: Sequence[str] | None = None, cure: str = AFRESH
) -> pa.Table:
    """What `write_parquet` wrote.

    Args:
        path: The file.
        kinds: Columns that must be there, and their types.
        columns: Those that are wanted, which is quicker than all.
        cure: What else can be done where it is damaged and there is no backup.

    Raises:
        FileNotFoundError: there is no file.
        ArchiveError: it holds something else.
    """
    data = bytes_of(path)
    try:
        if not _unchanged(memoryview(data)):
            raise ValueError("its digest is another one")
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            table = file.read(None if columns is None else [*columns], use_threads=file.metadata.num_rows > _FEW)
    except (OSError, pa.ArrowException, ValueError) as error:
        if isinstance(error, OSError) and (error.errno is not None or type(error) is not OSError):
            raise  # the disk's fault, or no such file: damage is a plain OSError of Arrow's
        raise ArchiveError(f"{path} is damaged ({str(error)[:200]}); take it from a backup, or {cure}") from None
    if wrong := [name for name, kind in (kinds or {}).items() if name not in table.column_names or table.schema.field(name).type != kind]:
        raise ArchiveError(f"{path} has no column {wrong[0]!r} of the right type; take it from a backup, or {cure}")
    return table


def read_object(path: Path, kinds: Mapping[str, Any], cure: str = AFRESH) -> dict[str, Any] | None:
    """A JSON object with these keys; None where there is no file. `cure` is as for `read_json`.

    Raises:
        ArchiveError: the file holds something else.
    """
    told = read_json(path, cure)
    wrong = [] if told is None else [name for name, kind in kinds.items() if not isinstance(told.get(name), kind)]
    if wrong:
        raise ArchiveError(f"{path} is damaged (it has no {wrong[0]!r} as it should be); take it from a backup, or {cure}")
    return told


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


def sync_tree(folder: Path) -> None:
    """Have all files and folders on the disk. Together they take hardly longer than one: the disk's journal is written once for many."""
    found = [os.path.join(place, name) for place, _, files in os.walk(folder) for name in [*files, "."]]
    parts = min(_WAITING, -(-len(found) // _EACH))
    list(_syncing().map(_sync_all, [found[i::parts] for i in range(parts)]))


def _sync_all(paths: Sequence[str]) -> None:
    for path in paths:
        _sync(path)


@cache
def _syncing() -> ThreadPoolExecutor:
    """The threads that wait for the disk: to start some for each block would take longer than all else about it."""
    return ThreadPoolExecutor(_WAITING)


os.register_at_fork(after_in_child=_syncing.cache_clear)


def _sync(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
