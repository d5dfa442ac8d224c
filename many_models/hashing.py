"""What the rows of a group hash to, whatever their order and however they are cut into batches.

Every row has a 64-bit hash, and the hash of a group is the sum of its rows': one pass over the data, vectorised, no sorting, nothing held.
The order of rows and columns never causes a retrain; one changed value, name or stamp does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_OTHER = np.uint64(0xD6E8FEB86659FD93)
_NULL = np.uint64(0x6A09E667F3BCC909)
_NANOSECONDS = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def row_hashes(table: pa.Table) -> Hashes:
    """One hash per row, whatever the order of the columns. (rows,)"""
    total = np.zeros(table.num_rows, np.uint64)
    for name in table.column_names:
        total += mixed(_hashed(_whole(table[name])) + _word(name.encode()))
    return mixed(total)


def group_sums(rows: Hashes, codes: NDArray[np.int64], groups: int) -> tuple[Hashes, Hashes]:
    """Two sums of the row hashes of each group, which add up over batches. ((groups,), (groups,))"""
    sums = np.zeros((2, groups), np.uint64)
    np.add.at(sums[0], codes, rows)
    np.add.at(sums[1], codes, mixed(rows ^ _OTHER))
    return sums[0], sums[1]


def names_of(first: Hashes, second: Hashes) -> list[str]:
    """The two sums of each group as 32 letters and digits."""
    text = np.stack([first, second], axis=1).astype(">u8").tobytes().hex()
    return [text[i : i + 32] for i in range(0, len(text), 32)]


def sums_of(names: Sequence[str]) -> Hashes:
    """What `names_of` made the names from. (2, groups)"""
    return np.frombuffer(bytes.fromhex("".join(names)), ">u8").astype(np.uint64).reshape(-1, 2).T


def mixed(values: Hashes) -> Hashes:
    """Spread every bit over all bits (the finaliser of splitmix64)."""
    z = values + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)


def _word(data: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big"))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def _hashed(column: pa.Array) -> Hashes:
    """A hash per value: of its bits for numbers and stamps, of its bytes for anything else."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _looked_up(column)
    if pa.types.is_floating(kind):
        values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False)) + 0.0
        values[np.isnan(values)] = np.nan
        return _with_nulls(values.view(np.uint64), column)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        filled = column.fill_null(False if pa.types.is_boolean(kind) else 0)
        wide = pa.uint64() if kind == pa.uint64() else pa.int64()
        return _with_nulls(filled.cast(wide).to_numpy(zero_copy_only=False).view(np.uint64), column)
    if pa.types.is_temporal(kind):
        return _hashed_stamps(column)
    if pa.types.is_nested(kind):
        return _with_nulls(np.array([_word(repr(value).encode()) for value in column.to_pylist()], np.uint64), column)
    return _looked_up(column.dictionary_encode())


def _hashed_stamps(column: pa.Array) -> Hashes:
    """A hash of the moment, whatever the unit: a file may hold milliseconds where seconds were given."""
    kind = column.type
    numbers = column.view(pa.int32() if kind.bit_width == 32 else pa.int64()).fill_null(0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    unit = "D" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else kind.unit
    family = "date" if pa.types.is_date(kind) else f"{str(kind).partition('[')[0].rstrip('3264')} {getattr(kind, 'tz', None)}"
    return _with_nulls((numbers.view(np.uint64) * np.uint64(_NANOSECONDS[unit])) ^ _word(family.encode()), column)


def _looked_up(column: pa.DictionaryArray) -> Hashes:
    """Hash each distinct value once."""
    distinct = column.dictionary
    if pa.types.is_floating(distinct.type) or pa.types.is_integer(distinct.type) or pa.types.is_temporal(distinct.type):
        words = _hashed(distinct)
    else:
        words = _words(distinct)
    at = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return _with_nulls(words[at] if len(words) else np.zeros(len(column), np.uint64), column)


def _words(values: pa.Array) -> Hashes:
    """The hash of the bytes of each value, eight of them at a time. (values,)"""
    offsets = {pa.string(): np.int32, pa.binary(): np.int32, pa.large_string(): np.int64, pa.large_binary(): np.int64}
    if values.type not in offsets or values.null_count:
        told = [value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass") for value in values.to_pylist()]
        values = pa.array(told, pa.binary())
    bounds = np.frombuffer(values.buffers()[1], offsets[values.type])[values.offset :][: len(values) + 1].astype(np.int64)
    held = np.zeros(int(bounds[-1] - bounds[0]) + 8, np.uint8)
    held[:-8] = np.frombuffer(values.buffers()[2] or b"", np.uint8)[bounds[0] : bounds[-1]]
    eights = np.ndarray(len(held) - 7, "<u8", held, strides=(1,))
    begin, left = bounds[:-1] - bounds[0], np.diff(bounds)
    words = mixed(left.astype(np.uint64))
    at = np.arange(len(values))
    while len(at := at[left[at] > 0]):
        bits = np.uint64(8) * (np.uint64(8) - np.minimum(left[at], 8).astype(np.uint64))
        words[at] = mixed(words[at] ^ (eights[begin[at]] << bits))
        begin[at] += 8
        left[at] -= 8
    return words


def _with_nulls(hashes: Hashes, column: pa.Array) -> Hashes:
    if not column.null_count:
        return hashes
    return np.where(pc.is_null(column).to_numpy(zero_copy_only=False), _NULL, hashes)
