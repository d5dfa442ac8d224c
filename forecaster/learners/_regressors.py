"""Known covariates as the columns of a regression per series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.table import Floats, Future, Ints, Singles, Table

MOST_LABELS = 12
"""A category of more labels in a group is left out there: each label costs a coefficient per series."""

NUMBER, NO_COLUMN = -1, -2
"""Codes of a column that is a number, and of one that a series does not have."""


@storable
@dataclass(frozen=True, eq=False)
class Regressors:
    """Which columns a regression has, and what stands in where one is missing.

    Args:
        names: The covariate of each column. (columns,)
        codes: The label that a column of a series is 1 at; -1 for a number, which is taken as it is; -2 where the series has no such
            column. (series, columns)
        usual: Mean of each column over the series it was fitted on. (series, columns)
    """

    names: tuple[str, ...]
    codes: Ints
    usual: Floats

    @classmethod
    def of(cls, table: Table, wanted: bool = True) -> Regressors:
        """The known covariates of a table: numbers as they are, categories as one column per label of the group but the first."""
        columns = {name: _codes(table, name) for name in (table.known if wanted else ())}
        names = tuple(name for name, codes in columns.items() for _ in codes.T)
        codes = np.concatenate([np.empty((len(table), 0), np.int64), *columns.values()], axis=1)
        bare = cls(names, codes, np.zeros(codes.shape))
        x = bare._columns(table)
        seen = np.isfinite(x)
        total, count = (_sums(values, table) for values in (np.where(seen, x, 0.0), seen.astype(np.float64)))
        return cls(names, codes, total / np.maximum(count, 1))

    @property
    def own(self) -> NDArray[np.bool_]:
        """Which columns each series has. (series, columns)"""
        return self.codes > NO_COLUMN

    @property
    def counts(self) -> Ints:
        """How many columns each series has. (series,)"""
        return np.asarray(self.own.sum(axis=1), np.int64)

    def matrix(self, table: Table) -> Floats:
        """One column per coefficient, the usual value where missing; NaN throughout a series that does not have it. (rows, columns)"""
        x = self._columns(table)
        usual = np.where(self.own, self.usual, np.nan)
        return np.ascontiguousarray(np.where(np.isfinite(x), x, usual[table.series]))

    def effect(self, betas: Floats, horizon: int, future: Future | None) -> Floats:
        """What the covariates add to each step ahead; the usual values where the future does not say. (series, horizon)"""
        return sum(self.effects(betas, horizon, future).values(), np.zeros((len(betas), horizon)))

    def effects(self, betas: Floats, horizon: int, future: Future | None) -> dict[str, Floats]:
        """The same for each covariate. Name -> (series, horizon)"""
        out: dict[str, Floats] = {}
        for k, name in enumerate(self.names):
            told = np.full((len(betas), horizon), np.nan)
            if future is not None and name in future.known:
                block = future.known[name][:, :horizon]
                told[:, : block.shape[1]] = _column(block, self.codes[:, k, None])
            added = betas[:, k, None] * np.where(np.isfinite(told), told, self.usual[:, k, None])
            out[name] = out[name] + added if name in out else added
        return out

    def _columns(self, table: Table) -> Floats:
        columns = [_column(table.known[name], code[table.series]) for name, code in zip(self.names, self.codes.T, strict=True)]
        return np.column_stack(columns) if columns else np.zeros((len(table.target), 0))


def _codes(table: Table, name: str) -> Ints:
    """The codes of the columns that a covariate has in each series. (series, columns)"""
    if name not in table.categories:
        return np.full((len(table), 1), NUMBER)
    met = table.met_by(name)
    counts = np.where(met.counts <= MOST_LABELS, met.counts, 0)
    place = np.arange(1, max(counts.max(initial=0), 1))
    at = np.minimum(met.ptr[:-1, None] + place, max(len(met.codes) - 1, 0))
    return np.where(place < counts[:, None], met.codes[at] if len(met.codes) else 0, NO_COLUMN)[table.group]


def _column(values: Singles, code: Ints) -> Floats:
    numbers = values.astype(np.float64)
    told = np.where(code == NUMBER, numbers, numbers == code)
    return np.where(np.isfinite(numbers) & (code > NO_COLUMN), told, np.nan)


def _sums(values: Floats, table: Table) -> Floats:
    total = np.zeros((len(table), values.shape[1]))
    for k in range(values.shape[1]):
        total[:, k] = np.bincount(table.series, weights=values[:, k], minlength=len(table))
    return total
