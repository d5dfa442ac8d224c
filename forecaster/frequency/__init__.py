"""Time as whole numbers: a frequency turns stamps into steps and back, in exact integer arithmetic.

Stamps are datetime64 in the form they came in - instants of UTC where there is a time zone, wall-clock time where there
is none - or whole numbers. Steps finer than a day are of equal length; from a day on they follow the local calendar, so
that a local midnight is a local midnight on both sides of a change of the clocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import SettingsError
from forecaster.frequency import rhythm, zones
from forecaster.frequency.alias import DAY, MONTH, TICKS, Alias, parse
from forecaster.frequency.grid import Grid

Ints = NDArray[np.int64]

_BLOCK = 1 << 17  # rows at a time, so that what is worked on stays in the cache


@dataclass(frozen=True)
class Frequency:
    """The grid that the stamps of a table lie on.

    Args:
        alias: A pandas alias in its present spelling ("20min", "h", "D", "B", "W-SUN", "MS", "QS-OCT" ...), or "1", "2" ...
            for integer steps.
        zone: Time zone of the stamps; None where they have none.
        phase: Microseconds (or integers) that the grid is shifted by: the clock time of daily or coarser stamps, with
            whole days for months, quarters and years that are stamped within a month.
        offset: Days, business days, weeks, months, quarters or years that a grid of several of them is shifted by.
    """

    alias: str
    zone: str | None = None
    phase: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, freq: str | int, zone: str | None = None) -> Frequency:
        """Read a frequency as a user writes it.

        Args:
            freq: A pandas alias, old or new, an offset of pandas, or a whole number for integer steps.
            zone: Time zone of the stamps.

        Raises:
            SettingsError: It is no frequency (names the near ones), or there is no such zone.
        """
        if zone is not None:
            zones.known(zone)
        return cls(str(parse(getattr(freq, "freqstr", freq))), zone)

    @classmethod
    def infer(cls, stamps: NDArray[Any], indptr: Ints, zone: str | None = None, label: Callable[[int], str] | None = None) -> Frequency:
        """The frequency that most series of a table have, by their most common gaps.

        Args:
            stamps: Stamps of all series, ascending within each; NaT is passed over. (rows,)
            indptr: Boundaries of the series. (series + 1,)
            zone: Time zone of the stamps, which are instants of UTC then.
            label: Names a series in an error.

        Raises:
            SettingsError: No frequency can be seen; shows stamps of a series and suggests what to give.
        """
        found = cls(*rhythm.of(stamps, indptr, zone, label))
        if rhythm.hardly_taken(lambda some: found.steps(some)[0], stamps, indptr):
            why = f"the stamps lie on {found.alias!r}, but hardly two of them are one step apart"
            rhythm.give_up(stamps, indptr, why, label)
        return found

    def anchored(self, stamps: NDArray[Any]) -> Frequency:
        """The same frequency with the phase and offset that most of `stamps` share, in the zone in which they keep their clock time.

        A frequency that a user names ("h", "D", "2MS") leaves open when in the hour, day or year the grid begins. Stamps that
        jitter around the grid of phase 0 leave it there.
        """
        micros = rhythm.sample(self._micros(stamps))
        if not len(micros):
            return self
        if not self._dated:
            return replace(self, phase=rhythm.usual_phase(micros, self._alias.every))
        zone = rhythm.clock_zone(micros, self.zone)
        kept = self if zone == self.zone else replace(self, zone=zone)
        days, clock = np.divmod(kept._wall(micros), DAY)
        one = replace(self._alias, every=1).grid(0, 0).index(days)
        phase = self.phase // DAY * DAY + rhythm.usual_phase(clock, DAY)
        return replace(kept, phase=phase, offset=rhythm.most_common(one % self._alias.every))

    def steps(self, stamps: NDArray[Any]) -> tuple[Ints, NDArray[np.bool_]]:
        """The step of each stamp, and whether the stamp lies exactly on the grid.

        A stamp off the grid has the step whose period holds it: from its stamp on, or up to its stamp for weeks and the
        ends of months, quarters and years. NaT is on no grid.
        """
        micros = self._micros(stamps)
        steps, exact = np.empty(len(micros), np.int64), np.empty(len(micros), bool)
        for begin in range(0, len(micros), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            steps[part], exact[part] = self._place(micros[part])
        return steps, exact

    def nearest(self, stamps: NDArray[Any]) -> tuple[Ints, Ints]:
        """The step whose stamp is nearest to each stamp, and how far it is off, in microseconds (or integers)."""
        micros = self._micros(stamps)
        near = self.steps(stamps)[0] + np.array([[-1], [0], [1]])
        off = np.abs(self.stamps(near).astype(np.int64) - micros)
        best = np.argmin(off, axis=0)[None]
        return np.take_along_axis(near, best, 0)[0], np.take_along_axis(off, best, 0)[0]

    def stamps(self, steps: Ints) -> NDArray[Any]:
        """The stamp of each step: datetime64[us], instants of UTC where there is a zone; int64 for integer steps."""
        steps = np.asarray(steps, np.int64)
        if not self._dated:
            micros = steps * self._alias.every + self.phase
            return micros if self.unit == "integer" else micros.view("datetime64[us]")
        clock = self._clock(steps)
        return (clock if self.zone is None else zones.instant(clock, self.zone)).view("datetime64[us]")

    def local(self, steps: Ints) -> NDArray[np.datetime64]:
        """What the clocks on the wall show at each step, as datetime64[us]: for calendar features.

        Raises:
            SettingsError: The steps are integers and have no clock.
        """
        if self.unit == "integer":
            raise SettingsError(
                f"integer steps (freq={self.alias!r}) have no calendar; calendar features and holidays need dates in the time column"
            )
        steps = np.asarray(steps, np.int64)
        if self._dated:
            return self._clock(steps).view("datetime64[us]")
        return self._wall(self.stamps(steps).astype(np.int64)).view("datetime64[us]")

    def coarser_than(self, other: Frequency) -> bool:
        """Whether a step of this frequency is longer than one of `other`.

        Raises:
            SettingsError: One counts integers and the other time.
        """
        if (self.unit == "integer") != (other.unit == "integer"):
            raise SettingsError(f"freq={self.alias!r} and freq={other.alias!r} cannot be compared: one counts integers, the other time")
        return self._length > other._length

    @cached_property
    def unit(self) -> str:
        """integer, second, minute, hour, day, business, week, month, quarter or year: the finest thing that changes from step to step."""
        alias = self._alias
        if alias.months:
            return "year" if alias.months % 12 == 0 else "quarter" if alias.months % 3 == 0 else "month"
        if alias.name == "us":
            return "hour" if alias.every % TICKS["h"] == 0 else "minute" if alias.every % TICKS["min"] == 0 else "second"
        if alias.name == "D" and alias.every % 7 == 0:
            return "week"
        return {"1": "integer", "D": "day", "B": "business", "W": "week"}[alias.name]

    @cached_property
    def season_length(self) -> int:
        """Steps in the season that is usual for the unit.

        A day for hours (24) and minutes (30min: 48), a week for days (7) and business days (5), a year for weeks (52),
        months (12) and quarters (4), none (1) for integers and years; for seconds the shorter of minute and hour that
        holds ten steps or more (s: 60, 10s: 360), none where it holds more steps than an hour has seconds (ms: 1). Where a step
        does not divide its season, as many seasons as it takes to come out even (2D: 7).
        """
        every = self._alias.every
        if self.unit == "second":
            season = _even(TICKS["min"] if every * 10 <= TICKS["min"] else TICKS["h"], every)
            return season if season <= 3600 else 1
        if self.unit in ("minute", "hour"):
            return _even(DAY, every)
        if self.unit == "week":
            return max(1, round(52 / (every if self._alias.name == "W" else every // 7)))
        return _even({"day": 7, "business": 5}.get(self.unit, 12 if self._alias.months else 1), self._alias.months or every)

    @cached_property
    def _alias(self) -> Alias:
        return parse(self.alias)

    @cached_property
    def _grid(self) -> Grid:
        return self._alias.grid(self.offset, self.phase // DAY)

    @cached_property
    def _dated(self) -> bool:
        """Whether steps follow the calendar, not a fixed length."""
        return self._alias.name not in ("1", "us")

    @cached_property
    def _length(self) -> float:
        """Mean length of a step, in microseconds (or integers)."""
        alias = self._alias
        if alias.months:
            return alias.months * (MONTH * DAY)
        return alias.every * {"1": 1.0, "us": 1.0, "D": DAY, "B": 1.4 * DAY, "W": 7.0 * DAY}[alias.name]

    def _place(self, micros: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Steps of stamps in microseconds, and which are exact."""
        there = micros != rhythm.NO_STAMP
        micros = micros if there.all() else np.where(there, micros, 0)
        if not self._dated:
            step, rest = np.divmod(micros - self.phase, self._alias.every)
            return step, there & (rest == 0)
        clock = self._wall(micros)
        step = self._grid.index(clock // DAY)
        expected = self._clock(step)
        exact = expected == clock
        if self.zone is not None:
            exact |= zones.instant(expected, self.zone) == micros
        return step, there & exact

    def _clock(self, steps: Ints) -> Ints:
        return self._grid.day(steps) * DAY + self.phase % DAY

    def _wall(self, micros: Ints) -> Ints:
        return micros if self.zone is None else zones.wall(micros, self.zone)

    def _micros(self, stamps: NDArray[Any]) -> Ints:
        stamps = np.asarray(stamps)
        if (stamps.dtype.kind == "M") == (self.unit == "integer"):
            came = f"{stamps.dtype} such as {stamps[0]!s}" if stamps.size else f"{stamps.dtype}"
            wants = "whole numbers" if self.unit == "integer" else "dates"
            raise SettingsError(
                f"freq={self.alias!r} is for {wants} in the time column, which holds {came}; give another freq or convert the column"
            )
        return rhythm.micros(stamps)


def _even(season: int, step: int) -> int:
    """Fewest steps that make whole seasons; at least one."""
    return season // gcd(season, step) if season >= step else 1
