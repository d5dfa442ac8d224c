"""Arrays as columns of model.parquet, one row per series: numbers and text as they are, further axes as lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.archive.place import Place

PLAIN = frozenset({"|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f4", "<f8"})
"""Types of numbers that Parquet has too."""


@dataclass
class Columns:
    """Arrays that wait until it is known how many rows the file has, because only those with one value per row become columns."""

    waiting: dict[int, tuple[NDArray[Any], Place]] = field(default_factory=dict)

    def takes(self, values: NDArray[Any], place: Place) -> bool:
        """Whether an array may become a column: it has rows, a plain type, and a name."""
        return bool(place.name) and values.size > 0 and values.ndim > 0 and (values.dtype.str in PLAIN or _is_words(values))

    def table(self) -> tuple[pa.Table, dict[int, list[str]]]:
        """The file, and the names of the columns of each array that is in it; the length that most arrays have is the number of rows."""
        lengths = Counter(len(values) for values, place in self.waiting.values() if place.rows is None)
        n = max(lengths, key=lambda length: (lengths[length], length), default=0)
        made: dict[str, pa.Array] = {}
        taken: set[str] = set()
        names: dict[int, list[str]] = {}
        for key, (values, place) in self.waiting.items():
            if _fits(values, place, n):
                own = _own(values, place, n)
                names[key] = [_free(name, taken) for name in own]
                made.update(zip(names[key], own.values(), strict=True))
        return pa.table(made), names


def read(table: pa.Table, names: Sequence[str], dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The array that was written as these columns.

    Raises:
        ValueError: The columns hold something else.
    """
    if len(names) == 1:
        return _flat(table, names[0], len(shape) - 1, dtype, math.prod(shape)).reshape(shape)
    if len(shape) != 2 or len(names) != shape[1]:
        raise ValueError(f"{len(names)} columns for an array of shape {shape}")
    return np.stack([_flat(table, name, 0, dtype, shape[0]) for name in names], axis=1)


def _own(values: NDArray[Any], place: Place, n: int) -> dict[str, pa.Array]:
    """The columns of an array by name."""
    name = ".".join(place.name or ())
    if values.ndim == 2 and len(place.split) == values.shape[1]:
        before = ".".join((place.name or ())[:-1])
        return {f"{before}.{part}".lstrip("."): _placed(_arrow(values[:, k]), place, n) for k, part in enumerate(place.split)}
    return {name: _placed(_arrow(values), place, n)}


def _fits(values: NDArray[Any], place: Place, n: int) -> bool:
    rows = place.rows
    if rows is None:
        return len(values) == n
    return bool(len(values) == len(rows) and rows[0] >= 0 and rows[-1] < n and (np.diff(rows) > 0).all())


def _arrow(values: NDArray[Any]) -> pa.Array:
    if values.dtype.str not in PLAIN:
        return pa.array(values.tolist(), pa.string())
    column = pa.array(np.ascontiguousarray(values).ravel())
    for size in values.shape[:0:-1]:
        column = pa.LargeListArray.from_arrays(pa.array(np.arange(0, len(column) + 1, size)), column)
    return column


def _placed(column: pa.Array, place: Place, n: int) -> pa.Array:
    """A column as long as the file, null in rows that are not its."""
    if place.rows is None or len(column) == n:
        return column
    at = np.full(n, -1)
    at[place.rows] = np.arange(len(column))
    return column.take(pa.array(at, mask=at < 0))


def _flat(table: pa.Table, name: str, axes: int, dtype: np.dtype[Any], size: int) -> NDArray[Any]:
    """The values of a column, those of lists one after another."""
    if dtype.str not in PLAIN and dtype.kind not in "OT":
        raise ValueError(f"a column does not hold {dtype}")
    column = table.column(name).combine_chunks().drop_null()
    for _ in range(axes):
        column = column.flatten()
    told = pa.from_numpy_dtype(dtype) if dtype.str in PLAIN else pa.string()
    if column.type != told or column.null_count or len(column) != size:
        raise ValueError(f"column {name!r} holds {len(column)} values of {column.type}, not {size} of {told}")
    if dtype.str in PLAIN:
        return np.array(column.to_numpy(zero_copy_only=False))
    return np.array(column.to_pylist(), object).astype(dtype)


def _is_words(values: NDArray[Any]) -> bool:
    """Whether it is a list of text that UTF-8 has letters for."""
    if values.ndim != 1 or values.dtype.kind not in "OT":
        return False
    words = values.tolist()
    return all(type(word) is str for word in words) and not any("\ud800" <= letter <= "\udfff" for letter in "".join(words))


def _free(name: str, taken: set[str]) -> str:
    """A name that no other column has; SQL tells capitals and small letters not apart."""
    while name.lower() in taken:
        name += "_"
    taken.add(name.lower())
    return name
