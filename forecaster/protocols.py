"""The seams. A learner is a recipe; fitting it gives a model; a model gives a forecast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from forecaster.table import Floats, Future, Table


@dataclass(frozen=True)
class Traits:
    """What a learner can do. Search, guardrails and tests read it; a promise checks each claim.

    Args:
        pooled: One fit over all series of a group; otherwise every series is fitted on its own.
        across: One fit over all groups of a table: what a group gets depends on the groups beside it.
        covariates: Uses known, past and static covariates where the table has them.
        quantiles: Its forecasts carry quantiles of their own.
        min_length: Fewest observed values of a series that it can be fitted on.
        rolls_forward: `predict(history=...)` moves on to newer history without fitting again.
    """

    pooled: bool = False
    across: bool = False
    covariates: bool = False
    quantiles: bool = False
    min_length: int = 1
    rolls_forward: bool = True


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a model says about the steps after each series.

    Args:
        mean: Point forecasts; a series that could not be forecast is a row of NaN. (series, horizon)
        levels: Quantile levels, ascending; empty where the model has none.
        quantiles: Quantile forecasts, never crossing. (series, horizon, levels)
        failed: Why a series could not be forecast. Series index -> reason
    """

    mean: Floats
    levels: tuple[float, ...] = ()
    quantiles: Floats | None = None
    failed: Mapping[int, str] = field(default_factory=dict)

    def take(self, which: ArrayLike) -> Forecast:
        """The forecast of the series `which` (indices or a mask)."""
        chosen = np.asarray(which)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        quantiles = None if self.quantiles is None else self.quantiles[chosen]
        failed = {new: self.failed[old] for new, old in enumerate(chosen.tolist()) if old in self.failed}
        return Forecast(self.mean[chosen], self.levels, quantiles, failed)


@runtime_checkable
class Model(Protocol):
    """A fitted learner: a dataclass of arrays, numbers and other models, so that `archive` can save it."""

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast `horizon` steps.

        Args:
            horizon: Steps ahead.
            history: All values up to now of the same series, in the same order; the model's own history where absent. One that begins
                later gives the same forecast, or CannotPredict.
            future: Known covariates of the steps ahead.
        """
        ...


@runtime_checkable
class Learner(Protocol):
    """A recipe: a frozen dataclass of hyperparameters."""

    @property
    def traits(self) -> Traits: ...

    def fit(self, table: Table) -> Model:
        """Fit all series of the table: a pooled learner once per group, any other once per series."""
        ...


Parts = Mapping[str, Floats]
"""What a forecast is made of: name -> (series, horizon), adding up to its mean; NaN where there is none."""


@runtime_checkable
class Parted(Protocol):
    """A model that can tell what its forecasts are made of."""

    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """The parts of what `predict` says for the same arguments."""
        ...


def parts_of(model: Model, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
    """What a forecast is made of: one part, "whole", where the model does not tell."""
    if isinstance(model, Parted):
        return model.parts(horizon, history, future)
    return {"whole": model.predict(horizon, history, future).mean}


def joined(*made: Parts) -> Parts:
    """Parts as one; those of one name are added up, as of a trend and of a covariate that is called "trend"."""
    out: dict[str, Floats] = {}
    for parts in made:
        for name, value in parts.items():
            out[name] = out[name] + value if name in out else value
    return out


def changed(learner: Learner, /, **fields: Any) -> Learner:
    """The recipe with some fields set anew."""
    recipe: Any = learner  # a dataclass, which no protocol can ask for
    made: Learner = replace(recipe, **fields)
    return made


def within(learner: Learner) -> Iterator[Learner]:
    """A learner, then those that it is made of, and so on inwards."""
    yield learner
    one: Any = learner
    for inner in (getattr(one, "learner", None), *(getattr(one, "learners", None) or ())):
        if isinstance(inner, Learner):
            yield from within(inner)


def adopted(model: Model, group: int, table: Table) -> Model | None:
    """The model of series that it was not fitted on; None where only the series it was fitted on have one.

    A model that can has a method `adopted(group, table)`.

    Args:
        model: A fitted model.
        group: Which of its groups the series are of.
        table: The series, as one group.
    """
    adopt = getattr(model, "adopted", None)
    found: Model | None = None if adopt is None else adopt(group, table)
    return found
