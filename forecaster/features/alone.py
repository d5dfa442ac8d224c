"""What each group of a table would have if a design were fitted to it alone: fewer columns of the time, and labels of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forecaster.features.calendar import Grid, informative
from forecaster.features.fitted import FittedDesign
from forecaster.features.sources import Clock
from forecaster.labels import Met
from forecaster.table import Ints, Table


@dataclass(frozen=True, eq=False)
class Alone:
    """A group by itself.

    Args:
        idle: Columns of the time and of holidays that say nothing new over its steps and at its places.
        met: The labels of each column that holds only some of those that there are; no labels for any other column. None where there is no
            such column.
    """

    idle: Ints
    met: Met | None


def of_groups(fitted: FittedDesign, table: Table) -> Iterator[Alone]:
    """Each group of the table that a design was fitted to."""
    places = Met.all(0, table.n_groups) if fitted.holidays is None else fitted.holidays.places_by(table)
    found: dict[tuple[int, int, bytes], tuple[Ints, Ints]] = {}
    ticking: tuple[int, int] | None = None
    for g, (first, last) in enumerate(pairwise(table.group_ptr.tolist())):
        span, where = (int(table.start[first:last].min()), int(table.end[first:last].max())), places.by(g)
        key = (*span, where.tobytes())
        if key not in found:
            if span != ticking:  # neighbours often share their span
                ticking, clock = span, fitted.clock(Grid.over(table.take(np.arange(first, last))), table)
            found[key] = _in_time(fitted, clock, where)
        idle, days = found[key]
        yield Alone(idle, _labels(fitted, table, g, days))


def _in_time(fitted: FittedDesign, clock: Clock, places: Ints) -> tuple[Ints, Ints]:
    """The columns that say nothing new over some steps at some places, and the codes of the names of holidays there."""
    steps, width = len(clock.grid.steps), clock.days.shape[1]
    days = clock.days[(places[:, None] * steps + np.arange(steps)).reshape(-1)]
    told = [informative(dict(enumerate(columns.T))) for columns in (clock.time, days)]
    shift = clock.time.shape[1]
    idle = np.setdiff1d(np.arange(shift + width), [*told[0], *(shift + k for k in told[1])])
    names = [k - fitted.time_at - shift for k, name in fitted.labelled.items() if name is None]
    return fitted.time_at + idle, np.union1d(0, days[:, names]).astype(np.int64)


def _labels(fitted: FittedDesign, table: Table, group: int, days: Ints) -> Met | None:
    codes = [np.zeros(0, np.int64)] * len(fitted.names)
    for column, name in fitted.labelled.items():
        own = days if name is None else table.met[name].by(group) if name in table.met else None
        if own is not None and len(own) < fitted.count(name):
            codes[column] = own
    ptr = np.concatenate([[0], np.cumsum(list(map(len, codes)))]).astype(np.int64)
    return Met(ptr, np.concatenate(codes)) if ptr[-1] else None
