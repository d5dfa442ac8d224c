"""The rows of some series, taken as the data goes by: whatever is decided once for a whole run is decided from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import guardrails
from many_models import hashing

SERIES, ROWS = 2_000, 1_000_000
"""Most series, and about the most rows, that are kept."""


@dataclass
class Sample:
    """Whole series, the same ones however the rows are cut and ordered: those whose names have the least hashes.

    Args:
        series: The columns that name a series.
        time: The column of the stamps.
    """

    series: Sequence[str]
    time: str
    _parts: list[tuple[pa.Table, hashing.Hashes]] = field(default_factory=list)
    _limit: int = int(np.iinfo(np.uint64).max)

    def add(self, rows: pa.Table) -> None:
        """Look at some more rows of the data."""
        hashes = hashing.row_hashes(rows.select(list(self.series)))
        self._keep(rows.select(list(dict.fromkeys([*self.series, self.time]))), hashes)
        if sum(len(kept) for _, kept in self._parts) > 2 * ROWS:
            self._prune()

    @property
    def table(self) -> pa.Table:
        """The series columns and the time of the series that were kept."""
        self._prune()
        return pa.concat_tables([part for part, _ in self._parts], promote_options="permissive")

    def frequency(self, settings: Any) -> Any:
        """The one frequency of the run: the one that the settings ask for, with its anchor, or the one that most series have.

        Raises:
            SettingsError: none can be inferred and none was given.
            DataError: no series lies on the one that was given.
        """
        return guardrails.frequency_of(self.table, settings.schema_of(()), freq=settings.freq, aggregate=settings.aggregate)

    def _keep(self, rows: pa.Table, hashes: hashing.Hashes) -> None:
        wanted = hashes <= np.uint64(self._limit)
        if wanted.any():
            self._parts.append((rows, hashes) if wanted.all() else (rows.filter(pa.array(wanted)), hashes[wanted]))

    def _prune(self) -> None:
        """Keep fewer series, of which one is always kept."""
        hashes = np.concatenate([kept for _, kept in self._parts])
        names, counts = np.unique(hashes, return_counts=True)
        most = max(1, min(SERIES, int(np.searchsorted(np.cumsum(counts), ROWS, side="right"))))
        self._limit = int(names[min(most, len(names)) - 1])
        parts, self._parts = self._parts, []
        for rows, kept in parts:
            self._keep(rows, kept)
