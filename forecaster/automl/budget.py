"""The time that a search may take, the last fit included."""

from __future__ import annotations

import time
from collections.abc import Hashable


class Budget:
    """Seconds for the trials and for fitting the chosen ones once more.

    Args:
        limit: Seconds; None for no limit.
        started: When they began, by `time.monotonic`; now where None.
    """

    def __init__(self, limit: float | None = None, started: float | None = None) -> None:
        self.limit = limit
        self._started = time.monotonic() if started is None else started
        self._again: dict[Hashable, float] = {}

    @property
    def until(self) -> float | None:
        """When the time is up, by `time.monotonic`."""
        return None if self.limit is None else self._started + self.limit

    def spent(self, once_more: float = 0.0) -> bool:
        """Whether fitting once more what is done would take all that is left.

        Args:
            once_more: Seconds that fitting what is being tried would take on top.
        """
        return self.until is not None and time.monotonic() + sum(self._again.values()) + once_more > self.until

    @property
    def reason(self) -> str:
        """Why nothing more is tried, once it is spent."""
        return f"the time limit of {self.limit:g} s was reached"

    def keep(self, what: Hashable, seconds: float) -> None:
        """Put by the seconds that one more fit of a candidate will take."""
        self._again[what] = seconds
