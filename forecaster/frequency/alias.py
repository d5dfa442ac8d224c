"""The language of frequencies: pandas' aliases, taken apart and put together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from forecaster.errors import SettingsError, UnknownName
from forecaster.frequency.grid import BusinessDays, Days, Grid, Months, Weeks

DAY = 86_400_000_000  # microseconds
MONTH = 30.436875  # days in a mean Gregorian month
TICKS = {"h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_SPAN = {"M": 1, "Q": 3, "Y": 12}  # months
_CALENDAR = {f"{business}{span}{edge}": (business, span, edge) for business in ("", "B") for span in _SPAN for edge in "SE"}
_SYNONYMS = {
    **{"H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "d": "D", "b": "B", "w": "W"},
    **{"M": "ME", "Q": "QE", "A": "YE", "Y": "YE", "AS": "YS"},
    **{"BM": "BME", "BQ": "BQE", "BA": "BYE", "BY": "BYE", "BAS": "BYS"},
}
_NAMES = ("D", "B", "W", *_CALENDAR, *TICKS, *(f"W-{day}" for day in WEEKDAYS), "QS-OCT", "QE-DEC", "YS-JUL", "YE-DEC")
_PART = re.compile(r"(\d+(?:\.\d+)?)?([A-Za-z]+)(?:-([A-Za-z]{3}))?")


@dataclass(frozen=True)
class Alias:
    """A frequency taken apart.

    Args:
        every: Units in one step; microseconds in one step for ticks.
        name: "1" for whole numbers, "us" for ticks, "D", "B", "W", or one of "MS", "ME", "QS" ... "BYE".
        anchor: Weekday (0 = Monday) of a week or month (0 = January) of a quarter or year.
    """

    every: int
    name: str
    anchor: int = 0

    @property
    def months(self) -> int:
        """Months in one step; 0 for what is not counted in months."""
        return self.every * _SPAN[_CALENDAR[self.name][1]] if self.name in _CALENDAR else 0

    def grid(self, offset: int, into: int) -> Grid:
        """The grid of days, shifted by `offset` units and `into` days of the month."""
        if self.name == "D":
            return Days(self.every, offset)
        if self.name == "B":
            return BusinessDays(self.every, offset)
        if self.name == "W":
            return Weeks(self.every, self.anchor, offset)
        business, span, edge = _CALENDAR[self.name]
        end = edge == "E"
        return Months(self.months, self.anchor + offset * _SPAN[span], 31 if end else into, end, bool(business))

    def __str__(self) -> str:
        if self.name == "1":
            return str(self.every)
        if self.name == "us":
            unit = next(unit for unit, width in TICKS.items() if self.every % width == 0)
            return _counted(self.every // TICKS[unit], unit)
        anchors = WEEKDAYS if self.name == "W" else MONTHS if self.name[-2:-1] in ("Q", "Y") else ()
        return _counted(self.every, self.name) + (f"-{anchors[self.anchor]}" if anchors else "")


def alias_of(freq: Any) -> str:
    """The alias of an offset of pandas or a time difference.

    Raises:
        SettingsError: It is neither.
    """
    from pandas import Timedelta
    from pandas.tseries.frequencies import to_offset

    try:
        name = to_offset(Timedelta(freq) if isinstance(freq, np.timedelta64) else freq).freqstr
    except (AttributeError, TypeError, ValueError):
        raise SettingsError(
            f"freq={freq!r}: expected a pandas alias such as 'D', 'W-MON', 'MS' or '20min', a whole number for integer steps, or None"
        ) from None
    return str(parse(name))


def parse(freq: str | int) -> Alias:
    """Take a frequency apart.

    Args:
        freq: A pandas alias, old or new, or a whole number (or its digits) for integer steps.

    Raises:
        UnknownName: No alias is called so.
        SettingsError: Fewer than one unit, or a fraction of one.
    """
    return _parsed(str(freq).strip())


@lru_cache
def _parsed(text: str) -> Alias:
    if re.fullmatch(r"[+-]?\d+", text):
        return Alias(_positive(Fraction(text), text), "1")
    parts = [match.groups() for match in _PART.finditer(text)]
    if not parts or "".join(match.group() for match in _PART.finditer(text)) != text.lstrip("+-"):
        raise _unknown(text)
    if text.startswith("-"):
        _positive(Fraction(-1), text)
    counts = [Fraction(count or "1") for count, _, _ in parts]
    names = [_SYNONYMS.get(name, name) for _, name, _ in parts]
    if all(name in TICKS for name in names) and not any(anchor for *_, anchor in parts):
        return ticks(_positive(sum((count * TICKS[name] for count, name in zip(counts, names, strict=True)), Fraction()), text))
    if len(parts) > 1:
        raise _unknown(text)
    return Alias(_positive(counts[0], text), names[0], _anchor(names[0], parts[0][2], text))


def ticks(width: int) -> Alias:
    """The alias of a step of `width` microseconds; whole days are days."""
    return Alias(width // DAY, "D") if width % DAY == 0 else Alias(width, "us")


def _anchor(name: str, anchor: str | None, text: str) -> int:
    if name == "W" and (anchor or "SUN").upper() in WEEKDAYS:
        return WEEKDAYS.index((anchor or "SUN").upper())
    if name in _CALENDAR and _CALENDAR[name][1] != "M":
        month = (anchor or ("JAN" if name.endswith("S") else "DEC")).upper()
        if month in MONTHS:
            return MONTHS.index(month)
    elif name in ("D", "B", *_CALENDAR) and anchor is None:
        return 0
    raise _unknown(text)


def _positive(count: Fraction, text: str) -> int:
    if count <= 0 or count.denominator != 1:
        raise SettingsError(f"freq={text!r}: expected one or more whole units in a step, such as 'D', '2h' or '30min'")
    return int(count)


def _unknown(text: str) -> UnknownName:
    return UnknownName.of("frequency", text, _NAMES, "A frequency is a pandas alias ('h', '30min', 'W-MON', 'MS') or a whole number.")


def _counted(count: int, name: str) -> str:
    return name if count == 1 else f"{count}{name}"
