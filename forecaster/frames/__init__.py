"""The two ends: Arrow inside, the user's kind of frame outside. Nothing between the two ends sees a frame."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError, MissingExtra
from forecaster.frames.kinds import family
from forecaster.frequency import Frequency

Ints = NDArray[np.int64]

_NAMES = {"polars.DataFrame": "polars", "polars.LazyFrame": "lazy"}


@dataclass(frozen=True)
class FrameKind:
    """What kind of frame came, so that the same kind is given back.

    Args:
        name: "pandas", "polars", "lazy" (polars), "arrow" or "duckdb".
        types: Arrow types of the columns that came; columns of the same name leave with them.
        enums: Enumerations of polars, which Arrow cannot tell from other categories.
    """

    name: str = "pandas"
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    enums: Mapping[str, Any] = field(default_factory=dict)


def read(data: Any, columns: Iterable[str] | None = None) -> tuple[pa.Table, FrameKind]:
    """Read data of any kind.

    Args:
        data: A path, folder (flat or hive), glob or list of paths of CSV or Parquet files, or a frame: pandas (named index
            levels become columns), polars (also lazy), pyarrow, a DuckDB relation, or anything with `__arrow_c_stream__`.
        columns: The columns to read; all where absent. Names that the data lacks are passed over.

    Returns:
        The data as an Arrow table, and its kind for `give`.

    Raises:
        DataError: There is no such file, a file cannot be read, or a column cannot be held; the message names it.
    """
    wanted = None if columns is None else list(dict.fromkeys(columns))
    name, table = _open(data, wanted)
    _refuse_twins(table.column_names)
    kept = table.column_names if wanted is None else [column for column in wanted if column in table.column_names]
    table = _plain(table.select(kept))
    return table, FrameKind("pandas" if name == "files" else name, _types(table, name), _enums(data, name))


def give(table: pa.Table, kind: FrameKind) -> Any:
    """The table as the kind of frame that came: pandas for paths, a relation for DuckDB, Arrow for all that is unknown.

    Stamps, whole numbers, texts and categories in columns that came leave in the type they came in; computed numbers stay
    floats. Stamps that came as text leave as stamps. A relation is one of DuckDB's default connection.
    """
    table = _as_came(table, kind.types)
    if kind.name == "pandas":
        return table.to_pandas()
    if kind.name in ("polars", "lazy"):
        frame = _module("polars").from_arrow(table)
        frame = frame.cast({column: kind.enums[column] for column in frame.columns if column in kind.enums})
        return frame.lazy() if kind.name == "lazy" else frame
    return _module("duckdb").from_arrow(table) if kind.name == "duckdb" else table


def long(ids: Mapping[str, NDArray[Any]], frequency: Frequency, steps: Ints, columns: Mapping[str, NDArray[Any]], time: str) -> pa.Table:
    """One row per series and step.

    Args:
        ids: The series columns. Column name -> (series,)
        frequency: Turns steps into stamps.
        steps: (series, n)
        columns: Column name -> (series, n)
        time: Name of the column of stamps.

    Returns:
        Series columns, stamps (in the zone of the frequency), and the columns, series after series. (series * n rows)
    """
    rows = np.repeat(np.arange(steps.shape[0]), steps.shape[1])
    at = pa.array(rows)
    stamps = pa.array(frequency.stamps(steps.reshape(-1)))
    if frequency.zone is not None:
        stamps = stamps.cast(pa.timestamp("us", frequency.zone))
    table = {name: pa.array(values).take(at) for name, values in ids.items()}
    table[time] = stamps
    return pa.table(table | {name: pa.array(values.reshape(-1)) for name, values in columns.items()})


def _open(data: Any, wanted: list[str] | None) -> tuple[str, pa.Table]:
    """The kind of the data ("files" for paths), and the data as Arrow."""
    paths = [data] if isinstance(data, (str, os.PathLike)) else data
    if isinstance(paths, (list, tuple)) and paths and all(isinstance(path, (str, os.PathLike)) for path in paths):
        from forecaster.frames import files

        return "files", files.read([os.fspath(path) for path in paths], wanted)
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    if kind == "pandas.DataFrame":
        return "pandas", _from_pandas(data, wanted)
    if kind.startswith("pyarrow.") and hasattr(data, "to_table"):
        return "arrow", data.to_table(columns=None if wanted is None else [name for name in data.schema.names if name in wanted])
    if kind == "polars.LazyFrame" or (hasattr(data, "__arrow_c_stream__") and not kind.endswith(".Series")):
        name = _NAMES.get(kind, "duckdb" if "DuckDB" in kind else "arrow")
        return name, _from_stream(data.collect() if name == "lazy" else data, wanted)
    raise DataError(
        f"expected a path, folder, glob or list of paths of CSV or Parquet files, or a frame of pandas, polars, pyarrow or DuckDB, but got "
        f"{type(data).__module__}.{type(data).__name__}; turn it into a frame with one column per part, such as pandas.DataFrame(...)"
    )


def _from_stream(data: Any, wanted: list[str] | None) -> pa.Table:
    """Anything with the Arrow interface; polars leaves out first what is not wanted, so that it need not be held."""
    if hasattr(data, "select") and hasattr(data, "schema") and wanted is not None and isinstance(data.schema, Mapping):
        data = data.select([name for name in data.schema if name in wanted])
    try:
        return pa.table(data)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(
            f"the frame cannot be read as Arrow: {error}; expected columns of numbers, texts or dates: convert or drop others"
        ) from error


def _types(table: pa.Table, name: str) -> dict[str, pa.DataType]:
    """The types that columns leave with: as they came, but dates of files, which came in no type of pandas, as its timestamps."""
    kinds = [pa.timestamp("us") if name == "files" and pa.types.is_date(kind) else kind for kind in table.schema.types]
    return dict(zip(table.column_names, kinds, strict=True))


def _enums(data: Any, name: str) -> dict[str, Any]:
    schema = data.collect_schema() if name in ("polars", "lazy") else {}
    return {column: dtype for column, dtype in schema.items() if type(dtype).__name__ == "Enum"}


def _from_pandas(data: Any, wanted: list[str] | None) -> pa.Table:
    _refuse_twins([str(name) for name in data.columns])
    levels = [(name, data.index.get_level_values(i)) for i, name in _levels(data.index) if name not in data.columns]
    columns = {str(name): values for name, values in [*levels, *data.items()]}
    return pa.table({name: _held(name, values) for name, values in columns.items() if wanted is None or name in wanted})


def _levels(index: Any) -> list[tuple[int, Any]]:
    """The levels of an index that hold something, with the names that pandas gives to those without: row numbers do not."""
    if index.nlevels > 1:
        return [(i, f"level_{i}" if name is None else name) for i, name in enumerate(index.names)]
    unnamed = "index" if index.dtype.kind == "M" or str(index.dtype).startswith("period[") else None
    return [(0, name)] if (name := unnamed if index.name is None else index.name) is not None else []


def _held(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    """A column of pandas as Arrow, or an error that names the column and what does not go together."""
    if values.dtype == object:
        _refuse_mixture(name, values)
        values = _with_clocks(values)
    kind = str(values.dtype)
    if kind.startswith("period["):
        values = getattr(values, "dt", values).to_timestamp()
    elif kind.startswith("Sparse["):
        values = np.asarray(values)
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(f"column {name!r} cannot be read: {error}; expected numbers, texts or dates: convert or drop it") from error


def _with_clocks(values: Any) -> Any:
    """Dates beside times as times: Arrow would take the clock off all that come after a date."""
    if _pandas_type(values) != "date" or not any(hasattr(value, "hour") for value in values):
        return values
    return np.array([np.datetime64(None if _kind(value) is None else value, "us") for value in values])


def _refuse_mixture(name: str, values: Any) -> None:
    """Numbers beside texts, or stamps of several time zones, are not one column: `1` and `"1"` may be one series or two."""
    if _pandas_type(values) in ("string", "integer", "floating", "boolean", "decimal", "empty"):
        return
    kinds: dict[str, Any] = {}
    for value in np.asarray(values, object):
        if (kind := _kind(value)) is not None:
            kinds.setdefault(kind, value)
        if len(kinds) > 1:
            (one, first), (other, second) = kinds.items()
            advice = (
                "convert it to one time zone"
                if "time" in one and "time" in other
                else f"data[{name!r}].astype(str) for names, pandas.to_numeric(data[{name!r}], errors='coerce') for numbers"
            )
            raise DataError(f"column {name!r} mixes {one} ({first!r}) and {other} ({second!r}); expected one type: {advice}")


def _pandas_type(values: Any) -> str:
    from pandas.api.types import infer_dtype

    return str(infer_dtype(values, skipna=True))


def _kind(value: Any) -> str | None:
    """What a value is, in a word; None where it is missing."""
    if value is None or str(value) in ("nan", "NaT", "<NA>"):
        return None
    if isinstance(value, date):
        zone = getattr(value, "tzinfo", None)
        return f"time in zone {zone}" if zone else "time without zone"
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


def _refuse_twins(names: Sequence[str]) -> None:
    twins = sorted({name for name in names if list(names).count(name) > 1})
    if twins:
        raise DataError(f"columns {twins} are there more than once; expected each name once: rename or drop the copies")


def _plain(table: pa.Table) -> pa.Table:
    """Texts as one Arrow type, one dictionary per column of categories, and all else as it is held: every later step knows few types."""
    for i, column in enumerate(table.schema):
        if (plain := _as_plain(table.column(i))) is not None:
            table = table.set_column(i, column.name, plain)
    return table


def _as_plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column in a plain type; None where it is in one."""
    kind = column.type
    if pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_run_end_encoded(kind):
        return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return column.cast(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _one_dictionary(column) if family(kind) == "text" else column.cast(kind.value_type)
    return None


def _one_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string_view(column.type.value_type):
        named = [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string())) for chunk in column.chunks]
        column = pa.chunked_array(named, pa.dictionary(column.type.index_type, pa.string()))
    return column.unify_dictionaries()


def _as_came(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    for i, column in enumerate(table.schema):
        came = types.get(column.name, column.type)
        if came != column.type and family(came) == family(column.type) != "other":
            table = table.set_column(i, column.name, _cast(table.column(i), came))
    return table


def _cast(column: pa.ChunkedArray, came: pa.DataType) -> pa.ChunkedArray:
    """The column in the type that came, or as it is where that type cannot hold it."""
    try:
        return column.cast(came)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column


def _module(name: str) -> Any:
    if (module := sys.modules.get(name)) is None:
        try:
            module = __import__(name)
        except ImportError:
            raise MissingExtra.of(f"giving a {name} frame back", name, "dev") from None
    return module
