import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

class Design:
    """The columns of a design: `shared` ones belong to the steps of a grid, `own` ones to each row.

    Args:
        day: Time of each step of the grid, in days. (grid,)
        shared: (grid, n_shared)
        own: (rows, n_own), or (series x horizon, n_own) ahead.
        wanted: Whether a series has a column. (series, n_shared + n_own)
        precision: One over the squared scale of the prior. (n_shared + n_own,)
        multiplicative: Whether a column multiplies the trend. (n_shared + n_own,)
    """

    def __init__(self, day: Floats, shared: Floats, own: Floats, wanted: Mask, precision: Floats, multiplicative: Mask) -> None: ...

class Theta:
    """Parameters of all series, in units of their scale.

    Args:
        theta: [k, m | columns | changepoints]; the start of a fit, and its result. (series, 2 + columns + changepoints)
        sigma: Likewise; NaN starts a fit of linear or flat growth from the mean. (series,)
        begin: Day at which t is 0. (series,)
        span: Days from there to t = 1. (series,)
        changepoints: Their t, NaN behind the last one. (series, changepoints)
    """

    def __init__(self, theta: Floats, sigma: Floats, begin: Floats, span: Floats, changepoints: Floats) -> None: ...

def fit(
    y: Floats,
    cap: Floats | None,
    indptr: Ints,
    first: Ints,
    design: Design,
    theta: Theta,
    growth: str,
    tau: float,
    hold_sigma: bool,
    criterion: Floats,
    slack: Floats,
    passes: Ints,
    threads: int = 1,
) -> None:
    """Find the mode of every series.

    Args:
        y: Scaled values, NaN where missing; a series of nothing else is left alone, and so are its results. (rows,)
        cap: Scaled capacity, for logistic growth. (rows,)
        indptr: Boundaries of the series. (series + 1,)
        first: Step of the grid of the first row of each series. (series,)
        growth: "linear", "logistic" or "flat".
        tau: Scale of the Laplace prior of changepoints.
        hold_sigma: Leave sigma as it is.
        criterion: Minus the log posterior, up to a constant; NaN where there is none. (series,), written
        slack: How far from stationary: the largest scaled derivative. (series,), written
        passes: (series,), written
        threads: They change no bit.
    """

def ahead(
    cap: Floats | None,
    first: Ints,
    design: Design,
    theta: Theta,
    growth: str,
    known: Floats,
    levels: Floats,
    samples: int,
    seed: int,
    mean: Floats,
    quantiles: Floats,
    threads: int = 1,
) -> None:
    """Forecast every series, in units of its scale.

    Args:
        cap: Scaled capacity, for logistic growth. (series, horizon)
        first: Step of the grid of the first step ahead. (series,)
        known: The t after which the trend may change. (series,)
        levels: Quantile levels, ascending. (levels,)
        samples: Paths to simulate, for logistic growth.
        seed: Of these paths.
        mean: (series, horizon), written
        quantiles: (series, horizon, levels), written
    """
