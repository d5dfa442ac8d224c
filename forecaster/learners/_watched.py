"""Predictors that note why they say what they say, while a forecast is rolled as ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecaster.protocols import Parts
from forecaster.sample import evenly
from forecaster.shapley import Contributions, sampled
from forecaster.table import Floats, Ints, Singles

EXPECTED = "expected"
"""The part of what is said where nothing is known."""

WALKS, BACKGROUND = 8, 100
"""Orders of the features that are walked for a row, and rows that stand for not knowing, where contributions are sampled."""

CLOSE = 1e-4
"""Share of the size of the predictions that exact contributions may miss them by: beyond it they are in another unit."""


@dataclass(eq=False)
class Noted:
    """The contributions of one group.

    Args:
        group: Index of the group.
        names: Of the features.
        values: Of each call, (series, steps, features).
        expected: Likewise, (series, steps).
    """

    group: int
    names: tuple[str, ...]
    values: list[Floats] = field(default_factory=list)
    expected: list[Floats] = field(default_factory=list)


@dataclass(eq=False)
class Watched:
    """A predictor, and where it notes the contributions of the features.

    Args:
        predictor: What predicts.
        note: Where they go.
        series: Series of the group.
    """

    predictor: Any
    note: Noted
    series: int

    def predict(self, X: Singles) -> Floats:
        """What the predictor says."""
        said = np.asarray(self.predictor.predict(X), np.float64)
        values, base = contributions(self.predictor, X, said)
        shape = (self.series, -1)
        self.note.values.append(values[:, :, 0].reshape(*shape, X.shape[1]))
        self.note.expected.append(np.full(len(X), base[0]).reshape(shape))
        return said


def contributions(predictor: Any, X: Singles, said: Floats) -> Contributions:
    """Exact ones where the predictor has them in the unit of what it says, else by walks between the rows."""
    if hasattr(predictor, "contributions"):
        values, base = predictor.contributions(X)
        missed = np.abs(values.sum(axis=(1, 2)) + base[0] - said)
        if np.isfinite(missed).all() and missed.max(initial=0.0) <= CLOSE * max(np.abs(said).max(initial=0.0), 1e-12):
            return values, base
    some = X[evenly(len(X), BACKGROUND)]
    return sampled(lambda rows: predictor.predict(rows)[:, None], X, some, np.arange(X.shape[1]), WALKS, 0)


def gathered(notes: list[Noted], group: Ints, scale: Floats, mean: Floats) -> Parts:
    """The notes of all groups as parts in the unit of the target; what they miss the mean by goes to what is expected. (series, horizon)"""
    parts: dict[str, Floats] = {EXPECTED: np.zeros_like(mean)}
    for note in notes:
        if not note.values:
            continue
        series = np.flatnonzero(group == note.group)
        values, unit = np.concatenate(note.values, axis=1), scale[series, None]
        parts[EXPECTED][series] = np.concatenate(note.expected, axis=1) * unit
        for k, name in enumerate(note.names):
            if np.any(values[:, :, k]):
                parts.setdefault(name, np.zeros_like(mean))[series] = values[:, :, k] * unit
    parts[EXPECTED] = parts[EXPECTED] + (mean - sum(parts.values(), np.zeros_like(mean)))
    return parts
