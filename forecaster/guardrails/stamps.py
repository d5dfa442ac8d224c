"""The time column: every form in which stamps come, turned into timestamps or whole numbers, or refused with the way to mend it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster._native import scan
from forecaster.errors import DataError
from forecaster.frames.kinds import family
from forecaster.frames.pool import room
from forecaster.frequency import Frequency
from forecaster.guardrails.columns import whereabouts
from forecaster.guardrails.findings import Action, Findings
from forecaster.guardrails.stamped import Stamped
from forecaster.schema import Schema

_ISO = r"^\s*\d{4}([-/]\d{1,2}([-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?)?)?\s*(Z|[+-]\d{2}(:?\d{2})?)?\s*$"
_BASIC = r"^\s*\d{8}\s*$"
_OFFSET = r"(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)$"
_PARTS = r"^\s*(?P<first>\d{1,2})(?P<sign>[./-])(?P<second>\d{1,2})[./-](?P<year>\d{4}|\d{2})\s*$"
_BLANK = ("", "nan", "nat", "none", "null", "n/a", "na", "<na>")
_LAST_YEAR = 9999
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LOST: tuple[tuple[bool, Action, str], ...] = (
    (False, "repaired", "correct them if they matter"),
    (True, "quarantined", "the series has no others, so it is gone"),
)


def read(
    frame: pa.Table, schema: Schema, freq: str | int | Frequency | None, findings: Findings, *, as_held: bool = False
) -> pa.ChunkedArray:
    """The stamps of all rows as `timestamp[us]` (with the zone that came) or int64; null where there is none.

    Args:
        frame: All rows.
        schema: Which column holds the stamps.
        freq: The frequency asked for, which tells whole numbers that count steps from others.
        findings: Where repairs are recorded.
        as_held: Whether timestamps of which none is missing, in one piece, stay in their unit; `refuse_far` is to look at them.

    Raises:
        DataError: The values are no stamps, or cannot be read in one way only.
    """
    name = schema.time
    column = frame[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if family(kind) == "text":
        return _texts(column, name, findings, partial(whereabouts, frame, schema))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        plain = pa.types.is_timestamp(kind) and column.num_chunks == 1 and not column.null_count
        return column if as_held and plain else _timestamps(column, name)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        column = _whole(column, name, findings)
    elif not pa.types.is_integer(kind):
        raise DataError(f"column {name!r} should hold the stamps; it holds {kind}. Convert it: pandas.to_datetime(frame[{name!r}])")
    try:
        return _integers(column.cast(pa.int64()), name, freq)
    except pa.ArrowInvalid:
        raise DataError(
            f"column {name!r} holds whole numbers up to {pc.max(column).as_py()}, too large for steps or dates; correct them"
        ) from None


def _timestamps(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    if (quick := _micros(column, zone)) is not None:
        return quick
    try:
        return column.cast(pa.timestamp("us", zone), safe=pa.types.is_date(column.type) or column.type.unit != "ns")
    except pa.ArrowInvalid:
        raise _far(pc.max(column).cast(pa.int64()).as_py(), column.type, name) from None


def _far(stamp: int, kind: pa.DataType, name: str) -> DataError:
    return DataError(f"column {name!r} holds a stamp ({stamp} {kind}) far beyond the year {_LAST_YEAR}; remove such rows")


def _micros(column: pa.ChunkedArray, zone: str | None) -> pa.ChunkedArray | None:
    """Stamps of another unit as microseconds, unless some are missing or may be too far away."""
    if not pa.types.is_timestamp(column.type) or column.type.unit == "us" or column.null_count:
        return None
    out, begin = room(len(column), np.int64), 0
    for chunk in column.chunks:
        part = out[begin : begin + len(chunk)]
        if not scan.micros(chunk.cast(pa.int64()).to_numpy(), _UNITS[column.type.unit], part):
            return None
        begin += len(chunk)
    return pa.chunked_array([pa.Array.from_buffers(pa.timestamp("us", zone), len(out), [None, pa.py_buffer(out)])])


def _whole(column: pa.ChunkedArray, name: str, findings: Findings) -> pa.ChunkedArray:
    """Floats that are whole numbers, as pandas makes of whole numbers with a gap."""
    values = column.cast(pa.float64())
    values = pc.if_else(pc.is_finite(values), values, None)
    broken = pc.filter(values, pc.not_equal(pc.floor(values), values))
    if len(broken):
        raise DataError(
            f"column {name!r} should hold dates or whole numbers; {len(broken)} rows hold {column.type} such as {broken[0].as_py()!r}. "
            f"Convert it: pandas.to_datetime(frame[{name!r}]), or frame[{name!r}].astype('int64') for steps"
        )
    findings.add(
        rule="stamp_type", action="repaired", column=name, count=len(column),
        message=f"whole numbers held as {column.type} were read as integers",
    )  # fmt: skip
    return values


def _integers(column: pa.ChunkedArray, name: str, freq: str | int | Frequency | None) -> pa.ChunkedArray:
    """Whole numbers are steps; those that look like dates are refused."""
    if isinstance(freq, str) and not freq.strip().isdigit():
        raise DataError(
            f"column {name!r} holds whole numbers such as {_example(column)}, but freq={freq!r} is for dates. "
            f"Convert it with pandas.to_datetime and how it is written (format='%Y' for years, unit='s' for seconds since 1970), "
            f"or give freq as a whole number"
        )
    if freq is None and (way := _looks_like_dates(column)):
        raise DataError(
            f"column {name!r} holds whole numbers such as {_example(column)} that look like dates written as {way[0]}. "
            f"Convert it: pandas.to_datetime(frame[{name!r}], {way[1]}); if they count steps, say so with freq=1"
        )
    return column


def _looks_like_dates(column: pa.ChunkedArray) -> tuple[str, str] | None:
    """How dates were written as numbers (words, argument of to_datetime), if they were."""
    values = np.unique(pc.drop_null(pc.unique(column)).to_numpy())
    if len(values) == 0:
        return None
    low, high = int(values[0]), int(values[-1])
    day, month = values % 100, values // 100 % 100
    if low >= 16000101 and high <= 99991231 and ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
        return "YYYYMMDD", "format='%Y%m%d'"
    if low >= 160001 and high <= 999912 and len(values) > 1 and ((day >= 1) & (day <= 12)).all():
        return "YYYYMM", "format='%Y%m'"
    for unit, ticks in _UNITS.items():
        plausible = low >= 1e8 * ticks and high <= 1e10 * ticks
        if plausible and len(values) > 1 and (np.diff(values) % (60 * ticks) == 0).all():
            return f"{unit} since 1970", f"unit={unit!r}"
    return None


def _example(column: pa.ChunkedArray) -> Any:
    known = pc.drop_null(column.slice(0, 1000))
    return known[0].as_py() if len(known) else None


def _texts(column: pa.ChunkedArray, name: str, findings: Findings, where: Callable[[int], str]) -> pa.ChunkedArray:
    """Texts in the ISO form; each different text is read once."""
    coded = column.cast(pa.large_string()).combine_chunks().dictionary_encode()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.chunk(0)
    texts = coded.dictionary
    blank = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), pa.array(_BLANK, texts.type))
    texts = pc.if_else(blank, None, texts)
    _refuse_other_forms(texts, column, name, where)
    parsed, zone = _parse(texts, name)
    findings.add(
        rule="text_stamps", action="repaired", column=name, count=len(column),
        message="stamps came as text in the ISO form and were read as dates; convert them once to save the time",
    )  # fmt: skip
    stamps = parsed.take(coded.indices)
    return pa.chunked_array([stamps.cast(pa.timestamp("us", zone)) if zone else stamps])


def _refuse_other_forms(texts: pa.Array, column: pa.ChunkedArray, name: str, where: Callable[[int], str]) -> None:
    """A text that is not of the ISO form is not guessed at (is 3/4/2024 in March or in April?)."""
    fits = pc.or_(pc.match_substring_regex(texts, _ISO), pc.match_substring_regex(texts, _BASIC))
    wrong = pc.filter(texts, pc.invert(pc.fill_null(fits, True)))
    if not len(wrong):
        return
    rows = np.flatnonzero(np.asarray(pc.is_in(column.cast(wrong.type), value_set=wrong)))
    shown = ", ".join(repr(text.as_py()) for text in wrong[:3])
    why, mend = _how_written(wrong)
    raise DataError(
        f"column {name!r} holds stamps that cannot be read as YYYY-MM-DD HH:MM:SS: {shown} "
        f"({len(rows)} rows from {where(int(rows[0]))} on){why}. {mend.format(column=repr(name))}"
    )


def _how_written(wrong: pa.Array) -> tuple[str, str]:
    """What the numbers of other forms tell of their order, and how to convert them."""
    found = pc.drop_null(pc.extract_regex(wrong, _PARTS))
    say = "Convert the column and say how it is written, such as pandas.to_datetime(frame[{column}], format='%d/%m/%Y')"
    if len(found) < len(wrong):
        return "", say
    first, second = (pc.max(pc.struct_field(found, [part]).cast(pa.int64())).as_py() for part in ("first", "second"))
    if first <= 12 and second <= 12:
        return "; day and month cannot be told apart", say
    if first > 12 and second > 12:
        return "; in some the day comes first, in others the month", "Write them in one way, then convert them with pandas.to_datetime"
    sign, year = (pc.struct_field(found, [part])[0].as_py() for part in ("sign", "year"))
    form = sign.join([*(("%d", "%m") if first > 12 else ("%m", "%d")), "%Y" if len(year) == 4 else "%y"])
    order = "the day" if first > 12 else "the month"
    return (
        f"; of day and month {order} comes first, as no other order fits all of them",
        f"Convert the column: pandas.to_datetime(frame[{{column}}], format={form!r})",
    )


def _parse(texts: pa.Array, name: str) -> tuple[pa.Array, str | None]:
    """Instants or wall-clock times, and the zone if the texts carry one."""
    plain = pc.utf8_trim_whitespace(texts)
    offset = _offset(plain, name)
    dashed = pc.replace_substring_regex(plain, r"(\d{4})(\d{2})(\d{2})", r"\1-\2-\3")
    plain = pc.if_else(pc.match_substring_regex(plain, _BASIC), dashed, plain)
    plain = pc.replace_substring(pc.replace_substring_regex(plain, _OFFSET, "") if offset else plain, "/", "-")
    plain = pc.utf8_trim_whitespace(pc.replace_substring(plain, ",", "."))
    try:
        moments = _cast(plain)
    except (pa.ArrowInvalid, ValueError) as error:
        raise DataError(
            f"column {name!r} holds text that is no date: {error}. Correct or remove such rows, or convert it with pandas.to_datetime"
        ) from None
    if not offset:
        return moments, None
    shift = 0 if offset == "Z" else _minutes(offset)
    instants = pc.subtract(moments, pa.scalar(shift * 60_000_000, pa.duration("us")))
    return instants, "UTC" if shift == 0 else f"{offset[:3]}:{offset[-2:] if len(offset) > 3 else '00'}"


def _offset(plain: pa.Array, name: str) -> str:
    """The offset from UTC that all texts end with; empty where they have none.

    Raises:
        DataError: They have several.
    """
    has_clock = pc.match_substring(plain, ":")
    found = pc.struct_field(pc.extract_regex(pc.if_else(has_clock, plain, ""), _OFFSET), 0)
    offsets = set(pc.unique(pc.filter(pc.fill_null(found, ""), pc.is_valid(plain))).to_pylist())
    if len(offsets) > 1:
        shown = ", ".join(sorted(repr(offset or "none") for offset in offsets)[:4])
        raise DataError(
            f"column {name!r} mixes time zones ({shown}); one zone was expected. "
            f"Convert it: pandas.to_datetime(frame[{name!r}], utc=True).dt.tz_convert('Europe/Berlin'), with your zone"
        )
    return next(iter(offsets), "")


def _minutes(offset: str) -> int:
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    return (-1 if offset[0] == "-" else 1) * (60 * hours + minutes)


def _cast(plain: pa.Array) -> pa.Array:
    """Texts such as 2024, 2024-1 and 2024-1-5 7:00 as timestamps: numpy reads what Arrow's stricter reader refuses."""
    try:
        return plain.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        values = [None if text is None else np.datetime64(_padded(text), "us") for text in plain.to_pylist()]
        return pa.array(np.array(values, dtype="datetime64[us]"), pa.timestamp("us"))


