"""What a learner says after each cutoff, knowing only what came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isqrt
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from forecaster.backtest.window import Window
from forecaster.errors import SettingsError
from forecaster.protocols import Forecast, Learner, Model
from forecaster.table import Floats, Ints


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What a learner said in each window about values that it had not seen.

    Args:
        forecast: NaN where a series does not take part or could not be forecast. (windows, series, horizon)
        levels: Quantile levels; empty where the learner has none.
        quantiles: (windows, series, horizon, levels), or None.
        failed: Why a series could not be forecast. Series index -> reason
        fit_seconds: Time spent fitting.
        predict_seconds: Time spent predicting.
        further: What it said of the horizon after each window, as far as that was asked for; None where nothing.
    """

    forecast: Floats
    levels: tuple[float, ...] = ()
    quantiles: Floats | None = None
    failed: dict[int, str] = field(default_factory=dict)
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    further: OutOfFold | None = None


def apart(groups: Ints) -> list[Ints]:
    """Groups in about as many parts as each part has groups, so that the one that breaks a learner is found in two steps; empty for one
    alone."""
    return [] if len(groups) < 2 else np.array_split(groups, isqrt(len(groups) - 1) + 1)


def backtest(learner: Learner, windows: Sequence[Window], later: Sequence[Window] = ()) -> OutOfFold:
    """Forecast the scored steps of every window. A learner that raises has failed for the series it was given; nothing is raised here.

    Args:
        learner: Fitted in each fresh window, and for series that enter later; otherwise its last models roll forward. A learner
            that does not roll forward is fitted in every window.
        windows: Of one table, oldest first.
        later: The same windows scored a horizon later (`beyond`), where forecasts are to go on for so long; none where not.
    """
    walk = Walk(learner, windows, later)
    while walk.left:
        walk.step()
    return walk.done()


@dataclass(frozen=True, eq=False)
class _Cohort:
    """Series that were fitted together."""

    series: Ints
    model: Model | None
    since: int


