"""The columns of a Prophet model: seasons, holidays and covariates, with the scales of their priors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import SettingsError, UnknownName
from forecaster.features.holidays import Holidays, Offsets
from forecaster.features.places import told_at
from forecaster.frequency import Frequency
from forecaster.table import Floats, Ints, Table

Mode = Literal["additive", "multiplicative"]
Mask = NDArray[np.bool_]

MICROSECONDS_PER_DAY = 86_400_000_000


@storable
@dataclass(frozen=True)
class Seasonality:
    """A season of one's own.

    Args:
        name: Its name; "yearly", "weekly" and "daily" replace the automatic ones.
        period: Days in one season (steps, where the time column holds integers).
        fourier_order: Pairs of sine and cosine.
        prior_scale: Scale of the normal prior; that of the learner where None.
        mode: "additive" or "multiplicative"; that of the learner where None.
        condition: A known covariate: the season counts where that is not zero.
    """

    name: str
    period: float
    fourier_order: int
    prior_scale: float | None = None
    mode: Mode | None = None
    condition: str | None = None

    def __post_init__(self) -> None:
        if not self.period > 0 or self.fourier_order < 1:
            raise SettingsError(
                f"season {self.name!r} needs a period above 0 and a fourier_order from 1 on; came {self.period} and {self.fourier_order}"
            )
        check_prior(f"season {self.name!r}", self.prior_scale)
        check_mode(f"season {self.name!r}", self.mode)


@storable
@dataclass(frozen=True)
class Event:
    """A holiday of one's own, or another window or prior for one of the country's.

    Args:
        name: Its name.
        dates: Its days, as "2024-12-24"; none for a holiday of the country.
        lower_window: Days before it that have an effect of their own, as a number from 0 down.
        upper_window: Days after it, likewise from 0 up.
        prior_scale: Scale of the normal prior; that of the learner where None.
    """

    name: str
    dates: tuple[str, ...] = ()
    lower_window: int = 0
    upper_window: int = 0
    prior_scale: float | None = None

    def __post_init__(self) -> None:
        if self.lower_window > 0 or self.upper_window < 0:
            raise SettingsError(
                f"event {self.name!r}: lower_window is 0 or less, upper_window 0 or more; came {self.lower_window}, {self.upper_window}"
            )
        check_prior(f"event {self.name!r}", self.prior_scale)
        object.__setattr__(self, "dates", stamps(f"event {self.name!r}", self.dates, "D"))


@storable
@dataclass(frozen=True)
class Regressor:
    """How a known covariate enters.

    Args:
        name: The covariate.
        prior_scale: Scale of the normal prior; that of holidays where None.
        standardize: "auto" brings all but binary ones to mean 0 and deviation 1.
        mode: "additive" or "multiplicative"; that of the learner where None.
    """

    name: str
    prior_scale: float | None = None
    standardize: Literal["auto"] | bool = "auto"
    mode: Mode | None = None

    def __post_init__(self) -> None:
        check_prior(f"regressor {self.name!r}", self.prior_scale)
        check_mode(f"regressor {self.name!r}", self.mode)


@storable
@dataclass(frozen=True)
class Column:
    """One column of the design.

    Args:
        part: What it belongs to: a season, a holiday, a covariate.
        scale: Scale of its normal prior.
        multiplicative: Whether it multiplies the trend.
        wave: Its number among the waves of the season: sines are even, cosines odd.
        offset: Days after the holiday.
        place: Where the holiday is kept; empty for everywhere.
        label: The code of a categorical covariate that it stands for.
    """

    part: str
    scale: float
    multiplicative: bool
    wave: int = 0
    offset: int = 0
    place: str = ""
    label: int | None = None


def stamps(what: str, given: Iterable[Any], unit: Literal["D", "s"]) -> tuple[str, ...]:
    """Dates as text of one form.

    Raises:
        SettingsError: One of them is no date.
    """
    try:
        return tuple(str(np.datetime64(date, unit)) for date in given)
    except (ValueError, TypeError) as error:
        raise SettingsError(f'{what}: dates are written as "2024-12-24"; {error}') from error


def check_prior(what: str, scale: float | None) -> None:
    """Refuse a scale that is not above 0."""
    if scale is not None and not scale > 0:
        raise SettingsError(f"{what}: prior_scale must be above 0; came {scale}")


def check_mode(what: str, mode: str | None) -> None:
    """Refuse anything but the two modes."""
    if mode not in (None, "additive", "multiplicative"):
        raise SettingsError(f'{what}: mode is "additive" or "multiplicative"; came {mode!r}')


def days(frequency: Frequency, steps: Ints) -> Floats:
    """Local time of steps in days since 1970; steps themselves where they are integers."""
    if frequency.unit == "integer":
        return steps.astype(np.float64)
    return np.asarray(frequency.local(steps).astype("datetime64[us]").astype(np.int64) / MICROSECONDS_PER_DAY, np.float64)


def waves(day: Floats, season: Seasonality) -> Floats:
    """Sine and cosine of each multiple of the season's frequency, in turn. (n, 2 x order)"""
    # The phase is reduced before the sine is taken, so that days far from 1970 lose no digits.
    turns = day[:, None] / season.period * np.arange(1, season.fourier_order + 1)
    angle = 2 * np.pi * (turns - np.floor(turns))
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(day), 2 * season.fourier_order)


