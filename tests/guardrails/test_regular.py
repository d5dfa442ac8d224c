"""Tables that follow one calendar are told from the others by one comparison, and come out as they would have otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.errors import DataError
from forecaster.guardrails import check
from forecaster.guardrails.regular import regular
from forecaster.guardrails.stamped import Stamped
from forecaster.schema import Schema

FREQUENCIES = ["20min", "h", "23h", "D", "3D", "B", "W-MON", "2W-MON", "4W-SUN", "MS", "ME", "BME", "2MS", "QS-FEB", "YE-MAR", 1, 5]


def stamps(freq, begin, n):
    if isinstance(freq, int):
        return freq * np.arange(begin, begin + n) + 2
    return pd.date_range("2021-02-03 06:00", periods=begin + n, freq=freq)[begin:]


def frame_of(series):
    return pa.Table.from_pandas(
        pd.concat([pd.DataFrame({"unique_id": name, "ds": when, "y": np.arange(len(when)) % 4.0}) for name, when in series.items()]),
        preserve_index=False,
    )


def calendars(freq):
    return {name: stamps(freq, begin, n) for name, begin, n in (("a", 3, 30), ("b", 0, 9), ("c", 20, 14))}


@pytest.mark.parametrize("freq", FREQUENCIES)
@pytest.mark.parametrize("asked", [False, True])
def test_a_series_with_a_gap_beside_them_changes_nothing_of_the_others(freq, asked):
    series = calendars(freq)
    given = freq if asked else None
    alone, found = check(frame_of(series), Schema(), freq=given)
    gap = np.delete(np.asarray(stamps(freq, 0, 30)), 7)
    beside, told = check(frame_of(series | {"d": gap}), Schema(), freq=given)
    assert {one.rule for one in found} <= {"stale"}
    assert "gaps" in {one.rule for one in told}
    assert alone.frequency == beside.frequency
    np.testing.assert_array_equal(alone.frequency.stamps(alone.start), beside.frequency.stamps(beside.start[:3]))
    np.testing.assert_array_equal(alone.target, beside.take([0, 1, 2]).target)
    np.testing.assert_array_equal(alone.frequency.stamps(alone.steps), np.concatenate([np.asarray(when) for when in series.values()]))


def rows_of(series):
    values = [np.asarray(when) for when in series.values()]
    return Stamped(np.concatenate(values), np.cumsum([0, *map(len, values)]), {"unique_id": np.array(list(series))}, None, "ds")


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_they_are_seen_to_be_regular_until_a_stamp_moves(freq):
    rows = rows_of(calendars(freq))
    found = regular(rows, freq)
    assert found is not None
    np.testing.assert_array_equal(found[1] - found[1].min(), [3, 0, 20])
    for at in (0, 12, len(rows.stamps) - 1):
        moved = rows.stamps.copy()
        moved[at] += 1
        assert regular(Stamped(moved, rows.indptr, rows.ids, None, "ds"), freq) is None


@pytest.mark.parametrize(
    ("freq", "told"), [("h", True), ("D", True), ("W-MON", True), (5, True), ("B", False), ("ME", False), ("4W-SUN", False)]
)
def test_of_frequencies_that_are_not_asked_for_only_even_ones_are_seen_from_one_series(freq, told):
    assert (regular(rows_of(calendars(freq)), None) is not None) == told


def test_the_first_business_days_of_a_week_are_not_taken_for_days():
    """The first series alone would be daily; all of them are not."""
    week = stamps("B", 3, 5)
    assert regular(rows_of({"a": week, "b": stamps("B", 0, 20)}), None) is None
    table, _ = check(frame_of({"a": week, "b": stamps("B", 0, 20)}), Schema())
    assert table.frequency.alias == "B"


def test_a_stamp_that_comes_twice_is_no_step():
    rows = rows_of({"a": stamps("D", 0, 5)[[0, 1, 1, 2, 3]], "b": stamps("D", 0, 5)})
    assert regular(rows, "D") is None


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("chunks", [1, 3])
@pytest.mark.parametrize("first", ["1969-12-30", "2024-01-01"])
def test_stamps_of_any_unit_are_the_same_table(unit, chunks, first):
    when = pd.date_range(first, periods=30, freq="D").to_numpy().astype(f"M8[{unit}]")
    frame = pa.table({"unique_id": ["a"] * 30, "ds": when, "y": np.arange(30.0)})
    frame = pa.concat_tables([frame.slice(30 // chunks * i, 30 // chunks) for i in range(chunks)])
    table, found = check(frame, Schema(), freq="D")
    assert np.array_equal(table.frequency.stamps(table.steps), when)
    assert not found


def test_seconds_beyond_all_calendars_are_refused():
    when = np.array(["2024-01-01", "2024-01-02"], "M8[s]").astype(np.int64)
    for far in (1 << 43, 1 << 62, -(1 << 62)):
        stamps = pa.array(np.append(when, far)).cast(pa.timestamp("s"))
        with pytest.raises(DataError, match=r"no date|far beyond"):
            check(pa.table({"unique_id": ["a"] * 3, "ds": stamps, "y": [1.0, 2.0, 3.0]}), Schema(), freq="D")
