"""Several seasons at once, as in half-hourly demand with a day and a week (equations in _native/mstl.hpp)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from forecaster._native import mstl as native
from forecaster.archive import storable
from forecaster.errors import CannotPredict, SettingsError
from forecaster.guardrails import expect_series
from forecaster.learners._errors import apart
from forecaster.learners._seasons import usual
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Learner, Model, Parts, Traits, joined, parts_of
from forecaster.table import Floats, Future, Ints, Table

MOST = 0.75
"""Of the noise that seasons are said to take: quantiles become twice as wide at most."""


def _straight() -> Learner:
    from forecaster.learners.theta import Theta

    return Theta(decomposition="none")


@storable
@dataclass(frozen=True)
class MSTL:
    """Takes one or more seasons out by loess, fits a learner on what is left, and repeats the last season of each.

    Args:
        learner: What is fitted on the rest; a theta model without season where absent.
        seasons: Steps in each season; those usual for the frequency where None: that of the table, and a week for minutes and hours. A
            series shorter than two of one goes without it.
        threads: Threads of the native call; they change no bit.

    Source: Bandara, Hyndman & Bergmeir (2021), MSTL: a seasonal-trend decomposition algorithm for time series with multiple seasonal
    patterns.
    """

    # options from a file are checked by pydantic, and the learner within is an object by then
    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    learner: Learner = field(default_factory=_straight)
    seasons: tuple[int, ...] | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.seasons is None:
            return
        if not self.seasons or any(season < 2 or season != int(season) for season in self.seasons):
            raise SettingsError(f"seasons are whole numbers of steps from 2 up, such as (48, 336); came {self.seasons!r}")
        object.__setattr__(self, "seasons", tuple(sorted({int(season) for season in self.seasons})))

    @property
    def traits(self) -> Traits:
        """Those of the learner."""
        return self.learner.traits

    @own_units
    def fit(self, table: Table) -> WithoutSeasons:
        """One native call for all series, then the learner's own."""
        seasons = usual(table) if self.seasons is None else self.seasons
        left, last, share = _decomposed(table, seasons, self.threads)
        wider = 1 / np.sqrt(1 - np.minimum(share, MOST))
        return WithoutSeasons(self.learner.fit(_rest(table, left, seasons)), table.start, table.end, seasons, last, wider)


@storable
@dataclass(frozen=True, eq=False)
class WithoutSeasons:
    """A model of what is left without the seasons.

    Args:
        model: What was fitted.
        begin: First step that was seen. (series,)
        end: Last step that was seen. (series,)
        seasons: Steps in each season.
        last: The seasons of the steps after `end`, one after the other. (series, sum of the seasons)
        wider: What quantiles are stretched by, because the seasons took some of the noise. (series,)
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    model: Model
    begin: Ints
    end: Ints
    seasons: tuple[int, ...]
    last: Floats
    wider: Floats
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast with the seasons put back; newer values of `history` go on with the last ones as they are."""
        with np.errstate(over="ignore", invalid="ignore"):  # values too large for a season, whose series is lost anyway
            if history is None:
                return self._with_seasons(self.model.predict(horizon, None, future), self.end)
            return self._with_seasons(self.model.predict(horizon, self._left(history), future), history.end)

    @in_units
    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """The parts of what is left without the seasons, and the seasons."""
        left, end = None, self.end
        if history is not None:
            left, end = self._left(history), history.end
        ahead = (end - self.end)[:, None] + np.arange(horizon)
        season = self._at(np.arange(len(end))[:, None], ahead)
        return joined(parts_of(self.model, horizon, left, future), {"season": season})

    @in_units
    def fitted(self, table: Table) -> Floats:
        """The forecast of each value from those before it: that of the rest, and its season. (rows,)

        Up to `end` seasons come out of the table once more, and know what came after a value, so that errors are smaller there than those
        of forecasts; after it the last ones are repeated.

        Raises:
            CannotPredict: What was fitted on the rest tells no fitted values.
        """
        if not hasattr(self.model, "fitted"):
            raise CannotPredict(
                f"{type(self.model).__name__}, fitted on what the seasons leave, tells no fitted values; use theta, ets or arima"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # infinite values, whose series is lost anyway
            season = self._seasons(table)
            rest: Floats = self.model.fitted(_rest(table, table.target - season, self.seasons))
            return rest + season

    def residuals(self, table: Table) -> Floats:
        """The values less the fitted ones. (rows,)"""
        return apart(table.target, self.fitted(table))

    def _left(self, history: Table) -> Table:
        """A history without its seasons: a learner that goes through all of it sees what it was fitted on.

        Other seasons would come out of a part of that, so where a history begins later only its newer values are left.
        """
        expect_series(history, len(self.end))
        history = history.tail(np.where(history.start <= self.begin, history.sizes, np.clip(history.end - self.end, 0, history.sizes)))
        return _rest(history, history.target - self._seasons(history), self.seasons)

    def _seasons(self, table: Table) -> Floats:
        """The seasons of each row: up to `end` those that come out of the table, after it the last ones, repeated. (rows,)

        A table that begins too late for one of them has the last ones throughout.
        """
        expect_series(table, len(self.end))
        offset = table.steps - (self.end + 1)[table.series]
        seasons, before = self._at(table.series, offset), offset < 0
        seen = table.drop_last(np.clip(table.end - self.end, 0, table.sizes))
        late = seen.sizes < 2 * self._longest
        told = seen.target - _decomposed(seen, self.seasons, None)[0]
        seasons[before] = np.where(late[table.series[before]], seasons[before], told)
        return seasons

    @property
    def _longest(self) -> Ints:
        """Steps in the longest season that each series has; 0 where it has none. (series,)"""
        edges, longest = np.cumsum((0, *self.seasons)), np.zeros(len(self.end), np.int64)
        for season, first in zip(self.seasons, edges, strict=False):
            longest[self.last[:, first : first + season].any(axis=1)] = season
        return longest

    def _with_seasons(self, forecast: Forecast, end: Ints) -> Forecast:
        ahead = (end - self.end)[:, None] + np.arange(forecast.mean.shape[1])
        season = self._at(np.arange(len(end))[:, None], ahead)
        mean, quantiles = forecast.mean + season, forecast.quantiles
        if quantiles is not None:
            quantiles = mean[..., None] + self.wider[:, None, None] * (quantiles - forecast.mean[..., None])
        return replace(forecast, mean=mean, quantiles=quantiles)

    def _at(self, series: Ints, offset: Ints) -> Floats:
        """Sum of the seasons of some series, at steps counted from the one after `end`."""
        total, first = np.zeros(np.broadcast_shapes(series.shape, offset.shape)), 0
        for season in self.seasons:
            total += self.last[series, first + offset % season]
            first += season
        return total


def _rest(table: Table, left: Floats, seasons: tuple[int, ...]) -> Table:
    """The table of what is left (rows,). It has no season any more where that was one of those, or goes into one: what a learner would find
    there is the footprint of the smoothing, which newer values do not have."""
    taken = any(season % table.season_length == 0 for season in seasons)
    return replace(table.with_target(left), season_length=1) if taken else table.with_target(left)


def _decomposed(table: Table, seasons: tuple[int, ...], threads: int | None) -> tuple[Floats, Floats, Floats]:
    """What is left without the seasons, the last of each, and the share of the noise that they took. (rows,), (series, sum), (series,)"""
    left, last, share = np.empty(len(table.target)), np.empty((len(table), sum(seasons))), np.empty(len(table))
    native.decompose(table.target, table.indptr, seasons, left, last, share, threads or 1)
    return left, last, share
