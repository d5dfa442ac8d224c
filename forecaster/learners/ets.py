"""Exponential smoothing in state space form, every form of it, chosen by information criterion.

Source: Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing (Springer 2008); equations in `_native/ets.hpp`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners import _smoothing
from forecaster.learners._local import season
from forecaster.learners._smoothing import Rows, States
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Table

Select = Literal["aic", "aicc", "bic"]
Region = Literal["usual", "admissible"]
Intervals = Literal["closed", "simulated"]

LONG = 12
"""Beyond this period a form with Z for error and season stands for additive ones (see the class)."""

TRENDS, SEASONS = ("N", "A", "Ad"), ("N", "A", "M")


@storable
@dataclass(frozen=True)
class ETS:
    """Exponential smoothing: error, trend and season of each series chosen among 15 forms, fitted by maximum likelihood.

    Args:
        form: Error (A, M), trend (N, A, Ad) and season (N, A, M), with Z for whichever is best: "ZZZ", "MAdM", "ANZ".
        period: Steps in one season; the table's season length where absent.
        select: Criterion that chooses among forms.
        region: "usual" keeps 0 < beta < alpha < 1 and 0 < gamma < 1 - alpha; "admissible" asks only that old errors are forgotten.
        unstable: Whether Z may stand for additive errors with a multiplicative season, which have no closed variances.
        free_seasons: Initial seasonal states are fitted up to this period; beyond, they stay those of a decomposition.
        prior: Standard deviation of the half-normal prior of beta / alpha; math.inf for plain maximum likelihood.
        levels: Quantile levels, ascending, between 0 and 1.
        intervals: "closed" takes the variance formulas where there are some, "simulated" always simulates.
        paths: Simulated paths of a series.
        seed: Seed of the simulation; a series gets the same paths wherever it stands.
        threads: Threads over series; they change the speed, never the bits.
    """

    form: str = "ZZZ"
    period: int | None = None
    select: Select = "aicc"
    region: Region = "usual"
    unstable: bool = False
    free_seasons: int = 24
    prior: float = 0.2
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    intervals: Intervals = "closed"
    paths: int = 1000
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        levels = tuple(float(level) for level in self.levels)
        if list(levels) != sorted(set(levels)) or (levels and (levels[0] <= 0 or levels[-1] >= 1)):
            raise SettingsError(f"levels ascend between 0 and 1; came {self.levels!r}")
        object.__setattr__(self, "levels", levels)
        for name, choices in (("select", Select), ("region", Region), ("intervals", Intervals)):
            if (given := getattr(self, name)) not in get_args(choices):
                raise SettingsError(f"{name} is one of {', '.join(map(repr, get_args(choices)))}; came {given!r}")
        if self.paths < 1 or not self.prior > 0:
            raise SettingsError(f"paths is 1 or more and prior positive; came {self.paths!r} and {self.prior!r}")
        codes(self.form, self.unstable)

    @property
    def traits(self) -> Traits:
        """Quantiles of its own; as many values as the smallest form needs."""
        return Traits(quantiles=bool(self.levels), min_length=int(min(_smoothing.parameters(self._codes(self.period or 2), self.period or 2))) + 3)

    def fit(self, table: Table) -> ETSModel:
        """One call for all series."""
        period = season(self.period, table)
        rows = Rows.observed(table)
        choices = get_args(Region).index(self.region), get_args(Select).index(self.select)
        first = _smoothing.fit(
            table, rows, period, self._codes(period), *choices, self.free_seasons, self.prior**-2, threads=self.threads or 1
        )
        last, sums = _smoothing.filter(table, rows, first, rows.start, threads=self.threads or 1)
        free = np.maximum(sums[:, 0] - _smoothing.parameters(first.form, period), 1)
        return ETSModel(
            recipe=self,
            first=first,
            last=last,
            origin=table.end,
            variance=sums[:, 1] / free,
            criterion=_smoothing.criterion(sums, first.form, period, self.select),
            observed=rows.count,
            seed=_smoothing.seeds(table, self.seed),
        )

    def _codes(self, period: int) -> Ints:
        wide_open = self.form[0] == self.form[-1] == "Z"
        form = f"A{self.form[1:]}" if wide_open and period > LONG else self.form
        return codes(form, self.unstable)


@storable
@dataclass(frozen=True, eq=False)
class ETSModel:
    """Exponential smoothing of every series.

    Args:
        recipe: The learner that made it.
        first: The states before the first observed value.
        last: The states after the last observed value.
        origin: The step after which it forecasts. (series,)
        variance: Variance of one error: of y - f for additive, of y / f - 1 for multiplicative ones. (series,)
        criterion: The criterion that chose the form. (series,)
        observed: Number of values it was fitted on. (series,)
        seed: Seeds of the simulations. (series,)
    """

    recipe: ETS
    first: States
    last: States
    origin: Ints
    variance: Floats
    criterion: Floats
    observed: Ints
    seed: Ints

    @property
    def forms(self) -> list[str]:
        """The form of each series, as in "MAdM"; empty where it has none."""
        return ["" if code < 0 else name_of(code) for code in self.first.form.tolist()]

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast from the model's own history, or move the states over a newer one without fitting again.

        A history that reaches back to the first value is gone through as a whole, a later one from where the model stands.
        """
        states, origin = (self.last, self.origin) if history is None else (self._moved(history), history.end)
        gap = origin - states.step
        usable = (states.form >= 0) & (gap >= 0)
        mean, quantiles = _smoothing.ahead(
            replace(states, form=np.where(usable, states.form, -1).astype(np.int8)), self.first.step, self.variance, np.maximum(gap, 0), self.seed,
            horizon, self.recipe.levels, self.recipe.paths, self.recipe.intervals == "simulated", self.recipe.threads or 1,
        )  # fmt: skip
        finite = np.isfinite(mean).all(axis=1) & np.isfinite(quantiles).all(axis=(1, 2))
        mean[~finite] = quantiles[~finite] = np.nan
        failed = {i: self._reason(i, bool(usable[i])) for i in np.flatnonzero(~finite).tolist()}
        levels = self.recipe.levels
        return Forecast(mean, levels, quantiles if levels else None, failed)

    def fitted(self, history: Table) -> Floats:
        """The forecast of each value from those before it; NaN before the first observed value of a series. (rows,)"""
        fitted = np.full(len(history.target), np.nan)
        self._moved(history, fitted)
        return fitted

    def residuals(self, history: Table) -> Floats:
        """The errors of the fitted values: y - f for additive, y / f - 1 for multiplicative errors. (rows,)"""
        fitted = self.fitted(history)
        relative = np.repeat(self.first.form % 2 == 1, history.sizes)
        return np.where(relative, history.target / fitted - 1, history.target - fitted)

    def _moved(self, history: Table, fitted: Floats | None = None) -> States:
        whole = (history.start <= self.first.step + 1) | (history.end < self.last.step) | (fitted is not None)
        start = self.first.where(whole, self.last)
        rows = Rows.observed(history).after(start.step, history)
        waited = start.coasted(np.maximum(rows.start - start.step, 0))
        moved, _ = _smoothing.filter(history, rows, waited, self.first.step, fitted, threads=self.recipe.threads or 1)
        return moved

    def _reason(self, i: int, usable: bool) -> str:
        needed = self.recipe.traits.min_length
        if self.observed[i] < needed:
            return f"it has {self.observed[i]} observed values; ets needs {needed} for the form {self.recipe.form!r}"
        if self.first.form[i] < 0:
            return f"no form of {self.recipe.form!r} suits it: a season needs two full periods, and M positive values only; try form='ZZZ'"
        return "its forecasts are too large to be numbers" if usable else "its history ends before the model begins"


