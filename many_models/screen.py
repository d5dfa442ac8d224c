"""Words and tables as text that fits a screen of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

WIDTH, READABLE = 80, 30
"""Characters of the screen, and those that a text needs to be read where it goes on below."""


def lines(table: pa.Table, columns: Sequence[str], most: int | None = None, wrapped: bool = False) -> list[str]:
    """Some columns of a table, a heading first; where they are too wide, the widest are cut.

    Args:
        table: The table.
        columns: The columns to show, in order.
        most: Most rows to show; how many more there are is a line of its own.
        wrapped: Whether the last column, which is text, goes on below instead of being cut.
    """
    shown = table.select(list(columns)).slice(0, most)
    cells = [[name, *map(_text, shown[name].to_pylist())] for name in columns]
    right = [pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in shown.schema.types]
    widths = _fitted([max(map(len, column)) for column in cells], WIDTH - 2 * len(columns), READABLE if wrapped else 0)
    told = []
    for *first, last in zip(*cells, strict=True):
        for i, part in enumerate(textwrap.wrap(last, widths[-1]) if wrapped else [last]):
            row = [*(first if i == 0 else [""] * len(first)), part]
            told.append("  " + "  ".join(map(_cell, row, widths, right)).rstrip())
    left = table.num_rows - shown.num_rows
    return told + ([f"  and {left:,} more"] if left else [])


def _fitted(widths: list[int], room: int, last: int) -> list[int]:
    """Widths of columns that together take no more than the room there is; the last one is left so many characters, or what it needs."""
    made = [*widths[:-1], min(widths[-1], last) or widths[-1]]
    while sum(made) > room and max(made) > 6:
        made[made.index(max(made))] -= 1
    made[-1] = min(widths[-1], made[-1] + max(0, room - sum(made)))
    return made


def _cell(text: str, width: int, right: bool) -> str:
    text = text if len(text) <= width else text[: width - 2] + ".."
    return text.rjust(width) if right else text.ljust(width)


def _text(value: Any) -> str:
    """A value on one line; what does not print is escaped."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "-"
    text = str(value)
    return text if text.isprintable() else repr(text)[1:-1]


def many(count: int, thing: str) -> str:
    """How many there are of a thing: 1 group, 1,200 groups."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
