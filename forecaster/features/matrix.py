"""The feature matrix: rows of several blocks, gathered side by side without a large temporary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster._native import windows as native
from forecaster.table import Floats, Ints, Singles

CHUNK = 1 << 14
"""Rows that are gathered at a time: what they take fits into a processor's cache."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """The training rows of all groups.

    Args:
        X: Features; NaN where not known. (rows, k)
        y: Target of each row, never NaN. (rows,)
        row: Where each target lies in `table.target`. (rows,)
        horizon: Steps from the origin to the target. (rows,)
        group_ptr: Boundaries of the groups in the rows. (groups + 1,)
        eligible: Pairs of target row and horizon that each group has. (groups,)
        drawn: How many of them the row budget let through; those without any look-back were left out afterwards. (groups,)
    """

    X: Singles
    y: Floats
    row: Ints
    horizon: Ints
    group_ptr: Ints
    eligible: Ints
    drawn: Ints

    @property
    def sampled(self) -> Ints:
        """Groups whose horizons were sampled to keep to the row budget: worth a finding ("drawn of eligible rows")."""
        return np.flatnonzero(self.drawn < self.eligible)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Features of some rows of a table, before their targets stand beside them.

    Args:
        X: Features; NaN where not known. (rows, k)
        row: Row of the table that each is of; None for all rows, each once. (rows,)
        horizon: Steps from the origin. (rows,)
        eligible: As in `Matrix`.
        drawn: As in `Matrix`.
    """

    X: Singles
    row: Ints | None
    horizon: Ints
    eligible: Ints
    drawn: Ints


@dataclass(frozen=True, eq=False)
class Part:
    """Some columns of a matrix.

    Args:
        values: What is gathered from. (n, k)
        index: Row of `values` for each row of the matrix; negative for missing. (rows,)
    """

    values: Singles
    index: Ints


def gather(parts: Sequence[Part], out: Singles, deciding: slice = slice(0, 0)) -> NDArray[np.bool_]:
    """Write the columns of the parts, in their order, into the head of `out` (rows, k).

    Args:
        parts: All of the same number of rows.
        out: Room for the rows.
        deciding: Columns of which at least one must be known; other rows are left out. None by default: all rows stay.

    Returns:
        Which rows stay.
    """
    kept = np.ones(len(parts[0].index), bool)
    pairs = [(part.values, np.ascontiguousarray(part.index)) for part in parts if part.values.shape[1]]
    if pairs:
        native.gather(pairs, out, deciding.start, deciding.stop, kept)
    return kept
