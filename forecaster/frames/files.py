"""CSV and Parquet files, wherever pyarrow can open them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.fs

from forecaster.errors import DataError
from forecaster.frames.dialect import padded, sniffed
from forecaster.frames.kinds import TypesDiffer, common
from forecaster.frames.places import FORMATS, find, kind_of, located

_NO_KEY = "__HIVE_DEFAULT_PARTITION__"
_WIDER = {"null": pa.int64(), "int64": pa.float64(), "date32[day]": pa.timestamp("s"), "timestamp[s]": pa.timestamp("ns")}


def read(paths: list[str], columns: list[str] | None = None) -> pa.Table:
    """One table of all files that the paths name.

    Args:
        paths: Files, folders (flat or hive) and globs; local paths or addresses that pyarrow or fsspec knows.
        columns: The columns to read; all where absent.

    Raises:
        DataError: A path names no file, or a file cannot be read; the message names it.
    """
    files = find(paths)
    by_kind = {kind: [file for file in files.paths if kind_of(file) == kind] for kind in FORMATS}
    tables = [_load(files.system.arrow, kind, found, columns) for kind, found in by_kind.items() if found]
    return tables[0] if len(tables) == 1 else _together(tables)


def parquet(files: Sequence[str]) -> Any:
    """The pyarrow data set of Parquet files, whose types hold what every file has; folders such as `store=CA_1` are columns.

    Args:
        files: Paths or addresses of the files.

    Raises:
        DataError: A file cannot be read, or a column has types that do not go together; the message names it.
    """
    there = located(files)
    found = list(there.paths)
    opened = partial(pyarrow.dataset.dataset, found, format="parquet", filesystem=there.system.arrow)
    try:
        schema = _agreed(opened(), _keys(found), set(), texts=False)
        return opened(schema=schema, partitioning="hive")
    except (pa.ArrowException, OSError, TypesDiffer) as error:
        raise DataError(f"{found[0]!r}{' ...' if len(found) > 1 else ''} cannot be read: {error}") from error


def _together(tables: list[pa.Table]) -> pa.Table:
    """Tables of different formats; what CSV cannot tell is what Parquet says."""
    kinds = {name: [table.schema.field(name).type for table in tables if name in table.column_names] for name in tables[0].column_names}
    agreed = {name: common(name, list(dict.fromkeys(found)), texts=True) for name, found in kinds.items()}
    cast = [table.cast(pa.schema([field.with_type(agreed.get(field.name, field.type)) for field in table.schema])) for table in tables]
    return pa.concat_tables(cast, promote_options="permissive")


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
