"""A learner that sees a transformed target: differences, logarithms, another scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecaster.archive import storable
from forecaster.features.targets import FittedTransform, Transform, transform_of
from forecaster.protocols import Forecast, Learner, Model, Traits, adopted
from forecaster.table import Future, Table

NOT_FINITE = "its forecast is not a finite number once the transform of the target is undone"


@storable
@dataclass(frozen=True)
class Transformed:
    """Fits a learner on a transformed target and undoes the transform of its forecasts.

    Args:
        learner: What is fitted on the transformed target.
        transform: A recipe of `features.targets`, or what `transform_of` reads as one.
    """

    learner: Learner
    transform: str | Transform

    def __post_init__(self) -> None:
        object.__setattr__(self, "transform", transform_of(self.transform))

    @property
    def recipe(self) -> Transform:
        """The transform."""
        return transform_of(self.transform)

    @property
    def traits(self) -> Traits:
        """Those of the learner; a transform that takes values from the head of a series needs them on top."""
        return replace(self.learner.traits, min_length=self.learner.traits.min_length + self.recipe.takes)

    @property
    def label(self) -> str:
        """Transform and learner."""
        return type(self.recipe).__name__ + str(getattr(self.learner, "label", type(self.learner).__name__))

    def fit(self, table: Table) -> Undone:
        """Fit the learner on the transformed table."""
        fitted = self.recipe.fit(table)
        # A few times what undoing takes, since the newest values may be missing.
        return Undone(self.learner.fit(fitted.apply(table)), fitted, table.tail(8 * self.recipe.takes + 1), self.recipe)


@storable
@dataclass(frozen=True, eq=False)
class Undone:
    """A model of the transformed target.

    Args:
        model: What was fitted.
        transform: What undoes the transform.
        context: The end of the untransformed history.
        recipe: What was fitted to the series.
    """

    model: Model
    transform: FittedTransform
    context: Table
    recipe: Transform | None = None

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast in the unit of the target."""
        moved = None if history is None else self.transform.apply(history)
        forecast = self.transform.invert(self.model.predict(horizon, moved, future), self.context if history is None else history)
        failed = dict(forecast.failed)
        lost = np.flatnonzero(~np.isfinite(forecast.mean).all(axis=1))
        for i in lost.tolist():
            failed.setdefault(i, NOT_FINITE)
        mean = forecast.mean.copy()
        mean[lost] = np.nan
        return replace(forecast, mean=mean, failed=failed)

    def adopted(self, group: int, table: Table) -> Undone | None:
        """The model of series that it was not fitted on, all of one of its groups; None where there can be none."""
        if self.recipe is None:
            return None
        fitted = self.recipe.fit(table)
        model = adopted(self.model, group, fitted.apply(table))
        return None if model is None else Undone(model, fitted, table.tail(8 * self.recipe.takes + 1), self.recipe)
