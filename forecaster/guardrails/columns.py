"""Which columns are there: names, doubles, extras, and rows whose series or group is not known."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster import frames
from forecaster._native import scan
from forecaster.errors import DataError
from forecaster.frames.texts import is_text, memory
from forecaster.guardrails.findings import Findings
from forecaster.schema import Schema


def used(frame: pa.Table, schema: Schema, findings: Findings) -> pa.Table:
    """The columns that the schema names, once each; the others are recorded and left out.

    Nobody has looked yet for what is missing in the time and the target: a later pass over their values tells (see `frames.seen`).

    Raises:
        DataError: There are no rows, or a column is there twice.
    """
    if frame.num_rows == 0:
        names = ", ".join(map(repr, frame.column_names))
        raise DataError(f"the data has no rows (its columns are {names}); at least one row per series was expected")
    wanted = schema.columns
    _note_extras([name for name in frame.column_names if name not in (*wanted, *schema.drop)], findings)
    return selected(frame, wanted, later=(schema.time, schema.target))


def selected(frame: pa.Table, columns: Iterable[str], later: Collection[str] = ()) -> pa.Table:
    """Those of the columns that the frame has, and what is missing in them as nulls, but for those to be looked at `later`.

    Raises:
        DataError: One is there twice, or could not be read.
    """
    names = frame.column_names
    for name in columns:
        if (n := names.count(name)) > 1:
            raise DataError(f"the data has {n} columns called {name!r}; one was expected. Rename or drop the others")
    there = [name for name in columns if name in names]
    frames.readable(frame, there)
    return frames.seen(frame.select(there), [name for name in there if name not in later])


def _note_extras(extra: list[str], findings: Findings) -> None:
    for name in extra:
        findings.add(
            rule="extra_column", action="noted", column=name,
            message="the column plays no part and was left out; list it in known, past or static to use it, or in drop to say so",
        )  # fmt: skip


def whereabouts(frame: pa.Table, schema: Schema, row: int) -> str:
    """A row in words, for messages: `row 6 (unique_id=s0)`."""
    ids = ", ".join(f"{name}={frame[name][row].as_py()!s}" for name in schema.series)
    return f"row {row + 1}" + (f" ({ids})" if ids else "")


def with_ids(frame: pa.Table, schema: Schema, findings: Findings) -> pa.Table:
    """The rows whose series and group are known.

    Raises:
        DataError: No row has an id, or ids are of a type that cannot name a series.
    """
    for name in dict.fromkeys((*schema.series, *schema.group)):
        kind = frame[name].type
        if pa.types.is_nested(kind) or pa.types.is_null(kind):
            raise DataError(f"column {name!r} should name the series; it holds {kind}. Make it text or whole numbers")
        if pa.types.is_floating(kind):
            column = pc.if_else(pc.is_nan(frame[name]), None, frame[name])
            frame = frame.set_column(frame.column_names.index(name), name, column)
        if frame[name].null_count:
            frame = _known_ids(frame, name, schema.time, findings)
    return frame


def _known_ids(frame: pa.Table, name: str, time: str, findings: Findings) -> pa.Table:
    missing = frame[name].null_count
    if missing == frame.num_rows:
        raise DataError(f"column {name!r} should name the series; all {missing} rows are missing. Fill it, or name the right column")
    frame = frames.seen(frame, [time])
    without = frame.filter(pc.is_null(frame[name]))
    stamp = pc.min(without[time]).as_py()
    first = "" if stamp is None else str(stamp).removesuffix(" 00:00:00")
    findings.add(
        rule="missing_id", action="quarantined", column=name, count=missing, first=first,
        message="{count} {row without an id belongs to no series and was|rows without an id belong to no series and were} "
        "left out; fill the id if they matter",
    )  # fmt: skip
    return frame.filter(pc.is_valid(frame[name]))


def note_twins(ids: NDArray[Any], name: str, kinds: pa.Array, findings: Findings) -> None:
    """Note ids that look alike: the same text but for blanks at its ends or the way its accents are coded.

    Args:
        ids: The value of a series column for each series. (series,)
        name: Name of the column.
        kinds: Every value of the column, others too, as Arrow holds them: plain ones have no twins.
        findings: Where they are noted.
    """
    if not is_text(kinds.type) or scan.plain(*memory(kinds)):
        return
    values = pc.unique(pa.array(ids, pa.large_string()))
    plain = pc.utf8_trim_whitespace(pc.utf8_normalize(values, form="NFC"))
    if pc.count_distinct(plain).as_py() == len(values):
        return
    groups: dict[str, list[str]] = {}
    for text in values.to_pylist():
        groups.setdefault(unicodedata.normalize("NFC", text).strip(), []).append(text)
    for clean, twins in groups.items():
        if len(twins) > 1:
            twins.sort(key=lambda text: text != clean)
            told = " and ".join(ascii(text) for text in twins)
            findings.add(
                rule="twin_ids", action="noted", column=name, count=len(twins), series={name: twins[0]},
                message=f"{told} look alike but are different ids, so they are different series; make them equal if they are one",
            )  # fmt: skip
