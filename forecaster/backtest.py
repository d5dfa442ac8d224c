"""Rolling-origin backtests: several cutoffs per series, and what a learner says after each, knowing only what came before.

A window ends `gap + horizon` values after its cutoff; the last window ends with the series, each older one `step` values earlier
(azure-semantics B.3: T_k = T - H - (n - k) * step). Windows are made of positions, so later values cannot reach a fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import SettingsError
from forecaster.guardrails import Findings
from forecaster.guardrails.stamped import step_text
from forecaster.metrics import Metric, Scale, per_series
from forecaster.protocols import Forecast, Learner, Model
from forecaster.table import Floats, Future, Ints, Table

FEWEST, MOST = 2, 5
"""Windows that `"auto"` chooses between (azure-semantics B.2)."""


@dataclass(frozen=True, eq=False)
class Window:
    """One cutoff per series. Tables are cut when they are asked for, so a list of windows costs no memory.

    Args:
        table: All values of all series.
        horizon: Steps that are scored.
        drop: Values of each series after the cutoff. (series,)
        included: Which series take part: those with enough values before the cutoff and some after it. (series,)
        min_length: Values before the cutoff that a series needed to take part.
        gap: Steps after the cutoff that are forecast but not scored, as if values came in late.
        length: Most values of a series to train on; None for all.
        fresh: Whether to fit here; otherwise the last model rolls forward.
    """

    table: Table
    horizon: int
    drop: Ints
    included: NDArray[np.bool_]
    min_length: int = 1
    gap: int = 0
    length: int | None = None
    fresh: bool = True

    @property
    def train(self) -> Table:
        """What a model may be fitted on: the included series, in order, up to the cutoff."""
        return self.training(np.flatnonzero(self.included))

    @property
    def history(self) -> Table:
        """All series up to the cutoff, also those that do not take part and may be empty."""
        return self.table.drop_last(self.drop)

    @property
    def cutoff(self) -> Ints:
        """Step of the last value that is known. (series,)"""
        return self.table.end - self.drop

    @property
    def actual(self) -> Floats:
        """What came in the scored steps; NaN where missing and for series that do not take part. (series, horizon)"""
        values = self._ahead(self.table.target)[:, self.gap :]
        return np.where(self.included[:, None], values, np.nan)

    @property
    def future(self) -> Future:
        """Known covariates after the cutoff, gap and horizon. (series, gap + horizon)"""
        known = {name: self._ahead(column).astype(np.float32) for name, column in self.table.known.items()}
        return Future(known, self.gap + self.horizon)

    def past(self, series: Ints) -> Table:
        """The series `series` (ascending indices) up to the cutoff."""
        return self.table.take(series).drop_last(self.drop[series])

    def training(self, series: Ints) -> Table:
        """The last `length` values before the cutoff of the series `series` (ascending indices)."""
        past = self.past(series)
        return past if self.length is None else past.tail(self.length)

    def _ahead(self, column: NDArray[np.floating]) -> NDArray[np.floating]:
        """The `gap + horizon` rows after the cutoff of each series, NaN where there are none."""
        at = (self.table.indptr[1:] - self.drop)[:, None] + np.arange(self.gap + self.horizon)
        inside = (at >= self.table.indptr[:-1, None]) & (at < self.table.indptr[1:, None])
        return np.where(inside, column[np.where(inside, at, 0)] if len(column) else np.nan, np.nan)


@dataclass(frozen=True)
class RollingOrigin:
    """How to cut a table into windows.

    Args:
        windows: How many, or "auto": as many as nine in ten of the series have room for, between 2 and 5.
        step: Steps between two cutoffs; the horizon where None.
        align: "series" counts back from the end of each series, "calendar" from the last step of all.
        length: Most values of a series to train on (a sliding window); None for all (an expanding one).
        gap: Steps between the cutoff and the first scored one.
        refit: Fit in every window (True), in the oldest only (False) or in every n-th one; in between the model rolls forward.
    """

    windows: int | Literal["auto"] = 3
    step: int | None = None
    align: Literal["series", "calendar"] = "series"
    length: int | None = None
    gap: int = 0
    refit: bool | int = True

    def __post_init__(self) -> None:
        if self.windows != "auto":
            _at_least("windows", self.windows, 1, ' or "auto"')
        _at_least("step", self.step, 1, " or None for the horizon")
        _at_least("length", self.length, 1, " or None for all values")
        _at_least("gap", self.gap, 0)
        _at_least("refit", self.refit, 0, ", True or False")
        if self.align not in ("series", "calendar"):
            raise SettingsError(f'align must be "series" or "calendar", not {self.align!r}')

    def split(self, table: Table, horizon: int, min_length: int = 1) -> list[Window]:
        """Cut the table.

        Args:
            table: All values.
            horizon: Steps to score.
            min_length: Known values before the cutoff that a series needs to take part in a window, such as `shortest(...)`.

        Returns:
            Oldest first. A series takes part in the windows it has room for; a window that no series has room for is left out.
        """
        _at_least("horizon", horizon, 1)
        count, step = self._count(table, horizon, min_length)
        windows = [self._window(table, horizon, min_length, k * step) for k in range(count - 1, -1, -1)]
        windows = [w for w in windows if w.included.any()]
        every = 1 if self.refit is True else int(self.refit) or len(windows)
        return [replace(w, fresh=i % every == 0) for i, w in enumerate(windows)]

    def shortfalls(self, table: Table, windows: Sequence[Window], horizon: int, min_length: int = 1) -> Findings:
        """The series that take part in fewer windows than were asked for, and why.

        Args:
            table: All values.
            windows: What `split` made of it.
            horizon: Steps that are scored.
            min_length: Known values before the cutoff that a series needed to take part.
        """
        asked, _ = self._count(table, horizon, min_length)
        taken = np.zeros(len(table), np.int64)
        for window in windows:
            taken += window.included
        ended = self.align == "calendar" and len(table) > 0 and table.end < table.end.max() - self.gap - horizon
        need = f"one takes {min_length} known values to train on and {self.gap + horizon} steps after them; give more history, or ask for"
        why = {
            "it ends before the others do; align the windows by series to test it on its own last values": ended,
            f"{need} a shorter horizon or fewer windows": ~np.asarray(ended),
        }
        found = Findings()
        for words, which in why.items():
            few = np.flatnonzero((taken < asked) & which)
            found.add(
                rule="short_backtest", action="noted", series={name: values[few] for name, values in table.ids.items()}, index=few,
                count=taken[few], first=step_text(table.frequency, table.start[few]),
                message=f"the series takes part in {{count}} of {asked} windows of the backtest: {words}",
            )  # fmt: skip
        return found

    def _count(self, table: Table, horizon: int, min_length: int) -> tuple[int, int]:
        """Number of windows and steps between them."""
        step = self.step or horizon
        if self.windows != "auto":
            return self.windows, step
        room = table.sizes - self.gap - horizon - min_length
        room = room[room >= 0]
        space = int(np.quantile(room, 0.1, method="lower")) if len(room) else 0
        for shorter in (step, min(step, -(-horizon // 2))):
            if space // shorter + 1 >= FEWEST:
                return min(space // shorter + 1, MOST), shorter
        return max(FEWEST, min(space + 1, MOST)), 1

    def _window(self, table: Table, horizon: int, min_length: int, back: int) -> Window:
        """The window whose last scored step lies `back` steps before the end."""
        last = table.end if self.align == "series" else np.full(len(table), table.end.max(initial=0))
        cutoff = last - back - horizon - self.gap
        drop = np.clip(table.end - cutoff, 0, table.sizes)
        nothing = np.zeros(len(table), bool)
        window = Window(table, horizon, drop, ~nothing, min_length, self.gap, self.length)
        known = _observed_before(table, drop, self.length)
        some = np.isfinite(window.actual).any(1)
        return replace(window, included=(known >= min_length) & some & (table.end >= cutoff))


def shortest(horizon: int, lookback: int) -> int:
    """Values before the cutoff that a series needs for a learner that looks back: horizon + lookback + 1.

    With n windows that is the minimum of azure-semantics B.3, T >= 2 H + (n - 1) step + lookback + 1.
    """
    return horizon + lookback + 1


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
    """

    forecast: Floats
    levels: tuple[float, ...] = ()
    quantiles: Floats | None = None
    failed: dict[int, str] = field(default_factory=dict)
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0

    def filled(self, fallback: OutOfFold) -> OutOfFold:
        """The same with the fallback's forecasts where this learner has none: what a user of it would have got."""
        missing = np.isnan(self.forecast)
        quantiles = self.quantiles
        if quantiles is not None and fallback.quantiles is not None and fallback.levels == self.levels:
            quantiles = np.where(missing[..., None], fallback.quantiles, quantiles)
        elif missing.any():
            quantiles = None
        levels = self.levels if quantiles is not None else ()
        return replace(self, forecast=np.where(missing, fallback.forecast, self.forecast), levels=levels, quantiles=quantiles)

    def errors(self, metric: Metric, actual: Floats, scale: Scale) -> Floats:
        """The metric of each series, mean over its windows. (series,)"""
        return per_series(metric(actual, self.forecast, scale=scale, levels=self.levels, quantiles=self.quantiles))


