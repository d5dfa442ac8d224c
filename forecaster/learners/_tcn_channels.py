"""What a network sees of each row of a table: numbers in units of the training rows, and codes of categories."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign
from forecaster.table import Floats, Future, Ints, Singles, Table

FARTHEST = 10.0
"""Deviations from the mean that a number counts as at most: one wild value must not become a wild forecast."""

UNSEEN = frozenset({"year"})
"""Columns whose future values no training row has; a network would make something up for them."""


@dataclass(frozen=True, eq=False)
class Panel:
    """The rows of all series of a group.

    Args:
        target: NaN where missing. (rows,)
        indptr: Boundaries of the series. (series + 1,)
        numbers: What is known of past steps, then what is known ahead too; 0 where missing. (rows, k)
        codes: What is known ahead too, then what is known of past steps; 0 where missing or never met. (rows, categories)
    """

    target: Floats
    indptr: Ints
    numbers: Singles
    codes: Ints

    @property
    def sizes(self) -> Ints:
        """Rows of each series."""
        return np.diff(self.indptr)


@storable
@dataclass(frozen=True, eq=False)
class Channels:
    """How rows become numbers and codes.

    Args:
        design: The features known of every step, before and after the origin: calendar, holidays, known and static covariates, series.
        columns: Columns of the design, then past covariates, that are numbers.
        centre: Mean of each of them. (k,)
        spread: Standard deviation of each. (k,)
        categories: Columns that are categories.
        labels: What occurs in each of these, ascending.
        past: Past covariates, the columns after those of the design.
    """

    design: FittedDesign
    columns: Ints
    centre: Floats
    spread: Floats
    categories: Ints
    labels: tuple[Floats, ...]
    past: tuple[str, ...]

    @classmethod
    def of(cls, recipe: Design, table: Table) -> Channels:
        """Look at the training rows of one group."""
        alone = replace(
            recipe, lags=None, windows=None, stl=None, past_lags=(), past_windows=None, known_lags=(), known_windows=None, row_budget=None
        )
        design, past = alone.fit(table), tuple(table.past)
        rows = _rows(design, past, table)
        coded = [kind in ("category", "cycle") for kind in design.kinds] + [name in table.categories for name in past]
        plain = [not code and name not in UNSEEN for code, name in zip(coded, (*design.names, *past), strict=True)]
        spread = np.array([_spread(column) for column in rows.T]) if len(rows) else np.zeros(rows.shape[1])
        columns, categories = np.flatnonzero(np.array(plain, bool) & (spread > 0)), np.flatnonzero(coded)
        labels = tuple(np.unique(rows[np.isfinite(rows[:, column]), column]) for column in categories)
        centre = np.array([np.nanmean(rows[:, column]) for column in columns])
        return cls(design, columns, centre, spread[columns], categories, labels, past)

    @property
    def known(self) -> int:
        """Numbers that are known ahead."""
        return int(np.count_nonzero(self.columns < len(self.design.names)))

    @property
    def known_categories(self) -> int:
        """Categories that are known ahead."""
        return int(np.count_nonzero(self.categories < len(self.design.names)))

    @property
    def order(self) -> Ints:
        """The columns that are numbers with what is known of the past only first, so that what is known ahead is the end of them."""
        return np.argsort(self.columns < len(self.design.names), kind="stable")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that are numbers, in this order, and of the categories."""
        known = (*self.design.names, *self.past)
        return tuple(known[column] for column in (*self.columns[self.order], *self.categories))

    def raw(self, table: Table) -> Singles:
        """What these columns hold in each row of a group. (rows, columns)"""
        made = _rows(self.design, self.past, table)
        return made[:, [*self.columns[self.order], *self.categories]].astype(np.float32)

    def panel(self, table: Table, horizon: int = 0, future: Future | None = None) -> Panel:
        """The rows of a group, and those of `horizon` steps after them."""
        grown = table.extend(np.full((len(table), horizon), np.nan), future) if horizon else table
        rows = _rows(self.design, self.past, grown)
        numbers = np.clip((rows[:, self.columns] - self.centre) / self.spread, -FARTHEST, FARTHEST)
        coded = [_codes(rows[:, column], labels) for column, labels in zip(self.categories, self.labels, strict=True)]
        codes = np.column_stack(coded) if coded else np.zeros((len(rows), 0), np.int64)
        return Panel(grown.target, grown.indptr, np.nan_to_num(numbers[:, self.order], nan=0.0).astype(np.float32), codes)


def _rows(design: FittedDesign, past: tuple[str, ...], table: Table) -> Floats:
    """Every column of every row, also where the target is missing. (rows, columns)"""
    made = design.training(table.with_target(np.zeros(len(table.target)))).X
    return np.column_stack([made, *(table.past[name] for name in past)]).astype(np.float64)


def _spread(column: Floats) -> float:
    """The standard deviation of what is there; 0 for nothing and for what only rounding tells apart."""
    there = column[np.isfinite(column)]
    spread = float(there.std()) if len(there) else 0.0
    return spread if spread > 1e-6 * max(1.0, float(np.abs(there).max(initial=0.0))) else 0.0


def _codes(column: Floats, labels: Floats) -> NDArray[np.int64]:
    if not len(labels):
        return np.zeros(len(column), np.int64)
    at = np.searchsorted(labels, column).clip(max=len(labels) - 1)
    return np.where(labels[at] == column, at + 1, 0)
