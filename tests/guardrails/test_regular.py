"""Tables that follow one calendar are told from the others by one comparison, and come out as they would have otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import frames
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


def moved_about(frame):
    return frame.take(np.random.default_rng(0).permutation(len(frame)))


DAMAGE = {
    "none": lambda frame: frame,
    "out of order": moved_about,
    "a gap": lambda frame: frame.filter(np.arange(len(frame)) != 40),
    "doubles out of order": lambda frame: moved_about(pa.concat_tables([frame, frame.slice(3, 30)])),
    "a missing stamp": lambda frame: frame.set_column(
        1, "ds", pa.chunked_array([pa.array([*frame["ds"].to_pylist()[:-1], None], frame["ds"].type)])
    ),
    "a zone": lambda frame: frame.set_column(1, "ds", frame["ds"].cast(pa.timestamp(frame["ds"].type.unit, "Europe/Berlin"))),
}


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("freq", ["D", "h", None])
def test_damaged_stamps_of_any_unit_are_the_same_table(unit, damage, freq):
    when = {name: stamps(freq or "D", begin, n).to_numpy() for name, begin, n in (("a", 3, 30), ("b", 0, 33), ("c", 20, 14))}
    frame = frame_of({name: some.astype("M8[us]") for name, some in when.items()})
    came = frame.set_column(1, "ds", frame["ds"].cast(pa.timestamp(unit)))
    (one, found), (other, told) = (check(DAMAGE[damage](data), Schema(), freq=freq) for data in (frame, came))
    assert [*found] == [*told]
    assert one.frequency == other.frequency
    for part in ("target", "indptr", "start"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_nanoseconds_are_cut_off():
    when = pd.date_range("2024-01-01", periods=20, freq="D").to_numpy().astype("M8[ns]")
    frame = pa.table({"unique_id": ["a"] * 20, "ds": when + np.arange(20) % 3, "y": np.arange(20.0)})
    table, found = check(frame, Schema())
    assert table.frequency.alias == "D"
    assert not found
    twice = pa.table({"unique_id": ["a", "a"], "ds": np.repeat(when[:1], 2) + np.array([5, 1]), "y": [1.0, 1.0]})
    assert "duplicates" in {one.rule for one in check(pa.concat_tables([frame.slice(1), twice]), Schema(), freq="D")[1]}


def test_series_that_end_alike_follow_the_calendar_only_if_the_longest_does():
    days = stamps("D", 0, 20).to_numpy()
    torn = days[[0, 1, 2, 2, *range(4, 20)]]
    for whole, is_regular in ((days, True), (torn, False)):
        _, found = check(frame_of({"a": whole, "b": whole[2:], "c": whole[10:]}), Schema(), freq="D")
        assert ({"gaps", "conflicting_duplicates"} <= {one.rule for one in found}) != is_regular


@pytest.mark.parametrize("kind", [float, np.float32, int])
def test_the_table_is_its_own(kind):
    frame = pd.DataFrame({"unique_id": "a", "ds": stamps("D", 0, 20), "y": np.arange(20).astype(kind)})
    table, _ = check(frames.read(frame)[0], Schema())
    values = frame["y"].to_numpy().view()
    values.flags.writeable = True
    values[:] = -1
    assert table.target.tolist() == list(range(20))
    assert not table.target.flags.writeable
