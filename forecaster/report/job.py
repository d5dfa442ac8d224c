"""The page of one job."""

from __future__ import annotations

import numpy as np

from forecaster.report.accuracy import Backtested
from forecaster.report.axes import Array
from forecaster.report.data import ReportData, keys
from forecaster.report.layout import Page, Section, Tile, render
from forecaster.report.panels import panels
from forecaster.report.profile import profile_section
from forecaster.report.sections import accuracy_section, extremes, findings_section, leaderboard_grid, settings_section
from forecaster.report.words import count, duration, percent, score

# Series drawn on each side, best and worst.
DRAWN = 6


def page(job: ReportData) -> str:
    """The report of one job as one self-contained HTML text.

    Args:
        job: What the job found.
    """
    tested = Backtested.of(job.series)
    kinds = [profile_section(job.profile)] if job.profile.num_columns else []
    sections = [_learners(job), accuracy_section(tested), *_series(job, tested), *kinds]
    sections.append(findings_section(job.findings, job.series.columns.series))
    sections.append(settings_section(dict(job.settings)))
    return render(
        Page(
            job.title,
            _subtitle(job),
            _tiles(job, tested),
            sections,
            "Made by forecaster. This page holds everything it shows and loads nothing.",
        )
    )


def _subtitle(job: ReportData) -> str:
    columns = job.series.columns
    direction = "higher" if job.greater_is_better else "lower"
    return f"{columns.target} by {', '.join(columns.series)}; scores are {job.metric}, {direction} is better."


def _tiles(job: ReportData, tested: Backtested) -> list[Tile]:
    chosen = job.selected.to_pylist()[0] if job.selected.num_rows else {}
    everything = np.zeros(len(tested.code), np.int64)
    wape = float(tested.wape(everything, 1)[0]) if len(everything) else float("nan")
    series = keys(job.series.forecast, job.series.columns.series).num_rows
    return [
        Tile("Series", count(series), f"{count(job.rows)} values" if job.rows else ""),
        Tile("Forecast", f"{count(job.series.forecast.num_rows / max(series, 1))} steps", "for each series"),
        Tile("Chosen", str(chosen.get("learner", "–")), f"of {job.leaderboard.num_rows} tried"),
        Tile(job.metric, score(chosen.get("score")), "out of fold"),
        Tile("WAPE", percent(wape, 1), "share of the volume"),
        Tile("Findings", count(job.findings.num_rows), "", "warn" if job.findings.num_rows else "good"),
        Tile("Time", duration(job.seconds)),
    ]


def _learners(job: ReportData) -> Section:
    return Section("learners", "Learners", "", [leaderboard_grid(job.leaderboard, job.selected)])


def _series(job: ReportData, tested: Backtested) -> list[Section]:
    """The series with the smallest and with the largest errors; the first few where there is no backtest."""
    names = job.series.columns.series
    error = tested.wape(tested.code, tested.series.num_rows)
    if not np.isfinite(error).any():
        some = keys(job.series.forecast, names).slice(0, 2 * DRAWN)
        return [Section("series", "Series", "", [panels(job.series, some, names, [""] * some.num_rows)])]
    best, worst = extremes(error, DRAWN)
    found = [
        ("best", "Best series", "Smallest out-of-fold error first.", best),
        ("worst", "Worst series", "Largest out-of-fold error first.", worst),
    ]
    return [
        Section(name, title, lead, [panels(job.series, tested.series.take(rows), names, _notes(error, rows))])
        for name, title, lead, rows in found
        if rows
    ]


def _notes(error: Array, rows: list[int]) -> list[str]:
    return [f"WAPE {percent(float(error[row]), 1)}" for row in rows]
