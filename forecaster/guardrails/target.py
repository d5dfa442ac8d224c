"""The target: numbers or a clear refusal, values that cannot be meant set to missing, and the filling of what is missing."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster import frames
from forecaster.errors import DataError
from forecaster.frames.kinds import family, is_number, value_type
from forecaster.guardrails.columns import whereabouts
from forecaster.guardrails.survey import Survey
from forecaster.schema import Schema
from forecaster.table import Floats, Ints, Singles

_WITH_COMMAS = r"^[+-]?\d+(,\d+)*(\.\d+)?$"
# An absurd value is so many times larger than what is typical of its series, and lies so many times farther out than all the others,
_TIMES = 1_000.0
# and there are few of its kind, in a series long enough to tell.
_SHARE = 0.02
_MIN_LENGTH = 8


def refuse_text(frame: pa.Table, schema: Schema) -> None:
    """Refuse a target that is not made of numbers: booleans, whole numbers, floats and decimals are.

    Raises:
        DataError: The target is something else; says how to cast it.
    """
    name = schema.target
    column = frame[name]
    kind = value_type(column.type)
    if family(kind) == "text":
        raise DataError(_not_numeric(frame, schema))
    if _is_missing(column[0].as_py()) and frames.seen(frame, [name])[name].null_count == len(column):
        raise DataError(f"column {name!r} should hold numbers; all {len(column)} rows are missing. Name the right column with target=...")
    if not is_number(kind):
        raise DataError(f"column {name!r} should hold numbers; it holds {kind}. Convert it, or name the right column with target=...")


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _not_numeric(frame: pa.Table, schema: Schema) -> str:
    """Whether the texts are numbers in disguise, and what to do about it."""
    name = schema.target
    texts = pc.utf8_trim_whitespace(frame[name].cast(pa.large_string()))
    number = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
    wrong = np.flatnonzero(~np.asarray(pc.fill_null(pc.match_substring_regex(texts, number), True)))
    if not len(wrong):
        example = f" such as {pc.drop_null(texts)[0].as_py()!r}" if texts.null_count < len(texts) else ""
        return f"column {name!r} should hold numbers; it holds text{example}, all of it numbers. Cast it: frame[{name!r}].astype(float)"
    first = texts[wrong[0]].as_py()
    mend = f"Correct them, then cast: pandas.to_numeric(frame[{name!r}], errors='coerce') makes them missing"
    if pc.all(pc.match_substring_regex(texts, _WITH_COMMAS)).as_py():
        mend = f"Cast them: frame[{name!r}].str.replace(',', '.').astype(float), with '' for '.' where the commas part thousands"
    return (
        f"column {name!r} should hold numbers; it holds text, and {len(wrong)} of {len(texts)} values are none, "
        f"the first {first!r} in {whereabouts(frame, schema, int(wrong[0]))}. {mend}"
    )


def absurd(values: Floats | Singles, indptr: Ints, survey: Survey | None = None) -> NDArray[np.bool_]:
    """Values that no healthy series has, such as one 1e12 among hundreds. (rows,)

    A value is absurd if it is a thousand times larger than what is typical of its series and a thousand times farther
    out than all the other values, and at most one in fifty is. Heavy tails have no such hole in them, and a new level
    lasts longer, so both are left alone. Each series is judged by itself.
    """
    found = np.zeros(len(values), bool)
    chosen = np.flatnonzero(suspicious(survey or Survey.of(values, indptr)))
    if len(chosen):
        sizes = np.diff(indptr)[chosen]
        bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        rows = np.arange(bounds[-1]) + np.repeat(indptr[chosen] - bounds[:-1], sizes)
        found[rows] = _far_out(values[rows].astype(np.float64), bounds)
    return found


def suspicious(seen: Survey) -> NDArray[np.bool_]:
    """Series whose largest value is far above their smallest, between which the typical one lies: only they can have one. (series,)"""
    with np.errstate(over="ignore"):  # nothing is a thousand times larger than 1e306
        return np.asarray(np.maximum(-seen.lowest, seen.highest) > _TIMES * seen.least)


def _far_out(values: Floats, indptr: Ints) -> NDArray[np.bool_]:
    sizes = np.diff(indptr)
    seen = per_series(np.add, np.isfinite(values).astype(np.float64), indptr)
    off = np.abs(values - np.repeat(median_per_series(values, indptr), sizes))
    size = np.abs(values)
    typical = np.nan_to_num(median_per_series(np.where(size > 0, size, np.nan), indptr))
    with np.errstate(over="ignore"):
        far = off > np.repeat(_TIMES * typical, sizes)
    few = per_series(np.add, far.astype(np.float64), indptr) <= np.maximum(1.0, _SHARE * seen)
    nearest = per_series(np.fmin, np.where(far, off, np.inf), indptr)
    rest = per_series(np.fmax, np.where(far, 0.0, off), indptr)
    alone = (seen >= _MIN_LENGTH) & few & (nearest / _TIMES > rest)
    return far & np.repeat(alone, sizes)


def median_per_series(values: Floats, indptr: Ints) -> Floats:
    """The median of the finite values of each series; NaN where there are none. (series,)"""
    series = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    known = np.isfinite(values)
    values, series = values[known], series[known]
    ordered = values[np.lexsort((values, series))]
    bounds = np.searchsorted(series, np.arange(len(indptr)))
    size = np.diff(bounds)
    there = size > 0
    low, high = (bounds[:-1] + (size - 1) // 2)[there], (bounds[:-1] + size // 2)[there]
    out = np.full(len(indptr) - 1, np.nan)
    out[there] = ordered[low] / 2 + ordered[high] / 2
    return out


def per_series(ufunc: np.ufunc, values: NDArray[np.generic], indptr: Ints) -> Floats:
    """A reduction within each series; NaN where a series has no rows. (series,)"""
    out = np.full(len(indptr) - 1, np.nan)
    there = np.flatnonzero(np.diff(indptr))
    if len(there):
        out[there] = ufunc.reduceat(values, indptr[there])
    return out


def fill(values: Floats, indptr: Ints) -> Floats:
    """The values with nothing missing, for learners that cannot take NaN.

    The guardrails keep NaN where a value is missing or was taken out; learners that can, skip it. For the others the last
    known value goes on until the next one (forward fill, as Azure fills targets), so that no value is ever taken from
    later. Rows before the first known value take that one, and a series without any value is zero.

    Args:
        values: Values of all series, NaN where missing. (rows,)
        indptr: Boundaries of the series. (series + 1,)

    Returns:
        Values without NaN; the input itself where nothing is missing. (rows,)
    """
    known = np.isfinite(values)
    if known.all():
        return values
    rows = np.arange(len(values))
    sizes = np.diff(indptr)
    first = np.repeat(indptr[:-1], sizes)
    # Within a series, the row of the last known value; before it the row of the first one.
    last = np.maximum.accumulate(np.where(known, rows, -1))
    opening = per_series(np.minimum, np.where(known, rows, len(values)), indptr)
    start = np.repeat(np.nan_to_num(opening, nan=len(values)).astype(np.int64), sizes)
    source = np.where(last >= first, last, start)
    inside = source < np.repeat(indptr[1:], sizes)
    return np.where(inside, values[np.minimum(source, len(values) - 1)], 0.0)
