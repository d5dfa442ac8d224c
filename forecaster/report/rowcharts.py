"""Charts of a classifier or regressor, from its out-of-fold predictions, as figures of matplotlib or plotly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecaster.drawing import library
from forecaster.errors import UnknownName
from forecaster.sample import evenly
from forecaster.table import Floats, Ints
from forecaster.tabular import curves
from forecaster.tabular.curves import Curve
from forecaster.tabular.fitted import FittedTabular

MOST_CLASSES = 12
"""Classes that have a curve of their own; of more, the commonest."""
MOST_POINTS = 2_000
BLUE, GREY = "#2b6cb0", "#808080"


@dataclass(frozen=True, eq=False)
class Chart:
    """What a figure shows.

    Args:
        across: Label of the axis below.
        up: Label of the axis at the side.
        lines: One curve per class. Class -> curve
        points: Rows.
        rows: Values whose distribution is drawn.
        cells: Rows of each true class (down) by the class that was said (across). (classes, classes)
        classes: Labels of the cells.
        guide: How the curve of chance, or of perfection, goes.
    """

    across: str
    up: str
    lines: Mapping[str, Curve] = field(default_factory=dict)
    points: Curve | None = None
    rows: Floats | None = None
    cells: Ints | None = None
    classes: tuple[str, ...] = ()
    guide: Curve | None = None

    @property
    def shares(self) -> Floats:
        """Of each true class, the share that was taken for each. (classes, classes)"""
        cells = np.zeros((0, 0), np.int64) if self.cells is None else self.cells
        share: Floats = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
        return share

    @property
    def bins(self) -> int:
        """Bars of the distribution."""
        return min(50, max(10, len(self.rows) // 20)) if self.rows is not None else 0


def chart(fitted: FittedTabular, kind: str, backend: str = "matplotlib") -> Any:
    """Draw one of the charts of the task.

    Args:
        fitted: The job.
        kind: Which chart.
        backend: "matplotlib" or "plotly".

    Raises:
        UnknownName: the task has no such chart, or there is no such backend.
        MissingExtra: its library is not installed.
    """
    known = KINDS[fitted.task]
    if kind not in known:
        raise UnknownName.of("chart", kind, known)
    drawn = library(backend)
    return (_matplotlib if backend == "matplotlib" else _plotly)(drawn, known[kind](fitted), f"{kind.replace('_', ' ')}, out of fold")


def _confusion(fitted: FittedTabular) -> Chart:
    counts = curves.confusion(fitted.truth, fitted.said)
    return Chart("predicted", "true", cells=counts, classes=tuple(map(str, fitted.classes)))


def _curves(draw: Callable[..., Curve], across: str, up: str, guide: Curve | None) -> Callable[[FittedTabular], Chart]:
    """A chart with one curve per class against the rest."""

    def of(fitted: FittedTabular) -> Chart:
        counts = np.bincount(fitted.truth.astype(int), minlength=len(fitted.classes))
        shown = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
        lines = {str(fitted.classes[c]): draw(fitted.truth == c, fitted.said[:, c]) for c in shown[counts[shown] > 0]}
        return Chart(across, up, lines=lines, guide=guide)

    return of


def _residuals(fitted: FittedTabular) -> Chart:
    return Chart("true value less prediction", "rows", rows=fitted.truth - fitted.said[:, 0])


def _predicted(fitted: FittedTabular) -> Chart:
    some = evenly(len(fitted.truth), MOST_POINTS)
    ends = np.array([fitted.truth.min(), fitted.truth.max()])
    return Chart("true value", "prediction", points=Curve(fitted.truth[some], fitted.said[some, 0]), guide=Curve(ends, ends))


def _matplotlib(library: Any, chart: Chart, title: str) -> Any:
    figure = library.Figure(figsize=(5.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel=chart.across, ylabel=chart.up, title=title)
    for name, curve in chart.lines.items():
        axes.plot(*curve, label=name, linewidth=1.4)
    if chart.lines:
        axes.legend(fontsize=8, frameon=False)
    if chart.points is not None:
        axes.scatter(*chart.points, s=8, alpha=0.5, color=BLUE, linewidths=0)
    if chart.rows is not None:
        axes.hist(chart.rows, bins=chart.bins, color=BLUE)
        axes.axvline(0, color="black", linewidth=0.8)
    if chart.guide is not None:
        axes.plot(*chart.guide, color=GREY, linewidth=0.8, linestyle=":")
    if chart.cells is not None:
        _cells_on(axes, chart, chart.cells)
    return figure


def _cells_on(axes: Any, chart: Chart, cells: Ints) -> None:
    names, share = chart.classes, chart.shares
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 5 else 0)
    axes.set_yticks(range(len(names)), names)
    for i, j in np.ndindex(cells.shape) if len(names) <= MOST_CLASSES else ():
        colour = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, f"{cells[i, j]:,}", ha="center", va="center", color=colour, fontsize=8)


def _plotly(library: Any, chart: Chart, title: str) -> Any:
    figure = library.Figure()
    figure.update_layout(title=title, xaxis_title=chart.across, yaxis_title=chart.up, template="simple_white", width=560, height=460)
    for name, curve in chart.lines.items():
        figure.add_scatter(x=curve.x, y=curve.y, name=name, mode="lines", showlegend=True)
    if chart.points is not None:
        x, y = chart.points
        figure.add_scatter(x=x, y=y, mode="markers", marker={"color": BLUE, "opacity": 0.5, "size": 5}, showlegend=False)
    if chart.rows is not None:
        figure.add_histogram(x=chart.rows, nbinsx=chart.bins, marker_color=BLUE)
        figure.add_vline(0, line_width=1)
    if chart.guide is not None:
        line = {"color": GREY, "width": 1, "dash": "dot"}
        figure.add_scatter(x=chart.guide.x, y=chart.guide.y, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    if chart.cells is not None:
        figure.add_heatmap(**_cells(chart, chart.cells), x=chart.classes, y=chart.classes)
        figure.update_xaxes(type="category")
        figure.update_yaxes(type="category", autorange="reversed")  # the first class on top, as in tables
    return figure


def _cells(chart: Chart, cells: Ints) -> dict[str, Any]:
    """How plotly draws the cells: coloured by the share of the true class, with the numbers of rows in them."""
    told = {"text": cells, "texttemplate": "%{text:,}"} if len(chart.classes) <= MOST_CLASSES else {}
    words = "%{y} taken for %{x}: %{z:.1%}<extra></extra>"
    return {"z": chart.shares, "zmin": 0, "zmax": 1, "colorscale": "Blues", "showscale": False, "hovertemplate": words, **told}


_ENDS = np.array([0.0, 1.0])
_DIAGONAL, _ONE = Curve(_ENDS, _ENDS), Curve(_ENDS, np.ones(2))
KINDS: dict[str, dict[str, Callable[[FittedTabular], Chart]]] = {
    "classify": {
        "confusion": _confusion,
        "roc": _curves(curves.roc, "false positive rate", "true positive rate", _DIAGONAL),
        "precision_recall": _curves(curves.precision_recall, "recall", "precision", None),
        "gains": _curves(curves.gains, "share of the rows", "share of the class found", _DIAGONAL),
        "lift": _curves(curves.lift, "share of the rows", "times better than chance", _ONE),
        "calibration": _curves(curves.calibration, "probability", "share that is so", _DIAGONAL),
    },
    "regress": {"residuals": _residuals, "predicted": _predicted},
}
"""The charts of each task."""
