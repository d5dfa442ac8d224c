import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

class Rows:
    """The rows of all series, one series after another: their history, or what lies ahead.

    Args:
        indptr: Boundaries of the series. (series + 1,)
        first: Step of the grid of the first row of each series. (series,)
        floor: What logistic growth starts from; None for 0. (rows,)
        cap: Capacity, for logistic growth. (rows,)
    """

    def __init__(self, indptr: Ints, first: Ints, floor: Floats | None, cap: Floats | None) -> None: ...

class Design:
    """The columns of a design: `shared` ones belong to the steps of a grid, `own` ones to each row.

    Args:
        day: Time of each step of the grid, in days. (grid,)
        shared: (grid, n_shared)
        own: (rows, n_own)
        wanted: Whether a series has a column. (series, n_shared + n_own)
        precision: One over the squared scale of the prior. (n_shared + n_own,)
        multiplicative: Whether a column multiplies the trend. (n_shared + n_own,)
    """

    def __init__(self, day: Floats, shared: Floats, own: Floats, wanted: Mask, precision: Floats, multiplicative: Mask) -> None: ...

class Scales:
    """What each series is measured by: (value - floor - shift) / size, t = (day - begin) / span.

    Args:
        begin: Day at which t is 0. (series,)
        span: Days from there to t = 1. (series,)
        size: (series,)
        shift: (series,)
        changepoints: Their t, NaN behind the last one. (series, changepoints)
    """

    def __init__(self, begin: Floats, span: Floats, size: Floats, shift: Floats, changepoints: Floats) -> None: ...

class Theta:
    """Parameters of all series, in units of their scales.

    Args:
        theta: [k, m | columns | changepoints]; the start of a fit, and its result. (series, 2 + columns + changepoints)
        sigma: Likewise; NaN starts a fit of linear or flat growth from the mean. (series,)
    """

    def __init__(self, theta: Floats, sigma: Floats) -> None: ...

def observe(
    rows: Rows,
    target: Floats,
    day: Floats,
    share: float,
    there: Mask,
    counts: Ints,
    ends: Ints,
    days: Floats,
    closest: Floats,
    extremes: Floats,
    changepoints: Floats,
    threads: int = 1,
) -> None:
    """Find the rows that count, and what a model measures them by.

    Args:
        target: NaN where missing. (rows,)
        day: Time of each step of the grid, in days. (grid,)
        share: Changepoints are spread evenly over this share of the values.
        there: Whether a row holds a value, and a capacity above the floor where there are capacities. (rows,), written
        counts: How many do. (series,), written
        ends: The first and the last of these rows; 0 where there is none. (series, 2), written
        days: Their times; NaN where there is none. (series, 2), written
        closest: Shortest time between two of them, in days; infinite where there are less than two. (series,), written
        extremes: Least and largest value, largest distance of a value from the floor, least floor, largest capacity; NaN where no row
            counts. (series, 5), written
        changepoints: Their days; NaN behind the last one, fewer where values are few. (series, changepoints), written
        threads: They change no bit.
    """

def fit(
    rows: Rows,
    target: Floats,
    there: Mask,
    left: Mask,
    design: Design,
    scales: Scales,
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
        target: (rows,)
        there: Whether a row counts. (rows,)
        left: Whether a series is left alone, with its results, as one of which no row counts is. (series,)
        growth: "linear", "logistic" or "flat".
        tau: Scale of the Laplace prior of changepoints.
        hold_sigma: Leave sigma as it is.
        criterion: Minus the log posterior, up to a constant; NaN where there is none. (series,), written
        slack: How far from stationary: the largest scaled derivative. (series,), written
        passes: (series,), written
        threads: They change no bit.
    """

def ahead(
    rows: Rows,
    design: Design,
    scales: Scales,
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
    """Forecast every series, the same number of steps each.

    Args:
        known: The t after which the trend may change. (series,)
        levels: Quantile levels, ascending. (levels,)
        samples: Paths to simulate, for logistic growth.
        seed: Of these paths.
        mean: (series, horizon), written
        quantiles: (series, horizon, levels), written
    """
