"""Target transforms that can be undone: a learner sees the transformed target, the user sees the forecast in the target's own unit.

A transform is a recipe; `fit` learns what undoing needs, series by series, from training values alone. The fitted transform moves
any later table of the same series (`apply`) and brings forecasts back (`invert`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import SettingsError, UnknownName
from forecaster.features._undo import by_phase, carried_last, changed
from forecaster.features.powers import guerrero
from forecaster.features.stationarity import wanders
from forecaster.protocols import Forecast
from forecaster.table import Floats, Table


class FittedTransform(Protocol):
    """A transform that knows its series."""

    def apply(self, table: Table) -> Table:
        """The table with the transformed target; same series, same last step."""
        ...

    def invert(self, forecast: Forecast, history: Table) -> Forecast:
        """The forecast in the unit of the target.

        Args:
            forecast: What a model fitted on `apply(...)` says.
            history: The untransformed values that the forecast goes on from.
        """
        ...


class Transform(Protocol):
    """The recipe of a target transform."""

    @property
    def takes(self) -> int:
        """Values at the head of each series that the transformed series lacks."""
        ...

    def fit(self, table: Table) -> FittedTransform: ...


@storable
@dataclass(frozen=True)
class Difference:
    """The change since `lag` steps ago: 1 takes a trend out, the season length a season.

    Undoing adds the changes up. The quantiles of a sum are not the sum of quantiles: deviations from the mean of the changes that add
    up to a step are joined as those of independent errors (root of the sum of squares), so intervals widen with the horizon as
    those of a random walk do.
    """

    lag: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.lag, int) or self.lag < 1:
            raise SettingsError(f"a difference is taken over a whole number of steps from 1 on; came lag={self.lag!r}.")

    @property
    def takes(self) -> int:
        return self.lag

    def fit(self, table: Table) -> Difference:
        """Nothing is learned: what undoing needs is the end of the history."""
        return self

    def apply(self, table: Table) -> Table:
        """Changes, shorter by `lag` values at the head of each series."""
        earlier = np.maximum(np.arange(len(table.target)) - self.lag, 0)
        change = table.target - table.target[earlier]
        return table.with_target(change).tail(np.maximum(table.sizes - self.lag, 0))

    def invert(self, forecast: Forecast, history: Table) -> Forecast:
        """Changes added to the last values; where one of these is missing, the value a lag earlier stands in."""
        base = carried_last(history, self.lag)
        mean = by_phase(forecast.mean, self.lag, lambda block, k: base[:, k, None] + block.cumsum(axis=1))
        if forecast.quantiles is None:
            return replace(forecast, mean=mean)
        off = forecast.quantiles - forecast.mean[..., None]
        spread = by_phase(np.sign(off) * off**2, self.lag, lambda block, _: block.cumsum(axis=1))
        quantiles = mean[..., None] + np.sign(spread) * np.sqrt(np.abs(spread))
        return replace(forecast, mean=mean, quantiles=np.maximum.accumulate(quantiles, axis=2))


@storable
@dataclass(frozen=True)
class Stationary:
    """The change since the step before for the series that do not keep a level; the others stay as they are.

    Which those are is told by the training values of each series, the season aside: the KPSS test rejects a level at 5%, and they vary less
    from step to step than about their mean. Fewer than eight values tell nothing.
    """

    takes = 1

    def fit(self, table: Table) -> FittedStationary:
        """Which series to difference."""
        return FittedStationary(wanders(table))


@storable
@dataclass(frozen=True, eq=False)
class FittedStationary:
    """`Stationary` that knows which series it differences. (series,)"""

    differenced: NDArray[np.bool_]

    def apply(self, table: Table) -> Table:
        _expect_series(len(self.differenced), table)
        change = Difference().apply(table)
        level = table.tail(change.sizes)
        return level.with_target(np.where(self.differenced[level.series], change.target, level.target))

    def invert(self, forecast: Forecast, history: Table) -> Forecast:
        added = Difference().invert(forecast, history)
        mean = np.where(self.differenced[:, None], added.mean, forecast.mean)
        if forecast.quantiles is None or added.quantiles is None:
            return replace(forecast, mean=mean)
        return replace(forecast, mean=mean, quantiles=np.where(self.differenced[:, None, None], added.quantiles, forecast.quantiles))


@storable
@dataclass(frozen=True)
class Log:
    """log(1 + y + shift), where shift lifts the smallest training value of a series to 0 and is 0 for series without negative values.

    Undoing gives medians where the model gives means on the log scale (no bias correction). Later values below the smallest
    training value count as that value.
    """

    takes = 0

    def fit(self, table: Table) -> FittedLog:
        """The shift of each series."""
        return FittedLog(np.maximum(-np.nan_to_num(_per_series(table, np.fmin)), 0.0))


@storable
@dataclass(frozen=True, eq=False)
class FittedLog:
    """`Log` with the shift of each series. (series,)"""

    shift: Floats

    def apply(self, table: Table) -> Table:
        _expect_series(len(self.shift), table)
        return table.with_target(np.log1p(np.maximum(table.target + self.shift[table.series], 0.0)))

    def invert(self, forecast: Forecast, history: Table) -> Forecast:
        # Beyond 700 the exponential is no longer a number.
        return changed(forecast, self.shift, lambda values, shift: np.expm1(np.minimum(values, 700.0)) - shift)


@storable
@dataclass(frozen=True)
class BoxCox:
    """((y + shift)^power - 1) / power, the logarithm at power 0, so that the spread of a series no longer grows with its level.

    Shift is 0 for a series of positive values; others are lifted so that the smallest is a hundredth of the mean size. Undoing gives
    medians where the model gives means on the transformed scale (no bias correction).

    Args:
        power: From 0 to 2; chosen per series between 0 and 1 where absent, so that the spread of its seasons varies least once divided by
            their mean to the power of 1 - power (Guerrero 1993).
    """

    power: float | None = None

    takes = 0

    def __post_init__(self) -> None:
        if self.power is not None and not 0 <= self.power <= 2:
            raise SettingsError(f"the power of a Box-Cox transform lies between 0 and 2; came power={self.power!r}.")

    def fit(self, table: Table) -> FittedBoxCox:
        """Shift and power of each series."""
        least = np.nan_to_num(_per_series(table, np.fmin), nan=1.0)
        there = np.isfinite(table.target)
        count = np.maximum(np.bincount(table.series[there], minlength=len(table)), 1)
        size = np.bincount(table.series[there], np.abs(table.target[there]), len(table)) / count
        shift = np.where(least > 0, 0.0, np.where(size > 0, size / 100, 1.0) - least)
        lifted = table.with_target(table.target + shift[table.series])
        power = guerrero(lifted) if self.power is None else np.full(len(table), float(self.power))
        return FittedBoxCox(shift, power)


@storable
@dataclass(frozen=True, eq=False)
class FittedBoxCox:
    """`BoxCox` with the shift and power of each series. (series,)"""

    shift: Floats
    power: Floats

    def apply(self, table: Table) -> Table:
        _expect_series(len(self.shift), table)
        power = self.power[table.series]
        logs = np.log(np.maximum(table.target + self.shift[table.series], 1e-300))
        return table.with_target(np.where(power > 0, np.expm1(power * logs) / np.where(power > 0, power, 1.0), logs))

    def invert(self, forecast: Forecast, history: Table) -> Forecast:
        def back(values: Floats, power: Floats) -> Floats:
            divisor = np.where(power > 0, power, 1.0)
            logs = np.where(power > 0, np.log(np.maximum(power * values + 1, 1e-300)) / divisor, values)
            return np.exp(np.minimum(logs, 700.0))

        return changed(changed(forecast, self.power, back), self.shift, lambda values, shift: values - shift)


@storable
@dataclass(frozen=True)
class Scale:
    """Every series in its own unit: divided by its mean absolute value ("mean"), or centred and divided by its deviation ("std").

    Constant, zero and empty series keep the unit they have.
    """

    by: Literal["mean", "std"] = "mean"

    takes = 0

    def __post_init__(self) -> None:
        if self.by not in ("mean", "std"):
            raise SettingsError(f'a target is scaled by "mean" or "std"; came {self.by!r}.')

    def fit(self, table: Table) -> FittedScale:
        """Centre and unit of each series."""
        there = np.isfinite(table.target)
        count = np.maximum(np.bincount(table.series[there], minlength=len(table)), 1)

        def mean(values: Floats) -> Floats:
            return np.bincount(table.series[there], values[there], len(table)) / count

        if self.by == "mean":
            centre, unit = np.zeros(len(table)), mean(np.abs(table.target))
        else:
            centre = mean(table.target)
            unit = np.sqrt(mean((table.target - centre[table.series]) ** 2))
        tiny = unit <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
        return FittedScale(centre, np.where(tiny, 1.0, unit))


@storable
@dataclass(frozen=True, eq=False)
class FittedScale:
    """`Scale` with the centre and unit of each series. (series,)"""

    centre: Floats
    unit: Floats

    def apply(self, table: Table) -> Table:
        _expect_series(len(self.unit), table)
        return table.with_target((table.target - self.centre[table.series]) / self.unit[table.series])

    def invert(self, forecast: Forecast, history: Table) -> Forecast:
        scaled = changed(forecast, self.unit, lambda values, unit: values * unit)
        return changed(scaled, self.centre, lambda values, centre: values + centre)


TRANSFORMS: dict[str, Transform] = {
    "box_cox": BoxCox(), "difference": Difference(), "log": Log(), "scale": Scale(), "stationary": Stationary(),
}  # fmt: skip
SEASON_DIFFERENCE = "season_difference"


def transform_of(one: Any, season_length: int = 1) -> Transform:
    """The transform that an option means.

    Args:
        one: "log", "box_cox", "difference", "season_difference", "stationary", "scale", {"difference": lag},
            {"scale": "mean" or "std"}, {"box_cox": power}, or a transform.
        season_length: Steps in one season.

    Raises:
        UnknownName: No transform is called so; names the nearest.
        SettingsError: Its option cannot be meant.
    """
    name, given = next(iter(one.items()), ("", None)) if isinstance(one, Mapping) else (one, None)
    if name == SEASON_DIFFERENCE:
        return Difference(season_length)
    if not isinstance(name, str):
        return cast(Transform, name)
    if name not in TRANSFORMS:
        raise UnknownName.of("target transform", name, (*TRANSFORMS, SEASON_DIFFERENCE))
    return TRANSFORMS[name] if given is None else _with_option(name, given)


def _with_option(name: str, given: Any) -> Transform:
    if name in ("log", "stationary"):
        raise SettingsError(f'the target transform "{name}" has no option; came {{"{name}": {given!r}}}.')
    options: dict[str, Callable[[Any], Transform]] = {"box_cox": BoxCox, "difference": Difference, "scale": Scale}
    return options[name](given)


def _per_series(table: Table, what: np.ufunc) -> NDArray[np.float64]:
    """A reduction over each series; NaN for one without values."""
    padded = np.append(table.target, np.nan)
    return np.where(table.sizes > 0, what.reduceat(padded, table.indptr[:-1]), np.nan)


def _expect_series(n: int, table: Table) -> None:
    if n != len(table):
        raise SettingsError(f"this transform was fitted on {n} series and came to a table of {len(table)}; fit it on the same series.")
