"""Exponential smoothing of all series of a table in one call (equations in ets.hpp).

A model is one row of several arrays: `form` (code: error + 2 trend + 10 season; -1 for none), `rate` (alpha, beta, gamma, phi), `state`
(level, slope, then one seasonal state per step of the period). `phase` says which seasonal state belongs to the next step. The rows
of series i are `begin[i]` to `end[i]`; values that are no finite numbers are missing. Threads change the speed, never the bits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIMD: str
"""The level of processor that `fit` was chosen for: avx512, avx2 or baseline."""

def fit(
    values: NDArray[np.float64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    forms: Sequence[int],
    region: int,
    select: int,
    free_seasons: int,
    prior: float,
    holdout: int,
    form: NDArray[np.int8],
    rate: NDArray[np.float64],
    state: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Fit every one of the `forms` and write the best: `form`, `rate` and the `state` before the first row, which must be observed.

    Args:
        region: 0 usual, 1 admissible, 2 both.
        select: 0 AIC, 1 AICc, 2 BIC, 3 backtest.
        free_seasons: Longest period whose initial seasonal states are fitted.
        prior: Weight of (beta / alpha)^2 in -2 log L.
        holdout: Values at the end, a third at most, whose forecasts choose among forms in a backtest.
    """

def filter(
    values: NDArray[np.float64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    form: NDArray[np.int8],
    rate: NDArray[np.float64],
    state: NDArray[np.float64],
    phase: NDArray[np.int64],
    sums: NDArray[np.float64],
    fitted: NDArray[np.float64] | None = None,
    threads: int = 1,
) -> None:
    """Move `state` over the rows; add number of values, sum of squared errors and sum of log forecasts to `sums` (series, 3).

    Args:
        fitted: Gets the forecast of each row from those before it. (values,)
    """

def ahead(
    form: NDArray[np.int8],
    rate: NDArray[np.float64],
    variance: NDArray[np.float64],
    state: NDArray[np.float64],
    phase: NDArray[np.int64],
    gap: NDArray[np.int64],
    seed: NDArray[np.uint64],
    levels: Sequence[float],
    scores: Sequence[float],
    paths: int,
    always: bool,
    mean: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Write `mean` (series, horizon) and `quantiles` (series, horizon, levels) of the steps that come `gap` steps after the state.

    Args:
        variance: Of one error. (series,)
        scores: Normal quantiles of the levels.
        paths: Simulated paths where there is no closed variance, or for every series where `always`.
    """
