"""What several learners compute from the same table is computed once.

A backtest cuts its tables anew for every learner, so things are kept by the content of the table they were made from. A fingerprint
costs a pass over the bytes, far less than a feature matrix.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Table

T = TypeVar("T")

BUDGET = 1 << 30
"""Bytes kept at most, beside the newest entry."""


class Shared:
    """A cache of things made from tables; the one unused for longest goes first.

    Args:
        budget: Bytes to keep.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._lock = threading.RLock()
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._prints: WeakKeyDictionary[Table, int] = WeakKeyDictionary()

    def get(self, table: Table, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """What is called `key` of a table, made now if it is not there.

        Args:
            table: What it is made from.
            key: Its name, with every setting that it depends on.
            make: Makes it.
            size: Its bytes.
        """
        full = (self.print_of(table), key)
        with self._lock:
            if full in self._entries:
                self._entries.move_to_end(full)
                return cast(T, self._entries[full][0])
        made = make()
        with self._lock:
            self._entries[full] = (made, size(made))
            while len(self._entries) > 1 and self.held > self.budget:
                self._entries.popitem(last=False)
        return made

    def derived(self, table: Table, key: Hashable, other: Table) -> Table:
        """Tell that `other` is what `key` makes of `table`, so that it needs no pass over its bytes."""
        with self._lock:
            self._prints.setdefault(other, hash((self.print_of(table), key)))
        return other

    def print_of(self, table: Table) -> int:
        """The fingerprint of everything in a table."""
        with self._lock:
            if table not in self._prints:
                self._prints[table] = _fingerprint(table)
            return self._prints[table]

    @property
    def held(self) -> int:
        """Bytes held."""
        return sum(size for _, size in self._entries.values())

    def forget(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._entries.clear()


SHARED = Shared()


def _fingerprint(table: Table) -> int:
    arrays = (table.target, table.indptr, table.start, table.group_ptr)
    columns = tuple((name, _of_columns(getattr(table, name))) for name in ("ids", "groups", "known", "past", "static"))
    labels = tuple(sorted(table.categories.items()))
    return hash((*map(_of_array, arrays), columns, labels, table.frequency, table.season_length))


def _of_columns(columns: Mapping[str, NDArray[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, _of_array(values)) for name, values in columns.items())


def _of_array(values: NDArray[Any]) -> int:
    plain = np.ascontiguousarray(values if values.dtype.kind in "biufmM" else values.astype(str))
    # The 64-bit hash of Python's own dictionaries, keyed anew in every process.
    return hash((plain.dtype.str, plain.shape, plain.tobytes()))