def actuals(windows: Sequence[Window]) -> Floats:
    """What came in the scored steps of all windows. (windows, series, horizon)"""
    return np.stack([w.actual for w in windows])


def cutoffs(windows: Sequence[Window]) -> Ints:
    """Last known steps of all windows. (windows, series)"""
    return np.stack([w.cutoff for w in windows])


def backtest(learner: Learner, windows: Sequence[Window], horizon: int | None = None) -> OutOfFold:
    """Forecast the scored steps of every window. A learner that raises has failed for the series it was given; nothing is raised here.

    Args:
        learner: Fitted in each fresh window, and for series that enter later; otherwise its last models roll forward. A learner
            that does not roll forward is fitted in every window.
        windows: Of one table, oldest first.
        horizon: Steps to keep of those scored; all where None.
    """
    run = _Run(learner, windows)
    for w, window in enumerate(windows):
        if window.fresh or not learner.traits.rolls_forward:
            run.cohorts.clear()
        entered = window.included.copy()
        for cohort in run.cohorts:
            entered[cohort.series] = False
        if entered.any():
            run.fit(window, np.flatnonzero(entered))
        for cohort in run.cohorts:
            run.predict(w, window, cohort)
    return run.done(horizon)


@dataclass(frozen=True, eq=False)
class _Cohort:
    """Series that were fitted together."""

    series: Ints
    model: Model | None
    since: Window


