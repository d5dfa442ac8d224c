"""Between UTC and wall-clock time, vectorised: microseconds since 1970-01-01 in, the same out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import SettingsError

Ints = NDArray[np.int64]

_SECOND = 1_000_000
_YEARS = (2, 9998)  # what datetime can hold in any zone


def wall(utc: Ints, zone: str) -> Ints:
    """What the clocks of `zone` show at each instant."""
    changes, offsets = _table(utc, zone)
    return utc + offsets[np.searchsorted(changes, utc, side="right")]


def instant(clock: Ints, zone: str) -> Ints:
    """The instant at which the clocks of `zone` show each time.

    A time that clocks show twice is taken the first time; one that they skip is moved forward by what they skip.
    """
    changes, offsets = _table(clock, zone)
    # Either way the offset from before the change counts until the larger of the two offsets has passed.
    edges = changes + np.maximum(offsets[:-1], offsets[1:])
    return clock - offsets[np.searchsorted(edges, clock, side="right")]


@lru_cache(maxsize=64)
def known(zone: str) -> tzinfo:
    """The time zone of that name.

    Raises:
        SettingsError: There is none of that name.
    """
    if match := re.fullmatch(r"([+-])(\d\d):?(\d\d)", zone):
        minutes = int(match[2]) * 60 + int(match[3])
        return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(f"no time zone is called {zone!r}; expected a name such as 'Europe/Berlin', 'UTC' or '+02:00'") from error


def _table(micros: Ints, zone: str) -> tuple[Ints, Ints]:
    """Instants at which the offset changes, and the offsets before, between and after them."""
    if not micros.size:
        return np.empty(0, np.int64), np.zeros(1, np.int64)
    first, last = np.array([micros.min(), micros.max()]).astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    low, high = (int(np.clip(year, *_YEARS)) for year in (first - 1, last + 1))
    found = [change for year in range(low, high + 1) for change in _changes(zone, year)]
    start = _offset(known(zone), datetime(low, 1, 1, tzinfo=UTC))
    return np.array([at for at, _ in found], np.int64), np.array([start, *(offset for _, offset in found)], np.int64)


@lru_cache(maxsize=20_000)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """(instant, new offset) of every change of the offset within a year of UTC, by bisection between midnights."""
    place = known(zone)
    midnights = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)] + [datetime(year + 1, 1, 1, tzinfo=UTC)]
    offsets = [_offset(place, at) for at in midnights]
    return tuple(
        _change(place, midnights[i], midnights[i + 1])
        for i in range(len(midnights) - 1)
        if offsets[i] != offsets[i + 1] and midnights[i] < midnights[i + 1]
    )


def _change(place: tzinfo, low: datetime, high: datetime) -> tuple[int, int]:
    before = _offset(place, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _offset(place, middle) == before else (low, middle)
    return (high - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1), _offset(place, high)


def _offset(place: tzinfo, at: datetime) -> int:
    shift = at.astimezone(place).utcoffset()
    return shift // timedelta(microseconds=1) if shift is not None else 0
