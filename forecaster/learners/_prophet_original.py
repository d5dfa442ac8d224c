"""The original package behind the same options: one model per series, kept as the JSON text that the package itself writes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forecaster.archive import storable
from forecaster.errors import CannotPredict, MissingExtra
from forecaster.features.calendar import Grid
from forecaster.learners._prophet_columns import MICROSECONDS_PER_DAY, Column, days, raw
from forecaster.learners._prophet_layout import Layout, Rows
from forecaster.learners._prophet_model import History, too_few
from forecaster.protocols import Forecast
from forecaster.table import Floats, Future, Ints, Table

if TYPE_CHECKING:
    from forecaster.learners.prophet import Prophet

YEARS_AHEAD = 20
"""The package is given the holidays of so many years after the history."""


@storable
@dataclass(frozen=True, eq=False)
class Originals:
    """The package's models of all series.

    Args:
        recipe: The learner that made them.
        layout: The columns that the native engine would have: covariates are filled and coded by them.
        models: What the package writes of each; None where it has none.
        reasons: Why not.
        end: Last step of the history. (series,)
        floor: Last floor. (series,)
        cap: Last capacity. (series,)
    """

    recipe: Prophet
    layout: Layout
    models: tuple[str | None, ...]
    reasons: tuple[str, ...]
    end: Ints
    floor: Floats
    cap: Floats

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """The package's forecasts; its simulation is seeded by the recipe's seed."""
        if history is not None:
            raise CannotPredict("engine='prophet' forecasts the history that it was fitted on only; fit again, or use engine='native'")
        with _quiet(self.recipe.seed):
            from prophet.serialize import model_from_json
        rows, levels = Rows.ahead(self.end, horizon, future), self.recipe.levels
        sheet = _sheet(self.recipe, self.layout, rows, rows.number(self.recipe.floor, self.floor), rows.number(self.recipe.cap, self.cap))
        mean, quantiles = np.full((len(self.end), horizon), np.nan), np.full((len(self.end), horizon, len(levels)), np.nan)
        for i, written in enumerate(self.models):
            if written is None:
                continue
            with _quiet(self.recipe.seed):
                model, ahead = model_from_json(written), sheet.iloc[i * horizon : (i + 1) * horizon]
                model.uncertainty_samples = 0
                mean[i] = model.predict(ahead)["yhat"]
                model.uncertainty_samples = self.recipe.samples
                if levels:
                    quantiles[i] = np.quantile(model.predictive_samples(ahead.copy())["yhat"], levels, axis=1).T
        failed = {i: reason for i, reason in enumerate(self.reasons) if reason}
        return Forecast(mean, levels, quantiles if levels else None, failed)


def fit(recipe: Prophet, table: Table) -> Originals:
    """Fit the package on every series; one that it refuses is a reason in the forecast.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        with _quiet(recipe.seed):
            import prophet.serialize  # noqa: F401
    except ImportError as error:
        raise MissingExtra.of("prophet with engine='prophet'", error.name, "prophet") from error
    past = History.of(recipe, table)
    layout = Layout.of(recipe, table, past.rows.grid, past.seen)
    sheet = _sheet(recipe, layout, past.rows, past.floor, past.cap).assign(y=np.nan)
    sheet.loc[past.seen.rows, "y"] = table.target[past.seen.rows]
    holidays, places = _holidays(recipe, layout, table), _places(layout, table)
    models: list[str | None] = []
    reasons: list[str] = []
    for i, count in enumerate(past.seen.counts.tolist()):
        written, reason = None, too_few(recipe, count)
        if not reason:
            try:
                package = _package(recipe, layout, _bends(recipe, past, i), _kept(holidays, places[i]))
                written = _fitted(package, sheet.iloc[int(table.indptr[i]) : int(table.indptr[i + 1])], recipe.seed)
            except Exception as error:  # one series must not cost its neighbours their models
                reason = f"the package refused it: {type(error).__name__}: {error}"
        models.append(written)
        reasons.append(reason)
    return Originals(recipe, layout, tuple(models), tuple(reasons), table.end, past.last(past.floor), past.last(past.cap))


def _fitted(package: Any, rows: Any, seed: int) -> str:
    from prophet.serialize import model_to_json

    with _quiet(seed):
        return str(model_to_json(package.fit(rows)))


def _bends(recipe: Prophet, past: History, i: int) -> list[str] | None:
    """The given changepoints that fall within a series."""
    if recipe.changepoints is None:
        return None
    day = np.array(recipe.changepoints, "datetime64[us]").astype(np.int64) / MICROSECONDS_PER_DAY
    within = (day >= past.seen.first[i]) & (day <= past.seen.last[i])
    return [point for point, inside in zip(recipe.changepoints, within, strict=True) if inside]


