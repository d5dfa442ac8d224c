"""Where in a model an array stands: the way to it, and the columns and rows of model.parquet that are its."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPLIT, UNDER, ROWS = "columns", "under", "rows"
"""Keys of the metadata of a dataclass field."""


def columns(*names: str) -> Mapping[str, Any]:
    """Metadata of a field with an array (series, k): each of the k gets a column of its own, by these names."""
    return {SPLIT: names}


def under(name: str, rows: str) -> Mapping[str, Any]:
    """Metadata of a field with a model of some series.

    Args:
        name: Field beside it whose text the names of its columns begin with.
        rows: Field beside it that says which series they are: ascending row numbers.
    """
    return {UNDER: name, ROWS: rows}


@dataclass(frozen=True, eq=False)
class Place:
    """Where an array stands.

    Args:
        path: The way to it: ".field", an index, or a key in a tuple of one.
        name: What its column is called, part by part; None within lists and models of other libraries: too many, too small for columns.
        split: Names of the columns it falls into, where it has two axes.
        rows: Rows of the file that its values belong to, ascending; None for all.
    """

    path: tuple[Any, ...] = ()
    name: tuple[str, ...] | None = ()
    split: tuple[str, ...] = ()
    rows: NDArray[np.integer[Any]] | None = None

    def item(self, i: int) -> Place:
        """That of item `i` of a list."""
        return Place((*self.path, i), None, rows=self.rows)

    def key(self, key: Any) -> Place:
        """That of the value of a mapping."""
        return Place((*self.path, (key,)), self._named(str(key)), rows=self.rows)

    def field(self, field: Field[Any], owner: Any) -> Place:
        """That of a field of a dataclass, which its metadata may move elsewhere."""
        told, path = field.metadata, (*self.path, f".{field.name}")
        name = self._named(field.name)
        if UNDER in told:
            name = (str(getattr(owner, told[UNDER])),) if told[UNDER] else ()
        return Place(path, name, told.get(SPLIT, ()), self._of(getattr(owner, told[ROWS])) if ROWS in told else self.rows)

    def apart(self) -> Place:
        """The same place without columns."""
        return Place(self.path, None, rows=self.rows)

    def _named(self, part: str) -> tuple[str, ...] | None:
        return None if self.name is None else (*self.name, part)

    def _of(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        return rows if self.rows is None else self.rows[rows]

    def __str__(self) -> str:
        """The way to it, in words: model.members[2].arrays['x']."""
        return "model" + "".join(
            part if isinstance(part, str) else f"[{(part[0] if isinstance(part, tuple) else part)!r}]" for part in self.path
        )
