"""Texts as Arrow holds them: one after another, and where each begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def is_text(kind: pa.DataType) -> bool:
    """Whether an array of that type holds texts one after another."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def memory(texts: pa.Array) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Where each of some texts begins, and the last one ends, in their bytes. (texts + 1,), (bytes,)"""
    _, offsets, held = texts.buffers()
    at: Any = np.frombuffer(offsets, np.int64 if pa.types.is_large_string(texts.type) else np.int32)
    return at[texts.offset :][: len(texts) + 1], np.empty(0, np.uint8) if held is None else np.frombuffer(held, np.uint8)
