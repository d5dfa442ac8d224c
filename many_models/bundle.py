"""Tables in one file: Arrow streams, one after the other, and a digest of them at the end.

A file more is most of what a small table costs, and Parquet most of the rest: what nobody reads but we lies here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from forecaster.errors import ArchiveError

_NAME, _DIGEST = b"table", 32
_LARGE = 256 * 1024
"""Bytes from which on a table is compressed."""


def write(tables: Mapping[str, pa.Table], file: Path) -> None:
    """Write tables to a file."""
    sink = pa.BufferOutputStream()
    for name, table in tables.items():
        named = table.replace_schema_metadata({_NAME: name})
        options = pa.ipc.IpcWriteOptions(compression="lz4" if table.nbytes > _LARGE else None)
        with pa.ipc.new_stream(sink, named.schema, options=options) as stream:
            stream.write_table(named)
    data = sink.getvalue()
    with file.open("wb") as out:
        out.write(data)
        out.write(hashlib.blake2b(data, digest_size=_DIGEST).digest())


def read(file: Path) -> dict[str, pa.Table]:
    """What `write` wrote. Name -> table

    Raises:
        FileNotFoundError: there is no file.
        ArchiveError: it holds something else.
    """
    data = file.read_bytes()
    streams, digest = memoryview(data)[:-_DIGEST], data[-_DIGEST:]
    try:
        if hashlib.blake2b(streams, digest_size=_DIGEST).digest() != digest:
            raise ValueError("its digest is another one")
        return dict(_tables(pa.BufferReader(streams)))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise ArchiveError(f"{file} is damaged ({str(error)[:200]}); take it from a backup, or train again with resume=False") from None


def _tables(source: pa.BufferReader) -> list[tuple[str, pa.Table]]:
    made = []
    while source.tell() < source.size():
        table = pa.ipc.open_stream(source).read_all()
        table.validate(full=True)
        made.append((table.schema.metadata[_NAME].decode(), table.replace_schema_metadata(None)))
    return made
