"""From rows with steps to one value per step: rows of one step are joined, missing steps are put in as NaN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.frequency import Frequency
from forecaster.guardrails.findings import Action, Findings
from forecaster.guardrails.rhythm import Placed
from forecaster.guardrails.stamped import Stamped, record, step_text
from forecaster.guardrails.target import median_per_series, per_series
from forecaster.table import Floats, Ints

# Up to this share of conflicting stamps, the values in conflict are unknown; beyond it there would be nothing left to forecast from.
_FEW_CONFLICTS = 0.1
# If more than this share is in conflict in every series, the rows are of several series that no column tells apart.
_MOST_CONFLICTS = 0.5
_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Runs:
    """The rows of one step of one series, next to each other: usually one row.

    Args:
        source: Rows that were kept; None for all. (kept rows,)
        bounds: Boundaries of the runs in the kept rows; None where every run is one row. (runs + 1,)
        listed: Step of each run; None where those of a series follow each other. (runs,)
        indptr: Boundaries of the series in the runs. (series + 1,)
        opening: Step of the first run of each series, where steps are not listed. (series,)
    """

    source: Ints | None
    bounds: Ints | None
    listed: Ints | None
    indptr: Ints
    opening: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def regular(cls, start: Ints, indptr: Ints) -> Runs:
        """One row at every step from the first of each series on."""
        return cls(None, None, None, indptr, start)

    @classmethod
    def of(cls, placed: Placed, indptr: Ints) -> Runs:
        """The runs of the rows that were kept, in the order of the rows."""
        source, steps = None, placed.steps
        if not placed.keep.all():
            source = np.flatnonzero(placed.keep)
            steps, indptr = steps[source], np.searchsorted(source, indptr)
        opens = steps[1:] != steps[:-1]
        opens[indptr[1:-1] - 1] = True
        if opens.all():
            return cls(source, None, steps, indptr)
        begin = np.concatenate([[0], np.flatnonzero(opens) + 1])
        return cls(source, np.append(begin, len(steps)), steps[begin], np.searchsorted(begin, indptr))

    @cached_property
    def steps(self) -> Ints:
        """Step of each run. (runs,)"""
        if self.listed is not None:
            return self.listed
        return np.arange(self.indptr[-1]) + np.repeat(self.opening - self.indptr[:-1], np.diff(self.indptr))

    @cached_property
    def start(self) -> Ints:
        """Step of the first run of each series. (series,)"""
        return self.opening if self.listed is None else self.listed[self.indptr[:-1]]

    @cached_property
    def end(self) -> Ints:
        """Step of the last run of each series. (series,)"""
        return self.start + np.diff(self.indptr) - 1 if self.listed is None else self.listed[self.indptr[1:] - 1]

    def kept(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the rows that were kept. (kept rows,)"""
        return values if self.source is None else values[self.source]

    def first(self, values: NDArray[Any]) -> NDArray[Any]:
        """The value of the first row of each run. (runs,)"""
        values = self.kept(values)
        return values if self.bounds is None else values[self.bounds[:-1]]

    def last(self, values: NDArray[Any]) -> NDArray[Any]:
        """The value of the last row of each run. (runs,)"""
        values = self.kept(values)
        return values if self.bounds is None else values[self.bounds[1:] - 1]

    def joined(self, values: Floats, how: str) -> Floats:
        """One value per run: the sum, mean, min, max or median of what is known; NaN where nothing is. (runs,)"""
        values = self.kept(values)
        if self.bounds is None:
            return values
        if how == "median":
            return median_per_series(values, self.bounds)
        if how in ("min", "max"):
            return per_series(np.fmin if how == "min" else np.fmax, values, self.bounds)
        known = np.isfinite(values)
        count = per_series(np.add, known.astype(np.float64), self.bounds)
        total = per_series(np.add, np.where(known, values, 0.0), self.bounds)
        return np.where(count > 0, total / np.maximum(count, 1) if how == "mean" else total, np.nan)

    def without(self, runs: NDArray[np.bool_]) -> Runs:
        """The runs but those of a mask."""
        if not runs.any():
            return self
        rows = at = np.flatnonzero(~runs)
        bounds = None
        if self.bounds is not None:
            sizes = np.diff(self.bounds)[at]
            bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            rows = np.arange(bounds[-1]) + np.repeat(self.bounds[at] - bounds[:-1], sizes)
        source = rows if self.source is None else self.source[rows]
        return Runs(source, bounds, self.steps[at], np.searchsorted(at, self.indptr))

    def stamped(self, rows: Stamped) -> Stamped:
        """The first stamps of the runs, as rows."""
        return replace(rows, stamps=self.first(rows.stamps), indptr=self.indptr, alike=False)


def without_doubles(rows: Stamped, runs: Runs, target: Floats, unit: str, findings: Findings) -> Floats:
    """One target per stamp; rows that repeat a stamp are joined if they agree and recorded either way.

    Where they differ: an hour that the clocks show twice in autumn is averaged; any other conflict makes the value
    unknown, or the mean where more than one in ten stamps of the series is in conflict.

    Args:
        rows: All rows.
        runs: Their runs.
        target: (rows,)
        unit: Unit of the frequency.

    Returns:
        (runs,)

    Raises:
        DataError: Every series repeats most of its stamps with different values.
    """
    if runs.bounds is None:
        return runs.kept(target)
    size = np.diff(runs.bounds)
    many, doubled = np.flatnonzero(size > 1), runs.without(size == 1)
    low, high, mean = (doubled.joined(target, how) for how in ("min", "max", "mean"))
    differ = np.zeros(len(size), bool)
    differ[many] = low < high
    at = runs.stamped(rows)
    autumn = differ & (size == 2) & _shown_twice(at, unit)
    conflict = differ & ~autumn
    share = np.add.reduceat(conflict, at.indptr[:-1], dtype=np.float64) / np.diff(at.indptr)
    if (share > _MOST_CONFLICTS).all():
        raise DataError(_no_series_column(at, conflict))
    few = conflict & np.repeat(share <= _FEW_CONFLICTS, np.diff(at.indptr))
    _record_doubles(at, {"same": (size > 1) & ~differ, "autumn": autumn, "unknown": few, "averaged": conflict & ~few}, findings)
    values = runs.first(target)
    values[many] = np.where(few[many], np.nan, np.where(low < high, mean, low))
    return values


