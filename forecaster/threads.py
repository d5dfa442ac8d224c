"""How many threads a job may take."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any, cast


def available() -> int:
    """Cores that this process may run on, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limited(threads: int) -> AbstractContextManager[Any]:
    """A context in which BLAS and OpenMP libraries that are loaded take at most so many threads."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return cast(AbstractContextManager[Any], threadpool_limits(threads))
