"""The grid: which step each row lies on, and the series and rows that do not keep the rhythm of the table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import DataError, SettingsError
from forecaster.frequency import Frequency
from forecaster.guardrails.findings import Action, Findings
from forecaster.guardrails.stamped import Stamped, record
from forecaster.guardrails.target import median_per_series, per_series
from forecaster.sample import evenly
from forecaster.table import Ints

# A series keeps the rhythm if nine in ten of its stamps lie on the grid (azure-semantics B.6, with its inequality set right).
_COMPLIANT = 0.9
# Stamps this far from the middle of their series are typing errors; the limit also bounds the memory of the grid.
_FAR_PER_ROW, _FAR = 50, 5_000
_ROWS_PER_ROW, _ROWS = 50, 20_000_000
# Series that are asked for their own frequency where the table has none in common.
_WITNESSES = 50
_APART = "put series of another frequency into a job of their own"
# What becomes of stamps off the grid: rule, action and message for series that keep the rhythm, are shifted, jitter, or do none of these.
_OFF_GRID: tuple[tuple[str, Action, str], ...] = (
    ("off_grid", "repaired", "{count} {stamp|stamps} off {grid} {was|were} left out, the first at {first}; correct them"),
    (
        "shifted_grid",
        "repaired",
        "{count} {stamp|stamps} beside {grid}, one per step, {was|were} moved to the step that holds them, the first at {first}",
    ),
    ("jitter", "repaired", "{count} {stamp|stamps} about {grid} {was|were} moved to the nearest step, the first at {first}"),
    (
        "mixed_frequency",
        "quarantined",
        "{count} {stamp does|stamps do} not lie on {grid} that most series share and {was|were} left out, the first at {first}; " + _APART,
    ),
)


@dataclass(frozen=True, eq=False)
class Placed:
    """Rows with their steps, ascending within each series.

    Args:
        steps: Step of each row. (rows,)
        keep: Rows that stay. (rows,)
    """

    steps: Ints
    keep: NDArray[np.bool_]


def frequency_of(rows: Stamped, freq: str | int | Frequency | None, aggregate: str | None, findings: Findings) -> Frequency:
    """The frequency agreed on, or the one asked for, anchored at the stamps, or the one that most series have.

    Raises:
        SettingsError: There is no such frequency, or none can be seen and none was given.
        DataError: The data has another rhythm than the frequency asked for.
    """
    if freq is None:
        return _inferred(rows)
    if isinstance(freq, Frequency):
        return freq if (freq.zone is None) == (rows.zone is None) else replace(freq, zone=rows.zone)
    asked = Frequency.parse(freq, rows.zone)
    if aggregate is not None:
        _refuse_finer(rows, asked)
        return asked
    asked = asked.anchored(rows.stamps)
    if asked.steps(rows.stamps[:10_000])[1].any() or asked.steps(rows.stamps)[1].any():
        return asked
    seen = seen_in(rows)
    if seen is None:
        return asked  # stamps that jitter have no rhythm of their own: `place` tells whether they keep to this one
    if seen.coarser_than(asked) or asked.coarser_than(seen):
        raise DataError(_off_grid(rows, asked, seen))
    findings.add(
        rule="frequency", action="repaired", column=rows.time, count=len(rows.stamps), first=rows.told(np.arange(1))[0],
        message=f"no stamp lies on freq={asked.alias!r}; they lie on {seen.alias!r}, which is of the same length and was used instead",
    )  # fmt: skip
    return seen


def _refuse_finer(rows: Stamped, asked: Frequency) -> None:
    """Rows can be joined into longer steps, not spread over shorter ones."""
    seen = seen_in(rows)
    if seen is not None and (seen.unit == "integer") == (asked.unit == "integer") and seen.coarser_than(asked):
        raise DataError(
            f"freq={asked.alias!r} is finer than the data, which lies on {seen.alias!r} from {rows.told(np.arange(1))[0]} on; "
            f"rows can be joined into a coarser freq only. Give a coarser one, or leave freq and aggregate out"
        )


def _inferred(rows: Stamped) -> Frequency:
    """The frequency of the table; where no one frequency fits all series, the one that most of a few series have by themselves."""
    try:
        return Frequency.infer(rows.stamps, rows.indptr, rows.zone, rows.label)
    except SettingsError:
        few = evenly(len(rows.indptr) - 1, _WITNESSES)
        own = [found for i in few.tolist() if (found := _own_frequency(rows, i)) is not None]
        if not own:
            raise
        return Counter(own).most_common(1)[0][0]


def _own_frequency(rows: Stamped, i: int) -> Frequency | None:
    """The frequency of one series, if it has one."""
    stamps = rows.stamps[rows.indptr[i] : rows.indptr[i + 1]]
    try:
        return Frequency.infer(stamps, np.array([0, len(stamps)]), rows.zone)
    except SettingsError:
        return None


def seen_in(rows: Stamped) -> Frequency | None:
    """The frequency that the rows have by themselves, if any."""
    try:
        return _inferred(rows)
    except SettingsError:
        return None


def _off_grid(rows: Stamped, asked: Frequency, seen: Frequency | None) -> str:
    shown = ", ".join(rows.told(np.arange(min(4, rows.indptr[1]))))
    told = f"they look like freq={seen.alias!r}. Give that freq" if seen else "they have no rhythm that can be seen. Give their freq"
    return (
        f"column {rows.time!r} should lie on freq={asked.alias!r}, but no series does: {rows.label(0)} has {shown} ...; {told}, "
        f"or join the rows into {asked.alias!r} with aggregate='sum' (or mean, min, max, median)"
    )


def place(rows: Stamped, frequency: Frequency, findings: Findings, *, agreed: bool = False) -> Placed:
    """The step of every row; rows off the grid are moved or left out, and recorded, in each series by itself.

    Args:
        rows: The rows.
        frequency: Of the table.
        findings: Where they are recorded.
        agreed: Whether the frequency is that of more series than are here, so that here none needs to keep to it.

    Raises:
        DataError: No series lies on the grid.
    """
    steps, exact = frequency.steps(rows.stamps)
    placed = Placed(steps, np.ones(len(steps), bool))
    if not exact.all():
        placed = _off(rows, frequency, placed, exact, findings, agreed)
    return _far(rows, placed, findings)


def _off(rows: Stamped, frequency: Frequency, placed: Placed, exact: NDArray[np.bool_], findings: Findings, agreed: bool) -> Placed:
    """Rows off the grid: a few are left out; a series that is shifted as a whole, or jitters, is moved; any other is quarantined."""
    sizes = np.diff(rows.indptr)
    compliant = _count(exact, rows.indptr) >= _COMPLIANT * sizes
    shifted = ~compliant & _regular(placed.steps, rows.indptr)
    strange = ~compliant & ~shifted
    nearest = frequency.nearest(rows.stamps)[0] if strange.any() else placed.steps
    jitters = strange & _regular(nearest, rows.indptr)
    strange &= ~jitters
    if strange.all() and not agreed:
        raise DataError(_off_grid(rows, frequency, seen_in(rows)))
    series = np.repeat(np.arange(len(sizes)), sizes)
    for which, (rule, action, message) in zip((compliant, shifted, jitters, strange), _OFF_GRID, strict=True):
        told = message.replace("{grid}", f"the grid of {frequency.alias!r}")
        record(rows, ~exact & which[series], findings, rule=rule, action=action, column=rows.time, message=told)
    steps = np.where(jitters[series], nearest, placed.steps)
    return Placed(steps, _one_at_least(exact | shifted[series] | jitters[series], rows.indptr))


def _one_at_least(keep: NDArray[np.bool_], indptr: Ints) -> NDArray[np.bool_]:
    """A series that would be left without rows keeps its last one, so that it stays a series."""
    keep = keep.copy()
    keep[indptr[1:][_count(keep, indptr) == 0] - 1] = True
    return keep


def _regular(steps: Ints, indptr: Ints) -> NDArray[np.bool_]:
    """Series whose rows all lie in different steps, most of them neighbours. (series,)"""
    same = steps[1:] == steps[:-1]
    same[indptr[1:-1] - 1] = False
    return np.asarray((_count(np.append(same, False), indptr) == 0) & (2 * _next_to(steps, indptr) >= np.diff(indptr) - 1))


def _next_to(steps: Ints, indptr: Ints) -> Ints:
    """How many rows of each series lie one step before the next. (series,)"""
    next_to = np.zeros(len(steps), bool)
    np.equal(steps[1:] - steps[:-1], 1, out=next_to[:-1])
    next_to[indptr[1:] - 1] = False
    return _count(next_to, indptr)


def _count(mask: NDArray[np.bool_], indptr: Ints) -> Ints:
    """How often a mask holds in each series, none of which is without rows. (series,)"""
    return np.asarray(np.add.reduceat(mask, indptr[:-1], dtype=np.int64), np.int64)


def _far(rows: Stamped, placed: Placed, findings: Findings) -> Placed:
    """Single stamps centuries away (2204 for 2024, 1900 for unknown) would make a grid of mostly nothing."""
    sizes = np.diff(rows.indptr)
    middle = placed.steps[rows.indptr[:-1] + sizes // 2]
    limit = _FAR_PER_ROW * sizes + _FAR
    if (np.maximum(placed.steps[rows.indptr[1:] - 1] - middle, middle - placed.steps[rows.indptr[:-1]]) <= limit).all():
        return placed
    far = np.abs(placed.steps - np.repeat(middle, sizes)) > np.repeat(limit, sizes)
    record(
        rows, far & placed.keep, findings, rule="far_stamps", action="quarantined", column=rows.time,
        message="{count} {stamp lies|stamps lie} absurdly far from the others of the series and {was|were} left out, the "
        "first at {first}; correct them",
    )  # fmt: skip
    return replace(placed, keep=_one_at_least(placed.keep & ~far, rows.indptr))


def other_rhythm(rows: Stamped, steps: Ints, frequency: Frequency, findings: Findings, *, asked: bool) -> None:
    """Quarantine series whose stamps lie on the grid but at another distance, such as a weekly series among daily ones.

    Args:
        rows: One row per step.
        steps: Their steps.
        frequency: That of the table.
        findings: Where they are recorded.
        asked: Whether the user gave the frequency.

    Raises:
        DataError: The frequency was given, and all series have another.
    """
    pairs = np.diff(rows.indptr) - 1
    if np.array_equal(steps[rows.indptr[1:] - 1] - steps[rows.indptr[:-1]], pairs):
        return
    ones = _next_to(steps, rows.indptr)
    slow = np.flatnonzero((pairs >= 3) & (ones <= 0.05 * pairs))
    distance = _distance(steps, rows.indptr, slow)
    slow, distance = slow[distance > 0], distance[distance > 0]
    if asked and len(slow) and len(slow) == (pairs >= 3).sum():
        shown = ", ".join(rows.told(rows.indptr[slow[0]] + np.arange(3)))
        raise DataError(
            f"freq={frequency.alias!r} is finer than the data: the stamps of {rows.label(slow[0])} are {int(distance[0])} steps apart "
            f"({shown} ...), and those of all {len(slow)} series are as wide. Give their own frequency, or leave freq out"
        )
    findings.add(
        rule="mixed_frequency", action="quarantined", series=rows.named(slow), index=slow, column=rows.time,
        count=pairs[slow] + 1, first=rows.told(rows.indptr[slow]),
        message=f"{{count}} {{stamp is|stamps are}} several steps of {frequency.alias!r}, the frequency of most series, apart; {_APART}",
    )  # fmt: skip


def _distance(steps: Ints, indptr: Ints, series: NDArray[np.int64]) -> NDArray[np.float64]:
    """The usual distance of the rows of some series; 0 where there is none. (chosen series,)"""
    pairs = np.diff(indptr)[series] - 1
    bounds = np.concatenate([[0], np.cumsum(pairs)]).astype(np.int64)
    at = np.arange(bounds[-1]) + np.repeat(indptr[series] - bounds[:-1], pairs)
    gaps = (steps[at + 1] - steps[at]).astype(np.float64)
    usual = median_per_series(gaps, bounds)
    near = np.abs(gaps - np.repeat(usual, pairs)) <= 0.15 * np.repeat(usual, pairs)
    return np.where(per_series(np.add, near.astype(np.float64), bounds) >= 0.8 * pairs, usual, 0.0)


def refuse_flood(rows: Stamped, start: Ints, end: Ints, frequency: Frequency) -> None:
    """Refuse a grid that is far larger than the data."""
    sizes = end - start + 1
    total, came = int(sizes.sum()), len(rows.stamps)
    if total > max(_ROWS, _ROWS_PER_ROW * came):
        widest = int(np.argmax(sizes))
        raise DataError(
            f"on freq={frequency.alias!r} the {came} rows would become {total}, nearly all of them missing ({rows.label(widest)} alone "
            f"{sizes[widest]}). Give a coarser freq with aggregate='sum', or add the missing rows with their values"
        )
