"""Tables of Arrow as frames of pandas. Column by column it takes a fraction of `Table.to_pandas`, which for a few thousand rows is
as much as forecasting them."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.frames.texts import is_text

_WORTH_THREADS = 1_000_000
"""Rows from which on Arrow's threads pay for themselves."""


def frame(table: pa.Table, *, fresh: bool) -> Any:
    """A frame of pandas; that of a `fresh` table lies in the same memory, as far as that holds plain numbers and stamps and may be
    written to."""
    pandas = import_module("pandas")
    if not fresh and b"pandas" in (table.schema.metadata or {}):  # tells what was the index
        return table.to_pandas(use_threads=len(table) > _WORTH_THREADS)
    columns = [_values(column, fresh) for column in table.columns]
    index, names = pandas.RangeIndex(len(table)), _names(tuple(table.column_names)).view()
    if not hasattr(pandas.api, "internals"):  # before pandas 3
        made = pandas.DataFrame(dict(enumerate(columns)), index=index, copy=False)
        made.columns = names
        return made
    blocks = [(values[None] if isinstance(values, np.ndarray) else values, np.array([i])) for i, values in enumerate(columns)]
    return pandas.api.internals.create_dataframe_from_blocks(blocks, index, names)


def _values(column: pa.ChunkedArray, fresh: bool) -> Any:
    """An array of numpy, or of pandas where it has one of its own for the type."""
    if column.num_chunks == 1 and not column.null_count and _is_plain(column.type):
        only = column.chunk(0)
        numbers: NDArray[Any] = only.to_numpy()
        if fresh and (memory := only.buffers()[1]).is_mutable:
            return np.frombuffer(memory, numbers.dtype)[only.offset : only.offset + len(only)]
        return numbers.copy()
    dtype = import_module("pandas").api.types.pandas_dtype("str")
    if is_text(column.type) and hasattr(dtype, "__from_arrow__"):  # not before pandas 3
        return dtype.__from_arrow__(column)
    held = column.to_pandas()
    if not isinstance(held.dtype, np.dtype):
        return held.array
    values = held.to_numpy()
    return values if values.flags.writeable else values.copy()


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or (pa.types.is_timestamp(kind) and kind.tz is None))


@lru_cache(maxsize=64)
def _names(names: tuple[str, ...]) -> Any:
    return import_module("pandas").Index(names)
