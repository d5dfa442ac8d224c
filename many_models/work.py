"""What is said to and by a worker, on any engine: plain data both ways."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from forecaster.errors import ForecasterError
from many_models.blocks import Block

DONE, REFUSED, HALTED = "done", "refused", "halted"


class CannotStart(ForecasterError, RuntimeError):
    """Workers end before they can take a block: no group is to blame."""


class CannotWrite(ForecasterError, OSError):
    """The disk is full, broken or not ours to write: no group is to blame."""

    @classmethod
    def of(cls, root: Path, why: object) -> CannotWrite:
        """The error that says what can be done about it."""
        told = f"the run at {str(root)!r} cannot go on: {why}. What is done is kept"
        return cls(f"{told}; see that the folder can be written to, make room and try again")


@dataclass(frozen=True)
class Receipt:
    """What became of a block.

    Args:
        key: The block.
        status: "done" when it is committed; "crashed", "timed_out", "over_memory" or "failed" when it is not; "refused" when the job
            itself cannot run, whatever the data; "halted" when nothing can be written any more.
        seconds: Time it took.
        counts: Number of groups of each outcome. Status -> groups
        error_type: Name of what was raised.
        error: What was said, and where.
    """

    key: str
    status: str
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    error_type: str = ""
    error: str = ""


Work = Callable[[Block], Receipt]
"""What is done with a block. It never raises, and it can be sent to another process."""


def left(until: float | None) -> float | None:
    """Seconds until a time by `time.monotonic`, at least 0; None where there is no end."""
    return None if until is None else max(until - time.monotonic(), 0.0)


@dataclass(frozen=True)
class Limits:
    """What a group may use.

    Args:
        seconds: Time per group; None for no limit.
        memory: Bytes per worker; None for no limit.
    """

    seconds: float | None = 300.0
    memory: int | None = None


class Engine(Protocol):
    """Where blocks run. Blocks may be submitted while others are being finished, which ends `until` (by `time.monotonic`) at the latest."""

    def start(self, work: Work) -> None: ...
    def submit(self, block: Block) -> None: ...
    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]: ...
    def close(self) -> None: ...
