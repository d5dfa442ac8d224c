"""A single stamp that a user names, such as the last one to forecast, on the grid of a frequency."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import SettingsError
from forecaster.frequency import Frequency, zones

_OFFSET = re.compile(r"[T ]\d.*(Z|[+-]\d{2}(:?\d{2})?)$")


def step_at(frequency: Frequency, moment: Any, option: str) -> int:
    """The step of a stamp, or the last one before it.

    Args:
        frequency: The grid.
        moment: A date, a time or text of one, or a whole number where the steps are; without a time zone it is what the clocks of the
            frequency's own show.
        option: What the user calls it, for errors.

    Raises:
        SettingsError: It is no stamp, or of another kind than those of the frequency.
    """
    whole = frequency.unit == "integer"
    stamp = np.array([_number(moment, option)]) if whole else _instant(frequency, moment, option)
    step = frequency.steps(stamp)[0]
    return int(step[0] - (frequency.stamps(step) > stamp)[0])  # weeks and ends of months are stamped at the end of their steps


def _number(moment: Any, option: str) -> int:
    plain = isinstance(moment, int | np.integer) and not isinstance(moment, bool)
    if plain or (isinstance(moment, str) and re.fullmatch(r"\s*[+-]?\d+\s*", moment)):
        return int(moment)
    raise SettingsError(f"{option}={moment!r}: the steps of the job are whole numbers, so one was expected, such as {option}=120")


def _instant(frequency: Frequency, moment: Any, option: str) -> NDArray[Any]:
    """The moment as the stamps of the frequency are. (1,)"""
    try:
        read = _read(moment)
        zone = getattr(read, "tzinfo", None)
        stamp = np.array([read if zone is None else read.astimezone(UTC).replace(tzinfo=None)], "datetime64[us]")
    except (TypeError, ValueError):
        zone, stamp = None, np.array(["NaT"], "datetime64[us]")
    if np.isnat(stamp[0]):
        raise SettingsError(f"{option}={moment!r}: expected a date or time, such as {option}='2025-03-31' or '2025-03-31 12:00'")
    if zone is not None and frequency.zone is None:
        raise SettingsError(f"{option}={moment!r} has a time zone, and the stamps of the job have none; give it without")
    if zone is not None or frequency.zone is None:
        return stamp
    return zones.instant(stamp.view(np.int64), frequency.zone).view("datetime64[us]")


def _read(moment: Any) -> Any:
    """A datetime, a date, or a datetime64.

    Raises:
        ValueError: It is none, nor text of one.
    """
    if isinstance(moment, str):
        text = moment.strip()
        return datetime.fromisoformat(text) if _OFFSET.search(text) else np.datetime64(text, "us")
    if not isinstance(moment, date | np.datetime64):
        raise ValueError(moment)
    return moment