def _padded(text: str) -> str:
    """2024-1-5 7:00 as 2024-01-05T07:00."""
    day, _, clock = text.replace("T", " ").partition(" ")
    date = "-".join(part.zfill(2) for part in day.split("-"))
    return f"{date}T{clock.zfill(8) if clock.count(':') == 2 else clock.zfill(5)}" if clock else date


def drop_missing(frame: pa.Table, schema: Schema, findings: Findings) -> pa.Table:
    """The rows that have a stamp; those without are recorded for each series, and so are series that have none."""
    column = frame[schema.time]
    if not column.null_count:
        return frame
    if column.null_count == len(column):
        raise DataError(
            f"column {schema.time!r} holds no stamp at all: all {len(column)} rows are missing. Name the right column with time=..."
        )
    keyed = frame.select(list(schema.series)).append_column("", pc.is_null(column))
    series = keyed.group_by(list(schema.series), use_threads=False).aggregate([("", "sum"), ("", "all")])
    for lost, action, end in _LOST:
        touched = series.filter(pc.and_(pc.greater(series["_sum"], 0), pc.equal(series["_all"], lost)))
        if not touched.num_rows:
            continue
        findings.add(
            rule="missing_stamps", action=action, column=schema.time, count=touched["_sum"].to_numpy(),
            series={name: touched[name].to_numpy() for name in schema.series},
            message="{count} {row without a stamp was|rows without a stamp were} left out; " + end,
        )  # fmt: skip
    return frame.filter(pc.is_valid(column))


