"""From numbers to places on a drawing: scales, ticks and labels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Steps of a time axis from coarse to fine: numpy unit, how many, format of the label.
_CALENDAR = (
    ("Y", 2000, "%Y"),
    ("Y", 500, "%Y"),
    ("Y", 200, "%Y"),
    ("Y", 100, "%Y"),
    ("Y", 50, "%Y"),
    ("Y", 20, "%Y"),
    ("Y", 10, "%Y"),
    ("Y", 5, "%Y"),
    ("Y", 2, "%Y"),
    ("Y", 1, "%Y"),
    ("M", 6, "%b %Y"),
    ("M", 3, "%b %Y"),
    ("M", 1, "%b %Y"),
    ("D", 14, "%-d %b"),
    ("D", 7, "%-d %b"),
    ("D", 2, "%-d %b"),
    ("D", 1, "%-d %b"),
    ("h", 12, "%-d %b %H:%M"),
    ("h", 6, "%-d %b %H:%M"),
    ("h", 3, "%-d %b %H:%M"),
    ("h", 1, "%H:%M"),
    ("m", 15, "%H:%M"),
    ("m", 5, "%H:%M"),
    ("m", 1, "%H:%M"),
)


@dataclass(frozen=True)
class Axes:
    """The rectangle in which a chart draws, and its two scales; where no margin is given, the numbers at its left side fit into it."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 360
    height: int = 190
    left: int = 0
    right: int = 10
    top: int = 10
    bottom: int = 22

    def __post_init__(self) -> None:
        if not self.left:
            widest = max((len(short(mark)) for mark in ticks(*self.y)), default=0)
            object.__setattr__(self, "left", max(38, 8 + 6 * widest))

    def across(self, x: Any) -> Array:
        """Pixels from the left edge."""
        low, high = self.x
        return np.asarray(self.left + (np.asarray(x, float) - low) / ((high - low) or 1) * (self.width - self.left - self.right))

    def down(self, y: Any) -> Array:
        """Pixels from the upper edge."""
        low, high = self.y
        return np.asarray(
            self.height - self.bottom - (np.asarray(y, float) - low) / ((high - low) or 1) * (self.height - self.top - self.bottom)
        )


def span(parts: Iterable[Any], *, zero: bool = False) -> tuple[float, float]:
    """Smallest and largest finite number, as a range that a tick fits into; with `zero`, 0 is in it."""
    values = np.concatenate([np.ravel(np.asarray(part, float)) for part in parts] or [np.zeros(1)])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low < high:
        return low, high
    return (0.0, 1.0) if low == 0 else (low - abs(low) / 2, low + abs(low) / 2)  # on the side of zero that the number is on


def ticks(low: float, high: float, count: int = 4) -> Array:
    """About `count` round numbers between `low` and `high`."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return np.arange(first, last + 1, dtype=np.float64) * step


def outward(low: float, high: float, count: int = 4) -> tuple[float, float]:
    """The range widened to whole ticks, so that the topmost line of the grid carries a number."""
    marks = ticks(low, high, count)
    step = float(marks[1] - marks[0]) if len(marks) > 1 else (high - low)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def stamp_ticks(first: np.datetime64, last: np.datetime64, count: int = 4) -> list[tuple[np.datetime64, str]]:
    """At most `count` + 1 round stamps between `first` and `last`, with labels."""
    found: list[tuple[np.datetime64, str]] = []
    for unit, step, pattern in _CALENDAR:
        if (last - first) / np.timedelta64(1, "s") / _seconds(unit, step) > count + 1:
            break
        begin, end = (int(stamp.astype(f"datetime64[{unit}]").astype(np.int64)) for stamp in (first, last))
        marks = (np.arange(-(-begin // step), end // step + 1) * step).astype(f"datetime64[{unit}]").astype("datetime64[us]")
        marks = marks[(marks >= first) & (marks <= last)]
        if len(marks) > count + 1:
            break
        found = [(mark, mark.item().strftime(pattern)) for mark in marks]
    return found


def _seconds(unit: str, step: int) -> float:
    return step * {"Y": 365.25 * 86400, "M": 30.44 * 86400, "D": 86400, "h": 3600, "m": 60}[unit]


def short(value: float) -> str:
    """A number in at most five characters or so: 0.034, 12.5, 1.2k, 3.4M."""
    if not math.isfinite(value):
        return "–"
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if letter == 'k' else limit):.3g}{letter}"
    if abs(value) >= 1e3:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.0e}"
