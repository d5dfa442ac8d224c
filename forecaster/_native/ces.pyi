"""Complex exponential smoothing for all series of a table in one call; the equations stand in ces.hpp.

A model is a row of WIDTH numbers: kind of season (0 none, 1 simple, 2 partial, 3 full), weights a0 (NaN where nothing was observed), a1,
b0, b1, standard deviation of the error, steps since the first value, missing values at the end; and a row of `states` (2 * period + 2).
"""

import numpy as np
from numpy.typing import NDArray

SIMD: str
WIDTH: int

def fit(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    cycle: int,
    period: int,
    models: NDArray[np.float64],
    first: NDArray[np.float64],
    states: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Write `models` and their states before the first value and after the last; the number of threads changes no bit.

    Cycle -1 takes the one with the least AICc per series.
    """

def follow(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    period: int,
    models: NDArray[np.float64],
    states: NDArray[np.float64],
    said: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Move models and states on over further values; `said` (rows,), unless it is empty, gets the forecast of each from those before it."""

def ahead(
    period: int,
    models: NDArray[np.float64],
    states: NDArray[np.float64],
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Write means and standard deviations of the next steps (series, horizon)."""
