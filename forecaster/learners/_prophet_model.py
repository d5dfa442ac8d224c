"""Fitted Prophet models of all series, as flat columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecaster._native import prophet as native
from forecaster.archive import storable
from forecaster.guardrails import expect_history
from forecaster.learners._local import NOTHING_OBSERVED
from forecaster.learners._prophet_columns import MICROSECONDS_PER_DAY, Mask, days
from forecaster.learners._prophet_frame import Observed, curve_through_the_ends, inside
from forecaster.learners._prophet_layout import Layout, Rows
from forecaster.protocols import Forecast, Parts
from forecaster.table import Floats, Future, Ints, Table

if TYPE_CHECKING:
    from forecaster.learners.prophet import Prophet

ONE_VALUE = "it has one observed value, and a trend needs two"
NOTHING_BELOW = "it has no observed value whose capacity lies above its floor; check cap and floor"
ONE_BELOW = "it has one observed value whose capacity lies above its floor, and a trend needs two"
NO_ROOM = "its capacity ahead does not lie above its floor; give a larger cap, or a lower floor"
NO_MODE = (
    "the search for the mode of its posterior came to no end; look for values far beyond all others, or a capacity far beyond the values"
)
MOST_SLACK = 0.5
"""A search that ends farther from stationary has found no mode: an eighth of a unit of log posterior is left to gain, or more."""
CONSTANT_SIGMA = 1e-9
"""Noise of a series that never changes, as in the package."""


@dataclass(frozen=True, eq=False)
class History:
    """The rows that a model is fitted on.

    Args:
        table: The series.
        rows: Their rows.
        seen: Those that hold a value, and a capacity above the floor where growth is logistic.
        floor: At each row; None for 0. (rows,)
        cap: At each row, for logistic growth. (rows,)
    """

    table: Table
    rows: Rows
    seen: Observed
    floor: Floats | None
    cap: Floats | None

    @classmethod
    def of(cls, recipe: Prophet, table: Table) -> History:
        """What a recipe sees of a table."""
        rows = Rows.of(table)
        floor, cap = rows.number(recipe.floor, np.zeros(len(table))), rows.number(recipe.cap, np.full(len(table), np.nan))
        spread = recipe.n_changepoints if recipe.growth != "flat" and recipe.changepoints is None else 0
        seen = Observed.of(
            rows.between(floor, cap), table.target, len(table), days(table.frequency, rows.grid.steps), (spread, recipe.changepoint_range),
            recipe.threads or 1,
        )  # fmt: skip
        return cls(table, rows, seen, floor, cap)

    def last(self, values: Floats | None) -> Floats:
        """The last of some values (rows,) at the rows that hold one; NaN where there is none. (series,)"""
        return np.full(len(self.table), np.nan) if values is None else self.seen.at(1, values)


@storable
@dataclass(frozen=True, eq=False)
class Scales:
    """What values and times are measured by, and where the trend may bend.

    Args:
        begin: Day of the first value: t = 0. (series,)
        span: Days from there to the last value: t = 1. (series,)
        size: What values are divided by. (series,)
        shift: What is taken from them before. (series,)
        changepoints: In t; NaN behind the last one. (series, changepoints)
    """

    begin: Floats
    span: Floats
    size: Floats
    shift: Floats
    changepoints: Floats

    @property
    def native(self) -> native.Scales:
        """For the kernel."""
        return native.Scales(self.begin, self.span, self.size, self.shift, self.changepoints)

    @classmethod
    def of(cls, recipe: Prophet, past: History) -> Scales:
        """Measure the series."""
        first, last = past.seen.first, past.seen.last
        begin, span = np.nan_to_num(first), np.where(last > first, last - first, 1.0)
        points = _changepoints(recipe, past.seen)
        return cls(begin, span, *_size(recipe, past), np.ascontiguousarray((points - begin[:, None]) / span[:, None]))

    def scaled(self, past: History, end: int, values: Floats) -> Floats:
        """Some values (rows,) as they are measured, at one end of each series; NaN where nothing is seen. (series,)"""
        floor = 0.0 if past.floor is None else past.seen.at(end, past.floor)
        with np.errstate(over="ignore", invalid="ignore"):
            return (past.seen.at(end, values) - (floor + self.shift)) / self.size


def _changepoints(recipe: Prophet, seen: Observed) -> Floats:
    if recipe.growth == "flat" or recipe.changepoints is None:
        return seen.changepoints
    return inside(np.array(recipe.changepoints, "datetime64[us]").astype(np.int64) / MICROSECONDS_PER_DAY, seen.first, seen.last)


def _size(recipe: Prophet, past: History) -> tuple[Floats, Floats]:
    """What values are divided by, and what is taken from them before. (series,) each"""
    seen, shift = past.seen, np.zeros(len(past.table))
    with np.errstate(over="ignore"):  # such a series is lost anyway
        if recipe.scaling == "absmax":
            size = seen.reach
        elif past.floor is not None:
            size = seen.top - seen.bottom
        else:
            size, shift = seen.high - seen.low, np.nan_to_num(seen.low)
    return np.where(size > 0, size, 1.0), shift


@storable
@dataclass(frozen=True, eq=False)
class Curves:
    """The models of all series.

    Args:
        recipe: The learner that made them.
        layout: Their columns.
        scales: What they are measured by.
        theta: [k, m | columns | changepoints] (series, 2 + columns + changepoints)
        sigma: Deviation of the noise, in units of the size. (series,)
        begin: First step of the history. (series,)
        end: Last step of it. (series,)
        known: The t of its last value. (series,)
        floor: Last floor. (series,)
        cap: Last capacity. (series,)
        counts: Observed values. (series,)
        log_posterior: At the mode, up to a constant; NaN where there is none, infinite for a series that never changes. (series,)
        slack: How far from stationary the mode is: the largest derivative of the log posterior by a parameter, in units of the root of
            its curvature. A derivative of g so scaled promises a gain of g^2 / 2. (series,)
    """

    recipe: Prophet
    layout: Layout
    scales: Scales
    theta: Floats
    sigma: Floats
    begin: Ints
    end: Ints
    known: Floats
    floor: Floats
    cap: Floats
    counts: Ints
    log_posterior: Floats
    slack: Floats

    @classmethod
    def of(cls, recipe: Prophet, table: Table) -> Curves:
        """Fit all series of a table."""
        past = History.of(recipe, table)
        layout, scales = Layout.of(recipe, table, past.rows.grid, past.seen), Scales.of(recipe, past)
        nothing = np.full(len(table), np.nan)
        columns = 2 + len(layout.columns) + scales.changepoints.shape[1]
        blank = cls(
            recipe, layout, scales, np.zeros((len(table), columns)), np.ones(len(table)), table.start, table.end, np.ones(len(table)),
            past.last(past.floor), past.last(past.cap), past.seen.counts, nothing, nothing,
        )  # fmt: skip
        if past.cap is not None:
            return blank._on_curve(past, past.cap)._at_mode(past, np.zeros(len(table), bool), hold=False)
        flat = past.seen.low == past.seen.high
        return blank._on_line(past, flat)._at_mode(past, flat, hold=False)

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Go on along the curves.

        Newer `history` moves trend, seasons and effects to their mode given all of it; noise, scales and changepoints stay as fitted.
        """
        if history is not None:
            return self._moved(history).predict(horizon, None, future)
        rows, series, levels = Rows.ahead(self.end, horizon, future), len(self.end), self.recipe.levels
        floor, cap = rows.number(self.recipe.floor, self.floor), rows.number(self.recipe.cap, self.cap)
        mean, quantiles = np.empty((series, horizon)), np.empty((series, horizon, len(levels)))
        native.ahead(
            rows.between(floor, cap), self.layout.design(self.recipe, rows), self.scales.native,
            native.Theta(self.theta.copy(), self.sigma.copy()), self.recipe.growth, self.known, np.array(levels), self.recipe.samples,
            self.recipe.seed, mean, quantiles, self.recipe.threads or 1,
        )  # fmt: skip
        room = np.inf if cap is None else cap - np.repeat(self.scales.shift, horizon) - (0.0 if floor is None else floor)
        below = np.broadcast_to(room <= 0, series * horizon).reshape(series, horizon)
        return self._told(mean, quantiles, np.asarray(below.any(axis=1)))

    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """The trend, and what each season, the holidays and events, and each covariate change: with the trend given, the forecast is a sum
        of their effects."""
        at = self if history is None else self._moved(history)
        at = replace(at, recipe=replace(self.recipe, levels=()))
        names = self.layout.part_names
        first, past = 2, 2 + len(names)

        def with_only(kept: Mask) -> Floats:
            theta = at.theta.copy()
            theta[:, first:past] *= kept
            return replace(at, theta=theta).predict(horizon, None, future).mean

        trend = with_only(np.zeros(len(names), bool))
        made = {name: with_only(names == name) - trend for name in dict.fromkeys(names.tolist())}
        return {"trend": trend, **made}

    def _told(self, mean: Floats, quantiles: Floats, below: Mask) -> Forecast:
        lost = ~(self.slack < MOST_SLACK) | np.isnan(self.log_posterior) | (self.counts < 2) | below
        lost |= ~np.isfinite(mean).all(axis=1) | ~np.isfinite(quantiles).all(axis=(1, 2))
        mean[lost], quantiles[lost] = np.nan, np.nan
        failed = {i: too_few(self.recipe, self.counts[i]) or (NO_ROOM if below[i] else NO_MODE) for i in np.flatnonzero(lost).tolist()}
        levels = self.recipe.levels
        return Forecast(mean, levels, quantiles if levels else None, failed)

    def _on_line(self, past: History, flat: Mask) -> Curves:
        """The search starts from the mean; a series that never changes needs none and has none."""
        theta = np.zeros_like(self.theta)
        theta[:, 1] = np.where(flat, self.scales.scaled(past, 0, past.table.target), 0.0)
        sigma = np.where(flat | (past.seen.counts == 0), CONSTANT_SIGMA, np.nan)
        return replace(self, theta=theta, sigma=sigma, log_posterior=np.where(flat, np.inf, np.nan), slack=np.where(flat, 0.0, np.nan))

    def _on_curve(self, past: History, cap: Floats) -> Curves:
        """Before the search the curve goes through the first and the last value."""
        shares = [self.scales.scaled(past, end, past.table.target) / self.scales.scaled(past, end, cap) for end in (0, 1)]
        theta = np.zeros_like(self.theta)
        theta[:, :2] = np.nan_to_num(np.column_stack(curve_through_the_ends(*shares)))
        return replace(self, theta=theta)

    def _at_mode(self, past: History, left: Mask, *, hold: bool) -> Curves:
        """With the parameters at the mode, sigma held or not; series that are `left` alone, or of which no row counts, stay as they are."""
        series, theta, sigma = len(self.end), self.theta.copy(), self.sigma.copy()
        criterion, slack, passes = -self.log_posterior, self.slack.copy(), np.zeros(series, np.int64)
        native.fit(
            past.rows.between(past.floor, past.cap), past.table.target, past.seen.there, left, self.layout.design(self.recipe, past.rows),
            self.scales.native, native.Theta(theta, sigma), self.recipe.growth, self.recipe.changepoint_prior_scale, hold, criterion, slack,
            passes, self.recipe.threads or 1,
        )  # fmt: skip
        return replace(self, theta=theta, sigma=self.sigma if hold else sigma, log_posterior=-criterion, slack=slack)

    def _moved(self, history: Table) -> Curves:
        expect_history(history, self.begin)
        past = History.of(self.recipe, history)
        known = np.fmax((past.seen.last - self.scales.begin) / self.scales.span, 1.0)
        floor, cap = past.last(past.floor), past.last(past.cap)
        moved = replace(
            self,
            end=history.end,
            known=known,
            floor=np.where(np.isnan(floor), self.floor, floor),
            cap=np.where(np.isnan(cap), self.cap, cap),
        )
        return moved._at_mode(past, np.zeros(len(self.end), bool), hold=True)


def too_few(recipe: Prophet, count: int) -> str:
    """Why so few observed values make no model; empty where they are enough."""
    logistic = recipe.growth == "logistic"
    if count == 0:
        return NOTHING_BELOW if logistic else NOTHING_OBSERVED
    return "" if count > 1 else ONE_BELOW if logistic else ONE_VALUE
