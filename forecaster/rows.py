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
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.errors import DataError
from forecaster.frames.kinds import is_number
from forecaster.frames.pool import room
from forecaster.frames.texts import is_text, memory
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
        ids: Value of each series column for each series; "", 0 or the like where it is null, see `no_id`. Name -> (series,)
        indptr: Boundaries of the series. (series + 1,)
        held: The stamps in the unit that they came in; instants of UTC where there is a zone; int64 for integer stamps. (rows,)
        zone: Time zone of the stamps.
        target: NaN where it is null, and everywhere where the frame has no such column; read-only where it is the frame's own. (rows,)
        groups: Value of each group column for each group. Name -> (groups,)
        group_ptr: Boundaries of the groups in the series. (groups + 1,)
        order: Row of the frame that each row was; None where the frame was in order.
        alike: Whether the stamps of every series are surely the last ones of the longest series.
        no_id: Series of which a series column is null. (series,)
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
    no_id: Mask
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
        columns = {name: _codes(frame[name], name) for name in dict.fromkeys((*schema.series, *schema.group))}
        runs = _united([one.starts for one in columns.values()], frame.num_rows)  # rows that begin a stretch of one series
        series, group = (_Keys.of(columns, names, runs) for names in (schema.series, schema.group))
        code, first = _dense(*series.number())
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
        group_starts = _changes(own)
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
            no_id=series.null(first),
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


@dataclass(frozen=True, eq=False)
class _Codes:
    """A column as whole numbers; null comes last.

    Args:
        values: Each once, sorted. (values,)
        place: Place among them of each code. (codes,)
        codes: One per stretch of equal values. (stretches,)
        starts: Row in which each stretch begins. (stretches,)
    """

    values: pa.Array
    place: Ints
    codes: NDArray[Any]
    starts: Ints

    def places(self, rows: Ints) -> Ints:
        """Place of the value of some rows."""
        if rows is self.starts:
            return np.asarray(self.place[self.codes])
        return np.asarray(self.place[self.codes[np.searchsorted(self.starts, rows, side="right") - 1]])


@dataclass(frozen=True, eq=False)
class _Keys:
    """What some columns hold in some rows.

    Args:
        columns: Column name -> all that it holds.
        places: Place of what each row holds. Column name -> (rows,)
        rows: How many there are.
    """

    columns: Mapping[str, _Codes]
    places: Mapping[str, Ints]
    rows: int

    @classmethod
    def of(cls, columns: Mapping[str, _Codes], names: Sequence[str], rows: Ints) -> _Keys:
        chosen = {name: columns[name] for name in names}
        return cls(chosen, {name: one.places(rows) for name, one in chosen.items()}, len(rows))

    def number(self) -> tuple[Ints, int]:
        """One number per row for all columns together, that sorts as their values do, and a number that is above all."""
        key, size = np.zeros(self.rows, np.int64), 1
        for name, one in self.columns.items():
            if size * (len(one.values) + 1) > np.iinfo(np.int64).max:
                kinds, key = np.unique(key, return_inverse=True)
                size = len(kinds)
            key = key * (len(one.values) + 1) + self.places[name]
            size *= len(one.values) + 1
        return key, size

    def values(self, which: Ints) -> dict[str, NDArray[Any]]:
        """The values of some of the rows. Column name -> (chosen rows,)"""
        return {name: _pick(one.values, self.places[name][which]) for name, one in self.columns.items()}

    def null(self, which: Ints) -> Mask:
        """Which of some of the rows have a null."""
        blank = [self.places[name][which] == len(one.values) for name, one in self.columns.items()]
        return np.asarray(np.any(blank, axis=0) if blank else np.zeros(len(which), bool), np.bool_)


def _united(starts: Sequence[Ints], rows: int) -> Ints:
    """The first row, and those in which any column changes."""
    if len(starts) == 1:
        return starts[0]
    begins = np.zeros(rows, bool)
    begins[:1] = True
    for some in starts:
        begins[some] = True
    return np.flatnonzero(begins)


def _codes(column: pa.ChunkedArray, name: str) -> _Codes:
    """A column of a frame as whole numbers."""
    if pa.types.is_nested(column.type):
        raise DataError(f"column {name!r} tells series apart, but holds {column.type}; expected texts, numbers or dates")
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if (found := _stretches(column)) is not None:
        starts, some = found[0], _each(pa.chunked_array([found[1]]))
        return replace(some, starts=starts if len(some.starts) == len(starts) else starts[some.starts])
    return _each(column)


def _each(column: pa.ChunkedArray) -> _Codes:
    """Likewise, value by value."""
    if (values := _ascending(column)) is not None:
        return _Codes(values, np.arange(len(values) + 1), every := np.arange(len(values)), every)
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
    numbers = codes.to_numpy(zero_copy_only=False)
    starts = _changes(numbers)
    return _Codes(values, np.append(place, len(values)).astype(np.int64), numbers[starts], starts)


def _stretches(column: pa.ChunkedArray) -> tuple[Ints, pa.Array] | None:
    """Rows that begin a stretch of one text, which is cheaper to see than which text each is, and these texts.

    None where that spares little.
    """
    if len(column) < 2 or not is_text(column.type) or column.null_count:
        return None
    if (found := scan.stretches([memory(chunk) for chunk in column.chunks if len(chunk)], (len(column) - 1) // 4)) is None:
        return None
    starts, *held = found
    return starts, pa.Array.from_buffers(pa.large_string(), len(starts), [None, *map(pa.py_buffer, held)])


def _ascending(column: pa.ChunkedArray) -> pa.Array | None:
    """Texts that are in order, each once, as one array; None for any other column."""
    if len(column) < 2 or not is_text(column.type) or column.null_count:
        return None
    values = pa.concat_arrays(column.chunks)
    return values if scan.climbs(*memory(values)) else None


def _pick(values: pa.Array, places: Ints) -> NDArray[Any]:
    """The values at some places, as numpy holds them; a blank of the same type for null."""
    held = values.to_numpy(zero_copy_only=False)
    if np.array_equal(places, np.arange(len(held))):
        return np.require(held, requirements="W")
    blank = np.array([""], object) if held.dtype == object else np.zeros(1, held.dtype)
    return np.concatenate([held, blank])[places]


def _dense(key: Ints, size: int) -> tuple[Ints, Ints]:
    """Keys as consecutive numbers in the same order, and where each comes first."""
    if size == len(key) + 1 and np.array_equal(key, every := np.arange(len(key))):
        return every, every
    if size > max(1_000_000, 4 * len(key)):
        _, first, code = np.unique(key, return_index=True, return_inverse=True)
        return code.astype(np.int64), first.astype(np.int64)
    first_of = np.full(size, -1, np.int64)
    first_of[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    there = first_of >= 0
    return (np.cumsum(there) - 1)[key], first_of[there]


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


def _changes(values: NDArray[Any]) -> Ints:
    """Places of the first value, and of those that differ from the one before."""
    return np.flatnonzero(np.append(len(values) > 0, values[1:] != values[:-1]))


def _sizes(begins: Ints, end: int) -> Ints:
    """How long some parts are of which each ends where the next one begins, and the last at `end`."""
    sizes = np.full(len(begins), end)
    sizes[:-1] = begins[1:]
    return sizes - begins


def _boundaries(sizes: Ints) -> Ints:
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    return bounds
