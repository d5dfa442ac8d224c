"""Where the rows of a run come from: batches, so that data larger than memory can be partitioned."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from forecaster import frames
from forecaster.errors import UnknownName

BATCH_ROWS = 4_000_000
_ENDINGS = (".parquet", ".pq")


@dataclass(frozen=True)
class Batch:
    """Some rows, and the file that they were read from where a worker could read them again."""

    rows: pa.Table
    file: str | None = None


class Source(Protocol):
    """Rows of a run."""

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

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        frames.readable(self.table, columns)
        chosen = self.table.select(columns)
        for start in range(0, max(chosen.num_rows, 1), BATCH_ROWS):
            yield Batch(chosen.slice(start, BATCH_ROWS))


@dataclass(frozen=True)
class ParquetFiles:
    """Local Parquet files, read one row group at a time."""

    files: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        return parquet(self.files).schema

    @property
    def kind(self) -> frames.FrameKind:
        return frames.FrameKind("pandas", dict(zip(self.schema.names, self.schema.types, strict=True)))

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        dataset = parquet(self.files)
        for fragment in dataset.get_fragments():
            for part in fragment.split_by_row_group():
                rows = part.to_table(schema=dataset.schema, columns=list(columns))
                yield Batch(frames.read(rows)[0], str(fragment.path))


def parquet(files: Sequence[str], *, hive: bool = True) -> Any:
    """The data set of Parquet files; where `hive`, folders such as `store=CA_1` are columns."""
    from forecaster.frames.files import parquet as opened  # loads pandas: not before it is needed

    return opened(files, hive=hive)


def source(data: Any) -> Source:
    """The rows behind a path, folder, glob, list of paths or frame.

    Raises:
        DataError: there is nothing to read, or it cannot be read.
    """
    files = _parquet_files(data)
    return ParquetFiles(files) if files else Frame(*frames.read(data, defer=True))


def check_columns(schema: pa.Schema, needed: Sequence[str], where: str = "data") -> None:
    """Every needed column must be there.

    Raises:
        UnknownName: a needed column is not in the data; the message names the nearest.
    """
    for name in needed:
        if name not in schema.names:
            raise UnknownName.of(f"column of the {where}", name, schema.names)


def _parquet_files(data: Any) -> tuple[str, ...]:
    """The local Parquet files behind a path, folder, glob or list; none where it is something else."""
    parts = data if isinstance(data, (list, tuple)) else [data]
    if not parts or not all(isinstance(part, (str, Path)) for part in parts):
        return ()
    found = [file for part in parts for file in _files(str(part))]
    return tuple(dict.fromkeys(found)) if all(file.lower().endswith(_ENDINGS) for file in found) else ()


def _files(path: str) -> list[str]:
    """The files behind one path; folders are searched, hidden files passed over."""
    found = [path] if Path(path).exists() else sorted(glob.glob(path, recursive=True))
    return [str(file.absolute()) for part in found for file in ([Path(part)] if Path(part).is_file() else _below(Path(part)))]


def _below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and not _hidden(file.relative_to(folder)))


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) and "=" not in part for part in path.parts)
