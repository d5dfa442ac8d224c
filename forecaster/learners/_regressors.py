"""Known covariates as the columns of a regression per series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.table import Floats, Future, Table

MOST_LABELS = 12
"""A category of more labels is left out: each label costs a coefficient per series."""


@storable
@dataclass(frozen=True, eq=False)
class Regressors:
    """Which columns a regression has, and what stands in where one is missing.

    Args:
        names: Columns, one per coefficient.
        codes: The label that a column is 1 at; -1 for a number, which is taken as it is.
        usual: Mean of each column over the series it was fitted on. (series, columns)
    """

    names: tuple[str, ...]
    codes: tuple[int, ...]
    usual: Floats

    @classmethod
    def of(cls, table: Table, wanted: bool = True) -> Regressors:
        """The known covariates of a table: numbers as they are, categories as one column per label but the first."""
        columns: list[tuple[str, int]] = []
        for name in table.known if wanted else ():
            labels = table.categories.get(name)
            columns += [(name, -1)] if labels is None else [(name, code) for code in range(1, len(labels)) if len(labels) <= MOST_LABELS]
        names, codes = tuple(name for name, _ in columns), tuple(code for _, code in columns)
        bare = cls(names, codes, np.zeros((len(table), len(names))))
        x = bare._columns(table)
        seen = np.isfinite(x)
        total, count = (_sums(values, table) for values in (np.where(seen, x, 0.0), seen.astype(np.float64)))
        return cls(names, codes, total / np.maximum(count, 1))

    def matrix(self, table: Table) -> Floats:
        """One column per coefficient, the usual value where missing. (rows, columns)"""
        x = self._columns(table)
        return np.ascontiguousarray(np.where(np.isfinite(x), x, self.usual[table.series]))

    def effect(self, betas: Floats, horizon: int, future: Future | None) -> Floats:
        """What the covariates add to each step ahead; the usual values where the future does not say. (series, horizon)"""
        return sum(self.effects(betas, horizon, future).values(), np.zeros((len(betas), horizon)))

    def effects(self, betas: Floats, horizon: int, future: Future | None) -> dict[str, Floats]:
        """The same for each covariate. Name -> (series, horizon)"""
        out: dict[str, Floats] = {}
        for k, (name, code) in enumerate(zip(self.names, self.codes, strict=True)):
            told = np.full((len(betas), horizon), np.nan)
            if future is not None and name in future.known:
                block = future.known[name][:, :horizon]
                told[:, : block.shape[1]] = _column(block, code)
            added = betas[:, k, None] * np.where(np.isfinite(told), told, self.usual[:, k, None])
            out[name] = out[name] + added if name in out else added
        return out

    def _columns(self, table: Table) -> Floats:
        columns = [_column(table.known[name], code) for name, code in zip(self.names, self.codes, strict=True)]
        return np.column_stack(columns) if columns else np.zeros((len(table.target), 0))


def _column(values: np.ndarray, code: int) -> Floats:
    numbers = values.astype(np.float64)
    return numbers if code < 0 else np.where(np.isfinite(numbers), numbers == code, np.nan)


def _sums(values: Floats, table: Table) -> Floats:
    total = np.zeros((len(table), values.shape[1]))
    for k in range(values.shape[1]):
        total[:, k] = np.bincount(table.series, weights=values[:, k], minlength=len(table))
    return total
