"""From the table of the series to the table of the nodes: one group per level."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.guardrails import Findings, fill
from forecaster.guardrails.grid import before_first
from forecaster.guardrails.stamped import step_text
from forecaster.hierarchy.plan import LEVEL
from forecaster.hierarchy.tree import Tree
from forecaster.table import Floats, Future, Ints, Singles, Table


def aligned(table: Table, horizon: int) -> tuple[Table, Findings]:
    """The series with one common end, so that their steps ahead can be added up.

    A series that ends long before most others (as `stale` has it) is worth zero from then on; one that is late is missing there.

    Args:
        table: The series.
        horizon: Steps to forecast: what is long for series without a season.
    """
    end, found = table.end.max(), Findings()
    there = table.sizes > 0
    late, usual = max(horizon, table.season_length), np.sort(table.end)[len(table) // 2]
    closed = there & (table.end <= usual - late)
    for rule, which, what in (
        ("closed", closed, "most others and counts as zero from then on; drop it, or give its values where it goes on"),
        ("late", there & ~closed & (table.end < end), "the last one; its last value stands for them in sums"),
    ):
        few = np.flatnonzero(which)
        found.add(
            rule=rule, action="repaired", series={name: values[few] for name, values in table.ids.items()}, index=few,
            count=end - table.end[few], first=step_text(table.frequency, table.end[few] + 1),
            message=f"the series ends {{count}} {{step|steps}} before {what}",
        )  # fmt: skip
    return _ending(table, end, closed), found


def _ending(table: Table, end: int, closed: NDArray[np.bool_]) -> Table:
    """The table with every series up to the step `end`: zero after one that is closed, else missing."""
    empty = table.sizes == 0
    start = np.where(empty, end, table.start)
    added = np.where(empty, 1, end - table.end)
    at = np.repeat(table.indptr[1:], added)

    def longer(column: NDArray[Any], blank: Any) -> NDArray[Any]:
        return np.insert(column, at, blank)

    blank = np.repeat(np.where(closed, 0.0, np.nan), added)
    return replace(
        table,
        target=longer(table.target, blank),
        indptr=table.indptr + np.concatenate([[0], np.cumsum(added)]),
        start=start,
        known={name: longer(column, np.nan) for name, column in table.known.items()},
        past={name: longer(column, np.nan) for name, column in table.past.items()},
    )


def nodes_of(table: Table, tree: Tree, levels: Sequence[int], sums: Collection[str] = ()) -> Table:
    """The nodes of some levels as a table with one group per level.

    The target is the sum over the series of a node: nothing before a series begins, its last known value where one is missing, and
    missing where no series has a value. Numeric covariates are means over the series that have one, or sums; categories stay where all
    series of a node agree.

    Args:
        table: The series, all with the same end.
        tree: Their nodes.
        levels: The levels wanted, ascending.
        sums: Covariates that are added up.
    """
    parts = [_level(table, tree, level, sums) for level in levels]
    sizes = np.concatenate([part.sizes for part in parts])
    chosen = tree.nodes(levels)
    made = replace(
        table,
        target=np.concatenate([part.target for part in parts]),
        indptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        start=np.concatenate([part.start for part in parts]),
        ids={name: values[chosen] for name, values in tree.ids.items()},
        group_ptr=np.concatenate([[0], np.cumsum(np.diff(tree.ptr)[list(levels)])]).astype(np.int64),
        groups={LEVEL: np.array(tree.levels, object)[list(levels)]},
        known={name: np.concatenate([part.known[name] for part in parts]) for name in table.known},
        past={name: np.concatenate([part.past[name] for part in parts]) for name in table.past},
        static={name: np.concatenate([part.static[name] for part in parts]) for name in table.static},
        met={},
    )
    return made.with_met()


def future_of(future: Future, table: Table, tree: Tree, levels: Sequence[int], sums: Collection[str] = ()) -> Future:
    """The future of the series as that of the nodes of some levels."""
    known = {}
    for name, block in future.known.items():
        how = _how(table, name, sums)
        parts = []
        for level in levels:
            nodes = int(tree.ptr[level + 1] - tree.ptr[level])
            at = (tree.node[level] - tree.ptr[level])[:, None] * future.steps + np.arange(future.steps)
            parts.append(_pooled(block.ravel(), at.ravel(), nodes * future.steps, how).reshape(nodes, future.steps))
        known[name] = np.concatenate(parts)
    return Future(known, future.steps)


def _level(table: Table, tree: Tree, level: int, sums: Collection[str]) -> Table:
    """The table of one level."""
    if level == len(tree.levels) - 1:
        return table
    node = tree.node[level] - tree.ptr[level]
    nodes = int(tree.ptr[level + 1] - tree.ptr[level])
    start = np.full(nodes, table.end.max())
    np.minimum.at(start, node, table.start)
    indptr = np.concatenate([[0], np.cumsum(table.end.max() + 1 - start)]).astype(np.int64)
    at = np.repeat((indptr[:-1] - start)[node], table.sizes) + table.steps
    rows = int(indptr[-1])

    def pooled(columns: Any) -> dict[str, Singles]:
        return {name: _pooled(column, at, rows, _how(table, name, sums)) for name, column in columns.items()}

    return replace(
        table,
        target=_added(table, at, rows),
        indptr=indptr,
        start=start,
        known=pooled(table.known),
        past=pooled(table.past),
        static={name: _pooled(column, node, nodes, _how(table, name, sums)) for name, column in table.static.items()},
    )


def _added(table: Table, at: Ints, rows: int) -> Floats:
    """Sums of the target, missing where no series has a value."""
    known = np.bincount(at, np.isfinite(table.target), rows)
    values = np.where(before_first(table.target, table.indptr), 0.0, fill(table.target, table.indptr))
    return np.where(known > 0, np.bincount(at, values, rows), np.nan)


def _how(table: Table, name: str, sums: Collection[str]) -> str:
    return "agree" if name in table.categories else "sum" if name in sums else "mean"


def _pooled(values: Singles, at: NDArray[np.int64], size: int, how: str) -> Singles:
    """Values that fall on the same place as one: their sum, their mean, or what they agree on; NaN for none."""
    if how == "agree":
        return _agreed(values, at, size)
    there = np.isfinite(values)
    count, total = np.bincount(at, there, size), np.bincount(at, np.where(there, values, 0.0), size)
    by = np.ones(size) if how == "sum" else count
    made = np.divide(total, by, out=np.full(size, np.nan), where=count > 0)
    return np.asarray(made, np.float32)


def _agreed(values: Singles, at: NDArray[np.int64], size: int) -> Singles:
    """The one value that falls on a place; NaN for none or several."""
    there = np.isfinite(values)
    low, high = np.full(size, np.inf, np.float32), np.full(size, -np.inf, np.float32)
    np.minimum.at(low, at[there], values[there])
    np.maximum.at(high, at[there], values[there])
    return np.where(low == high, low, np.float32(np.nan))