class _Run:
    """The arrays that a backtest fills."""

    def __init__(self, learner: Learner, windows: Sequence[Window]) -> None:
        if not windows:
            raise SettingsError("a backtest needs at least one window, and no series is long enough for one: ask for a shorter horizon")
        self.learner, self.windows = learner, windows
        self.cohorts: list[_Cohort] = []
        self.forecast = np.full((len(windows), len(windows[0].table), windows[0].horizon), np.nan)
        self.quantiles: dict[int, list[tuple[Ints, Forecast]]] = {}
        self.failed: dict[int, str] = {}
        self.fit_seconds = self.predict_seconds = 0.0

    def fit(self, window: Window, series: Ints) -> None:
        begin, model = perf_counter(), None
        try:
            model = self.learner.fit(window.training(series))
        except Exception as error:
            self.fail(series, error)
        self.fit_seconds += perf_counter() - begin
        self.cohorts.append(_Cohort(series, model, window))

    def predict(self, w: int, window: Window, cohort: _Cohort) -> None:
        if cohort.model is None:
            return
        begin = perf_counter()
        history = None if cohort.since is window else window.past(cohort.series)
        try:
            said = cohort.model.predict(window.gap + window.horizon, history, window.future.take(cohort.series))
        except Exception as error:
            self.fail(cohort.series, error)
        else:
            self.keep(w, window, cohort.series, said)
        self.predict_seconds += perf_counter() - begin

    def keep(self, w: int, window: Window, series: Ints, said: Forecast) -> None:
        wanted = np.flatnonzero(window.included[series])
        said, series = said.take(wanted), series[wanted]
        self.forecast[w, series] = np.where(np.isfinite(said.mean), said.mean, np.nan)[:, window.gap :]
        self.quantiles.setdefault(w, []).append((series, said))
        for i in np.flatnonzero(~np.isfinite(said.mean).all(1)).tolist():
            self.failed.setdefault(int(series[i]), said.failed.get(i, "the forecast holds values that are no numbers"))

    def fail(self, series: Ints, error: Exception) -> None:
        for i in series.tolist():
            self.failed.setdefault(i, f"{type(error).__name__}: {error}")

    def done(self, horizon: int | None) -> OutOfFold:
        levels, quantiles = self.gathered()
        kept = None if quantiles is None else quantiles[:, :, :horizon]
        return OutOfFold(self.forecast[:, :, :horizon], levels, kept, self.failed, self.fit_seconds, self.predict_seconds)

    def gathered(self) -> tuple[tuple[float, ...], Floats | None]:
        """Levels and quantiles, if every forecast carries the same levels."""
        said = [forecast for parts in self.quantiles.values() for _, forecast in parts]
        levels = said[0].levels if said else ()
        if not levels or any(f.quantiles is None or f.levels != levels for f in said):
            return (), None
        out = np.full((*self.forecast.shape, len(levels)), np.nan)
        for w, parts in self.quantiles.items():
            for series, forecast in parts:
                out[w, series] = np.asarray(forecast.quantiles)[:, self.windows[w].gap :]
        return levels, out


def _observed_before(table: Table, drop: Ints, length: int | None) -> Ints:
    """Known values among the last `length` before the cutoff. (series,)"""
    seen = np.concatenate([[0], np.cumsum(np.isfinite(table.target))])
    stop = table.indptr[1:] - drop
    first = table.indptr[:-1] if length is None else np.maximum(table.indptr[:-1], stop - length)
    return np.asarray(seen[stop] - seen[first], np.int64)


def _at_least(name: str, value: object, least: int, otherwise: str = "") -> None:
    """Refuse a setting that is no whole number of at least `least`; None passes."""
    if value is not None and not (isinstance(value, int | np.integer) and value >= least):
        raise SettingsError(f"{name} must be a whole number of at least {least}{otherwise}, not {value!r}")
