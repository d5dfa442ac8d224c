"""Look-back blocks: features of the values up to and including a row, for all rows at once or one step ahead.

Row `r` of a block is the state after its series has shown value `r`. A row to forecast `h` steps after the origin `o` reads row `o`
(or, for seasonal blocks, the row of the right season), so nothing here can see the value that is to be forecast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from forecaster._native import windows as native
from forecaster.table import Floats, Ints, Singles

State = Floats
"""What a block remembers of each series. (series, any)"""


@runtime_checkable
class LookBack(Protocol):
    """A block of features; `start` on a history and one `step` equals `transform` on the history with that value (promise)."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name per column."""
        ...

    @property
    def span(self) -> int | None:
        """Rows of context that make `start` exact; None = all history."""
        ...

    def transform(self, values: Floats | Singles, indptr: Ints) -> Singles:
        """The features of every row. (rows, k)"""
        ...

    def start(self, values: Floats | Singles, indptr: Ints) -> State:
        """The state after the last row of each series."""
        ...

    def step(self, state: State, value: Floats) -> tuple[State, Singles]:
        """The state after one more value of each series (series,), and its feature row (series, k)."""
        ...


class Op(NamedTuple):
    """One column for the native kernels.

    Args:
        stat: lag, mean, std, min, max, sum, median, ewm, ewm_std or since.
        window: Number of values looked at; 0 for all values so far.
        stride: Rows between two of them.
        least: Fewest observed values that give a number.
        alpha: Weight of the newest value, for `ewm` and `ewm_std`.
    """

    stat: str
    window: int = 0
    stride: int = 1
    least: int = 1
    alpha: float = 0.0

    @property
    def span(self) -> int:
        """Rows from the oldest value to the newest."""
        return (self.window - 1) * self.stride + 1


class Native(ABC):
    """A block whose columns are native ops."""

    @property
    @abstractmethod
    def ops(self) -> tuple[Op, ...]:
        """What is computed, a column each."""

    def transform(self, values: Floats | Singles, indptr: Ints) -> Singles:
        """The features of every row. (rows, k)"""
        out = np.empty((len(values), len(self.ops)), np.float32)
        native.fill(_flat(values), indptr, self.ops, out)
        return out


class Windowed(Native):
    """A block of finite windows: its state is the most recent values, missing ones on the left of a short series."""

    @property
    def span(self) -> int:
        return max((op.span for op in self.ops), default=1)

    def start(self, values: Floats | Singles, indptr: Ints) -> State:
        return latest(values, indptr, self.span, before=np.nan)

    def step(self, state: State, value: Floats) -> tuple[State, Singles]:
        recent = np.column_stack([state[:, 1:], value]).astype(np.float64, copy=False)
        row = np.empty((len(recent), len(self.ops)), np.float32)
        native.tips(np.ascontiguousarray(recent), self.ops, row)
        return recent, row


class Folded(Native):
    """A block over all history: its state is a few numbers per column that take in one value after another."""

    span = None

    def start(self, values: Floats | Singles, indptr: Ints) -> State:
        blank = np.zeros((len(indptr) - 1, len(self.ops) * native.STATE_WIDTH))
        return self._carry_on(blank, np.asarray(values, np.float64), indptr)[0]

    def step(self, state: State, value: Floats) -> tuple[State, Singles]:
        return self._carry_on(state, np.ascontiguousarray(value, np.float64), np.arange(len(value) + 1))

    def _carry_on(self, state: State, values: Floats, indptr: Ints) -> tuple[State, Singles]:
        state, rows = state.copy(), np.empty((len(self.ops), len(values)), np.float32)
        for k, op in enumerate(self.ops):
            native.carry_on(values, indptr, op, state[:, k * native.STATE_WIDTH : (k + 1) * native.STATE_WIDTH], rows[k])
        return state, rows.T


def names_of(blocks: Iterable[LookBack]) -> tuple[str, ...]:
    """The column names of several blocks, in the order of `matrix`."""
    return tuple(name for block in blocks for name in block.names)


def matrix(
    blocks: Sequence[LookBack],
    values: Floats | Singles,
    indptr: Ints,
    *,
    rows: Ints | None = None,
    out: Singles | None = None,
    threads: int = 1,
) -> Singles:
    """The columns of several blocks side by side, in one pass over the series.

    Args:
        blocks: Any look-back blocks; native ones share one kernel call.
        values: The column that is looked back at. (all rows,)
        indptr: Boundaries of the series. (series + 1,)
        rows: Only these rows, ascending (repeats are fine); memory then grows with them and not with the table.
        out: Where to write; any strides, such as some columns of a larger matrix. A new row-major array where absent.
        threads: Threads of the native kernels; the numbers do not depend on it.

    Returns:
        `out`. (rows, columns of all blocks)
    """
    widths = [len(block.names) for block in blocks]
    shape = len(values) if rows is None else len(rows), sum(widths)
    out = np.empty(shape, np.float32) if out is None else out
    if out.shape != shape:
        raise ValueError(f"`out` must have the shape {shape} (rows, columns of all blocks); got {out.shape}")
    ours = [block for block in blocks if isinstance(block, Native)]
    if len(ours) == len(blocks):
        native.fill(_flat(values), indptr, [op for block in ours for op in block.ops], out, rows, threads)
        return out
    for block, end, width in zip(blocks, np.cumsum(widths), widths, strict=True):
        part = out[:, end - width : end]
        if isinstance(block, Native):
            matrix([block], values, indptr, rows=rows, out=part, threads=threads)
        else:
            part[:] = block.transform(values, indptr)[slice(None) if rows is None else rows]
    return out


def _flat(values: Floats | Singles) -> Floats | Singles:
    return np.ascontiguousarray(values, None if values.dtype in (np.float32, np.float64) else np.float64)


def latest(values: Floats | Singles, indptr: Ints, rows: int, before: float) -> Floats:
    """The last so many values of each series, oldest first; `before` stands for those before its first. (series, rows)"""
    at = indptr[1:, None] - np.arange(rows, 0, -1)
    inside = at >= indptr[:-1, None]
    state = np.full(at.shape, before)
    state[inside] = values[at[inside]]
    return state
