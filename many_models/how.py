"""How blocks are run: engine, workers and limits, checked once."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from forecaster.errors import SettingsError
from forecaster.progress import Way
from forecaster.threads import available
from many_models.engines import Chosen, check, chosen
from many_models.work import Limits

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}

ENDING, SHORTEST_ENDING, LONGEST_ENDING = 0.05, 0.3, 30.0
"""Share of a deadline, and least and most seconds of it, in which no model is trained any more: processes end, the run is put in order."""


@dataclass(frozen=True)
class How:
    """How blocks are run.

    Args:
        engine: The engine and its options.
        workers: Number of workers.
        limits: What a group may use.
        progress: How to show how far it is.
        until: When no block may be worked on any more, by `time.monotonic`; None for no deadline.
    """

    engine: Chosen
    workers: int
    limits: Limits
    progress: Way
    until: float | None = None

    @classmethod
    def of(cls, engine: str | Chosen, workers: int | None, seconds: Any, memory: Any, progress: bool | str, deadline: Any = None) -> How:
        """Check what a user asked for.

        Raises:
            SettingsError: a number or unit cannot be meant.
            UnknownName: there is no such engine, it has no such option, or there is no such way to show progress.
            MissingExtra: the package of the engine is not installed.
        """
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise SettingsError(f"workers should be a whole number from 1 on, or None for one per core; it is {workers!r}")
        limits = Limits(_quantity("time_limit_per_group", seconds, _UNITS, "'5min' or 300"), _whole("memory_limit", memory))
        seconds_left = _quantity("deadline", deadline, _UNITS, "'10min' or 600")
        until = None if seconds_left is None else time.monotonic() + seconds_left - _ending(seconds_left)
        named = chosen(engine)
        check(named)
        return cls(named, workers or available(), limits, Way.of(progress), until)


def _ending(seconds: float) -> float:
    return min(max(ENDING * seconds, SHORTEST_ENDING), LONGEST_ENDING)


def _quantity(name: str, value: Any, units: dict[str, float], hint: str) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(value))
    if isinstance(value, bool) or not match or match[2].lower() not in units or float(match[1]) <= 0:
        raise SettingsError(f"{name} should be like {hint}, or None for no limit; it is {value!r}")
    return float(match[1]) * units[match[2].lower()]


def _whole(name: str, value: Any) -> int | None:
    amount = _quantity(name, value, {unit: float(size) for unit, size in _BYTES.items()}, "'2GB' or 2000000000")
    return None if amount is None else int(amount)
