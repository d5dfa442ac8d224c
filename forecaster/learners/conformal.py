"""Intervals for any learner: quantiles from how far off it was in a backtest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from forecaster.archive import storable
from forecaster.backtest import RollingOrigin, actuals, backtest, beyond, cutoffs
from forecaster.calibration import Spread
from forecaster.errors import SettingsError
from forecaster.growth import paired
from forecaster.learners._local import ascending
from forecaster.metrics import Scale
from forecaster.protocols import Forecast, Learner, Model, Parts, Traits, parts_of, within
from forecaster.table import Future, Table


@storable
@dataclass(frozen=True)
class Conformal:
    """A learner whose forecasts carry quantiles, by split-conformal residuals per step and series (see `calibration`).

    Args:
        learner: Makes the forecasts.
        rolling: The windows its residuals come from; where no series has room for one, differences of the values stand in.
        levels: Quantile levels, ascending, between 0 and 1.
        horizon: Steps that residuals are learnt for, further ones are extrapolated; that of the learner's design where None.
    """

    learner: Learner
    rolling: RollingOrigin = field(default_factory=RollingOrigin)
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    horizon: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", ascending(self.levels))
        if not self.levels:
            raise SettingsError("levels are those to calibrate, one at least; came none")

    @property
    def traits(self) -> Traits:
        """Those of the learner, with quantiles."""
        return replace(self.learner.traits, quantiles=True)

    @property
    def label(self) -> str:
        """The name of what is wrapped."""
        return str(getattr(self.learner, "label", type(self.learner).__name__))

    def fit(self, table: Table) -> Calibrated:
        """Backtest the learner for its residuals, then fit it on everything."""
        return Calibrated(self.learner.fit(table), self._spread(table), self.levels)

    def _spread(self, table: Table) -> Spread:
        horizon = self.horizon or _reach(self.learner)
        windows = self.rolling.split(table, horizon, self.learner.traits.min_length)
        if not windows:
            return Spread.naive(table, horizon)
        came, found = actuals(windows), backtest(self.learner, windows, beyond(windows))
        spread = Spread.of(came, found.forecast, Scale.of(table).mae, table.group_ptr)
        if found.further is None:
            return spread
        return spread.widened_by(*paired(came, found.forecast, found.further.forecast, cutoffs(windows)), table.group_ptr)


@storable
@dataclass(frozen=True, eq=False)
class Calibrated:
    """A model and how far off it is."""

    model: Model
    spread: Spread
    levels: tuple[float, ...]

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """The forecasts of the model, with quantiles."""
        forecast = self.model.predict(horizon, history, future)
        return replace(forecast, levels=self.levels, quantiles=np.asarray(self.spread.quantiles(forecast.mean, self.levels)))

    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """Those of the model."""
        return parts_of(self.model, horizon, history, future)


def _reach(learner: Learner) -> int:
    """The horizon of the first design found in a learner or what it wraps; 1 where there is none."""
    designs = (getattr(one, "design", None) for one in within(learner))
    return next((design.horizon for design in designs if design is not None), 1)
