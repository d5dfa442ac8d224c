"""The strokes that charts are drawn with, as parts of inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from forecaster.report.axes import Array, Axes, short, ticks


def svg(axes: Axes, title: str, told: str, parts: Sequence[str]) -> Markup:
    """A drawing with its title, and with what it shows in words for those who do not see it. Texts in `parts` are escaped already."""
    words = f"<title>{escape(title)}</title><desc>{escape(told)}</desc>"
    return Markup(f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img">{words}{"".join(parts)}</svg>')


def numbers(time: NDArray[Any]) -> Array:
    """Stamps or steps as numbers that a scale takes."""
    if time.dtype.kind == "M":
        return time.astype("datetime64[us]").astype(np.int64).astype(np.float64)
    return time.astype(np.float64)


def line(axes: Axes, css: str, x: Array, y: Array, name: str = "") -> str:
    """A path with a hole at every missing value; a value between two holes is a dot."""
    keep = np.isfinite(y)
    if not keep.any():
        return ""
    across, down = axes.across(x), axes.down(np.where(keep, y, axes.y[0]))
    opens = keep & ~np.concatenate([[False], keep[:-1]])
    alone = opens & ~np.concatenate([keep[1:], [False]])
    drawn = [
        f"{'M' if opens[i] else 'L'}{across[i]:.1f} {down[i]:.1f}{'h.1' if alone[i] else ''}" for i in np.flatnonzero(keep)
    ]  # at most a few hundred points of one chart
    told = f"<title>{escape(name)}</title>" if name else ""
    return f'<path class="{css}" d="{"".join(drawn)}">{told}</path>' if told else f'<path class="{css}" d="{"".join(drawn)}"/>'


def grid(axes: Axes, percent: bool = False, count: int = 4) -> str:
    """Lines across with their numbers."""
    marks = [m for m in ticks(*axes.y, count) if axes.y[0] <= m <= axes.y[1]]
    lines = "".join(f"M{axes.left} {axes.down(m):.1f}H{axes.width - axes.right}" for m in marks)
    texts = "".join(f'<text x="{axes.left - 6}" y="{axes.down(m) + 4:.1f}" class="end">{number(m, percent)}</text>' for m in marks)
    return f'<path class="grid" d="{lines}"/>{texts}'


def below(axes: Axes, x: float, label: str) -> str:
    """A label under the axis, kept inside the drawing."""
    at = float(np.clip(axes.across(x), axes.left, axes.width - axes.right - 3.0 * len(label)))
    return f'<text x="{at:.1f}" y="{axes.height - 6}" class="middle">{escape(label)}</text>'


def values_below(axes: Axes, percent: bool = False) -> str:
    """Numbers under the axis."""
    return "".join(below(axes, mark, number(mark, percent)) for mark in ticks(*axes.x))


def number(value: float, percent: bool = False) -> str:
    """A number as a label, with the digits that tell it from its neighbours."""
    return f"{short(100 * value)}%" if percent and np.isfinite(value) else short(value)


def nothing(title: str, why: str = "no values to draw") -> Markup:
    """An empty chart that says so."""
    axes = Axes((0, 1), (0, 1), height=90)
    return svg(axes, title, why, [f'<text x="{axes.width / 2}" y="50" class="middle">{escape(why)}</text>'])


def cut(name: str, length: int) -> str:
    """A name that fits."""
    return name if len(name) <= length else name[: length - 1] + "…"
