"""Bad input beside good series, for every kernel: a status per series, no crash, no hang, and not a bit of the neighbours moves."""

from __future__ import annotations

import dataclasses
import faulthandler
import pkgutil
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecaster._native
from forecaster.errors import CannotPredict
from forecaster.features.lags import Lags
from forecaster.features.lookback import matrix
from forecaster.features.windows import STATS, Expanding, Exponential, Rolling, Seasonal, SinceNonZero
from forecaster.learners import make
from forecaster.testing import same, sound, table_of

SEASON, LONGEST = 4, 40
LIMITS = {"growth": "logistic", "cap": 50.0, "floor": -2.0}
LEARNERS = {
    "arima": [
        make("arima"),
        make("arima", boundary="accept"),
        make("arima", average=1),
        make("arima", order=(2, 1, 1), seasonal=(1, 0, 1)),
    ],
    "ets": [
        make("ets"),
        make("ets", region="admissible", unstable=True, multiplicative_trend=True, paths=20),
        make("ets", form="MMdM", paths=20),
    ],
    "theta": [make("theta", form="auto"), make("theta", form="DOTM", decomposition="multiplicative")],
    "ces": [make("ces", period=SEASON)],
    "intermittent": [make(name) for name in ("croston", "sba", "tsb", "adida", "imapa", "intermittent")],
    "mstl": [make("mstl", seasons=(SEASON, 7))],
    "prophet": [
        make("prophet"),
        make("prophet", seasonality_mode="multiplicative", scaling="minmax"),
        make("prophet", **LIMITS, samples=20),
    ],
}
WINDOWS = [
    *(Rolling(stat, (1, 7)) for stat in STATS),
    *(Seasonal(stat, SEASON, (3,)) for stat in STATS),
    *(Expanding(stat, 2) for stat in STATS if stat != "median"),
    *(Exponential((0.3,)), SinceNonZero(), Lags((1, 5))),
]
"""Every statistic of the windows kernel, lags among them."""

FEATURES = ("windows", "straight")
"""Kernels of the features; `scan` has bad input of its own in test_scan.py."""

HUGE = [1e300, -1e300, 1.7e308, np.inf, -np.inf]
VALUES = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([*HUGE, np.nan, 0.0, 1.0, 1e-300, 5e-324, 1e12]))
LENGTHS = st.integers(0, LONGEST)


@st.composite
def near_unit_roots(draw):
    """An autoregression whose root lies on the unit circle, or just beside it, some times over."""
    noise = np.random.default_rng(draw(st.integers(0, 999))).normal(size=draw(LENGTHS))
    for root in draw(st.lists(st.sampled_from([1.0, 1 - 1e-9, 1 + 1e-6, -1.0, -1 + 1e-9, 1.5]), min_size=1, max_size=3)):
        for t in range(1, len(noise)):
            noise[t] += root * noise[t - 1]
    return noise


@st.composite
def two_values(draw):
    """One value and another, in any order; one and the same where both are alike; some of them missing."""
    pair = [draw(VALUES), draw(VALUES)]
    return np.array(draw(st.lists(st.sampled_from([*pair, *pair, np.nan]), max_size=LONGEST)))


BAD = st.one_of(
    st.lists(VALUES, max_size=LONGEST).map(np.array),
    st.builds(np.full, LENGTHS, VALUES),
    two_values(),
    near_unit_roots(),
    st.builds(np.multiply, near_unit_roots(), st.sampled_from([1e-300, 1e-30, 1e30, 1e295])),
)
BATCHES = st.lists(BAD, min_size=1, max_size=4)


def good(seed, n=36):
    t = np.arange(n)
    return 20 + 0.1 * t + 4 * np.sin(2 * np.pi * t / SEASON) + np.random.default_rng(seed).normal(size=n)


@pytest.fixture
def in_time():
    """A kernel that hangs ends the tests and says where, instead of holding them up for ever."""
    faulthandler.dump_traceback_later(300, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


def test_every_kernel_is_here():
    assert {*LEARNERS, *FEATURES, "scan"} == {one.name for one in pkgutil.iter_modules(forecaster._native.__path__)}


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("recipe", [one for some in LEARNERS.values() for one in some], ids=lambda one: type(one).__name__)
@settings(max_examples=30, deadline=None)
@given(bad=BATCHES, newer=BAD)
def test_bad_series_have_a_forecast_or_a_reason_and_cost_their_neighbours_nothing(recipe, bad, newer):
    beside = table_of([good(0), *bad, good(1)], season_length=SEASON)
    ends = [0, len(beside) - 1]
    alone = beside.take(ends)
    model, trusted = recipe.fit(beside), recipe.fit(alone)
    said = model.predict(3)
    sound(said)
    same(said.take(ends), trusted.predict(3))
    for tell in ("fitted", "residuals") if hasattr(model, "fitted") else ():
        told, own = getattr(model, tell)(beside), getattr(trusted, tell)(alone)
        np.testing.assert_array_equal(np.concatenate([told[:36], told[-36:]]), own)
        assert np.isnan(told[~np.isfinite(beside.target)]).all()
    if not recipe.traits.rolls_forward:
        return
    ahead = np.resize(newer, (len(beside), max(len(newer), 1))) if len(newer) else np.full((len(beside), 1), np.nan)
    ahead[ends] = 25.0
    moved = model.predict(3, beside.extend(ahead))
    sound(moved)
    same(moved.take(ends), trusted.predict(3, alone.extend(ahead[ends])))


@pytest.mark.parametrize("name", ["arima", "ets", "theta", "ces", "mstl", "croston", "adida", "prophet"])
def test_a_history_of_other_series_is_refused(name):
    table = table_of([good(0), good(1)], season_length=SEASON)
    with pytest.raises(CannotPredict, match="the model holds 2 series, the history 1; give the same series"):
        make(name).fit(table).predict(2, table.take([1]))


@pytest.mark.parametrize("name", ["arima", "ets", "theta", "ces", "croston", "tsb", "adida"])
def test_values_too_large_are_not_taken_for_missing(name):
    wild = 1.7e308 * (2 * np.random.default_rng(1).random(40) - 1)
    said = make(name).fit(table_of([good(0), wild, np.full(30, np.nan)], season_length=SEASON)).predict(2)
    sound(said)
    assert "not a finite number" in said.failed.get(1, "not a finite number")
    assert "observed value" in said.failed[2]


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("name", ["arima", "prophet"])
@settings(max_examples=30, deadline=None)
@given(bad=BAD, wild=BAD, code=st.sampled_from([0.0, 1.0, np.nan]))
def test_bad_covariates_cost_neighbours_nothing(name, bad, wild, code):
    price = np.cos(np.arange(36.0))
    prices = [price, np.resize(wild, len(bad)) if len(wild) else np.full(len(bad), code), price]
    with np.errstate(over="ignore"):
        known = {"price": np.concatenate(prices).astype(np.float32)}
    beside = dataclasses.replace(table_of([good(0), bad, good(1)]), known=known)
    said = make(name).fit(beside).predict(3)
    sound(said)
    same(said.take([0, 2]), make(name).fit(beside.take([0, 2])).predict(3))


@pytest.mark.usefixtures("in_time")
@given(bad=BATCHES)
def test_windows_over_bad_series_leave_their_neighbours_alone(bad):
    series = [good(0), *bad, good(1)]
    with np.errstate(all="ignore"):
        beside, alone = (
            matrix(WINDOWS, np.concatenate(some), np.cumsum([0, *map(len, some)])) for some in (series, series[:: len(series) - 1])
        )
    np.testing.assert_array_equal(np.concatenate([beside[:36], beside[-36:]]), alone)
