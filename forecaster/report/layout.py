"""The parts of a page, and the page: one HTML text with everything in it, for reading offline, on a phone or on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Tile:
    """One number of the summary. `kind` colours its edge: "good", "warn", "bad" or nothing."""

    name: str
    value: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Card:
    """A chart with its title and a line below."""

    title: str
    chart: Markup
    note: str = ""


@dataclass(frozen=True)
class Charts:
    """Cards side by side. `legend` names the marks that are drawn: css class -> words."""

    cards: Sequence[Card]
    legend: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A table: `head` names the columns, `numeric` are the ones aligned to the right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    note: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own; one without blocks shows its lead only."""

    name: str
    title: str
    lead: str = ""
    blocks: Sequence[Charts | Grid] = ()


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    footer: str = ""


def render(page: Page) -> str:
    """The page as one self-contained HTML text; every name in it is escaped."""
    return templates().get_template("page.html").render(page=page)


@cache
def templates(*more: Path) -> Environment:
    """The templates of pages, and those of further folders."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # nobody who only trains waits for it

    loader = FileSystemLoader([Path(__file__).parent / "templates", *more])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals["kind"] = lambda block: type(block).__name__
    return made
