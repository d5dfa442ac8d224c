"""Where the rows of a future belong: the series and step of each, and what is wrong with those that belong nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.stamped import Stamped, record, step_text
from forecaster.rows import Rows
from forecaster.table import Ints, Singles, Table


@dataclass(frozen=True, eq=False)
class Ahead:
    """Where the rows of a future belong.

    Args:
        at: Rows that are used, those of one place next to each other. (used rows,)
        begin: Where in `at` the rows of each place begin. (places,)
        place: The places in series x steps, flat, that have rows. (places,)
        shape: Series and steps.
        joined: Whether rows of one place are joined, not doubles.
    """

    at: Ints
    begin: Ints
    place: Ints
    shape: tuple[int, int]
    joined: bool

    @classmethod
    def of(cls, rows: Rows, table: Table, time: str, horizon: int, findings: Findings, *, joined: bool = False) -> Ahead:
        """Find the place of every row, and record those that have none."""
        seen = Stamped.of(rows, time)
        found = _matched(rows, table, findings)
        series = found[rows.series]
        steps, exact = table.frequency.steps(rows.stamps)
        exact |= joined
        ahead = steps - table.end[series]
        theirs = series >= 0
        fits = theirs & exact
        if not fits.any():
            raise DataError(_no_stamp_fits(seen, int(rows.series[np.argmax(theirs)]), table))
        _refuse_shift(series[fits], ahead[fits], table, time, horizon)
        _note(seen, fits & (ahead < 1), "future_overlap", "within the history", findings)
        _note(seen, fits & (ahead > horizon), "future_extra", "past the horizon", findings)
        _note(seen, theirs & ~exact, "future_off_grid", f"off the grid of {table.frequency.alias!r}", findings)
        at = np.flatnonzero(fits & (ahead >= 1) & (ahead <= horizon))
        place = series[at] * horizon + ahead[at] - 1
        begin = np.flatnonzero(np.diff(place, prepend=-1))
        doubled = np.zeros(len(fits), bool)
        doubled[at] = np.diff(place, prepend=-1) == 0
        record(
            seen, doubled & (not joined), findings, rule="future_duplicates", action="repaired", column=time,
            message="{count} {row of future repeats|rows of future repeat} a stamp, the first at {first}; values in which "
            "they differ count as missing",
        )  # fmt: skip
        return cls(at, begin, place[begin], (len(table), horizon), joined)

    def block(self, values: Singles, *, codes: bool) -> Singles:
        """Values of the rows at their places, NaN where there is no row or rows differ; `codes` are of categories. (series, steps)"""
        out = np.full(self.shape[0] * self.shape[1], np.nan, np.float32)
        out[self.place] = self._one_per_place(values[self.at], codes)
        return out.reshape(self.shape)

    def _one_per_place(self, values: Singles, codes: bool) -> Singles:
        if len(self.begin) == len(values):
            return values
        if self.joined and codes:
            return np.asarray(values[np.append(self.begin[1:], len(values)) - 1])
        if self.joined:
            known = np.isfinite(values)
            count = np.add.reduceat(known, self.begin, dtype=np.float64)
            total = np.add.reduceat(np.where(known, values, 0.0), self.begin, dtype=np.float64)
            return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)
        low, high = np.fmin.reduceat(values, self.begin), np.fmax.reduceat(values, self.begin)
        return np.where(low == high, low, np.float32(np.nan))


def _matched(rows: Rows, table: Table, findings: Findings) -> Ints:
    """Index in the table of each series of the future, -1 for those it does not have. (series of the future,)"""
    if not table.ids:
        return np.zeros(len(rows), np.int64)
    key = np.zeros(len(rows), np.int64)
    own = np.zeros(len(table), np.int64)
    for name, ids in table.ids.items():
        came = pa.array(rows.ids[name])
        values = pa.array(ids).unique().cast(came.type)
        code = pc.fill_null(pc.index_in(came, value_set=values), len(values)).to_numpy(zero_copy_only=False)
        key, own = _paired(
            key, code, own, pc.index_in(pa.array(ids).cast(came.type), value_set=values).to_numpy(zero_copy_only=False), len(values) + 1
        )
    order = np.argsort(own, kind="stable")
    place = np.minimum(np.searchsorted(own[order], key), len(own) - 1)
    found = np.where(own[order][place] == key, order[place], -1)
    new = np.flatnonzero(found < 0)
    if len(new) == len(rows):
        raise DataError(
            f"future has no series of the history: it has {rows.label(0)}, the history has {table.label(0)}. "
            f"Give rows for the same ids, written alike"
        )
    findings.add(
        rule="unseen_series", action="noted", count=np.diff(rows.indptr)[new],
        series={name: values[new] for name, values in rows.ids.items()},
        message="the history does not have this series, so its {count} {row|rows} of the future {was|were} passed over",
    )  # fmt: skip
    return found


def _paired(key: Ints, code: Ints, own: Ints, own_code: Ints, size: int) -> tuple[Ints, Ints]:
    """Numbers that are equal exactly where two columns are, dense again after each column so that they cannot overflow."""
    both = np.concatenate([key * size + code, own * size + own_code])
    dense = np.unique(both, return_inverse=True)[1]
    return dense[: len(key)], dense[len(key) :]


def _no_stamp_fits(seen: Stamped, i: int, table: Table) -> str:
    """The future was made for another frequency."""
    shown = ", ".join(seen.told(np.arange(seen.indptr[i], min(seen.indptr[i] + 3, seen.indptr[i + 1]))))
    return (
        f"column {seen.time!r} of future should lie on freq={table.frequency.alias!r}, but no stamp does: {seen.label(i)} has {shown} ...; "
        f"the history ends at {step_text(table.frequency, table.end[:1])[0]}. Give the steps that follow it"
    )


def _refuse_shift(series: Ints, ahead: Ints, table: Table, time: str, horizon: int) -> None:
    """A future that begins late for every series, or ends early because it began early, was made for another end of the history.

    A series that ended before the others has its next steps missing in a future that is right for the others, so one
    series that fits shows that the future is not shifted.
    """
    given = np.unique(series)
    first, last = np.full(len(table), np.iinfo(np.int64).max), np.full(len(table), np.iinfo(np.int64).min)
    np.minimum.at(first, series, ahead)
    np.maximum.at(last, series, ahead)
    first, last = first[given], last[given]
    late = (first > 1) & (last > horizon)
    early = (last < horizon) & ((last - first + 1 >= horizon) | (last < 1))
    if not (late.all() or 2 * early.sum() > len(given)):
        return
    i = int(np.argmax(late | early))
    expected, came = step_text(table.frequency, table.end[given[i]] + np.array([1, first[i]]))
    raise DataError(
        f"column {time!r} of future is shifted by {int(first[i]) - 1:+d} steps: for {table.label(given[i])} "
        f"the first stamp expected was {expected}, got {came}; so it is in {int((late | early).sum())} of {len(given)} series. "
        f"Give the {horizon} steps after the end of the history"
    )


def _note(seen: Stamped, mask: NDArray[np.bool_], rule: str, where: str, findings: Findings) -> None:
    record(
        seen, mask, findings, rule=rule, action="noted", column=seen.time,
        message=f"{{count}} {{row of future lies|rows of future lie}} {where}, the first at {{first}}, and {{was|were}} passed over",
    )  # fmt: skip
