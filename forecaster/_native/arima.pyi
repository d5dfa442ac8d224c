"""Seasonal ARIMA of all series of a table in one call; every array is C-contiguous and written in place.

A model is four arrays with one row per series: `orders` (p d q P D Q constant), `coefficients` (p AR, q MA, P seasonal AR, Q seasonal MA,
one after another), `betas` (one per covariate) and `numbers`: constant, sigma2 per degree of freedom, log-likelihood, AICc,
observations used, models tried, status (0 fitted, 1 constant or a straight line, 2 too short for more than its mean, 3 nothing
observed), missing steps at the end, rows from the first observed one to the last. A covariate that is NaN in all rows of a series is none
of it.
"""

import numpy as np
from numpy.typing import NDArray

SIMD: str
PARAMETERS: int
NUMBERS: int

def fit(
    y: NDArray[np.float64],
    indptr: NDArray[np.int64],
    x: NDArray[np.float64],
    m: int,
    fixed: bool,
    most: NDArray[np.int32],
    d: int,
    D: int,
    constant: int,
    models: int,
    boundary: int,
    kept: int,
    orders: NDArray[np.int32],
    coefficients: NDArray[np.float64],
    numbers: NDArray[np.float64],
    betas: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Find orders up to `most` (p d q P D Q) and fit, or fit `most` itself where `fixed`; -1 has d and D tested and the constant chosen.

    Of each series the `kept` best models have rows: those of all series for the best, then those for the second best, and so on; status 3
    where there are fewer.
    """

def filter(
    y: NDArray[np.float64],
    indptr: NDArray[np.int64],
    x: NDArray[np.float64],
    m: int,
    orders: NDArray[np.int32],
    coefficients: NDArray[np.float64],
    numbers: NDArray[np.float64],
    betas: NDArray[np.float64],
    state: NDArray[np.float64],
    tail: NDArray[np.float64],
    innovations: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Run models over values: `state` (series, max(p + mP, q + mQ + 1)) and `tail` (series, d + mD) after the last one.

    One-step innovations are written unless the array for them is empty.
    """

def project(
    m: int,
    orders: NDArray[np.int32],
    coefficients: NDArray[np.float64],
    numbers: NDArray[np.float64],
    state: NDArray[np.float64],
    tail: NDArray[np.float64],
    shares: NDArray[np.float64],
    effects: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    threads: int = 1,
) -> None:
    """Mean and variance of each step ahead (series, horizon), by `shares` of several models (models, series).

    Their rows are those of all series for the first model, then for the second, and so on; `effects` is what covariates add to each step by
    each of them (models * series, horizon).
    """

def explode(
    m: int,
    orders: NDArray[np.int32],
    coefficients: NDArray[np.float64],
    numbers: NDArray[np.float64],
    state: NDArray[np.float64],
    tail: NDArray[np.float64],
    shares: NDArray[np.float64],
    told: NDArray[np.bool_],
) -> None:
    """Whether an error grows without end in what the models of a series say together (series,)."""
