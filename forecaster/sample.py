"""Some of many, always the same ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly(size: int, most: int) -> NDArray[np.int64]:
    """At most so many of `size` places, evenly taken, the first and the last among them. (places,)"""
    return np.unique(np.linspace(0, size - 1, min(most, size)).astype(np.int64)) if size else np.empty(0, np.int64)
