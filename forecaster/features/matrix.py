"""The feature matrix: rows of several blocks, gathered side by side without a large temporary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
class Part:
    """Some columns of a matrix.

    Args:
        values: What is gathered from. (n, k)
        index: Row of `values` for each row of the matrix; negative for missing. (rows,)
    """

    values: Singles
    index: Ints


def gather(parts: Sequence[Part], out: Singles) -> None:
    """Fill `out` (rows, k) with the columns of the parts, in their order."""
    at = 0
    for part in parts:
        width = part.values.shape[1]
        if width == 0:
            continue
        missing = part.index < 0
        if len(part.values) == 0:
            out[:, at : at + width] = np.nan
        else:
            block = part.values.take(part.index, axis=0, mode="wrap")
            if missing.any():
                block[missing] = np.nan
            out[:, at : at + width] = block
        at += width
