"""The two ends: Arrow inside, the user's kind of frame outside. Nothing between the two ends sees a frame."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.errors import DataError, MissingExtra
from forecaster.frames import given, held
from forecaster.frames.held import refuse_twins
from forecaster.frames.kinds import family
from forecaster.frames.pool import bytes_of, room
from forecaster.frames.texts import memory
from forecaster.frequency import Frequency

Ints = NDArray[np.int64]

_PER_SECOND = {"s": 1, "ms": 1_000}
_NAMES = {"polars.DataFrame": "polars", "polars.LazyFrame": "lazy"}


@dataclass(frozen=True)
class FrameKind:
    """What kind of frame came, so that the same kind is given back.

    Args:
        name: "pandas", "polars", "lazy" (polars), "arrow", "duckdb" or "spark".
        types: Arrow types of the columns that came; columns of the same name leave with them.
        enums: Enumerations of polars, which Arrow cannot tell from other categories.
    """

    name: str = "pandas"
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    enums: Mapping[str, Any] = field(default_factory=dict)


def read(data: Any, columns: Iterable[str] | None = None, *, defer: bool = False) -> tuple[pa.Table, FrameKind]:
    """Read data of any kind.

    Args:
        data: A path, folder (flat or hive), glob or list of paths of CSV or Parquet files, or a frame: pandas (named index
            levels become columns), polars (also lazy), pyarrow, a DuckDB relation, a frame of Spark (brought to this process), or
            anything with `__arrow_c_stream__`.
        columns: The columns to read; all where absent. Names that the data lacks are passed over.
        defer: Whether columns of pandas are looked at only once they play a part: those that cannot be held are nulls for now, which
            `readable` refuses, and numbers and stamps may have NaN and NaT for nulls, which `seen` puts in.

    Returns:
        The data as an Arrow table, and its kind for `give`.

    Raises:
        DataError: There is no such file, a file cannot be read, or a column cannot be held; the message names it.
    """
    wanted = None if columns is None else list(dict.fromkeys(columns))
    name, table = _open(data, wanted, defer)
    refuse_twins(table.column_names)
    kept = table.column_names if wanted is None else [column for column in wanted if column in table.column_names]
    table = _plain(table.select(kept))
    return table, FrameKind("pandas" if name == "files" else name, _types(table, name), _enums(data, name))


def readable(table: pa.Table, columns: Iterable[str]) -> None:
    """Refuse columns that could not be held when the data was read.

    Raises:
        DataError: One of `columns` could not; the message is that of `read`.
    """
    for name in columns:
        if held.UNREADABLE in (metadata := table.schema.field(name).metadata or {}):
            raise DataError(metadata[held.UNREADABLE].decode())


def seen(table: pa.Table, columns: Iterable[str]) -> pa.Table:
    """The table with nulls for whatever is missing in `columns`, where nobody had looked for it when the data was read."""
    for name in columns:
        field = table.schema.field(at := table.schema.get_field_index(name))
        if held.UNSEEN in (field.metadata or {}):
            chunks = [held.seen(chunk) for chunk in table.column(at).chunks]
            table = table.set_column(at, field.remove_metadata(), pa.chunked_array(chunks, field.type))
    return table


def give(table: pa.Table, kind: FrameKind, *, fresh: bool = False) -> Any:
    """The table as the kind of frame that came: pandas for paths, a relation for DuckDB, a frame of the active session for Spark, Arrow
    for all that is unknown.

    Stamps, whole numbers, texts and categories in columns that came leave in the type they came in; computed numbers stay
    floats. Stamps that came as text leave as stamps. A relation is one of DuckDB's default connection. The numbers of a `fresh`
    table, which nobody else holds, are those of the frame of pandas; else it has a copy.
    """
    table = _as_came(table, kind.types)
    if kind.name == "pandas":
        return given.frame(table, fresh=fresh)
    if kind.name in ("polars", "lazy"):
        frame = _module("polars").from_arrow(table)
        frame = frame.cast({column: kind.enums[column] for column in frame.columns if column in kind.enums})
        return frame.lazy() if kind.name == "lazy" else frame
    if kind.name == "spark":
        return _of_spark(table)
    return _module("duckdb").from_arrow(table) if kind.name == "duckdb" else table


def beside(data: Any, names: Sequence[str], row: Ints | None, table: pa.Table, kind: FrameKind, frame: pa.Table) -> Any:
    """Columns of the data as they are, with those of a table at their right; as the kind of frame that came.

    Args:
        data: The data as it came.
        names: Of its columns.
        row: Rows of these; None for all, which a frame of pandas or polars then shares with the data.
        table: As many rows, whose numbers nobody else holds.
        kind: What kind the data is.
        frame: The data as Arrow.
    """
    if kind.name == "pandas" and {*names} <= {*getattr(data, "columns", ())}:
        pandas = _module("pandas")
        some = {} if row is None else {name: data[name].array.take(row) for name in names}
        own = data[list(names)].reset_index(drop=True) if row is None else pandas.DataFrame(some, copy=False)
        return pandas.concat([own, given.frame(table, fresh=True)], axis=1)
    if kind.name == "polars":
        own = data.select(names) if row is None else data.select(names)[row]
        return own.hstack(_module("polars").from_arrow(table).get_columns())
    own = frame.select(list(names)) if row is None else frame.select(list(names)).take(pa.array(row))
    return give(pa.table([*own.columns, *table.columns], [*own.column_names, *table.column_names]), kind)


def long(
    ids: Mapping[str, NDArray[Any]], frequency: Frequency, start: Ints, steps: int, columns: Mapping[str, NDArray[Any]], time: str
) -> pa.Table:
    """One row per series and step.

    Args:
        ids: The series columns. Column name -> (series,)
        frequency: Turns steps into stamps.
        start: The first step of each series. (series,)
        steps: How many each one has.
        columns: Column name -> (series, steps)
        time: Name of the column of stamps.

    Returns:
        Series columns, stamps (in the zone of the frequency), and the columns, series after series. (series * steps rows)
    """
    table = {name: _repeated(pa.array(values), steps) for name, values in ids.items()}
    table[time] = _moments(_stamps_from(start, steps, frequency), frequency.zone)
    return pa.table(table | {name: pa.array(values.reshape(-1)) for name, values in columns.items()})


def moments(frequency: Frequency, steps: Ints) -> pa.Array:
    """The stamps of some steps, in the zone of the frequency."""
    return _moments(frequency.stamps(steps), frequency.zone)


def _stamps_from(start: Ints, steps: int, frequency: Frequency) -> NDArray[Any]:
    """The stamps of so many steps from each start on; those of neighbours that start together are made once."""
    runs = np.flatnonzero(np.append(len(start) > 0, start[1:] != start[:-1]))
    stamps = frequency.stamps((start[runs, None] + np.arange(steps)).reshape(-1))
    if len(runs) == len(start):
        return stamps
    run = np.repeat(np.arange(len(runs)), np.diff(runs, append=len(start)))
    out = room(len(start) * steps, stamps.dtype)
    scan.unroll(bytes_of(stamps), steps * np.arange(len(start) + 1), steps * run, bytes_of(out))
    return out


def _repeated(values: pa.Array, times: int) -> pa.Array:
    """Every value so many times over."""
    plain = pa.types.is_string(values.type) and not values.null_count and times * values.nbytes < 1 << 31
    if not plain:
        return values.take(pa.array(np.repeat(np.arange(len(values)), times)))
    at, texts = memory(values)
    ends, out = pa.allocate_buffer(4 * (len(values) * times + 1)), pa.allocate_buffer(times * int(at[-1] - at[0]))
    scan.repeat(at, texts, times, np.frombuffer(ends, np.int32), np.frombuffer(out, np.uint8))
    return pa.Array.from_buffers(pa.string(), len(values) * times, [None, ends, out])


def _moments(stamps: NDArray[Any], zone: str | None) -> pa.Array:
    """Stamps of which none is missing, on their own memory."""
    kind = pa.timestamp("us", zone) if stamps.dtype.kind == "M" else pa.int64()
    return pa.Array.from_buffers(kind, len(stamps), [None, pa.py_buffer(stamps)])


def _open(data: Any, wanted: list[str] | None, defer: bool) -> tuple[str, pa.Table]:
    """The kind of the data ("files" for paths), and the data as Arrow."""
    paths = [data] if isinstance(data, (str, os.PathLike)) else data
    if isinstance(paths, (list, tuple)) and paths and all(isinstance(path, (str, os.PathLike)) for path in paths):
        from forecaster.frames import files

        return "files", files.read([os.fspath(path) for path in paths], wanted)
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    if kind == "pandas.DataFrame":
        return "pandas", held.frame(data, wanted, defer)
    if kind.startswith("pyarrow.") and hasattr(data, "to_table"):
        return "arrow", data.to_table(columns=None if wanted is None else [name for name in data.schema.names if name in wanted])
    if kind.startswith("pyspark.") and hasattr(data, "toPandas"):
        return "spark", _from_spark(data, wanted)
    if kind == "polars.LazyFrame" or (hasattr(data, "__arrow_c_stream__") and not kind.endswith(".Series")):
        return _NAMES.get(kind, "duckdb" if "DuckDB" in kind else "arrow"), _from_stream(data, wanted)
    raise DataError(
        f"expected a path, folder, glob or list of paths of CSV or Parquet files, or a frame of pandas, polars, pyarrow, DuckDB or Spark, "
        f"but got {type(data).__module__}.{type(data).__name__}; turn it into a frame with one column per part, such as "
        f"pandas.DataFrame(...)"
    )


def _from_stream(data: Any, wanted: list[str] | None) -> pa.Table:
    """Anything with the Arrow interface; polars leaves out first what is not wanted, so that it need not be held."""
    if wanted is not None and hasattr(data, "collect_schema"):
        data = data.select([name for name in data.collect_schema().names() if name in wanted])
    data = data.collect() if hasattr(data, "collect") else data
    try:
        return pa.table(data)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(
            f"the frame cannot be read as Arrow: {error}; expected columns of numbers, texts or dates: convert or drop others"
        ) from error


def _from_spark(data: Any, wanted: list[str] | None) -> pa.Table:
    """A frame of Spark, of which only what is wanted is brought here."""
    if wanted is not None:
        data = data.select([name for name in data.columns if name in wanted])
    return data.toArrow() if hasattr(data, "toArrow") else pa.Table.from_pandas(data.toPandas(), preserve_index=False)


def _of_spark(table: pa.Table) -> Any:
    """A frame of the session that is active; Arrow where none is, as where a run is opened elsewhere."""
    try:
        session = _module("pyspark.sql").SparkSession.getActiveSession()
    except MissingExtra:
        return table
    if session is None:
        return table
    return session.createDataFrame(table if hasattr(_module("pyspark.sql").DataFrame, "toArrow") else table.to_pandas())


def _types(table: pa.Table, name: str) -> dict[str, pa.DataType]:
    """The types that columns leave with: as they came, but dates of files, which came in no type of pandas, as its timestamps."""
    kinds = [pa.timestamp("us") if name == "files" and pa.types.is_date(kind) else kind for kind in table.schema.types]
    return dict(zip(table.column_names, kinds, strict=True))


def _enums(data: Any, name: str) -> dict[str, Any]:
    schema = data.collect_schema() if name in ("polars", "lazy") else {}
    return {column: dtype for column, dtype in schema.items() if type(dtype).__name__ == "Enum"}


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
    if pa.types.is_dictionary(kind) and isinstance(kind.value_type, pa.BaseExtensionType):
        return pa.chunked_array([chunk.dictionary.storage.take(chunk.indices) for chunk in column.chunks], kind.value_type.storage_type)
    if pa.types.is_dictionary(kind):
        return _one_dictionary(column) if family(kind) == "text" else column.cast(kind.value_type)
    return None


def _one_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string_view(column.type.value_type):
        named = [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string())) for chunk in column.chunks]
        column = pa.chunked_array(named, pa.dictionary(column.type.index_type, pa.string()))
    return column.unify_dictionaries()


def _as_came(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    for i, name in enumerate(table.column_names):
        if name in types and (came := types[name]) != (kind := table.schema.field(i).type) and family(came) == family(kind) != "other":
            table = table.set_column(i, name, _cast(table.column(i), came))
    return table


def _cast(column: pa.ChunkedArray, came: pa.DataType) -> pa.ChunkedArray:
    """The column in the type that came, or as it is where that type cannot hold it."""
    if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(came):
        column = column.cast(column.type.value_type)
    for quick in (_coarser, _wider):
        if (made := quick(column, came)) is not None:
            return made
    try:
        return column.cast(came)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column


def _coarser(column: pa.ChunkedArray, came: pa.DataType) -> pa.ChunkedArray | None:
    """Microseconds as whole seconds or milliseconds, far faster than by Arrow; None where they are not whole, or for anything else."""
    kind = column.type
    if not (pa.types.is_timestamp(kind) and pa.types.is_timestamp(came) and kind.unit == "us" and kind.tz == came.tz):
        return None
    if came.unit not in _PER_SECOND or column.num_chunks != 1 or column.null_count:
        return None
    whole = pa.allocate_buffer(8 * len(column))
    if not scan.from_micros(column.chunk(0).view(pa.int64()).to_numpy(), _PER_SECOND[came.unit], np.frombuffer(whole, np.int64)):
        return None
    return pa.chunked_array([pa.Array.from_buffers(came, len(column), [None, whole])])


def _wider(column: pa.ChunkedArray, came: pa.DataType) -> pa.ChunkedArray | None:
    """Texts with offsets of 64 bits instead of 32, on the same bytes; None for anything else."""
    if not (pa.types.is_string(column.type) and pa.types.is_large_string(came)) or column.num_chunks != 1:
        return None
    texts = column.chunk(0)
    if texts.null_count or not len(texts):
        return None
    narrow = memory(texts)[0]
    at = room(len(narrow), np.int64)
    at[:] = narrow
    return pa.chunked_array([pa.Array.from_buffers(came, len(texts), [None, pa.py_buffer(at), texts.buffers()[2]])])


def _module(name: str) -> Any:
    if (module := sys.modules.get(name)) is None:
        try:
            module = import_module(name)
        except ImportError:
            raise MissingExtra.of(f"giving a {name} frame back", name, "dev") from None
    return module
