"""What is seen of a run while it goes on: a bar on a terminal, plain lines in a log, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TextIO

from forecaster.progress import Way
from many_models.outcomes import MODELLED

EVERY = 2.0
"""Seconds between two lines."""


@dataclass
class Tally:
    """How far a run is.

    Args:
        total: Number of groups.
        cost: Estimated cost of all that is to be done in this call.
        kept: Groups that were done before this call.
    """

    total: int
    cost: int
    kept: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    spent: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, counts: Mapping[str, int], cost: int) -> None:
        self.counts.update(counts)
        self.spent += cost

    @property
    def done(self) -> int:
        """Groups with an outcome."""
        return self.kept + sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Groups of this call that have no model."""
        return sum(n for status, n in self.counts.items() if status not in MODELLED)

    @property
    def rate(self) -> float:
        """Groups per second of this call."""
        return sum(self.counts.values()) / max(time.monotonic() - self.since, 1e-9)

    @property
    def eta(self) -> float | None:
        """Seconds left, by cost; None while nothing is known."""
        return (self.cost - self.spent) / self.spent * (time.monotonic() - self.since) if self.spent else None

    def line(self) -> str:
        left = f", {duration(self.eta)} left" if self.eta is not None and self.done < self.total else ""
        return f"{self.done:,} of {self.total:,} groups, {self.failed:,} failed, {self.rate:,.1f} per second{left}"


class Show:
    """Shows nothing of a tally as it grows; each way to show it says what it does when a run begins, moves on and ends.

    Args:
        tally: How far the run is.
        out: Where to.
    """

    def __init__(self, tally: Tally, out: TextIO) -> None:
        self.tally, self.out = tally, out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """The run has come to its end, or was stopped."""

    def update(self) -> None:
        """The tally has grown."""


class Bar(Show):
    """A bar on a terminal."""

    def __enter__(self) -> Self:
        self._bar = _bar(self.out)
        self._bar.start()
        self._row = self._bar.add_task("groups", total=self.tally.total, completed=self.tally.done, told="")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self) -> None:
        told = self.tally.line().split(", ", 1)[1]
        self._bar.update(self._row, completed=self.tally.done, told=told)


class Lines(Show):
    """Plain lines, some seconds apart, for logs."""

    def __enter__(self) -> Self:
        self._last, self._told = time.monotonic(), (-1, -1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._told != (self.tally.done, self.tally.failed):
            self._tell()

    def update(self) -> None:
        if time.monotonic() - self._last >= EVERY:
            self._tell()

    def _tell(self) -> None:
        self._last, self._told = time.monotonic(), (self.tally.done, self.tally.failed)
        print(self.tally.line(), file=self.out, flush=True)


class Json(Show):
    """One JSON object on a line, for programs: when the work begins, some seconds apart, and at the end."""

    def __enter__(self) -> Self:
        self._tell("train")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._tell("end" if kind is None else "stopped")

    def update(self) -> None:
        if time.monotonic() - self._last >= EVERY:
            self._tell("train")

    def _tell(self, phase: str) -> None:
        self._last = time.monotonic()
        print(json_line(phase, self.tally), file=self.out, flush=True)


def show(tally: Tally, way: Way, out: TextIO | None = None) -> Show:
    """What shows a tally in one way, on standard error where no other place is named: "auto" is a bar on a terminal and lines elsewhere."""
    place = out or sys.stderr
    if way is Way.AUTO:
        return (Bar if place.isatty() else Lines)(tally, place)
    return {Way.LINES: Lines, Way.JSON: Json, Way.NONE: Show}[way](tally, place)


def tell(phase: str, way: Way, tally: Tally | None = None) -> None:
    """Tell programs what a run does before and after groups are worked on; people see it soon enough."""
    if way is Way.JSON:
        print(json_line(phase, tally), file=sys.stderr, flush=True)


def json_line(phase: str, tally: Tally | None) -> str:
    """Where a run is, as JSON: phase ("read", "cover", "train", "end" or "stopped"), groups that are done, failed and in all (null while
    not known), groups per second, and seconds left (null while not known)."""
    known = tally or Tally(0, 0)
    told = {"phase": phase, "done": known.done, "failed": known.failed, "total": known.total if tally else None}
    return json.dumps(told | {"rate": round(known.rate, 3), "eta": None if known.eta is None else round(known.eta, 1)})


def duration(seconds: float) -> str:
    """Seconds in words: `3 s`, `4 min`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _bar(out: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("{task.fields[told]}"))
    return Progress(*columns, console=Console(file=out), refresh_per_second=4)
