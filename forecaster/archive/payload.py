"""The arrays and blobs of a model: those with one value per series as columns of model.parquet, the rest as rows of arrays.parquet."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecaster.archive.columns import Columns, read
from forecaster.archive.place import Place
from forecaster.errors import ArchiveError, CannotSave

RAW = "biufcmMSU"
"""Kinds of dtype whose bytes are their meaning."""


@dataclass
class Writer:
    """Collects arrays and blobs by key; the same bytes of the same kind are one row of arrays.parquet."""

    kinds: list[str] = field(default_factory=list)
    dtypes: list[str] = field(default_factory=list)
    shapes: list[list[int]] = field(default_factory=list)
    blobs: list[bytes | None] = field(default_factory=list)
    seen: dict[tuple[str, str, tuple[int, ...], bytes], int] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)

    def add(self, kind: str, blob: bytes, dtype: str = "", shape: tuple[int, ...] = ()) -> int:
        """Add a blob and return its key."""
        known = (kind, dtype, shape, blob if len(blob) < 64 else hashlib.blake2b(blob, digest_size=32).digest())
        if (key := self.seen.get(known)) is None:
            key = self.seen[known] = self._append(kind, dtype, shape, blob)
        return key

    def array(self, values: NDArray[Any], place: Place) -> int:
        """Add an array and return its key."""
        if self.columns.takes(values, place):
            key = self._append(*_described(values), values.shape)
            self.columns.waiting[key] = values, place
            return key
        kind, dtype = _described(values)
        return self.add(kind, _bytes(values), dtype, values.shape)

    def mark(self) -> int:
        """A point to go back to."""
        return len(self.blobs)

    def back_to(self, mark: int) -> None:
        """Forget all blobs added since `mark`."""
        for rows in (self.kinds, self.dtypes, self.shapes, self.blobs):
            del rows[mark:]
        self.seen = {known: key for known, key in self.seen.items() if key < mark}

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """model.parquet and arrays.parquet."""
        columns, names = self.columns.table()
        for key, (values, _) in self.columns.waiting.items():
            if key not in names:
                self.blobs[key] = _bytes(values)
        rows = {
            "key": pa.array(range(len(self.blobs)), pa.int64()),
            "kind": pa.array(self.kinds, pa.string()),
            "dtype": pa.array(self.dtypes, pa.string()),
            "shape": pa.array(self.shapes, pa.list_(pa.int64())),
            "columns": pa.array([names.get(key) for key in range(len(self.blobs))], pa.list_(pa.string())),
            "bytes": pa.array(self.blobs, pa.large_binary()),
        }
        return columns, pa.table(rows)

    def _append(self, kind: str, dtype: str, shape: tuple[int, ...], blob: bytes | None = None) -> int:
        self.kinds.append(kind)
        self.dtypes.append(dtype)
        self.shapes.append(list(shape))
        self.blobs.append(blob)
        return len(self.blobs) - 1


class Reader:
    """The arrays and blobs of an archive by key; an array is made once and shared by all that refer to it.

    Args:
        columns: The bytes of model.parquet.
        rows: The bytes of arrays.parquet.
        folder: Where they come from, for messages.
    """

    def __init__(self, columns: bytes, rows: bytes, folder: str) -> None:
        try:
            self.columns = pq.read_table(pa.BufferReader(columns))
            table = pq.read_table(pa.BufferReader(rows), columns=["kind", "dtype", "shape", "columns", "bytes"])
            self.kinds, self.dtypes, self.shapes, self.names = (table[c].to_pylist() for c in ("kind", "dtype", "shape", "columns"))
            self.blobs = table["bytes"].cast(pa.large_binary()).combine_chunks()
        except (pa.ArrowException, KeyError, OSError, MemoryError, ValueError) as error:
            raise ArchiveError(f"model.parquet and arrays.parquet of {folder} cannot be read as those of an archive: {error}") from error
        self.made: dict[int, NDArray[Any]] = {}

    def blob(self, key: Any, kind: str) -> bytes:
        """The bytes of row `key`, which must be of this kind."""
        if type(key) is not int or not 0 <= key < len(self.kinds) or self.kinds[key] != kind:
            raise ArchiveError(f"model.json asks for {kind} {key!r}, which arrays.parquet does not hold")
        if not (value := self.blobs[key]).is_valid:
            raise ArchiveError(f"{kind} {key} of arrays.parquet is empty")
        return memoryview(value.as_buffer()).tobytes()

    def array(self, key: Any) -> NDArray[Any]:
        """The array of row `key`, writable."""
        if type(key) is not int or not 0 <= key < len(self.kinds):
            raise ArchiveError(f"model.json asks for array {key!r}, which arrays.parquet does not hold")
        if key not in self.made:
            self.made[key] = self._array(key)
        return self.made[key]

    def _array(self, key: int) -> NDArray[Any]:
        kind, names = self.kinds[key], self.names[key]
        blob = b"" if names else self.blob(key, kind)
        try:
            dtype, shape = _dtype(self.dtypes[key], kind), _shape(self.shapes[key])
            if names:
                return read(self.columns, names, dtype, shape)
            if kind == "text":
                return _text(json.loads(blob), dtype, shape)
            if math.prod(shape) * dtype.itemsize != len(blob):
                raise ValueError(f"shape {shape} of {dtype} claims {math.prod(shape) * dtype.itemsize} bytes, there are {len(blob)}")
            return np.frombuffer(blob, dtype).reshape(shape).copy() if blob else np.empty(shape, dtype)
        except _DAMAGED as error:
            raise ArchiveError(f"array {key} of arrays.parquet is not what it claims to be: {error}") from error


_DAMAGED = (ValueError, TypeError, SyntaxError, RecursionError, LookupError, OverflowError, MemoryError, AttributeError, pa.ArrowException)


def is_text(values: NDArray[Any]) -> bool:
    """Whether an array of objects or text holds nothing but text, plain numbers and None."""
    return values.dtype.kind in "OT" and all(x is None or type(x) in (str, int, float, bool) for x in values.flat)


def _shape(shape: Any) -> tuple[int, ...]:
    if len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f"{shape} is no shape")
    return tuple(shape)


def _described(values: NDArray[Any]) -> tuple[str, str]:
    """The kind of an array, and the text of its dtype.

    Raises:
        CannotSave: It has no safe file format.
    """
    if values.dtype.kind in RAW:
        return "array", values.dtype.str
    if values.dtype.kind == "V" and values.dtype.names and not values.dtype.hasobject:
        return "record", json.dumps(values.dtype.descr)
    if is_text(values):
        return "text", values.dtype.kind
    held = sorted({type(x).__qualname__ for x in values.flat}) if values.dtype.kind == "O" else values.dtype
    raise CannotSave(f"an array of {held} has no safe file format; keep numbers, text, or a tuple of storable dataclasses instead")


def _bytes(values: NDArray[Any]) -> bytes:
    return json.dumps(values.ravel().tolist()).encode() if values.dtype.kind in "OT" else values.tobytes()


def _dtype(text: str, kind: str) -> np.dtype[Any]:
    """The dtype of an array; one of objects for text only."""
    if kind == "text":
        return np.dtypes.StringDType() if text == "T" else np.dtype(object)
    if kind not in ("array", "record"):
        raise ValueError(f"{kind!r} is no kind of array")
    dtype = np.dtype(text) if kind == "array" else np.lib.format.descr_to_dtype([(str(name), str(of)) for name, of in json.loads(text)])
    if dtype.hasobject or dtype.kind not in RAW + "V":
        raise ValueError(f"dtype {text!r} is not allowed")
    return dtype


def _text(values: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if not all(x is None or type(x) in (str, int, float, bool) for x in values):
        raise ValueError("an array of text holds something else")
    out = np.empty(len(values), object)
    out[:] = values
    return out.reshape(shape).astype(dtype)
