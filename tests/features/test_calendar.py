"""Calendar columns against Python's own datetime."""

from __future__ import annotations

import calendar as python_calendar
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.features.calendar import COLUMNS, Grid, calendar, informative
from forecaster.frequency import Frequency

FACTS = {
    "year": lambda d: d.year,
    "quarter": lambda d: (d.month + 2) // 3,
    "month": lambda d: d.month,
    "month_days": lambda d: python_calendar.monthrange(d.year, d.month)[1],
    "week": lambda d: d.isocalendar().week,
    "year_day": lambda d: d.timetuple().tm_yday,
    "month_day": lambda d: d.day,
    "weekday": lambda d: d.weekday(),
    "hour": lambda d: d.hour,
    "minute": lambda d: d.minute,
    "second": lambda d: d.second,
}


@pytest.mark.parametrize("freq", ["YE-DEC", "QS-OCT", "MS", "ME", "W-SUN", "D", "B", "h", "30min", "s"])
@given(year=st.integers(1700, 2250), offset=st.integers(0, 5000))
def test_every_column_is_what_datetime_says(freq: str, year: int, offset: int) -> None:
    frequency = Frequency.parse(freq)
    steps = frequency.steps(np.array([f"{year}-01-01"], "datetime64[us]"))[0] + offset
    stamp = frequency.stamps(steps)[0].astype(datetime)
    found = calendar(frequency, steps)
    assert {name: float(column[0]) for name, column in found.items()} == {name: FACTS[name](stamp) for name in found}


def test_columns_finer_than_the_frequency_are_absent() -> None:
    assert calendar(Frequency.parse("YE-DEC"), np.arange(3)).keys() == {"year"}
    assert "weekday" not in calendar(Frequency.parse("W-MON"), np.arange(3))
    assert "hour" not in calendar(Frequency.parse("D"), np.arange(3))
    assert "minute" not in calendar(Frequency.parse("h"), np.arange(3))
    assert calendar(Frequency.parse(1), np.arange(3)) == {}


def test_every_unit_of_a_frequency_has_its_columns() -> None:
    assert set(COLUMNS) == {"integer", "second", "minute", "hour", "day", "business", "week", "month", "quarter", "year"}


def test_hours_are_those_of_the_clock_on_the_wall_on_both_sides_of_summer_time() -> None:
    frequency = Frequency.parse("h", "Europe/Berlin")
    steps = frequency.steps(np.array(["2021-03-27T23:00", "2021-03-28T00:00", "2021-03-28T01:00"], "datetime64[us]"))[0]  # UTC
    assert calendar(frequency, steps)["hour"].tolist() == [0, 1, 3]
    assert calendar(frequency, steps)["weekday"].tolist() == [6, 6, 6]


def test_constant_columns_and_straight_lines_of_earlier_ones_are_not_informative() -> None:
    n = np.arange(10, dtype=np.float32)
    assert informative({"a": n, "constant": n * 0 + 3, "line": 5 - 2 * n, "square": n * n}) == ["a", "square"]


@given(steps=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_a_grid_finds_every_step_however_far_apart(steps: list[int]) -> None:
    grid = Grid.of(np.array(steps))
    assert grid.steps[grid.at(np.array(steps))].tolist() == steps
    assert len(grid.steps) < 70_000
