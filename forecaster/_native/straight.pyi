"""Rows of a feature matrix one step ahead of their origin, written series after series, each once where it stays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def fill(
    target: NDArray[np.float64],
    indptr: NDArray[np.int64],
    looks: Sequence[tuple[int, NDArray[np.float64] | NDArray[np.float32], Sequence[tuple[str, int, int, int, float]], int]],
    parts: Sequence[tuple[int, NDArray[np.float32], NDArray[np.int64], int]],
    out: NDArray[np.float32],
    deciding: tuple[int, int],
    every: bool,
    cut: bool,
    kept: NDArray[np.int64],
) -> int:
    """Write the rows of all series to the head of `out`; returns how many there are.

    Args:
        target: Values of all series. (rows,)
        indptr: Boundaries of the series. (series + 1,)
        looks: Columns that look back: the first of them, what is looked back at (rows,), the ops of `windows.fill`, and by how many rows
            more than one the origin lies before the row.
        parts: Columns that are copied: the first of them, the values (n, k), and where those of a row lie: by `moves` 1 at the place of
            its series and as many on as the row is from the first, by 0 at the place of its series (series,), by -1 at a place of its
            own (rows,). A negative place is missing.
        out: Room, in any layout. (rows, columns)
        deciding: Columns from the first to before the last of which one must be known; equal for none.
        every: Whether rows stay that have no target, or nothing in the deciding columns.
        cut: Whether the first row of each series, which has no origin, is left out.
        kept: Is told which rows stay, unless every one does. (rows,)
    """
