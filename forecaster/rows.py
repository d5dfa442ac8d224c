"""The rows of a frame, put in the order of a table: series after series, each by its stamps.

    rows = Rows.of(frame, schema)       # schema = schema.check(frame.column_names) before
    rows.target[rows.indptr[i] : rows.indptr[i + 1]]            # series i; rows.label(i) names it
    rows.arrange(frame["price"])                                # another column in the same order

Series of one group are neighbours; groups, and the series of a group, are sorted by their values. Nothing is dropped and
nothing repaired: rows without a stamp (NaT, or the least int64) come first in their series, series without an id are
marked in `no_id`, equal stamps stay side by side in the order they came. The work is a few passes over the rows; they
are moved only where they are out of order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.schema import Schema

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NO_STAMP = int(np.iinfo(np.int64).min)  # the bits of NaT

_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_null)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a frame, series after series.

    Args:
        ids: Value of each series column for each series; "", 0 or the like where it is null, see `no_id`. Name -> (series,)
        indptr: Boundaries of the series. (series + 1,)
        stamps: datetime64[us], instants of UTC where there is a zone; int64 for integer stamps. (rows,)
        zone: Time zone of the stamps.
        target: NaN where it is null, and everywhere where the frame has no such column. (rows,)
        groups: Value of each group column for each group. Name -> (groups,)
        group_ptr: Boundaries of the groups in the series. (groups + 1,)
        order: Row of the frame that each row was; None where the frame was in order.
        no_id: Series of which a series column is null. (series,)
        torn: Series whose rows do not agree on their group; the first row decided. (series,)
    """

    ids: Mapping[str, NDArray[Any]]
    indptr: Ints
    stamps: NDArray[Any]
    zone: str | None
    target: Floats
    groups: Mapping[str, NDArray[Any]]
    group_ptr: Ints
    order: Ints | None
    no_id: Mask
    torn: Mask

    @classmethod
    def of(cls, frame: pa.Table, schema: Schema) -> Rows:
        """Put the rows of a frame in order.

        Args:
            frame: Has the columns that the schema names; stamps are timestamps, dates or integers, the target is numeric.
            schema: Checked against the columns of the frame.

        Raises:
            DataError: The stamps, the target or an id are of a type that they cannot have.
        """
        stamps, zone = _stamps(frame, schema.time)
        series = _Coded.of(frame, schema.series)
        group = _Coded.of(frame, schema.group)
        code, first = _dense(series.key, series.size)
        rank = np.lexsort([np.arange(len(first)), group.key[first]])
        first, position = first[rank], np.empty(len(rank), np.int32)
        position[rank] = np.arange(len(rank), dtype=np.int32)
        code = position[code]
        order = _order(code, stamps.view(np.int64))
        sizes = np.bincount(code, minlength=len(first))
        starts = np.flatnonzero(np.diff(group.key[first], prepend=-1))
        torn = np.zeros(len(first), bool)
        torn[code[group.key != group.key[first][code]]] = True
        return cls(
            ids=series.values(first),
            indptr=_boundaries(sizes),
            stamps=stamps if order is None else stamps[order],
            zone=zone,
            target=_arranged(_target(frame, schema.target), order),
            groups=group.values(first[starts]),
            group_ptr=np.append(starts, len(first)).astype(np.int64),
            order=order,
            no_id=series.null(first),
            torn=torn,
        )

    def __len__(self) -> int:
        """Number of series."""
        return len(self.indptr) - 1

    @cached_property
    def series(self) -> NDArray[np.int32]:
        """Series of each row."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.indptr))

    @property
    def no_stamp(self) -> Mask:
        """Rows without a stamp."""
        return np.asarray(self.stamps.view(np.int64) == NO_STAMP)

    def arrange(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column of the frame, in the order of these rows."""
        return column if self.order is None else column.take(pa.array(self.order))

    def label(self, i: int) -> str:
        """Series `i` in words, for messages: `store_id=CA_1, item_id=X`."""
        return ", ".join(f"{name}={values[i]!s}" for name, values in self.ids.items()) or "the only series"


@dataclass(frozen=True, eq=False)
class _Coded:
    """Columns as whole numbers in the order of their values, and one number per row for all of them together.

    Args:
        columns: Sorted values and code of each row, per column; null has the code after the last.
        key: The same number where all columns have the same values; numbers sort like the values. (rows,)
        size: All keys are below.
    """

    columns: Mapping[str, tuple[pa.Array, NDArray[np.int32]]]
    key: Ints
    size: int

    @classmethod
    def of(cls, frame: pa.Table, names: Sequence[str]) -> _Coded:
        columns = {name: _codes(frame[name], name) for name in names}
        key, size = np.zeros(frame.num_rows, np.int64), 1
        for values, codes in columns.values():
            if size * (len(values) + 1) > np.iinfo(np.int64).max:
                kinds, key = np.unique(key, return_inverse=True)
                size = len(kinds)
            key = key * (len(values) + 1) + codes
            size *= len(values) + 1
        return cls(columns, key, size)

    def values(self, rows: Ints) -> dict[str, NDArray[Any]]:
        """The values of some rows. Column name -> (rows,)"""
        return {name: _pick(values, codes[rows]) for name, (values, codes) in self.columns.items()}

    def null(self, rows: Ints) -> Mask:
        """Which of some rows have a null."""
        blank = [codes[rows] == len(values) for values, codes in self.columns.values()]
        return np.asarray(np.any(blank, axis=0) if blank else np.zeros(len(rows), bool), np.bool_)


