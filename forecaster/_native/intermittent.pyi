"""Croston, SBA, TSB, ADIDA and IMAPA for all series of a table in one call; the equations stand in intermittent.hpp.

Missing values are left out. The number of threads changes no bit.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIMD: str

def patterns(values: NDArray[np.float64], indptr: NDArray[np.int64], out: NDArray[np.float64], threads: int = 1) -> None:
    """Write observed values, mean interval between demands, squared coefficient of variation of the demands into `out` (series, 3)."""

def fit_demand(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    method: NDArray[np.int64],
    smooth: tuple[float, float],
    sizes: Sequence[float],
    paces: Sequence[float],
    smoothing: NDArray[np.float64],
    state: NDArray[np.float64],
    rate: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Write the pair of weights of size and of interval or chance with the least squared error into `smoothing` (series, 2).

    Methods per series: 0 Croston, 1 SBA; or 2, TSB, for all of them. 3 becomes 0 where the mean interval between demands and the squared
    coefficient of variation of the demands are at most those of `smooth`, else 1. State (series, 4) and rate are as `follow_demand` leaves
    them with those weights.
    """

def follow_demand(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    method: NDArray[np.int64],
    smoothing: NDArray[np.float64],
    state: NDArray[np.float64],
    rate: NDArray[np.float64],
    said: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Go on from `state` (series, 4; zeros before the first value) over further values, write the rate of demand, leave the new state.

    Methods are 0, 1 or 2, as for `fit_demand`.
    The rate is NaN where nothing was observed. `said` (rows,), unless it is empty, gets the rate before each value.
    """

def fit_buckets(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    ptr: NDArray[np.int64],
    size: NDArray[np.int64],
    low: float,
    high: float,
    alpha: NDArray[np.float64],
    state: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Smooth the sums of `size` (buckets,) steps, `ptr` their boundaries in the series; write weights and state (buckets, 4).

    Weights are those with the least squared error among 32 from `low` to `high`.
    """

def follow_buckets(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    ptr: NDArray[np.int64],
    size: NDArray[np.int64],
    alpha: NDArray[np.float64],
    state: NDArray[np.float64],
    said: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Go on from `state` (buckets, 4: level, sum and count of the bucket in the making, full buckets) over further values.

    A count below zero leaves out that many values. `said` (rows,), unless it is empty, gets the rate before each value, NaN until all
    sizes have a full bucket.
    """
