"""How many threads a job may take."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, cast


def available() -> int:
    """Cores that this process may run on, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
