"""Fourier terms: pairs of sine and cosine waves that let a straight line follow a season."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forecaster.errors import SettingsError
from forecaster.frequency import Frequency
from forecaster.table import Ints, Singles

_NATURAL: Mapping[str, tuple[float, ...]] = {
    "week": (365.25 / 7,),
    "day": (7.0, 365.25),
    "business": (5.0, 260.89),
    "hour": (24.0, 168.0, 8766.0),
}


def periods(frequency: Frequency, season_length: int) -> tuple[float, ...]:
    """Periods in steps that a table of this frequency may have: its season length and the week or year behind it.

    Multiples such as "2h" keep the season length only: their natural periods are not those of the unit.
    """
    single = frequency.alias[:1].isalpha()
    natural = _NATURAL.get(frequency.unit, ()) if single else ()
    found = {float(season_length), *natural} if season_length > 1 else set(natural)
    return tuple(sorted(p for p in found if not any(abs(p - q) < 0.5 and q > p for q in found)))


def fourier(steps: Ints, orders: Mapping[float, int]) -> dict[str, Singles]:
    """Sine and cosine of whole multiples of each period's frequency.

    Args:
        steps: Any steps; the phase is that of the step number, so it is the same in every table. (n,)
        orders: Period in steps -> number of pairs; orders above half the period say nothing new and are left out.

    Returns:
        `sin_<period>_<order>` and `cos_<period>_<order>` -> (n,).

    Raises:
        SettingsError: A period is not above 1 or an order is negative.
    """
    columns: dict[str, Singles] = {}
    for period, order in orders.items():
        if period <= 1 or order < 0:
            raise SettingsError(f"Fourier terms need a period above 1 step and an order from 0 on; came period {period}, order {order}.")
        for k in range(1, min(order, int(period / 2)) + 1):
            # The phase is reduced before the sine is taken, so that large step numbers lose no digits.
            angle = 2 * np.pi * ((k * steps.astype(np.float64)) % period) / period
            columns[f"sin_{period:g}_{k}"] = np.sin(angle).astype(np.float32)
            columns[f"cos_{period:g}_{k}"] = np.cos(angle).astype(np.float32)
    return columns
