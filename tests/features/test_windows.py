"""Windows against slow, obvious oracles, and the numbers that break careless kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragged_series import Ragged, indptr_of, ragged

from forecaster.errors import SettingsError, UnknownName
from forecaster.features.lookback import Op, matrix, names_of
from forecaster.features.windows import STATS, Expanding, ExpandingMedian, Exponential, Rolling, Seasonal, SinceNonZero, from_windows

SLOW: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "std": lambda x: np.std(x, ddof=1) if len(x) > 1 else np.nan,
    "min": np.min,
    "max": np.max,
    "sum": np.sum,
    "median": np.median,
}
"""Statistics of at least one observed value."""


def slow(stat: str, series: list[list[float]], pick: Callable[[list[float]], list[float]], least: int = 1) -> np.ndarray:
    """`stat` of the observed ones among the values that `pick` takes from the history of each row."""
    answers = []
    for values in series:
        for row in range(len(values)):
            seen = [x for x in pick(values[: row + 1]) if not np.isnan(x)]
            answers.append(SLOW[stat](seen) if seen and len(seen) >= least else np.nan)
    return np.array(answers, float)


def close(ours: np.ndarray, oracle: np.ndarray) -> None:
    np.testing.assert_allclose(ours[:, 0], oracle, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("stat", STATS)
@given(series=ragged(), size=st.integers(1, 9), data=st.data())
def test_rolling(stat: str, series: Ragged, size: int, data: st.DataObject) -> None:
    least = data.draw(st.integers(1, size))
    ours = Rolling(stat, (size,), least).transform(np.concatenate([[], *series]), indptr_of(series))
    close(ours, slow(stat, series, lambda past: past[-size:], least))


@pytest.mark.parametrize("stat", STATS)
@given(series=ragged(), period=st.integers(1, 5), size=st.integers(1, 4))
def test_seasonal(stat: str, series: Ragged, period: int, size: int) -> None:
    ours = Seasonal(stat, period, (size,)).transform(np.concatenate([[], *series]), indptr_of(series))
    close(ours, slow(stat, series, lambda past: past[::-1][::period][:size]))


@pytest.mark.parametrize("stat", STATS)
@given(series=ragged(), least=st.integers(1, 4))
def test_expanding(stat: str, series: Ragged, least: int) -> None:
    block = ExpandingMedian(least) if stat == "median" else Expanding(stat, least)
    close(block.transform(np.concatenate([[], *series]), indptr_of(series)), slow(stat, series, lambda past: past, least))


@given(series=ragged(), alpha=st.floats(0.01, 1))
def test_exponential_is_pandas_without_adjustment(series: Ragged, alpha: float) -> None:
    ours = Exponential((alpha,)).transform(np.concatenate([[], *series]), indptr_of(series))
    oracle = [pd.Series(values, dtype=float).ewm(alpha=alpha, adjust=False, ignore_na=True).mean().to_numpy() for values in series]
    close(ours, np.concatenate([[], *oracle]))


def test_steps_since_the_last_sale() -> None:
    values = np.array([0, 0, 3, 0, np.nan, 0, 1, 2, 0, 0], float)
    out = SinceNonZero().transform(values, np.array([0, 8, 10]))
    np.testing.assert_array_equal(out[:, 0], [np.nan, np.nan, 0, 1, 2, 3, 0, 0, np.nan, np.nan])


@pytest.mark.parametrize("size", [2, 7, 28, 400])
def test_deviation_of_small_noise_far_from_zero(size: int) -> None:
    values = 1e9 + np.random.default_rng(3).normal(0, 1e-3, 2_000)
    ours = Rolling("std", (size,), None).transform(values, np.array([0, len(values)]))[size - 1 :, 0]
    exact = [np.std(values[i : i + size] - values[i], ddof=1) for i in range(len(values) - size + 1)]
    np.testing.assert_allclose(ours, exact, rtol=1e-6)


def test_a_huge_value_leaves_nothing_behind_once_it_is_out_of_the_window() -> None:
    values = np.array([1e30, 1.0, 2.0, 3.0, 4.0, 6.0])
    out = matrix([Rolling("mean", (2,)), Rolling("sum", (2,)), Rolling("std", (2,))], values, np.array([0, 6]))
    np.testing.assert_allclose(out[2:], [[1.5, 3, 0.5**0.5], [2.5, 5, 0.5**0.5], [3.5, 7, 0.5**0.5], [5, 10, 2**0.5]], rtol=1e-7)


def test_a_constant_series_has_no_deviation_at_all() -> None:
    out = matrix([Rolling("std", (3, 5)), Expanding("std")], np.full(50, 0.1), np.array([0, 50]))
    assert (out[1:] == 0).all()


def test_names_and_spans() -> None:
    blocks = from_windows({"mean": [7, 28], "std": 28, "ewm": [0.3, 0.05]}, prefix="price_")
    assert names_of(blocks) == ("price_mean7", "price_mean28", "price_std28", "price_ewm0.3", "price_ewm0.05")
    assert [block.span for block in blocks] == [28, 28, None]
    assert Seasonal("mean", 7, (1, 4)).names == ("season_mean1", "season_mean4")
    assert Seasonal("mean", 7, (1, 4)).span == 22


def test_windows_of_a_mapping_in_its_order() -> None:
    assert from_windows({"max": (3,), "mean": [2]}) == (Rolling("max", (3,)), Rolling("mean", (2,)))
    assert from_windows({}) == ()


def test_an_unknown_statistic_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no window statistic is called 'meen'; did you mean 'mean'"):
        from_windows({"meen": [7]})
    with pytest.raises(UnknownName, match="'avg'"):
        Expanding("avg")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Rolling("mean", (0,)), "'mean' has a whole number of rows from 1 up; got 0"),
        (lambda: from_windows({"std": [7.5]}), "'std' has a whole number of rows from 1 up; got 7.5"),
        (lambda: Rolling("mean", (7, 3), 5), "window of 3 rows never has the 5 observed values"),
        (lambda: Seasonal("mean", 0, (3,)), "season has a whole number of rows from 1 up; got 0"),
        (lambda: Exponential((1.5,)), "above 0 and is at most 1; got 1.5"),
        (lambda: Expanding("median"), "ExpandingMedian"),
        (lambda: ExpandingMedian(0), "from 1 up; got 0"),
    ],
)
def test_options_that_cannot_be_meant(make: Callable[[], object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        make()


@pytest.mark.parametrize("stat", [*STATS])
def test_the_native_span_counts_rows_from_oldest_to_newest(stat: str) -> None:
    assert Op(stat, 4, 7).span == 22
