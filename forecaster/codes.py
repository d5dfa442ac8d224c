"""Columns that tell series apart, as whole numbers that sort as their values do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.errors import DataError
from forecaster.frames.texts import is_text, memory

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Codes:
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
class Keys:
    """What some columns hold in some rows.

    Args:
        columns: Column name -> all that it holds.
        places: Place of what each row holds. Column name -> (rows,)
        rows: How many there are.
    """

    columns: Mapping[str, Codes]
    places: Mapping[str, Ints]
    rows: int

    @classmethod
    def of(cls, columns: Mapping[str, Codes], names: Sequence[str], rows: Ints) -> Keys:
        """What the columns `names` hold in some rows."""
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


def united(starts: Sequence[Ints], rows: int) -> Ints:
    """The first row, and those in which any column changes."""
    if len(starts) == 1:
        return starts[0]
    begins = np.zeros(rows, bool)
    begins[:1] = True
    for some in starts:
        begins[some] = True
    return np.flatnonzero(begins)


def coded(column: pa.ChunkedArray, name: str) -> Codes:
    """A column of a frame as whole numbers; NaN is null.

    Raises:
        DataError: It holds lists or the like, which tell nothing apart.
    """
    if pa.types.is_nested(column.type):
        raise DataError(f"column {name!r} tells series apart, but holds {column.type}; expected texts, numbers or dates")
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if (found := _stretches(column)) is not None:
        starts, some = found[0], _each(pa.chunked_array([found[1]]))
        return replace(some, starts=starts if len(some.starts) == len(starts) else starts[some.starts])
    return _each(column)


def _each(column: pa.ChunkedArray) -> Codes:
    """Likewise, value by value."""
    if (values := _ascending(column)) is not None:
        return Codes(values, np.arange(len(values) + 1), every := np.arange(len(values)), every)
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
    starts = changes(numbers)
    return Codes(values, np.append(place, len(values)).astype(np.int64), numbers[starts], starts)


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


def dense(key: Ints, size: int) -> tuple[Ints, Ints]:
    """Keys below `size` as consecutive numbers in the same order, and where each comes first. (rows,), (different keys,)"""
    if size == len(key) + 1 and np.array_equal(key, every := np.arange(len(key))):
        return every, every
    if size > max(1_000_000, 4 * len(key)):
        _, first, code = np.unique(key, return_index=True, return_inverse=True)
        return code.astype(np.int64), first.astype(np.int64)
    first_of = np.full(size, -1, np.int64)
    first_of[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    there = first_of >= 0
    return (np.cumsum(there) - 1)[key], first_of[there]


def changes(values: NDArray[Any]) -> Ints:
    """Places of the first value, and of those that differ from the one before."""
    return np.flatnonzero(np.append(len(values) > 0, values[1:] != values[:-1]))
