"""What the pages say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup, escape

from forecaster import frames
from forecaster.errors import ForecasterError
from forecaster.report.data import floats
from forecaster.report.layout import Card, Grid, Page, Tile
from forecaster.report.words import count, duration, percent, score, text
from many_models import keys
from many_models.progress import duration as left
from many_models.registry import CHAMPION, Registry
from many_models.report.groups import median, score_card, status_card
from many_models.run import Run
from many_models.serve.shelf import Models
from many_models.serve.studio.browse import SORTS, Listing, Look, browse, named, statuses
from many_models.serve.studio.group import Group
from many_models.serve.studio.versions import Shelves
from many_models.status import Status, status_of

SHOWN = 100
"""Most groups in a table of differences."""


@dataclass(frozen=True)
class RunPage:
    """A run and the groups that somebody looks at."""

    name: str
    tiles: Sequence[Tile]
    charts: Sequence[Card]
    listing: Listing
    head: Sequence[tuple[str, str, str]]
    rows: Sequence[Sequence[Any]]
    statuses: Sequence[str]
    running: bool
    share: float
    leaderboard: Grid


def runs(models: Models) -> Grid:
    """All runs."""
    rows = []
    for name, offers in models.offers().items():
        for offer in offers:
            try:
                rows.append([link(place(name), name), *_of_run(Run.open(offer.path), models.status(offer), offer.version)])
            except ForecasterError as error:
                rows.append([name, "damaged", "", "", "", offer.version, text(error)])
    return Grid("Runs", ("Run", "State", "Groups", "Worked on", "Without a model", "Trained", "Job"), rows, frozenset({2, 3, 4}))


def _of_run(run: Run, told: Status, version: str) -> list[str]:
    job = f"{run.settings.target} by {', '.join(run.partition_by)}"
    return [_state(told), count(told.groups), count(told.done), count(told.failed), version, job]


def any_running(models: Models) -> bool:
    """Whether a page of all runs will be out of date soon."""
    return any(models.running(offer) for offers in models.offers().values() for offer in offers)


def run(models: Models, name: str, look: Look) -> RunPage:
    """A run: how far it is, how good, and its groups."""
    answers = models.open(models.of(name)[0])
    opened, outcomes = answers.run, named(answers.outcomes)
    told = status_of(opened.path, answers.outcomes)
    listing = browse(outcomes, look)
    metric = str(getattr(opened.settings, "metric", "score"))
    charts = [status_card(Counter(told.counts)), score_card(outcomes, metric)]
    by = list(opened.partition_by)
    rows = [_row(name, row, by) for row in listing.rows.to_pylist()]
    share = told.done / max(told.groups, 1)
    return RunPage(
        name, _tiles(told, outcomes, metric), charts if outcomes.num_rows else [], listing, _head(listing.look), rows,
        statuses(outcomes), told.running, share, _leaderboard(answers.leaderboard),
    )  # fmt: skip


def group(models: Models, shelves: Shelves | None, name: str, query: Mapping[str, str]) -> Page:
    """One group of a run, and where there is a registry, of the other versions."""
    offer = models.of(name)[0]
    answers = models.open(offer)
    key = answers.key(query)
    live = answers.groups
    at = int(keys.found(live.select(list(answers.by)), _as_groups(live, answers.by, key)).argmax())
    one = Group(answers, live.slice(at, 1), None if shelves is None else partial(shelves.of, name))
    return Page(
        " · ".join(key),
        f"A group of {name}: " + ", ".join(f"{by} {value}" for by, value in zip(answers.by, key, strict=True)),
        one.tiles(),
        one.sections(),
    )


def report(models: Models, name: str) -> str:
    """The report of a run."""
    return models.open(models.of(name)[0]).report


def versions(books: Registry) -> list[dict[str, Any]]:
    """Every version of every model, the newest first, with the words of the page."""
    rows = frames.read(books.models())[0].to_pylist()
    for row in rows:
        row["aliases"] = ", ".join(row["aliases"]) if isinstance(row["aliases"], list) else text(row["aliases"])
        row |= {name: count(row[name] or 0) for name in ("groups", "failed")}
        row |= {"score": score(row["score"]), "when": text(row["when"])[:19]}
    return sorted(rows, key=lambda row: (row["model"], -row["version"]))


def audit(books: Registry) -> Grid:
    """What was done in the registry, the newest first."""
    told = frames.read(books.audit())[0].to_pylist()[::-1][:SHOWN]
    names = ("when", "who", "event", "model", "version", "alias", "reason")
    rows = [[text(row["when"])[:19], *(text(row[name])[:80] for name in names[1:])] for row in told]
    return Grid("What was done", [name.capitalize() for name in names], rows)


def move(books: Registry, sent: Mapping[str, str], who: str) -> None:
    """Promote a version, or roll back, as a form says."""
    if sent.get("do") == "rollback":
        books.rollback(sent.get("model", ""), reason=f"in the studio ({who})")
    else:
        books.promote(sent.get("model", ""), sent.get("version"), sent.get("alias") or CHAMPION, reason=f"in the studio ({who})")


def jobs(told: Sequence[Mapping[str, Any]]) -> Grid:
    """The batch jobs."""
    rows = [[link(f"/jobs/{one['id']}", one["id"]), one["kind"], one["status"], one["who"], _took(one)] for one in told]
    return Grid("Jobs", ("Job", "Kind", "Status", "Asked by", "Time"), rows, frozenset({4}))


def place(name: str) -> str:
    """Where the page of a run is."""
    return f"/runs/{quote(name, safe='')}"


def link(to: str, words: object) -> Markup:
    """A link, escaped."""
    return Markup('<a href="{}">{}</a>').format(to, words)


def _row(name: str, row: Mapping[str, Any], by: Sequence[str]) -> list[Any]:
    to = f"{place(name)}/group?" + urlencode({column: row[column] for column in by})
    named = link(to, row["group"]) if row["forecast"] else escape(row["group"])
    return [
        named, row["status"], text(row["learner"]), score(row["score"]), count(row["rows"] or 0), duration(row["seconds"] or 0.0),
        str(row["attempts"]), text(row["error"]),
    ]  # fmt: skip


def _head(look: Look) -> list[tuple[str, str, str]]:
    """Title, link and direction of each column that can be sorted by."""
    made = []
    for sort in ("group", "status", "learner", "score", "rows", "seconds", "attempts"):
        mine = look.sort == sort
        turned = look.link(sort=sort, down=not look.down if mine else sort in SORTS[3:], page=1)
        made.append((sort.capitalize(), turned, ("descending" if look.down else "ascending") if mine else "none"))
    return made


def _tiles(told: Status, outcomes: pa.Table, metric: str) -> list[Tile]:
    tiles = [
        Tile("Groups", count(told.groups), _state(told)),
        Tile("Done", count(told.counts.get("done", 0)), percent(told.counts.get("done", 0) / max(told.groups, 1), 1), "good"),
        Tile("Fallback", count(told.counts.get("fallback", 0)), "", "warn" if told.counts.get("fallback") else ""),
        Tile("Without a model", count(told.failed), "", "bad" if told.failed else ""),
        Tile(f"Median {metric}", score(median(floats(outcomes, "score"))), "of the groups"),
    ]
    if told.running and told.rate is not None:
        tiles.append(Tile("Rate", f"{told.rate:,.1f}/s", f"{left(told.eta)} left" if told.eta is not None else ""))
    return tiles


def _leaderboard(board: pa.Table) -> Grid:
    took = [duration((row["fit_seconds"] or 0.0) + (row["predict_seconds"] or 0.0)) for row in board.to_pylist()]
    rows = [
        [text(row["learner"]), score(row["score"]), count(row.get("groups") or 0), time, text(row.get("status"))]
        for row, time in zip(board.to_pylist(), took, strict=True)
    ]
    head = ("Learner", "Mean score", "Chosen by", "Time", "Status")
    return Grid("Learners over all groups", head, rows, frozenset({1, 2, 3}), folded=True)


def _state(told: Status) -> str:
    return "running" if told.running else "complete" if told.done == told.groups else "stopped"


def _took(one: Mapping[str, Any]) -> str:
    return duration(one["ended"] - one["started"]) if "ended" in one and "started" in one else ""


def _as_groups(live: pa.Table, by: Sequence[str], key: Sequence[str]) -> pa.Table:
    """The key of a group as a table with the types of the run."""
    return pa.table({name: pc.cast(pa.array([value]), keys.plain(live[name]).type) for name, value in zip(by, key, strict=True)})
