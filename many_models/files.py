"""Files of a run: each is there whole or not at all, and a byte that is flipped anywhere in it is noticed."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.archive.regular import bytes_of
from forecaster.archive.sealed import sealed, unsealed
from forecaster.errors import ArchiveError

PART = ".part-"
"""What the names of files and folders in the making begin with."""
_WAITING, _EACH = 16, 3
"""Threads that wait for the disk, and files that one of them takes at least: to wake one costs as much as to sync one."""
AFRESH = "train again with resume=False (--fresh)"
"""What can be done about any damaged file of a run."""
DIGEST = 32
"""Length of a digest, in bytes."""
_FEW = 4096
"""Rows up to which a table is one plain page per column, on one thread: all else about it takes longer than it saves."""


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{PART}{uuid.uuid4().hex}")
    with part.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)
    if durable:
        sync(path.parent)


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


def sync_tree(folder: Path) -> None:
    """Have all files and folders on the disk. Together they take hardly longer than one: the disk's journal is written once for many."""
    found = [os.path.join(place, name) for place, _, files in os.walk(folder) for name in [*files, "."]]
    parts = min(_WAITING, -(-len(found) // _EACH))
    list(_syncing().map(_sync_all, [found[i::parts] for i in range(parts)]))


def _sync_all(paths: Sequence[str]) -> None:
    for path in paths:
        sync(path)


@cache
def _syncing() -> ThreadPoolExecutor:
    """The threads that wait for the disk: to start some for each block would take longer than all else about it."""
    return ThreadPoolExecutor(_WAITING)


os.register_at_fork(after_in_child=_syncing.cache_clear)


def sync(path: str | Path) -> None:
    """Have a file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