@dataclass(frozen=True)
class Keeping:
    """Which holidays there are, and which columns each of them gets.

    Args:
        country: Holidays of a country, its places found; None for none.
        events: Holidays of one's own.
        prior_scale: For those that have none.
        multiplicative: Whether they multiply the trend.
    """

    country: Holidays | None
    events: tuple[Event, ...]
    prior_scale: float
    multiplicative: bool

    def columns(self, frequency: Frequency, steps: Ints) -> list[Column]:
        """The columns of all holidays in the years of the steps, sorted by place, name and offset."""
        return [
            Column(one.name, one.scale, self.multiplicative, offset=offset, place=one.place)
            for one in sorted(self.kept(frequency, steps), key=lambda one: (one.place, one.name))
            for offset in range(one.lower, one.upper + 1)
        ]

    def fill(self, columns: tuple[Column, ...], frequency: Frequency, steps: Ints) -> Floats:
        """1 where a step lies on the day of a column. (steps, columns)"""
        out = np.zeros((len(steps), len(columns)))
        if not columns:
            return out
        day = np.floor(days(frequency, steps)).astype(np.int64)
        dates = {(one.place, one.name): one.days for one in self.kept(frequency, steps)}
        for j, column in enumerate(columns):
            out[:, j] = np.isin(day, dates.get((column.place, column.part), np.empty(0, np.int64)) + column.offset)
        return out

    def kept(self, frequency: Frequency, steps: Ints, years: int = 1) -> Iterator[Kept]:
        """Every holiday, from a year before the first step until some years after the last one."""
        for event in self.events:
            if event.dates:
                yield Kept("", event.name, np.array(event.dates, "datetime64[D]").astype(np.int64), *self._window(event.name, event.name))
        if self.country is None or not len(steps):
            return
        year = frequency.local(steps[[0, -1]]).astype("datetime64[Y]").astype(np.int64) + 1970
        wanted = None if self.country.only is None else {name.casefold() for name in self.country.only}
        for place in self.country.places:
            told = told_at(place, self.country.categories, int(year[0]) - 1, int(year[1]) + years)
            for name, (itself, on) in told.items():
                if wanted is None or itself.casefold() in wanted:
                    yield Kept(place, name, on, *self._window(name, itself))

    def _window(self, name: str, itself: str) -> tuple[int, int, float]:
        for event in self.events:
            if event.name in (name, itself):
                return event.lower_window, event.upper_window, event.prior_scale or self.prior_scale
        if self.country is None:
            return 0, 0, self.prior_scale
        return -_offset(self.country.lead, itself), _offset(self.country.lag, itself), self.prior_scale


@dataclass(frozen=True, eq=False)
class Kept:
    """A holiday: where it is kept, its name and days, the days around it with an effect of their own, and the scale of their prior."""

    place: str
    name: str
    days: Ints
    lower: int
    upper: int
    scale: float


def _offset(offsets: Offsets, name: str) -> int:
    if isinstance(offsets, int):
        return offsets
    return next((days for one, days in offsets if one.casefold() == name.casefold()), 0)


def country_of(spec: Any) -> Holidays | None:
    """The holidays option: as for a job, but without the days around a holiday unless they are asked for."""
    if spec is None or isinstance(spec, Holidays):
        return spec
    given = {"country": spec} if isinstance(spec, str) else dict(spec)
    return Holidays.of({"lead": 0, "lag": 0} | given)


def raw(columns: tuple[Column, ...], known: Mapping[str, Any], rows: int) -> Floats:
    """Covariates as they are, an indicator per label of categorical ones. (rows, columns)"""
    out = np.full((rows, len(columns)), np.nan)
    for j, column in enumerate(columns):
        values = covariate(column.part, known, rows)
        out[:, j] = values if column.label is None else np.where(np.isnan(values), np.nan, values == column.label)
    return out


def covariate(name: str, known: Mapping[str, Any], rows: int) -> Floats:
    """A known covariate at each row; NaN where it was not given or is no finite number. (rows,)"""
    values = np.asarray(known[name], np.float64) if name in known else np.full(rows, np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def regressor_columns(
    regressors: tuple[Regressor, ...], categories: Mapping[str, tuple[str, ...]], scale: float, mode: Mode
) -> list[Column]:
    """One column per covariate, or per label of a categorical one."""
    out = []
    for one in regressors:
        labels: list[int | None] = [*range(len(categories[one.name]))] if one.name in categories else [None]
        out += [Column(one.name, one.prior_scale or scale, (one.mode or mode) == "multiplicative", label=label) for label in labels]
    return out


def named(regressors: tuple[str | Regressor, ...] | None, table: Table, taken: frozenset[str]) -> tuple[Regressor, ...]:
    """The regressors asked for; all known covariates that have no other part where None.

    Raises:
        UnknownName: The table has no such known covariate.
    """
    wanted = tuple(name for name in table.known if name not in taken) if regressors is None else regressors
    for one in (*wanted, *taken):
        name = one if isinstance(one, str) else one.name
        if name not in table.known:
            raise UnknownName.of("known covariate", name, table.known, "(name it in known=)")
    return tuple(Regressor(one) if isinstance(one, str) else one for one in wanted)
