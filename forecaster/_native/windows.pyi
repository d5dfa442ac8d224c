"""Look-back features of all series of a table in one call: row r knows the values of its series up to and including r.

An op is `(stat, window, stride, least, alpha)`: a statistic over the last `window` values that lie `stride` rows apart (window 0:
over all values so far), missing where fewer than `least` of them are observed. Statistics: lag (the oldest value of the
window), mean, std (ddof 1), min, max, sum, median; without a window only: ewm and ewm_std (with `alpha`),
since (steps since the last non-zero).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STATE_WIDTH: int

def fill(
    values: NDArray[np.float64] | NDArray[np.float32],
    indptr: NDArray[np.int64],
    ops: Sequence[tuple[str, int, int, int, float]],
    out: NDArray[np.float32],
    rows: NDArray[np.int64] | None = None,
    threads: int = 1,
) -> None:
    """Write one column per op into `out` (rows, ops), for all rows or for the ascending `rows`; the number of threads changes no bit."""

def tips(recent: NDArray[np.float64], ops: Sequence[tuple[str, int, int, int, float]], out: NDArray[np.float32]) -> None:
    """Write the columns of the last row alone into `out` (series, ops), from the most `recent` values (series, n)."""

def gather(
    parts: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]], out: NDArray[np.float32], first: int, last: int, kept: NDArray[np.bool_]
) -> int:
    """Write rows of `parts` (values, index) side by side into the head of `out`; a negative index is missing. Rows whose columns from
    `first` to before `last` are all missing are left out: `kept` says which stay, the result how many."""

def carry_on(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    op: tuple[str, int, int, int, float],
    state: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Go on from `state` (series, STATE_WIDTH; zeros before the first value) over further values, write one column, leave the new state."""
