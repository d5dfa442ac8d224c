"""Rolling origins: where the windows of a backtest lie.

A window ends `gap + horizon` values after its cutoff; the last window ends with the series, each older one `step` values earlier
(azure-semantics B.3: T_k = T - H - (n - k) * step). Windows are made of positions, so later values cannot reach a fit. Which ones a
group has follows from its own series; windows are counted from the end, where those of all groups meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from forecaster.backtest.window import Window
from forecaster.errors import SettingsError
from forecaster.guardrails import Findings
from forecaster.guardrails.stamped import step_text
from forecaster.metrics.segments import reduce
from forecaster.table import Floats, Ints, Table

FEWEST, MOST = 2, 5
"""Windows that `"auto"` chooses between (azure-semantics B.2)."""


@dataclass(frozen=True)
class RollingOrigin:
    """How to cut a table into windows.

    Args:
        windows: How many, or "auto": as many as nine in ten of the series of a group have room for, between 2 and 5.
        step: Steps between two cutoffs; the horizon where None.
        align: "series" counts back from the end of each series, "calendar" from the last step of its group.
        length: Most values of a series to train on (a sliding window); None for all (an expanding one).
        gap: Steps between the cutoff and the first scored one.
        refit: Fit in every window (True), in the oldest only (False) or in every n-th one from the last one back, and in the oldest; in
            between the model rolls forward.
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

    def split(self, table: Table, horizon: int, min_length: int | Ints = 1) -> list[Window]:
        """Cut the table.

        Args:
            table: All values.
            horizon: Steps to score.
            min_length: Known values before the cutoff that a series needs to take part in a window, such as `shortest(...)`; one number,
                or one per series.

        Returns:
            Oldest first. A series takes part in the windows it has room for; a window that no series has room for is left out.
        """
        _at_least("horizon", horizon, 1)
        asked, step = self._count(table, horizon, min_length)
        back = range(int(asked.max(initial=0)) - 1, -1, -1)
        windows = {k: self._window(table, horizon, k * step, np.where(k < asked, min_length, np.inf)) for k in back}
        return [replace(w, fresh=bool(self.refit) and k % int(self.refit) == 0) for k, w in windows.items() if w.included.any()]

    def shortfalls(self, table: Table, windows: Sequence[Window], horizon: int, min_length: int | Ints = 1) -> Findings:
        """The series that take part in fewer windows than were asked for, and why.

        Args:
            table: All values.
            windows: What `split` made of it.
            horizon: Steps that are scored.
            min_length: Known values before the cutoff that a series needed to take part, as for `split`.
        """
        asked, _ = self._count(table, horizon, min_length)
        taken = np.zeros(len(table), np.int64)
        for window in windows:
            taken += window.included
        least = np.broadcast_to(min_length, len(table))
        ended = (table.end < self._last(table) - self.gap - horizon) & (self.align == "calendar")
        few, found = taken < asked, Findings()
        for count, need in np.unique(np.stack([asked, least])[:, few], axis=1).T.tolist():
            why = {
                "it ends before the others do; align the windows by series to test it on its own last values": ended,
                f"one takes {need} known values to train on and {self.gap + horizon} steps after them; give more history, or ask for a "
                f"shorter horizon or fewer windows": ~ended,
            }
            for words, which in why.items():
                mine = np.flatnonzero(few & which & (asked == count) & (least == need))
                found.add(
                    rule="short_backtest", action="noted", series={name: values[mine] for name, values in table.ids.items()}, index=mine,
                    count=taken[mine], first=step_text(table.frequency, table.start[mine]),
                    message=f"the series takes part in {{count}} of {count} windows of the backtest: {words}",
                )  # fmt: skip
        return found

    def _count(self, table: Table, horizon: int, min_length: int | Ints) -> tuple[Ints, Ints]:
        """Number of windows, and steps between them: those of its group. (series,) each"""
        step = self.step or horizon
        if self.windows != "auto":
            return np.full(len(table), self.windows), np.full(len(table), step)
        room = table.sizes - self.gap - horizon - min_length
        told = [_fitting(room[first:last], step, min(step, -(-horizon // 2))) for first, last in pairwise(table.group_ptr.tolist())]
        count, steps = np.array(told, np.int64).reshape(-1, 2).T
        return count[table.group], steps[table.group]

    def _window(self, table: Table, horizon: int, back: Ints, min_length: Floats) -> Window:
        """The window whose last scored steps lie `back` steps before the end, for series with so many known values before it."""
        drop = np.clip(table.end - (self._last(table) - back - horizon - self.gap), 0, table.sizes)
        window = Window(table, horizon, drop, np.ones(len(table), bool), self.gap, self.length)
        known = _observed_before(table, drop, self.length)
        return replace(window, included=(known >= min_length) & np.isfinite(window.actual).any(1))

    def _last(self, table: Table) -> Ints:
        """The step that windows are counted back from. (series,)"""
        if self.align == "series":
            return table.end
        return reduce(np.maximum, table.end.astype(np.float64), table.group_ptr, 0.0).astype(np.int64)[table.group]


def _fitting(room: Ints, *steps: int) -> tuple[int, int]:
    """How many windows fit a group, and the steps between them: the first of `steps` with which enough do, or single ones.

    Args:
        room: Steps that each series has for more windows than one; below zero where there is none for that.
    """
    room = np.sort(room[room >= 0])
    space = int(room[(len(room) - 1) // 10]) if len(room) else 0
    for step in steps:
        if space // step + 1 >= FEWEST:
            return min(space // step + 1, MOST), step
    return max(FEWEST, min(space + 1, MOST)), 1


def shortest(horizon: int, lookback: int) -> int:
    """Values before the cutoff that a series needs for a learner that looks back: horizon + lookback + 1.

    With n windows that is the minimum of azure-semantics B.3, T >= 2 H + (n - 1) step + lookback + 1.
    """
    return horizon + lookback + 1


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
