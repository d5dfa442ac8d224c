"""Bars of contributions, as a figure of matplotlib or plotly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forecaster.drawing import library

UP, DOWN = "#2b6cb0", "#c05621"


def bars(values: Mapping[str, float], label: str, title: str, backend: str = "matplotlib") -> Any:
    """Horizontal bars, the first on top; those below zero in another colour.

    Args:
        values: Name -> length.
        label: Below the axis.
        title: Above the bars.
        backend: "matplotlib" or "plotly".

    Raises:
        UnknownName: there is no such backend.
        MissingExtra: its library is not installed.
    """
    drawn, names = library(backend), list(values)[::-1]
    lengths = [values[name] for name in names]
    colours = [UP if length >= 0 else DOWN for length in lengths]
    draw = _matplotlib if backend == "matplotlib" else _plotly
    return draw(drawn, names, lengths, colours, label, title)


def _matplotlib(library: Any, names: list[str], lengths: list[float], colours: list[str], label: str, title: str) -> Any:
    figure = library.Figure(figsize=(7, 1.2 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, lengths, color=colours)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(label)
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _plotly(library: Any, names: list[str], lengths: list[float], colours: list[str], label: str, title: str) -> Any:
    figure = library.Figure(library.Bar(x=lengths, y=names, orientation="h", marker_color=colours))
    return figure.update_layout(
        title=title, xaxis_title=label, yaxis_type="category", height=120 + 26 * len(names), template="simple_white"
    )
