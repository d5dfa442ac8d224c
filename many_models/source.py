"""Where the rows of a run come from: batches, so that data larger than memory can be partitioned."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import pyarrow as pa

from forecaster import frames
from forecaster.errors import SettingsError, UnknownName
from forecaster.frames import places

BATCH_ROWS = 4_000_000
_OURS_ALONE = "memory://"
"""What only this process can read, so that workers cannot."""


@dataclass(frozen=True)
class Batch:
    """Some rows, and the file that they were read from where a worker could read them again."""

    rows: pa.Table
    file: str | None = None


class Source(Protocol):
    """Rows of a run; those that are `fixed` are the same whenever they are read."""

    @property
    def fixed(self) -> bool: ...
    @property
    def schema(self) -> pa.Schema: ...
    @property
    def kind(self) -> frames.FrameKind: ...
    def batches(self, columns: Sequence[str]) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Frame:
    """A frame in memory, and the kind of frame to give back."""

    table: pa.Table
    kind: frames.FrameKind
    fixed: ClassVar[bool] = True

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        frames.readable(self.table, columns)
        chosen = frames.seen(self.table, columns).select(columns)
        for start in range(0, max(chosen.num_rows, 1), BATCH_ROWS):
            yield Batch(chosen.slice(start, BATCH_ROWS))


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files, read one row group at a time.

    Args:
        files: Absolute paths, or addresses such as s3://bucket/sales.parquet.
    """

    files: tuple[str, ...]
    fixed: ClassVar[bool] = False

    @property
    def schema(self) -> pa.Schema:
        return parquet(self.files).schema

    @property
    def kind(self) -> frames.FrameKind:
        return frames.FrameKind("pandas", dict(zip(self.schema.names, self.schema.types, strict=True)))

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        dataset = parquet(self.files)
        named = dict(zip(places.located(self.files).paths, self.files, strict=True))
        for fragment in dataset.get_fragments():
            file = named[fragment.path]
            for part in fragment.split_by_row_group():
                rows = part.to_table(schema=dataset.schema, columns=list(columns))
                yield Batch(frames.read(rows)[0], None if file.startswith(_OURS_ALONE) else file)


@dataclass(frozen=True)
class Scan:
    """A data set of pyarrow, on any file system, read a batch at a time."""

    dataset: Any
    fixed: ClassVar[bool] = False

    @property
    def schema(self) -> pa.Schema:
        return self.dataset.schema

    @property
    def kind(self) -> frames.FrameKind:
        return frames.FrameKind("arrow", dict(zip(self.schema.names, self.schema.types, strict=True)))

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        for batch in self.dataset.to_batches(columns=list(columns), batch_size=BATCH_ROWS):
            if batch.num_rows:
                yield Batch(frames.read(pa.table(batch))[0])


def parquet(files: Sequence[str]) -> Any:
    """The data set of Parquet files; folders such as `store=CA_1` are columns."""
    from forecaster.frames.files import parquet as opened  # loads pandas: not before it is needed

    return opened(files)


def source(data: Any) -> Source:
    """The rows behind a path, address, folder, glob, list of these, data set of pyarrow, or frame.

    Raises:
        DataError: there is nothing to read, or it cannot be read.
        SettingsError: an address holds a password.
    """
    if hasattr(data, "to_batches") and hasattr(data, "get_fragments"):
        return Scan(data)
    names = _names(data)
    for name in names:
        _refuse_password(name)
    files = places.find(names) if names else None
    if files is not None and {places.kind_of(path) for path in files.paths} == {"parquet"}:
        return ParquetFiles(files.addresses)
    return Frame(*frames.read(data, defer=True))


def check_columns(schema: pa.Schema, needed: Sequence[str], where: str = "data") -> None:
    """Every needed column must be there.

    Raises:
        UnknownName: a needed column is not in the data; the message names the nearest.
    """
    for name in needed:
        if name not in schema.names:
            raise UnknownName.of(f"column of the {where}", name, schema.names)


def _names(data: Any) -> list[str]:
    """The paths and addresses that the data is; none where it is a frame."""
    parts = data if isinstance(data, (list, tuple)) else [data]
    return [os.fspath(part) for part in parts] if all(isinstance(part, (str, os.PathLike)) for part in parts) else []


def _refuse_password(name: str) -> None:
    """A run notes where its rows lie, and others read that."""
    if "://" in name and urlsplit(name).password is not None:
        parts = urlsplit(name)
        raise SettingsError(
            f"the address {parts.scheme}://...@{parts.hostname}{parts.path} holds a password, which would be written into the run; "
            f"give it by the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
