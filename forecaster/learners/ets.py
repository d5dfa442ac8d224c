"""Exponential smoothing in state space form, every form of it, chosen by information criterion or backtest.

Source: Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing (Springer 2008); equations in `_native/ets.hpp`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Literal, get_args

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.guardrails import expect_history
from forecaster.learners import _smoothing
from forecaster.learners._local import ascending, expect_period, observed, season
from forecaster.learners._smoothing import Outlook, Rows, Search, States
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Parts, Traits
from forecaster.table import Floats, Future, Ints, Table

Select = Literal["aicc", "aic", "bic", "backtest"]
Region = Literal["usual", "admissible", "both"]
Intervals = Literal["closed", "simulated"]

ERRORS, TRENDS, SEASONS = ("A", "M"), ("N", "A", "Ad", "M", "Md"), ("N", "A", "M")

TOO_EARLY = "its history ends before the model begins; give a later one"
NOT_FINITE = "its forecast is not a finite number; check the series for values that differ by many orders of magnitude"

LONG = 12
"""Where errors and season are both free, seasons longer than this are tried with additive ones alone (docs/ets.md says why)."""


@storable
@dataclass(frozen=True)
class ETS:
    """Exponential smoothing: error, trend and season of each series chosen among 15 forms; parameters by penalised maximum likelihood.

    Args:
        form: Error (A, M), trend (N, A, Ad, M, Md) and season (N, A, M), with Z for whichever is best: "ZZZ", "MAdM", "ANZ", "MMM".
        period: Steps in one season; the table's season length where absent.
        select: What chooses among forms: a criterion, or "backtest": the mean absolute error of forecasts of the last `holdout` values.
        region: "usual" keeps 0 < beta < alpha < 1 and 0 < gamma < 1 - alpha; "admissible" asks only that old errors are forgotten;
            "both" asks for the two.
        unstable: Whether Z may stand for forms without a stable forecast variance: additive errors with a multiplicative part, or a
            multiplicative trend with an additive season.
        multiplicative_trend: Whether Z may stand for the trends M and Md.
        holdout: Values of select="backtest", at most a third of a series; one season, but at least 8, where absent.
        free_seasons: Initial seasonal states are fitted up to this period; beyond, they stay those of a decomposition.
        prior: Standard deviation of the half-normal prior of beta / alpha; math.inf for plain maximum likelihood.
        levels: Quantile levels, ascending, between 0 and 1; none for forecasts without quantiles.
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
    multiplicative_trend: bool = False
    holdout: int | None = None
    free_seasons: int = 24
    prior: float = 0.2
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    intervals: Intervals = "closed"
    paths: int = 1000
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", ascending(self.levels))
        for name, choices in (("select", Select), ("region", Region), ("intervals", Intervals)):
            if (given := getattr(self, name)) not in get_args(choices):
                raise SettingsError(f"{name} is one of {', '.join(map(repr, get_args(choices)))}; came {given!r}")
        if self.paths < 1 or not self.prior > 0:
            raise SettingsError(f"paths is 1 or more and prior positive; came paths={self.paths!r}, prior={self.prior!r}")
        if self.holdout is not None and self.holdout < 1:
            raise SettingsError(f"holdout is 1 or more; came {self.holdout!r}")
        if self.free_seasons < 0:
            raise SettingsError(f"free_seasons is a number of steps from 0 up; came {self.free_seasons!r}")
        expect_period(self.period)
        codes(self.form, self.unstable, self.multiplicative_trend)

    @property
    def traits(self) -> Traits:
        """Quantiles of its own; as many values as the criterion needs for the smallest form, and two seasons if it has one."""
        search = self._search(self.period or 2)
        forms = np.array(search.codes)
        needed = np.maximum(_smoothing.parameters(forms, search.period) + 3, 2 * search.period * _smoothing.seasonal(forms))
        return Traits(quantiles=bool(self.levels), min_length=int(needed.min()))

    @own_units
    def fit(self, table: Table) -> FittedETS:
        """One call for all series."""
        count, threads = observed(table), self.threads or 1
        rows = Rows.observed(table, count)
        period = season(self.period, table)
        # A season that a series does not hold twice is none to it, whatever the others hold.
        twice = rows.end - rows.begin >= 2 * period
        search = self._search(period if twice.any() else 1)
        first = _smoothing.fit(table, rows.only(twice | (search.period == 1)), search, threads)
        if search.period > 1 and not twice.all():
            first = first.where(twice, _smoothing.fit(table, rows.only(~twice), self._search(1), threads))
        last, sums = _smoothing.move(table, rows, first, first.step, threads=threads)
        estimated = _smoothing.parameters(first.form, search.period)
        return FittedETS(
            recipe=self,
            first=first,
            last=last,
            origin=table.end,
            variance=sums[:, 1] / np.maximum(sums[:, 0] - estimated, 1),
            criterion=_smoothing.criterion(sums, first.form, estimated, search),
            observed=count,
            seed=_smoothing.seeds(table, self.seed),
        )

    def _search(self, period: int) -> Search:
        all_free = self.form[0] == self.form[-1] == "Z"
        form = f"A{self.form[1:]}" if all_free and period > LONG else self.form
        tried = codes(form, self.unstable and form == self.form, self.multiplicative_trend)
        held = max(period, 8) if self.holdout is None else self.holdout
        return Search(period, tried, self.region, self.select, self.free_seasons, self.prior, held)


