"""Which columns each series has, and their values at any step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecaster._native import prophet as native
from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.features.calendar import Grid
from forecaster.features.holidays import Holidays
from forecaster.frequency import Frequency
from forecaster.learners._prophet_columns import (
    Column,
    Mask,
    Regressor,
    Seasonality,
    covariate,
    days,
    named,
    raw,
    regressor_columns,
    waves,
)  # fmt: skip
from forecaster.learners._prophet_frame import Observed
from forecaster.table import Floats, Future, Ints, Table

if TYPE_CHECKING:
    from forecaster.learners.prophet import Prophet

AUTOMATIC = {
    "yearly": (365.25, 10, 730.0, np.inf),
    "weekly": (7.0, 3, 14.0, 7.0),
    "daily": (1.0, 4, 2.0, 1.0),
}
"""Period in days, pairs of waves, days of history that it needs, and the days that values must be closer than."""


@storable
@dataclass(frozen=True, eq=False)
class Layout:
    """The columns of a fitted model: first those that belong to the steps, then those that belong to the rows of each series.

    Args:
        frequency: Turns steps into days.
        seasons: All seasons.
        country: The country whose holidays there are, found.
        columns: All columns.
        shared: How many of them belong to the steps.
        wanted: Which series has which column. (series, columns)
        centre: What is taken from a covariate before it is used. (series, columns - shared)
        width: What it is divided by. (series, columns - shared)
        usual: What stands in where it is not known: its mean. (series, columns - shared)
    """

    frequency: Frequency
    seasons: tuple[Seasonality, ...]
    country: Holidays | None
    columns: tuple[Column, ...]
    shared: int
    wanted: Mask
    centre: Floats
    width: Floats
    usual: Floats

    @classmethod
    def of(cls, recipe: Prophet, table: Table, grid: Grid, seen: Observed) -> Layout:
        """Choose the columns that the history calls for.

        Raises:
            SettingsError: An event has no dates, and there is no country whose holiday it could be.
        """
        seasons = automatic(recipe, table, seen)
        country = None if recipe.country is None else recipe.country.fit(table, grid)
        for event in recipe.events if country is None else ():
            if not event.dates:
                raise SettingsError(
                    f"event {event.name!r} has no dates, and no country has holidays that it could change; give dates=, or holidays="
                )
        keeping = recipe.keeping(country).columns(table.frequency, grid.steps)
        regressors = named(recipe.regressors, table, recipe.other_parts)
        of_steps = [*_columns_of(recipe, [s for s in seasons if s.condition is None]), *keeping]
        of_rows = _columns_of(recipe, [s for s in seasons if s.condition is not None])
        of_rows += regressor_columns(regressors, table.categories, recipe.holidays_prior_scale, recipe.seasonality_mode)
        columns = (*of_steps, *of_rows)
        return cls(
            table.frequency, tuple(seasons), country, columns, len(of_steps), _wanted(recipe, columns, country, table, seen),
            *_standards(of_rows, regressors, table, seen),
        )  # fmt: skip

    @property
    def part_names(self) -> np.ndarray[Any, Any]:
        """Which part of the model each column belongs to: a season, "holidays", or a covariate. (columns,)"""
        of_season = {season.name for season in self.seasons}
        names = [
            "holidays" if i < self.shared and column.part not in of_season else column.part for i, column in enumerate(self.columns)
        ]  # fmt: skip
        return np.array(names, object)

    def design(self, recipe: Prophet, rows: Rows) -> Any:
        """The columns at some rows, for the kernel."""
        precision = np.array([1 / column.scale**2 for column in self.columns])
        multiplicative = np.array([column.multiplicative for column in self.columns], bool)
        day = days(self.frequency, rows.grid.steps)
        return native.Design(
            day, self._of_steps(recipe, rows.grid.steps, day), self._of_rows(rows, day), self.wanted, precision, multiplicative
        )

    def _of_steps(self, recipe: Prophet, steps: Ints, day: Floats) -> Floats:
        """(steps, shared)"""
        made = [waves(day, season) for season in self.seasons if season.condition is None]
        rest = self.columns[sum(one.shape[1] for one in made) : self.shared]
        return np.concatenate([*made, recipe.keeping(self.country).fill(rest, self.frequency, steps)], axis=1)

    def _of_rows(self, rows: Rows, day: Floats) -> Floats:
        """(rows, columns - shared)"""
        if self.shared == len(self.columns):
            return np.zeros((rows.count, 0))
        made = [
            waves(day[rows.grid.at(rows.steps)], season) * np.nan_to_num(rows.covariate(season.condition))[:, None]
            for season in self.seasons
            if season.condition is not None
        ]
        rest = self.columns[self.shared + sum(one.shape[1] for one in made) :]
        values = np.concatenate([*made, raw(rest, rows.known, rows.count)], axis=1)
        centre, width, usual = (np.repeat(one, rows.each, axis=0) for one in (self.centre, self.width, self.usual))
        return np.asarray((np.where(np.isfinite(values), values, usual) - centre) / width)


@dataclass(frozen=True, eq=False)
class Rows:
    """Steps of all series, one series after another: their history, or what lies ahead.

    Args:
        start: Step of the first row of each series. (series,)
        indptr: Boundaries of the series in the rows. (series + 1,)
        grid: The distinct steps.
        known: Known covariates at the rows. Name -> (rows,)
    """

    start: Ints
    indptr: Ints
    grid: Grid
    known: Mapping[str, Any]

    @classmethod
    def of(cls, table: Table) -> Rows:
        """The history of a table."""
        return cls(table.start, table.indptr, Grid.over(table), table.known)

    @classmethod
    def ahead(cls, end: Ints, horizon: int, future: Future | None) -> Rows:
        """The steps after `end` (series,)."""
        known = {} if future is None else {name: _padded(block, horizon).ravel() for name, block in future.known.items()}
        grid = Grid.of((end[:, None] + 1 + np.arange(horizon)).ravel())
        return cls(end + 1, horizon * np.arange(len(end) + 1), grid, known)

    @property
    def count(self) -> int:
        """Their number."""
        return int(self.indptr[-1])

    @property
    def each(self) -> Ints:
        """Rows of each series. (series,)"""
        return np.diff(self.indptr)

    @cached_property
    def steps(self) -> Ints:
        """Step of each row. (rows,)"""
        return np.arange(self.count) - np.repeat(self.indptr[:-1] - self.start, self.each)

    def between(self, floor: Floats | None, cap: Floats | None) -> native.Rows:
        """The rows with what they lie between (rows,), for the kernel."""
        return native.Rows(self.indptr, np.where(self.each > 0, self.grid.at(self.start), 0), floor, cap)

    def covariate(self, name: str) -> Floats:
        """A known covariate at each row; NaN where it was not given. (rows,)"""
        return covariate(name, self.known, self.count)

    def number(self, option: str | float | None, otherwise: Floats) -> Floats | None:
        """An option that is a number or names a covariate, at each row, and where it is not known, one number per series; None where it is
        None. (rows,)"""
        if option is None:
            return None
        given = self.covariate(option) if isinstance(option, str) else np.full(self.count, float(option))
        return np.where(np.isfinite(given), given, np.repeat(otherwise, self.each))


def _padded(block: NDArray[Any], horizon: int) -> Floats:
    """The first `horizon` steps of a block; NaN behind its end. (series, horizon)"""
    out = np.full((len(block), horizon), np.nan)
    out[:, : block.shape[1]] = block[:, :horizon]
    return out


def automatic(recipe: Prophet, table: Table, seen: Observed) -> list[Seasonality]:
    """The seasons of one's own, and those that are asked for or that a series is long enough for."""
    own = list(recipe.seasonalities)
    if table.frequency.unit == "integer":
        period = float(table.season_length)
        return [*own, Seasonality("season", period, min(10, table.season_length // 2))] if period > 1 and not own else own
    there = {season.name for season in own}
    for name, (period, usual, _, _) in AUTOMATIC.items():
        option = recipe.option(name)
        order = usual if option == "auto" or option is True else int(option)
        if name not in there and order > 0 and (option != "auto" or long_enough(name, seen).any()):
            own.append(Seasonality(name, period, order))
    return own


def long_enough(name: str, seen: Observed) -> Mask:
    """Whether each series has history enough for an automatic season, and values close enough to each other. (series,)"""
    _, _, least, closer = AUTOMATIC[name]
    with np.errstate(invalid="ignore"):
        return np.asarray((seen.last - seen.first >= least) & (seen.closest < closer))


def _columns_of(recipe: Prophet, seasons: list[Seasonality]) -> list[Column]:
    return [
        Column(
            season.name,
            season.prior_scale or recipe.seasonality_prior_scale,
            (season.mode or recipe.seasonality_mode) == "multiplicative",
            wave=wave,
        )
        for season in seasons
        for wave in range(2 * season.fourier_order)
    ]


def _wanted(recipe: Prophet, columns: tuple[Column, ...], country: Holidays | None, table: Table, seen: Observed) -> Mask:
    """Automatic seasons are for series that are long enough, holidays for series that are where they are kept, labels for groups that have
    met them. (series, columns)"""
    wanted = np.ones((len(table), len(columns)), bool)
    own = {season.name for season in recipe.seasonalities}
    enough = {name: long_enough(name, seen) for name in AUTOMATIC if name not in own and recipe.option(name) == "auto"}
    place = None if country is None else country.places_of(table, Future({}, 1))
    for j, column in enumerate(columns):
        if column.place and place is not None and country is not None:
            wanted[:, j] = place == country.places.index(column.place)
        elif column.part in enough:
            wanted[:, j] = enough[column.part]
        elif column.label is not None:
            wanted[:, j] = table.met_by(column.part).holds(np.full(len(table), column.label, np.float32), table.group)
    return wanted


def _standards(columns: list[Column], regressors: tuple[Regressor, ...], table: Table, seen: Observed) -> tuple[Floats, Floats, Floats]:
    """What is taken from each column of the rows, what it is divided by, and its mean. (series, columns) each"""
    shape = (len(table), len(columns))
    centre, width, usual = np.zeros(shape), np.ones(shape), np.zeros(shape)
    asked = {one.name: one.standardize for one in regressors}
    for j, column in enumerate(columns):
        if column.part not in asked:
            continue
        values = raw((column,), table.known, len(table.target))[seen.rows, 0]
        mean = np.nan_to_num(seen.mean(values))
        low, high = seen.fold(np.fmin, values), seen.fold(np.fmax, values)
        plain = np.where((values == 0) | (values == 1) | np.isnan(values), 0.0, 1.0)
        binary = np.nan_to_num(seen.fold(np.maximum, plain), nan=0.0) == 0
        told = asked[column.part]
        scaled = (low < high) & (~binary if told == "auto" else np.full(len(table), bool(told)))
        usual[:, j] = mean
        centre[:, j] = np.where(scaled, mean, 0.0)
        width[:, j] = np.where(scaled, np.nan_to_num(seen.deviation(values), nan=1.0), 1.0)
    return centre, width, usual
