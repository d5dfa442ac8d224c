"""A learner that does not see spikes, nor the levels that a series has left for good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.archive import storable
from forecaster.errors import UnknownName
from forecaster.features.fourier import periods
from forecaster.guardrails import Findings, fill
from forecaster.guardrails.stamped import step_text
from forecaster.learners._outlying import SHIFTS, moves, shifts, spikes
from forecaster.learners._shared import SHARED
from forecaster.protocols import Forecast, Learner, Model, Parts, Traits, adopted, parts_of
from forecaster.table import Floats, Future, Ints, Table

WAYS = ("spikes", "levels")
"""What may be cleaned."""


@storable
@dataclass(frozen=True)
class Cleaned:
    """Fits a learner on series without spikes (missing, then) or on one level (values before a shift are moved to the level after it).

    It cleans what it is given to train on and nothing else, so a backtest is scored on what came, and no window knows of a shift that was
    still to come.

    Args:
        learner: What is fitted.
        ways: "spikes", "levels" or both.
    """

    learner: Learner
    ways: tuple[str, ...] = WAYS

    def __post_init__(self) -> None:
        for way in self.ways:
            if way not in WAYS:
                raise UnknownName.of("way to clean", way, WAYS)

    @property
    def traits(self) -> Traits:
        """Those of the learner."""
        return self.learner.traits

    @property
    def label(self) -> str:
        """That of the learner."""
        return str(getattr(self.learner, "label", type(self.learner).__name__))

    def fit(self, table: Table) -> Clear:
        """Fit the learner on the cleaned table."""
        return Clear(self.learner.fit(clean(table, self.ways)), outlying(table, self.ways), self.ways)


@storable
@dataclass(frozen=True, eq=False)
class Outlying:
    """What is cleaned of a table, by steps, so that the same is cleaned where newer values have come.

    Args:
        spiked: Series of each spike. (spikes,)
        step: Step of each spike. (spikes,)
        shift: First step of each new level; before all steps where there is none. (series, shifts)
        factor: What takes earlier values to the new level. (series, shifts)
        moved: What is added to them after that. (series, shifts)
    """

    spiked: Ints
    step: Ints
    shift: Ints
    factor: Floats
    moved: Floats

    def cleaned(self, table: Table) -> Table:
        """The table without what was found, whichever part of the series it holds."""
        target = table.target.copy()
        at = self.step - table.start[self.spiked]
        there = (at >= 0) & (at < table.sizes[self.spiked])
        target[(table.indptr[self.spiked] + at)[there]] = np.nan
        for shift, factor, moved in zip(self.shift.T, self.factor.T, self.moved.T, strict=True):
            earlier = table.steps < shift[table.series]
            target = np.where(earlier, target * factor[table.series] + moved[table.series], target)
        return table.with_target(target)


@storable
@dataclass(frozen=True, eq=False)
class Clear:
    """A model of a cleaned table. Newer values are taken as they are.

    Args:
        model: What was fitted.
        found: What was cleaned.
        ways: How.
    """

    model: Model
    found: Outlying
    ways: tuple[str, ...] = ()

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast from cleaned values."""
        return self.model.predict(horizon, None if history is None else self.found.cleaned(history), future)

    def parts(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Parts:
        """Those of the model."""
        return parts_of(self.model, horizon, None if history is None else self.found.cleaned(history), future)

    def adopted(self, group: int, table: Table) -> Clear | None:
        """The model of series that it was not fitted on, all of one of its groups; None where there can be none."""
        model = adopted(self.model, group, clean(table, self.ways))
        return None if model is None else Clear(model, outlying(table, self.ways), self.ways)


def clean(table: Table, ways: tuple[str, ...]) -> Table:
    """The table without spikes, or on the level that each series has last; the same one for all learners that ask."""
    return SHARED.get(table, ("cleaned", *ways), lambda: outlying(table, ways).cleaned(table), lambda made: made.target.nbytes)


def told(table: Table, ways: tuple[str, ...]) -> Findings:
    """What is cleaned of a table."""
    seen, found = outlying(table, ways), Findings()
    series, first, count = np.unique(seen.spiked, return_index=True, return_counts=True)
    _add(found, table, series, rule="spikes", count=count, step=seen.step[first],
         message="{count} {value stands|values stand} out, the first at {first}; learners take {it|them} for missing")  # fmt: skip
    shifted = seen.shift >= table.start[:, None]
    series = np.flatnonzero(shifted.any(1))
    first = np.where(shifted, seen.shift, np.iinfo(np.int64).max).min(1)
    _add(found, table, series, rule="level_shift", count=shifted.sum(1)[series], step=first[series],
         message="the level changes {count} {time|times}, first at {first}; learners see earlier values on the last level")  # fmt: skip
    return found


def outlying(table: Table, ways: tuple[str, ...]) -> Outlying:
    """What stands out in a table."""
    natural = [round(period) for period in periods(table.frequency, table.season_length)]
    years = [(period, max(1, period // 122)) for period in natural if period > table.season_length]
    season = max([table.season_length, *(period for period in natural if period <= 7 * table.season_length)])
    spiked, none = np.zeros(len(table.target), bool), (table.start - 1)[:, None]
    shift, factor, moved = np.repeat(none, SHIFTS, axis=1), np.ones((len(table), SHIFTS)), np.zeros((len(table), SHIFTS))
    filled = fill(table.target, table.indptr)
    for series, rows in table.alike(least=8):
        found, deviation = spikes(filled[rows], np.isfinite(table.target[rows]), table.season_length, years)
        if "spikes" in ways:
            spiked[rows] = found
        if "levels" in ways:
            plain = np.where(found, np.nan, filled[rows])
            at, before, after = shifts(_filled(plain), deviation, season)
            shift[series] = np.where(at > 0, at + table.start[series, None], none[series])
            factor[series], moved[series] = moves(plain, before, after)
    where = np.flatnonzero(spiked)
    return Outlying(table.series[where], table.steps[where], shift, factor, moved)


def _add(found: Findings, table: Table, series: Ints, *, rule: str, count: Ints, step: Ints, message: str) -> None:
    found.add(
        rule=rule, action="repaired", series={name: values[series] for name, values in table.ids.items()}, index=series,
        count=count, first=step_text(table.frequency, step), message=message,
    )  # fmt: skip


def _filled(values: Floats) -> Floats:
    """Missing values as the last known one. (series, n)"""
    return fill(values.ravel(), np.arange(len(values) + 1) * values.shape[1]).reshape(values.shape)
