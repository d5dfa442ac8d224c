"""Two runs side by side, group by group."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.report.charts import histogram
from forecaster.report.data import floats
from forecaster.report.layout import Card, Charts, Grid, Page, Section, Tile
from forecaster.report.words import count, percent, score, text
from many_models import keys
from many_models.report.groups import median
from many_models.serve.answers import Answers, texts
from many_models.serve.shelf import Models

SHOWN = 100
"""Most groups in the table of differences."""
Floats = NDArray[np.float64]


def compared(models: Models, a: str, b: str) -> Page:
    """The groups that two runs have in common, and by how much their scores differ."""
    one, other = (models.open(models.of(name)[0]) for name in (a, b))
    title = f"{a} and {b}"
    if one.by != other.by:
        told = (f"{name} has one model per {', '.join(run.by)}" for name, run in ((a, one), (b, other)))
        lead = f"{', '.join(told)}: there is nothing to compare."
        return Page(title, "", [], [Section("none", "Nothing to compare", lead)])
    before, after = _shared(one, other)
    metric = one.run.settings.metric
    change = (floats(after, "score") - floats(before, "score")) * (-1.0 if metrics.get(metric).greater_is_better else 1.0)
    tiles = _tiles(before, after, change, str(metric), f"{count(one.outcomes.num_rows)} and {count(other.outcomes.num_rows)}")
    if metric != other.run.settings.metric:
        tiles.append(Tile("Metrics differ", f"{metric} and {other.run.settings.metric}", "scores cannot be compared", "bad"))
    chart = histogram("Groups by change of the score", change[np.isfinite(change)])
    card = Card("Change of the score", chart, f"{b} minus {a}; below zero {b} is better")
    grid = _differences(before, after, change, one.by, (a, b))
    section = Section("differences", "Differences", "", [Charts([card]), grid])
    return Page(title, f"{metric} of the backtests, group by group", tiles, [section])


def _shared(one: Answers, other: Answers) -> tuple[pa.Table, pa.Table]:
    """The outcomes in both of the groups that both have, in one order."""
    by = list(one.by)
    at = keys.found(one.outcomes.select(by), other.outcomes.select(by))
    return one.outcomes.filter(pa.array(at >= 0)), other.outcomes.take(pa.array(at[at >= 0]))


def _tiles(before: pa.Table, after: pa.Table, change: Floats, metric: str, sizes: str) -> list[Tile]:
    """How many groups are better, and how many worse; `change` of the score is below zero where a group is better. (groups,)"""
    known = change[np.isfinite(change)]
    medians = " → ".join(score(median(floats(side, "score"))) for side in (before, after))

    def share(which: NDArray[np.bool_]) -> tuple[str, str]:
        return count(which.sum()), percent(float(which.mean()) if len(which) else np.nan)

    return [
        Tile("Groups in both", count(before.num_rows), sizes),
        Tile(f"Median {metric}", medians),
        Tile("Better", *share(known < 0), "good"),
        Tile("Worse", *share(known > 0), "warn"),
        Tile("Status changed", count(pc.sum(pc.not_equal(before["status"], after["status"])).as_py() or 0)),
    ]


def _differences(before: pa.Table, after: pa.Table, change: Floats, by: tuple[str, ...], names: tuple[str, str]) -> Grid:
    """The groups whose scores differ most. `change`: (groups,)"""
    differ = np.flatnonzero(np.isfinite(change) & (change != 0))
    most = differ[np.argsort(-np.abs(change[differ]), kind="stable")][:SHOWN]
    was, now = before.take(pa.array(most)), after.take(pa.array(most))
    told = zip(texts(was.select(list(by))), was.to_pylist(), now.to_pylist(), strict=True)
    rows = [
        [
            " · ".join(group), score(old["score"]), score(new["score"]), f"{new['score'] - old['score']:+.4g}", text(old["learner"]),
            text(new["learner"]),
        ]
        for group, old, new in told
    ]  # fmt: skip
    a, b = names
    head = ("Group", a, b, "Difference", f"Learner of {a}", f"Learner of {b}")
    return Grid(f"The {len(rows)} largest differences", head, rows, frozenset({1, 2, 3}))
