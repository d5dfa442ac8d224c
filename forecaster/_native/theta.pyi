"""The Theta method for all series of a table in one call; the equations stand in theta.hpp.

A model is a row of WIDTH numbers: form (0 STM, 1 OTM, 2 DSTM, 3 DOTM), alpha (NaN where nothing was observed), k = 1 - 1/theta,
standard deviation of the error, kind of season (0 none, 1 multiplicative, 2 additive), level, steps so far, five numbers of the
regression on time, index of the season to come, missing values at the end, level before the first value. `indices` (series, steps
of a season) are those of the steps after the fit.
"""

import numpy as np
from numpy.typing import NDArray

SIMD: str
WIDTH: int

def fit(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    form: int,
    season: int,
    models: NDArray[np.float64],
    indices: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Write `models` and `indices`; form -1 takes the one with the least AICc per series. The number of threads changes no bit."""

def follow(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    indices: NDArray[np.float64],
    models: NDArray[np.float64],
    said: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Move `models` on over further values; `said` (rows,), unless it is empty, gets the forecast of each from those before it."""

def restart(models: NDArray[np.float64], period: int) -> None:
    """Take `models` back to before their first value, so that `follow` can go over all of them again."""

def ahead(
    models: NDArray[np.float64], indices: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64], threads: int = 1
) -> None:
    """Write means and standard deviations of the next steps (series, horizon)."""
