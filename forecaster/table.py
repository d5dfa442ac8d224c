"""The one data structure: every series of a job in flat arrays, with boundaries.

Series `i` is `target[indptr[i]:indptr[i + 1]]`. Its first value belongs to the step `start[i]`, every further one to the
next step: a table is regular by construction (the guardrails made it so), and a missing value is NaN. Steps are whole
numbers that `frequency` turns into stamps and back, so no operation between the two ends ever touches a calendar object.

Series of one group are neighbours: `group_ptr[g]:group_ptr[g + 1]` are the series of group `g`, and their rows are one slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecaster.frequency import Frequency
from forecaster.labels import Met
from forecaster.schema import label

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """All series of a job or block.

    Args:
        target: Values of all series, one after another; NaN where missing. (rows,)
        indptr: Boundaries of the series in `target`. (series + 1,)
        start: Step of the first value of each series. (series,)
        frequency: Turns steps into stamps and back.
        ids: The series columns: one value per series and column. Column name -> (series,)
        group_ptr: Boundaries of the groups in the series. (groups + 1,)
        groups: The partition columns: one value per group and column; empty for a job of one group.
        known: Covariates known in advance, aligned with `target`; codes for categories, NaN where missing.
        past: Covariates known only up to the cutoff, likewise.
        static: Covariates that do not change, one value per series, likewise.
        categories: The labels behind the codes of categorical covariates. Column name -> labels
        met: Which of these labels the groups have met; all of them where nobody has looked. Column name -> labels of each group
        season_length: Steps in one season; 1 for none.
    """

    target: Floats
    indptr: Ints
    start: Ints
    frequency: Frequency
    ids: Mapping[str, NDArray[Any]] = field(metadata={"under": ""})  # see forecaster.archive.place
    group_ptr: Ints
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    known: Mapping[str, Singles] = field(default_factory=dict)
    past: Mapping[str, Singles] = field(default_factory=dict)
    static: Mapping[str, Singles] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    met: Mapping[str, Met] = field(default_factory=dict)
    season_length: int = 1

    def __post_init__(self) -> None:
        # Tables share their rows, so nobody may write into them: a learner that tries has failed, and costs no other one its values.
        rows = self.target.view()
        rows.flags.writeable = False
        object.__setattr__(self, "target", rows)

    def __len__(self) -> int:
        """Number of series."""
        return len(self.indptr) - 1

    @property
    def n_groups(self) -> int:
        return len(self.group_ptr) - 1

    @cached_property
    def sizes(self) -> Ints:
        """Number of values of each series."""
        return np.diff(self.indptr)

    @cached_property
    def group(self) -> Ints:
        """Group index of each series."""
        return np.repeat(np.arange(self.n_groups), np.diff(self.group_ptr))

    @cached_property
    def series(self) -> Ints:
        """Series index of each row."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def steps(self) -> Ints:
        """Step of each row."""
        return np.arange(len(self.target)) - np.repeat(self.indptr[:-1] - self.start, self.sizes)

    @cached_property
    def end(self) -> Ints:
        """Step of the last value of each series."""
        return self.start + self.sizes - 1

    def values(self, i: int) -> Floats:
        """The values of series `i`, as a view."""
        return self.target[self.indptr[i] : self.indptr[i + 1]]

    def alike(self, least: int = 1, together: int = 1 << 21) -> Iterator[tuple[Ints, Ints]]:
        """The series by length, for work on blocks: at least `least` values long, about `together` values at a time.

        Yields:
            Series of one length, and their rows. (k,), (k, n)
        """
        order = np.argsort(self.sizes, kind="stable")
        sizes, first = np.unique(self.sizes[order], return_index=True)
        for size, begin, end in zip(sizes.tolist(), first, [*first[1:], len(order)], strict=True):
            step = max(1, together // max(size, 1))
            for start in range(begin, end, step) if size >= least else ():
                which = order[start : min(start + step, end)]
                yield which, self.indptr[which][:, None] + np.arange(size)

    def label(self, i: int) -> str:
        """Series `i` in words, for messages."""
        return label(self.ids, i)

    def group_label(self, g: int) -> str:
        """Group `g` in words, for messages."""
        return label(self.groups, g, "all series")

    def take(self, which: ArrayLike) -> Table:
        """The table of the series `which` (ascending indices or a mask). Groups left without series are dropped."""
        chosen = np.asarray(which)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        counts = np.bincount(self.group[chosen], minlength=self.n_groups)
        kept = np.flatnonzero(counts)
        cut = self._cut(self.indptr[chosen], self.sizes[chosen])
        return replace(
            cut,
            start=self.start[chosen],
            ids={name: values[chosen] for name, values in self.ids.items()},
            static={name: values[chosen] for name, values in self.static.items()},
            group_ptr=_boundaries(counts[kept]),
            groups={name: values[kept] for name, values in self.groups.items()},
            met={name: met.take(kept) for name, met in self.met.items()},
        )

    def take_groups(self, which: ArrayLike) -> Table:
        """The table of the groups `which` (ascending indices or a mask)."""
        chosen = np.asarray(which)
        wanted = np.zeros(self.n_groups, bool)
        wanted[chosen if chosen.dtype == bool else chosen.astype(np.int64)] = True
        return self.take(wanted[self.group])

    def drop_last(self, n: ArrayLike) -> Table:
        """The table without the last `n` values of each series (one number, or one per series)."""
        return self._cut(self.indptr[:-1], np.maximum(self.sizes - np.asarray(n, np.int64), 0))

    def tail(self, n: ArrayLike) -> Table:
        """The last `n` values of each series (one number, or one per series)."""
        sizes = np.minimum(self.sizes, np.asarray(n, np.int64))
        return replace(self._cut(self.indptr[1:] - sizes, sizes), start=self.start + self.sizes - sizes)

    def since(self, begin: Ints) -> Table:
        """Every series from an earlier step on, without any value before the first one. (series,)"""
        lead = np.maximum(self.start - begin, 0)
        before = np.repeat(self.indptr[:-1], lead)
        return replace(
            self,
            target=np.insert(self.target, before, np.nan),
            indptr=self.indptr + _boundaries(lead),
            start=self.start - lead,
            known={name: np.insert(column, before, np.nan) for name, column in self.known.items()},
            past={name: np.insert(column, before, np.nan) for name, column in self.past.items()},
        )

    def last(self, n: int, values: NDArray[Any] | None = None) -> NDArray[Any]:
        """The last `n` values of every series as one block, NaN on the left where a series is shorter. (series, n)"""
        values = self.target if values is None else values
        at = self.indptr[1:, None] - np.arange(n, 0, -1)
        there = at >= self.indptr[:-1, None]
        some = values if len(values) else np.zeros(1, values.dtype)
        return np.where(there, some[np.where(there, at, 0)], np.nan)

    def extend(self, values: Floats, future: Future | None = None) -> Table:
        """The table with `values` (series, steps) after each series; covariates not known there are NaN."""
        added = values.shape[1]
        ends = np.repeat(self.indptr[1:], added)

        def grown(column: NDArray[Any], block: NDArray[Any]) -> NDArray[Any]:
            return np.insert(column, ends, block.reshape(-1).astype(column.dtype))

        blank = np.full(values.shape, np.nan)
        known = {} if future is None else {name: np.hstack([block, blank])[:, :added] for name, block in future.known.items()}
        return replace(
            self,
            target=grown(self.target, values),
            indptr=self.indptr + added * np.arange(len(self) + 1),
            known={name: grown(column, known.get(name, blank)) for name, column in self.known.items()},
            past={name: grown(column, blank) for name, column in self.past.items()},
        )

    def with_target(self, target: Floats) -> Table:
        """The same table with another target of the same shape."""
        return replace(self, target=target)

    def with_met(self) -> Table:
        """The same table, of which each group has met the labels that it holds."""
        rows = self.indptr[self.group_ptr]
        met = {name: Met.of(x, rows) for columns in (self.known, self.past) for name, x in self._coded(columns)}
        return replace(self, met=met | {name: Met.of(x, self.group_ptr) for name, x in self._coded(self.static)})

    def met_by(self, name: str) -> Met:
        """The labels of a categorical covariate that each group has met."""
        return self.met.get(name) or Met.all(len(self.categories[name]), self.n_groups)

    def familiar(self, name: str, codes: Singles, group: Ints) -> Singles:
        """The codes of a categorical covariate, missing where the group that has them has not met the label, whatever others have met."""
        met = self.met.get(name)
        return np.where(codes < len(self.categories[name]), codes, np.float32(np.nan)) if met is None else met.only(codes, group)

    def all_familiar(self) -> Table:
        """The same table without labels that their group has not met."""
        if not self.met:
            return self
        of_rows = self.group[self.series]
        known, past, static = (
            dict(columns) | {name: self.familiar(name, x, group) for name, x in self._coded(columns)}
            for columns, group in ((self.known, of_rows), (self.past, of_rows), (self.static, self.group))
        )
        return replace(self, known=known, past=past, static=static)

    def _coded(self, columns: Mapping[str, Singles]) -> Iterator[tuple[str, Singles]]:
        """The covariates among some that are categories."""
        return ((name, x) for name, x in columns.items() if name in self.categories)

    def _cut(self, begin: Ints, sizes: Ints) -> Table:
        """Rows `begin[i]:begin[i] + sizes[i]` as the series; a contiguous cut is a view."""
        indptr = _boundaries(sizes)
        if len(begin) and np.array_equal(begin, begin[0] + indptr[:-1]):
            rows: Any = slice(int(begin[0]), int(begin[0] + indptr[-1]))
        else:
            rows = np.arange(indptr[-1]) + np.repeat(begin - indptr[:-1], sizes)
        return replace(
            self,
            target=self.target[rows],
            indptr=indptr,
            known={name: column[rows] for name, column in self.known.items()},
            past={name: column[rows] for name, column in self.past.items()},
        )


@dataclass(frozen=True, eq=False)
class Future:
    """Known covariates of the steps after each series. Column name -> (series, steps); NaN where not given."""

    known: Mapping[str, Singles]
    steps: int

    def take(self, which: ArrayLike) -> Future:
        """The future of the series `which` (indices or a mask)."""
        return Future({name: block[np.asarray(which)] for name, block in self.known.items()}, self.steps)


def _boundaries(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
