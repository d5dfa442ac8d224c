"""The check of the future: known covariates of the steps ahead, one row per series and stamp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError, SettingsError
from forecaster.frames.kinds import family, value_type
from forecaster.guardrails import columns, covariates, stamps
from forecaster.guardrails.ahead import Ahead
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.stamped import step_text
from forecaster.rows import Rows
from forecaster.schema import Schema
from forecaster.table import Future, Singles, Table


def check_future(
    frame: pa.Table | None, table: Table, schema: Schema, horizon: int, *, aggregate: str | None = None
) -> tuple[Future, Findings]:
    """Put the known covariates of the steps ahead in the order of a table.

    Args:
        frame: Series columns, time and known covariates, in any order; other columns are passed over. None for no such rows: the
            last known values are carried forward then, and a finding says so.
        table: The history, as `check` gave it.
        schema: Which column plays which part.
        horizon: Steps ahead.
        aggregate: How rows of the history were joined into steps, if they were; those of the future are joined likewise.

    Returns:
        The future of every series of the table, with the last known value where none is given, and the findings.

    Raises:
        DataError: The rows are of other steps or other types than the history calls for.
        SettingsError: `horizon` is below 1.
        UnknownName: A column is not in the data.
    """
    if horizon < 1:
        raise SettingsError(f"horizon={horizon!r}: expected a whole number of steps, 1 or more, such as horizon=28")
    findings = Findings()
    if not table.known:
        return Future({}, horizon), findings
    if frame is None:
        return _carried(table, horizon, findings), findings
    names = tuple(table.known)
    schema = Schema(series=tuple(table.ids), time=schema.time, target=schema.target, known=names)
    frame = _cleaned(frame, table, schema, findings)
    rows = Rows.of(frame, schema)
    ahead = Ahead.of(rows, table, schema.time, horizon, findings, joined=aggregate is not None)
    known = {name: ahead.block(_values(frame[name], name, table, rows), codes=name in table.categories) for name in names}
    known |= {name: _familiar(known[name], frame[name], table, name, findings) for name in names if name in table.categories}
    _note_missing(known, ahead, table, schema, findings)
    return Future({name: continued(block, table, name) for name, block in known.items()}, horizon), findings


def _carried(table: Table, horizon: int, findings: Findings) -> Future:
    """The last known value of every covariate, for as long as it takes."""
    for name in table.known:
        findings.add(
            rule="future_carried_forward", action="repaired", column=name, count=len(table) * horizon,
            message=f"no future was given: the last known value of each series stands for {horizon} steps; give the real ones in future=",
        )  # fmt: skip
    blank = np.full((len(table), horizon), np.nan, np.float32)
    return Future({name: continued(blank, table, name) for name in table.known}, horizon)


def continued(block: Singles, table: Table, name: str) -> Singles:
    """The steps ahead of a known covariate, unknown ones with the last known value before them: learners that saw no missing values would
    take NaN for zero. (series, steps)"""
    if not np.isnan(block).any():
        return block
    last, _ = covariates.by_series(table.known[name], table.series, len(table))
    whole = np.column_stack([last, block])
    source = np.maximum.accumulate(np.where(np.isnan(whole), 0, np.arange(whole.shape[1])), axis=1)
    return np.take_along_axis(whole, source, axis=1)[:, 1:]


def _cleaned(frame: pa.Table, table: Table, schema: Schema, findings: Findings) -> pa.Table:
    schema.check(frame.column_names, target=False)
    if frame.num_rows == 0:
        first = step_text(table.frequency, table.end[:1] + 1)[0] if len(table) else ""
        raise DataError(f"future has no rows; rows from {first} on were expected for every series")
    frame = columns.selected(frame, (*schema.series, schema.time, *schema.known))  # the target, often there and empty, is not read
    integers = table.frequency.unit == "integer"
    read = stamps.read(frame, schema, int(table.frequency.alias) if integers else table.frequency.alias, findings)
    _refuse_other_zone(read, table, schema)
    frame = frame.set_column(frame.column_names.index(schema.time), schema.time, read)
    frame = stamps.drop_missing(columns.with_ids(frame, schema, findings), schema, findings)
    for name in schema.series:
        frame = frame.set_column(frame.column_names.index(name), name, _like(frame[name], table.ids[name], name))
    return frame


def _refuse_other_zone(read: pa.ChunkedArray, table: Table, schema: Schema) -> None:
    zone = read.type.tz if pa.types.is_timestamp(read.type) else None
    history = table.frequency.zone
    if pa.types.is_timestamp(read.type) and (zone is None) != (history is None):
        raise DataError(
            f"column {schema.time!r} of future has {f'the time zone {zone}' if zone else 'no time zone'}, "
            f"the history has {history or 'none'}; give both the same: {f'tz_localize({history!r})' if history else 'tz_localize(None)'}"
        )


def _like(column: pa.ChunkedArray, ids: NDArray[Any], name: str) -> pa.ChunkedArray:
    """Ids of the type that the history has."""
    kind = value_type(column.type)
    column = column.cast(kind) if pa.types.is_dictionary(column.type) else column
    wanted = pa.array(ids[:1]).type
    came_as_text, text = (family(one) == "text" for one in (kind, wanted))
    if came_as_text != text:
        raise DataError(
            f"column {name!r} of future holds {kind}, that of the history {wanted} such as {ids.tolist()[0]!r}; "
            f"ids must be of one type: future[{name!r}].astype({'str' if text else repr(str(wanted))})"
        )
    try:
        return column if text else column.cast(wanted)
    except pa.ArrowInvalid:
        return column  # ids that the history cannot have: unseen series


def _values(column: pa.ChunkedArray, name: str, table: Table, rows: Rows) -> Singles:
    """A covariate in the codes of the history, in the order of the rows; a label that it does not have has the code after its last one."""
    labels = table.categories.get(name)
    textual, empty = family(column.type) == "text", column.null_count == len(column)
    if empty:
        return np.full(len(column), np.nan, np.float32)
    if textual != (labels is not None):
        example = pc.drop_null(column)[0].as_py()
        held, cast = ("numbers", "float") if labels is None else ("text", "str")
        raise DataError(
            f"covariate {name!r} of future holds {column.type} such as {example!r}; the history holds {held}. "
            f"Convert it: future[{name!r}].astype({cast})"
        )
    values = covariates.encode(column, name, labels).values
    if labels is not None:
        values = np.where(np.isnan(values) & column.is_valid().to_numpy(), np.float32(len(labels)), values)
    ordered = values if rows.order is None else values[rows.order]
    return np.where(np.isinf(ordered), np.float32(np.nan), ordered)


def _familiar(block: Singles, column: pa.ChunkedArray, table: Table, name: str, findings: Findings) -> Singles:
    """The steps ahead of a category without the labels that the group of the series has not met: what a group gets does not depend on what
    others have met. (series, steps)"""
    labels = table.categories[name]
    kept = table.familiar(name, block, table.group[:, None])
    strange = np.isfinite(block) & np.isnan(kept)
    series = np.flatnonzero(strange.any(axis=1))
    if len(series):
        codes = np.unique(block[strange]).astype(np.int64)
        new = [label for label in pc.drop_null(pc.unique(column)).cast(pa.string()).to_pylist() if label not in labels]
        told = ", ".join(map(repr, [*new, *(labels[code] for code in codes if code < len(labels))][:3]))
        findings.add(
            rule="unseen_category", action="noted", column=name, count=strange[series].sum(axis=1), index=series,
            series={name: values[series] for name, values in table.ids.items()},
            message=f"{{count}} {{step holds a category|steps hold categories}} that the history of the group does not know ({told}) "
            "and {counts|count} as missing",
        )  # fmt: skip
    return kept


def _note_missing(known: Mapping[str, Singles], ahead: Ahead, table: Table, schema: Schema, findings: Findings) -> None:
    """Record steps without a row, and rows without a value, for each series."""
    rowless = np.ones(ahead.shape[0] * ahead.shape[1], bool)
    rowless[ahead.place] = False
    rowless = rowless.reshape(ahead.shape)
    _note_steps(
        rowless, "future_missing_rows", schema.time, "{count} {step has|steps have} no row in future, the first {first}", table, findings
    )
    for name, block in known.items():
        _note_steps(
            np.isnan(block) & ~rowless,
            "future_missing_values",
            name,
            "{count} {value is|values are} missing in future, the first at {first}",
            table,
            findings,
        )


def _note_steps(mask: NDArray[np.bool_], rule: str, column: str, message: str, table: Table, findings: Findings) -> None:
    series = np.flatnonzero(mask.any(axis=1))
    first = table.end[series] + 1 + mask[series].argmax(axis=1)
    findings.add(
        rule=rule, action="quarantined", column=column, series={name: values[series] for name, values in table.ids.items()}, index=series,
        count=mask[series].sum(axis=1), first=step_text(table.frequency, first),
        message=message + "; the last known value stands there. Give all steps of every series",
    )  # fmt: skip
