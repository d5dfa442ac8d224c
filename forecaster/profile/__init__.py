"""What every series of a table is like: its demand, trend, seasons, and whether it is stationary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.features.fourier import periods
from forecaster.features.stationarity import LEAST, season_within
from forecaster.guardrails import fill
from forecaster.profile.measures import KINDS, MEASURES, Alike
from forecaster.profile.seasons import seasons_of
from forecaster.table import Table

__all__ = ["KINDS", "LEAST", "Measured", "as_columns", "profile"]

Profile = Mapping[str, NDArray[Any]]
"""Measure -> (series,), NaN where a series is too short; and "seasons" -> (series, several), 0 for none."""


def profile(table: Table) -> Profile:
    """Measure every series of a table by itself.

    Args:
        table: The series; missing values count as the last known one.
    """
    natural = sorted({round(period) for period in periods(table.frequency, table.season_length)} | {table.season_length})
    natural = [period for period in natural if period > 1]
    measured: dict[str, NDArray[Any]] = {name: np.full(len(table), np.nan) for name in MEASURES}
    seasons = np.zeros((len(table), len(natural) + 1), np.int64)
    filled = fill(table.target, table.indptr)
    for which, at in table.alike(LEAST):
        one = Alike(filled[at], np.isfinite(table.target[at]), season_within(table, at.shape[1]))
        for name, measure in MEASURES.items():
            measured[name][which] = measure(one)
        seasons[which] = seasons_of(one.values, natural)
    return {**measured, "seasons": seasons}


class Measured(Mapping[str, NDArray[Any]]):
    """The profile of a table, measured when it is first looked at: most jobs are never asked, and small ones would spend most of their
    time on it. The targets are held for it."""

    def __init__(self, table: Table) -> None:
        self._table = replace(table, known={}, past={}, static={}, categories={})

    @cached_property
    def _found(self) -> Profile:
        return profile(self._table)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(MEASURES) + 1  # and the seasons


def as_columns(found: Profile) -> dict[str, pa.Array]:
    """The measures as columns: kinds and seasons as text, null where a series is too short."""
    columns = {name: pa.array(values, from_pandas=True) for name, values in found.items() if name != "seasons"}
    blank = np.isnan(found["demand"])
    kinds = np.array(KINDS)[np.nan_to_num(found["demand"]).astype(np.int64)]
    columns["demand"] = pa.array(kinds, pa.string(), mask=blank)
    columns["stationary"] = pa.array(found["stationary"] == 1, pa.bool_(), mask=blank)
    columns["known"] = pa.array(np.nan_to_num(found["known"]).astype(np.int64), mask=blank)
    told = [", ".join(str(season) for season in row if season) for row in found["seasons"].tolist()]
    return columns | {"seasons": pa.array(told, pa.string(), mask=blank)}
