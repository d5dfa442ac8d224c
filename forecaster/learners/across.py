"""A pooled learner that is fitted once over all groups of a block, where the user allows groups to learn from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.protocols import Forecast, Learner, Model, Traits, adopted
from forecaster.table import Future, Singles, Table


@storable
@dataclass(frozen=True)
class Across:
    """Fits a pooled learner once over all groups of a table; which group a series is of is a static category.

    What a group gets then depends on the groups that were given with it.

    Args:
        learner: What is fitted.
    """

    learner: Learner

    @property
    def traits(self) -> Traits:
        """Those of the learner, over all groups."""
        return replace(self.learner.traits, across=True)

    @property
    def label(self) -> str:
        """That of the learner."""
        return str(getattr(self.learner, "label", type(self.learner).__name__))

    def fit(self, table: Table) -> Joint:
        """Fit the learner on the series of all groups."""
        labels = labels_of(table)
        return Joint(self.learner.fit(as_one(table, labels)), labels)


@storable
@dataclass(frozen=True, eq=False)
class Joint:
    """A model of several groups as one.

    Args:
        model: What was fitted.
        labels: The values of the partition columns that it knows. Column -> values
    """

    model: Model
    labels: Mapping[str, tuple[str, ...]]

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast the series of all groups."""
        return self.model.predict(horizon, None if history is None else as_one(history, self.labels), future)

    def adopted(self, group: int, table: Table) -> Joint | None:
        """The model of series that it was not fitted on, whichever group they are of; None where there can be none."""
        model = adopted(self.model, 0, as_one(table, self.labels))
        return None if model is None else Joint(model, self.labels)


def labels_of(table: Table) -> dict[str, tuple[str, ...]]:
    """The values of the partition columns that are no static covariate already. Column -> values"""
    return {name: tuple(dict.fromkeys(map(str, values))) for name, values in table.groups.items() if name not in table.static}


def as_one(table: Table, labels: Mapping[str, tuple[str, ...]]) -> Table:
    """All groups of a table as one, their partition columns as static categories; a value that is not among the labels is missing."""
    static = {name: _codes(table.groups[name], known)[table.group] for name, known in labels.items()}
    return replace(
        table, group_ptr=np.array([0, len(table)]), groups={}, static={**table.static, **static},
        categories={**table.categories, **labels}, met={},
    )  # fmt: skip


def _codes(values: NDArray[Any], known: tuple[str, ...]) -> Singles:
    place = {label: code for code, label in enumerate(known)}
    return np.array([place.get(str(value), np.nan) for value in values], np.float32)
