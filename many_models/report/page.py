"""The page of one run."""

from __future__ import annotations

import numpy as np

from forecaster.report.accuracy import Backtested
from forecaster.report.data import keys
from forecaster.report.layout import Charts, Page, Section, Tile, render
from forecaster.report.panels import panels
from forecaster.report.sections import accuracy_section, findings_section, settings_section
from forecaster.report.words import count, percent, score, text
from many_models.report.data import RunData
from many_models.report.groups import SHOWN, changed, files, learners, overview, tiles, time_spent, troubles


def page(run: RunData) -> str:
    """The report of a run as one self-contained HTML text, of the same size for a thousand groups as for a million.

    Args:
        run: What became of the groups.
    """
    tested = Backtested.of(run.series)
    sections = [overview(run), *changed(run), learners(run), accuracy_section(tested), *_groups(run), *_largest(run), *troubles(run)]
    sections += [findings_section(run.findings, _names(run)), time_spent(run), *files(run), settings_section(dict(run.settings))]
    return render(
        Page(
            run.title, _subtitle(run), _tiles(run, tested), sections, "Made by many_models. This page holds all it shows and loads nothing."
        )
    )


def _names(run: RunData) -> list[str]:
    """Group and series columns, each once."""
    columns = run.series.columns
    return list(dict.fromkeys([*columns.group, *columns.series]))


def _subtitle(run: RunData) -> str:
    columns = run.series.columns
    direction = "higher" if run.greater_is_better else "lower"
    return f"{columns.target}: one model per {', '.join(columns.group)}; scores are {run.metric}, {direction} is better."


def _tiles(run: RunData, tested: Backtested) -> list[Tile]:
    wape = tested.wape(np.zeros(len(tested.code), np.int64), 1)[0] if len(tested.code) else np.nan
    series = count(keys(run.series.forecast, run.series.columns.series).num_rows)
    return tiles(run, f"{series} series", [Tile("WAPE", percent(float(wape), 1), "share of the volume")])


def _groups(run: RunData) -> list[Section]:
    """The groups with the worst and with the best scores, and some between, drawn; those without scores are among the failures."""
    return [Section(name, *SHOWN[name], [_drawn(run, rows)]) for name, rows in run.ranked().items() if rows]


def _drawn(run: RunData, rows: list[int]) -> Charts:
    names = run.series.columns.group
    notes = [f"{run.metric} {score(row['score'])} · {text(row['learner'])}" for row in run.outcomes.take(rows).to_pylist()]
    return panels(run.picture, run.outcomes.select(list(names)).take(rows), names, notes)


def _largest(run: RunData) -> list[Section]:
    """Where groups hold several series, the series with the largest forecasts: their intervals can be drawn."""
    if not run.largest.num_rows:
        return []
    drawn = panels(run.picture, run.largest, run.series.columns.series, [""] * run.largest.num_rows)
    return [Section("largest", "Largest series", "The series with the largest forecasts over all groups, with their intervals.", [drawn])]
