"""Fourier terms against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forecaster.errors import SettingsError
from forecaster.features.fourier import fourier, periods
from forecaster.frequency import Frequency


def test_terms_are_waves_of_the_period_and_its_multiples() -> None:
    found = fourier(np.array([0, 3, 20]), {12.0: 2})
    assert list(found) == ["sin_12_1", "cos_12_1", "sin_12_2", "cos_12_2"]
    for row, step in enumerate([0, 3, 20]):
        assert found["sin_12_2"][row] == pytest.approx(math.sin(2 * math.pi * 2 * step / 12), abs=1e-6)
        assert found["cos_12_1"][row] == pytest.approx(math.cos(2 * math.pi * step / 12), abs=1e-6)


def test_far_steps_keep_their_phase() -> None:
    near, far = fourier(np.array([5]), {7.0: 1}), fourier(np.array([5 + 7 * 10**12]), {7.0: 1})
    assert near["sin_7_1"] == pytest.approx(far["sin_7_1"], abs=1e-3)


def test_orders_above_half_the_period_are_left_out() -> None:
    assert list(fourier(np.arange(4), {4.0: 9})) == ["sin_4_1", "cos_4_1", "sin_4_2", "cos_4_2"]


@pytest.mark.parametrize("orders", [{1.0: 2}, {7.0: -1}])
def test_periods_and_orders_that_cannot_be_meant(orders: dict[float, int]) -> None:
    with pytest.raises(SettingsError, match="period above 1"):
        fourier(np.arange(4), orders)


def test_natural_periods_by_frequency() -> None:
    assert periods(Frequency.parse("D"), 7) == (7.0, 365.25)
    assert periods(Frequency.parse("h"), 24) == (24.0, 168.0, 8766.0)
    assert periods(Frequency.parse("W-SUN"), 52) == (365.25 / 7,)
    assert periods(Frequency.parse("MS"), 12) == (12.0,)
    assert periods(Frequency.parse("30min"), 48) == (48.0,)
    assert periods(Frequency.parse(1), 1) == ()
