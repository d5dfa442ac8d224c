"""What is tried for a group where the user named nothing: learners that suit what the group is like, and what to expect of each.

What is tried for a group follows from its own series and from the columns of the job, never from the groups that share its block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.learners import make
from forecaster.metrics.segments import mean, reduce, total
from forecaster.table import Floats, Ints, Table

Mask = NDArray[np.bool_]

SPARSE = 1.32
"""Mean steps between demands from which a series is intermittent (Syntetos, Boylan & Croston, 2005)."""

FEWEST_ROWS = 200
"""Known values that a group needs for regression learners, unless there are covariates to learn from."""

FEWEST_SERIES = 8
"""Series that a group needs for regression on differences to learn what they have in common."""

FEWEST_OF_NETWORK = 1000
"""Known values that a group needs for a network (azure-semantics B.10)."""

YEAR = 365
"""Days from which the calendar, once it has come round, tells trees more than the week does: they see it in levels, not in changes."""

SKEWED = 2.0
"""Skewness from which a series has a long tail upwards, as the weeks of a promotion make it; an exponential distribution has as much."""

WITHIN_DAY = (24, 48, 96, 144, 288, 1440)
"""Season lengths of a day in steps: there a week is likely to be another season."""


@dataclass(frozen=True, eq=False)
class Profile:
    """What the groups of a table are like."""

    table: Table

    @cached_property
    def series(self) -> Floats:
        """Series of each group."""
        return np.diff(self.table.group_ptr).astype(np.float64)

    @cached_property
    def known(self) -> Floats:
        """Known values of each series."""
        return total(np.isfinite(self.table.target).astype(np.float64), self.table.indptr)

    @cached_property
    def rows(self) -> Floats:
        """Known values of each group."""
        return total(self.known, self.table.group_ptr)

    @cached_property
    def longest(self) -> Floats:
        """Most known values of a series in each group."""
        return reduce(np.maximum, self.known, self.table.group_ptr, 0.0)

    @cached_property
    def sparse(self) -> Mask:
        """Whether at least half of the series of a group are of intermittent demand: never negative, with zeros between."""
        table = self.table
        sold = total((table.target > 0).astype(np.float64), table.indptr)
        negative = total((table.target < 0).astype(np.float64), table.indptr) > 0
        intermittent = ~negative & (sold > 0) & (self.known >= SPARSE * sold)
        return np.asarray(total(intermittent.astype(np.float64), table.group_ptr) * 2 >= self.series)

    @cached_property
    def negative(self) -> Mask:
        """Whether a group has a value below zero."""
        table = self.table
        return np.asarray(total(total((table.target < 0).astype(np.float64), table.indptr), table.group_ptr) > 0)

    @cached_property
    def skewed(self) -> Mask:
        """Whether at least half of the series of a group have a long tail upwards."""
        tail = _skewness(self.table.target, self.table.indptr) > SKEWED
        return np.asarray(total(tail.astype(np.float64), self.table.group_ptr) * 2 >= self.series)

    @property
    def covariates(self) -> bool:
        """Whether the job has covariates that move."""
        return bool(self.table.known or self.table.past)

    def seasons(self, length: int) -> Mask:
        """Whether a group has a series of at least two seasons of this length."""
        return np.asarray(self.longest >= 2 * length)

    @property
    def everyone(self) -> Mask:
        return np.ones(self.table.n_groups, bool)


@dataclass(frozen=True)
class Entry:
    """One candidate.

    Args:
        learner: Its name in the catalogue.
        recipe: What `learners.build` takes, for the season length of a group that it suits.
        merit: Logarithm of its error against those of the others, as measured (see below).
        suits: Which groups it is tried for.
        transform: What it sees of the target, as `targets.transform_of` reads it.
        around: The name of the learner within, if it is made of another one.
    """

    learner: str
    recipe: Callable[[int], Any]
    merit: float
    suits: Callable[[Profile], Mask]
    transform: str | None = None
    around: str | None = None


def _temporal(name: str, merit: float) -> Entry:
    return Entry("temporal", lambda season: {"temporal": {"learner": name}}, merit, _long, around=name)


def _plain(name: str, merit: float, suits: Callable[[Profile], Mask], transform: str | None = None) -> Entry:
    return Entry(name, lambda season: name, merit, suits, transform)


def _always(profile: Profile) -> Mask:
    return profile.everyone


def _seasonal(profile: Profile) -> Mask:
    return profile.everyone & (profile.table.season_length > 1)


def _dense(profile: Profile) -> Mask:
    return ~profile.sparse


def _sparse(profile: Profile) -> Mask:
    return profile.sparse


def _decomposed(profile: Profile) -> Mask:
    return _seasonal(profile) & ~profile.sparse & profile.seasons(profile.table.season_length)


def _long(profile: Profile) -> Mask:
    # a season in one sum, and enough of them
    return _seasonal(profile) & ~profile.sparse & profile.seasons(10 * profile.table.season_length)


def _weekly(profile: Profile) -> Mask:
    length = profile.table.season_length
    return ~profile.sparse & profile.seasons(7 * length) & (length in WITHIN_DAY) & (profile.table.frequency.unit not in ("minute", "hour"))


def _learnable(profile: Profile) -> Mask:
    return profile.everyone & ((profile.rows >= FEWEST_ROWS) | profile.covariates)


def _differenced(profile: Profile) -> Mask:
    return _learnable(profile) & ~profile.sparse & (profile.series >= FEWEST_SERIES)


def _season_differenced(profile: Profile) -> Mask:
    return _differenced(profile) & _decomposed(profile)


def _adjusted(profile: Profile) -> Mask:
    # where there are too few seasons to learn them with the rest
    return _season_differenced(profile) & ~_long(profile)


def _differenced_alone(profile: Profile) -> Mask:
    return _differenced(profile) & ~_decomposed(profile)


def _yearly(profile: Profile) -> Mask:
    daily = profile.table.frequency.unit == "day" and not profile.covariates
    return _differenced(profile) & (profile.longest >= YEAR) & daily


def _level(profile: Profile) -> Mask:
    # where values tell nothing but the past, differences say all that levels do, and better
    return _learnable(profile) & (~_differenced(profile) | profile.covariates)


def _level_or_yearly(profile: Profile) -> Mask:
    return _level(profile) | _yearly(profile)


def _multiplied(profile: Profile) -> Mask:
    # prices and promotions multiply demand, and logarithms keep the largest promotions from having the only say
    return profile.everyone & profile.covariates & ~profile.sparse & ~profile.negative


def _promoted(profile: Profile) -> Mask:
    # where effects of covariates reach far beyond usual values, lines and ARMA errors fit on logarithms only
    fits = _multiplied(profile)
    return fits & profile.skewed if fits.any() else fits


# The cheap ones first: where time is short, they are what is tried. Merits were measured a horizon before the ends of M3, M4 hourly
# and weekly, NN5 and Australian tourism; those of intermittent demand on M5, of logarithms on orange juice.
PORTFOLIO: dict[str, Entry] = {
    "naive": _plain("naive", 0.32, lambda profile: profile.everyone & (profile.table.season_length == 1)),
    "seasonal_naive": _plain("seasonal_naive", 0.12, _seasonal),
    "seasonal_average": _plain("seasonal_average", 0.36, _seasonal),
    "average": _plain("average", 0.81, _always),
    "drift": _plain("drift", 0.24, _dense),
    "theta": Entry("theta", lambda season: {"theta": {"form": "auto"}}, -0.03, _dense),
    "ets": _plain("ets", -0.10, _dense),
    "damped_ets": Entry("ets", lambda season: {"ets": {"form": "ZAdZ"}}, -0.08, _dense),
    "ces": _plain("ces", -0.12, _dense),
    "mstl": _plain("mstl", -0.12, _decomposed),
    "mstl_week": Entry("mstl", lambda season: make("mstl", seasons=(season, 7 * season)), -0.30, _weekly),
    "arima": _plain("arima", -0.12, _dense),
    "arima_log": _plain("arima", 0.00, _promoted, "log"),
    "temporal_ets": _temporal("ets", -0.15),
    "temporal_ces": _temporal("ces", -0.15),
    "temporal_arima": _temporal("arima", -0.15),
    "autoregression": _plain("autoregression", -0.06, _differenced),
    "mstl_autoregression": Entry("mstl", lambda season: {"mstl": {"learner": "autoregression"}}, -0.05, _adjusted, around="autoregression"),
    "intermittent": _plain("intermittent", 0.0, _sparse),
    "tsb": _plain("tsb", 0.0, _sparse),
    "imapa": _plain("imapa", 0.0, _sparse),
    "elastic_net": _plain("elastic_net", 0.21, _level),
    "elastic_net_log": _plain("elastic_net", 0.10, _promoted, "log"),
    "elastic_net_difference": _plain("elastic_net", 0.03, _differenced_alone, "difference"),
    "lightgbm": _plain("lightgbm", 0.10, _level_or_yearly),
    "lightgbm_recursive": Entry("lightgbm", lambda season: {"lightgbm": {"strategy": "recursive"}}, 0.10, _yearly),
    "lightgbm_log": _plain("lightgbm", -0.05, _multiplied, "log"),
    "lightgbm_difference": _plain("lightgbm", 0.00, _differenced_alone, "difference"),
    "lightgbm_season": _plain("lightgbm", -0.11, _season_differenced, "season_difference"),
}

# What a search for hyperparameters tries beside the portfolio.
SEARCHED: dict[str, Callable[[Profile], Mask]] = {
    "gradient_boosting": _learnable,
    "xgboost": _learnable,
    "random_forest": _learnable,
    "extra_trees": _learnable,
    "tcn": lambda profile: profile.rows >= FEWEST_OF_NETWORK,
}


def _skewness(values: Floats, ptr: Ints) -> Floats:
    """Third central moment of the values of each series over the 1.5th power of the second; NaN where all are alike. (series,)"""

    def each(of_series: Floats) -> Floats:
        return np.repeat(of_series, np.diff(ptr))

    off = values - each(mean(values, ptr))
    with np.errstate(invalid="ignore"):
        off /= each(mean(np.abs(off), ptr))  # so that no power leaves the range of doubles
    return np.asarray(mean(off**3, ptr) / mean(off**2, ptr) ** 1.5)


def merit_of(name: str) -> float:
    """What to expect of a candidate by its name; NaN where nothing is known of it."""
    return PORTFOLIO[name].merit if name in PORTFOLIO else float("nan")
