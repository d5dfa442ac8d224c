"""A matplotlib figure of history, forecast and interval, for notebooks and slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from forecaster.errors import MissingExtra, UnknownName
from forecaster.report.accuracy import interval, quantile_columns
from forecaster.report.axes import stamp_ticks
from forecaster.report.data import Columns, floats, keys, labels, places, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecaster.fitted import Fitted
    from forecaster.reconciled import Reconciled

# Series drawn where none are named, and panels side by side.
FIRST, ACROSS = 6, 2


def plot(fitted: Fitted | Reconciled, series: Any = None, future: pa.Table | None = None, horizon: int | None = None) -> Figure:
    """Draw series of a fitted job.

    Args:
        fitted: The job.
        series: Which series: one id, a list of ids, or None for the first six. An id is the value of the series column, or a tuple of the
            values where there are several columns.
        future: Known covariates of the steps ahead, where the job has any.
        horizon: Steps ahead.

    Returns:
        The figure: save it with `figure.savefig("forecast.png")`.

    Raises:
        MissingExtra: matplotlib is not installed.
        UnknownName: there is no such series.
    """
    schema = fitted.schema
    columns = Columns(schema.series, schema.time, schema.target)
    return figure(fitted.history(), fitted.predict(future, horizon), columns, series)


def figure(history: pa.Table, forecast: pa.Table, columns: Columns, series: Any = None) -> Figure:
    """Draw series of two tables.

    Args:
        history: Series columns, time and target.
        forecast: Series columns, time, "forecast" and quantiles ("q0.1").
        columns: Their names.
        series: Which series, as in `plot`.

    Raises:
        MissingExtra: matplotlib is not installed.
        UnknownName: there is no such series.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra.of("a plot", "matplotlib", "plot") from None
    wanted = _wanted(keys(forecast, columns.series), columns.series, series)
    across = min(ACROSS, max(wanted.num_rows, 1))
    down = -(-wanted.num_rows // across) or 1
    drawn = Figure(figsize=(5.6 * across, 2.7 * down), layout="constrained")
    axes = drawn.subplots(down, across, squeeze=False).ravel()
    past, ahead = (places(table, wanted, columns.series) for table in (history, forecast))
    for i, name in enumerate(labels(wanted, columns.series)):
        _panel(axes[i], history.filter(past == i), forecast.filter(ahead == i), columns)
        axes[i].set_title(name, loc="left", fontsize=10)
    for spare in axes[wanted.num_rows :]:
        spare.set_axis_off()
    if wanted.num_rows:
        axes[0].legend(loc="upper left", fontsize=8, frameon=False)
    return drawn


def _wanted(known: pa.Table, names: Sequence[str], series: Any) -> pa.Table:
    """The keys of the series asked for."""
    if series is None:
        return known.slice(0, FIRST)
    asked = series if isinstance(series, list) else [series]
    told = [tuple(map(str, row)) for row in zip(*(known[name].to_pylist() for name in names), strict=True)]
    rows = []
    for one in asked:
        key = tuple(str(value) for value in _values(one, names))
        if key not in told:
            raise UnknownName.of("series", " · ".join(key), [" · ".join(row) for row in told])
        rows.append(told.index(key))
    return known.take(rows)


def _values(one: Any, names: Sequence[str]) -> Sequence[Any]:
    if isinstance(one, Mapping):
        return [one.get(name) for name in names]
    return one if isinstance(one, tuple) else [one]


def _panel(axes: Axes, history: pa.Table, forecast: pa.Table, columns: Columns) -> None:
    levels = quantile_columns(forecast)
    when, pair = times(forecast, columns.time), interval(tuple(levels))
    axes.plot(*_ordered(times(history, columns.time), floats(history, columns.target)), color="0.3", linewidth=1, label="history")
    if pair is not None:
        low, high = (_ordered(when, levels[level])[1] for level in pair)
        axes.fill_between(np.sort(when), low, high, color="tab:blue", alpha=0.2, linewidth=0, label=f"{pair[0]:g} to {pair[1]:g}")
    axes.plot(*_ordered(when, floats(forecast, "forecast")), color="tab:blue", linewidth=1.8, label="forecast")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    past = times(history, columns.time)
    if when.dtype.kind == "M" and len(past) + len(when):
        shown = np.concatenate([past, when])
        marks = stamp_ticks(shown.min(), shown.max())
        axes.set_xticks([mark for mark, _ in marks], [label for _, label in marks])


def _ordered(time: Any, value: Any) -> tuple[Any, Any]:
    order = np.argsort(time, kind="stable")
    return time[order], value[order]
