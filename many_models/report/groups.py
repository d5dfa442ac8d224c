"""What the pages of all kinds of runs tell about groups: how many came to which end, what was chosen, what went wrong, what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from forecaster.report.axes import Array
from forecaster.report.charts import bars, histogram
from forecaster.report.data import Ints, floats, labels
from forecaster.report.layout import Card, Charts, Grid, Section, Tile
from forecaster.report.sections import extremes
from forecaster.report.words import count, duration, percent, score, text
from many_models.changes import KINDS as KINDS_OF_CHANGE
from many_models.outcomes import tally, with_forecast, without_model

LISTED = 100
"""Most rows of a table of groups."""
DRAWN = 6
"""Groups drawn on each side, best and worst."""
_COLOURS = {"done": "good", "fallback": "warn"}


class Told(Protocol):
    """What is asked of the data of a page: see `RunData`."""

    @property
    def by(self) -> Sequence[str]: ...
    @property
    def outcomes(self) -> pa.Table: ...
    @property
    def leaderboard(self) -> pa.Table: ...
    @property
    def metric(self) -> str: ...
    @property
    def greater_is_better(self) -> bool: ...
    @property
    def seconds(self) -> float: ...
    @property
    def files(self) -> Mapping[str, str]: ...
    @property
    def partly(self) -> str: ...
    @property
    def worked(self) -> tuple[int, int]: ...
    @property
    def changes(self) -> pa.Table | None: ...


def ranked(outcomes: pa.Table, greater_is_better: bool) -> dict[str, list[int]]:
    """Rows of the groups with the worst and with the best scores, and of some between."""
    scores = floats(outcomes, "score")
    best, worst = extremes(scores, DRAWN, greater_is_better=greater_is_better)
    first, last = extremes(scores, len(scores), greater_is_better=greater_is_better)
    rest = [*first, *last[::-1]][DRAWN:-DRAWN]
    between = [rest[round((i + 0.5) * len(rest) / DRAWN)] for i in range(DRAWN)] if len(rest) > 2 * DRAWN else []
    return {"worst": worst, "best": best, "between": between}


SHOWN = {
    "worst": ("Worst groups", "Worst score first: the groups to look at."),
    "best": ("Best groups", "Best score first."),
    "between": ("Groups between", "Evenly spaced over all other groups, from better to worse."),
}
"""Titles of the sections of the groups that `ranked` names, and what is said of them."""


def tiles(run: Told, note: str, more: Sequence[Tile] = ()) -> list[Tile]:
    """The summary: `note` stands below the number of groups, and `more` tiles before the time."""
    ends, groups = statuses(run), run.outcomes.num_rows
    lost = groups - ends["done"] - ends["fallback"]
    shares = {end: percent(ends[end] / max(groups, 1), 1) for end in _COLOURS}
    return [
        Tile("Groups", count(groups), note),
        Tile("Done", count(ends["done"]), shares["done"], "good"),
        Tile("Fallback", count(ends["fallback"]), shares["fallback"], "warn" if ends["fallback"] else ""),
        Tile("Failed", count(lost), _stand_ins(run) if lost else "none", "bad" if lost else ""),
        Tile(f"Median {run.metric}", score(median(floats(run.outcomes, "score"))), "of the groups"),
        *more,
        _took(run),
    ]


def median(values: Array) -> float | None:
    """The median of the finite ones; None where there is none."""
    good = values[np.isfinite(values)]
    return float(np.median(good)) if len(good) else None


def colour(status: str) -> str:
    """How a status is coloured: "good", "warn" or "bad"."""
    return _COLOURS.get(status, "bad")


def status_card(ends: Counter[str]) -> Card:
    """How many groups came to which end."""
    return Card("Groups by status", bars("Groups by status", dict(ends.most_common()), {end: f"bar {colour(end)}" for end in ends}))


def score_card(outcomes: pa.Table, metric: str) -> Card:
    """How many groups have which score."""
    chart = histogram(f"Groups by {metric}", floats(outcomes, "score"))
    return Card("Scores", chart, f"number of groups by {metric}, median dashed")


def statuses(run: Told) -> Counter[str]:
    return tally(run.outcomes, "status")


def _stand_ins(run: Told) -> str:
    """How many of the groups without a model have a fallback."""
    failed = without_model(run.outcomes)
    return f"{count(len(with_forecast(failed)))} with a fallback"


def _took(run: Told) -> Tile:
    """Time of the last training, or the work in all groups where that is all that is known."""
    if np.isfinite(run.seconds):
        worked, workers = run.worked
        note = f"{count(worked)} groups on {workers} worker{'s' if workers > 1 else ''}" if workers else ""
        return Tile("Last training", duration(run.seconds), note)
    work = float(np.nansum(floats(run.outcomes, "seconds")))
    return Tile("Work", duration(work), f"{duration(work / max(run.outcomes.num_rows, 1))} per group")


def overview(run: Told) -> Section:
    chosen = tally(run.outcomes, "learner")
    most = {text(name) or "none": n for name, n in chosen.most_common(8)}
    if left := chosen.total() - sum(most.values()):
        most["all others"] = left
    learners = Card("Chosen learner", bars("Groups by chosen learner", {name: float(n) for name, n in most.items()}))
    return Section("overview", "Overview", "", [Charts([status_card(statuses(run)), learners, score_card(run.outcomes, run.metric)])])


def changed(run: Told) -> list[Section]:
    """What the last training did to the groups, and why."""
    if run.changes is None:
        return []
    kinds = tally(run.changes, "change")
    if set(kinds) == {"new"}:
        return [Section("changes", "Since the last training", "This was the first training of the run: all groups are new.")]
    why = tally(run.changes, "change", "reason")
    css = {"retired": "bar warn", "new": "bar good"}
    chart = bars("Groups by what became of them", {kind: float(kinds[kind]) for kind in KINDS_OF_CHANGE if kinds[kind]}, css)
    rows = [[change, reason, count(n)] for (change, reason), n in why.most_common()]
    moved = run.changes.filter(pc.not_equal(run.changes["change"], "kept"))
    single = [
        [name, row["change"], f"{count(row['rows_before'] or 0)} → {count(row['rows'] or 0)}", row["reason"]]
        for name, row in zip(labels(moved.slice(0, LISTED), run.by), moved.slice(0, LISTED).to_pylist(), strict=True)
    ]
    caption = f"The first {LISTED} of {count(moved.num_rows)} groups" if moved.num_rows > LISTED else "Group by group"
    grids = [Grid("What was done, and why", ("Change", "Why", "Groups"), rows, frozenset({2}))]
    if single:
        grids.append(Grid(caption, ("Group", "Change", "Rows", "Why"), single, frozenset({2}), folded=True))
    lead = f"{count(kinds['kept'])} of {count(run.changes.num_rows)} groups are as they were."
    return [Section("changes", "Since the last training", lead, [Charts([Card("What became of the groups", chart)]), *grids])]


def learners(run: Told) -> Section:
    """The learners over all groups, the one chosen most often first."""
    board = run.leaderboard
    names = [text(name) for name in board["learner"].to_pylist()]
    wins = tally(run.outcomes, "learner")
    distinct = list(dict.fromkeys([*names, *(name for name in wins if name)]))
    code = np.array([distinct.index(name) for name in names], np.int64)
    many = len(distinct)
    tried, scores, ranks = np.bincount(code, minlength=many), _means(board, "score", code, many), _means(board, "rank", code, many)
    fit, sign = np.bincount(code, np.nan_to_num(floats(board, "fit_seconds")), many), -1.0 if run.greater_is_better else 1.0
    order = sorted(range(many), key=lambda i: (-wins[distinct[i]], sign * scores[i] if np.isfinite(scores[i]) else np.inf))
    columns: list[tuple[str, list[str]]] = [
        ("Learner", distinct),
        ("Chosen by", [count(wins[name]) for name in distinct]),
        ("Share", [percent(wins[name] / max(run.outcomes.num_rows, 1), 1) for name in distinct]),
        (f"Mean {run.metric}", [*map(score, scores)]),
        ("Mean rank", [*map(score, ranks)]),
        *([("Groups tried", [*map(count, tried)])] if tried.max(initial=0) > 1 else []),
        ("Fit time", [duration(took or np.nan) for took in fit]),
    ]
    rows = [[told[i] for _, told in columns] for i in order]
    grid = Grid("Learners over all groups", [name for name, _ in columns], rows, frozenset(range(1, len(columns))))
    return Section("learners", "Learners", "", [grid])


def _means(board: pa.Table, name: str, code: Ints, many: int) -> Array:
    values = floats(board, name)
    good = np.isfinite(values)
    total, counts = np.bincount(code[good], values[good], many), np.bincount(code[good], minlength=many)
    return np.asarray(np.divide(total, counts, out=np.full(many, np.nan), where=counts > 0))


def troubles(run: Told) -> list[Section]:
    """Groups that are not done, by reason, then one by one."""
    bad = run.outcomes.filter(pc.not_equal(run.outcomes["status"], "done"))
    if not bad.num_rows:
        return [Section("failures", "Failures and fallbacks", "Every group got a model of its own.")]
    listed = bad.slice(0, LISTED)
    single = [
        [name, text(row["status"]), _instead(row, run.partly), count(row["attempts"] or 0) if "attempts" in row else "", text(row["error"])]
        for name, row in zip(labels(listed, run.by), listed.to_pylist(), strict=True)
    ]
    told = f"All {count(bad.num_rows)} groups, one by one" if bad.num_rows > 1 else "The group"
    caption = f"The first {LISTED} of {count(bad.num_rows)} groups" if bad.num_rows > LISTED else told
    grids = [
        Grid("By reason", ("Status", "Kind", "Groups", "For example", "Reason"), _reasons(bad, run.by), frozenset({2})),
        Grid(caption, ("Group", "Status", "Instead", "Attempts", "Reason"), single, frozenset({3}), folded=True),
    ]
    none = bad.num_rows - len(with_forecast(bad))
    lead = f"{count(bad.num_rows)} of {count(run.outcomes.num_rows)} groups. "
    most = "A simpler learner stands in for them" + (f", but for {count(none)} that have nothing." if none else ".")
    lead += most if none < bad.num_rows else "Nothing stands in for them."
    return [Section("failures", "Failures and fallbacks", lead, grids)]


def _reasons(bad: pa.Table, by: Sequence[str]) -> list[list[str]]:
    """Kinds of trouble, the commonest first, with the first group of each."""
    kinds = ["status", "error_type"]
    placed = bad.select(kinds).append_column("row", pa.array(np.arange(bad.num_rows)))
    found = placed.group_by(kinds, use_threads=False).aggregate([("row", "count"), ("row", "min")])
    found = found.sort_by([("row_count", "descending"), ("row_min", "ascending")])
    first = bad.take(found["row_min"])
    told = zip(found.to_pylist(), labels(first, by), first["error"].to_pylist(), strict=True)
    return [[text(row["status"]), text(row["error_type"]), count(row["row_count"]), name, text(error)] for row, name, error in told]


def _instead(row: dict[str, object], partly: str) -> str:
    """What stands in for the model of a group that is not done."""
    if row["status"] == "fallback":
        return partly
    return text(row["learner"]) if row["forecast"] else "nothing"


def time_spent(run: Told) -> Section:
    """Where the time went."""
    seconds = floats(run.outcomes, "seconds")
    slowest = np.argsort(-np.nan_to_num(seconds), kind="stable")[:10]
    rows = [
        [name, duration(float(seconds[i])), count(float(np.nan_to_num(floats(run.outcomes, "rows")[i])))]
        for name, i in zip(labels(run.outcomes.take(slowest), run.by), slowest, strict=True)
    ]
    cards = [
        Card("Time by learner", bars("Seconds by learner", _by_learner(run.leaderboard), unit=" s"), "fit and predict, the whole backtest"),
        Card("Time by group", histogram("Groups by seconds", seconds), "number of groups by seconds"),
    ]
    work = float(np.nansum(seconds))
    each = work / max(run.outcomes.num_rows, 1)
    hours = f"{work / 3600:,.2f}" if work >= 36 else "less than 0.01"
    lead = f"{duration(work)} of work in all groups together, {duration(each)} per group: {hours} core hours, to be multiplied by what one "
    lead += f"costs. A million groups of this kind take {count(round(each * 1e6 / 3600))}."
    grid = Grid("Slowest groups", ("Group", "Time", "Rows"), rows, frozenset({1, 2}), folded=True)
    return Section("time", "Time and cost", lead, [Charts(cards), grid])


def _by_learner(board: pa.Table) -> dict[str, float]:
    """Seconds of the learners that took the most."""
    took = np.nan_to_num(floats(board, "fit_seconds")) + np.nan_to_num(floats(board, "predict_seconds"))
    spent: dict[str, float] = {}
    for name, seconds in zip(board["learner"].to_pylist(), took.tolist(), strict=True):
        spent[text(name)] = spent.get(text(name), 0.0) + seconds
    return dict(sorted(((name, seconds) for name, seconds in spent.items() if seconds > 0), key=lambda item: -item[1])[:8])


def files(run: Told) -> list[Section]:
    if not run.files:
        return []
    links = [[name, Markup('<a href="{}">{}</a>').format(quote(path), path)] for name, path in run.files.items()]
    grid = Grid("Full tables", ("Table", "Parquet file beside this page"), links)
    return [Section("files", "Files", "This page shows samples; these files hold everything.", [grid])]
