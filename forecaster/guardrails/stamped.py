"""The stamps of all series with the names of the series: what every finding about rows is told from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.frames.pool import room
from forecaster.frequency import Frequency
from forecaster.frequency.rhythm import micros
from forecaster.guardrails.findings import Findings
from forecaster.rows import Rows, longest
from forecaster.schema import label
from forecaster.table import Ints

_PER_SECOND = {"s": 1, "ms": 1_000, "ns": 1_000_000_000}


@dataclass(frozen=True, eq=False)
class Stamped:
    """What the rhythm is read from: the stamps of all series, their boundaries, ids, zone and the name of the time column.

    Stamps are datetime64 in the unit that they came in, or int64. They are `alike` where those of every series are surely the last ones
    of the longest series.
    """

    stamps: NDArray[Any]
    indptr: Ints
    ids: Mapping[str, NDArray[Any]]
    zone: str | None
    time: str
    alike: bool = False

    @classmethod
    def of(cls, rows: Rows, time: str) -> Stamped:
        """The rows of a frame."""
        return cls(rows.held, rows.indptr, rows.ids, rows.zone, time, rows.alike)

    @cached_property
    def telling(self) -> slice:
        """Series that have every stamp: all of them, or the longest where they are alike."""
        return slice(at := longest(self.indptr), at + 1) if self.alike else slice(None)

    @cached_property
    def ends(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The first stamp of each telling series and the last."""
        return self.stamps[self.indptr[:-1][self.telling]], self.stamps[self.indptr[1:][self.telling] - 1]

    @property
    def unit(self) -> str:
        """The unit of the stamps: "s", "ms", "us" or "ns"; "generic" for whole numbers."""
        return np.datetime_data(self.stamps.dtype)[0] if self.stamps.dtype.kind == "M" else "generic"

    def in_micros(self) -> Stamped:
        """The same with stamps in microseconds, or whole numbers as they are."""
        if self.unit in ("us", "generic"):
            return self
        near = scan.micros(self.stamps.view(np.int64), _PER_SECOND[self.unit], out := room(len(self.stamps), np.int64))
        return replace(self, stamps=(out if near else micros(self.stamps)).view("datetime64[us]"))

    def named(self, series: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        """The ids of some series."""
        return {name: values[series] for name, values in self.ids.items()}

    def label(self, i: int) -> str:
        """Series `i` in words, for messages."""
        return label(self.ids, i)

    def told(self, rows: NDArray[Any]) -> NDArray[np.str_]:
        """The stamps of some rows as text, in the zone that they came in."""
        chosen = self.stamps[rows]
        if self.zone is not None:
            moments = pa.array(chosen.astype("datetime64[us]"), pa.timestamp("us", self.zone))
            chosen = pc.local_timestamp(moments).to_numpy(zero_copy_only=False)
        return text(chosen)


def text(stamps: NDArray[Any]) -> NDArray[np.str_]:
    """Stamps as text: dates without a clock time at midnight."""
    if stamps.dtype.kind != "M" or not len(stamps):
        return stamps.astype(np.str_)
    moments: NDArray[np.datetime64] = stamps.astype("datetime64[us]")
    micros = moments.astype(np.int64)
    unit: Literal["D", "s", "us"] = "D" if not (micros % 86_400_000_000).any() else "s" if not (micros % 1_000_000).any() else "us"
    told = np.datetime_as_string(moments, unit=unit)
    return told if unit == "D" else np.char.replace(told, "T", " ")


def step_text(frequency: Frequency, steps: Ints) -> NDArray[np.str_]:
    """Steps as text: what the clocks on the wall show."""
    return text(frequency.stamps(steps) if frequency.unit == "integer" else frequency.local(steps))


def record(rows: Stamped, mask: NDArray[np.bool_], findings: Findings, **what: Any) -> None:
    """One finding for each series that a mask over rows touches, with the number of rows and the first stamp."""
    at = np.flatnonzero(mask)
    if not len(at):
        return
    series = np.searchsorted(rows.indptr, at, side="right") - 1
    touched, first, count = np.unique(series, return_index=True, return_counts=True)
    findings.add(series=rows.named(touched), index=touched, count=count, first=rows.told(at[first]), **what)
