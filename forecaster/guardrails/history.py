"""The check of the history: a frame becomes a table, and whatever had to be mended is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import frames
from forecaster.errors import DataError, SettingsError
from forecaster.frames.pool import room
from forecaster.frequency import Frequency
from forecaster.guardrails import columns, covariates, joined, notes, rhythm, stamps, target
from forecaster.guardrails.covariates import Covariate
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.grid import Grid, Runs, before_first, note_gaps, without_doubles
from forecaster.guardrails.regular import regular
from forecaster.guardrails.rhythm import Placed
from forecaster.guardrails.stamped import Stamped, record, step_text
from forecaster.guardrails.survey import Survey
from forecaster.rows import Rows, Unstamped
from forecaster.schema import Schema
from forecaster.table import Floats, Ints, Singles, Table

AGGREGATES = ("sum", "mean", "min", "max", "median")
_ABSURD = "{count} {value is|values are} a thousand times larger than the rest of the series and taken for missing, the first at {first}"


def check(
    frame: pa.Table,
    schema: Schema,
    *,
    freq: str | int | Frequency | None = None,
    season_length: int | None = None,
    horizon: int = 1,
    aggregate: str | None = None,
    full: bool = False,
) -> tuple[Table, Findings]:
    """Turn a frame into a table; repair, quarantine or refuse what is wrong with it, each series by itself.

    Args:
        frame: One row per series and stamp, in any order.
        schema: Which column plays which part.
        freq: A pandas alias, or a whole number for integer steps; inferred where absent. A `Frequency` is taken as it is, and what does
            not keep to it is quarantined, never refused (`frequency_of`).
        season_length: Steps in one season; that of the frequency where absent.
        horizon: Steps to be forecast.
        aggregate: How rows of one period are joined into a coarser `freq`: sum, mean, min, max or median. Numeric covariates
            are averaged, categories take the last of the period.
        full: Whether of joined rows only full periods count: a first or last one that is not is missing.

    Returns:
        The table, NaN where a value is missing or was taken out, and the findings.

    Raises:
        DataError: No repair can mend the data; names column, series, first stamp, count and the way to mend it.
        SettingsError: An option cannot be meant.
        UnknownName: A column is not in the data.
    """
    _refuse_options(freq, season_length, horizon, aggregate)
    findings = Findings()
    schema = schema.check(frame.column_names)
    came, frame = frame.num_rows, _cleaned(columns.used(frame, schema, findings), schema, freq, findings)
    frame, rows = _rows(frame, schema, findings)
    for name, ids in rows.ids.items():
        columns.note_twins(ids, name, rows.kinds[name], findings)
    _refuse_torn(rows, schema)
    survey, rows = _surveyed(rows)
    table, survey = _table(frame, rows, survey, schema, findings, freq=freq, aggregate=aggregate, full=full)
    findings.untouched = frame.num_rows == came and rows.order is None and np.shares_memory(table.target, rows.target)
    table = replace(table, season_length=season_length or table.frequency.season_length)
    _refuse_end(table, horizon, schema)
    notes.note(table, survey, schema, horizon, findings)
    notes.note_short(table, survey.known, schema, horizon, findings)
    return table.with_met(), findings


def _refuse_options(freq: str | int | Frequency | None, season_length: int | None, horizon: int, aggregate: str | None) -> None:
    if horizon < 1:
        raise SettingsError(f"horizon={horizon!r}: expected a whole number of steps, 1 or more, such as horizon=28")
    if season_length is not None and season_length < 1:
        raise SettingsError(f"season_length={season_length!r}: expected a whole number of steps, 1 for no season")
    if aggregate is not None and aggregate not in AGGREGATES:
        raise SettingsError(f"aggregate={aggregate!r}: expected one of {', '.join(AGGREGATES)}")
    if aggregate is not None and freq is None:
        raise SettingsError(f"aggregate={aggregate!r} needs the frequency to join rows into: give freq, such as freq='W'")


def _cleaned(frame: pa.Table, schema: Schema, freq: str | int | Frequency | None, findings: Findings) -> pa.Table:
    """The rows that have an id and a stamp that can be read, with a numeric target; a stamp that nobody has looked for may be missing."""
    target.refuse_text(frame, schema)
    read = stamps.read(frame, schema, freq, findings, as_held=True)
    field = frame.schema.field(at := frame.schema.get_field_index(schema.time))
    frame = frame.set_column(at, field.with_type(read.type), read)
    return _stamped(columns.with_ids(frame, schema, findings), schema, findings)


def _rows(frame: pa.Table, schema: Schema, findings: Findings) -> tuple[pa.Table, Rows]:
    """The rows with a stamp, as they came and in order."""
    try:
        return frame, Rows.of(frame, schema, stamped=True)
    except Unstamped:  # nobody had looked
        frame = _stamped(frames.seen(frame, [schema.time]), schema, findings)
        return frame, Rows.of(frame, schema)


def _stamped(frame: pa.Table, schema: Schema, findings: Findings) -> pa.Table:
    """The rows that have a stamp."""
    frame = stamps.drop_missing(frame, schema, findings)
    if not frame.num_rows:
        raise DataError(f"no row has both a stamp in {schema.time!r} and an id in {', '.join(schema.series)}; correct them")
    return frame


def _refuse_torn(rows: Rows, schema: Schema) -> None:
    torn = np.flatnonzero(rows.torn)
    if len(torn):
        raise DataError(
            f"{len(torn)} series belong to more than one group by {', '.join(schema.group)}, the first is {rows.label(torn[0])}; "
            f"a series belongs to one group: correct the column, or add it to series"
        )


def _surveyed(rows: Rows) -> tuple[Survey, Rows]:
    """What one pass over the target tells, and the rows with a target that nobody else holds: the same pass copies it."""
    if rows.target.flags.writeable:
        return Survey.of(rows.target, rows.indptr), rows
    own = room(len(rows.target), np.float64)
    return Survey.of(rows.target, rows.indptr, own), replace(rows, target=own)


def _table(
    frame: pa.Table,
    rows: Rows,
    survey: Survey,
    schema: Schema,
    findings: Findings,
    *,
    freq: str | int | Frequency | None,
    aggregate: str | None,
    full: bool,
) -> tuple[Table, Survey]:
    """The table, and what one pass over its target tells."""
    seen = Stamped.of(rows, schema.time)
    stamps.refuse_far(seen)
    stamps.refuse_sentinels(seen)
    known = regular(seen, freq) if aggregate is None else None
    if known is None and seen.unit != "us":
        seen = seen.in_micros()
        known = regular(seen, freq) if aggregate is None else None
    frequency, runs, placed = _placed(seen, known, rows.target, survey, schema, findings, freq, aggregate, full)
    survey = survey if placed is rows.target else Survey.of(placed, runs.indptr)
    values = _without_absurd(runs.stamped(seen), placed, survey, schema, findings)
    findings.came = runs.start
    if values is not placed or not survey.complete:
        runs, values = _from_first(seen, runs, values, schema, findings)
    grid = Grid.of(runs)
    note_gaps(seen, runs, grid, frequency, findings)
    coded = {name: covariates.encode(frame[name], name) for name in (*schema.known, *schema.past, *schema.static)}
    along = {
        name: grid.spread(_joined(_sane(coded[name], name, rows, seen, findings), coded[name], runs, aggregate))
        for name in (*schema.known, *schema.past)
    }
    spread = grid.spread(values)
    table = Table(
        target=spread, indptr=grid.indptr, start=grid.start, frequency=frequency, ids=dict(rows.ids),
        group_ptr=rows.group_ptr, groups=dict(rows.groups),
        known={name: along[name] for name in schema.known}, past={name: along[name] for name in schema.past},
        static={name: _static(coded[name], name, rows, seen, findings) for name in schema.static},
        categories=covariates.labels_of(coded),
    )  # fmt: skip
    return table, survey if spread is placed else Survey.of(spread, grid.indptr)


def _placed(
    seen: Stamped,
    known: tuple[Frequency, Ints] | None,
    target: Floats,
    survey: Survey,
    schema: Schema,
    findings: Findings,
    freq: str | int | Frequency | None,
    aggregate: str | None,
    full: bool,
) -> tuple[Frequency, Runs, Floats]:
    """The frequency, the steps that there are, and the value of each; `known` are the first two of a table in no need of repair."""
    frequency = rhythm.frequency_of(seen, freq, aggregate, findings) if known is None else known[0]
    values = target if survey.finite else _without_infinite(seen, target, schema, findings)
    if known is not None:
        return frequency, Runs.regular(known[1], seen.indptr), values
    if aggregate is None:
        agreed = isinstance(freq, Frequency)
        runs = Runs.of(rhythm.place(seen, frequency, findings, agreed=agreed), seen.indptr)
        rhythm.other_rhythm(runs.stamped(seen), runs.steps, frequency, findings, asked=not (agreed or freq is None))
        values = without_doubles(seen, runs, values, frequency.unit, findings)
    else:
        runs = Runs.of(Placed(frequency.steps(seen.stamps)[0], np.ones(len(values), bool)), seen.indptr)
        values = runs.joined(values, aggregate)
        joining = joined.Joining(aggregate, rhythm.seen_in(seen), frequency)
        partial = joined.note(seen, runs, (target, values), schema.target, joining, findings)
        values = np.where(partial, np.nan, values) if full else values
    rhythm.refuse_flood(runs.stamped(seen), runs.start, runs.end, frequency)
    return frequency, runs, values


def _without_infinite(seen: Stamped, values: Floats, schema: Schema, findings: Findings) -> Floats:
    infinite = np.isinf(values)
    record(
        seen, infinite, findings, rule="infinite", action="repaired", column=schema.target,
        message="{count} {value is|values are} infinite and taken for missing, the first at {first}; "
        "correct them at their source",
    )  # fmt: skip
    return np.where(infinite, np.nan, values)


def _without_absurd(seen: Stamped, values: Floats, survey: Survey, schema: Schema, findings: Findings) -> Floats:
    if not target.suspicious(survey).any() or not (absurd := target.absurd(values, seen.indptr, survey)).any():
        return values
    record(seen, absurd, findings, rule="absurd_value", action="repaired", column=schema.target, message=_ABSURD)
    return np.where(absurd, np.nan, values)


def _from_first(seen: Stamped, runs: Runs, values: Floats, schema: Schema, findings: Findings) -> tuple[Runs, Floats]:
    """Series begin at their first known value."""
    early = before_first(values, runs.indptr)
    if early.any():
        record(
            runs.stamped(seen), early, findings, rule="leading_missing", action="repaired", column=schema.target,
            message="{count} {row before the first known value was|rows before the first known value were} left out",
        )  # fmt: skip
        runs, values = runs.without(early), values[~early]
    missing = np.isnan(values)
    if not missing.any():
        return runs, values
    record(
        runs.stamped(seen), missing & ~notes.empty(values, runs.indptr), findings,
        rule="missing_values", action="repaired", column=schema.target,
        message="{count} {value is|values are} missing, the first at {first}; learners skip them or carry the last one forward",
    )  # fmt: skip
    return runs, values


def _sane(covariate: Covariate, name: str, rows: Rows, seen: Stamped, findings: Findings) -> Singles:
    """The values in the order of the rows; those that cannot be meant are missing, and recorded."""
    ordered = covariate.values if rows.order is None else covariate.values[rows.order]
    ordered = covariates.finite(ordered, name, findings)
    if covariate.labels is not None or not (absurd := target.absurd(ordered, rows.indptr)).any():
        return ordered
    record(seen, absurd, findings, rule="absurd_covariate", action="repaired", column=name, message=_ABSURD)
    return np.where(absurd, np.float32(np.nan), ordered)


def _joined(values: Singles, covariate: Covariate, runs: Runs, aggregate: str | None) -> Singles:
    """One value per run: the first of rows with the same stamp, or what stands for a whole period."""
    if aggregate is None:
        return runs.first(values)
    if covariate.labels is not None:
        return runs.last(values)
    return runs.joined(values.astype(np.float64), "mean").astype(np.float32)


def _static(covariate: Covariate, name: str, rows: Rows, seen: Stamped, findings: Findings) -> Any:
    """One value per series: the last known one."""
    ordered = covariate.values if rows.order is None else covariate.values[rows.order]
    infinite = np.isinf(ordered)
    ordered = np.where(infinite, np.float32(np.nan), ordered) if infinite.any() else ordered
    last, varies = covariates.by_series(ordered, rows.series, len(rows))
    series = np.flatnonzero(varies)
    findings.add(
        rule="varying_static", action="repaired", series=seen.named(series), index=series, column=name, count=np.diff(seen.indptr)[series],
        message="a static covariate has several values within the series; the last one was taken. Name it in known or past if it changes",
    )  # fmt: skip
    covariates.finite(last, name, findings)
    return last


def _refuse_end(table: Table, horizon: int, schema: Schema) -> None:
    """Stamps beyond the year 9999, or beyond what an integer holds, cannot be written."""
    latest = int(np.argmax(table.end))
    now, last = table.frequency.stamps(table.end[latest] + np.array([0, horizon]))
    integer = table.frequency.unit == "integer"
    if last >= now if integer else last < np.datetime64("10000-01-01"):
        return
    end = step_text(table.frequency, table.end[latest : latest + 1])[0]
    where = f"column {schema.time!r}: {table.label(latest)} ends at {end}, and {horizon} steps on are"
    if integer:
        raise DataError(f"{where} too large for an integer of 64 bits. Give smaller steps")
    raise DataError(f"{where} beyond the year 9999. A stand-in for 'no date'? Remove these rows, or give a smaller horizon")
