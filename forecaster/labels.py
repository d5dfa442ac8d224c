"""Which labels of a category somebody has met: a group of a table, or the training rows of a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecaster.archive import storable

TOGETHER = 1 << 22
"""Values that are looked at together."""


@storable
@dataclass(frozen=True, eq=False)
class Met:
    """The labels of a category, by their codes, that each of several owners has met.

    Args:
        ptr: Boundaries of the owners in `codes`. (owners + 1,)
        codes: What each of them has met, ascending.
    """

    ptr: NDArray[np.int64]
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[np.float32], ptr: NDArray[np.int64]) -> Met:
        """What occurs among values, NaN where missing; those of owner `i` are `values[ptr[i]:ptr[i + 1]]`."""
        size, keys = int(np.fmax.reduce(values, initial=0)) + 1, np.zeros(0, np.int64)
        for at in range(0, len(values), TOGETHER):
            part = values[at : at + TOGETHER]
            bounds: NDArray[np.int64] = np.clip(ptr - at, 0, len(part))
            there, owner = np.isfinite(part), np.repeat(np.arange(len(ptr) - 1), np.diff(bounds))
            some = owner[there] * size + part[there].astype(np.int64)
            some = some[np.diff(some, prepend=-1) != 0]  # most values are those of the row before
            keys = np.unique(np.concatenate([keys, some]))
        return cls(np.searchsorted(keys, size * np.arange(len(ptr))).astype(np.int64), keys % size)

    @classmethod
    def all(cls, labels: int, owners: int) -> Met:
        """Every one of so many labels."""
        return cls(labels * np.arange(owners + 1), np.tile(np.arange(labels), owners))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many labels each owner has met. (owners,)"""
        return np.diff(self.ptr)

    def by(self, owner: int) -> NDArray[np.int64]:
        """What one owner has met."""
        return self.codes[self.ptr[owner] : self.ptr[owner + 1]]

    def take(self, owners: NDArray[Any]) -> Met:
        """What some of the owners have met; ascending indices."""
        if len(owners) == len(self.ptr) - 1:
            return self
        kept = np.zeros(len(self.ptr) - 1, bool)
        kept[owners] = True
        return Met(np.concatenate([[0], np.cumsum(self.counts[kept])]).astype(np.int64), self.codes[np.repeat(kept, self.counts)])

    def holds(self, values: NDArray[np.float32], owner: ArrayLike) -> NDArray[np.bool_]:
        """Whether the owner of each value has met it; no owner has met NaN."""
        other = int(self.codes.max(initial=-1)) + 1
        keys = np.append(np.repeat(np.arange(len(self.counts)), self.counts) * (other + 1) + self.codes, -1)
        wanted = np.asarray(owner, np.int64) * (other + 1) + np.fmin(values, other).astype(np.int64)
        return np.asarray(keys[np.searchsorted(keys[:-1], wanted)] == wanted)

    def only(self, values: NDArray[np.float32], owner: ArrayLike) -> NDArray[np.float32]:
        """The values, missing where their owner has not met them."""
        return np.where(self.holds(values, owner), values, np.float32(np.nan))
