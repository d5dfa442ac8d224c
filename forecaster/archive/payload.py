"""Rows of model.parquet: arrays and blobs, each stored once however often the tree refers to it."""

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

from forecaster.errors import ArchiveError, CannotSave

RAW = "biufcmMSU"
"""Kinds of dtype whose bytes are their meaning."""


@dataclass
class Writer:
    """Collects rows; the same bytes of the same kind become one row."""

    kinds: list[str] = field(default_factory=list)
    dtypes: list[str] = field(default_factory=list)
    shapes: list[list[int]] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    seen: dict[tuple[str, str, tuple[int, ...], bytes], int] = field(default_factory=dict)

    def add(self, kind: str, blob: bytes, dtype: str = "", shape: tuple[int, ...] = ()) -> int:
        """Add a row and return its key."""
        known = (kind, dtype, shape, blob if len(blob) < 64 else hashlib.blake2b(blob, digest_size=32).digest())
        if (key := self.seen.get(known)) is None:
            key = self.seen[known] = len(self.blobs)
            self.kinds.append(kind)
            self.dtypes.append(dtype)
            self.shapes.append(list(shape))
            self.blobs.append(blob)
        return key

    def array(self, values: NDArray[Any]) -> int:
        """Add an array and return its key."""
        if values.dtype.kind in RAW:
            return self.add("array", values.tobytes(), values.dtype.str, values.shape)
        if values.dtype.kind == "V" and values.dtype.names and not values.dtype.hasobject:
            return self.add("record", values.tobytes(), json.dumps(values.dtype.descr), values.shape)
        if is_text(values):
            return self.add("text", json.dumps(values.ravel().tolist()).encode(), values.dtype.kind, values.shape)
        held = sorted({type(x).__qualname__ for x in values.flat}) if values.dtype.kind == "O" else values.dtype
        raise CannotSave(f"an array of {held} has no safe file format; keep numbers, text, or a tuple of storable dataclasses instead")

    def mark(self) -> int:
        """A point to go back to."""
        return len(self.blobs)

    def back_to(self, mark: int) -> None:
        """Forget all rows added since `mark`."""
        for rows in (self.kinds, self.dtypes, self.shapes, self.blobs):
            del rows[mark:]
        self.seen = {known: key for known, key in self.seen.items() if key < mark}

    def table(self) -> pa.Table:
        return pa.table(
            {
                "key": pa.array(range(len(self.blobs)), pa.int64()),
                "kind": pa.array(self.kinds, pa.string()),
                "dtype": pa.array(self.dtypes, pa.string()),
                "shape": pa.array(self.shapes, pa.list_(pa.int64())),
                "bytes": pa.array(self.blobs, pa.large_binary()),
            }
        )


class Reader:
    """The rows of an archive by key; an array is made once and shared by all that refer to it."""

    def __init__(self, data: bytes, name: str) -> None:
        try:
            table = pq.read_table(pa.BufferReader(data), columns=["kind", "dtype", "shape", "bytes"])
            self.kinds, self.dtypes, self.shapes = (table[c].to_pylist() for c in ("kind", "dtype", "shape"))
            self.blobs = table["bytes"].cast(pa.large_binary()).combine_chunks()
        except (pa.ArrowException, KeyError, OSError, MemoryError, ValueError) as error:
            raise ArchiveError(f"{name} cannot be read as the rows of an archive: {error}") from error
        self.made: dict[int, NDArray[Any]] = {}

    def blob(self, key: Any, kind: str) -> bytes:
        """The bytes of row `key`, which must be of this kind."""
        if type(key) is not int or not 0 <= key < len(self.kinds) or self.kinds[key] != kind:
            raise ArchiveError(f"model.json asks for {kind} {key!r}, which model.parquet does not hold")
        if not (value := self.blobs[key]).is_valid:
            raise ArchiveError(f"{kind} {key} of model.parquet is empty")
        return memoryview(value.as_buffer()).tobytes()

    def array(self, key: Any) -> NDArray[Any]:
        """The array of row `key`, writable."""
        if type(key) is not int or not 0 <= key < len(self.kinds):
            raise ArchiveError(f"model.json asks for array {key!r}, which model.parquet does not hold")
        if key not in self.made:
            self.made[key] = self._array(key)
        return self.made[key]

    def _array(self, key: int) -> NDArray[Any]:
        kind = self.kinds[key]
        blob = self.blob(key, kind)
        try:
            shape = _shape(self.shapes[key])
            if kind == "text":
                return _text(json.loads(blob), self.dtypes[key], shape)
            dtype = _dtype(self.dtypes[key], kind)
            if math.prod(shape) * dtype.itemsize != len(blob):
                raise ValueError(f"shape {shape} of {dtype} claims {math.prod(shape) * dtype.itemsize} bytes, there are {len(blob)}")
            return np.frombuffer(blob, dtype).reshape(shape).copy() if blob else np.empty(shape, dtype)
        except (ValueError, TypeError, SyntaxError, RecursionError, KeyError, OverflowError, MemoryError) as error:
            raise ArchiveError(f"array {key} of model.parquet is not what it claims to be: {error}") from error


def is_text(values: NDArray[Any]) -> bool:
    """Whether an array of objects or text holds nothing but text, plain numbers and None."""
    return values.dtype.kind in "OT" and all(x is None or type(x) in (str, int, float, bool) for x in values.flat)


def _shape(shape: Any) -> tuple[int, ...]:
    if len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f"{shape} is no shape")
    return tuple(shape)


def _dtype(text: str, kind: str) -> np.dtype[Any]:
    """The dtype of a row of numbers; never one of objects."""
    if kind not in ("array", "record"):
        raise ValueError(f"{kind!r} is no kind of array")
    dtype = np.dtype(text) if kind == "array" else np.lib.format.descr_to_dtype([(str(name), str(of)) for name, of in json.loads(text)])
    if dtype.hasobject or dtype.kind not in RAW + "V":
        raise ValueError(f"dtype {text!r} is not allowed")
    return dtype


def _text(values: Any, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if not all(x is None or type(x) in (str, int, float, bool) for x in values):
        raise ValueError("an array of text holds something else")
    out = np.empty(len(values), object)
    out[:] = values
    out = out.reshape(shape)
    return out.astype(np.dtypes.StringDType()) if dtype == "T" else out
