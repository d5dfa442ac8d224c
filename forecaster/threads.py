"""How many threads a job may take."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast


def available() -> int:
    """Cores that this process may run on, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limited(threads: int) -> AbstractContextManager[Any]:
    """A context in which no BLAS or OpenMP library that is loaded takes more threads; one that takes fewer is left alone."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    pools = ThreadpoolController()
    if all(pool["num_threads"] <= threads for pool in pools.info()):
        return nullcontext()
    return cast(AbstractContextManager[Any], pools.limit(limits=threads))
