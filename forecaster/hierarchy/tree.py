"""Nodes: which series make up which sum, at every level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.hierarchy.plan import LEVEL, Level
from forecaster.table import Floats, Ints


@storable
@dataclass(frozen=True, eq=False)
class Tree:
    """All nodes, level after level: the total first, the series last and in the order of their table.

    Args:
        levels: Names of the levels.
        node: The node that each series is part of, at each level. (levels, series)
        ptr: Boundaries of the levels in the nodes. (levels + 1,)
        ids: Level and keys of each node; None in the columns that its level does not have. Column name -> (nodes,)
    """

    levels: tuple[str, ...]
    node: Ints
    ptr: Ints
    ids: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, ids: Mapping[str, NDArray[Any]], levels: Sequence[Level]) -> Tree:
        """Find the nodes of series.

        Args:
            ids: The keys of the series. Column name -> (series,)
            levels: The total first; the last one are the series.
        """
        n = len(next(iter(ids.values())))
        codes = {name: np.unique(values, return_inverse=True)[1] for name, values in ids.items()}
        found = [_nodes([codes[name] for name in level.columns], n) for level in levels[:-1]]
        every = np.arange(n)
        found.append((every, every))
        ptr = np.concatenate([[0], np.cumsum([len(first) for _, first in found])]).astype(np.int64)
        names = {LEVEL: np.repeat(np.array([level.name for level in levels], object), np.diff(ptr))}
        for name, values in ids.items():
            parts = [_known(values[first], name in level.columns) for level, (_, first) in zip(levels, found, strict=True)]
            names[name] = np.concatenate(parts)
        node = np.stack([place + start for (place, _), start in zip(found, ptr[:-1], strict=True)]).astype(np.int64)
        return cls(tuple(level.name for level in levels), node, ptr, names)

    def __len__(self) -> int:
        """Number of nodes."""
        return int(self.ptr[-1])

    @property
    def upper(self) -> int:
        """Number of nodes above the series."""
        return int(self.ptr[-2])

    def nodes(self, levels: Sequence[int]) -> Ints:
        """The nodes of some levels, in order."""
        return np.concatenate([np.arange(self.ptr[level], self.ptr[level + 1]) for level in levels])

    @cached_property
    def sums(self) -> Any:
        """The sparse matrix that adds series up to nodes. (nodes, series)"""
        from scipy.sparse import csr_matrix

        levels, series = self.node.shape
        return csr_matrix((np.ones(self.node.size), (self.node.ravel(), np.tile(np.arange(series), levels))), (len(self), series))

    def add_up(self, series: NDArray[np.float64]) -> Floats:
        """Values of the series as values of all nodes. (series, ...) -> (nodes, ...)"""
        flat = series.reshape(len(series), -1)
        return np.asarray(self.sums @ flat, np.float64).reshape(len(self), *series.shape[1:])


def _nodes(codes: Sequence[NDArray[np.intp]], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The node of each series, and a series of each node; nodes are in the order of their keys."""
    code = np.zeros(n, np.int64)
    for column in codes:
        _, code = np.unique(code * (int(column.max(initial=0)) + 1) + column, return_inverse=True)
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    return place, first


def _known(values: NDArray[Any], there: bool) -> NDArray[Any]:
    """Keys as objects, None for a column that the level does not have."""
    return values.astype(object) if there else np.full(len(values), None, object)
