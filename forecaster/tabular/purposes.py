"""What each raw column is, decided from the training rows alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import DataError
from forecaster.frames.kinds import family, is_number, value_type
from forecaster.table import Floats
from forecaster.tabular.columns import PARTS, Dropped, Hashed, Labels, Numbers, Stamps, Step, Words, calendar, floats, text
from forecaster.tabular.dates import form_of
from forecaster.tabular.featurization import Columns

ID_LIKE = 0.9
"""Distinct values per row from which labels name the rows and describe nothing."""

FEW = 20
"""With fewer rows than this, nothing is taken for a name of rows."""

WORDY = 3.0
"""Words per value from which labels are a text."""


def purpose_of(values: pa.ChunkedArray) -> tuple[str, str]:
    """The purpose of a column, and for a dropped one the reason."""
    kind = value_type(values.type)
    known = len(values) - values.null_count
    if not known or pa.types.is_nested(kind):
        return "dropped", f"values of type {kind} are not understood" if known else "every value is missing"
    distinct = pc.count_distinct(values.cast(kind)).as_py()
    if distinct < 2 and values.null_count == 0:
        return "dropped", "the value is the same in every row"
    if family(kind) == "text":
        return _of_text(values.cast(pa.string()), known, distinct)
    return _of_values(kind, values, distinct)


def _of_values(kind: pa.DataType, values: pa.ChunkedArray, distinct: int) -> tuple[str, str]:
    if family(kind) == "stamp":
        return "datetime", ""
    if pa.types.is_integer(kind) and _counts_rows(values, distinct):
        return "dropped", "it counts the rows"
    if is_number(kind):
        return "numeric", ""
    return "dropped", f"values of type {kind} are not understood"


def _counts_rows(values: pa.ChunkedArray, distinct: int) -> bool:
    if len(values) < FEW or distinct < len(values):
        return False
    ends = pc.min_max(values).as_py()
    return bool(ends["max"] - ends["min"] + 1 == len(values))


def _of_text(values: pa.ChunkedArray, known: int, distinct: int) -> tuple[str, str]:
    different = _different(values)
    if _reads(different, pa.float64()):
        return "numeric", ""
    form, why = form_of(different)
    if form or _reads(different, pa.timestamp("us")):
        return "datetime", ""
    if why:
        return "dropped", _unread(different[0].as_py(), why)
    words = np.mean([len(re.findall(r"\w+", value)) for value in different[:1000].to_pylist()])
    if words >= WORDY and distinct > 0.5 * known and known >= FEW:
        return "text", ""
    names = known >= FEW and distinct > ID_LIKE * known
    return ("dropped", f"{distinct} distinct values in {known} rows: it names the rows") if names else ("categorical", "")


def _different(values: pa.ChunkedArray) -> pa.Array:
    return values.cast(pa.string()).unique().drop_null()


def _reads(different: pa.Array, kind: pa.DataType) -> bool:
    """Whether texts are numbers, or dates as in ISO 8601, that Arrow reads by itself."""
    try:
        different.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _unread(example: str, why: str) -> str:
    return (
        f"it holds dates such as {example!r} that cannot be read for certain: {why}; convert the column, such as with pandas.to_datetime "
        "and a format, or say how it is written with featurization=Columns(dates={column: 'day first'})"
    )


def learn(name: str, values: pa.ChunkedArray, asked: Columns) -> tuple[str, Step]:
    """The purpose of a column and the step that makes features of it."""
    if name in asked.purposes:
        purpose, why = asked.purposes[name], "as asked"
    else:
        purpose, why = ("datetime", "") if name in asked.dates else purpose_of(values)
    if purpose == "dropped":
        return purpose, Dropped(name, why)
    step = _STEPS[purpose](name, values, asked)
    return ("dropped" if isinstance(step, Dropped) else "hashed" if isinstance(step, Hashed) else purpose), step


def _numbers(name: str, values: pa.ChunkedArray, asked: Columns) -> Step:
    raw = floats(values, name)
    good = raw[np.isfinite(raw)]
    gaps = len(good) < len(raw)
    way = asked.imputed(name) or "mean"
    told = "a constant" if isinstance(way, dict) else f"the {str(way).replace('_', ' ')}"
    return Numbers(name, _stand_in(good, way), told if gaps else "", gaps and "missing_indicator" not in asked.block)


def _stand_in(good: Floats, way: Any) -> float:
    if isinstance(way, dict):
        return float(way["constant"])
    if not len(good):
        return 0.0
    if way == "most_frequent":
        values, counts = np.unique(good, return_counts=True)
        return float(values[counts.argmax()])
    return float(np.median(good) if way == "median" else good.mean())


def _labels(name: str, values: pa.ChunkedArray, asked: Columns) -> Step:
    labels, counts = np.unique(text(values.drop_null()).astype(str), return_counts=True)
    if len(labels) > asked.one_hot_at_most or "one_hot" in asked.block:
        return _hashed(name, values, asked)
    way = asked.imputed(name)
    fill = str(way["constant"]) if isinstance(way, dict) else str(labels[counts.argmax()]) if way == "most_frequent" else None
    return Labels(name, tuple(labels.tolist()), fill, values.null_count > 0 and "missing_indicator" not in asked.block)


def _hashed(name: str, values: pa.ChunkedArray, asked: Columns) -> Step:
    return Dropped(name, "the transformer hash is blocked") if "hash" in asked.block else Hashed(name, asked.bits)


def _stamps(name: str, values: pa.ChunkedArray, asked: Columns) -> Step:
    if "datetime_parts" in asked.block:
        return Dropped(name, "the transformer datetime_parts is blocked")
    form = asked.dates.get(name, "")
    if not form and not pa.types.is_temporal(values.type) and not _reads(different := _different(values), pa.timestamp("us")):
        form, why = form_of(different)
        if not form:
            raise DataError(f"column {name!r} should become a date: {_unread(different[0].as_py(), why or 'they are none')}")
    made = calendar(values, PARTS, name, form)
    known = made[np.isfinite(made).all(axis=1)]
    telling = [i for i in range(len(PARTS)) if len(known) and np.ptp(known[:, i]) > 0]
    if not telling:
        return Dropped(name, "the stamp is the same in every row")
    return Stamps(name, tuple(PARTS[i] for i in telling), tuple(_stand_in(known[:, i], "most_frequent") for i in telling), form)


def _words(name: str, values: pa.ChunkedArray, asked: Columns) -> Step:
    return Dropped(name, "the transformer tf_idf is blocked") if "tf_idf" in asked.block else Words.learn(name, values, asked.terms)


_STEPS: dict[str, Any] = {"numeric": _numbers, "categorical": _labels, "hashed": _hashed, "datetime": _stamps, "text": _words}
