"""What one pass over all series tells, beside a slow and obvious twin."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster._native import scan

NUMBERS = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([np.nan, 0.0, -0.0, np.inf, -np.inf, 5e-324, 1e300]))
SERIES = st.lists(st.lists(NUMBERS, max_size=25), min_size=1, max_size=5)
STAMPS = st.lists(st.lists(st.integers(-3, 12), max_size=10), min_size=1, max_size=5)


def flat(series, dtype=float):
    return np.concatenate([np.array(one, dtype) for one in series]), np.cumsum([0, *map(len, series)])


@given(series=SERIES, dtype=st.sampled_from([np.float64, np.float32]))
def test_survey(series, dtype):
    with np.errstate(over="ignore", under="ignore"):
        values, indptr = flat(series, dtype)
    out, copy = np.empty((len(series), 4)), np.empty_like(values)
    scan.survey(values, indptr, out, copy)
    np.testing.assert_array_equal(copy, values)
    for told, one in zip(out, np.split(values, indptr[1:-1]), strict=True):
        seen = one[~np.isnan(one)]
        sizes = np.abs(seen[seen != 0])
        ends = [seen.min(), seen.max()] if len(seen) else [np.nan, np.nan]
        np.testing.assert_array_equal(told, [np.isfinite(one).sum(), *ends, sizes.min(initial=np.inf)])


def ascent(series):
    if any(sorted(one) != one for one in series):
        return 0
    longest = max(series, key=len)
    return 2 if all(one == longest[len(longest) - len(one) :] for one in series) else 1


@given(series=STAMPS)
def test_ascends(series):
    assert scan.ascends(*flat(series, np.int64)) == ascent(series)


@given(
    days=st.lists(st.integers(-3, 99), min_size=6, max_size=20), cuts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=5)
)
def test_series_that_end_alike_ascend_or_not(days, cuts):
    series = [days[-1:], *(days[begin : len(days) - end] for begin, end in cuts), sorted(days), days]
    assert scan.ascends(*flat(series, np.int64)) == ascent(series)
    for ascending in ([sorted(one) for one in series], [sorted(days)[begin:] for begin, _ in cuts] or [[1]]):
        assert scan.ascends(*flat(ascending, np.int64)) == ascent(ascending)


@given(series=STAMPS, first=st.lists(st.integers(-2, 12), min_size=5, max_size=5), honest=st.booleans())
def test_follows(series, first, honest):
    calendar = np.arange(-3, 13) ** 3
    first = first[: len(series)]
    if honest:
        series = [calendar[max(at, 0) : max(at, 0) + len(one)].tolist() for one, at in zip(series, first, strict=True)]
    values, indptr = flat(series, np.int64)
    inside = [at >= 0 and calendar[at : at + len(one)].tolist() == one for one, at in zip(series, first, strict=True)]
    assert scan.follows(values, indptr, calendar, np.array(first)) == all(inside)


WIDTHS = st.sampled_from([np.int32, np.int64])


def held(texts, width, before=0):
    """Offsets and bytes of texts, as Arrow has them, with others before and behind."""
    offsets = np.cumsum([before, *(len(text.encode()) for text in texts)]).astype(width)
    return offsets, np.frombuffer(("x" * before + "".join(texts)).encode() + b"more", np.uint8)


def texts_of(offsets, held):
    return [held[begin:end].tobytes().decode() for begin, end in pairwise(offsets)]


@given(
    texts=st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "ab", "ba", "aa", "äö"]), st.one_of(st.integers(1, 70), st.sampled_from([1, 7, 40]))),
        min_size=1,
        max_size=8,
    ),
    cuts=st.lists(st.floats(0, 1), max_size=3),
    before=st.integers(0, 3),
    width=WIDTHS,
)
def test_stretches(texts, cuts, before, width):
    rows = [text for text, times in texts for _ in range(times)]
    cuts = [0, *sorted(int(cut * len(rows)) for cut in cuts), len(rows)]
    chunks = [held(rows[begin:end], width, before) for begin, end in pairwise(cuts)]
    expected = [i for i, text in enumerate(rows) if i == 0 or text != rows[i - 1]]
    starts, *kept = scan.stretches(chunks, len(expected))
    assert starts.tolist() == expected
    assert texts_of(*kept) == [rows[i] for i in expected]
    assert scan.stretches(chunks, len(expected) - 1) is None


def test_offsets_that_lead_astray_are_refused():
    most = 2**31 - 1
    for offsets, size in (([0, 9, 18, 27], 18), ([5, 0, -5, -10], 5), ([5, -10, -5, 0], 5), ([0, most, -2, most - 2], 5), ([0, 2], 1)):
        with pytest.raises(ValueError, match="within the bytes"):
            scan.plain(np.array(offsets, np.int32), np.zeros(size, np.uint8))
        with pytest.raises(ValueError, match="within the bytes"):
            scan.stretches([(np.array(offsets, np.int32), np.zeros(size, np.uint8))], 3)
    with pytest.raises(ValueError, match="within the bytes"):
        scan.climbs(np.array([0, 0, 2], np.int32), np.zeros(1, np.uint8))
    for call in (scan.climbs, scan.plain, lambda *texts: scan.stretches([texts], 3)):
        with pytest.raises(ValueError, match="one offset more"):
            call(np.empty(0, np.int64), np.zeros(1, np.uint8))


@given(texts=st.lists(st.sampled_from(["", "a", "a\0", "b", "ab", "äö", "z"]), max_size=5), ordered=st.booleans(), width=WIDTHS)
def test_climbs(texts, ordered, width):
    texts = sorted(texts, key=str.encode) if ordered else texts
    assert scan.climbs(*held(texts, width, 2)) == all(one.encode() < other.encode() for one, other in pairwise(texts))


@given(texts=st.lists(st.text("a \n\v\x1f\x7fé\u3000", max_size=3), max_size=5), width=WIDTHS)
def test_plain(texts, width):
    blank = "\t\n\v\f\r "
    assert scan.plain(*held(texts, width, 2)) == all(text.isascii() and text.strip(blank) == text for text in texts)


@given(
    texts=st.lists(st.sampled_from(["", "a", "ab", "äö", "a longer text"]), max_size=6),
    times=st.integers(0, 9),
    before=st.integers(0, 3),
)
def test_repeated_texts(texts, times, before):
    held = ("x" * before + "".join(texts)).encode()
    offsets = np.cumsum([before, *(len(text.encode()) for text in texts)]).astype(np.int32)
    ends, out = np.empty(len(texts) * times + 1, np.int32), np.empty(times * (len(held) - before), np.uint8)
    scan.repeat(offsets, np.frombuffer(held + b"more", np.uint8), times, ends, out)
    assert [out[a:b].tobytes().decode() for a, b in pairwise(ends)] == [text for text in texts for _ in range(times)]


def test_texts_that_do_not_fit_are_not_repeated():
    ends, out = np.empty(3, np.int32), np.empty(4, np.uint8)
    for offsets in ([0, 9], [2, 0], [-2, 0]):
        with pytest.raises(ValueError, match="within the bytes"):
            scan.repeat(np.array(offsets, np.int32), np.zeros(4, np.uint8), 2, ends, out)
    with pytest.raises(ValueError, match="room for the bytes"):
        scan.repeat(np.array([0, 3], np.int32), np.zeros(4, np.uint8), 2, ends, out)
    with pytest.raises(ValueError, match="one offset more"):
        scan.repeat(np.array([0, 2], np.int32), np.zeros(4, np.uint8), 3, ends, out)


@given(series=SERIES, lags=st.lists(st.integers(1, 30), max_size=4))
def test_changes(series, lags):
    values, indptr = flat(series)
    sizes, squares = np.empty((2, len(lags), len(series)))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scan.changes(values, indptr, np.array(lags, np.int64), sizes, squares)
        for k, lag in enumerate(lags):
            steps = [np.array(one[lag:]) - np.array(one[: len(one) - lag] if lag < len(one) else []) for one in series]
            np.testing.assert_allclose(sizes[k], [np.nanmean(np.abs(step)) for step in steps], rtol=1e-12)
            np.testing.assert_allclose(squares[k], [np.nanmean(step**2) for step in steps], rtol=1e-12)


def test_unroll():
    values = np.array([[1], [2], [3]], np.int16).view(np.uint8)
    out = np.zeros((4, 2), np.uint8)
    scan.unroll(values, np.array([0, 3, 3, 4]), np.array([0, -7, 2]), out)
    assert out.view(np.int16).ravel().tolist() == [1, 2, 3, 3]
    with pytest.raises(ValueError, match="goes on past the values"):
        scan.unroll(values, np.array([0, 3, 4]), np.array([1, 0]), out)


def test_boundaries_and_shapes_are_checked():
    values = np.ones(3)
    with pytest.raises(ValueError, match="ascend from 0 to the number of rows"):
        scan.survey(values, np.array([0, 2]), np.empty((1, 4)), np.empty(0))
    with pytest.raises(ValueError, match=r"must be \(series, 4\)"):
        scan.survey(values, np.array([0, 3]), np.empty((2, 4)), np.empty(0))
    with pytest.raises(ValueError, match="a copy must be as long as the values"):
        scan.survey(values, np.array([0, 3]), np.empty((1, 4)), np.empty(2))
    with pytest.raises(ValueError, match="lags must be 1 or more"):
        scan.changes(values, np.array([0, 3]), np.array([0]), np.empty((1, 1)), np.empty((1, 1)))
    with pytest.raises(ValueError, match="a place in the calendar"):
        scan.follows(np.arange(3), np.array([0, 3]), np.arange(3), np.arange(2))


@given(stamps=st.lists(st.integers(-(1 << 63), (1 << 63) - 1)), unit=st.sampled_from(["s", "ms"]), whole=st.booleans())
def test_microseconds_are_seconds_or_milliseconds_if_they_are_whole(stamps, unit, whole):
    per_second = {"s": 1, "ms": 1_000}[unit]
    values = np.array(stamps, np.int64)
    values = values // 8 // (10**6 // per_second) * (10**6 // per_second) if whole else values
    out = np.empty(len(values), np.int64)
    sure = scan.from_micros(values, per_second, out)
    assert sure or not whole
    if sure:
        assert pa.array(out, pa.timestamp(unit)) == pa.array(values, pa.timestamp("us")).cast(pa.timestamp(unit))


@given(stamps=st.lists(st.integers(-(1 << 63), (1 << 63) - 1)), unit=st.sampled_from(["s", "ms", "ns"]), small=st.booleans())
def test_micros_are_those_of_arrow(stamps, unit, small):
    values = np.array(stamps, np.int64) >> (22 if small and unit != "ns" else 0)
    out, whole = np.empty(len(values), np.int64), pa.array(values, pa.timestamp(unit))
    sure = scan.micros(values, {"s": 1, "ms": 1_000, "ns": 1_000_000_000}[unit], out)
    assert sure or unit != "ns"
    if sure:
        assert pa.array(out, pa.timestamp("us")) == whole.cast(pa.timestamp("us"), safe=unit != "ns")
