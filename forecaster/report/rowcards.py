"""Charts of what classifiers and regressors said of rows that they had not seen, as parts of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from forecaster.report.axes import Array, Axes, outward, short, span, ticks
from forecaster.report.charts import histogram
from forecaster.report.data import Ints
from forecaster.report.layout import Card, Charts
from forecaster.report.pen import below, cut, grid, line, nothing, number, svg, values_below
from forecaster.sample import evenly
from forecaster.tabular import curves

COLOURS = 8
"""Classes that have a curve of their own; of more, the commonest."""

NUMBERED = 12
"""Classes up to which the cells of a confusion matrix hold numbers."""

CLASSES = 30
"""Classes that have a row of the confusion matrix; the rarest of more share one."""

POINTS = 800
"""Rows that are drawn as points, and points of a curve, at most."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What was said of rows out of fold.

    Args:
        classes: Labels; empty for values.
        truth: Values, or codes of the classes. (rows,)
        said: Values in one column, or probabilities. (rows, classes or 1)
    """

    classes: tuple[str, ...]
    truth: Array
    said: Array


def charts(told: Predictions) -> Charts:
    """All charts of a task, with a legend of the classes."""
    if not told.classes:
        return Charts([_predicted(told), _residuals(told), _spread(told)])
    counts = np.bincount(told.truth.astype(int), minlength=len(told.classes))
    shown = np.sort(np.argsort(-counts, kind="stable")[:COLOURS])
    shown = shown[counts[shown] > 0]
    legend = {f"curve k{i}": cut(told.classes[c], 24) for i, c in enumerate(shown)}
    return Charts([confusion(told), *(_curves(told, shown, *kind) for kind in _KINDS)], legend)


SHARES = "true class down, predicted class across; the fuller the colour, the more of the true class"


def confusion(told: Predictions, title: str = "Confusion", note: str = SHARES) -> Card:
    """How often each class was taken for which."""
    counts, names = _together(curves.confusion(told.truth, told.said), told.classes)
    share, k = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), len(names)
    axes = Axes((0, k), (0, 1), height=max(190, 24 * min(k, 12) + 40), left=96, top=4, bottom=26)
    wide, high = (axes.width - axes.left - axes.right) / k, (axes.height - axes.top - axes.bottom) / k
    fits = max(2, int(wide / 6.5))
    parts = []
    for i, label in enumerate(names):
        y = axes.top + i * high
        if k <= NUMBERED:
            parts.append(f'<text x="{axes.left - 6}" y="{y + high / 2 + 4:.1f}" class="end">{escape(cut(label, 15))}</text>')
            parts.append(
                f'<text x="{axes.left + (i + 0.5) * wide:.1f}" y="{axes.height - 8}" class="middle">{escape(cut(label, fits))}</text>'
            )
        for j in np.flatnonzero(counts[i]) if k > NUMBERED else range(k):
            box = f'x="{axes.left + j * wide + 0.5:.1f}" y="{y + 0.5:.1f}" width="{wide - 1:.1f}" height="{high - 1:.1f}"'
            words = f"{escape(label)} taken for {escape(names[j])}: {counts[i, j]:,} ({share[i, j]:.1%})"
            parts.append(f'<rect class="cell" {box} fill-opacity="{0.06 + 0.64 * share[i, j]:.2f}"><title>{words}</title></rect>')
            if k <= NUMBERED:
                at = f'x="{axes.left + (j + 0.5) * wide:.1f}" y="{y + high / 2 + 4:.1f}"'
                parts.append(
                    f'<text {at} class="middle number">{short(float(counts[i, j])) if counts[i, j] > 9999 else counts[i, j]}</text>'
                )
    right = np.trace(counts) / max(counts.sum(), 1)
    return Card(title, svg(axes, title, f"{right:.1%} of {counts.sum():,} rows are of the class that was said", parts), note)


def _together(counts: Ints, names: tuple[str, ...]) -> tuple[Ints, tuple[str, ...]]:
    """The commonest classes, and all others as one."""
    if len(names) <= CLASSES:
        return counts, names
    common = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[: CLASSES - 1])
    place = np.full(len(names), CLASSES - 1)
    place[common] = np.arange(CLASSES - 1)
    out = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(out, (place[:, None], place[None]), counts)
    return out, (*(names[c] for c in common), "all others")


def _curves(told: Predictions, shown: Ints, title: str, draw: Callable[..., curves.Curve], level: str, note: str) -> Card:
    """One curve per class against the rest."""
    made = {int(c): _thinned(draw(told.truth == c, told.said[:, c])) for c in shown}
    if not made:
        return Card(title, nothing(title))
    top = 1.0 if level != "one" else outward(0.0, max(float(curve.y.max()) for curve in made.values()))[1]
    axes, percent = Axes((0.0, 1.0), (0.0, top), left=44), level != "one"
    parts = [grid(axes, percent), "".join(below(axes, x, number(float(x), True)) for x in ticks(0, 1))]
    if level == "diagonal":
        parts.append(f'<path class="level" d="M{axes.left} {axes.height - axes.bottom}L{axes.width - axes.right} {axes.top}"/>')
    elif level == "one":
        parts.append(f'<path class="level" d="M{axes.left} {axes.down(1.0):.1f}H{axes.width - axes.right}"/>')
    for i, (c, curve) in enumerate(made.items()):
        parts.append(line(axes, f"curve k{i}", curve.x, curve.y, told.classes[c]))
    words = f"one curve for each of {', '.join(cut(told.classes[c], 40) for c in made)}"
    return Card(title, svg(axes, title, words, parts), note)


_KINDS: tuple[tuple[str, Callable[..., curves.Curve], str, str], ...] = (
    ("ROC", curves.roc, "diagonal", "false positive rate across, true positive rate up; dashed: chance"),
    ("Precision and recall", curves.precision_recall, "", "recall across, precision up"),
    ("Gains", curves.gains, "diagonal", "share of the rows across, the likeliest first; share of the class found up"),
    ("Lift", curves.lift, "one", "share of the rows across; times better than chance up"),
    ("Calibration", curves.calibration, "diagonal", "probability across, share that is so up; dashed: as it should be"),
)


def predicted(told: Predictions, title: str, note: str) -> Card:
    """Predictions against true values."""
    some = evenly(len(told.truth), POINTS)
    truth, said = told.truth[some], told.said[some, 0]
    ends = outward(*span([truth, said]))
    axes = Axes(ends, ends, height=240, left=48)
    corner = f"M{axes.left} {axes.height - axes.bottom}L{axes.width - axes.right} {axes.top}"
    parts = [grid(axes), values_below(axes), f'<path class="level" d="{corner}"/>', _points(axes, truth, said)]
    told_too = f"true values from {short(truth.min())} to {short(truth.max())}, predictions from {short(said.min())} to {short(said.max())}"
    return Card(title, svg(axes, title, told_too, parts), note)


def _predicted(told: Predictions) -> Card:
    return predicted(told, "Predicted against true", "true value across, prediction up; dashed: as it should be")


def _residuals(told: Predictions) -> Card:
    chart = histogram("Residuals", told.truth - told.said[:, 0])
    return Card("Residuals", chart, "rows by true value less prediction, median dashed")


def _spread(told: Predictions) -> Card:
    some = evenly(len(told.truth), POINTS)
    said, left = told.said[some, 0], told.truth[some] - told.said[some, 0]
    axes = Axes(outward(*span([said])), outward(*span([left], zero=True)), height=240, left=48)
    parts = [grid(axes), values_below(axes), f'<path class="level" d="M{axes.left} {axes.down(0.0):.1f}H{axes.width - axes.right}"/>']
    parts.append(_points(axes, said, left))
    words = f"true values less predictions lie between {short(left.min())} and {short(left.max())}"
    return Card(
        "Residuals by prediction", svg(axes, "Residuals by prediction", words, parts), "prediction across, true value less prediction up"
    )


def _points(axes: Axes, x: Array, y: Array) -> Markup:
    """Rows as one path of dots."""
    drawn = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(axes.across(x), axes.down(y), strict=True))
    return Markup(f'<path class="points" d="{drawn}"/>')


def _thinned(curve: curves.Curve) -> curves.Curve:
    kept = evenly(len(curve.x), POINTS // 4)
    return curves.Curve(curve.x[kept], curve.y[kept])
