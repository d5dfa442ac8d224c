"""Arrays as scikit-learn has them, X and y: they become a frame on the way in, and what is said of them leaves as an array."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster import frames
from forecaster.errors import DataError

ARRAY = "array"
"""The kind of frame that an array is."""


def read(data: Any) -> tuple[pa.Table, frames.FrameKind]:
    """Read a frame, files or an array, whose columns are called x0, x1, ...

    Raises:
        DataError: It cannot be read, or an array is not one of rows and columns.
    """
    rows = isinstance(data, (list, tuple)) and len(data) > 0 and not isinstance(data[0], (str, PathLike))
    array = hasattr(data, "__array__") and not hasattr(data, "columns") and not hasattr(data, "__arrow_c_stream__")
    if not (rows or array):
        return frames.read(data)
    values = np.asarray(data)
    if values.dtype.kind == "c":
        raise DataError(f"Complex data not supported: X holds {values.dtype}, and numbers or texts were expected")
    if values.ndim != 2:
        reshape = " Reshape your data: X.reshape(-1, 1) where it is one column, X.reshape(1, -1) where it is one row."
        raise DataError(f"Expected 2D array, got {values.ndim}D array instead of shape {values.shape}.{reshape}")
    if 0 in values.shape:
        lacks = "feature(s)" if values.shape[1] == 0 else "sample(s)"
        raise DataError(f"0 {lacks} (shape={values.shape}) while a minimum of 1 is required.")
    return pa.table({f"x{i}": _column(values[:, i]) for i in range(values.shape[1])}), frames.FrameKind(ARRAY)


def with_target(frame: pa.Table, y: Any, target: str) -> pa.Table:
    """The frame with a column more, the target.

    Raises:
        DataError: y has another number of rows, or the frame has a column of that name already.
    """
    if target in frame.column_names:
        raise DataError(f"X has a column {target!r} already, which y is to become; drop it, or give the frame alone: fit(data)")
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        from sklearn.exceptions import DataConversionWarning

        warnings.warn("A column-vector y was passed when a 1d array was expected", DataConversionWarning, stacklevel=4)
        values = values[:, 0]
    if values.ndim != 1 or len(values) != frame.num_rows:
        raise DataError(f"y should hold one value for each of the {frame.num_rows} rows of X; it has the shape {np.shape(y)}")
    return frame.append_column(target, _column(values))


def expect(frame: pa.Table, kind: frames.FrameKind, columns: int, name: str) -> None:
    """Hold an array to the number of columns that were trained on.

    Raises:
        DataError: it has another.
    """
    if kind.name == ARRAY and frame.num_columns != columns:
        raise DataError(f"X has {frame.num_columns} features, but {name} is expecting {columns} features as input")


def plain(values: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """One column as an array."""
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _column(values: NDArray[Any]) -> pa.Array:
    try:
        return pa.array(values.tolist() if values.dtype == object else np.ascontiguousarray(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(f"a column of the array cannot be held: {error}; its values should be numbers, texts or dates alike") from None
