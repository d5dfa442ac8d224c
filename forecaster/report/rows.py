"""The page of a classifier or regressor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from forecaster.report.layout import Grid, Page, Section, Tile, render
from forecaster.report.rowcards import Predictions, charts
from forecaster.report.sections import findings_section, leaderboard_grid, settings_section
from forecaster.report.words import count, duration, score, text
from forecaster.tabular.fitted import FittedTabular


def write_rows(fitted: FittedTabular, path: Path) -> Path:
    """Write the page of a fitted classifier or regressor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(fitted), encoding="utf-8")
    return path


def page(fitted: FittedTabular) -> str:
    """The report as one self-contained HTML text."""
    summary, metrics = fitted.encoder.summary(), dict(zip(*fitted.metrics().to_pydict().values(), strict=True))
    found = fitted.found().append_column("first", pa.array([""] * len(fitted.findings), pa.string()))
    sections = [
        Section("learners", "Learners", "", [leaderboard_grid(fitted.leaderboard(), _selected(fitted))]),
        _charts(fitted),
        Section("metrics", "Metrics", "Of what was chosen, out of fold.", [metrics_grid(metrics)]),
        Section("features", "Features", f"{len(fitted.encoder.names)} features of {summary.num_rows} columns.", [features_grid(summary)]),
        findings_section(found, ()),
        settings_section({name: str(value) for name, value in fitted.options.items()}),
    ]
    direction = "higher" if fitted.greater_is_better else "lower"
    title = "Classifier" if fitted.task == "classify" else "Regressor"
    subtitle = f"{fitted.target}; scores are {fitted.options['metric']}, {direction} is better."
    return render(Page(f"{title} of {fitted.target}", subtitle, _tiles(fitted), sections, "Made by forecaster. This page loads nothing."))


def _tiles(fitted: FittedTabular) -> list[Tile]:
    return [
        Tile("Rows", count(fitted.rows), f"{len(fitted.classes)} classes" if fitted.classes else ""),
        Tile("Chosen", fitted.final, f"of {len(fitted.trials)} tried"),
        Tile(str(fitted.options["metric"]), score(fitted.score), "out of fold"),
        Tile("Findings", count(len(fitted.findings))),
        Tile("Time", duration(fitted.seconds)),
    ]


def _selected(fitted: FittedTabular) -> pa.Table:
    """What was chosen, as a job of one group tells it."""
    kind = pa.list_(pa.struct([("learner", pa.string()), ("weight", pa.float64())]))
    members = pa.array([fitted.selected().to_pylist()], kind)
    return pa.table({"learner": [fitted.final], "members": members, "score": [fitted.score]})


def _charts(fitted: FittedTabular) -> Section:
    if not len(fitted.truth):
        return Section("charts", "Charts", "No row was tested.")
    told = Predictions(tuple(map(str, fitted.classes)), fitted.truth, fitted.said)
    return Section("charts", "Charts", "Of predictions of rows that the models had not seen.", [charts(told)])


def metrics_grid(metrics: Mapping[str, float], folded: bool = False) -> Grid:
    """All metrics of a task."""
    rows = [[name, score(value)] for name, value in metrics.items()]
    return Grid("Metrics", ("Metric", "Score"), rows, frozenset({1}), folded=folded)


def features_grid(summary: pa.Table) -> Grid:
    """What became of each raw column."""
    rows = [[text(r["column"]), r["purpose"], count(r["features"]), text(r["how"])] for r in summary.to_pylist()]
    return Grid("Columns", ("Column", "Purpose", "Features", "How"), rows, frozenset({2}))
