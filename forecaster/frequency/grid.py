"""Grids of days: which period holds a day, and which day a period is stamped with. Exact integers, days since 1970-01-01.

A period is named by a whole number. Periods stamped at their start (days, month starts ...) hold the days from their
stamp on; periods stamped at their end (weeks, month ends ...) hold the days up to and including their stamp, as in pandas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MONDAY = 3  # 1970-01-01 was a Thursday: day + 3 counts from a Monday


class Grid(Protocol):
    def index(self, days: Ints) -> Ints:
        """The period that holds each day."""
        ...

    def day(self, index: Ints) -> Ints:
        """The day that each period is stamped with."""
        ...


@dataclass(frozen=True)
class Days:
    """Every `every` days, counted from day `offset`."""

    every: int
    offset: int = 0

    def index(self, days: Ints) -> Ints:
        return (days - self.offset) // self.every

    def day(self, index: Ints) -> Ints:
        return index * self.every + self.offset


@dataclass(frozen=True)
class BusinessDays:
    """Every `every` days of Monday to Friday; a weekend belongs to the Friday before it."""

    every: int
    offset: int = 0

    def index(self, days: Ints) -> Ints:
        week, weekday = np.divmod(days + MONDAY, 7)
        return (5 * week + np.minimum(weekday, 4) - self.offset) // self.every

    def day(self, index: Ints) -> Ints:
        week, weekday = np.divmod(index * self.every + self.offset, 5)
        return 7 * week + weekday - MONDAY


@dataclass(frozen=True)
class Weeks:
    """Every `every` weeks that end on `weekday` (0 = Monday), counted from week `offset`."""

    every: int
    weekday: int
    offset: int = 0

    def index(self, days: Ints) -> Ints:
        week = _ceil(days + MONDAY - self.weekday, 7)
        return _ceil(week - self.offset, self.every)

    def day(self, index: Ints) -> Ints:
        return (index * self.every + self.offset) * 7 + self.weekday - MONDAY


@dataclass(frozen=True)
class Months:
    """Every `every` months, counted from month `offset` (0 = January 1970).

    Args:
        every: Months in one period.
        offset: A month that is stamped.
        into: Days from the first of the month to the stamp; the last of the month where it is shorter.
        end: The stamped month is the last of its period, not the first.
        business: The stamp moves to a weekday of the same month: forward from a start, back from an end.
    """

    every: int
    offset: int = 0
    into: int = 0
    end: bool = False
    business: bool = False

    def index(self, days: Ints) -> Ints:
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - self.offset
        return _ceil(months, self.every) if self.end else months // self.every

    def day(self, index: Ints) -> Ints:
        month = index * self.every + self.offset
        first = _first_day(month)
        day = np.minimum(first + self.into, _first_day(month + 1) - 1)
        return self._to_weekday(day) if self.business else day

    def _to_weekday(self, day: Ints) -> Ints:
        weekday = (day + MONDAY) % 7
        return day - np.maximum(weekday - 4, 0) if self.end else day + np.where(weekday > 4, 7 - weekday, 0)


def _first_day(months: Ints) -> Ints:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _ceil(a: Ints, b: int) -> Ints:
    return -(-a // b)
