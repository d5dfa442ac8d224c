"""How many threads a job may take."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container what it is granted."""


def available() -> int:
    """Cores that this process may use: those that it may run on, or what its container is granted where that is less."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, _granted() or bound)


def _granted() -> int | None:
    """Cores whose time the container is granted, begun ones included; None where there is no such limit."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # of version 2 and 1
        with suppress(OSError, ValueError):
            quota, period = map(int, " ".join((CGROUP / name).read_text() for name in names).split())
            return max(-(-quota // period), 1) if quota > 0 and period > 0 else None
    return None


def limited(threads: int) -> AbstractContextManager[Any]:
    """A context in which no BLAS or OpenMP library that is loaded takes more threads; one that takes fewer is left alone."""
    pools = _pools(len(sys.modules))
    if all(pool["num_threads"] <= threads for pool in pools.info()):
        return nullcontext()
    return cast(AbstractContextManager[Any], pools.limit(limits=threads))


@lru_cache(maxsize=1)
def _pools(_modules: int) -> Any:
    """The libraries that are loaded; looked for again once there are other modules, which may have brought more."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()
