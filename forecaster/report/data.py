"""What a report is made from: the tables of the public contract, and how rows of them are found by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.report.axes import Array

if TYPE_CHECKING:
    from forecaster.fitted import Fitted
    from forecaster.reconciled import Reconciled

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """Which column plays which part in the tables below; `group` is empty for a job of one model."""

    series: tuple[str, ...] = ("unique_id",)
    time: str = "ds"
    target: str = "y"
    group: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Series:
    """The tables with one row per step. Any of them may be empty.

    Args:
        columns: Names of the key columns.
        history: Series columns, time, target: at least the end of every series.
        forecast: Series columns, time, "forecast" and quantiles ("q0.1").
        backtest: Series columns, time, cutoff, learner, actual, forecast and quantiles; the rows of the final forecast are used,
            all rows where there is no such learner.
    """

    columns: Columns
    history: pa.Table
    forecast: pa.Table
    backtest: pa.Table


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that the page of one job shows.

    Args:
        title: Name of the job.
        series: History, forecast and backtest.
        leaderboard: learner, score, rank, fit_seconds, predict_seconds, status, reason.
        selected: learner, members, score.
        findings: Series columns, column, rule, count, first, action, message.
        metric: Name of the score.
        greater_is_better: Direction of the score.
        seconds: Time that the fit took.
        rows: Number of values that it was fitted on.
        settings: The options, as name -> text.
        profile: Series columns, and what each series is like; no columns where nothing was measured.
    """

    title: str
    series: Series
    leaderboard: pa.Table
    selected: pa.Table
    findings: pa.Table
    metric: str = "nrmse"
    greater_is_better: bool = False
    seconds: float = 0.0
    rows: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    profile: pa.Table = field(default_factory=lambda: pa.table({}))

    @classmethod
    def of(cls, fitted: Fitted | Reconciled, future: pa.Table | None = None) -> ReportData:
        """The data of a fitted job; `future` holds the known covariates of the steps ahead."""
        schema, options = fitted.schema, fitted.options
        series = Series(Columns(schema.series, schema.time, schema.target), fitted.history(), fitted.predict(future), fitted.backtest())
        return cls(
            f"Forecast of {schema.target}", series, fitted.leaderboard(), fitted.selected(), fitted.found(), str(options["metric"]),
            fitted.greater_is_better, fitted.seconds, int(fitted.rows.sum()), {name: str(value) for name, value in options.items()},
            fitted.profiled(),
        )  # fmt: skip


def arrow(frame: Any) -> pa.Table:
    """Any frame with the Arrow interface as an Arrow table."""
    return frame if isinstance(frame, pa.Table) else pa.table(frame)


def floats(table: pa.Table, name: str) -> Array:
    """A column of numbers, NaN where missing; all NaN where the table has no such column."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(pc.cast(table[name], pa.float64()).to_numpy(), np.float64)


def times(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of stamps as wall-clock microseconds, or of integer steps."""
    column = table[name]
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    values: NDArray[Any] = column.to_numpy()
    return values.astype("datetime64[us]") if values.dtype.kind in "MO" else values


def places(table: pa.Table, wanted: pa.Table, names: Sequence[str]) -> Ints:
    """Row of `wanted` that has the same key as each row of `table`; -1 where there is none. Keys of `wanted` are unique."""
    code, codes = np.zeros(table.num_rows, np.int64), np.zeros(wanted.num_rows, np.int64)
    missing = np.zeros(table.num_rows, bool)
    for name in names:
        left, right, size = _shared_codes(table[name], wanted[name])
        missing |= left < 0
        code, codes = code * size + np.maximum(left, 0), codes * size + right
        # Keys of many columns would outgrow 64 bits: number the pairs anew after each.
        known, codes = np.unique(codes, return_inverse=True)
        at = np.minimum(np.searchsorted(known, code), max(len(known) - 1, 0))
        missing |= known[at] != code if len(known) else True
        code = at.astype(np.int64)
    row = np.empty(len(codes), np.int64)
    row[codes] = np.arange(len(codes))
    return np.where(missing, -1, row[code] if len(row) else -1)


def keys(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The distinct keys of a table, in order of first appearance."""
    plain = table.select(list(names))
    return pa.table(
        {name: _decoded(plain[name]) for name in names} if names else {"": pa.array([""] * min(table.num_rows, 1))}
    ).group_by(list(names) or [""], use_threads=False).aggregate([])  # fmt: skip


def labels(table: pa.Table, names: Sequence[str]) -> list[str]:
    """Each row's key in words: `1001 · amber`; a sum has no value for the columns that it is over."""
    if not names:
        return ["all series"] * table.num_rows
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    return [" · ".join(str(value) for value in row if value is not None) for row in rows]


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _shared_codes(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[Ints, Ints, int]:
    """Numbers that stand for the values of two columns, the same for the same value; -1 for a value that `right` does not have."""
    known = pc.unique(_decoded(right).combine_chunks())
    return _numbered(left, known), _numbered(right, known), max(len(known), 1)


def _numbered(column: pa.ChunkedArray, known: pa.Array) -> Ints:
    if pa.types.is_dictionary(column.type):
        whole = column.unify_dictionaries().combine_chunks()
        whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
        table = _numbered(pa.chunked_array([whole.dictionary]), known)
        return np.asarray(table[whole.indices.fill_null(0).to_numpy(zero_copy_only=False)])
    found = pc.index_in(_alike(column, known.type), value_set=known)
    return np.asarray(found.fill_null(-1).to_numpy(), np.int64)


def _alike(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)
