"""The page of one run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.report.accuracy import Folds
from forecaster.report.axes import Array
from forecaster.report.charts import bars, histogram
from forecaster.report.data import Ints, floats, keys, labels
from forecaster.report.layout import Card, Charts, Grid, Page, Section, Tile, render
from forecaster.report.panels import panels
from forecaster.report.sections import accuracy_section, findings_section, settings_section
from forecaster.report.words import count, duration, percent, score, text
from many_models.outcomes import with_forecast, without_model
from many_models.report.data import RunData

LISTED = 100
"""Most rows of a table of groups."""
KINDS = {"done": "good", "fallback": "warn"}  # every other status is bad


def page(run: RunData) -> str:
    """The report of a run as one self-contained HTML text, of the same size for a thousand groups as for a million.

    Args:
        run: What became of the groups.
    """
    folds = Folds.of(run.series)
    sections = [_overview(run), _learners(run), accuracy_section(folds), *_groups(run), *_largest(run), *_troubles(run)]
    sections += [findings_section(run.findings, _names(run)), _time(run), *_files(run), settings_section(dict(run.settings))]
    return render(
        Page(
            run.title, _subtitle(run), _tiles(run, folds), sections, "Made by many_models. This page holds all it shows and loads nothing."
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


def _statuses(run: RunData) -> Counter[str]:
    return Counter(run.outcomes["status"].to_pylist())


def _tiles(run: RunData, folds: Folds) -> list[Tile]:
    statuses, groups = _statuses(run), run.outcomes.num_rows
    lost = groups - statuses["done"] - statuses["fallback"]
    scores = floats(run.outcomes, "score")
    wape = folds.wape(np.zeros(len(folds.code), np.int64), 1)[0] if len(folds.code) else np.nan
    return [
        Tile("Groups", count(groups), f"{count(keys(run.series.forecast, run.series.columns.series).num_rows)} series"),
        Tile("Done", count(statuses["done"]), percent(statuses["done"] / max(groups, 1), 1), "good"),
        Tile(
            "Fallback",
            count(statuses["fallback"]),
            percent(statuses["fallback"] / max(groups, 1), 1),
            "warn" if statuses["fallback"] else "",
        ),
        Tile("Failed", count(lost), _stand_ins(run) if lost else "none", "bad" if lost else ""),
        Tile(f"Median {run.metric}", score(float(np.nanmedian(scores)) if np.isfinite(scores).any() else None), "of the groups"),
        Tile("WAPE", percent(float(wape), 1), "share of the volume"),
        _took(run),
    ]


def _stand_ins(run: RunData) -> str:
    """How many of the groups without a model have a fallback forecast."""
    failed = without_model(run.outcomes)
    return f"{count(len(with_forecast(failed)))} with a fallback forecast"


def _took(run: RunData) -> Tile:
    """Time of the run, or of the work in it where that is all that is known."""
    groups = max(run.outcomes.num_rows, 1)
    if np.isfinite(run.seconds):
        return Tile("Time", duration(run.seconds), f"{duration(run.seconds / groups)} per group")
    work = float(np.nansum(floats(run.outcomes, "seconds")))
    return Tile("Work", duration(work), f"{duration(work / groups)} per group")


def _overview(run: RunData) -> Section:
    statuses = _statuses(run)
    learners = Counter(text(name) or "none" for name in run.outcomes["learner"].to_pylist())
    most = dict(learners.most_common(8))
    if left := learners.total() - sum(most.values()):
        most["all others"] = left
    cards = [
        Card(
            "Groups by status", bars("Groups by status", dict(statuses.most_common()), {s: f"bar {KINDS.get(s, 'bad')}" for s in statuses})
        ),
        Card("Chosen learner", bars("Groups by chosen learner", {k: float(v) for k, v in most.items()})),
        Card(
            "Scores",
            histogram(f"Groups by {run.metric}", floats(run.outcomes, "score")),
            f"number of groups by {run.metric}, median dashed",
        ),
    ]
    return Section("overview", "Overview", "", [Charts(cards)])


def _learners(run: RunData) -> Section:
    """The learners over all groups, the one chosen most often first."""
    board = run.leaderboard
    names = [text(name) for name in board["learner"].to_pylist()]
    wins = Counter(text(name) for name in run.outcomes["learner"].to_pylist())
    distinct = list(dict.fromkeys([*names, *(name for name in wins if name)]))
    code = np.array([distinct.index(name) for name in names], np.int64)
    many = len(distinct)
    tried, scores, ranks = np.bincount(code, minlength=many), _means(board, "score", code, many), _means(board, "rank", code, many)
    fit = np.bincount(code, np.nan_to_num(floats(board, "fit_seconds")), many)
    order = sorted(range(many), key=lambda i: (-wins[distinct[i]], scores[i] if np.isfinite(scores[i]) else np.inf))
    rows = [
        [
            distinct[i],
            count(wins[distinct[i]]),
            percent(wins[distinct[i]] / max(run.outcomes.num_rows, 1), 1),
            score(scores[i]),
            score(ranks[i]),
        ]
        + ([count(tried[i])] if tried.max(initial=0) > 1 else [])
        + [duration(fit[i] or np.nan)]
        for i in order
    ]
    head = [
        "Learner",
        "Chosen by",
        "Share",
        f"Mean {run.metric}",
        "Mean rank",
        *(["Groups tried"] if tried.max(initial=0) > 1 else []),
        "Fit time",
    ]
    return Section("learners", "Learners", "", [Grid("Learners over all groups", head, rows, frozenset(range(1, len(head))))])


def _means(board: pa.Table, name: str, code: Ints, many: int) -> Array:
    values = floats(board, name)
    good = np.isfinite(values)
    total, counts = np.bincount(code[good], values[good], many), np.bincount(code[good], minlength=many)
    return np.asarray(np.divide(total, counts, out=np.full(many, np.nan), where=counts > 0))


def _groups(run: RunData) -> list[Section]:
    """The groups with the worst and with the best scores, and some between, drawn; those without scores are among the failures."""
    words = {
        "worst": ("Worst groups", "Worst score first: the groups to look at."),
        "best": ("Best groups", "Best score first."),
        "between": ("Groups between", "Evenly spaced over all other groups, from better to worse."),
    }
    return [Section(name, *words[name], [_drawn(run, rows)]) for name, rows in run.ranked().items() if rows]


def _drawn(run: RunData, rows: list[int]) -> Charts:
    names = run.series.columns.group
    notes = [f"{run.metric} {score(row['score'])} · {text(row['learner'])}" for row in run.outcomes.take(rows).to_pylist()]
    return panels(run.series, run.outcomes.select(list(names)).take(rows), names, notes)


def _largest(run: RunData) -> list[Section]:
    """Where groups hold several series, the series with the largest forecasts: their intervals can be drawn."""
    if not run.largest.num_rows:
        return []
    drawn = panels(run.series, run.largest, run.series.columns.series, [""] * run.largest.num_rows)
    return [Section("largest", "Largest series", "The series with the largest forecasts over all groups, with their intervals.", [drawn])]


def _troubles(run: RunData) -> list[Section]:
    """Groups that are not done, by reason, then one by one."""
    bad = run.outcomes.filter(pc.not_equal(run.outcomes["status"], "done"))
    if not bad.num_rows:
        return [Section("failures", "Failures and fallbacks", "Every group got a model of its own.")]
    kinds = Counter((text(row["status"]), text(row["error_type"])) for row in bad.select(["status", "error_type"]).to_pylist())
    names = labels(bad, run.series.columns.group)
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for name, row in zip(names, bad.to_pylist(), strict=True):
        first.setdefault((text(row["status"]), text(row["error_type"])), (name, text(row["error"])))
    summary = [[status, kind, count(number), *first[status, kind]] for (status, kind), number in kinds.most_common()]
    single = [
        [name, text(row["status"]), _instead(row), count(row["attempts"] or 0) if "attempts" in row else "", text(row["error"])]
        for name, row in zip(names[:LISTED], bad.slice(0, LISTED).to_pylist(), strict=True)
    ]
    caption = (
        f"The first {LISTED} of {count(bad.num_rows)} groups" if bad.num_rows > LISTED else f"All {count(bad.num_rows)} groups, one by one"
    )
    grids = [
        Grid("By reason", ("Status", "Kind", "Groups", "For example", "Reason"), summary, frozenset({2})),
        Grid(caption, ("Group", "Status", "Forecast", "Attempts", "Reason"), single, frozenset({3}), folded=True),
    ]
    none = bad.num_rows - len(with_forecast(bad))
    lead = f"{count(bad.num_rows)} of {count(run.outcomes.num_rows)} groups. "
    lead += "They are forecast by a simpler learner" + (f", but for {count(none)} that have no forecast." if none else ".")
    return [Section("failures", "Failures and fallbacks", lead, grids)]


def _instead(row: dict[str, object]) -> str:
    """Who forecasts a group that is not done."""
    if row["status"] == "fallback":
        return "baseline for some series"
    return f"{text(row['learner'])} instead" if row["forecast"] else "none"


def _time(run: RunData) -> Section:
    """Where the time went."""
    seconds = floats(run.outcomes, "seconds")
    board = run.leaderboard
    spent: dict[str, float] = {}
    for name, fit, predict in zip(
        board["learner"].to_pylist(), floats(board, "fit_seconds"), floats(board, "predict_seconds"), strict=True
    ):
        spent[text(name)] = spent.get(text(name), 0.0) + float(np.nan_to_num(fit) + np.nan_to_num(predict))
    most = sorted(((name, took) for name, took in spent.items() if took > 0), key=lambda item: -item[1])[:8]
    slowest = np.argsort(-np.nan_to_num(seconds), kind="stable")[:10]
    rows = [
        [name, duration(float(seconds[i])), count(float(np.nan_to_num(floats(run.outcomes, "rows")[i])))]
        for name, i in zip(labels(run.outcomes.take(slowest), run.series.columns.group), slowest, strict=True)
    ]
    cards = [
        Card(
            "Time by learner",
            bars("Seconds by learner", dict(most), unit=" s"),
            "fit and predict, all windows",
        ),
        Card("Time by group", histogram("Groups by seconds", seconds), "number of groups by seconds"),
    ]
    lead = f"{duration(float(np.nansum(seconds)))} of work in all groups together."
    return Section(
        "time", "Time", lead, [Charts(cards), Grid("Slowest groups", ("Group", "Time", "Rows"), rows, frozenset({1, 2}), folded=True)]
    )


def _files(run: RunData) -> list[Section]:
    if not run.files:
        return []
    grid = Grid("Full tables", ("Table", "Path"), [[name, path] for name, path in run.files.items()])
    return [Section("files", "Files", "This page shows samples; these files hold everything.", [grid])]
