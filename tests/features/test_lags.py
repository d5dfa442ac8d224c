"""Lags: the value of a row is its lag 1 (azure-semantics B.1)."""

from __future__ import annotations

import numpy as np
import pytest

from forecaster.errors import SettingsError
from forecaster.features.lags import Lags

NAN = np.nan


def test_lag_one_is_the_value_of_the_row_and_lag_three_two_rows_before() -> None:
    out = Lags((1, 3)).transform(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 4]))
    np.testing.assert_array_equal(out, [[1, NAN], [2, NAN], [3, 1], [4, 2]])
    assert out.dtype == np.float32


def test_the_worked_example_of_the_azure_documents() -> None:
    """Table 5 with the corrected origin: 6/1/2001 at horizons 1, 2 and 3 sees 40, 30 and 20."""
    lag1 = Lags((1,)).transform(np.array([0.0, 10, 20, 30, 40, 50]), np.array([0, 6]))[:, 0]
    june = 5
    assert [lag1[june - h] for h in (1, 2, 3)] == [40, 30, 20]


def test_a_lag_never_reaches_into_another_series() -> None:
    out = Lags((2,)).transform(np.arange(6.0), np.array([0, 3, 3, 4, 6]))
    np.testing.assert_array_equal(out[:, 0], [NAN, 0, 1, NAN, NAN, 4])


def test_a_lag_longer_than_every_series_is_missing() -> None:
    assert np.isnan(Lags((100,)).transform(np.arange(6.0), np.array([0, 3, 6]))).all()


def test_names_carry_the_prefix_and_span_is_the_longest_order() -> None:
    block = Lags((1, 14, 7), prefix="sell_price_")
    assert block.names == ("sell_price_lag1", "sell_price_lag14", "sell_price_lag7")
    assert block.span == 14


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "7"])
def test_an_order_that_cannot_be_meant(bad: object) -> None:
    with pytest.raises(SettingsError, match=r"from 1 \(the last known value\) up"):
        Lags((1, bad))  # type: ignore[arg-type]
