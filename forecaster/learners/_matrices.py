"""From a table to feature matrices: groups in batches, each series in its own unit, nothing computed twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forecaster.features.alone import Alone, of_groups
from forecaster.features.auto import lags_and_windows
from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign
from forecaster.features.matrix import Matrix
from forecaster.features.pairs import budgets
from forecaster.learners._shared import SHARED
from forecaster.table import Floats, Ints, Singles, Table

ZEROS = 0.1
"""Share of zeros above which a target that is never negative counts as intermittent."""

BATCH_ROWS = 4_000_000
"""Rows of one feature matrix, or those of one group where these are more."""


def batches(table: Table, design: Design) -> list[tuple[Ints, Design]]:
    """Groups whose "auto" means the same, in batches that are not too large, with what it means."""
    return SHARED.get(table, ("batches", design), lambda: list(_batched(table, design)), lambda made: sum(one.nbytes for one, _ in made))


def _batched(table: Table, design: Design) -> Iterator[tuple[Ints, Design]]:
    alike: dict[Design, list[int]] = {}
    for g in range(table.n_groups):
        # What a group's features are must not depend on its neighbours in the block.
        alike.setdefault(_resolved(table, design, g), []).append(g)
    targets = np.diff(table.indptr[table.group_ptr])
    rows, budget = targets * (design.horizon if design.strategy == "direct" else 1), budgets(design.row_budget, targets)
    rows = rows if budget is None else np.minimum(rows, budget)
    for resolved, groups in alike.items():
        batch = (np.cumsum(rows[groups]) - 1) // BATCH_ROWS
        for cut in np.split(np.array(groups, np.int64), np.flatnonzero(np.diff(batch)) + 1):
            yield cut, resolved


def matrix(table: Table, groups: Ints, design: Design) -> tuple[FittedDesign, Matrix, list[Alone]]:
    """The features of some groups, and what each of them would have if it were alone; computed once for all learners that ask."""

    def make() -> tuple[FittedDesign, Matrix, list[Alone]]:
        part = table if len(groups) == table.n_groups else table.take_groups(groups)
        fitted = design.fit(part)
        return fitted, fitted.training(part), list(of_groups(fitted, part))

    return SHARED.get(table, ("matrix", design, groups.tobytes()), make, lambda made: _nbytes(made[1]))


def _resolved(table: Table, design: Design, group: int) -> Design:
    if "auto" not in (design.lags, design.windows):
        return design
    return lags_and_windows(design, table if table.n_groups == 1 else table.take_groups([group]))


def _nbytes(matrix: Matrix) -> int:
    return matrix.X.nbytes + matrix.y.nbytes + matrix.row.nbytes + matrix.horizon.nbytes


def scales(table: Table) -> Floats:
    """The root mean square of the observed values of each series; 1 where that is zero or nothing is observed. (series,)"""
    seen = np.isfinite(table.target)
    size, of, values = len(table), table.series[seen], np.abs(table.target[seen])
    # Bring each series near 1 before squaring, so that no square overflows.
    peak = np.zeros(size)
    np.maximum.at(peak, of, values)
    unit = np.where(peak > 0, peak, 1.0)
    squares = np.bincount(of, weights=(values / unit[of]) ** 2, minlength=size)
    root = np.sqrt(squares / np.maximum(np.bincount(of, minlength=size), 1))
    return np.where(root > 0, root * unit, 1.0)


def intermittent(table: Table) -> NDArray[np.bool_]:
    """Groups that are never negative and zero in more than a tenth of the values. (groups,)"""
    of = table.group[table.series]
    rows = (np.isfinite(table.target), table.target == 0, table.target < 0)
    seen, zero, negative = (np.bincount(of[which], minlength=table.n_groups) for which in rows)
    return np.asarray((zero > ZEROS * seen) & (negative == 0), np.bool_)


def scaled(table: Table, scale: Floats) -> Table:
    if (scale == 1).all():
        return table
    scaled = table.with_target(table.target / np.repeat(scale, table.sizes))
    return SHARED.derived(table, ("scaled", scale.tobytes()), scaled)


def unobserved(table: Table) -> Ints:
    return np.flatnonzero(np.bincount(table.series[np.isfinite(table.target)], minlength=len(table)) == 0)


def tail(table: Table, span: int | None) -> Table:
    if span is None or (table.sizes <= span).all():
        return table
    return SHARED.derived(table, ("tail", span), table.tail(span))


def telling(X: Singles) -> Ints:
    """Columns with more than one value; a gap counts as one, a column of gaps does not."""
    low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
    gaps = np.isnan(X.sum(axis=0))
    partly = np.flatnonzero(gaps)
    gaps[partly] = np.isnan(X[:, partly]).any(axis=0)
    return np.flatnonzero((low < high) | (gaps & np.isfinite(low)))
