"""Metrics: functions in a table, vectorised over series and windows."""

from forecaster.metrics.catalogue import METRICS, Metric, get
from forecaster.metrics.means import Score, per_group, per_series, scorer
from forecaster.metrics.scale import Scale

__all__ = ["METRICS", "Metric", "Scale", "Score", "get", "per_group", "per_series", "scorer"]
