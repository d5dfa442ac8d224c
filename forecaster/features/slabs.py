"""Series in slabs: few enough rows at a time for a processor's cache, and as many slabs at a time as there are threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from forecaster.table import Ints

SLAB = 1 << 16
"""Rows of a slab, which holds whole series."""

T = TypeVar("T")


def slabs(indptr: Ints) -> list[tuple[int, int]]:
    """Neighbouring series, cut so that no cut has many more rows than a slab: first series, end."""
    cuts = np.flatnonzero(np.diff(indptr[:-1] // SLAB, prepend=-1))
    return list(zip(cuts.tolist(), [*cuts[1:].tolist(), len(indptr) - 1], strict=True)) if len(indptr) > 1 else []


def each(work: Callable[[int, int], T], cuts: list[tuple[int, int]], threads: int) -> list[T]:
    """The work done on every slab, in their order."""
    if min(threads, len(cuts)) < 2:
        return [work(first, last) for first, last in cuts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda slab: work(*slab), cuts))
