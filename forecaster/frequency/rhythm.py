"""Which frequency do stamps have? Judged once for a table, from a sample of its series.

Every series votes for its most common gap; the gap with the most votes wins, and the stamps of the series that voted for
it tell the anchor: the weekday, the day of the month, the month, the clock time. From a day on gaps are counted in local
days, and from four weeks on in months first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import SettingsError
from forecaster.frequency.alias import DAY, MONTH, TICKS, Alias, parse
from forecaster.frequency.grid import MONDAY, BusinessDays, Months
from forecaster.frequency.zones import wall
from forecaster.sample import evenly

Ints = NDArray[np.int64]
Found = tuple[str, str | None, int, int]  # alias, zone, phase, offset

NO_STAMP = int(np.iinfo(np.int64).min)  # the bits of NaT

_ROWS, _SERIES, _STAMPS = 250_000, 2_000, 200_000  # at most so many are looked at
_VOTES = 50  # of one series at most, so that a long one does not outvote many short ones
_RARE = 0.05  # share of gaps of one step below which a frequency is none
_ENOUGH = 0.9  # share of gaps or stamps that a frequency must explain
_USUAL = ("s", "5s", "10s", "15s", "30s", "min", "5min", "10min", "15min", "20min", "30min", "h", "2h", "4h", "6h", "12h", "D")
_USUAL_DAYS = {"W": 7, "MS": 30, "QS": 91, "YS": 365}


@dataclass(frozen=True)
class _Sample:
    """Some stamps of some series, and the gaps between neighbours of one series."""

    micros: Ints
    series: Ints

    def gaps(self, per: int = 1) -> tuple[Ints, Ints]:
        """Gaps above zero between the stamps (in units of `per`) of one series, and the series of each."""
        whole = self.micros // per
        gap = np.diff(whole)
        inside = (np.diff(self.series) == 0) & (gap > 0)
        return gap[inside], self.series[1:][inside]

    def of(self, series: Ints) -> _Sample:
        chosen = np.isin(self.series, series)
        return _Sample(self.micros[chosen], self.series[chosen])


def of(stamps: NDArray[Any], indptr: Ints, zone: str | None = None, label: Callable[[int], str] | None = None) -> Found:
    """The frequency that most series have.

    Args:
        stamps: Stamps of all series, ascending within each; NaT is passed over. (rows,)
        indptr: Boundaries of the series. (series + 1,)
        zone: Time zone of the stamps.
        label: Names a series in an error.

    Raises:
        SettingsError: No frequency can be seen; shows stamps of a series and suggests what to give.
    """
    seen = _look(np.asarray(stamps), np.asarray(indptr))
    gaps, series = seen.gaps()
    dated = np.asarray(stamps).dtype.kind == "M"
    found: Found | None = None
    if len(gaps):
        election = _Election.of(gaps, series)
        if dated and election.winner >= DAY - TICKS["h"]:
            slow = seen.of(election.voters[election.choices >= DAY - TICKS["h"]])
            clock = clock_zone(slow.micros, zone)
            found = _calendar(_Sample(slow.micros if clock is None else wall(slow.micros, clock), slow.series), clock)
        found = found or _even(seen.of(election.supporters), election.winner, "us" if dated else "1", zone)
        found = found or (_one_a_day(seen, zone) if dated else None)
    why = "the gaps between stamps follow no frequency" if len(gaps) else "no series has two different stamps"
    return found or give_up(np.asarray(stamps), np.asarray(indptr), why, label)


def hardly_taken(steps: Callable[[NDArray[Any]], Ints], stamps: NDArray[Any], indptr: Ints) -> bool:
    """Whether hardly two neighbours are one step apart: twice a month is on the grid of days, but is not daily."""
    seen = _look(stamps, indptr)
    at = steps(seen.micros.view("datetime64[us]") if stamps.dtype.kind == "M" else seen.micros)
    gaps = _Sample(at, seen.series).gaps()[0]
    return bool(np.sum(gaps == 1) < _RARE * len(gaps))


def micros(stamps: NDArray[Any]) -> Ints:
    """Stamps as whole microseconds since 1970, NaT as the least of all; whole numbers as they are."""
    if stamps.dtype.kind == "M":
        return np.asarray(stamps.astype("datetime64[us]", copy=False).view(np.int64))
    return stamps.astype(np.int64, copy=False)


def sample(values: Ints) -> Ints:
    """Some of the stamps that are there, always the same ones."""
    if len(values) > _STAMPS:
        values = values[np.random.default_rng(0).integers(0, len(values), _STAMPS)]
    return np.asarray(values[values != NO_STAMP])


def usual_phase(micros: Ints, width: int) -> int:
    """What most stamps are off a grid of that width; 0 where they have nothing in common and lie about it."""
    rest = micros % width
    phase = most_common(rest)
    if 2 * np.count_nonzero(rest == phase) >= len(rest):
        return phase
    about = np.mean(np.minimum(rest, width - rest) <= width // 4) >= _ENOUGH
    return 0 if about else phase


def clock_zone(micros: Ints, zone: str | None) -> str | None:
    """The zone in which stamps keep their clock time: their own, or UTC for what was stamped there and is shown elsewhere."""
    if zone is None or not len(micros):
        return zone
    own, utc = (_steadiness(clock) for clock in (wall(micros, zone) % DAY, micros % DAY))
    return "UTC" if utc > own and utc[0] >= _ENOUGH else zone


def _steadiness(clock: Ints) -> tuple[float, bool]:
    """How many stamps have the usual clock time, and whether that is midnight."""
    usual = most_common(clock)
    return float(np.mean(clock == usual)), usual == 0


def most_common(values: Ints) -> int:
    """The most common of some numbers; the least of those in a draw."""
    if len(values) and (values == values[0]).all():
        return int(values[0])
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def _look(stamps: NDArray[Any], indptr: Ints) -> _Sample:
    """The first rows of series that are spread evenly over the table."""
    n = len(indptr) - 1
    chosen = evenly(n, _SERIES)
    sizes = np.minimum(np.diff(indptr)[chosen], max(2, _ROWS // max(len(chosen), 1)))
    ends = np.cumsum(sizes)
    rows = np.arange(ends[-1] if n else 0) + np.repeat(indptr[chosen] - (ends - sizes), sizes)
    values, series = micros(stamps[rows]), np.repeat(chosen, sizes)
    there = values != NO_STAMP
    return _Sample(values[there], series[there])


@dataclass(frozen=True)
class _Election:
    """Every series votes for its most common gap (the least of those in a draw)."""

    voters: Ints
    choices: Ints
    winner: int

    @classmethod
    def of(cls, gaps: Ints, series: Ints) -> _Election:
        kinds, kind = np.unique(gaps, return_inverse=True)
        pairs, counts = np.unique(series * len(kinds) + kind, return_counts=True)
        voter, choice = np.divmod(pairs, len(kinds))
        best = np.lexsort((choice, -counts, voter))
        best = best[np.diff(voter[best], prepend=-1) > 0]
        votes = np.bincount(choice[best], np.minimum(counts[best], _VOTES), len(kinds))
        return cls(voter[best], kinds[choice[best]], int(kinds[np.argmax(votes)]))

    @property
    def supporters(self) -> Ints:
        return np.asarray(self.voters[self.choices == self.winner], np.int64)


def _width(gaps: Ints, usual: int) -> int | None:
    """The step behind gaps of which some span missing stamps: the usual gap, or what the common gaps have in common."""
    if np.mean(gaps % usual == 0) >= _ENOUGH:
        return usual
    kinds, counts = np.unique(gaps, return_counts=True)
    common = kinds[counts >= max(2, 0.01 * len(gaps))]
    width = gcd(*common.tolist()) if len(common) else 0
    fits = width and np.mean(gaps % width == 0) >= _ENOUGH and width >= np.median(gaps) / 16
    return width if fits else None


def _even(seen: _Sample, gap: int, name: str, zone: str | None) -> Found | None:
    """Steps of equal length: whole numbers or ticks."""
    width = _width(seen.gaps()[0], gap)
    return None if width is None else (str(Alias(width, name)), zone, most_common(seen.micros % width), 0)


def _one_a_day(seen: _Sample, zone: str | None) -> Found | None:
    """Days whose stamps come at any hour: hardly two on one day, hardly a day without."""
    days = (seen.micros if zone is None else wall(seen.micros, zone)) // DAY
    gaps = np.diff(days)[np.diff(seen.series) == 0]
    return ("D", zone, 0, 0) if len(gaps) > 1 and np.mean(gaps == 1) >= _ENOUGH and np.mean(gaps == 0) <= 1 - _ENOUGH else None


def _calendar(seen: _Sample, zone: str | None) -> Found | None:
    """The frequency of stamps a day or more apart."""
    gaps, series = seen.gaps(DAY)
    if not len(gaps):
        return None
    months = np.rint(gaps / MONTH).astype(np.int64)
    chosen = seen.of(_Election.of(np.where(gaps < 28, gaps, 1_000 * months), series).supporters)
    if not _keeps_its_clock(chosen):
        return None
    days = _Sample(chosen.micros // DAY, chosen.series)
    found = _monthly(days) or _daily(days)
    if found is None:
        return None
    alias, into = found
    offset = most_common(Alias(1, alias.name, alias.anchor).grid(0, into).index(days.micros) % alias.every)
    return str(alias), zone, into * DAY + most_common(chosen.micros % DAY), offset


def _keeps_its_clock(seen: _Sample) -> bool:
    """Whether stamps of one series mostly come at the same time of the day."""
    same = np.diff(seen.micros % DAY)[np.diff(seen.series) == 0] == 0
    return bool(np.mean(same) >= _ENOUGH / 2)


def _monthly(days: _Sample) -> tuple[Alias, int] | None:
    """Months, quarters or years and the day into the month, where the stamps keep to a day of the month."""
    if np.median(days.gaps()[0]) < 28 or (rule := _day_of_month(days.micros)) is None:
        return None
    edge, business, into = rule
    month = Months(1).index(days.micros)
    gaps = _Sample(month, days.series).gaps()[0]
    every = _width(gaps, most_common(gaps)) if len(gaps) else None
    if every is None:
        return None
    anchor = most_common(month % (12 if every % 12 == 0 else 3))
    if every % 12 == 0:
        return Alias(every // 12, f"{business}Y{edge}", anchor), into
    if every % 3 == 0:
        return Alias(every // 3, f"{business}Q{edge}", anchor if edge == "S" else (9, 10, 11)[anchor]), into
    return Alias(every, f"{business}M{edge}"), into


def _day_of_month(days: Ints) -> tuple[str, str, int] | None:
    """Edge of the month ("S" or "E"), "B" for its business days, and days into it: the first rule that the days keep."""
    month = Months(1).index(days)
    into = most_common(days - Months(1).day(month))
    rules = [("S", "", 0), ("E", "", 31), ("S", "B", 0), ("E", "B", 31), ("S", "", into)]
    for edge, business, day in rules:
        if np.mean(Months(1, 0, day, edge == "E", bool(business)).day(month) == days) >= _ENOUGH:
            return edge, business, 0 if edge == "E" else day
    return None


def _daily(days: _Sample) -> tuple[Alias, int] | None:
    """Days, business days or weeks."""
    gaps = days.gaps()[0]
    width = _width(gaps, most_common(gaps))
    if width is not None and width % 7 == 0:
        return Alias(width // 7, "W", most_common((days.micros + MONDAY) % 7)), 0
    business = _business_width(days)
    if business is not None and (width is None or business[1] < gaps.sum() / width):
        return Alias(business[0], "B"), 0
    return None if width is None else (Alias(width, "D"), 0)


def _business_width(days: _Sample) -> tuple[int, float] | None:
    """Business days in a step, and steps between all stamps, where none is on a weekend, though some series go on into the next week."""
    week, weekday = np.divmod(days.micros + MONDAY, 7)
    if not np.all(weekday < 5) or not len(_Sample(week, days.series).gaps()[0]):
        return None
    gaps = _Sample(BusinessDays(1).index(days.micros), days.series).gaps()[0]
    width = _width(gaps, most_common(gaps))
    return None if width is None else (width, gaps.sum() / width)


def give_up(stamps: NDArray[Any], indptr: Ints, why: str, label: Callable[[int], str] | None) -> NoReturn:
    """Refuse to infer a frequency, and suggest what to give."""
    sizes = np.diff(indptr)
    if not len(stamps):
        raise SettingsError("no frequency can be inferred from a table without rows; give freq=, such as freq='D'")
    i = int(np.argmax(sizes >= min(3, int(sizes.max()))))
    name = label(i) if label else f"series {i + 1} of {len(sizes)}"
    first = ", ".join(_told(stamp) for stamp in stamps[indptr[i] : indptr[i] + min(5, sizes[i])])
    gaps = _look(stamps, indptr).gaps()[0]
    advice = f"give freq=, such as freq={_suggestion(gaps, stamps.dtype.kind == 'M')!r}"
    more = ", and an aggregation if several stamps fall into one step" if len(gaps) else ""
    raise SettingsError(f"no frequency can be inferred: {why}; the stamps of {name} begin {first}; {advice}{more}")


def _suggestion(gaps: Ints, dated: bool) -> str | int:
    """The usual frequency that is nearest to the median gap."""
    if not dated:
        return max(1, round(float(np.median(gaps)))) if len(gaps) else 1
    widths = {name: parse(name).every * (DAY if name == "D" else 1) for name in _USUAL}
    widths |= {name: days * DAY for name, days in _USUAL_DAYS.items()}
    if not len(gaps):
        return "D"
    return min(widths, key=lambda name: abs(np.log(widths[name] / np.median(gaps))))


def _told(stamp: Any) -> str:
    """A stamp in words: no clock time at midnight, no fractions of a second where there are none."""
    return str(stamp).replace("T", " ").removesuffix(".000000").removesuffix(" 00:00:00")
