"""Charts are well-formed SVG that says in words what it shows."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.report.axes import outward, short, stamp_ticks, ticks
from forecaster.report.charts import Band, Points, bars, calibration_chart, forecast_chart, histogram, step_chart

WEEKS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(7, "D")


def parts(svg: str, css: str) -> list[ElementTree.Element]:
    return [part for part in ElementTree.fromstring(svg).iter() if css in (part.get("class") or "").split()]


def one_chart(time: np.ndarray = WEEKS) -> str:
    value = np.sin(np.arange(60.0)) + 5
    value[20] = np.nan
    band = Band(time[50:], value[50:] - 1, value[50:] + 1)
    return forecast_chart("a < b", Points(time[:50], value[:50]), Points(time[50:], value[50:]), band, [Points(time[40:50], value[40:50])])


@pytest.mark.parametrize("time", [WEEKS, np.arange(60)], ids=["stamps", "integers"])
def test_forecast_chart_holds_everything(time: np.ndarray) -> None:
    svg = one_chart(time)
    for css in ("history", "forecast", "fold", "band", "cut", "grid"):
        assert len(parts(svg, css)) == 1, css
    assert parts(svg, "history")[0].get("d", "").count("M") == 2  # the hole at the missing value
    assert len(svg) < 6000


def test_long_numbers_beside_a_chart_are_not_cut_off() -> None:
    small = -0.045 + 0.0005 * np.sin(np.arange(8.0))
    svg = forecast_chart("small", Points(WEEKS[:0], small[:0]), Points(WEEKS[:8], small))
    beside = parts(svg, "end")
    assert any(len(text.text or "") >= 7 for text in beside)
    assert all(float(text.get("x", "0")) >= 6 * len(text.text or "") for text in beside)


def test_forecast_chart_speaks() -> None:
    root = ElementTree.fromstring(one_chart())
    title, told = root[0], root[1]
    assert root.get("role") == "img"
    assert (title.tag, told.tag) == ("title", "desc")
    assert title.text == "a < b"
    assert "History from 2024-01-01 to 2024-12-09" in (told.text or "")
    assert "Interval from 3" in (told.text or "")


def test_everything_missing_is_still_a_chart() -> None:
    empty = np.full(60, np.nan)
    assert "all missing" in forecast_chart("x", Points(WEEKS, empty), Points(WEEKS[:0], empty[:0]))
    assert "no values" in histogram("x", [np.nan])
    assert "no values" in bars("x", {})
    ElementTree.fromstring(step_chart("x", {"a": np.array([np.nan])}, percent=True))


def test_histogram_counts_every_value() -> None:
    svg = histogram("scores", [*np.linspace(0, 1, 200), 50.0, np.nan])
    told = [part[0].text or "" for part in parts(svg, "bar")]
    assert sum(int(text.rsplit(": ")[1]) for text in told) == 201
    assert "or more" in told[-1]


def test_bars_escape_and_shorten_names() -> None:
    name = "<script>alert(1)</script>" * 3
    svg = bars("x", {name: 3.0, "b": 1.5}, unit=" s")
    assert "<script" not in svg
    texts = [part.text for part in ElementTree.fromstring(svg).iter() if part.tag == "text"]
    assert texts == ["<script>alert(1)<…", "3 s", "b", "1.5 s"]


def test_bar_lengths_are_in_proportion() -> None:
    first, second = parts(bars("x", {"a": 4.0, "b": 1.0}), "bar")
    assert float(first.get("width", 0)) == pytest.approx(4 * float(second.get("width", 0)), rel=0.01)


def test_calibration_on_the_diagonal() -> None:
    svg = calibration_chart("x", {0.1: 0.1, 0.9: 0.9, 0.95: float("nan")})
    assert len(parts(svg, "dot")) == 2
    assert "10% wanted, 10.0% seen" in svg


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12), st.integers(1, 8))
def test_ticks_are_few_even_and_inside(low: float, width: float, count: int) -> None:
    high = low + width
    if high - low < 1e-9 * max(abs(low), 1):
        return
    marks = ticks(low, high, count)
    assert len(marks) <= 2 * count + 2
    slack = (high - low) * 1e-6
    assert all(low - slack <= mark <= high + slack for mark in marks)
    below, above = outward(low, high, count)
    assert below <= low + slack
    assert above >= high - slack


@pytest.mark.parametrize("days", [0.01, 0.3, 1, 3, 10, 40, 100, 400, 1500, 9000, 200_000])
def test_stamp_ticks_are_few(days: float) -> None:
    first = np.datetime64("1999-12-29T23:10", "us")
    marks = stamp_ticks(first, first + np.timedelta64(int(days * 86_400_000_000), "us"))
    assert 1 <= len(marks) <= 5
    assert all(mark >= first for mark, _ in marks)


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.0341, "0.0341"), (12.5, "12.5"), (1234, "1,234"), (56_000, "56k"), (3.4e6, "3.4M"), (float("nan"), "–")],
)
def test_short_numbers(value: float, told: str) -> None:
    assert short(value) == told


@pytest.mark.parametrize("value", [0.0, 0.004, 1.0])
def test_times_that_are_all_the_same_have_no_axis_below_zero(value):
    drawn = histogram("seconds", [value] * 5)
    assert ">-" not in drawn
    assert "<rect" in drawn


def test_labels_of_small_shares_differ() -> None:
    drawn = histogram("errors", np.linspace(0.034, 0.041, 8), percent=True)
    labels = [part.text for part in parts(drawn, "middle")]
    assert len(labels) > 1
    assert len(set(labels)) == len(labels)
