"""Tables whose time needs no repair: every series has one row at each step of one calendar, from its first to its last.

Most tables are so, and it costs one comparison of their stamps with the calendar to know. All that is asked about stamps that are not -
which frequency most of them have, which lie off its grid, which come twice - has one answer then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.errors import SettingsError
from forecaster.frequency import Frequency
from forecaster.frequency.rhythm import micros
from forecaster.guardrails.stamped import Stamped
from forecaster.table import Ints

_LOOKED_AT = 1_000
"""Stamps of the first series that a frequency is inferred from."""
_EVEN = ("integer", "second", "minute", "hour")
_LEAST = 3


def regular(rows: Stamped, freq: str | int | Frequency | None) -> tuple[Frequency, Ints] | None:
    """The frequency of a table that needs no repair, and the step of the first row of each series; None for any other table.

    Args:
        rows: The rows, ascending within each series.
        freq: The frequency asked for; None to have it inferred.

    Raises:
        SettingsError: There is no such frequency, or it is not for stamps of this kind.
    """
    if rows.zone is not None or (frequency := _candidate(rows, freq)) is None:
        return None
    steps, exact = frequency.steps(np.concatenate(rows.ends))
    opening, end = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    start = end - np.diff(rows.indptr) + 1
    low, high = int(opening.min()), int(end.max())
    if not (exact.all() and np.array_equal(start[rows.telling], opening)) or high - low > 2 * len(rows.stamps):
        return None
    exact_days = frequency.stamps(np.arange(low, high + 1))
    calendar = exact_days.astype(rows.stamps.dtype)
    if not np.array_equal(micros(calendar), micros(exact_days)):
        return None
    return (frequency, start) if _follow(rows, calendar, start - low) else None


def _follow(rows: Stamped, calendar: NDArray[Any], first: Ints) -> bool:
    """Whether every series is a slice of the calendar, from place `first` on."""
    if not rows.alike:
        return scan.follows(rows.stamps.view(np.int64), rows.indptr, calendar.view(np.int64), first)
    stamps = rows.stamps[slice(*rows.indptr[rows.telling.start :][:2])]
    return np.array_equal(stamps, calendar[first[rows.telling.start] :][: len(stamps)])


def _candidate(rows: Stamped, freq: str | int | Frequency | None) -> Frequency | None:
    """The only frequency that a table in no need of repair can have: that of its first stamps."""
    if isinstance(freq, Frequency):
        return freq if freq.zone is None else None
    if freq is not None:
        return Frequency.parse(freq).anchored(rows.stamps[:1])
    first = rows.stamps[: min(int(rows.indptr[1]), _LOOKED_AT)]
    if len(first) < _LEAST:
        return None
    try:
        found = Frequency.infer(first, np.array([0, len(first)]))
    except SettingsError:
        return None
    # Of other frequencies (business days, month ends) the stamps of one series may look like those of another.
    return found if found.unit in _EVEN or found.alias == "D" or found.alias.startswith("W-") else None
