"""Small charts as inline SVG: no plotting library, no script, and colours by CSS class, so that a page can be light, dark or printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from forecaster.report.axes import Array, Axes, outward, short, span, stamp_ticks, ticks
from forecaster.report.pen import below, cut, grid, line, nothing, number, numbers, svg, values_below


@dataclass(frozen=True, eq=False)
class Points:
    """Values at times: stamps or integer steps, and numbers of the same length."""

    time: NDArray[Any]
    value: Array


@dataclass(frozen=True, eq=False)
class Band:
    """An interval at times."""

    time: NDArray[Any]
    low: Array
    high: Array


def forecast_chart(title: str, history: Points, forecast: Points, band: Band | None = None, windows: Sequence[Points] = ()) -> Markup:
    """Draw what was, what is expected, and what would have been forecast earlier.

    Args:
        title: Name of the series.
        history: Known values.
        forecast: Point forecasts of the steps after them.
        band: Interval around the forecasts.
        windows: Out-of-fold forecasts, one per backtest window.
    """
    times = [history.time, forecast.time, *(w.time for w in windows)]
    values = [history.value, forecast.value, *(w.value for w in windows), *([band.low, band.high] if band else [])]
    positive = all((np.nan_to_num(v, nan=0.0) >= 0).all() for v in values)
    axes = Axes(span([numbers(t) for t in times]), outward(*span(values, zero=positive)))
    parts = [grid(axes), _stamps(axes, np.concatenate(times))]
    if len(history.time) and len(forecast.time):
        middle = axes.across((numbers(history.time)[-1] + numbers(forecast.time)[0]) / 2)
        parts.append(f'<path class="cut" d="M{middle:.1f} {axes.top}V{axes.height - axes.bottom}"/>')
    if band is not None:
        parts.append(_band(axes, band))
    parts.append(line(axes, "history", numbers(history.time), history.value))
    parts += [line(axes, "fold", numbers(w.time), w.value) for w in windows]
    parts.append(line(axes, "forecast", numbers(forecast.time), forecast.value))
    return svg(axes, title, _told(history, forecast, band), parts)


def step_chart(
    title: str, lines: Mapping[str, Array], *, level: float | None = None, percent: bool = False, within: tuple[float, float] | None = None
) -> Markup:
    """Draw one number per step ahead: faint lines for the windows, a strong one for the last entry.

    Args:
        title: What is drawn.
        lines: Name -> values of steps 1, 2, ... The last one is the main one.
        level: A value to compare with, drawn dashed.
        percent: The numbers are shares of one.
        within: Range of the axis; that of the numbers where absent.
    """
    values = list(lines.values())
    axes = Axes((0.5, max(len(v) for v in values) + 0.5), within or outward(*span([*values, [level or 0.0]], zero=True)))
    parts = [grid(axes, percent), _steps(axes)]
    if level is not None:
        parts.append(f'<path class="level" d="M{axes.left} {axes.down(level):.1f}H{axes.width - axes.right}"/>')
    for i, (name, value) in enumerate(lines.items()):
        css = "forecast" if i == len(lines) - 1 else "faint"
        parts.append(line(axes, css, np.arange(1.0, len(value) + 1), value, name))
    main = values[-1]
    shown = [f"step {i + 1}: {number(v, percent)}" for i, v in enumerate(main) if i in {0, len(main) // 2, len(main) - 1}]
    return svg(axes, title, "; ".join(shown), parts)


def calibration_chart(title: str, levels: Mapping[float, float]) -> Markup:
    """Draw the share of actuals at or below each quantile against its level; the diagonal is what it should be.

    Args:
        title: What is drawn.
        levels: Level -> share seen.
    """
    axes = Axes((0.0, 1.0), (0.0, 1.0), left=44)
    corner = f"M{axes.left} {axes.height - axes.bottom}L{axes.width - axes.right} {axes.top}"
    parts = [grid(axes, True), "".join(below(axes, x, number(x, True)) for x in ticks(0, 1)), f'<path class="level" d="{corner}"/>']
    known = {level: share for level, share in levels.items() if np.isfinite(share)}
    wanted, seen = np.array(list(known)), np.array(list(known.values()))
    parts.append(line(axes, "forecast", wanted, seen))
    for x, y in zip(axes.across(wanted), axes.down(seen), strict=True):
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    told = "; ".join(f"{level:.0%} wanted, {share:.1%} seen" for level, share in known.items())
    return svg(axes, title, told, parts)


def histogram(title: str, values: Any, bins: int = 30, *, percent: bool = False) -> Markup:
    """Draw how many groups have which value; what lies beyond the 99th percentile is counted in the last bar.

    Args:
        title: What is drawn.
        values: One number per group; NaN is left out.
        bins: Number of bars.
        percent: The numbers are shares of one.
    """
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return nothing(title)
    low, high = span([finite])
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # one number but for rounding, which no bars can tell apart
        low, high = low - 0.5, high + 0.5
    high = float(np.quantile(finite, 0.99)) if len(finite) > 100 and np.quantile(finite, 0.99) > low else high
    counts, edges = np.histogram(np.minimum(finite, high), bins=bins, range=(low, high))
    axes = Axes((low, high), outward(0, float(counts.max()), 3))
    parts = [grid(axes, count=3), values_below(axes, percent)]
    left, right, top = axes.across(edges[:-1]), axes.across(edges[1:]), axes.down(counts)
    for i in np.flatnonzero(counts):
        more = " or more" if i == bins - 1 and high < finite.max() else ""
        told = f"{number(edges[i], percent)} to {number(edges[i + 1], percent)}{more}: {counts[i]:,}"
        box = f'x="{left[i]:.1f}" y="{top[i]:.1f}" width="{max(right[i] - left[i] - 1, 0.5):.1f}" height="{axes.down(0) - top[i]:.1f}"'
        parts.append(f'<rect class="bar" {box}><title>{told}</title></rect>')
    middle = float(np.median(finite))
    if low <= middle <= high:
        parts.append(f'<path class="level" d="M{axes.across(middle):.1f} {axes.top}V{axes.height - axes.bottom}"/>')
    least, most, half = (number(v, percent) for v in (finite.min(), finite.max(), middle))
    return svg(axes, title, f"{len(finite):,} values from {least} to {most}, median {half}", parts)


def bars(title: str, values: Mapping[str, float], css: Mapping[str, str] | None = None, *, unit: str = "", row: int = 24) -> Markup:
    """Draw horizontal bars with their names and numbers.

    Args:
        title: What is drawn.
        values: Name -> length, in the order of drawing.
        css: Name -> class of the bar; "bar" where absent.
        unit: What follows each number, as in " s".
        row: Height of a bar with the space around it.
    """
    if not values:
        return nothing(title)
    axes = Axes((0, max(*values.values(), 1e-12)), (0, 1), height=row * len(values) + 8, left=128, right=64, top=4, bottom=4)
    parts = []
    for i, (name, value) in enumerate(values.items()):
        y = axes.top + i * row
        width = max(float(axes.across(value)) - axes.left, 1.0) if value else 0.0
        said = f"{value:,.0f}" if float(value).is_integer() else short(value)
        parts.append(
            f'<text x="{axes.left - 8}" y="{y + row // 2 + 4}" class="end">{escape(cut(name, 18))}<title>{escape(name)}</title></text>'
        )
        parts.append(
            f'<rect class="{(css or {}).get(name, "bar")}" x="{axes.left}" y="{y + 5}" width="{width:.1f}" height="{row - 10}" rx="2"/>'
        )
        parts.append(f'<text x="{axes.left + width + 6:.1f}" y="{y + row // 2 + 4}" class="number">{said}{escape(unit)}</text>')
    return svg(axes, title, "; ".join(f"{name}: {short(value)}{unit}" for name, value in values.items()), parts)


def _band(axes: Axes, band: Band) -> str:
    keep = np.isfinite(band.low) & np.isfinite(band.high)
    if not keep.any():
        return ""
    across = axes.across(numbers(band.time)[keep])
    x = np.concatenate([across, across[::-1]])
    y = np.concatenate([axes.down(band.high[keep]), axes.down(band.low[keep])[::-1]])
    return '<path class="band" d="M' + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + 'Z"/>'


def _stamps(axes: Axes, time: NDArray[Any]) -> str:
    if not len(time):
        return ""
    if time.dtype.kind != "M":
        return values_below(axes)
    marks = stamp_ticks(time.min().astype("datetime64[us]"), time.max().astype("datetime64[us]"))
    return "".join(below(axes, float(mark.astype(np.int64)), label) for mark, label in marks)


def _steps(axes: Axes) -> str:
    last = int(axes.x[1])
    marks = sorted({1, last, *(int(m) for m in ticks(1, last, 4) if 1 < m < last * 0.9 and m == int(m))})
    return "".join(below(axes, mark, str(mark)) for mark in marks)


def _told(history: Points, forecast: Points, band: Band | None) -> str:
    """The chart in words, for those who do not see it."""
    words = []
    if len(history.time):
        words.append(f"History from {_when(history.time[0])} to {_when(history.time[-1])}, {_extent(history.value)}.")
    if len(forecast.time):
        words.append(f"Forecast from {_when(forecast.time[0])} to {_when(forecast.time[-1])}, {_extent(forecast.value)}.")
    if band is not None and np.isfinite(band.low).any():
        words.append(f"Interval from {short(float(np.nanmin(band.low)))} to {short(float(np.nanmax(band.high)))}.")
    return " ".join(words) or "No values."


def _when(stamp: Any) -> str:
    return str(stamp.astype("datetime64[m]")).replace("T00:00", "").replace("T", " ") if isinstance(stamp, np.datetime64) else str(stamp)


def _extent(values: Array) -> str:
    finite = values[np.isfinite(values)]
    return f"between {short(finite.min())} and {short(finite.max())}" if len(finite) else "all missing"
