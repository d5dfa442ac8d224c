"""Dates written as text, read in one way only: the form is told from all values of a column, and nothing is guessed.

Years have four digits. The time of day may follow; an offset from UTC is left out, so that parts of the calendar are those of the clock
that was written down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.frames.kinds import family, value_type

Stamps = NDArray[np.datetime64]

_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?\s*$"
)
_WEEKDAY, _MONTH, _BETWEEN = r"^\s*(?:[A-Za-z]{2,9}\.?,?\s+)?", r"(?P<name>[A-Za-z]{3,9})", r"[-/.]"
_TWO, _YEAR = r"\d{1,2}", r"(?P<year>\d{4})"
FORMS: dict[str, tuple[str, ...]] = {
    "year first": (rf"^\s*{_YEAR}{_BETWEEN}(?P<month>{_TWO}){_BETWEEN}(?P<day>{_TWO}){_TIME}",),
    "day first": (rf"^\s*(?P<day>{_TWO}){_BETWEEN}(?P<month>{_TWO}){_BETWEEN}{_YEAR}{_TIME}",),
    "month first": (rf"^\s*(?P<month>{_TWO}){_BETWEEN}(?P<day>{_TWO}){_BETWEEN}{_YEAR}{_TIME}",),
    "month by name": (
        rf"{_WEEKDAY}(?P<day>{_TWO})(?:st|nd|rd|th)?[-/.\s]+{_MONTH}[-/.,\s]+{_YEAR}{_TIME}",
        rf"{_WEEKDAY}{_MONTH}[.\s]+(?P<day>{_TWO})(?:st|nd|rd|th)?,?\s+{_YEAR}{_TIME}",
    ),
}
"""How dates are written, and what they look like then."""

MOST = 0.9
"""Share of the values of a column that are dates from which it is said why it is not read as such."""

_SHORT = rf"^\s*{_TWO}{_BETWEEN}{_TWO}{_BETWEEN}\d{{2}}\b"
_FULL = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_MONTHS = tuple(name[:3] for name in _FULL)


def form_of(texts: pa.Array) -> tuple[str, str]:
    """How the dates of a column are written; "" with the reason where they look like dates that cannot be read for certain, and with
    no reason where they are no dates.

    Args:
        texts: The different values, none missing.
    """
    read = [form for form in FORMS if not np.isnat(parsed(texts, form)).any()]
    if len(read) == 1:
        return read[0], ""
    if read and pc.all(pc.match_substring(texts, ".")).as_py():  # dots stand between day, month and year in this order
        return "day first", ""
    if read:
        return "", "day and month cannot be told apart"
    short = np.asarray(pc.match_substring_regex(texts, _SHORT))
    alike = np.any([short, *(~np.isnat(parsed(texts, form)) for form in FORMS)], axis=0)
    return "", "" if alike.mean() < MOST else "years have two digits" if short.all() else "they are not all written in one form"


def ordered(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray | pa.Array:
    """A column whose values sort by time: dates that came as text are read, all others are taken as they are.

    Raises:
        DataError: it is text that holds no dates, or none that can be read for certain.
    """
    if family(column.type) != "text":
        return column.cast(value_type(column.type))
    texts = column.cast(pa.string())
    different = texts.unique().drop_null()
    form, why = form_of(different)
    if len(different) and not form:
        raise DataError(
            f"column {name!r} holds text such as {different[0].as_py()!r}, whose rows cannot be put in order by time: "
            f"{why or 'it is no date'}; convert it with pandas.to_datetime and a format"
        )
    return pa.array(parsed(different, form) if form else []).take(pc.index_in(texts, value_set=different))


def parsed(texts: pa.Array, form: str) -> Stamps:
    """Texts as stamps, NaT where one is missing or not written so. (values,) datetime64[s]"""
    made = np.full(len(texts), np.datetime64("NaT"), "datetime64[s]")
    for pattern in FORMS[form]:
        found = pc.extract_regex(texts, pattern)
        made = np.where(np.isnat(made), _stamps(found), made)
    return made


def _stamps(found: Any) -> Stamps:
    """The parts of dates put together, NaT for those that no calendar has."""
    named = {field.name for field in found.type}
    year, day = _numbers(found, "year"), _numbers(found, "day")
    month = _numbers(found, "month") if "month" in named else _by_name(found)
    hour, minute, second = (_numbers(found, part) for part in ("hour", "minute", "second"))
    half = pc.utf8_lower(pc.utf8_slice_codeunits(pc.struct_field(found, "half"), 0, 1))
    afternoon, clock12 = (np.asarray(pc.fill_null(pc.is_in(half, pa.array(list(which))), False)) for which in ("p", "ap"))
    good = (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60) & (year >= 1)
    good &= ~clock12 | ((hour >= 1) & (hour <= 12))
    hour = np.where(clock12, hour % 12 + 12 * afternoon, hour)
    months = (np.where(good, year - 1970, 0) * 12 + np.where(good, month, 1) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= days.astype("datetime64[M]") == months
    stamps = days.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    return np.where(good, stamps, np.datetime64("NaT"))


def _numbers(found: Any, part: str) -> NDArray[np.int64]:
    """A part of each date, 0 where it has none."""
    texts = pc.struct_field(found, part)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    return np.asarray(pc.fill_null(texts.cast(pa.int64()), 0), np.int64)


def _by_name(found: Any) -> NDArray[np.int64]:
    """The month of an English name, 0 where there is no such month."""
    names = pc.utf8_lower(pc.struct_field(found, "name"))
    place = pc.index_in(pc.utf8_slice_codeunits(names, 0, 3), pa.array(_MONTHS))
    known = pc.is_in(names, pa.array((*_MONTHS, *_FULL, "sept")))
    return np.asarray(pc.fill_null(pc.if_else(known, pc.add(place, 1), 0), 0), np.int64)
