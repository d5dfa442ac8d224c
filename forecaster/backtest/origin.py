"""Rolling origins: where the windows of a backtest lie.

A window ends `gap + horizon` values after its cutoff; the last window ends with the series, each older one `step` values earlier
(azure-semantics B.3: T_k = T - H - (n - k) * step). Windows are made of positions, so later values cannot reach a fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecaster.backtest.window import Window
from forecaster.errors import SettingsError
from forecaster.guardrails import Findings
from forecaster.guardrails.stamped import step_text
from forecaster.table import Ints, Table

FEWEST, MOST = 2, 5
"""Windows that `"auto"` chooses between (azure-semantics B.2)."""


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
        window = Window(table, horizon, drop, ~nothing, self.gap, self.length)
        known = _observed_before(table, drop, self.length)
        some = np.isfinite(window.actual).any(1)
        return replace(window, included=(known >= min_length) & some & (table.end >= cutoff))


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
