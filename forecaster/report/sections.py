"""Sections that the page of a job and the page of a run share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.report.accuracy import Backtested, interval
from forecaster.report.axes import Array
from forecaster.report.charts import bars, calibration_chart, histogram, step_chart
from forecaster.report.data import floats, labels
from forecaster.report.layout import Card, Charts, Grid, Section
from forecaster.report.words import count, duration, percent, score, shares, text


def accuracy_section(tested: Backtested) -> Section:
    """Accuracy by step ahead and by window, bias, and how often the intervals held what came."""
    title = "Accuracy"
    if not tested.scored.any():
        return Section("accuracy", title, "There is no backtest, so nothing can be said about accuracy.")
    total = _all(tested)
    lead = (
        f"Measured on {count(tested.scored.sum())} out-of-fold forecasts "
        f"of {count(tested.series.num_rows)} series in {tested.n_windows} windows "
        f"that the models had not seen. Off by {percent(total, 1)} of the volume (WAPE); "
        f"forecasts are {_lean(tested)}."
    )
    cards = [*_error_cards(tested)]
    blocks: list[Charts | Grid] = [Charts(cards)]
    pair = interval(tuple(tested.quantiles))
    if pair is not None:
        cards += _interval_cards(tested, pair)
        blocks.append(_calibration(tested))
    return Section("accuracy", title, lead, blocks)


def findings_section(findings: pa.Table, names: Sequence[str]) -> Section:
    """What the guardrails saw, grouped by rule and action."""
    title = "Findings"
    if not findings.num_rows:
        return Section("findings", title, "The guardrails found nothing to repair or to note.")
    groups: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(findings["rule"].to_pylist(), findings["action"].to_pylist(), strict=True)):
        groups.setdefault((str(key[0]), str(key[1])), []).append(i)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    known = [name for name in names if name in findings.column_names]
    rows = [[rule, action, *_counted(findings, rows, known)] for (rule, action), rows in ordered]
    lead = f"{count(findings.num_rows)} finding{'s' if findings.num_rows > 1 else ''}, by rule. "
    lead += "Repairs were made in the copy that the models saw, never in your files."
    grid = Grid("Findings by rule", ("Rule", "Action", "Findings", "Values", "For example"), rows, frozenset({2, 3}))
    return Section("findings", title, lead, [grid])


def leaderboard_grid(leaderboard: pa.Table, selected: pa.Table | None = None) -> Grid:
    """The candidates of a job, best first."""
    board = leaderboard.sort_by("rank") if "rank" in leaderboard.column_names else leaderboard
    rows = [
        [
            text(row["learner"]),
            score(row.get("score")),
            duration(row.get("fit_seconds") or math.nan),
            duration(row.get("predict_seconds") or math.nan),
            ": ".join(filter(None, [text(row.get("status")), text(row.get("reason"))])),
        ]
        for row in board.to_pylist()
    ]
    note = ""
    if selected is not None and selected.num_rows == 1 and "members" in selected.column_names:
        row = selected.to_pylist()[0]
        members = f" ({shares(row['members'])})" if len(row["members"] or []) > 1 else ""
        note = f"Chosen: {text(row['learner'])}{members}."
    return Grid("Learners that were tried", ("Learner", "Score", "Fit", "Predict", "Status"), rows, frozenset({1, 2, 3}), note)


def settings_section(settings: dict[str, str]) -> Section:
    """The options of the job."""
    rows = [[name, text(value)] for name, value in settings.items()]
    return Section("settings", "Settings", "", [Grid("Options of this job", ("Option", "Value"), rows, folded=True)])


def extremes(errors: Array, many: int, *, greater_is_better: bool = False) -> tuple[list[int], list[int]]:
    """Places of the best and of the worst entries, without NaN and without overlap; the worst first in the second list."""
    order = np.argsort(-errors if greater_is_better else errors, kind="stable")
    order = order[np.isfinite(errors[order])]
    best = order[: min(many, (len(order) + 1) // 2)]
    return best.tolist(), order[len(best) :][::-1][:many].tolist()


def _all(tested: Backtested) -> float:
    return float(tested.wape(np.zeros(len(tested.code), np.int64), 1)[0])


def _lean(tested: Backtested) -> str:
    lean = float(tested.bias(np.zeros(len(tested.code), np.int64), 1)[0])
    if not np.isfinite(lean) or abs(lean) < 0.0005:
        return "neither high nor low"
    return f"{percent(abs(lean), 1)} {'above' if lean > 0 else 'below'} the actuals in sum"


def _by_window(tested: Backtested) -> dict[str, float]:
    values = 100 * tested.wape(tested.window, tested.n_windows)
    return {f"window {w + 1}": round(float(value), 2) for w, value in enumerate(values) if np.isfinite(value)}


def _error_cards(tested: Backtested) -> list[Card]:
    per_series = histogram("WAPE by series", tested.wape(tested.code, tested.series.num_rows), percent=True)
    lean = step_chart("Bias by step ahead", {"bias": tested.bias(tested.step, tested.n_steps)}, level=0.0, percent=True)
    return [
        Card("Error by step ahead", step_chart("WAPE by step ahead", tested.by_step(), percent=True), "WAPE; one faint line per window"),
        Card("Error by window", bars("WAPE by window", _by_window(tested), unit=" %", row=34), "WAPE, oldest window first"),
        Card("Error by series", per_series, "number of series by WAPE, median dashed"),
        Card("Bias by step ahead", lean, "forecast minus actual, share of the volume"),
    ]


def _interval_cards(tested: Backtested, pair: tuple[float, float]) -> list[Card]:
    per_step, total = tested.covered(*pair)
    wanted = pair[1] - pair[0]
    chart = step_chart("Coverage by step ahead", {"share inside the interval": per_step}, level=wanted, percent=True, within=(0.0, 1.0))
    seen = {level: tested.below(level) for level in tested.quantiles}
    return [
        Card("Interval coverage by step", chart, f"{percent(total, 1)} of the actuals inside, {percent(wanted)} wanted"),
        Card("Calibration", calibration_chart("Calibration of the quantiles", seen), "share of actuals at or below each quantile"),
    ]


def _calibration(tested: Backtested) -> Grid:
    rows = [[f"q{level:g}", percent(level, 1), percent(tested.below(level), 1)] for level in tested.quantiles]
    return Grid("Calibration as numbers", ("Quantile", "Actuals at or below, wanted", "Seen"), rows, frozenset({1, 2}), folded=True)


def _counted(findings: pa.Table, rows: list[int], names: Sequence[str]) -> list[str]:
    mine = findings.take(rows)
    values = pc.sum(pa.array(np.nan_to_num(floats(mine, "count")))).as_py() or 0
    some = mine.slice(0, 1)
    label, row = labels(some, names)[0], some.to_pylist()[0]
    where = f"{label}: " if names and not set(label) <= set("None· ") else ""
    told = text(where + str(row.get("message") or row.get("column") or ""))
    return [count(mine.num_rows), count(values), told]