def _codes(column: pa.ChunkedArray, name: str) -> tuple[pa.Array, NDArray[np.int32]]:
    """The values of a column, sorted, and the place of each row's value among them."""
    if pa.types.is_nested(column.type):
        raise DataError(f"column {name!r} tells series apart, but holds {column.type}; expected texts, numbers or dates")
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    values, code = _sorted_values(encoded.dictionary)
    raw = pc.fill_null(encoded.indices.cast(pa.int32()), len(code)).to_numpy(zero_copy_only=False)
    return values, np.append(code, np.int32(len(values)))[raw]


def _sorted_values(dictionary: pa.Array) -> tuple[pa.Array, NDArray[np.int32]]:
    """The values of a dictionary, each once and sorted, and the new code of each of its entries; null has the last."""
    unique = dictionary.unique().drop_null()
    values = unique.take(pc.sort_indices(unique))
    code = pc.fill_null(pc.index_in(dictionary, value_set=values), len(values))
    return values, code.cast(pa.int32()).to_numpy(zero_copy_only=False)


def _pick(values: pa.Array, codes: NDArray[np.int32]) -> NDArray[Any]:
    """The values of some codes, as numpy holds them; a blank of the same type for null."""
    held = values.to_numpy(zero_copy_only=False)
    blank = np.array([""], object) if held.dtype == object else np.zeros(1, held.dtype)
    return np.concatenate([held, blank])[codes]


def _dense(key: Ints, size: int) -> tuple[NDArray[np.int32], Ints]:
    """Keys as consecutive numbers in the same order, and the first row of each."""
    if size > max(1_000_000, 4 * len(key)):
        _, first, code = np.unique(key, return_index=True, return_inverse=True)
        return code.astype(np.int32), first.astype(np.int64)
    first_of = np.full(size, -1, np.int64)
    first_of[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    there = first_of >= 0
    return (np.cumsum(there, dtype=np.int32) - np.int32(1))[key], first_of[there]


def _order(code: NDArray[np.int32], stamps: Ints) -> Ints | None:
    """The rows by series and stamp, equals in the order they came; None where they are so already."""
    later = np.diff(stamps) >= 0
    if np.all((code[1:] > code[:-1]) | ((code[1:] == code[:-1]) & later)):
        return None
    order = _sorted(code)
    along = code[order]
    if not np.all((along[1:] > along[:-1]) | (stamps[order[1:]] >= stamps[order[:-1]])):
        by_time = np.argsort(stamps, kind="stable")
        order = by_time[_sorted(code[by_time])]
    return order


def _sorted(code: NDArray[np.int32]) -> Ints:
    """A stable argsort of small numbers, sixteen bits at a time, for which numpy counts instead of comparing."""
    order = np.argsort((code & 0xFFFF).astype(np.uint16), kind="stable")
    if len(code) and int(code.max()) > 0xFFFF:
        order = order[np.argsort((code[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def _stamps(frame: pa.Table, name: str) -> tuple[NDArray[Any], str | None]:
    """Stamps as datetime64[us] or int64, and their zone."""
    column, kind = frame[name], frame[name].type
    if pa.types.is_integer(kind):
        return _numbers(column.cast(pa.int64())), None
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    elif not pa.types.is_timestamp(kind):
        raise DataError(f"column {name!r} should hold the stamps, but holds {kind}; expected timestamps, dates or whole numbers")
    values, per_second = _numbers(column.cast(pa.int64())), _PER_SECOND[column.type.unit]
    if per_second != _PER_SECOND["us"]:
        there = values != NO_STAMP
        scaled = values // 1_000 if column.type.unit == "ns" else values * (_PER_SECOND["us"] // per_second)
        values = np.where(there, scaled, NO_STAMP)
    return values.view("datetime64[us]"), column.type.tz


def _numbers(column: pa.ChunkedArray) -> Ints:
    return np.asarray((column.fill_null(NO_STAMP) if column.null_count else column).to_numpy(), np.int64)


def _target(frame: pa.Table, name: str) -> Floats:
    if name not in frame.column_names:
        return np.full(frame.num_rows, np.nan)
    column = frame[name]
    if not any(numeric(column.type) for numeric in _NUMERIC):
        raise DataError(f"column {name!r} is the target, but holds {column.type}; expected numbers: convert it first")
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)


def _arranged(values: Floats, order: Ints | None) -> Floats:
    return values if order is None else values[order]


def _boundaries(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
