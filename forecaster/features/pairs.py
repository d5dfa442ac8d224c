"""Which rows a training matrix has: target row t seen from origin t - h, for every h or for a fair sample of them.

With horizon as a feature every row is repeated for each h (azure-semantics B.1), so a matrix grows with the horizon. Above a
budget the horizons of each row are sampled; no feature is ever switched off to save memory. The same target seen from ever more
origins teaches little, so that by default each is seen from a few.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Floats, Ints, Table

Counts = NDArray[np.unsignedinteger]
Budget = int | Literal["auto"] | None
"""Most pairs of a group; None for no limit, "auto" for `SEEN` horizons of each target, if that is not less than `FEWEST` pairs and no
more than `MOST`."""

SEEN = 4
FEWEST = 4_000
MOST = 1_000_000

_UNIT = 2.0**-24


def series_keys(table: Table) -> Ints:
    """A number for each series that depends on its ids alone: the same in every table, order and process. (series,)"""
    columns = [np.asarray(values).astype(str).tolist() for values in table.ids.values()]
    labels = map("\x1f".join, zip(*columns, strict=True))
    digests = b"".join(blake2b(label.encode(), digest_size=8).digest() for label in labels)
    return np.frombuffer(digests, "<i8").astype(np.int64)


def pairs(table: Table, choices: Counts, eligible: Ints, budget: Ints | None, seed: int) -> tuple[Ints, Ints]:
    """The pairs (target row, horizon) of a training matrix, ascending.

    Args:
        table: All series.
        choices: How many horizons each row could be seen at. (rows,)
        eligible: How many pairs that makes in each group. (groups,)
        budget: Most pairs of each group; None for no limit. (groups,)
        seed: Seed of the sample.

    Returns:
        Row of each pair, and h of each pair. (pairs,), (pairs,)
    """
    quota: Counts | Ints = choices
    shift = None
    if budget is not None and (eligible > budget).any():
        quota, shift = _sample(table, choices, eligible, budget, seed)
    row = np.repeat(np.arange(len(quota)), quota)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(quota, dtype=np.int64) - quota, quota)
    if shift is None:
        return row, nth + 1
    # One random shift per row and equal strides: the horizons of a row are distinct and each is equally likely.
    h = np.floor((nth + shift[row]) * (choices[row] / quota[row])).astype(np.int64) + 1
    return row, np.minimum(h, choices[row])


def targets_of(table: Table, choices: Counts) -> Ints:
    """How many target rows each group has. (groups,)"""
    return _of_groups(choices > 0, table)


def budgets(asked: Budget, targets: Ints) -> Ints | None:
    """Most pairs of each group; None for no limit. (groups,)"""
    if asked is None:
        return None
    return np.clip(SEEN * targets, FEWEST, MOST) if asked == "auto" else np.full(len(targets), asked, np.int64)


def choices_of(table: Table, horizon: int, looks_back: bool, *, every: bool = False) -> tuple[Counts, Ints]:
    """How many horizons each row could be seen at, and how many pairs that makes in each group.

    Args:
        table: All series.
        horizon: Largest h.
        looks_back: Whether features are read at an origin; without one every row appears once, with h = 1.
        every: Whether rows count that have no target or no origin.

    Returns:
        (rows,), (groups,)
    """
    choices = np.full(len(table.target), most := horizon if looks_back else 1, np.min_scalar_type(most))
    if not every:
        choices *= np.isfinite(table.target)
        for k in range(min(horizon if looks_back else 0, int(table.sizes.max(initial=0)))):
            young = table.indptr[:-1][table.sizes > k] + k
            choices[young] = np.minimum(choices[young], k)
    return choices, _of_groups(choices, table)


def _of_groups(counts: Counts | NDArray[np.bool_], table: Table) -> Ints:
    """Sum over the rows of each group. (rows,) -> (groups,)"""
    bounds = table.indptr[table.group_ptr]
    some = bounds[:-1] < bounds[1:]
    sums = np.zeros(table.n_groups, np.int64)
    sums[some] = np.add.reduceat(counts, bounds[:-1][some], dtype=np.int64) if some.any() else 0
    return sums


def _sample(table: Table, choices: Counts, eligible: Ints, budget: Ints, seed: int) -> tuple[Ints, Floats]:
    """How many horizons each row keeps, and a uniform number per row."""
    quota, shift = choices.astype(np.int64), np.zeros(len(choices))
    keys = series_keys(table)
    for g in np.flatnonzero(eligible > budget):
        first, last = table.group_ptr[g], table.group_ptr[g + 1]
        rows = slice(int(table.indptr[first]), int(table.indptr[last]))
        hashed = _mix(
            np.repeat(keys[first:last], table.sizes[first:last]).view(np.uint64) + _mix(table.steps[rows].view(np.uint64) + np.uint64(seed))
        )
        shift[rows] = (hashed >> np.uint64(40)) * _UNIT
        quota[rows] = _shares(choices[rows], float(budget[g]) / float(eligible[g]), hashed)
    return quota, shift


def _shares(choices: Counts, fraction: float, hashed: NDArray[np.uint64]) -> Ints:
    """`fraction` of each row's choices in whole numbers: what is left over goes to rows in random order, one in a stride."""
    wanted = choices * fraction
    whole = np.floor(wanted).astype(np.int64)
    order = np.argsort(hashed << np.uint64(24), kind="stable")
    filled = np.floor(np.cumsum((wanted - whole)[order]) + 1e-9).astype(np.int64)
    whole[order] += np.diff(filled, prepend=0)
    return np.asarray(whole, np.int64)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit given."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)
