"""Arrays as memory. That which Arrow keeps between calls: memory of the system, had page by page, costs more than a pass over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray


def room(rows: int, dtype: DTypeLike) -> NDArray[Any]:
    """An array to be written to."""
    return np.frombuffer(pa.allocate_buffer(rows * np.dtype(dtype).itemsize), dtype)


def bytes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The bytes of each value. (n, size)"""
    return values.view(np.uint8).reshape(len(values), values.itemsize)
