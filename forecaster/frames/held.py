"""Frames of pandas as Arrow: index levels, objects of several types, periods, sparse and other columns of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.errors import DataError

UNREADABLE = b"unreadable"
"""Key of the metadata of a column that could not be held: why."""
UNSEEN = b"unseen"
"""Key of the metadata of a column in which NaN or NaT may stand for nulls: nobody has looked for them yet."""


def frame(data: Any, wanted: list[str] | None, defer: bool) -> pa.Table:
    """The columns that are wanted, and the named levels of the index; `defer` makes columns that cannot be held nulls that say why, and
    looks for no missing values in those that are shared."""
    own = [(str(name), values) for name, values in data.items()]
    refuse_twins([name for name, _ in own])
    levels = [(str(name), data.index.get_level_values(i)) for i, name in _levels(data.index) if name not in data.columns]
    columns = dict([*levels, *own])
    held = {name: _field(name, values, defer) for name, values in columns.items() if wanted is None or name in wanted}
    return pa.table([values for _, values in held.values()], schema=pa.schema([field for field, _ in held.values()]))


def _levels(index: Any) -> list[tuple[int, Any]]:
    """The levels of an index that hold something, with the names that pandas gives to those without: row numbers do not."""
    if index.nlevels > 1:
        return [(i, f"level_{i}" if name is None else name) for i, name in enumerate(index.names)]
    unnamed = "index" if index.dtype.kind == "M" or _own_kind(index.dtype).startswith("period[") else None
    return [(0, name)] if (name := unnamed if index.name is None else index.name) is not None else []


def _own_kind(dtype: Any) -> str:
    """The name of a type that pandas alone has; empty for those of numpy."""
    return "" if isinstance(dtype, np.dtype) else str(dtype)


def _field(name: str, values: Any, defer: bool) -> tuple[pa.Field, pa.Array | pa.ChunkedArray]:
    """A column of pandas as Arrow with its field, which says so where it could not be held or was not looked at."""
    try:
        values = _straight(name, values)
        shared = _of_arrow(name, _shared, values)
        if shared is not None and defer and _may_lack(shared.type):
            return pa.field(name, shared.type, metadata={UNSEEN: b""}), shared
        held = _of_arrow(name, _copied, values) if shared is None else seen(shared)
    except DataError as error:
        if not defer:
            raise
        return pa.field(name, pa.null(), metadata={UNREADABLE: str(error).encode()}), pa.nulls(len(values))
    return pa.field(name, held.type), held


def seen(held: pa.Array) -> pa.Array:
    """Numbers or stamps with nulls for NaN or NaT."""
    return pa.array(held.to_numpy(), from_pandas=True) if _may_lack(held.type) and _has_missing(held.to_numpy()) else held


def _straight(name: str, values: Any) -> Any:
    """A column of pandas of one type that Arrow knows, or an error that names the column and what does not go together."""
    kind = _own_kind(values.dtype)
    if not kind and values.dtype.kind == "O":
        _refuse_mixture(name, values)
        values = _with_clocks(values)
    if kind.startswith("period["):
        return getattr(values, "dt", values).to_timestamp()
    return np.asarray(values) if kind.startswith("Sparse[") else values


def _of_arrow(name: str, make: Callable[[Any], pa.Array | None], values: Any) -> Any:
    try:
        return make(values)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(f"column {name!r} cannot be read: {error}; expected numbers, texts or dates: convert or drop it") from error


def _copied(values: Any) -> pa.Array | pa.ChunkedArray:
    own = None if isinstance(values.dtype, np.dtype) else values.array
    return pa.array(own if hasattr(own, "__arrow_array__") else values, from_pandas=True)


def _shared(values: Any) -> pa.Array | None:
    """Numbers or stamps, whatever is missing, or categories of which none is, on their own memory; None for all else."""
    if not isinstance(values.dtype, np.dtype):
        if str(values.dtype) != "category" or not hasattr(values, "cat"):
            return None
        codes, none = values.array.codes, pa.array(values.iloc[:0])
        return None if codes.min(initial=0) < 0 else pa.DictionaryArray.from_arrays(codes, none.dictionary, ordered=none.type.ordered)
    if values.dtype.kind not in "iufM":
        return None
    array = values if isinstance(values, np.ndarray) else values.to_numpy()
    if not array.dtype.isnative or not array.flags.c_contiguous:
        return None
    if array.dtype.kind != "M":
        return pa.array(array)
    return pa.Array.from_buffers(pa.from_numpy_dtype(array.dtype), len(array), [None, pa.py_buffer(array)])


def _may_lack(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_timestamp(kind))


def _has_missing(array: NDArray[Any]) -> bool:
    """Whether a float is NaN, or a stamp NaT, whose bits are those of the least integer."""
    if array.dtype.kind == "f":
        return bool(np.isnan(array.min(initial=0)))
    return bool(array.view(np.int64).min(initial=0) == np.iinfo(np.int64).min)


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


def refuse_twins(names: Sequence[str]) -> None:
    """Refuse names that are there more than once."""
    twins = sorted({name for name in names if list(names).count(name) > 1})
    if twins:
        raise DataError(f"columns {twins} are there more than once; expected each name once: rename or drop the copies")
