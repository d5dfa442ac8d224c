"""Several seasons out of all series of a table in one call; the equations stand in mstl.hpp."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def decompose(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    periods: Sequence[int],
    left: NDArray[np.float64],
    last: NDArray[np.float64],
    share: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Write what is left without the seasons into `left` (rows,), and those of the steps after each series into `last`.

    `last` is (series, sum of the periods), one period after the other, zero where a series is shorter than two of them;
    `share` (series,) is the part of the noise that the seasons take.
    """