def refuse_far(rows: Stamped) -> None:
    """Refuse stamps in their own unit that cannot be told in microseconds."""
    if rows.unit not in ("s", "ms"):
        return
    most = np.iinfo(np.int64).max // (_UNITS["us"] // _UNITS[rows.unit])
    low, high = (int(end.view(np.int64)) for end in (rows.ends[0].min(), rows.ends[1].max()))
    if low < -most or high > most:
        raise _far(high, pa.timestamp(rows.unit, rows.zone), rows.time)


def refuse_sentinels(rows: Stamped) -> None:
    """Refuse stamps in the year 9999 beside ordinary years: they stand for "no date"."""
    if rows.stamps.dtype.kind != "M":
        return
    ends: NDArray[np.datetime64] = np.array([rows.ends[0].min(), rows.ends[1].max()])
    low, high = ends.astype("datetime64[Y]").astype(int) + 1970
    if high < _LAST_YEAR or (high == _LAST_YEAR and low >= _LAST_YEAR - 999):
        return
    late = np.flatnonzero(rows.stamps >= np.datetime64(f"{_LAST_YEAR}-01-01"))
    series = int(np.searchsorted(rows.indptr, late[0], side="right")) - 1
    raise DataError(
        f"column {rows.time!r} holds {len(late)} stamps in the year {high}, the first in {rows.label(series)} at {rows.told(late[:1])[0]}, "
        f"beside stamps from {low} on: a stand-in for 'no date', which leaves no room for a forecast. Remove these rows"
    )
