"""What several learners compute from the same table is computed once, and forgotten with the table."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from forecaster.table import Table

T = TypeVar("T")

BUDGET = 1 << 30
"""Bytes kept at most, beside the newest entry."""


class Shared:
    """A cache of things made from tables, keyed by the table itself (not its values) and a name for the thing.

    Args:
        budget: Bytes to keep; the entries unused for longest go first.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._lock = threading.RLock()
        self._tables: WeakKeyDictionary[Table, OrderedDict[Hashable, tuple[Any, int, int]]] = WeakKeyDictionary()
        self._clock = 0

    def get(self, table: Table, key: Hashable, make: Callable[[], T], size: Callable[[T], int] = lambda made: 0) -> T:
        """The thing called `key` of a table, made now if it is not there.

        Args:
            size: Its bytes.
        """
        with self._lock:
            self._clock += 1
            entries = self._tables.setdefault(table, OrderedDict())
            if key in entries:
                made, held, _ = entries[key]
                entries[key] = (made, held, self._clock)
                return cast(T, made)
        made = make()
        with self._lock:
            entries[key] = (made, size(made), self._clock)
            self._evict()
        return made

    def _evict(self) -> None:
        entries = [(used, held, at, key) for at in self._tables.values() for key, (_, held, used) in at.items() if held]
        total = sum(held for _, held, _, _ in entries)
        for used, held, at, key in sorted(entries, key=lambda entry: entry[0]):
            if total <= self.budget or used == self._clock:
                return
            del at[key]
            total -= held


SHARED = Shared()
