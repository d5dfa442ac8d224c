"""History, out-of-fold forecasts and forecast of chosen groups, drawn as cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.report.accuracy import chosen, interval, quantile_columns, ranked
from forecaster.report.axes import Array
from forecaster.report.charts import Band, Points, forecast_chart
from forecaster.report.data import Ints, Series, floats, keys, labels, places, times
from forecaster.report.layout import Card, Charts
from forecaster.report.pen import nothing

# Enough history to see the season, not so much that the forecast becomes a speck: points in all, and per step of the forecast.
FEWEST, MOST, PER_STEP = 80, 180, 8
SHARED = 0.9  # share of the series of a group that a sum of forecasts must have


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of the wanted groups: group, time and values of each, in the order of time."""

    group: Ints
    time: NDArray[Any]
    values: dict[str, Array]
    window: Ints | None = None

    def of(self, g: int) -> _Rows:
        mine = self.group == g
        values = {name: value[mine] for name, value in self.values.items()}
        return _Rows(self.group[mine], self.time[mine], values, None if self.window is None else self.window[mine])


def panels(series: Series, wanted: pa.Table, names: Sequence[str], notes: Sequence[str]) -> Charts:
    """One card per row of `wanted`.

    Args:
        series: History, forecast and backtest.
        wanted: Keys of the groups or series to draw.
        names: Columns of the key.
        notes: A line per card.

    Returns:
        The cards. The values of a group of several series are summed, and no interval is drawn, as quantiles do not add up.
    """
    time = series.columns.time
    history = _rows(series.history, wanted, names, time, [series.columns.target])
    forecast = _rows(
        series.forecast, wanted, names, time, [n for n in series.forecast.column_names if n == "forecast" or n.startswith("q0.")]
    )
    tested = _rows(chosen(series.backtest), wanted, names, time, ["forecast"], series.columns.series)
    cards = []
    for g, (name, note) in enumerate(zip(labels(wanted, names), notes, strict=True)):
        chart, drawn = _chart(name, history.of(g), forecast.of(g), tested.of(g), series.columns.target)
        cards.append(Card(name, chart, note + (f" · sum of {drawn:,} series" if drawn > 1 else "")))
    return Charts(cards, _legend(series.forecast, cards))


def _legend(forecast: pa.Table, cards: Sequence[Card]) -> dict[str, str]:
    """What is drawn in any of the cards."""
    pair = interval(tuple(quantile_columns(forecast)))
    words = {"history": "history", "fold": "out-of-fold forecasts", "forecast": "forecast"}
    words |= {"band": f"interval {pair[0]:g} to {pair[1]:g}"} if pair else {}
    return {css: told for css, told in words.items() if any(f'class="{css}"' in card.chart for card in cards)}


def _rows(
    table: pa.Table, wanted: pa.Table, names: Sequence[str], time: str, values: Sequence[str], windows_of: Sequence[str] | None = None
) -> _Rows:
    """The rows of the wanted groups; with the window of each, newest first, where the columns of the series are given."""
    group = places(table, wanted, names)
    kept = np.flatnonzero(group >= 0)
    rows = table.take(kept)
    when = times(rows, time)
    order = np.lexsort((when, group[kept]))
    window = None if windows_of is None else _window(rows, windows_of)[order]
    return _Rows(group[kept][order], when[order], {name: floats(rows, name)[order] for name in values}, window)


def _window(rows: pa.Table, names: Sequence[str]) -> Ints:
    """Number of the window of each row: 0 for the newest of its series, as series that end on other days have other cutoffs."""
    return ranked(places(rows, keys(rows, names), names), -times(rows, "cutoff").astype(np.int64))


def _chart(name: str, history: _Rows, forecast: _Rows, tested: _Rows, target: str) -> tuple[Any, int]:
    """The chart of one group, and how many series it sums."""
    if not len(history.time) and not len(forecast.time):
        return nothing(name, "neither history nor forecast"), 0
    past, drawn = _summed(history.time, history.values[target])
    ahead, drawn_ahead = _together(forecast.time, forecast.values["forecast"])
    drawn = max(drawn, drawn_ahead)
    pair = interval(tuple(float(n[1:]) for n in forecast.values if n.startswith("q")))
    band = None
    if pair is not None and drawn_ahead == 1:
        band = Band(ahead.time, forecast.values[f"q{pair[0]:g}"], forecast.values[f"q{pair[1]:g}"])
    past = _end(past, int(np.clip(PER_STEP * len(ahead.time), FEWEST, MOST)))
    earlier = [_from(w, past) for w in _windows(tested)]
    return forecast_chart(name, past, ahead, band, [w for w in earlier if len(w.time)]), drawn


def _windows(tested: _Rows) -> list[Points]:
    """The out-of-fold forecasts by window; windows that few series of a group have are left out, as their sums would mislead."""
    if tested.window is None or not len(tested.window):
        return []
    windows, counts = np.unique(tested.window, return_counts=True)
    common = windows[counts * 2 > counts.max()]
    return [_together(tested.time[tested.window == w], tested.values["forecast"][tested.window == w])[0] for w in common[::-1]]


def _end(points: Points, most: int) -> Points:
    return Points(points.time[-most:], points.value[-most:])


def _from(points: Points, past: Points) -> Points:
    """The points that are no older than what is shown of the past."""
    kept = points.time >= past.time[0] if len(past.time) else np.ones(len(points.time), bool)
    return Points(points.time[kept], points.value[kept])


def _together(time: NDArray[Any], value: Array) -> tuple[Points, int]:
    """`_summed`, without times that only some of the series have: their sums would look like a fall."""
    points, most = _summed(time, value)
    counts = np.unique(time, return_counts=True)[1]
    kept = counts >= SHARED * most
    return Points(points.time[kept], points.value[kept]), most


def _summed(time: NDArray[Any], value: Array) -> tuple[Points, int]:
    """Values summed by time, NaN where all are missing, and the largest number of values at one time."""
    known, code = np.unique(time, return_inverse=True)
    there = np.isfinite(value)
    total = np.bincount(code, np.where(there, value, 0.0), len(known)).astype(np.float64)
    total[np.bincount(code, there, len(known)) == 0] = np.nan
    return Points(known, total), int(np.bincount(code, minlength=1).max()) if len(code) else 0
