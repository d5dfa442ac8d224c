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
from forecaster.frequency.rhythm import NO_STAMP
from forecaster.schema import Schema

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_null)
_UNITS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1)  # microseconds
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
        series, group = _Coded.of(frame, schema.series), _Coded.of(frame, schema.group)
        runs = np.flatnonzero(series.changes | group.changes)  # rows that begin a stretch of one series
        code, first = _dense(*series.key(runs))
        group_key, _ = group.key(runs)
        rank = np.lexsort([np.arange(len(first)), group_key[first]])
        first, code = first[rank], np.argsort(rank)[code]
        sizes = np.bincount(code, np.diff(runs, append=frame.num_rows), len(first)).astype(np.int64)
        order = _order(code, runs, _boundaries(sizes), stamps.view(np.int64))
        torn = np.zeros(len(first), bool)
        torn[code[group_key != group_key[first][code]]] = True
        group_starts = np.flatnonzero(np.diff(group_key[first], prepend=-1))
        return cls(
            ids=series.values(runs[first]),
            indptr=_boundaries(sizes),
            stamps=stamps if order is None else stamps[order],
            zone=zone,
            target=_arranged(_target(frame, schema.target), order),
            groups=group.values(runs[first[group_starts]]),
            group_ptr=np.append(group_starts, len(first)).astype(np.int64),
            order=order,
            no_id=series.null(runs[first]),
            torn=torn,
        )

    def __len__(self) -> int:
        """Number of series."""
        return len(self.indptr) - 1

    @cached_property
    def series(self) -> NDArray[np.int32]:
        """Series of each row."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.indptr))

    def arrange(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column of the frame, in the order of these rows."""
        return column if self.order is None else column.take(pa.array(self.order))

    def label(self, i: int) -> str:
        """Series `i` in words, for messages: `store_id=CA_1, item_id=X`."""
        return ", ".join(f"{name}={values[i]!s}" for name, values in self.ids.items()) or "the only series"


@dataclass(frozen=True, eq=False)
class _Coded:
    """Columns as whole numbers.

    Args:
        columns: Per column the sorted values, the place among them of each code, and the code of each row; null comes last.
        rows: Number of rows.
    """

    columns: Mapping[str, tuple[pa.Array, Ints, NDArray[Any]]]
    rows: int

    @classmethod
    def of(cls, frame: pa.Table, names: Sequence[str]) -> _Coded:
        return cls({name: _codes(frame[name], name) for name in names}, frame.num_rows)

    @cached_property
    def changes(self) -> Mask:
        """Rows that differ from the row before, and the first."""
        change = np.zeros(self.rows, bool)
        change[:1] = True
        for _, _, codes in self.columns.values():
            change[1:] |= codes[1:] != codes[:-1]
        return change

    def key(self, rows: Ints) -> tuple[Ints, int]:
        """One number per row for all columns together, that sorts as their values do, and a number that is above all."""
        key, size = np.zeros(len(rows), np.int64), 1
        for values, place, codes in self.columns.values():
            if size * (len(values) + 1) > np.iinfo(np.int64).max:
                kinds, key = np.unique(key, return_inverse=True)
                size = len(kinds)
            key = key * (len(values) + 1) + place[codes[rows]]
            size *= len(values) + 1
        return key, size

    def values(self, rows: Ints) -> dict[str, NDArray[Any]]:
        """The values of some rows. Column name -> (rows,)"""
        return {name: _pick(values, place[codes[rows]]) for name, (values, place, codes) in self.columns.items()}

    def null(self, rows: Ints) -> Mask:
        """Which of some rows have a null."""
        blank = [place[codes[rows]] == len(values) for values, place, codes in self.columns.values()]
        return np.asarray(np.any(blank, axis=0) if blank else np.zeros(len(rows), bool), np.bool_)


def _codes(column: pa.ChunkedArray, name: str) -> tuple[pa.Array, Ints, NDArray[Any]]:
    """The sorted values of a column, the place among them of each code, and the code of each row."""
    if pa.types.is_nested(column.type):
        raise DataError(f"column {name!r} tells series apart, but holds {column.type}; expected texts, numbers or dates")
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if (runs := _runs(column)) is not None:
        values, place, codes = _codes(column.take(pa.array(runs)), name)
        return values, place, np.repeat(codes, np.diff(runs, append=len(column)))
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    unique = encoded.dictionary.unique().drop_null()
    values = unique.take(pc.sort_indices(unique))
    place = pc.fill_null(pc.index_in(encoded.dictionary, value_set=values), len(values)).to_numpy(zero_copy_only=False)
    codes = encoded.indices
    if codes.null_count:
        codes = pc.fill_null(codes.cast(pa.int64()), len(place))
    return values, np.append(place, len(values)).astype(np.int64), codes.to_numpy(zero_copy_only=False)


def _runs(column: pa.ChunkedArray) -> Ints | None:
    """Rows in which texts change, which is cheaper to see than which text each is; None where that spares little."""
    if len(column) < 2 or not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    change = pc.fill_null(pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)), True)
    runs = np.flatnonzero(np.append(True, change.to_numpy()))
    return runs if 4 * len(runs) < len(column) else None