@storable
@dataclass(frozen=True, eq=False)
class FittedETS:
    """Exponential smoothing of every series.

    Args:
        recipe: The learner that made it.
        first: The states before the first observed value.
        last: The states after the last observed value.
        origin: The step after which it forecasts. (series,)
        variance: Variance of one error: of y - f for additive, of y / f - 1 for multiplicative ones. (series,)
        criterion: The criterion that chose the form, of the likelihood without the prior. (series,)
        observed: Number of values it was fitted on. (series,)
        seed: Seeds of the simulations. (series,)
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    recipe: ETS
    first: States
    last: States
    origin: Ints
    variance: Floats
    criterion: Floats
    observed: Ints
    seed: Ints
    unit: Ints | None = None

    @property
    def forms(self) -> list[str]:
        """The form of each series, as in "MAdM"; empty where it has none."""
        return ["" if code < 0 else name_of(code) for code in self.first.form.tolist()]

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast from the model's own history, or move the states over a newer one without fitting again.

        A history that reaches back to the first value is gone through as a whole, a later one from where the model stands.
        """
        states, origin = (self.last, self.origin) if history is None else (self._moved(history), history.end)
        gap = origin - states.step
        asked = np.where(gap >= 0, states.form, -1).astype(np.int8)
        recipe = self.recipe
        outlook = Outlook(horizon, recipe.levels, recipe.paths, recipe.intervals == "simulated")
        mean, quantiles = _smoothing.ahead(
            replace(states, form=asked), self.first.step, self.variance, np.maximum(gap, 0), self.seed, outlook, recipe.threads or 1
        )
        lost = ~(np.isfinite(mean).all(axis=1) & np.isfinite(quantiles).all(axis=(1, 2)))
        mean[lost] = quantiles[lost] = np.nan
        needed = recipe.traits.min_length
        failed = {i: self._reason(i, needed, bool(gap[i] < 0)) for i in np.flatnonzero(lost).tolist()}
        return Forecast(mean, recipe.levels, quantiles if recipe.levels else None, failed)

    @in_units
    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """Level, trend and season: what the forecast loses when the season, then the slope are taken out of the states."""
        plain = replace(self, recipe=replace(self.recipe, levels=(), intervals="closed"))
        states, origin = (self.last, self.origin) if history is None else (self._moved(history), history.end)
        calm = states.without_season()
        whole, bare, flat = (
            replace(plain, last=one, origin=origin).predict(horizon).mean for one in (states, calm, calm.without_slope())
        )  # fmt: skip
        return {"level": flat, "trend": bare - flat, "season": whole - bare}

    @in_units
    def fitted(self, history: Table) -> Floats:
        """The forecast of each value from those before it; NaN where the value is missing. (rows,)"""
        fitted = np.full(len(history.target), np.nan)
        self._moved(history, fitted)
        return np.where(np.isfinite(history.target), fitted, np.nan)

    def residuals(self, history: Table) -> Floats:
        """The errors of the fitted values: y - f for additive, y / f - 1 for multiplicative errors. (rows,)"""
        fitted = self.fitted(history)
        relative = np.repeat(self.first.form % 2 == 1, history.sizes)
        with np.errstate(all="ignore"):  # a forecast of 0, as of a series that is none
            return np.asarray((history.target - fitted) / np.where(relative, fitted, 1.0))

    def _moved(self, history: Table, fitted: Floats | None = None) -> States:
        expect_history(history, self.origin + 1)
        whole = (history.start <= self.first.step + 1) | (history.end < self.last.step) | (fitted is not None)
        start = self.first.where(whole, self.last)
        rows = Rows.after(start.step, history)
        return _smoothing.move(history, rows, start.coasted(rows.before), self.first.step, fitted, self.recipe.threads or 1)[0]

    def _reason(self, i: int, needed: int, too_early: bool) -> str:
        if self.observed[i] < needed:
            return f"it has {self.observed[i]} observed values; ets needs {needed} for the form {self.recipe.form!r}"
        if self.first.form[i] < 0:
            return f"no form of {self.recipe.form!r} suits it: a season needs two full periods, and M positive values only; try form='ZZZ'"
        return TOO_EARLY if too_early else NOT_FINITE


@cache
def codes(form: str, unstable: bool = False, multiplicative_trend: bool = False) -> tuple[int, ...]:
    """The codes of the forms that a name like "ZZZ", "MAdM" or "ANZ" stands for, ascending.

    Raises:
        SettingsError: It is no such name, or Z stands for none but forms that it may not stand for.
    """
    parts = re.fullmatch(r"([AMZ])(N|Ad|A|Md|M|Z)([NAMZ])", form)
    if parts is None:
        raise SettingsError(
            f"a form is error (A, M, Z), trend (N, A, Ad, M, Md, Z) and season (N, A, M, Z), as in 'MAdM' or 'ZZZ'; came {form!r}"
        )
    trends = TRENDS if multiplicative_trend else TRENDS[:3]
    choices = (all_ if part == "Z" else (part,) for part, all_ in zip(parts.groups(), (ERRORS, trends, SEASONS), strict=True))
    wanted = [one for one in product(*choices) if unstable or "Z" not in form or _stable(*one)]
    if not wanted:
        raise SettingsError(
            f"all forms {form!r} stands for are unstable, as a multiplicative part with additive errors; unstable=True allows them"
        )
    return tuple(sorted(ERRORS.index(e) + 2 * TRENDS.index(t) + 10 * SEASONS.index(s) for e, t, s in wanted))


def _stable(error: str, trend: str, season: str) -> bool:
    """Whether forecasts of the form keep a finite variance, as R's `restrict` has it."""
    return not ((error == "A" and "M" in trend + season) or (trend[0] == "M" and season == "A"))


def name_of(code: int) -> str:
    """The form of a code: 15 is "MAdA"."""
    return ERRORS[code % 2] + TRENDS[code // 2 % 5] + SEASONS[code // 10]
