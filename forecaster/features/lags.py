"""Lags: earlier values as features."""

from __future__ import annotations

from dataclasses import dataclass

from forecaster.errors import SettingsError
from forecaster.features.lookback import Op, Windowed


@dataclass(frozen=True)
class Lags(Windowed):
    """Earlier values of the same series.

    Order 1 is the value of the row itself: seen from a forecast origin it is the last known value, whatever the horizon
    (Azure AutoML, concept-automl-forecasting-lags: lag k of a row at origin o is y[o - k + 1]).

    Args:
        orders: How far back, 1 for the newest value.
        prefix: Put before each name, for lags of a covariate.
    """

    orders: tuple[int, ...]
    prefix: str = ""

    def __post_init__(self) -> None:
        for order in self.orders:
            if isinstance(order, bool) or not isinstance(order, int) or order < 1:
                raise SettingsError(
                    f"a lag is a whole number of steps from 1 (the last known value) up; got {order!r} in lags={self.orders!r}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}lag{order}" for order in self.orders)

    @property
    def ops(self) -> tuple[Op, ...]:
        return tuple(Op("lag", order) for order in self.orders)
