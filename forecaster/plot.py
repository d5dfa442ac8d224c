"""A figure of history, forecast and interval, for notebooks and slides: of matplotlib or plotly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from forecaster.drawing import library
from forecaster.errors import SettingsError, UnknownName
from forecaster.report.accuracy import interval, quantile_columns
from forecaster.report.axes import stamp_ticks
from forecaster.report.data import Columns, floats, keys, labels, places, times

if TYPE_CHECKING:
    from forecaster.fitted import Fitted
    from forecaster.reconciled import Reconciled

# Series drawn where none are named, and panels side by side.
FIRST, ACROSS = 6, 2
LOWER = "lower end"


@dataclass(frozen=True, eq=False)
class Panel:
    """What is drawn of one series.

    Args:
        name: Its ids.
        past: Stamps and values of its history, in order.
        ahead: Stamps and values of its forecast, in order.
        band: The interval as words, and its lower and upper end at the stamps of the forecast; None where there is none.
    """

    name: str
    past: tuple[Any, Any]
    ahead: tuple[Any, Any]
    band: tuple[str, Any, Any] | None


def plot(
    fitted: Fitted | Reconciled, series: Any = None, future: pa.Table | None = None, horizon: int | None = None, backend: str = "matplotlib"
) -> Any:
    """Draw series of a fitted job.

    Args:
        fitted: The job.
        series: Which series: one id, a list of ids, or None for the first six. An id is the value of the series column, or a tuple of the
            values where there are several columns.
        future: Known covariates of the steps ahead, where the job has any.
        horizon: Steps ahead.
        backend: "matplotlib" or "plotly".

    Returns:
        The figure: of matplotlib, `figure.savefig("forecast.png")` saves it, of plotly, `figure.write_html("forecast.html")`.

    Raises:
        MissingExtra: the library is not installed.
        UnknownName: there is no such series or backend.
    """
    schema = fitted.schema
    columns = Columns(schema.series, schema.time, schema.target)
    return figure(fitted.history(), fitted.predict(future, horizon), columns, series, backend)


def figure(history: pa.Table, forecast: pa.Table, columns: Columns, series: Any = None, backend: str = "matplotlib") -> Any:
    """Draw series of two tables.

    Args:
        history: Series columns, time and target.
        forecast: Series columns, time, "forecast" and quantiles ("q0.1").
        columns: Their names.
        series: Which series, as in `plot`.
        backend: "matplotlib" or "plotly".

    Raises:
        MissingExtra: the library is not installed.
        UnknownName: there is no such series or backend.
    """
    drawn = library(backend)
    wanted = _wanted(keys(forecast, columns.series), columns.series, series)
    past, ahead = (places(table, wanted, columns.series) for table in (history, forecast))
    named = enumerate(labels(wanted, columns.series))
    panels = [_panel(name, history.filter(past == i), forecast.filter(ahead == i), columns) for i, name in named]
    return (_matplotlib if backend == "matplotlib" else _plotly)(drawn, panels)


def _wanted(known: pa.Table, names: Sequence[str], series: Any) -> pa.Table:
    """The keys of the series asked for."""
    if series is None:
        return known.slice(0, FIRST)
    if hasattr(series, "columns"):
        raise SettingsError(f"series= names the series to draw; came a {type(series).__name__}: rows of steps ahead go in future=")
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


def _panel(name: str, history: pa.Table, forecast: pa.Table, columns: Columns) -> Panel:
    levels, when = quantile_columns(forecast), times(forecast, columns.time)
    pair = interval(tuple(levels))
    band = None if pair is None else (f"{pair[0]:g} to {pair[1]:g}", *(_ordered(when, levels[level])[1] for level in pair))
    past = _ordered(times(history, columns.time), floats(history, columns.target))
    return Panel(name, past, _ordered(when, floats(forecast, "forecast")), band)


def _matplotlib(library: Any, panels: Sequence[Panel]) -> Any:
    across = min(ACROSS, max(len(panels), 1))
    down = -(-len(panels) // across) or 1
    drawn = library.Figure(figsize=(5.6 * across, 2.7 * down), layout="constrained")
    axes = drawn.subplots(down, across, squeeze=False).ravel()
    for place, panel in zip(axes, panels, strict=False):
        _on_axes(place, panel)
    for spare in axes[len(panels) :]:
        spare.set_axis_off()
    if panels:
        drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=4, fontsize=8, frameon=False)
    return drawn


def _on_axes(axes: Any, panel: Panel) -> None:
    axes.plot(*panel.past, color="0.3", linewidth=1, label="history")
    when = panel.ahead[0]
    if panel.band is not None:
        told, low, high = panel.band
        axes.fill_between(when, low, high, color="tab:blue", alpha=0.2, linewidth=0, label=told)
    axes.plot(*panel.ahead, color="tab:blue", linewidth=1.8, label="forecast")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.set_title(panel.name, loc="left", fontsize=10)
    if when.dtype.kind == "M" and len(panel.past[0]) + len(when):
        shown = np.concatenate([panel.past[0], when])
        marks = stamp_ticks(shown.min(), shown.max())
        axes.set_xticks([mark for mark, _ in marks], [label for _, label in marks])


def _plotly(library: Any, panels: Sequence[Panel]) -> Any:
    from plotly.subplots import make_subplots

    across = min(ACROSS, max(len(panels), 1))
    down = -(-len(panels) // across) or 1
    drawn = make_subplots(down, across, subplot_titles=[panel.name for panel in panels])
    for i, panel in enumerate(panels):
        place = {"row": i // across + 1, "col": i % across + 1}
        for told, (when, value), style in _lines(panel):
            drawn.add_trace(
                library.Scatter(x=when, y=value, name=told, legendgroup=told, showlegend=i == 0 and told != LOWER, **style), **place
            )
    return drawn.update_layout(height=120 + 260 * down, template="simple_white")


def _lines(panel: Panel) -> Iterator[tuple[str, tuple[Any, Any], dict[str, Any]]]:
    """The lines of a panel: a name, stamps and values, and how plotly draws them."""
    yield "history", panel.past, {"mode": "lines", "line": {"color": "#555555", "width": 1}}
    if panel.band is not None:
        told, low, high = panel.band
        plain = {"mode": "lines", "line": {"width": 0}}
        yield LOWER, (panel.ahead[0], low), {**plain, "hoverinfo": "skip"}
        yield told, (panel.ahead[0], high), {**plain, "fill": "tonexty", "fillcolor": "rgba(31, 119, 180, 0.2)"}
    yield "forecast", panel.ahead, {"mode": "lines", "line": {"color": "#1f77b4", "width": 2}}


def _ordered(time: Any, value: Any) -> tuple[Any, Any]:
    order = np.argsort(time, kind="stable")
    return time[order], value[order]
