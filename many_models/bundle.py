"""Tables in one file: for each writing its length, Arrow streams, one after the other, and a digest of all that.

A file more is most of what a small table costs, and Parquet most of the rest: what nobody reads but we lies here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from forecaster.archive.regular import bytes_of
from forecaster.errors import ArchiveError
from many_models.files import AFRESH, DIGEST, digest

_NAME, _LENGTH = b"table", 8
_LARGE = 256 * 1024
"""Bytes from which on a table is compressed."""


def write(tables: Mapping[str, pa.Table], file: Path, *, more: bool = False) -> None:
    """Write tables to a file; `more` adds to what is in it, and tables of one name are then one."""
    sink = pa.BufferOutputStream()
    for name, table in tables.items():
        named = table.replace_schema_metadata({_NAME: name})
        options = pa.ipc.IpcWriteOptions(compression="lz4" if table.nbytes > _LARGE else None)
        with pa.ipc.new_stream(sink, named.schema, options=options) as stream:
            stream.write_table(named)
    streams = sink.getvalue()
    length = streams.size.to_bytes(_LENGTH, "big")
    with file.open("ab" if more else "wb") as out:
        out.writelines((length, streams, digest(length, streams)))


def read(file: Path) -> dict[str, pa.Table]:
    """What `write` wrote. Name -> table

    Raises:
        FileNotFoundError: there is no file.
        ArchiveError: it holds something else.
    """
    made: dict[str, list[pa.Table]] = {}
    try:
        for streams in _writings(memoryview(bytes_of(file))):
            for name, table in _tables(pa.BufferReader(streams)):
                made.setdefault(name, []).append(table)
        return {name: tables[0] if len(tables) == 1 else pa.concat_tables(tables) for name, tables in made.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _damaged(file, error) from None


def check(file: Path) -> None:
    """Raise where the file is other than `write` wrote it; quicker than to read it.

    Raises:
        FileNotFoundError: there is no file.
        ArchiveError: it holds something else.
    """
    try:
        for _ in _writings(memoryview(bytes_of(file))):
            pass
    except ValueError as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> ArchiveError:
    return ArchiveError(f"{file} is damaged ({str(error)[:200]}); take it from a backup, or {AFRESH}")


def _writings(data: memoryview) -> Iterator[memoryview]:
    """The streams of each call of `write`."""
    at = 0
    while at < len(data) or not at:
        length, begin = data[at : at + _LENGTH], at + _LENGTH
        at = begin + int.from_bytes(length, "big") + DIGEST
        streams, seal = data[begin : at - DIGEST], data[at - DIGEST : at]
        if digest(length, streams) != seal:
            raise ValueError("its digest is another one")
        yield streams


def _tables(source: pa.BufferReader) -> list[tuple[str, pa.Table]]:
    made = []
    while source.tell() < source.size():
        table = pa.ipc.open_stream(source).read_all()
        table.validate(full=True)
        made.append((table.schema.metadata[_NAME].decode(), table.replace_schema_metadata(None)))
    return made