def _no_series_column(rows: Stamped, conflict: NDArray[np.bool_]) -> str:
    first = np.flatnonzero(conflict)[:1]
    series = int(np.searchsorted(rows.indptr, first[0], side="right")) - 1
    return (
        f"column {rows.time!r} repeats stamps with different values in every series, {int(conflict.sum())} in all, the first in "
        f"{rows.label(series)} at {rows.told(first)[0]}. If the rows are of several series, name the columns that tell them apart; "
        f"if they are to be joined, give freq and aggregate='sum'"
    )


_DOUBLES: dict[str, tuple[str, Action, str]] = {
    "same": ("duplicates", "repaired", "{count} {stamp|stamps} came again with the same value, the first is {first}; one row was kept"),
    "autumn": ("clock_change", "repaired", "{count} {hour|hours} shown twice in autumn {was|were} averaged; give stamps with a time zone"),
    "unknown": (
        "conflicting_duplicates",
        "quarantined",
        "{count} {stamp|stamps} came with different values, the first is {first}, and {counts|count} as missing; remove the wrong rows",
    ),
    "averaged": (
        "conflicting_duplicates",
        "quarantined",
        "{count} {stamp|stamps} came with different values, the first is {first}, and {was|were} averaged; "
        "to join rows give freq and aggregate='sum', and if these are several series, name the column that tells them apart in series",
    ),
}


def _record_doubles(rows: Stamped, kinds: Mapping[str, NDArray[np.bool_]], findings: Findings) -> None:
    for kind, mask in kinds.items():
        rule, action, message = _DOUBLES[kind]
        record(rows, mask, findings, rule=rule, action=action, message=message, column=rows.time)


def _shown_twice(rows: Stamped, unit: str) -> NDArray[np.bool_]:
    """Stamps without a zone in the hours in which clocks are set back: a Sunday night in spring or autumn."""
    if rows.zone is not None or unit not in ("hour", "minute", "second"):
        return np.zeros(len(rows.stamps), bool)
    micros = rows.stamps.astype("datetime64[us]").astype(np.int64)
    month = rows.stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1
    sunday = (micros // _DAY + 3) % 7 == 6
    return np.asarray(sunday & np.isin(month, (3, 4, 9, 10, 11)) & (micros % _DAY < 4 * _DAY // 24))


def before_first(target: Floats, indptr: Ints) -> NDArray[np.bool_]:
    """Rows before the first known value of their series, where it has one. (runs,)"""
    opening = _first_known(target, indptr)
    if opening is None:
        return np.zeros(len(target), bool)
    return np.asarray(np.arange(len(target)) < np.repeat(opening, np.diff(indptr)))


def _first_known(target: Floats, indptr: Ints) -> Ints | None:
    """Row of the first known value of each series, its first row if there is none; None where all are the first row."""
    first = indptr[:-1]
    if np.isfinite(target[first]).all():
        return None
    rows = np.where(np.isfinite(target), np.arange(len(target)), len(target))
    known = per_series(np.minimum, rows, indptr).astype(np.int64)
    return np.where(known < len(target), known, first)


@dataclass(frozen=True, eq=False)
class Grid:
    """One place per step from the first to the last of each series.

    Args:
        start: Step of the first place of each series. (series,)
        indptr: Boundaries of the series in the places. (series + 1,)
        at: Place of each run; None where there is one run per place. (runs,)
    """

    start: Ints
    indptr: Ints
    at: Ints | None

    @classmethod
    def of(cls, runs: Runs) -> Grid:
        indptr = np.concatenate([[0], np.cumsum(runs.end - runs.start + 1)]).astype(np.int64)
        if indptr[-1] == runs.indptr[-1]:
            return cls(runs.start, indptr, None)
        return cls(runs.start, indptr, runs.steps + np.repeat(indptr[:-1] - runs.start, np.diff(runs.indptr)))

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the runs at their places, NaN at the others. (places,)"""
        if self.at is None:
            return values
        out = np.full(self.indptr[-1], np.nan, values.dtype)
        out[self.at] = values
        return out


def note_gaps(rows: Stamped, runs: Runs, grid: Grid, frequency: Frequency, findings: Findings) -> None:
    """Record the steps that were put in, for each series that has any."""
    if grid.at is None:
        return
    missing = np.diff(grid.indptr) - np.diff(runs.indptr)
    series = np.flatnonzero(missing)
    jumps = np.flatnonzero(np.diff(grid.at) > 1)
    # Places of different series follow each other without a jump, so every jump is a gap.
    before = jumps[np.searchsorted(jumps, runs.indptr[series])]
    findings.add(
        rule="gaps", action="repaired", series=rows.named(series), index=series, column=rows.time,
        count=missing[series], first=step_text(frequency, runs.steps[before] + 1),
        message="{count} {step had no row and was|steps had no row and were} put in as missing, the first at {first}; "
        "where no row means zero, add rows of zero",
    )  # fmt: skip
