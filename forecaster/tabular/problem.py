"""What a tabular learner is fitted on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from forecaster.table import Floats, Ints, Singles

Task = Literal["classify", "regress"]


@dataclass(frozen=True, eq=False)
class Problem:
    """What a learner is fitted on.

    Args:
        task: "classify" or "regress".
        x: Features. (rows, features)
        y: Target values, or class codes from 0. (rows,)
        weight: Weight of each row, or None.
        classes: Number of classes; 1 for regression.
        threads: Threads to use.
        seed: Seed of everything random.
    """

    task: Task
    x: Singles
    y: Floats
    weight: Floats | None
    classes: int
    threads: int
    seed: int

    def take(self, rows: Ints) -> Problem:
        """The problem of some rows."""
        return replace(self, x=self.x[rows], y=self.y[rows], weight=None if self.weight is None else self.weight[rows])