def _package(recipe: Prophet, layout: Layout, changepoints: list[str] | None, holidays: Any) -> Any:
    """A model of the package with the recipe's options."""
    from prophet import Prophet as Package

    model = Package(
        growth=recipe.growth, changepoints=changepoints,
        n_changepoints=recipe.n_changepoints, changepoint_range=recipe.changepoint_range, yearly_seasonality=recipe.yearly_seasonality,
        weekly_seasonality=recipe.weekly_seasonality, daily_seasonality=recipe.daily_seasonality, holidays=holidays,
        seasonality_mode=recipe.seasonality_mode, seasonality_prior_scale=recipe.seasonality_prior_scale,
        holidays_prior_scale=recipe.holidays_prior_scale, changepoint_prior_scale=recipe.changepoint_prior_scale,
        uncertainty_samples=0, scaling=recipe.scaling, holidays_mode=recipe.holidays_mode,
    )  # fmt: skip
    for season in recipe.seasonalities:
        model.add_seasonality(season.name, season.period, season.fourier_order, season.prior_scale, season.mode, season.condition)
    standardize = recipe.standardized
    for column in _covariates(recipe, layout):
        mode = "multiplicative" if column.multiplicative else "additive"
        model.add_regressor(_named(column), column.scale, standardize.get(column.part, "auto"), mode)
    return model


def _sheet(recipe: Prophet, layout: Layout, rows: Rows, floor: Floats | None, cap: Floats | None) -> Any:
    """What the package reads, as a pandas frame of all series: ds, capacities, covariates and conditions."""
    import pandas as pd

    day = days(layout.frequency, rows.steps)
    frame = pd.DataFrame({"ds": (np.rint(day * MICROSECONDS_PER_DAY).astype(np.int64)).view("datetime64[us]")})
    columns = _covariates(recipe, layout)
    values = raw(columns, rows.known, rows.count)
    usual = np.repeat(layout.usual[:, layout.usual.shape[1] - len(columns) :], rows.each, axis=0)
    for j, column in enumerate(columns):
        frame[_named(column)] = np.where(np.isfinite(values[:, j]), values[:, j], usual[:, j])
    for season in recipe.seasonalities:
        if season.condition is not None:
            frame[season.condition] = np.nan_to_num(rows.covariate(season.condition)) != 0
    if recipe.growth == "logistic":
        frame["cap"] = cap
    return frame if recipe.floor is None else frame.assign(floor=floor)


def _covariates(recipe: Prophet, layout: Layout) -> tuple[Column, ...]:
    seasons = {season.name for season in recipe.seasonalities}
    return tuple(column for column in layout.columns[layout.shared :] if column.part not in seasons)


def _named(column: Column) -> str:
    return column.part if column.label is None else f"{column.part}={column.label}"


def _holidays(recipe: Prophet, layout: Layout, table: Table) -> Any:
    """All holidays from the first year of the history on, as the package wants them."""
    import pandas as pd

    if layout.country is None and not recipe.events:
        return None
    steps = Grid.over(table).steps[[0, -1]]
    told = [
        {"place": one.place, "holiday": one.name, "ds": day, "lower_window": one.lower, "upper_window": one.upper, "prior_scale": one.scale}
        for one in recipe.keeping(layout.country).kept(table.frequency, steps, YEARS_AHEAD)
        for day in one.days.astype("datetime64[D]")
    ]
    return pd.DataFrame(told) if told else None


def _places(layout: Layout, table: Table) -> list[str]:
    """Where each series is; empty for nowhere."""
    if layout.country is None:
        return [""] * len(table)
    return [layout.country.places[at] if at >= 0 else "" for at in layout.country.places_of(table, Future({}, 1)).tolist()]


def _kept(holidays: Any, place: str) -> Any:
    """The holidays that are kept everywhere or there."""
    return None if holidays is None else holidays[holidays["place"].isin(["", place])].drop(columns="place")


@contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Without the package's messages, and with its draws seeded; what others draw goes on as if nothing had been."""
    loggers = [logging.getLogger(name) for name in ("cmdstanpy", "prophet", "prophet.plot")]
    before, drawn = [logger.disabled for logger in loggers], np.random.get_state()  # noqa: NPY002 (the package draws from there)
    try:
        for logger in loggers:
            logger.disabled = True
        np.random.seed(seed)  # noqa: NPY002
        yield
    finally:
        np.random.set_state(drawn)  # noqa: NPY002
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
