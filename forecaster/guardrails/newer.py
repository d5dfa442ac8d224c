"""The check of newer history: rows up to a later origin, put in the order and the codes of the series that a job was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from forecaster.errors import CannotPredict, DataError
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.history import check
from forecaster.guardrails.stamped import step_text
from forecaster.schema import Schema
from forecaster.table import Ints, Singles, Table


def check_newer(
    frame: pa.Table, table: Table, schema: Schema, *, begin: Ints | None = None, aggregate: str | None = None
) -> tuple[Table, Table, Findings]:
    """Turn the history up to now into a table of the series that a job knows, and one of those that it does not know.

    Args:
        frame: All rows up to now, as they would be given to fit.
        table: The end of the history that the job was fitted on.
        schema: Which column plays which part.
        begin: First step of each series that the job was fitted on: rows from there on whose values are missing are no rows that were left
            out. (series,)
        aggregate: How rows are joined into steps, if they are.

    Returns:
        The series that the job knows, in the order of `table`; the others, in the codes of its categories; and the findings.

    Raises:
        DataError: Rows of a series that the job knows are missing, or end before those that it was fitted on.
    """
    newer, found = check(frame, schema, freq=table.frequency, season_length=table.season_length, aggregate=aggregate)
    place = {key: i for i, key in enumerate(_keys(newer))}
    order = np.array([place.get(key, -1) for key in _keys(table)], np.int64)
    _refuse_missing(order, table)
    kept = np.zeros(len(newer), bool)
    kept[order] = True
    moved = _in_order(newer, order, table).all_familiar()
    if begin is not None:
        moved = moved.since(np.maximum(begin, found.came[order]))
    _refuse_earlier(moved, table)
    findings = Findings([batch for batch in found.batches if batch.action != "noted"]).renumbered(_index(order, len(newer)))
    return moved, _recoded_all(newer, table).take(~kept), findings


def expect_history(history: Table, begin: Ints, reach: int | None = None) -> None:
    """Refuse a history from which a model would forecast otherwise than from all values.

    Args:
        history: Values up to now.
        begin: First step of each series that the model has to see. (series,)
        reach: Steps before the end of the history that are enough, wherever it begins; None for no such number.

    Raises:
        CannotPredict: The history holds other series than the model, or one begins later.
    """
    expect_series(history, len(begin))
    needed = begin if reach is None else np.maximum(begin, history.end - reach + 1)
    late = np.flatnonzero(history.start > needed)
    if len(late):
        i = int(late[0])
        came, wanted = step_text(history.frequency, np.array([history.start[i], needed[i]]))
        raise CannotPredict(
            f"history of {len(late)} series begins too late, the first is {history.label(i)}: it begins at {came}, and values "
            f"from {wanted} on are needed; give all rows up to now, as to fit"
        )


def expect_series(history: Table, series: int) -> None:
    """Refuse a history of other series than the model's.

    Raises:
        CannotPredict: They are not as many.
    """
    if len(history) != series:
        raise CannotPredict(f"the model holds {series} series, the history {len(history)}; give the same series in the same order")


def note_unseen(table: Table, message: str, findings: Findings) -> None:
    """Tell of series that a job was not fitted on what becomes of them; `{count}` in the message is the number of their rows."""
    findings.add(
        rule="unseen_series", action="noted", series=dict(table.ids), index=np.full(len(table), -1), count=table.sizes, message=message
    )


def _keys(table: Table) -> list[tuple[object, ...]]:
    columns = [values.tolist() for values in table.ids.values()]
    return list(zip(*columns, strict=True)) if columns else [()] * len(table)


def _index(order: Ints, size: int) -> Ints:
    """Where each series of the newer table lies in the other one; -1 for none."""
    index = np.full(size, -1, np.int64)
    index[order] = np.arange(len(order))
    return index


def _in_order(newer: Table, order: Ints, table: Table) -> Table:
    """The series of `newer` in another order, their categories in the codes of `table`."""
    sizes = newer.sizes[order]
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.arange(indptr[-1]) + np.repeat(newer.indptr[:-1][order] - indptr[:-1], sizes)
    return replace(
        table,
        target=newer.target[rows],
        indptr=indptr,
        start=newer.start[order],
        known={name: _recoded(name, newer, newer.known, table)[rows] for name in table.known},
        past={name: _recoded(name, newer, newer.past, table)[rows] for name in table.past},
        static={name: _recoded(name, newer, newer.static, table)[order] for name in table.static},
    )


def _recoded_all(newer: Table, table: Table) -> Table:
    """The same series, their categories in the codes of `table`; what their groups have met there is left to the caller."""
    return replace(
        newer,
        known={name: _recoded(name, newer, newer.known, table) for name in table.known},
        past={name: _recoded(name, newer, newer.past, table) for name in table.past},
        static={name: _recoded(name, newer, newer.static, table) for name in table.static},
        categories=table.categories,
        met={},
    )


def _recoded(name: str, newer: Table, columns: Mapping[str, Singles], table: Table) -> Singles:
    """A covariate in the codes of `table`; a label that it does not have is missing."""
    column = columns[name]
    if name not in newer.categories or name not in table.categories:
        return column
    codes = {label: code for code, label in enumerate(table.categories[name])}
    turn = np.array([codes.get(label, np.nan) for label in newer.categories[name]] + [np.nan], np.float32)
    return turn[np.where(np.isfinite(column), column, len(turn) - 1).astype(np.int64)]


def _refuse_missing(order: Ints, table: Table) -> None:
    gone = np.flatnonzero(order < 0)
    if len(gone):
        raise DataError(
            f"history has no rows of {len(gone)} series that the job was fitted on, the first is {table.label(int(gone[0]))}; "
            f"give all rows of all series up to now, as to fit"
        )


def _refuse_earlier(moved: Table, table: Table) -> None:
    early = np.flatnonzero(moved.end < table.end)
    if len(early):
        first = int(early[0])
        told = [step_text(table.frequency, one.end[first : first + 1])[0] for one in (moved, table)]
        raise DataError(
            f"history of {len(early)} series ends before what the job was fitted on, the first is {table.label(first)}: it ends at "
            f"{told[0]}, the job knows values up to {told[1]}; give all rows up to now"
        )
