"""Rows one step ahead of their origin, each once: every column is written where it stays, without rows to gather from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecaster._native import straight as native
from forecaster.features.lookback import LookBack, Native, Op
from forecaster.features.sources import Clock, Given, column_of
from forecaster.table import Floats, Ints, Singles, Table

if TYPE_CHECKING:
    from forecaster.features.fitted import FittedDesign

Look = tuple[int, Floats | Singles, list[Op], int]
"""First column, what is looked back at, the columns, and by how many rows more than one the origin lies before the row."""
Placed = tuple[int, Singles, Ints, int]
"""First column, values, and where those of each row lie: see `_native.straight`."""


@dataclass(frozen=True, eq=False)
class Straight:
    """The rows of a slab of series.

    Args:
        fitted: The design, whose rows are one step ahead.
        table: The series.
        clock: Features of the time.
        every: Whether all rows of the table are there; else those that have a target and, where the design looks back, an origin.
    """

    fitted: FittedDesign
    table: Table
    clock: Clock
    every: bool

    def fill(self, X: Singles, kept: Ints) -> int:
        """Write the rows that stay to the head of `X`, which has room for those of `room`; returns how many stay.

        Args:
            X: Room. (rows, k)
            kept: Is told which rows of the table stay, unless all do. (rows,)
        """
        fitted, table = self.fitted, self.table
        looks, parts = self._looks()
        parts += self._given()
        deciding = fitted.deciding if fitted.looks_back else slice(0, 0)
        X[:, : int(fitted.direct)] = 1
        cut = fitted.looks_back and not self.every
        return native.fill(table.target, table.indptr, looks, parts, X, (deciding.start, deciding.stop), self.every, cut, kept)

    def _looks(self) -> tuple[list[Look], list[Placed]]:
        """What is looked back at: in the one pass over the rows, or, of blocks without ops, worked out before it."""
        looks: list[Look] = []
        parts: list[Placed] = []
        for block, values, back, column in self._blocks():
            if isinstance(block, Native):
                looks.append((column, values if values.flags.c_contiguous else values.copy(), list(block.ops), back))
            else:
                parts.append((column, block.transform(values, self.table.indptr), self._origins(back), -1))
        return looks, parts

    def _blocks(self) -> Iterator[tuple[LookBack, Floats | Singles, int, int]]:
        """Each block that looks back: at what, from how far behind the row before, and into which columns."""
        fitted, table = self.fitted, self.table
        looked: list[tuple[Sequence[LookBack], Floats | Singles, int]]
        looked = [(fitted.blocks, table.target, 0), (fitted.seasonal, table.target, fitted.season_length - 1)]
        looked += [(blocks, column_of(table, name), 0) for name, blocks in fitted.covariates.items()]
        column = int(fitted.direct)
        for blocks, values, back in looked:
            for block in blocks:
                yield block, values, back, column
                column += len(block.names)

    def _origins(self, back: int) -> Ints:
        """The origin of each row; -1 where it lies before the series. (rows,)"""
        at = np.arange(len(self.table.target)) - back - 1
        return np.where(at < np.repeat(self.table.indptr[:-1], self.table.sizes), -1, at)

    def _given(self) -> list[Placed]:
        """The columns of the time, the holidays and the covariates."""
        column, placed = self.fitted.time_at, []
        for values, places, moves in Given.of(self.fitted, self.table, self.clock).runs():
            placed.append((column, np.ascontiguousarray(values, np.float32), places, moves))
            column += values.shape[1]
        return placed


def room(fitted: FittedDesign, table: Table, every: bool) -> Ints:
    """Boundaries of the series in the rows that there are: without first ones, which have no origin, unless all are. (series + 1,)"""
    sizes = table.sizes if every or not fitted.looks_back else np.maximum(table.sizes - 1, 0)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
