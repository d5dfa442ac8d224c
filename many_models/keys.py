"""Group keys as columns: coding, matching and telling them, for many rows at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError

Ints = NDArray[np.int64]


def coded(table: pa.Table, by: Sequence[str]) -> tuple[Ints, pa.Table]:
    """The group of each row, and the groups in ascending order of their keys.

    Returns:
        The group index of each row (rows,), and the key columns with one row per group; null is a key like any other.
    """
    code = np.zeros(table.num_rows, np.int64)
    for name in by:
        encoded = _whole(plain(table[name])).dictionary_encode(null_encoding="encode")
        code = _dense(code * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy(zero_copy_only=False))
    count = int(code.max()) + 1 if len(code) else 0
    first = np.full(count, table.num_rows, np.int64)
    np.minimum.at(first, code, np.arange(table.num_rows))
    groups = pa.table({name: plain(table[name].take(pa.array(first))) for name in by})
    order = pc.sort_indices(groups, [(name, "ascending") for name in by]).to_numpy()
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    return rank[code], groups.take(pa.array(order))


def found(table: pa.Table, groups: pa.Table) -> Ints:
    """The row of `groups` whose keys each row of `table` has; -1 where there is none. (rows,)"""
    by = groups.column_names
    if len(by) == 1:  # as most jobs have it: no codes are needed
        known = _whole(plain(groups[by[0]]))
        return np.asarray(pc.index_in(_as(plain(table[by[0]]), known.type), known).fill_null(-1).to_numpy(), np.int64)
    mine, theirs = np.zeros(table.num_rows, np.int64), np.zeros(groups.num_rows, np.int64)
    missing = np.zeros(table.num_rows, bool)
    for name in by:
        known = plain(groups[name])
        values = pc.unique(known)
        at = pc.index_in(_as(plain(table[name]), values.type), values).fill_null(-1).to_numpy()
        missing |= at < 0
        mine = mine * len(values) + np.maximum(at, 0)
        theirs = theirs * len(values) + pc.index_in(known, values).to_numpy()
    order = np.argsort(theirs, kind="stable")
    slot = np.minimum(np.searchsorted(theirs, mine, sorter=order), max(len(theirs) - 1, 0))
    if not len(theirs):
        return np.full(table.num_rows, -1, np.int64)
    row = order[slot]
    return np.where(missing | (theirs[row] != mine), -1, row)


def comparable(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether keys of one type can be found among keys of another: both are numbers, text, dates, stamps with or without a zone, or of the
    same type."""
    return _kind(one) == _kind(other)


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    of = pa.types
    kinds = {
        "number": of.is_integer(kind) or of.is_floating(kind),
        "text": of.is_string(kind) or of.is_large_string(kind),
        "date": of.is_date(kind),
        "stamp": of.is_timestamp(kind) and kind.tz is None,
        "moment": of.is_timestamp(kind) and kind.tz is not None,
    }
    return next((name for name, fits in kinds.items() if fits), str(kind))


def expect_names(schema: pa.Schema, columns: Sequence[str]) -> None:
    """Refuse columns whose values cannot be told apart or written down as names of groups and series.

    Raises:
        DataError: a column is of such a type.
    """
    of = pa.types
    for name in columns:
        kind = schema.field(name).type
        held = kind.value_type if of.is_dictionary(kind) else kind
        if of.is_nested(held) or of.is_float16(held) or of.is_decimal(held) or of.is_time(held):
            raise DataError(f"column {name!r} holds {held}, which cannot name a group or a series of a run; make it text or whole numbers")


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of values, not of codes."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def alike(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns in the types that columns of the same name have in a schema.

    Raises:
        DataError: a value is none of that type.
    """
    return pa.table({name: _cast(name, plain(table[name]), schema.field(name).type) for name in table.column_names})


def _cast(name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(column.type) and (kind.tz is None) != (column.type.tz is None):
        ours, theirs = (f"the time zone {one.tz}" if one.tz else "no time zone" for one in (kind, column.type))
        way = f"tz_localize({kind.tz!r})" if kind.tz else "tz_localize(None)"
        raise DataError(f"column {name!r} has {theirs}, and {ours} in the run; give both the same: {way}")
    try:
        return column.cast(kind)
    except pa.ArrowException as error:
        told = f"column {name!r} of type {column.type} cannot be read as {kind} ({error})"
        raise DataError(f"{told}; give it the type that it has in the data of the run") from None


def told(groups: pa.Table, row: int, length: int = 60) -> str:
    """One group in words, for messages: `store=CA_1, brand=x`; long and unprintable names are shortened and escaped."""
    words = (f"{name}={_short(groups[name][row].as_py(), length)}" for name in groups.column_names)
    return ", ".join(words)


def _short(value: object, length: int) -> str:
    text = str(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)


def _dense(code: Ints) -> Ints:
    """The same codes without holes."""
    top = int(code.max()) + 1 if len(code) else 0
    if top > 4 * len(code) + 1_000_000:
        return np.unique(code, return_inverse=True)[1].astype(np.int64)
    present = np.bincount(code, minlength=top) > 0
    return (np.cumsum(present) - 1)[code].astype(np.int64)
