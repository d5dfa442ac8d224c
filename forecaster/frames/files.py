"""CSV and Parquet files, wherever pyarrow can open them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.fs

from forecaster.errors import DataError
from forecaster.frames.dialect import padded, sniffed
from forecaster.frames.kinds import TypesDiffer, common

_FORMATS = {"parquet": (".parquet", ".pq"), "csv": (".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".tsv", ".tsv.gz")}
_NO_KEY = "__HIVE_DEFAULT_PARTITION__"
_MAGIC = re.compile(r"[*?\[]")
_WIDER = {"null": pa.int64(), "int64": pa.float64(), "date32[day]": pa.timestamp("s"), "timestamp[s]": pa.timestamp("ns")}


def read(paths: list[str], columns: list[str] | None = None) -> pa.Table:
    """One table of all files that the paths name.

    Args:
        paths: Files, folders (flat or hive) and globs; local paths or URIs that pyarrow knows.
        columns: The columns to read; all where absent.

    Raises:
        DataError: A path names no file, or a file cannot be read; the message names it.
    """
    system, files = _find(paths)
    tables = [_load(system, kind, found, columns) for kind in _FORMATS if (found := [file for file in files if _format(file) == kind])]
    return tables[0] if len(tables) == 1 else _together(tables)


def parquet(files: Sequence[str], *, hive: bool = True) -> Any:
    """The pyarrow data set of local Parquet files, whose types hold what every file has.

    Args:
        files: Paths of the files.
        hive: Whether folders such as `store=CA_1` are columns.

    Raises:
        DataError: A file cannot be read, or a column has types that do not go together; the message names it.
    """
    found = list(files)
    opened = partial(pyarrow.dataset.dataset, found, format="parquet")
    try:
        schema = _agreed(opened(), _keys(found) if hive else {}, set(), texts=False)
        return opened(schema=schema, partitioning="hive" if hive else None)
    except (pa.ArrowException, OSError, TypesDiffer) as error:
        raise DataError(f"{found[0]!r}{' ...' if len(found) > 1 else ''} cannot be read: {error}") from error


def _together(tables: list[pa.Table]) -> pa.Table:
    """Tables of different formats; what CSV cannot tell is what Parquet says."""
    kinds = {name: [table.schema.field(name).type for table in tables if name in table.column_names] for name in tables[0].column_names}
    agreed = {name: common(name, list(dict.fromkeys(found)), texts=True) for name, found in kinds.items()}
    cast = [table.cast(pa.schema([field.with_type(agreed.get(field.name, field.type)) for field in table.schema])) for table in tables]
    return pa.concat_tables(cast, promote_options="permissive")


def _find(paths: list[str]) -> tuple[pa.fs.FileSystem, list[str]]:
    """The file system, and all files with data in them, in order."""
    files: list[str] = []
    system: Any = None
    for path in paths:
        system, place = _system(path)
        found = _under(system, place)
        if not found:
            raise DataError(f"no CSV or Parquet file at {path!r}; expected a file, a folder or a glob of {_endings()}")
        files += found
    return system, list(dict.fromkeys(files))


def _system(path: str) -> tuple[pa.fs.FileSystem, str]:
    if "://" not in path:
        return pa.fs.LocalFileSystem(), os.path.expanduser(path)
    try:
        return tuple(pa.fs.FileSystem.from_uri(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path!r} cannot be opened: {error}") from error


def _under(system: pa.fs.FileSystem, place: str) -> list[str]:
    info = system.get_file_info(place)
    if info.type == pa.fs.FileType.File:
        if _format(place) is None:
            raise DataError(f"{place!r} is neither CSV nor Parquet by its name; expected one of {_endings()}")
        return [place]
    base = place if info.type == pa.fs.FileType.Directory else _base(place)
    selector = pa.fs.FileSelector(base, recursive=True, allow_not_found=True)
    listed = sorted(item.path for item in system.get_file_info(selector) if item.type == pa.fs.FileType.File)
    return [file for file in listed if _format(file) and not _hidden(file[len(base) :]) and (base == place or _matches(file, place))]


def _base(glob: str) -> str:
    """The folder that a glob starts from."""
    if not (magic := _MAGIC.search(glob)):
        return glob
    return glob[: magic.start()].rpartition("/")[0] or ("/" if glob.startswith("/") else ".")


def _matches(file: str, glob: str) -> bool:
    """Whether the glob names the file or a folder above it; `**` is any number of folders."""
    names, wanted = [[part for part in path.split("/") if part not in ("", ".")] for path in (file, glob)]
    return _follows(names, wanted)


def _follows(names: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_follows(names[i:], wanted[1:]) for i in range(len(names) + 1))
    return bool(names) and fnmatch(names[0], wanted[0]) and _follows(names[1:], wanted[1:])


def _hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) and "=" not in part for part in path.split("/"))


def _format(file: str) -> str | None:
    return next((kind for kind, endings in _FORMATS.items() if file.lower().endswith(endings)), None)


def _endings() -> str:
    return ", ".join(f"*{ending}" for endings in _FORMATS.values() for ending in endings)


def _load(system: pa.fs.FileSystem, kind: str, files: list[str], columns: list[str] | None) -> pa.Table:
    """Read files of one format; a column takes the type that holds what every file has in it."""
    told = ", ".join(map(repr, files[:3])) + " ..." * (len(files) > 3)
    try:
        reader, codes = sniffed(system, files[0]) if kind == "csv" else (kind, set())
        dataset = partial(pa.dataset.dataset, files, filesystem=system, format=reader)
        schema = _agreed(dataset(), _keys(files), codes, texts=kind == "csv")
        table = _scan(partial(dataset, partitioning="hive"), schema, columns)
    except (pa.ArrowException, OSError, TypesDiffer) as error:
        raise DataError(f"{told} cannot be read: {error}") from error
    if kind == "csv" and (foreign := [field.name for field in table.schema if pa.types.is_binary(field.type)]):
        raise DataError(f"{told}: the columns {foreign} hold texts that are not UTF-8; save the file as UTF-8")
    return table


def _keys(files: Sequence[str]) -> dict[str, pa.DataType]:
    """The keys of hive folders: whole numbers, or texts, which codes such as `store=007` are too."""
    parts = {part.partition("=") for file in files for part in file.split("/")[:-1] if "=" in part}
    values: dict[str, set[str]] = {}
    for key, _, value in parts:
        values.setdefault(key, set()).update({value} - {_NO_KEY})
    return {key: pa.string() if padded(found) or not all(map(_fits, found)) else pa.int32() for key, found in values.items()}


def _fits(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,10}", text) is not None and -(2**31) <= int(text) < 2**31


def _agreed(dataset: Any, keys: Mapping[str, pa.DataType], codes: set[str], texts: bool) -> pa.Schema:
    """The types that hold what every file has; `codes` are texts, and so, where `texts`, are columns that do not go together.

    Keys of folders that are columns of the files too have the type of these, though not as dictionaries, which Arrow makes of no key.
    """
    fields: dict[str, dict[pa.DataType, None]] = {}
    for schema in [dataset.schema, *(fragment.physical_schema for fragment in dataset.get_fragments())]:
        for field in schema:
            kind = field.type.value_type if field.name in keys and pa.types.is_dictionary(field.type) else field.type
            fields.setdefault(field.name, {})[kind] = None
    for key, kind in keys.items():
        fields.setdefault(key, {kind: None})
    return pa.schema([(name, pa.string() if name in codes else common(name, list(kinds), texts=texts)) for name, kinds in fields.items()])


def _scan(dataset: Callable[..., Any], schema: pa.Schema, columns: list[str] | None) -> pa.Table:
    kept = None if columns is None else [name for name in schema.names if name in columns]
    while True:
        try:
            return dataset(schema=schema).to_table(columns=kept)
        except pa.ArrowInvalid as error:
            schema = _widened(schema, error)


def _widened(schema: pa.Schema, error: pa.ArrowInvalid) -> pa.Schema:
    """Types of a CSV file are guessed from its first part; what comes later may need a wider one."""
    told = re.search(r"In CSV column #(\d+): (?:Row #\d+: )?CSV conversion error to ([\w\[\]]+)", str(error))
    if not told or int(told[1]) >= len(schema) or pa.types.is_string(schema.field(int(told[1])).type):
        raise error
    column = schema.field(int(told[1]))
    return schema.set(int(told[1]), column.with_type(_WIDER.get(str(column.type), pa.string())))
