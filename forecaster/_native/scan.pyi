"""What one pass over the values or stamps of all series tells."""

import numpy as np
from numpy.typing import NDArray

def ascends(stamps: NDArray[np.int64], indptr: NDArray[np.int64]) -> int:
    """0 where a stamp of a series is less than the one before it; else 2 where every series ends as the longest does, and 1 elsewhere."""

def follows(stamps: NDArray[np.int64], indptr: NDArray[np.int64], calendar: NDArray[np.int64], first: NDArray[np.int64]) -> bool:
    """Whether every series is a slice of the calendar, from place `first` (series,) on."""

def stretches(
    chunks: list[tuple[NDArray[np.int64] | NDArray[np.int32], NDArray[np.uint8]]], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]] | None:
    """The places of texts that differ from the one before, and of the first, and these texts; None for more than `most` of them.

    Text i of a chunk is `bytes[offsets[i]:offsets[i + 1]]`, as Arrow holds it; those that are given back are held so as well.
    """

def climbs(offsets: NDArray[np.int64] | NDArray[np.int32], bytes: NDArray[np.uint8]) -> bool:
    """Whether every text is above the one before, by its bytes."""

def plain(offsets: NDArray[np.int64] | NDArray[np.int32], bytes: NDArray[np.uint8]) -> bool:
    """Whether all texts are of ASCII, and none begins or ends with a blank."""

def survey(
    values: NDArray[np.float64] | NDArray[np.float32],
    indptr: NDArray[np.int64],
    out: NDArray[np.float64],
    copy: NDArray[np.float64] | NDArray[np.float32],
) -> None:
    """Write into `out` (series, 4) how many values are finite, the lowest and the highest (NaN for none), and the least size above zero.

    The values go to `copy`, unless it is empty.
    """

def micros(stamps: NDArray[np.int64], per_second: int, out: NDArray[np.int64]) -> bool:
    """Write stamps that count seconds, milliseconds or nanoseconds into `out` as microseconds, nanoseconds beyond them cut off.

    Whether all of them are surely small enough for that, which seconds and milliseconds of the years -140,000 to 140,000 are.
    """

def from_micros(stamps: NDArray[np.int64], per_second: int, out: NDArray[np.int64]) -> bool:
    """Write microseconds into `out` as seconds or milliseconds.

    Whether all of them are surely whole, which those of the years -69,000 to 73,000 are if they can be.
    """

def changes(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    lags: NDArray[np.int64],
    sizes: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Write the mean size and the mean square of the changes of each series over each lag (lags, series); NaN where none is known."""

def unroll(values: NDArray[np.uint8], indptr: NDArray[np.int64], first: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write to the rows of each series (rows, size) the values (n, size), as bytes, from place `first` (series,) on."""

def repeat(offsets: NDArray[np.int32], bytes: NDArray[np.uint8], times: int, ends: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
    """Write every text `times` over: their offsets from 0 on into `ends` (texts * times + 1,) and their bytes into `out`."""
