"""What the guardrails saw: one row per (series, column, rule), held as arrays so that a rule may hit every series of a large table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

_FORMS = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")


class Keyed(Protocol):
    """Whatever names the series columns: a schema, or the options of a job."""

    @property
    def series(self) -> tuple[str, ...]: ...


Action = Literal["repaired", "quarantined", "noted"]


@dataclass(frozen=True)
class Finding:
    """One finding. `series` maps the series columns to the id of the series, empty where the finding is about the whole table."""

    series: Mapping[str, Any]
    column: str
    rule: str
    count: int
    first: str
    action: Action
    message: str


@dataclass(frozen=True, eq=False)
class Batch:
    """One rule at work on one column: ids, index, count and first are arrays with one value per finding."""

    rule: str
    action: Action
    column: str
    message: str
    ids: Mapping[str, NDArray[Any]]
    index: NDArray[np.int64]
    count: NDArray[np.int64]
    first: NDArray[np.str_]

    def take(self, which: NDArray[np.int64]) -> Batch:
        """Some of the findings."""
        ids = {name: values[which] for name, values in self.ids.items()}
        return replace(self, ids=ids, index=self.index[which], count=self.count[which], first=self.first[which])

    def told(self) -> list[str]:
        """The messages, with `{count}`, `{first}` and `{one|many}` filled in. (findings,)"""
        if "{" not in self.message:
            return [self.message] * len(self.count)
        counts, firsts = self.count.tolist(), self.first.tolist()
        forms = {one: _FORMS.sub(r"\1" if one else r"\2", self.message) for one in (True, False)}
        return [forms[n == 1].replace("{count}", str(n)).replace("{first}", f) for n, f in zip(counts, firsts, strict=True)]


@dataclass(eq=False)
class Findings:
    """All findings of a job, in the order in which they were made.

    Args:
        batches: The findings, those of one rule in one column together.
        untouched: Whether the rows of the frame are the rows of the table, one by one in their order, with the targets that came.
        came: Step of the first row of each series, whether or not it has a value; empty where there is no table. (series,)
    """

    batches: list[Batch] = field(default_factory=list)
    untouched: bool = False
    came: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def add(
        self,
        *,
        rule: str,
        action: Action,
        message: str,
        series: Mapping[str, ArrayLike] | None = None,
        index: ArrayLike | None = None,
        column: str = "",
        count: ArrayLike = 1,
        first: ArrayLike = "",
    ) -> None:
        """Record what one rule saw in one column: one finding, or one per series.

        Args:
            rule: Name of the rule, such as "gaps".
            action: "repaired", "quarantined" or "noted"; a refusal is a DataError instead.
            message: What was seen, what was done and what to do about it; `{count}` and `{first}` are filled in per finding,
                and `{row was|rows were}` is the one or the other by the count.
            series: Ids of the series: column -> one id, or one per finding; None for a finding about the whole table.
            index: Indices of these series in the table, where there is one. (findings,)
            column: The column concerned.
            count: Number of rows concerned. (findings,) or one number
            first: First stamp concerned, as text. (findings,) or one text
        """
        ids = {name: np.atleast_1d(np.asarray(values)) for name, values in (series or {}).items()}
        size = len(next(iter(ids.values()))) if ids else 1 if index is None else np.size(index)
        places = np.full(size, -1) if index is None else np.atleast_1d(np.asarray(index))
        if size:
            counts = np.broadcast_to(np.asarray(count, np.int64), size)
            firsts = np.broadcast_to(np.asarray(first, dtype=np.str_), size)
            self.batches.append(Batch(rule, action, column, message, ids, places.astype(np.int64), counts, firsts))

    def __len__(self) -> int:
        return sum(len(batch.count) for batch in self.batches)

    def __iter__(self) -> Iterator[Finding]:
        for batch in self.batches:
            for i, message in enumerate(batch.told()):
                series = {name: values[i : i + 1].tolist()[0] for name, values in batch.ids.items()}
                yield Finding(series, batch.column, batch.rule, int(batch.count[i]), str(batch.first[i]), batch.action, message)

    def __add__(self, other: Findings) -> Findings:
        return Findings([*self.batches, *other.batches])

    def quarantined(self, n_series: int) -> NDArray[np.bool_]:
        """Which series of the table were quarantined. (series,)"""
        mask = np.zeros(n_series, bool)
        for batch in self.batches:
            if batch.action == "quarantined":
                mask[batch.index[batch.index >= 0]] = True
        return mask

    def renumbered(self, index: NDArray[np.int64]) -> Findings:
        """The findings of a table whose series have moved: the new index of each series, -1 for those that are gone. (series,)"""
        padded = np.append(index, -1)
        return Findings([replace(batch, index=padded[batch.index]) for batch in self.batches])

    def without(self, rule: str, ids: Mapping[str, NDArray[Any]]) -> Findings:
        """The findings, but for those of one rule about some series. Series column -> ids"""
        gone = set(zip(*(values.tolist() for values in ids.values()), strict=True))
        kept = []
        for batch in self.batches:
            keys = zip(*(batch.ids[name].tolist() for name in ids), strict=True) if batch.rule == rule and batch.ids else ()
            stays = np.array([key not in gone for key in keys] or [True] * len(batch.count), bool)
            kept.append(batch if stays.all() else batch.take(np.flatnonzero(stays)))
        return Findings([batch for batch in kept if len(batch.count)])

    def frame(self, schema: Keyed) -> pa.Table:
        """The findings as rows: series columns, column, rule, count, first, action, message."""
        columns: dict[str, Any] = {name: self._ids(name) for name in schema.series}
        columns["column"] = self._repeated("column")
        columns["rule"] = self._repeated("rule")
        columns["count"] = pa.array(np.concatenate([np.empty(0, np.int64), *(b.count for b in self.batches)]))
        columns["first"] = pa.array([first for b in self.batches for first in b.first.tolist()], pa.string())
        columns["action"] = self._repeated("action")
        columns["message"] = pa.array([message for b in self.batches for message in b.told()], pa.string())
        return pa.table(columns)

    def _repeated(self, name: str) -> pa.Array:
        """A text that all findings of a batch share, once per finding."""
        return pa.array([text for b in self.batches for text in [getattr(b, name)] * len(b.count)], pa.string())

    def _ids(self, name: str) -> pa.ChunkedArray:
        """One series column over all findings; null where the finding is about the whole table."""
        known = {i: pa.array(b.ids[name]) for i, b in enumerate(self.batches) if name in b.ids}
        kind = next((values.type for values in known.values()), pa.string())
        chunks = [known.get(i, pa.nulls(len(b.count), kind)) for i, b in enumerate(self.batches)]
        return pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)
