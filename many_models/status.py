"""How far a run is, read from disk by anyone at any time."""

from __future__ import annotations

import fcntl
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from many_models import manifest
from many_models.outcomes import counted, without_model
from many_models.plan import Plan
from many_models.progress import duration
from many_models.store import Markers


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Args:
        groups: Number of groups.
        counts: Number of groups of each status. Status -> groups
        failed: Number of groups that have no model of their own.
        running: Whether a process works on it now.
        pid: The process that worked on it last.
        in_flight: Blocks that are being worked on.
        rate: Groups per second of the call that is running; None when none is.
        eta: Seconds left; None where it cannot be known.
    """

    groups: int
    counts: dict[str, int]
    failed: int
    running: bool
    pid: int | None
    in_flight: int
    rate: float | None
    eta: float | None

    @property
    def done(self) -> int:
        """Groups with an outcome."""
        return sum(self.counts.values())

    @property
    def complete(self) -> bool:
        """Whether every group has an outcome; before they are counted, none has."""
        return self.done == self.groups > 0

    def __str__(self) -> str:
        state = f"running in process {self.pid}" if self.running else "complete" if self.complete else "stopped"
        told = [f"{state}: {self.done:,} of {self.groups:,} groups, {self.failed:,} without a model"]
        told += [f"  {status:<12} {n:>10,}" for status, n in self.counts.items()]
        if self.running and self.rate is not None:
            left = f", {duration(self.eta)} left" if self.eta is not None else ""
            told.append(f"  {self.in_flight} blocks in flight, {self.rate:,.1f} groups per second{left}")
        return "\n".join(told)


def status_of(root: Path, outcomes: pa.Table) -> Status:
    """Read how far a run is."""
    groups, attempt, running = len(Plan.hashes(root) or ()), manifest.attempt(root), _held(root)
    fresh = outcomes.num_rows - int(attempt.get("kept", 0))
    spent = time.time() - attempt["since"] if running and attempt else 0.0
    rate = max(fresh, 0) / spent if spent > 0 else None  # a clock that was set back says nothing
    eta = (groups - outcomes.num_rows) / rate if rate else None
    flying = len(Markers(root / "inflight").all()) if running else 0
    return Status(groups, counted(outcomes), without_model(outcomes).num_rows, running, attempt.get("pid"), flying, rate, eta)


def _held(root: Path) -> bool:
    """Whether a process holds the run."""
    try:
        with (root / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
