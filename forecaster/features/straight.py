"""Rows one step ahead of their origin, each once: every column is written where it stays, without rows to gather from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.features.lookback import LookBack, matrix, names_of
from forecaster.features.matrix import gather
from forecaster.features.sources import Clock, Given, column_of
from forecaster.table import Floats, Ints, Singles, Table

if TYPE_CHECKING:
    from forecaster.features.fitted import FittedDesign


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

    def fill(self, X: Singles, kept: NDArray[np.bool_]) -> int:
        """Write the rows that stay to the head of `X`, which has room for those of `room`; returns how many stay.

        Args:
            X: Room. (rows, k)
            kept: Is told which rows stay. (rows,)
        """
        row = self._rows()
        self._give(row, X[:, self._look_back(X) :])
        if self.every:
            return len(row)
        kept[:] = np.isfinite(self.table.target[row])
        if self.fitted.looks_back:
            kept[_blank(X[:, self.fitted.deciding])] = False
        if kept.all():
            return len(row)
        filled = int(np.count_nonzero(kept))
        X[:filled] = X[kept]
        return filled

    @property
    def _cut(self) -> bool:
        """Whether first rows, which have no origin, are left out."""
        return self.fitted.looks_back and not self.every

    def _rows(self) -> Ints:
        """The rows of the table that are there."""
        return rows_of(self.table, room(self.fitted, self.table, self.every))

    def _look_back(self, X: Singles) -> int:
        """Write the horizon and what is looked back at into the first columns; returns how many these are."""
        fitted, table = self.fitted, self.table
        end = int(fitted.direct)
        X[:, :end] = 1
        season = fitted.season_length - 1
        looked: list[tuple[Sequence[LookBack], Floats | Singles, int]]
        looked = [(fitted.blocks, table.target, 0), (fitted.seasonal, table.target, season)]
        looked += [(blocks, column_of(table, name), 0) for name, blocks in fitted.covariates.items()]
        for blocks, values, back in looked:
            end += (width := len(names_of(blocks)))
            if width:
                self._shifted(blocks, values, back, X[:, end - width : end])
        return end

    def _shifted(self, blocks: Sequence[LookBack], values: Floats | Singles, back: int, out: Singles) -> None:
        """Write the look-backs of the row that lies `back` rows before the origin."""
        indptr = self.table.indptr
        if self._cut:  # the last row of a series is no origin, so that the rows of the matrix are those of the origins
            values = _without(values, indptr[1:][self.table.sizes > 0] - 1)
            indptr = np.concatenate([[0], np.cumsum(np.maximum(self.table.sizes - 1, 0))])
        shifted(blocks, values, indptr, back + (not self._cut), out)

    def _give(self, row: Ints, X: Singles) -> None:
        """Write the columns of the time, the holidays and the covariates."""
        if X.shape[1]:
            given = Given.of(self.fitted, self.table, self.clock)
            gather(given.parts(self.table.series[row], self.table.steps[row], row), X)


def room(fitted: FittedDesign, table: Table, every: bool) -> Ints:
    """Boundaries of the series in the rows that there are: without first ones, which have no origin, unless all are. (series + 1,)"""
    sizes = table.sizes if every or not fitted.looks_back else np.maximum(table.sizes - 1, 0)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def rows_of(table: Table, room: Ints, kept: NDArray[np.bool_] | Literal[True] = True) -> Ints:
    """The rows of the table that there are, or those of them that were kept. (rows,)"""
    there = np.ones(len(table.target), bool)
    if room[-1] < len(there):
        there[table.indptr[:-1][table.sizes > 0]] = False
    there[there] = kept
    return np.flatnonzero(there)


def shifted(blocks: Sequence[LookBack], values: Floats | Singles, indptr: Ints, back: int, out: Singles) -> None:
    """Write the look-backs of the row `back` rows earlier, missing where that is before the series.

    Args:
        blocks: Look-backs.
        values: What is looked back at. (rows,)
        indptr: Boundaries of the series. (series + 1,)
        back: Rows.
        out: Room. (rows, columns of all blocks)
    """
    seen = max(len(values) - back, 0)
    matrix(blocks, values[:seen], np.minimum(indptr, seen), out=out[back:])
    before = indptr[:-1, None] + np.arange(back)
    out[before[before < indptr[1:, None]]] = np.nan


def _blank(looks: Singles) -> Ints:
    """The rows of which every column is missing."""
    rows = np.flatnonzero(np.isnan(looks[:, 0]))
    for k in range(1, looks.shape[1]):
        if not len(rows):
            break
        rows = rows[np.isnan(looks[rows, k])]
    return rows


def _without(values: Floats | Singles, rows: Ints) -> Floats | Singles:
    stay = np.ones(len(values), bool)
    stay[rows] = False
    return values[stay]
