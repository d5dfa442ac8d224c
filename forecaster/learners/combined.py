"""Several learners as one: the mean or the median of what they say, quantiles included. Members may be combinations themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.learners._blocks import in_blocks
from forecaster.protocols import Forecast, Learner, Model, Traits, adopted
from forecaster.table import Floats, Future, Table


@storable
@dataclass(frozen=True, kw_only=True)
class Combined:
    """The mean or median of several learners; where one has no forecast of a series, the others speak for it.

    Past the horizon what they say together is the history of the next block, for all of them.

    Args:
        learners: The members: names, {name: options} or learners; those of the simple combination of univariate models by default
            (Petropoulos & Svetunkov 2020).
        how: "median" or "mean", of forecasts and of quantiles level by level.
        design: The recipe of the feature matrix, filled in by a job; the horizon is taken from it.
    """

    learners: tuple[Any, ...] = ("ets", "ces", "arima", "theta")
    how: Literal["median", "mean"] = "median"
    design: Design | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "learners", tuple(self.learners))
        if not self.learners or self.how not in ("median", "mean"):
            raise SettingsError(f'combined: expected learners and how="median" or "mean"; came {self.learners!r} and {self.how!r}')

    @property
    def traits(self) -> Traits:
        """What some of the members can do, and for quantiles and newer history all of them."""
        every = [one.traits for one in self.learners if isinstance(one, Learner)]  # none before `build` made them of their names
        return Traits(
            pooled=any(one.pooled for one in every),
            across=any(one.across for one in every),
            covariates=any(one.covariates for one in every),
            quantiles=bool(every) and all(one.quantiles for one in every),
            min_length=min((one.min_length for one in every), default=1),
            rolls_forward=all(one.rolls_forward for one in every),
        )

    def fit(self, table: Table) -> Members:
        """Fit every member; one that cannot be fitted at all is left out, unless none can."""
        models, error = [], None
        for one in self.learners:
            try:
                models.append(one.fit(table))
            except ValueError as raised:
                error = raised
        if not models:
            raise error or ValueError("it has no member")
        horizon = (self.design or Design()).horizon if self.design is not None or self.traits.pooled else None
        return Members(tuple(models), self.how, horizon, table, self.traits.quantiles)


@storable
@dataclass(frozen=True, eq=False)
class Members:
    """The fitted members.

    Args:
        models: One per member.
        how: "median" or "mean".
        horizon: Steps that are forecast at once; None for any number.
        context: The history, since some members look back at all of it.
        spread: Whether forecasts have quantiles.
    """

    models: tuple[Model, ...]
    how: str
    horizon: int | None
    context: Table
    spread: bool

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast block by block: what the members say together is the history of the next."""
        return in_blocks(self._block, self.horizon or horizon, horizon, history, future, self.context)

    def adopted(self, group: int, table: Table) -> Members | None:
        """The model of series that it was not fitted on, by the members that can; None where none can."""
        models = tuple(model for one in self.models if (model := adopted(one, group, table)) is not None)
        return dataclasses.replace(self, models=models, context=table) if models else None

    def _block(self, steps: int, history: Table | None, future: Future | None) -> Forecast:
        said = [model.predict(steps, history, future) for model in self.models]
        failed = dict(said[0].failed)
        for one in said[1:]:
            failed = {i: why for i, why in failed.items() if i in one.failed}
        mean = self._middle([one.mean for one in said])
        levels = tuple(level for level in said[0].levels if all(level in one.levels for one in said))
        if not self.spread or not levels:
            return Forecast(mean, failed=failed)
        quantiles = [cast(Floats, one.quantiles)[..., [one.levels.index(level) for level in levels]] for one in said]
        return Forecast(mean, levels, self._middle(quantiles), failed)

    def _middle(self, said: Sequence[Floats]) -> Floats:
        """The mean or median over the members, NaN skipped; NaN where all are."""
        ordered = np.sort(np.stack(said), axis=0)  # NaN last
        count = np.isfinite(ordered).sum(axis=0)
        if self.how == "mean":
            return np.asarray(np.where(count > 0, np.nansum(ordered, axis=0) / np.maximum(count, 1), np.nan))
        low, high = (
            np.take_along_axis(ordered, at[None], 0)[0] for at in (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(said) - 1))
        )
        return np.asarray(low / 2 + high / 2)
