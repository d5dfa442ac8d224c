"""The groups of a run as a list to search, to filter and to sort, a page at a time, however many there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc

from many_models import keys, outcomes

ROWS = 50
"""Groups on a page."""
SORTS = ("group", "status", "learner", "score", "seconds", "rows", "attempts")


@dataclass(frozen=True)
class Look:
    """What somebody wants to see of the groups.

    Args:
        search: Part of the name of a group, whatever its case.
        status: Only groups of this status; all where empty.
        sort: One of `SORTS`.
        down: The largest first.
        page: Which page, from 1.
    """

    search: str = ""
    status: str = ""
    sort: str = "group"
    down: bool = False
    page: int = 1

    def link(self, **changed: object) -> str:
        """The query of this look with some of it changed."""
        look = replace(self, **changed)  # type: ignore[arg-type]
        told = {"search": look.search, "status": look.status, "sort": look.sort, "down": int(look.down), "page": look.page}
        return "?" + urlencode({name: value for name, value in told.items() if value not in ("", 0) and (name, value) != ("page", 1)})


@dataclass(frozen=True, eq=False)
class Listing:
    """The groups that a look shows.

    Args:
        rows: Outcomes of the groups of this page, with "group", their name in words.
        found: How many groups there are in all pages.
        look: What was asked for, with a page that there is.
        pages: Number of pages.
    """

    rows: pa.Table
    found: int
    look: Look
    pages: int


def named(told: pa.Table) -> pa.Table:
    """Outcomes with "group", the name of each group in words."""
    by = told.column_names[: told.column_names.index("status")]
    texts = [keys.plain(told[name]).cast(pa.string()) for name in by]
    name = pc.binary_join_element_wise(*texts, pa.scalar(" · "), null_handling="replace", null_replacement="?")
    return told.append_column("group", name)


def browse(table: pa.Table, look: Look) -> Listing:
    """Search, filter, sort and cut a page.

    Args:
        table: What `named` gave.
        look: What is wanted.
    """
    if look.search:
        table = table.filter(pc.match_substring(table["group"], look.search, ignore_case=True))
    if look.status:
        table = table.filter(pc.equal(table["status"], look.status))
    sort = look.sort if look.sort in SORTS else "group"
    order = pc.sort_indices(table, [(sort, "descending" if look.down else "ascending"), ("group", "ascending")])
    pages = max(1, -(-table.num_rows // ROWS))
    page = min(max(look.page, 1), pages)
    return Listing(table.take(order.slice((page - 1) * ROWS, ROWS)), table.num_rows, replace(look, sort=sort, page=page), pages)


def statuses(table: pa.Table) -> list[str]:
    """The statuses that occur, the most frequent first."""
    counts = outcomes.counted(table)
    return sorted(counts, key=lambda status: -counts[status])