class Walk:
    """A backtest window by window, so that whoever watches it can stop, or go on with some of the series.

    Args:
        learner: As for `backtest`.
        windows: As for `backtest`.
        later: As for `backtest`.

    Raises:
        SettingsError: There is no window.
    """

    def __init__(self, learner: Learner, windows: Sequence[Window], later: Sequence[Window] = ()) -> None:
        if not windows:
            raise SettingsError("a backtest needs at least one window, and no series is long enough for one: ask for a shorter horizon")
        self.learner, self.windows = learner, windows
        self.walked = 0
        self.cohorts: list[_Cohort] = []
        self.said, self.further = _Said(windows), _Said(later) if later else None
        self.failed: dict[int, str] = {}
        self.fit_seconds = self.predict_seconds = 0.0

    @property
    def forecast(self) -> Floats:
        """Forecasts of the windows so far, NaN where there is none. (windows, series, horizon)"""
        return self.said.forecast

    @property
    def left(self) -> int:
        """Windows that are still to come."""
        return len(self.windows) - self.walked

    def step(self, series: NDArray[np.bool_] | None = None) -> None:
        """Forecast the next window; with `series`, these alone. (series,)"""
        w, window = self.walked, self.windows[self.walked]
        if series is not None:
            window = replace(window, included=window.included & series)
        if window.fresh or not self.learner.traits.rolls_forward:
            self.cohorts.clear()
        entered = window.included.copy()
        for cohort in self.cohorts:
            entered[cohort.series] = False
        if entered.any():
            self.cohorts += self._fitted(w, np.flatnonzero(entered))
        self.cohorts = [part for cohort in self.cohorts for part in self._predicted(w, window, cohort)]
        self.walked += 1

    def _fitted(self, w: int, series: Ints) -> list[_Cohort]:
        """The learner fitted on series up to a window; where it breaks, on fewer groups at a time: none must cost another its forecast."""
        begin = perf_counter()
        try:
            model = self.learner.fit(self.windows[w].training(series))
        except Exception as error:
            self.fit_seconds += perf_counter() - begin
            if apart := self._apart(w, series):
                return [one for part in apart for one in self._fitted(w, part)]
            self._fail(series, error)
            return [_Cohort(series, None, w)]
        self.fit_seconds += perf_counter() - begin
        return [_Cohort(series, model, w)]

    def _predicted(self, w: int, window: Window, cohort: _Cohort) -> list[_Cohort]:
        """Forecast a window; gives the cohorts that go on, which are of fewer groups where a model breaks."""
        if cohort.model is None:
            return [cohort]
        begin = perf_counter()
        history = None if cohort.since == w else window.past(cohort.series)
        try:
            said = cohort.model.predict(window.gap + window.horizon, history, window.future.take(cohort.series))
        except Exception as error:
            self.predict_seconds += perf_counter() - begin
            if apart := self._apart(w, cohort.series):
                parts = [one for part in apart for one in self._fitted(cohort.since, part)]
                return [one for part in parts for one in self._predicted(w, window, part)]
            self._fail(cohort.series, error)
            return [cohort]
        series, kept = self.said.keep(w, window.included, cohort.series, said)
        for i in np.flatnonzero(~np.isfinite(kept.mean).all(1)).tolist():
            self.failed.setdefault(int(series[i]), kept.failed.get(i, "the forecast holds values that are no numbers"))
        self._go_on(w, window, cohort, cohort.model)
        self.predict_seconds += perf_counter() - begin
        return [cohort]

    def _go_on(self, w: int, window: Window, cohort: _Cohort, model: Model) -> None:
        """Forecast the horizon after a window, too, where that is asked for. A model that cannot go so far has not failed; where it breaks,
        fewer groups are asked at a time: none must cost another what it says."""
        if self.further is None:
            return
        later, series = self.further.windows[w], cohort.series
        if not (included := later.included & window.included)[series].any():
            return
        try:
            history = None if cohort.since == w else window.past(series)
            self.further.keep(w, included, series, model.predict(later.gap + later.horizon, history, later.future.take(series)))
        except Exception:
            for part in self._apart(w, series):
                for one in self._fitted(cohort.since, part):
                    if one.model is not None:
                        self._go_on(w, window, one, one.model)

    def _apart(self, w: int, series: Ints) -> list[Ints]:
        """The series in parts of fewer groups, where there are several that may be fitted without the others."""
        group = self.windows[w].table.group[series]
        return [] if self.learner.traits.across else [series[np.isin(group, part)] for part in apart(np.unique(group))]

    def _fail(self, series: Ints, error: Exception) -> None:
        for i in series.tolist():
            self.failed.setdefault(i, f"{type(error).__name__}: {error}")

    def done(self) -> OutOfFold:
        """What it said in the windows so far."""
        further = OutOfFold(*self.further.gathered()) if self.further and self.further.parts else None
        return OutOfFold(*self.said.gathered(), self.failed, self.fit_seconds, self.predict_seconds, further)


class _Said:
    """Forecasts of the scored steps of windows, as they come in."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows
        self.forecast = np.full((len(windows), len(windows[0].table), windows[0].horizon), np.nan)
        self.parts: dict[int, list[tuple[Ints, Forecast]]] = {}

    def keep(self, w: int, included: NDArray[np.bool_], series: Ints, said: Forecast) -> tuple[Ints, Forecast]:
        """Take what was said of some series; gives those that take part and what is said of them."""
        window = self.windows[w]
        shape = (len(series), window.gap + window.horizon)
        for told in (said.mean, *(() if said.quantiles is None else (said.quantiles,))):
            if np.shape(told)[:2] != shape:
                raise ValueError(f"expected forecasts of (series, steps) {shape}, came {np.shape(told)[:2]}")
        wanted = np.flatnonzero(included[series])
        said, series = said.take(wanted), series[wanted]
        self.forecast[w, series] = np.where(np.isfinite(said.mean), said.mean, np.nan)[:, window.gap :]
        self.parts.setdefault(w, []).append((series, said))
        return series, said

    def gathered(self) -> tuple[Floats, tuple[float, ...], Floats | None]:
        """Forecasts, then levels and quantiles if every forecast carries the same levels."""
        said = [forecast for parts in self.parts.values() for _, forecast in parts]
        levels = said[0].levels if said else ()
        if not levels or any(f.quantiles is None or f.levels != levels for f in said):
            return self.forecast, (), None
        out = np.full((*self.forecast.shape, len(levels)), np.nan)
        for w, parts in self.parts.items():
            for series, forecast in parts:
                out[w, series] = np.asarray(forecast.quantiles)[:, self.windows[w].gap :]
        return self.forecast, levels, out