def _pick(values: pa.Array, places: Ints) -> NDArray[Any]:
    """The values at some places, as numpy holds them; a blank of the same type for null."""
    held = values.to_numpy(zero_copy_only=False)
    blank = np.array([""], object) if held.dtype == object else np.zeros(1, held.dtype)
    return np.concatenate([held, blank])[places]


def _dense(key: Ints, size: int) -> tuple[Ints, Ints]:
    """Keys as consecutive numbers in the same order, and where each comes first."""
    if size > max(1_000_000, 4 * len(key)):
        _, first, code = np.unique(key, return_index=True, return_inverse=True)
        return code.astype(np.int64), first.astype(np.int64)
    first_of = np.full(size, -1, np.int64)
    first_of[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    there = first_of >= 0
    return (np.cumsum(there) - 1)[key], first_of[there]


def _order(code: Ints, runs: Ints, indptr: Ints, stamps: Ints) -> Ints | None:
    """The rows by series and stamp, equals in the order they came; None where they are so already.

    Args:
        code: Series of each run. (runs,)
        runs: First row of each run. (runs,)
        indptr: Boundaries of the series. (series + 1,)
        stamps: As they came. (rows,)
    """
    order = None
    if np.any(code[1:] < code[:-1]):
        moved, sizes = _sorted(code), np.diff(runs, append=len(stamps))
        order = np.repeat(runs[moved] - _boundaries(sizes[moved])[:-1], sizes[moved]) + np.arange(len(stamps))
    along = stamps if order is None else stamps[order]
    if np.isin(np.flatnonzero(along[1:] < along[:-1]) + 1, indptr).all():
        return order
    by_time = _sorted(_small(stamps))
    return by_time[_sorted(np.repeat(code, np.diff(runs, append=len(stamps)))[by_time])]


def _sorted(code: Ints) -> Ints:
    """A stable argsort of small numbers, sixteen bits at a time, for which numpy counts instead of comparing."""
    order = np.argsort((code & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, int(code.max(initial=0)).bit_length(), 16):
        order = order[np.argsort(((code[order] >> shift) & 0xFFFF).astype(np.uint16), kind="stable")]
    return order


def _small(stamps: Ints) -> Ints:
    """Numbers as small as may be that sort like the stamps, those that are none first."""
    there = stamps != NO_STAMP
    least = stamps.min(where=there, initial=np.iinfo(np.int64).max)
    since = np.where(there, stamps - least, 0)
    unit = next(unit for unit in _UNITS if not np.any(since % unit))
    return np.where(there, since // unit + 1, 0)


def _stamps(frame: pa.Table, name: str) -> tuple[NDArray[Any], str | None]:
    """Stamps as datetime64[us] or int64, and their zone."""
    column, kind = frame[name], frame[name].type
    if pa.types.is_integer(kind):
        return _filled(column, pa.int64(), NO_STAMP, np.int64), None
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    elif not pa.types.is_timestamp(kind):
        raise DataError(f"column {name!r} should hold the stamps, but holds {kind}; expected timestamps, dates or whole numbers")
    if column.type.unit == "us" and column.num_chunks == 1 and not column.null_count:
        return column.chunk(0).cast(pa.int64()).to_numpy().view("datetime64[us]"), column.type.tz
    values, per_second = _filled(column, pa.int64(), NO_STAMP, np.int64), _PER_SECOND[column.type.unit]
    missing = np.flatnonzero(values == NO_STAMP) if column.null_count else np.empty(0, np.int64)
    if column.type.unit == "ns":
        values //= 1_000
    elif column.type.unit != "us":
        values *= _PER_SECOND["us"] // per_second
    values[missing] = NO_STAMP
    return values.view("datetime64[us]"), column.type.tz


def _target(frame: pa.Table, name: str) -> Floats:
    if name not in frame.column_names:
        return np.full(frame.num_rows, np.nan)
    column = frame[name]
    if not any(numeric(column.type) for numeric in _NUMERIC):
        raise DataError(f"column {name!r} is the target, but holds {column.type}; expected numbers: convert it first")
    return _filled(column, pa.float64(), np.nan, np.float64)


def _filled(column: pa.ChunkedArray, kind: pa.DataType, blank: float, dtype: type) -> NDArray[Any]:
    """A column as an array of its own, a chunk at a time, with `blank` for null."""
    values: NDArray[Any] = np.empty(len(column), dtype)
    begin = 0
    for chunk in column.chunks:
        plain = not chunk.null_count and (pa.types.is_integer(chunk.type) or pa.types.is_floating(chunk.type))
        held = chunk if plain else chunk.cast(kind, safe=False).fill_null(blank)
        values[begin : begin + len(chunk)] = held.to_numpy(zero_copy_only=False)
        begin += len(chunk)
    return values


def _arranged(values: Floats, order: Ints | None) -> Floats:
    return values if order is None else values[order]


def _boundaries(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