def codes(form: str, unstable: bool = False) -> Ints:
    """The codes of the forms that a name like "ZZZ", "MAdM" or "ANZ" stands for, ascending.

    Raises:
        SettingsError: It is no such name, or one of a form with no additive or multiplicative counterpart.
    """
    parts = re.fullmatch(r"([AMZ])(N|Ad|A|Z)([NAMZ])", form)
    if parts is None:
        raise SettingsError(f"a form is an error (A, M, Z), a trend (N, A, Ad, Z) and a season (N, A, M, Z), as in 'MAdM' or 'ZZZ'; came {form!r}")
    errors, trends, seasons = ("AM" if parts[1] == "Z" else parts[1], [parts[2]], [parts[3]])
    trends = list(TRENDS) if parts[2] == "Z" else trends
    seasons = list(SEASONS) if parts[3] == "Z" else seasons
    allowed = unstable or "Z" not in form
    wanted = [(e, t, s) for e in errors for t in trends for s in seasons if allowed or (e, s) != ("A", "M")]
    if not wanted:
        raise SettingsError(f"the forms {form!r} stand for are unstable (additive errors, multiplicative season); allow them with unstable=True")
    return np.sort([("AM".index(e) + 2 * TRENDS.index(t) + 6 * SEASONS.index(s)) for e, t, s in wanted]).astype(np.int64)


def name_of(code: int) -> str:
    """The form of a code: 11 is "MAdA"."""
    return "AM"[code % 2] + TRENDS[code // 2 % 3] + SEASONS[code // 6]
