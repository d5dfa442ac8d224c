"""What is lost when rows are joined into longer steps: values that were missing, stamps without a row, periods that are not full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.frequency import Frequency
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.grid import Runs
from forecaster.guardrails.stamped import Stamped, record, step_text
from forecaster.table import Floats, Ints

_FULL = 0.75  # share of stamps with rows from which on one without is missing
_PARTIAL = (
    "the {which} period is not full: it has {count} {row|rows}, from {first} on; leave them out if the forecast should be of whole periods"
)


@dataclass(frozen=True)
class Joining:
    """How rows were joined.

    Args:
        how: "sum", "mean" ...
        fine: The frequency of the rows, if they have one.
        coarse: The frequency that they were joined into.
    """

    how: str
    fine: Frequency | None
    coarse: Frequency


def note(rows: Stamped, runs: Runs, values: tuple[Floats, Floats], column: str, joining: Joining, findings: Findings) -> NDArray[np.bool_]:
    """Record that rows were joined, and for each series what the joined values do not hold.

    Args:
        rows: All rows.
        runs: The rows of one period each.
        values: The target as it came (rows,) and joined (runs,).
        column: Name of the target.
        joining: How they were joined.
        findings: Where it is recorded.

    Returns:
        Whether a period is the first or the last of its series and not full. (runs,)
    """
    partial = np.zeros(len(runs.steps), bool)
    if runs.bounds is None:
        return partial
    findings.add(
        rule="aggregated", action="repaired", column=column, count=len(rows.stamps), first=rows.told(np.arange(1))[0],
        message=f"{{count}} {{row was|rows were}} joined into {len(runs.steps)} of freq={joining.coarse.alias!r} by {joining.how}",
    )  # fmt: skip
    came, joined = values
    record(
        rows, np.isnan(came) & np.repeat(np.isfinite(joined), np.diff(runs.bounds)), findings,
        rule="missing_values", action="repaired", column=column,
        message=f"{{count}} {{value is|values are}} missing, the first at {{first}}; the {joining.how} of their period is "
        f"that of the others",
    )  # fmt: skip
    steps = None if joining.fine is None else joining.fine.steps(rows.stamps)[0]
    if joining.fine is None or steps is None or _sparse(steps, rows.indptr):
        edges = [("last", runs.indptr[1:] - 1, _few(runs, runs.bounds))]
    else:
        _note_gaps(rows, steps, joining.fine, joining.how, findings)
        edges = list(_edges(rows, runs, steps, joining.fine, joining.coarse))
    for which, at, short in edges:
        _note_partial(rows, runs.bounds, at, short, which, findings)
        partial[at[short]] = True
    return partial


def _few(runs: Runs, bounds: Ints) -> NDArray[np.bool_]:
    """Where rows come at any time, a last period is not full if it has half the rows of the one before. (series,)"""
    size, first, last = np.diff(bounds), runs.indptr[:-1], runs.indptr[1:] - 1
    return np.asarray((last - first > 1) & (2 * size[last] <= size[last - 1]))


def _edges(rows: Stamped, runs: Runs, steps: Ints, fine: Frequency, coarse: Frequency) -> Iterator[tuple[str, Ints, NDArray[np.bool_]]]:
    """A first or last period is not full if the stamp before the first or after the last row lies in it, too."""
    for which, at, beyond in (
        ("first", runs.indptr[:-1], steps[rows.indptr[:-1]] - 1),
        ("last", runs.indptr[1:] - 1, steps[rows.indptr[1:] - 1] + 1),
    ):
        yield which, at, np.asarray(coarse.steps(fine.stamps(beyond))[0] == runs.steps[at])


def _sparse(steps: Ints, indptr: Ints) -> bool:
    """Whether rows come at some of the stamps only, so that one without a row is none that is missing."""
    fresh = np.diff(steps, prepend=steps[0] - 1) != 0
    return bool(fresh.sum() < _FULL * (steps[indptr[1:] - 1] - steps[indptr[:-1]] + 1).sum())


def _note_partial(rows: Stamped, bounds: Ints, at: Ints, partial: NDArray[np.bool_], which: str, findings: Findings) -> None:
    """Record the series whose first or last period is not full; `at` is that period of each series."""
    series = np.flatnonzero(partial)
    begin = bounds[at[series]]
    findings.add(
        rule="partial_period", action="noted", column=rows.time, series=rows.named(series), index=series,
        count=bounds[at[series] + 1] - begin, first=rows.told(begin), message=_PARTIAL.replace("{which}", which),
    )  # fmt: skip


def _note_gaps(rows: Stamped, steps: Ints, fine: Frequency, how: str, findings: Findings) -> None:
    """Record the stamps that have no row."""
    missing = np.maximum(np.diff(steps) - 1, 0)
    missing[rows.indptr[1:-1] - 1] = 0
    at = np.flatnonzero(missing)
    owner = np.searchsorted(rows.indptr, at, side="right") - 1
    series, opening = np.unique(owner, return_index=True)
    findings.add(
        rule="gaps", action="noted", column=rows.time, series=rows.named(series), index=series,
        count=np.add.reduceat(missing[at], opening) if len(at) else 0, first=step_text(fine, steps[at[opening]] + 1),
        message=f"{{count}} {{stamp|stamps}} of {fine.alias!r} had no row, the first at {{first}}; the {how} of their "
        f"period is that of the others",
    )  # fmt: skip
