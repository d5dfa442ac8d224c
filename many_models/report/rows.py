"""The page of a run of classifiers or regressors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from forecaster.report import rowcards
from forecaster.report.data import arrow, floats, labels
from forecaster.report.layout import Card, Charts, Grid, Page, Section, render
from forecaster.report.rowcards import Predictions
from forecaster.report.rows import metrics_grid
from forecaster.report.sections import findings_section, settings_section
from forecaster.report.words import count, duration, score, text
from forecaster.tabular import scores
from forecaster.tabular.problem import Task
from many_models import changes, keys
from many_models.report import groups
from many_models.report.data import work_of
from many_models.report.groups import LISTED, SHOWN

if TYPE_CHECKING:
    from many_models.run import Run


@dataclass(frozen=True, eq=False)
class RowsData:
    """Everything that the page of a run of classifiers or regressors shows.

    Args:
        title: Name of the run.
        task: "classify" or "regress".
        target: Name of the column that is predicted.
        by: The group columns.
        outcomes: One row per group: group columns, status, learner, score, seconds, attempts, rows, error_type, error, forecast.
        leaderboard: learner, score, rank, fit_seconds, predict_seconds.
        findings: Group columns, column, rule, count, first, action, message.
        backtest: Out of fold: group columns, row, actual, prediction, and "p_<class>" for classes.
        features: Of some groups: column, purpose, dropped, features, how.
        metric: Name of the score.
        greater_is_better: Direction of the score.
        seconds: Time that the last training took from its start to its end; NaN where not known.
        worked: Groups that it worked on, and workers.
        changes: What it did to every group since the one before, as `RunData` has it; None where not known.
        settings: The options of the job, as name -> text.
        files: Where the full tables lie: name -> path from the page.
    """

    title: str
    task: Task
    target: str
    by: Sequence[str]
    outcomes: pa.Table
    leaderboard: pa.Table
    findings: pa.Table
    backtest: pa.Table
    features: pa.Table
    metric: str
    greater_is_better: bool
    seconds: float = float("nan")
    worked: tuple[int, int] = (0, 0)
    changes: pa.Table | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    partly = "the commonest class, or the mean"

    @classmethod
    def of(cls, run: Run) -> RowsData:
        """Ask a run for everything; models are read only of groups that are drawn."""
        run = run.still()
        settings, outcomes, by = run.settings, run.told(), tuple(run.partition_by)
        shown = [row for rows in groups.ranked(outcomes, settings.greater_is_better).values() for row in rows]
        keyed = outcomes.select(list(by)).take(pa.array(shown, pa.int64()))
        return cls(
            f"Run {'/'.join(run.path.resolve().parts[-2:])}", settings.task, settings.target, by, outcomes, arrow(run.leaderboard()),
            arrow(run.findings()), run.table("backtest"), _features(run, keyed), settings.score.name, settings.greater_is_better,
            *work_of(run), changes.read(run.path), {name: str(value) for name, value in settings.as_dict().items()},
        )  # fmt: skip


def predictions(backtest: pa.Table, task: Task, by: Sequence[str]) -> Predictions:
    """What was said out of fold, of one group or of several with classes of their own."""
    if task == "regress":
        return Predictions((), floats(backtest, "actual"), floats(backtest, "prediction")[:, None])
    names = [name for name in backtest.column_names if name.startswith("p_") and name not in by]
    classes = tuple(name.removeprefix("p_") for name in names)
    code = {label: i for i, label in enumerate(classes)}
    actual = keys.plain(backtest["actual"]).combine_chunks().dictionary_encode()
    truth = np.array([code[str(value)] for value in actual.dictionary.to_pylist()], np.float64)[actual.indices.to_numpy()]
    # A class that a group has never seen has no probability there.
    said = np.column_stack([np.nan_to_num(floats(backtest, name)) for name in names]) if names else np.empty((len(truth), 0))
    return Predictions(classes, truth, said)


def _features(run: Run, keyed: pa.Table) -> pa.Table:
    """What became of the raw columns in some groups, one table after the other."""
    made = []
    for block in run.models(keyed) if keyed.num_rows else []:
        mine = keys.found(keyed, pa.table({name: pa.array(values) for name, values in block.keys.items()}).cast(keyed.schema))
        made += [block.models[place].featurized() for place in mine[mine >= 0].tolist() if block.models[place] is not None]
    return pa.concat_tables(made) if made else pa.table({})


def page(run: RowsData) -> str:
    """The report of a run as one self-contained HTML text, of the same size for a thousand groups as for a million."""
    sections = [
        groups.overview(run),
        *groups.changed(run),
        groups.learners(run),
        _charts(run),
        _scores(run),
        *_drawn(run),
        *groups.troubles(run),
        _columns(run),
    ]
    sections += [findings_section(run.findings, run.by), groups.time_spent(run), *groups.files(run), settings_section(dict(run.settings))]
    direction = "higher" if run.greater_is_better else "lower"
    subtitle = f"{run.target}: one model per {', '.join(run.by)}; scores are {run.metric}, {direction} is better."
    rows = count(float(np.nansum(floats(run.outcomes, "rows"))))
    footer = "Made by many_models. This page holds all it shows and loads nothing."
    return render(Page(run.title, subtitle, groups.tiles(run, f"{rows} rows"), sections, footer))


def _charts(run: RowsData) -> Section:
    if not run.backtest.num_rows:
        return Section("charts", "Charts", "No row was tested.")
    told = predictions(run.backtest, run.task, run.by)
    lead = f"Of {count(len(told.truth))} predictions of rows that the models had not seen, of all groups together."
    every = scores.every(run.task, told.truth, told.said)
    return Section("charts", "Charts", lead, [rowcards.charts(told), metrics_grid(every, folded=True)])


def _scores(run: RowsData) -> Section:
    """The groups with their scores, the worst first."""
    values = floats(run.outcomes, "score")
    order = np.argsort(values if run.greater_is_better else -values, kind="stable")
    order = order[np.isfinite(values[order])][:LISTED]
    some = run.outcomes.take(pa.array(order))
    rows = [
        [name, score(row["score"]), text(row["learner"]), count(row["rows"] or 0), duration(row["seconds"] or 0.0)]
        for name, row in zip(labels(some, run.by), some.to_pylist(), strict=True)
    ]
    scored = int(np.isfinite(values).sum())
    told = f"The {count(len(rows))} worst of {count(scored)} groups" if len(rows) < scored else "Groups by score, the worst first"
    return Section(
        "scores", "Scores of groups", "", [Grid(told, ("Group", run.metric, "Learner", "Rows", "Time"), rows, frozenset({1, 3, 4}))]
    )


def _drawn(run: RowsData) -> list[Section]:
    """The groups with the worst and with the best scores, and some between, drawn."""
    if not run.backtest.num_rows:
        return []
    out = []
    for name, rows in groups.ranked(run.outcomes, run.greater_is_better).items():
        if rows:
            some = run.outcomes.take(pa.array(rows))
            place = keys.found(run.backtest.select(list(run.by)), some.select(list(run.by)))
            named = enumerate(zip(labels(some, run.by), some.to_pylist(), strict=True))
            cards = [_card(run, np.flatnonzero(place == i), label, row) for i, (label, row) in named]
            out.append(Section(name, *SHOWN[name], [Charts(cards)]))
    return out


def _card(run: RowsData, rows: np.ndarray[Any, Any], label: str, outcome: Mapping[str, Any]) -> Card:
    """A group as one chart: its confusion matrix, or its predictions against what is true."""
    note = f"{run.metric} {score(outcome['score'])} · {text(outcome['learner'])}"
    told = predictions(run.backtest.take(pa.array(rows)), run.task, run.by)
    if run.task == "regress":
        return rowcards.predicted(told, label, note)
    return rowcards.confusion(told, label, note)


def _columns(run: RowsData) -> Section:
    """What became of the raw columns in the groups that are drawn."""
    if not run.features.num_rows:
        return Section("features", "Features", "No group has features.")
    seen: dict[str, list[dict[str, Any]]] = {}
    for row in run.features.to_pylist():
        seen.setdefault(row["column"], []).append(row)
    rows = []
    for name, mine in seen.items():
        purposes = Counter(row["purpose"] for row in mine)
        told = ", ".join(f"{purpose} ({times})" if len(purposes) > 1 else purpose for purpose, times in purposes.most_common())
        sizes = [row["features"] for row in mine]
        few, most = min(sizes), max(sizes)
        rows.append([name, told, str(few) if few == most else f"{few} to {most}", text(mine[0]["how"])])
    lead = f"What became of each column in the {max(map(len, seen.values()))} groups that are drawn."
    return Section(
        "features", "Features", lead, [Grid("Columns", ("Column", "Purpose", "Features", "How, for example"), rows, frozenset({2}))]
    )
