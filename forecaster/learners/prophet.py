"""Prophet (Taylor & Letham 2018): a trend that bends, seasons, holidays and covariates, fitted to all series in one call.

The model, its defaults and the meaning of every option are those of the package. The posterior mode is found by our own kernel
(`_native/prophet.hpp`) instead of Stan, and quantiles come from the exact distribution of what the package simulates, or from a seeded
simulation where the trend is logistic.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.features.holidays import Holidays
from forecaster.learners._local import ascending
from forecaster.learners._prophet_columns import Event, Keeping, Mode, Regressor, Seasonality, check_mode, check_prior, country_of, stamps
from forecaster.learners._prophet_model import Curves
from forecaster.protocols import Model, Traits
from forecaster.table import Table

__all__ = ["Event", "Prophet", "Regressor", "Seasonality"]

Option = Literal["auto"] | bool | int


@storable
@dataclass(frozen=True, kw_only=True)
class Prophet:
    """Trend, seasons, holidays and covariates of every series.

    Args:
        growth: "linear", "flat", or "logistic", which needs `cap`.
        changepoints: Dates at which the trend may bend; for each series those that lie within it. None spreads `n_changepoints` evenly.
        n_changepoints: Automatic changepoints of a series that is long enough.
        changepoint_range: Share of the history that they lie in.
        changepoint_prior_scale: How easily the trend bends there.
        yearly_seasonality: "auto" fits it where there are two years of history; True, False, or the pairs of waves.
        weekly_seasonality: "auto" where there are two weeks of values less than a week apart, likewise.
        daily_seasonality: "auto" where there are two days of values less than a day apart, likewise.
        seasonalities: Seasons of one's own.
        seasonality_mode: "additive" or "multiplicative".
        seasonality_prior_scale: How large seasons may be.
        holidays: A country ("US", "US-CA"), a column that holds one per series, or a mapping with country, subdiv, names, lead and lag
            (days before and after that have an effect of their own).
        events: Holidays of one's own, and windows and priors of those of the country.
        holidays_mode: "additive" or "multiplicative"; that of seasons where None.
        holidays_prior_scale: How large the effects of holidays and covariates may be.
        regressors: Known covariates to use, by name or as `Regressor`; all that have no other part where None.
        cap: The capacity of logistic growth: a number, or a known covariate. Values without one above the floor are skipped.
        floor: What logistic growth starts from, likewise; 0 where None.
        scaling: What values are divided by: "absmax" or "minmax".
        levels: Quantile levels, ascending, between 0 and 1; none for forecasts without quantiles.
        samples: Simulated futures of logistic growth.
        design: The features of a job, filled in by it: its holidays, with the days around them, are kept where `holidays` is None.
        engine: "native", or "prophet" to run the original package.
        seed: Seed of the simulation.
        threads: Threads; None is one. It changes no bit.
    """

    growth: Literal["linear", "logistic", "flat"] = "linear"
    changepoints: tuple[str, ...] | None = None
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05
    yearly_seasonality: Option = "auto"
    weekly_seasonality: Option = "auto"
    daily_seasonality: Option = "auto"
    seasonalities: tuple[Seasonality, ...] = ()
    seasonality_mode: Mode = "additive"
    seasonality_prior_scale: float = 10.0
    holidays: Any = None
    events: tuple[Event, ...] = ()
    holidays_mode: Mode | None = None
    holidays_prior_scale: float = 10.0
    regressors: tuple[str | Regressor, ...] | None = None
    cap: str | float | None = None
    floor: str | float | None = None
    scaling: Literal["absmax", "minmax"] = "absmax"
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    samples: int = 1000
    design: Design | None = None
    engine: Literal["native", "prophet"] = "native"
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))
        object.__setattr__(self, "holidays", country_of(self.holidays))
        if self.changepoints is not None:
            object.__setattr__(self, "changepoints", stamps("prophet: changepoints", self.changepoints, "s"))
        self._check_choices()
        self._check_numbers()
        self._check_names()

    def _check_choices(self) -> None:
        choices = {"growth": ("linear", "logistic", "flat"), "scaling": ("absmax", "minmax"), "engine": ("native", "prophet")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise SettingsError(f"prophet: {name} is one of {', '.join(map(repr, known))}; came {getattr(self, name)!r}")
        for name in ("yearly_seasonality", "weekly_seasonality", "daily_seasonality"):
            option = getattr(self, name)
            if option != "auto" and not (isinstance(option, int) and option >= 0):
                raise SettingsError(f'prophet: {name} is "auto", True, False or a number of waves; came {option!r}')
        if (self.growth == "logistic") != (self.cap is not None) or (self.floor is not None and self.cap is None):
            raise SettingsError(
                f"prophet: growth='logistic' and cap= belong together, and floor= goes with them; came growth={self.growth!r}, "
                f"cap={self.cap!r}, floor={self.floor!r}"
            )
        check_mode("prophet", self.seasonality_mode)
        check_mode("prophet", self.holidays_mode)

    def _check_names(self) -> None:
        kinds: dict[str, tuple[type, ...]] = {"events": (Event,), "seasonalities": (Seasonality,), "regressors": (Regressor, str)}
        for option, kind in kinds.items():
            for part in getattr(self, option) or ():
                if not isinstance(part, kind):
                    raise SettingsError(f"prophet: {option} takes {kind[0].__name__}(...) of forecaster.learners.prophet; came {part!r}")
        parts = (*self.events, *self.seasonalities, *(self.regressors or ()))
        names = [part if isinstance(part, str) else part.name for part in parts]
        for name in names:
            if names.count(name) > 1:
                raise SettingsError(f"prophet: {name!r} came twice; give each part a name of its own, and an event all its dates in one")

    def _check_numbers(self) -> None:
        for name in ("seasonality_prior_scale", "holidays_prior_scale", "changepoint_prior_scale"):
            check_prior(f"prophet: {name}", getattr(self, name))
        if self.n_changepoints < 0 or not 0 <= self.changepoint_range <= 1:
            raise SettingsError(
                f"prophet: n_changepoints is 0 or more, changepoint_range in [0, 1]; came {self.n_changepoints}, {self.changepoint_range}"
            )
        if self.samples < 1:
            raise SettingsError(f"prophet: samples is 1 or more; came {self.samples}")
        object.__setattr__(self, "levels", ascending(self.levels))

    @property
    def traits(self) -> Traits:
        """What it can do. The original cannot move on to newer history without fitting again."""
        return Traits(covariates=True, quantiles=bool(self.levels), min_length=2, rolls_forward=self.engine == "native")

    def fit(self, table: Table) -> Model:
        """One call for all series.

        Raises:
            MissingExtra: `engine="prophet"`, and it is not installed.
            UnknownName: A covariate, country or holiday does not exist.
            SettingsError: An event has no dates, and there is no country whose holiday it could be.
        """
        if self.engine == "prophet":
            from forecaster.learners._prophet_original import fit

            return fit(self, table)
        return Curves.of(self, table)

    def option(self, season: str) -> Option:
        """The option of an automatic season."""
        chosen: Option = getattr(self, f"{season}_seasonality")
        return chosen

    @property
    def country(self) -> Holidays | None:
        """The country whose holidays are kept."""
        if self.holidays is None and self.design is not None and self.design.holidays is not None:
            return Holidays.of(self.design.holidays)
        chosen: Holidays | None = self.holidays
        return chosen

    @property
    def other_parts(self) -> frozenset[str]:
        """Known covariates that are no regressors: capacity, floor, and the conditions of seasons."""
        named = (self.cap, self.floor, *(season.condition for season in self.seasonalities))
        return frozenset(name for name in named if isinstance(name, str))

    @property
    def standardized(self) -> dict[str, Literal["auto"] | bool]:
        """Which regressors are brought to mean 0 and deviation 1, of those that say so."""
        return {one.name: one.standardize for one in self.regressors or () if isinstance(one, Regressor)}

    def keeping(self, country: Holidays | None) -> Keeping:
        """Which holidays are kept, in a country that was found in the table."""
        mode = self.holidays_mode or self.seasonality_mode
        return Keeping(country, self.events, self.holidays_prior_scale, mode == "multiplicative")
