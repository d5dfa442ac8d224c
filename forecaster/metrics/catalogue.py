"""The metrics by name. Adding one: a function in `point` or `quantile`, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from forecaster.errors import SettingsError, UnknownName
from forecaster.metrics import point, quantile
from forecaster.metrics.scale import Scale
from forecaster.table import Floats

Best = Literal["low", "high", "zero", "nominal"]


@dataclass(frozen=True)
class Metric:
    """A number per series and window.

    Args:
        name: As in `METRICS`, or of the caller's own function.
        measure: (actual, forecast, scale), or (actual, quantiles, levels) for a metric of quantiles.
        needs: What is measured.
        best: The best value: the lowest, the highest, zero, or the coverage that the levels promise.
    """

    name: str
    measure: Callable[..., Floats]
    needs: Literal["point", "quantiles"] = "point"
    best: Best = "low"

    @property
    def greater_is_better(self) -> bool:
        return self.best == "high"

    def __call__(
        self, actual: Floats, forecast: Floats, *, scale: Scale, levels: Sequence[float] = (), quantiles: Floats | None = None
    ) -> Floats:
        """Measure every series and window.

        Args:
            actual: What came; NaN is skipped. (..., series, steps)
            forecast: What was said. (..., series, steps)
            scale: Of the training values of each series.
            levels: Levels of `quantiles`.
            quantiles: What was said, for the metrics that need them. (..., series, steps, levels)

        Returns:
            (..., series): NaN where no actual is known, the worst value (infinite) where a forecast is missing for a known actual.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            if self.needs == "point":
                values, said = self.measure(actual, forecast, scale), forecast
            elif quantiles is None or not len(levels):
                raise SettingsError(f"the metric {self.name!r} needs quantile forecasts, and there are none: set quantiles=(0.1, 0.5, 0.9)")
            else:
                values, said = self.measure(actual, quantiles, levels), quantiles.sum(-1)
        missing = (~np.isnan(actual) & ~np.isfinite(said)).any(-1)
        return np.where(missing, -np.inf if self.greater_is_better else np.inf, values)

    def loss(self, values: Floats, levels: Sequence[float] = ()) -> Floats:
        """The values turned so that less is better: what search minimises."""
        if self.best == "zero":
            return np.abs(values)
        if self.best == "nominal":
            return np.abs(values - quantile.nominal(levels))
        return -values if self.greater_is_better else values


_POINT: dict[Callable[..., Floats], Best] = {
    point.nrmse: "low",
    point.nmae: "low",
    point.rmse: "low",
    point.mae: "low",
    point.mape: "low",
    point.smape: "low",
    point.wape: "low",
    point.mase: "low",
    point.rmsse: "low",
    point.r2: "high",
    point.spearman: "high",
    point.bias: "zero",
}
_QUANTILE: dict[Callable[..., Floats], Best] = {quantile.pinball: "low", quantile.wql: "low", quantile.coverage: "nominal"}

METRICS: dict[str, Metric] = {f.__name__: Metric(f.__name__, f, best=best) for f, best in _POINT.items()}
METRICS |= {f.__name__: Metric(f.__name__, f, "quantiles", best) for f, best in _QUANTILE.items()}


def get(metric: str | Metric | Callable[[Floats, Floats], float], name: str | None = None, greater_is_better: bool = False) -> Metric:
    """The metric of that name, or one made of the caller's own function.

    Args:
        metric: A name of `METRICS`, a metric, or a function of (actual, forecast) of one series that gives a number. Its
            actuals are known values only.
        name: What to call the caller's function; its own name where absent.
        greater_is_better: Whether the caller's function is to be maximised. An attribute of that name on the function counts too.

    Raises:
        UnknownName: There is no metric of that name.
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str):
        if metric not in METRICS:
            raise UnknownName.of("metric", metric, METRICS, "A function (actual, forecast) -> number works as well.")
        return METRICS[metric]
    if not callable(metric):
        raise SettingsError(f"metric must be a name ({', '.join(METRICS)}) or a function (actual, forecast) -> number, not {metric!r}")
    called = name or _name(metric)
    greater = greater_is_better or bool(getattr(metric, "greater_is_better", False))
    return Metric(called, _each(metric, called), best="high" if greater else "low")


def _name(metric: Any) -> str:
    told = getattr(metric, "__name__", type(metric).__name__)
    return "custom" if told == "<lambda>" else str(told)


def _each(metric: Callable[[Floats, Floats], float], name: str) -> Callable[..., Floats]:
    """Lift a function of one series to all series and windows, known and forecast steps only."""

    def measure(actual: Floats, forecast: Floats, scale: Scale) -> Floats:
        out = np.full(actual.shape[:-1], np.nan)
        usable = ~np.isnan(actual) & np.isfinite(forecast)
        for at in np.ndindex(out.shape):
            if (kept := usable[at]).any():
                out[at] = _number(metric, name, actual[at][kept], forecast[at][kept])
        return out

    return measure


def _number(metric: Callable[[Floats, Floats], float], name: str, actual: Floats, forecast: Floats) -> float:
    try:
        return float(metric(actual, forecast))
    except Exception as error:
        raise SettingsError(
            f"the metric {name!r} must give a number for two arrays (actual, forecast) of {len(actual)} values, but: {error!r}"
        ) from error
