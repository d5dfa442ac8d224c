"""From numbers per series to numbers per group: unweighted means over series."""

from __future__ import annotations

from collections.abc import Callable

from forecaster.metrics.catalogue import METRICS, Metric
from forecaster.metrics.scale import Scale
from forecaster.metrics.segments import along, mean
from forecaster.table import Floats, Ints

Score = Callable[[Floats, Floats, Ints], Floats]
"""(actual, forecast, series): errors of some series over all windows, less is better. (windows, n, steps) x 2, (n,) -> (n,)"""

_OF_MEDIAN = {"pinball": "mae", "wql": "wape"}


def per_series(values: Floats) -> Floats:
    """Mean over windows, NaN skipped. (windows, series) -> (series,)"""
    return along(values, 0)


def per_group(values: Floats, group_ptr: Ints) -> Floats:
    """Mean over the series of each group, NaN skipped; NaN for a group without any. (..., series) -> (..., groups)"""
    return mean(values, group_ptr)


def scorer(metric: Metric, scale: Scale) -> Score:
    """The score function that selection and ensembles minimise. A metric of quantiles is judged by the point metric of its median."""
    metric = METRICS[_OF_MEDIAN.get(metric.name, "nmae")] if metric.needs == "quantiles" else metric

    def score(actual: Floats, forecast: Floats, series: Ints) -> Floats:
        return metric.loss(per_series(metric(actual, forecast, scale=scale.take(series))))

    return score
