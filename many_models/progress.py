"""What a person sees while a run goes on: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from many_models.outcomes import MODELLED

EVERY = 2.0
"""Seconds between two plain lines."""


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
    """Shows a tally as it grows.

    Args:
        tally: How far the run is.
        wanted: Whether to show anything.
        out: Where to; standard error where absent.
    """

    def __init__(self, tally: Tally, wanted: bool, out: TextIO | None = None) -> None:
        self.tally, self.out = tally, out or sys.stderr
        self.wanted = wanted
        self._bar: Any = None
        self._last = time.monotonic()
        self._told: tuple[int, int] | None = None

    def __enter__(self) -> Show:
        if self.wanted and self.out.isatty():
            self._bar = _bar(self.out)
            self._bar.start()
            self._row = self._bar.add_task("groups", total=self.tally.total, completed=self.tally.done, told="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self.wanted and self._told != (self.tally.done, self.tally.failed):
            self._tell()

    def _tell(self) -> None:
        self._last, self._told = time.monotonic(), (self.tally.done, self.tally.failed)
        print(self.tally.line(), file=self.out, flush=True)

    def update(self) -> None:
        """Show where the run is now."""
        if self._bar is not None:
            told = self.tally.line().split(", ", 1)[1]
            self._bar.update(self._row, completed=self.tally.done, told=told)
        elif self.wanted and time.monotonic() - self._last >= EVERY:
            self._tell()


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
