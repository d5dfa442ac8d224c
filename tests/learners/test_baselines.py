"""Baselines against slow, obvious oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecaster.learners import make
from forecaster.testing import table_of

VALUES = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6, width=32))
SERIES = hnp.arrays(np.float64, st.integers(0, 25), elements=VALUES)
TABLES = st.lists(SERIES, min_size=1, max_size=5)


def naive(y, m, h):
    return next((v for v in y[::-1] if not math.isnan(v)), math.nan)


def seasonal_naive(y, m, h):
    same = [v for v in y[::-1][(m - 1 - h % m) :: m] if not math.isnan(v)]
    return same[0] if same else naive(y, m, h)


def drift(y, m, h):
    at = [(i, v) for i, v in enumerate(y) if not math.isnan(v)]
    if len(at) < 2:
        return naive(y, m, h)
    (i, first), (j, last) = at[0], at[-1]
    return last + (last - first) / (j - i) * (len(y) - j + h)


def average(y, m, h):
    seen = [v for v in y if not math.isnan(v)]
    return sum(seen) / len(seen) if seen else math.nan


def seasonal_average(y, m, h):
    same = [v for v in y[::-1][(m - 1 - h % m) :: m] if not math.isnan(v)]
    return sum(same) / len(same) if same else average(y, m, h)


@pytest.mark.parametrize("oracle", [naive, seasonal_naive, drift, average, seasonal_average], ids=lambda f: f.__name__)
@given(series=TABLES, period=st.integers(1, 8))
@settings(max_examples=60)
def test_agrees_with_the_oracle(oracle, series, period):
    forecast = make(oracle.__name__).fit(table_of(series, season_length=period)).predict(11)
    wanted = [[oracle(list(y), period, h) for h in range(11)] for y in series]
    np.testing.assert_allclose(forecast.mean, wanted, rtol=1e-9, atol=1e-6)
    assert set(forecast.failed) == {i for i, y in enumerate(series) if np.isnan(y).all()}


def test_windows_of_averages():
    table = table_of([np.arange(10.0), np.array([5.0, np.nan, np.nan, np.nan])], season_length=2)
    np.testing.assert_array_equal(make("average", window=2).fit(table).predict(1).mean[:, 0], [8.5, 5.0])
    np.testing.assert_array_equal(make("seasonal_average", seasons=2).fit(table).predict(2).mean, [[7.0, 8.0], [5.0, 5.0]])


def test_an_own_period_wins_over_the_season_of_the_table():
    table = table_of([np.arange(10.0)], season_length=7)
    np.testing.assert_array_equal(make("seasonal_naive", period=2).fit(table).predict(3).mean, [[8.0, 9.0, 8.0]])
