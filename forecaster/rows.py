"""The rows of a frame, put in the order of a table: series after series, each by its stamps.

    rows = Rows.of(frame, schema)       # schema = schema.check(frame.column_names) before
    rows.target[rows.indptr[i] : rows.indptr[i + 1]]            # series i; rows.label(i) names it
    rows.arrange(frame["price"])                                # another column in the same order

Series of one group are neighbours; groups, and the series of a group, are sorted by their values. Nothing is dropped and
nothing repaired: rows without a stamp (NaT, or the least int64) come first in their series, equal stamps stay side by
side in the order they came. The work is a few passes over the rows; they are moved only where they are out of order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.codes import Keys, changes, coded, dense, united
from forecaster.errors import DataError
from forecaster.frames.kinds import is_number
from forecaster.frames.pool import room
from forecaster.frequency.rhythm import NO_STAMP, micros
from forecaster.schema import Schema, label

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SECONDS = (86_400, 3_600, 60, 1)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class Unstamped(Exception):
    """A row has no stamp, though every one must."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a frame, series after series.

    Args:
        ids: Value of each series column for each series; "", 0 or the like where it is null. Name -> (series,)
        indptr: Boundaries of the series. (series + 1,)
        held: The stamps in the unit that they came in; instants of UTC where there is a zone; int64 for integer stamps. (rows,)
        zone: Time zone of the stamps.
        target: NaN where it is null, and everywhere where the frame has no such column; read-only where it is the frame's own. (rows,)
        groups: Value of each group column for each group. Name -> (groups,)
        group_ptr: Boundaries of the groups in the series. (groups + 1,)
        order: Row of the frame that each row was; None where the frame was in order.
        alike: Whether the stamps of every series are surely the last ones of the longest series.
        torn: Series whose rows do not agree on their group; the first row decided. (series,)
        kinds: Every value of a series column once, those that no row has included where it is one of categories. Name -> (values,)
    """

    ids: Mapping[str, NDArray[Any]]
    indptr: Ints
    held: NDArray[Any]
    zone: str | None
    target: Floats
    groups: Mapping[str, NDArray[Any]]
    group_ptr: Ints
    order: Ints | None
    alike: bool
    torn: Mask
    kinds: Mapping[str, pa.Array] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pa.Table, schema: Schema, *, stamped: bool = False) -> Rows:
        """Put the rows of a frame in order.

        Args:
            frame: Has the columns that the schema names; stamps are timestamps, dates or integers, the target is numeric.
            schema: Checked against the columns of the frame.
            stamped: Whether every row must have a stamp.

        Raises:
            DataError: The stamps, the target or an id are of a type that they cannot have.
            Unstamped: A row has no stamp.
        """
        stamps, zone = _stamps(frame, schema.time)
        columns = {name: coded(frame[name], name) for name in dict.fromkeys((*schema.series, *schema.group))}
        runs = united([one.starts for one in columns.values()], frame.num_rows)  # rows that begin a stretch of one series
        series, group = (Keys.of(columns, names, runs) for names in (schema.series, schema.group))
        code, first = dense(*series.number())
        group_key, _ = group.number()
        own = group_key[first]
        if np.any(own[1:] < own[:-1]):
            rank = np.argsort(own, kind="stable")
            first, own, code = first[rank], own[rank], np.argsort(rank)[code]
        sizes = np.bincount(code, _sizes(runs, frame.num_rows), len(first)).astype(np.int64)
        indptr = _boundaries(sizes)
        stamps, order, alike = _in_order(stamps, code, runs, indptr, stamped)
        torn = np.zeros(len(first), bool)
        torn[code[group_key != own[code]]] = True
        group_starts = changes(own)
        return cls(
            ids=series.values(first),
            indptr=indptr,
            held=stamps,
            zone=zone,
            target=_arranged(_target(frame, schema.target), order),
            groups=group.values(first[group_starts]),
            group_ptr=np.append(group_starts, len(first)).astype(np.int64),
            order=order,
            alike=alike,
            torn=torn,
            kinds={name: columns[name].values for name in schema.series},
        )

    def __len__(self) -> int:
        """Number of series."""
        return len(self.indptr) - 1

    @cached_property
    def stamps(self) -> NDArray[Any]:
        """The stamps as datetime64[us]; int64 for integer stamps. (rows,)"""
        return micros(self.held).view("datetime64[us]" if self.held.dtype.kind == "M" else np.int64)

    @cached_property
    def series(self) -> NDArray[np.int32]:
        """Series of each row."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.indptr))

    def arrange(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column of the frame, in the order of these rows."""
        return column if self.order is None else column.take(pa.array(self.order))

    def label(self, i: int) -> str:
        """Series `i` in words, for messages: `store_id=CA_1, item_id=X`."""
        return label(self.ids, i)


def _in_order(stamps: NDArray[Any], code: Ints, runs: Ints, indptr: Ints, stamped: bool) -> tuple[NDArray[Any], Ints | None, bool]:
    """The stamps in the order of the rows of a table, that order (None where they are in it), and whether all series end alike."""
    order, alike = _order(code, runs, indptr, stamps, stamped)
    if order is None:
        return stamps, None, alike
    if stamps.dtype == np.dtype("datetime64[ns]"):  # those of one microsecond are equal, and stay in the order that they came in
        stamps = micros(stamps).view("datetime64[us]")
        order, alike = _order(code, runs, indptr, stamps, stamped)
    return stamps if order is None else stamps[order], order, alike


def _order(code: Ints, runs: Ints, indptr: Ints, stamps: NDArray[Any], stamped: bool) -> tuple[Ints | None, bool]:
    """The rows by series and stamp, equals in the order they came, None where they are so already; and whether all series end alike.

    Args:
        code: Series of each run. (runs,)
        runs: First row of each run. (runs,)
        indptr: Boundaries of the series. (series + 1,)
        stamps: As they came. (rows,)
        stamped: Whether each must be there.
    """
    order = None
    if np.any(code[1:] < code[:-1]):
        moved, sizes = _sorted(code), _sizes(runs, len(stamps))
        order = np.repeat(runs[moved] - _boundaries(sizes[moved])[:-1], sizes[moved]) + np.arange(len(stamps))
    along = np.ascontiguousarray(stamps if order is None else stamps[order]).view(np.int64)
    ascends = scan.ascends(along, indptr)
    if stamped and np.any(along[_telling(ascends, indptr)] == NO_STAMP):
        raise Unstamped
    if ascends:
        return order, ascends > 1
    by_time = _sorted(_small(stamps))
    return by_time[_sorted(np.repeat(code, _sizes(runs, len(stamps)))[by_time])], False


def _telling(ascends: int, indptr: Ints) -> Any:
    """Rows among which is one without a stamp, if there is one: it is less than all others."""
    if not ascends:
        return slice(None)
    return indptr[:-1] if ascends == 1 else indptr[longest(indptr)]


def _sorted(code: Ints) -> Ints:
    """A stable argsort of small numbers, sixteen bits at a time, for which numpy counts instead of comparing."""
    order = np.argsort((code & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, int(code.max(initial=0)).bit_length(), 16):
        order = order[np.argsort(((code[order] >> shift) & 0xFFFF).astype(np.uint16), kind="stable")]
    return order


def _small(stamps: NDArray[Any]) -> Ints:
    """Numbers as small as may be that sort like the stamps, those that are none first."""
    per_second = _PER_SECOND[np.datetime_data(stamps.dtype)[0]] if stamps.dtype.kind == "M" else 1
    ticks: Ints = stamps.view(np.int64)
    there = ticks != NO_STAMP
    least = ticks.min(where=there, initial=np.iinfo(np.int64).max)
    since = np.where(there, ticks - least, 0)
    unit = next((unit for unit in (seconds * per_second for seconds in _SECONDS) if not np.any(since % unit)), 1)
    return np.where(there, since // unit + 1, 0)


def _stamps(frame: pa.Table, name: str) -> tuple[NDArray[Any], str | None]:
    """Stamps as datetime64 or int64, and their zone."""
    column, kind = frame[name], frame[name].type
    if pa.types.is_integer(kind):
        return _filled(column, pa.int64(), NO_STAMP, np.int64), None
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    elif not pa.types.is_timestamp(kind):
        raise DataError(f"column {name!r} should hold the stamps, but holds {kind}; expected timestamps, dates or whole numbers")
    if column.num_chunks == 1 and not column.null_count:
        return column.chunk(0).view(pa.int64()).to_numpy().view(f"datetime64[{column.type.unit}]"), column.type.tz
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
    if not (is_number(column.type) or pa.types.is_null(column.type)):
        raise DataError(f"column {name!r} is the target, but holds {column.type}; expected numbers: convert it first")
    return _filled(column, pa.float64(), np.nan, np.float64)


def _filled(column: pa.ChunkedArray, kind: pa.DataType, blank: float, dtype: type) -> NDArray[Any]:
    """A column as an array, with `blank` for null; where it is one piece of such values, its own memory, which is not to be written to."""
    if column.num_chunks == 1 and column.type == kind and not column.null_count:
        return np.asarray(column.chunk(0).to_numpy())
    values = room(len(column), dtype)
    begin = 0
    for chunk in column.chunks:
        plain = not chunk.null_count and (pa.types.is_integer(chunk.type) or pa.types.is_floating(chunk.type))
        held = chunk if plain else chunk.cast(kind, safe=False).fill_null(blank)
        values[begin : begin + len(chunk)] = held.to_numpy(zero_copy_only=False)
        begin += len(chunk)
    return values


def _arranged(values: Floats, order: Ints | None) -> Floats:
    return values if order is None else values[order]


def longest(indptr: Ints) -> int:
    """The series that is the longest, the first of those in a draw."""
    return int(np.argmax(np.diff(indptr)))


def _sizes(begins: Ints, end: int) -> Ints:
    """How long some parts are of which each ends where the next one begins, and the last at `end`."""
    sizes = np.full(len(begins), end)
    sizes[:-1] = begins[1:]
    return sizes - begins


def _boundaries(sizes: Ints) -> Ints:
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    return bounds
