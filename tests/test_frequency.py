"""Stamps and steps: against pandas, against the obvious, and over changes of the clocks."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.errors import SettingsError, UnknownName
from forecaster.frequency import Frequency

WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
TICKS = ["ms", "s", "10s", "min", "20min", "90min", "h", "2h", "6h"]
DAYS = ["D", "3D", "B", "W", "2W-TUE", "4W-FRI", *(f"W-{day}" for day in WEEKDAYS)]
MONTHLY = [
    "MS",
    "ME",
    "2MS",
    "5ME",
    "BMS",
    "BME",
    *(f"{kind}-{month}" for kind in ("QS", "QE", "YS", "YE", "BQE", "BYS") for month in MONTHS),
]
ALIASES = [*TICKS, *DAYS, *MONTHLY, "2QS-FEB", "3YE-JUN"]
ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "+05:30"]

aliases = st.sampled_from(ALIASES)
zones = st.sampled_from([None, *ZONES])
# 1600 to 9999 for steps of a day or more; finer steps stay near 1970 by their number
many = st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=50).map(lambda steps: np.array(steps, np.int64))


def whole(n: int, size: int) -> np.ndarray:
    """The boundaries of `n` series of the same size."""
    return np.arange(n + 1) * size


def utc(stamps: pd.DatetimeIndex) -> np.ndarray:
    return stamps.tz_convert("UTC").tz_localize(None).as_unit("us").to_numpy()


@given(aliases, zones, many, st.integers(0, 3), st.integers(0, 86_399))
def test_steps_undo_stamps(alias, zone, steps, offset, clock):
    frequency = Frequency.parse(alias, zone)
    coarse = frequency.unit not in ("second", "minute", "hour")
    frequency = Frequency(frequency.alias, zone, clock * 1_000_000 if coarse and zone is None else 0, offset if coarse else 0)
    back, exact = frequency.steps(frequency.stamps(steps))
    assert np.array_equal(back, steps)
    assert exact.all()


@given(aliases, many)
def test_stamps_ascend_with_steps(alias, steps):
    assert np.all(np.diff(Frequency.parse(alias).stamps(np.unique(steps)).astype(np.int64)) > 0)


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("begin", ["1999-12-31", "2024-02-29 06:00", "1975-05-05"])
def test_grid_is_that_of_pandas(alias, begin):
    stamps = pd.date_range(begin, periods=200, freq=alias).as_unit("us").to_numpy()
    frequency = Frequency.parse(alias).anchored(stamps)
    steps, exact = frequency.steps(stamps)
    assert exact.all()
    assert np.array_equal(steps, steps[0] + np.arange(200))
    assert np.array_equal(frequency.stamps(steps), stamps)


@pytest.mark.parametrize("alias", [alias for alias in ALIASES if not alias.startswith(("ms", "s", "10s"))])
def test_inferred_grid_is_that_of_pandas(alias):
    stamps = pd.date_range("2019-11-05 06:00", periods=40, freq=alias).as_unit("us").to_numpy()
    frequency = Frequency.infer(stamps, np.array([0, 40]))
    steps, exact = frequency.steps(stamps)
    assert exact.all()
    assert np.array_equal(np.diff(steps), np.ones(39))
    assert frequency.unit == Frequency.parse(alias).unit


@pytest.mark.parametrize("alias", ["h", "D", "B", "W-SUN", "MS", "ME", "QE-DEC", "YS-JUL"])
def test_period_holds_its_stamps_as_pandas_resamples(alias):
    stamps = pd.date_range("2020-01-01", periods=3_000, freq="7h").as_unit("us")
    expected = pd.Series(1.0, stamps).resample(alias).sum()
    frequency = Frequency.parse(alias)
    steps, _ = frequency.steps(stamps.to_numpy())
    found, counts = np.unique(steps, return_counts=True)
    there = expected[expected > 0]
    assert np.array_equal(counts, there.to_numpy())
    assert np.array_equal(frequency.stamps(found), there.index.as_unit("us").to_numpy())


def test_business_days_are_those_of_numpy():
    days = np.arange("1950-01-01", "2050-01-01", dtype="datetime64[D]")
    weekdays = days[np.is_busday(days)]
    steps, exact = Frequency.parse("B").steps(days)
    assert np.array_equal(exact, np.is_busday(days))
    assert np.array_equal(np.diff(steps[exact]), np.ones(len(weekdays) - 1))
    assert np.array_equal(Frequency.parse("B").stamps(steps[exact]), weekdays.astype("datetime64[us]"))


OTHER_NAMES = """
    H h | T min | 30T 30min | S s | M ME | Q QE-DEC | Q-NOV QE-NOV | A YE-DEC | Y-JUN YE-JUN | AS-JUL YS-JUL | W W-SUN
    w-mon W-MON | QS QS-JAN | BM BME
    24h D | 60min h | 3600s h | 1h30min 90min | 1.5h 90min | 1 1 | 007 7
"""


@pytest.mark.parametrize(("old", "new"), [pair.split() for pair in OTHER_NAMES.replace("\n", "|").split("|") if pair.strip()])
def test_old_and_roundabout_names(old, new):
    assert Frequency.parse(old).alias == new


def test_whole_numbers_and_blanks():
    assert Frequency.parse(1) == Frequency("1")
    assert Frequency.parse(" D ") == Frequency("D")
    assert Frequency.parse(pd.offsets.MonthEnd()) == Frequency("ME")


@pytest.mark.parametrize("wrong", ["", "fortnight", "W-XYZ", "MS-JAN", "D-MON", "QE-13", "h-JAN", "D2", "2D3h4", "1D2h", "%"])
def test_unknown_alias_names_near_ones(wrong):
    with pytest.raises(UnknownName, match="frequency"):
        Frequency.parse(wrong)


@pytest.mark.parametrize("wrong", [0, -1, "-D", "0h", "1.5D", "0.1us", "-2"])
def test_step_of_no_length_is_refused(wrong):
    with pytest.raises(SettingsError, match="whole units"):
        Frequency.parse(wrong)


def test_unknown_zone_is_refused():
    with pytest.raises(SettingsError, match="Mars/Phobos"):
        Frequency.parse("D", "Mars/Phobos")


SEASONS = """
    us second 1 | ms second 1 | 50ms second 1200 | 7s second 3600
    1 integer 1 | s second 60 | 10s second 360 | min minute 1440 | 20min minute 72 | 30min minute 48 | h hour 24 | 2h hour 12
    D day 7 | 2D day 7
    B business 5 | W-MON week 52 | 4W week 13 | 7D week 52 | MS month 12 | ME month 12 | 2MS month 6 | QS-OCT quarter 4 | 3MS quarter 4
    YE year 1 | 12MS year 1
"""


@pytest.mark.parametrize(("alias", "unit", "season"), [row.split() for row in SEASONS.replace("\n", "|").split("|") if row.strip()])
def test_unit_and_season(alias, unit, season):
    assert (Frequency.parse(alias).unit, Frequency.parse(alias).season_length) == (unit, int(season))


def test_coarser_than():
    ladder = ["s", "min", "20min", "h", "D", "B", "W-MON", "MS", "QE-DEC", "YS"]
    for i, low in enumerate(ladder):
        for j, high in enumerate(ladder):
            assert Frequency.parse(high).coarser_than(Frequency.parse(low)) == (j > i)
    with pytest.raises(SettingsError, match="compared"):
        Frequency.parse("D").coarser_than(Frequency.parse(1))


# --- zones ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("alias", ["20min", "h", "D", "W-SUN", "MS", "ME"])
def test_zoned_grid_is_that_of_pandas(alias, zone):
    local = pd.date_range("2023-01-01", periods=600, freq=alias, tz=zone)
    stamps = utc(local)
    frequency = Frequency.infer(stamps, np.array([0, 600]), zone)
    steps, exact = frequency.steps(stamps)
    assert frequency.alias == alias
    assert exact.all()
    assert np.array_equal(np.diff(steps), np.ones(599))
    assert np.array_equal(frequency.stamps(steps), stamps)
    assert np.array_equal(frequency.local(steps), local.tz_localize(None).as_unit("us").to_numpy())


def test_day_whose_midnight_is_skipped_or_told_twice():
    for zone, around in [("America/Sao_Paulo", "2018-11-03"), ("America/Havana", "2023-11-04"), ("Africa/Cairo", "2023-04-27")]:
        days = [pd.Timestamp(around) + pd.Timedelta(days=i) for i in range(4)]
        stamps = np.array([np.datetime64(int(day.to_pydatetime().replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6), "us") for day in days])
        frequency = Frequency.parse("D", zone)
        steps, exact = frequency.steps(stamps)
        assert exact.all()
        assert np.array_equal(np.diff(steps), [1, 1, 1])
        assert np.array_equal(frequency.stamps(steps), stamps)


@given(
    st.sampled_from([zone for zone in ZONES if zone[0] != "+"]),
    st.lists(st.integers(-10_000_000_000, 10_000_000_000), min_size=1, max_size=20),
)
def test_local_clock_is_that_of_zoneinfo(zone, seconds):
    frequency = Frequency.parse("s", zone)
    local = frequency.local(np.array(seconds))
    for second, shown in zip(seconds, local, strict=True):
        expected = pd.Timestamp(second, unit="s", tz="UTC").to_pydatetime().astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert shown == np.datetime64(expected, "us")


@pytest.mark.parametrize("stamp", ["1600-01-01", "1969-12-31", "2400-02-29", "9999-12-31"])
@pytest.mark.parametrize("alias", ["D", "W-SUN", "MS", "ME", "YE-DEC", "B"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_far_years(stamp, alias, zone):
    frequency = Frequency.parse(alias, zone)
    step = frequency.steps(np.array([stamp], "datetime64[us]"))[0]
    assert np.array_equal(frequency.steps(frequency.stamps(step))[0], step)
    assert abs(frequency.local(step)[0] - np.datetime64(stamp, "us")) <= np.timedelta64(367, "D")


# --- inference -----------------------------------------------------------------------------------------------------------


INFERRED = """
    MS MS | ME ME | QS-FEB QS-FEB | QS-OCT QS-JAN | QE-SEP QE-DEC | QE-NOV QE-NOV | YS-JUL YS-JUL | YE-JUN YE-JUN
    6MS 2QS-MAR | 2YE-DEC 2YE-DEC | BME BME
    W-THU W-THU | 2W-THU 2W-THU | 7D W-TUE | B B | D D | 24h D | 10D 10D | 20min 20min | 36h 36h
"""


@pytest.mark.parametrize(("alias", "expected"), [pair.split() for pair in INFERRED.replace("\n", "|").split("|") if pair.strip()])
def test_inferred_names(alias, expected):
    stamps = pd.date_range("2019-11-05", periods=30, freq=alias).as_unit("us").to_numpy()
    assert Frequency.infer(stamps, np.array([0, 30])).alias == expected


@given(st.sampled_from(["15min", "h", "D", "B", "W-MON", "2W-FRI", "MS", "ME", "QE-DEC", "YS-JUL"]), st.data())
def test_gaps_do_not_hide_the_frequency(alias, data):
    stamps = pd.date_range("2010-01-01", periods=80, freq=alias).as_unit("us").to_numpy()
    missing = data.draw(st.sets(st.integers(0, 79), max_size=20))
    kept = np.delete(stamps, list(missing))
    frequency = Frequency.infer(kept, np.array([0, len(kept)]))
    assert frequency.unit == Frequency.parse(alias).unit
    assert frequency.steps(stamps)[1].all()
    assert np.array_equal(np.diff(frequency.steps(stamps)[0]), np.ones(79))


def test_sparse_events_of_days_are_days():
    rng = np.random.default_rng(0)
    stamps = np.concatenate(
        [np.datetime64("2024-01-01", "us") + np.cumsum(rng.integers(1, 5, 40)) * np.timedelta64(1, "D") for _ in range(5)]
    )
    assert Frequency.infer(stamps, whole(5, 40)).alias == "D"


@pytest.mark.parametrize("day", [2, 15, 28, 29, 30])
def test_months_told_on_a_day_of_the_month(day):
    stamps = np.array([pd.Timestamp("2021-01-01") + pd.DateOffset(months=i) for i in range(36)]).astype("datetime64[us]")
    stamps = np.array([np.datetime64(pd.Timestamp(s).replace(day=min(day, pd.Timestamp(s).days_in_month)), "us") for s in stamps])
    frequency = Frequency.infer(stamps, np.array([0, 36]))
    steps, exact = frequency.steps(stamps)
    assert frequency.alias == "MS"
    assert exact.all()
    assert np.array_equal(frequency.stamps(steps), stamps)
    assert frequency.stamps(steps[-1:] + 1)[0] == np.datetime64(f"2024-01-{day:02}")


def test_clock_time_is_kept():
    stamps = pd.date_range("2024-01-01 06:00", periods=30, freq="D").as_unit("us").to_numpy()
    frequency = Frequency.infer(stamps, np.array([0, 30]))
    assert frequency == Frequency("D", phase=6 * 3_600_000_000)
    assert Frequency.parse("D").anchored(stamps) == frequency
    assert not Frequency.parse("D").steps(stamps)[1].any()


def test_most_series_decide_and_short_ones_do_not_hurt():
    daily = pd.date_range("2024-01-01", periods=30, freq="D").as_unit("us").to_numpy()
    minutes = pd.date_range("2024-01-01", periods=500, freq="min").as_unit("us").to_numpy()
    odd = np.array(["2024-01-01", "2024-01-06"], "datetime64[us]")
    series = [daily, daily, daily, minutes, odd, odd[:1], odd[:0]]
    indptr = np.cumsum([0, *map(len, series)])
    assert Frequency.infer(np.concatenate(series), indptr).alias == "D"


def test_rows_without_a_stamp_and_equal_stamps_are_passed_over():
    stamps = pd.date_range("2024-01-01", periods=10, freq="h").as_unit("us").to_numpy()
    rows = np.concatenate([[np.datetime64("NaT", "us")] * 3, np.repeat(stamps, 2)])
    frequency = Frequency.infer(rows, np.array([0, len(rows)]))
    assert frequency.alias == "h"
    assert np.array_equal(frequency.steps(rows)[1], ~np.isnat(rows))


def test_three_weekdays_are_days_and_two_weeks_of_them_are_business_days():
    monday = np.datetime64("2024-01-01", "us")
    days = np.array([0, 1, 2, 3, 4, 7, 8]) * np.timedelta64(1, "D")
    assert Frequency.infer(monday + days[:4], np.array([0, 4])).alias == "D"
    assert Frequency.infer(monday + days, np.array([0, 7])).alias == "B"


@pytest.mark.parametrize(("every", "begin"), [(1, 0), (1, 1_000), (5, 3), (100, 1_700_000_007)])
def test_integer_steps(every, begin):
    stamps = begin + every * np.arange(20)
    frequency = Frequency.infer(stamps, np.array([0, 20]))
    assert (frequency.alias, frequency.unit) == (str(every), "integer")
    steps, exact = frequency.steps(stamps)
    assert exact.all()
    assert np.array_equal(frequency.stamps(steps), stamps)
    assert not frequency.steps(stamps + 1)[1].any() or every == 1


def test_no_frequency_is_an_error_that_shows_stamps_and_helps():
    rng = np.random.default_rng(1)
    jitter = np.datetime64("2024-01-01", "us") + (np.arange(50) * 1_200_000_000 + rng.integers(-40_000_000, 40_000_000, 50)).astype(
        "timedelta64[us]"
    )
    with pytest.raises(SettingsError, match=r"stamps of sensor 7 begin 2023-12-31.*freq='20min'"):
        Frequency.infer(jitter, np.array([0, 50]), label=lambda i: f"sensor {i + 7}")
    with pytest.raises(SettingsError, match="no series has two"):
        Frequency.infer(jitter[:2], np.array([0, 1, 2]))
    with pytest.raises(SettingsError, match="without rows"):
        Frequency.infer(jitter[:0], np.array([0]))
    with pytest.raises(SettingsError, match="freq="):
        Frequency.infer(np.cumsum(rng.integers(1, 10_000, 50)), np.array([0, 50]))


def test_nearest_step_forgives_jitter():
    frequency = Frequency.parse("20min")
    stamps = np.array(["2024-01-01T00:00:03", "2024-01-01T00:19:58", "2024-01-01T00:40:00"], "datetime64[us]")
    steps, off = frequency.nearest(stamps)
    assert np.array_equal(np.diff(steps), [1, 1])
    assert np.array_equal(off, [3_000_000, 2_000_000, 0])


def test_jitter_does_not_move_the_grid():
    rng = np.random.default_rng(1)
    stamps = np.datetime64("2024-01-01", "us") + (np.arange(500) * 1_200_000_000 + rng.integers(-40_000_000, 40_000_000, 500)).astype(
        "timedelta64[us]"
    )
    frequency = Frequency.parse("20min").anchored(stamps)
    assert frequency.phase == 0
    assert np.array_equal(np.diff(frequency.nearest(stamps)[0]), np.ones(499))
    assert Frequency.parse("20min").anchored(stamps[:1] + np.arange(9) * np.timedelta64(20, "m")).phase != 0


def test_one_stamp_a_day_at_any_hour_is_daily():
    rng = np.random.default_rng(0)
    stamps = np.datetime64("2024-01-01", "us") + (np.arange(60) * 86_400_000_000 + rng.integers(0, 86_400_000_000, 60)).astype(
        "timedelta64[us]"
    )
    frequency = Frequency.infer(stamps, np.array([0, 60]))
    assert frequency == Frequency("D")
    assert np.array_equal(np.diff(frequency.steps(stamps)[0]), np.ones(59))
    with pytest.raises(SettingsError, match="freq='D'"):
        Frequency.infer(np.sort(stamps[0] + rng.integers(0, 60 * 86_400_000_000, 60).astype("timedelta64[us]")), np.array([0, 60]))


def test_kinds_of_stamps_are_not_mixed_up():
    with pytest.raises(SettingsError, match="whole numbers"):
        Frequency.parse(1).steps(np.array(["2024-01-01"], "datetime64[us]"))
    with pytest.raises(SettingsError, match="dates"):
        Frequency.parse("D").steps(np.array([1, 2]))
    with pytest.raises(SettingsError, match="calendar"):
        Frequency.parse(1).local(np.array([1]))


def test_end_of_february_is_an_end_of_month():
    ends = np.array(["2023-01-31", "2023-02-28", "2023-03-31", "2024-02-29", "2024-04-30"], "datetime64[us]")
    steps, exact = Frequency.parse("ME").steps(ends)
    assert exact.all()
    assert np.array_equal(steps - steps[0], [0, 1, 2, 13, 15])
    assert Frequency.parse("ME").stamps(steps).astype("datetime64[D]").astype(object)[3] == date(2024, 2, 29)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "America/Sao_Paulo"])
@pytest.mark.parametrize("alias", ["D", "W-SUN", "MS", "ME", "B", "QS-FEB"])
def test_midnights_of_utc_shown_elsewhere_stay_midnights_of_utc(alias, zone, given):
    stamps = utc(pd.date_range("2021-01-01", periods=60, freq=alias, tz="UTC"))
    known = stamps[:50]
    frequency = Frequency.parse(alias, zone).anchored(known) if given else Frequency.infer(known, whole(1, 50), zone)
    steps, exact = frequency.steps(known)
    assert exact.all()
    assert frequency.stamps(steps[-1] + np.arange(1, 11)).tolist() == stamps[50:].tolist()


@pytest.mark.parametrize("every", [2, 3, 4])
def test_every_few_business_days(every):
    stamps = pd.date_range("2024-01-15", periods=30, freq=f"{every}B").to_numpy("datetime64[us]")
    frequency = Frequency.infer(stamps, whole(1, 30))
    assert frequency.alias == f"{every}B"
    assert np.diff(frequency.steps(stamps)[0]).tolist() == [1] * 29


@pytest.mark.parametrize("alias", ["SMS", "SME", "LWOM-FRI"])
def test_a_rhythm_that_no_step_has_is_no_frequency(alias):
    stamps = pd.date_range("2024-01-15", periods=30, freq=alias).to_numpy("datetime64[us]")
    with pytest.raises(SettingsError, match=r"hardly two of them are one step apart; the stamps of series 1 of 1 begin 2024-0.*give freq="):
        Frequency.infer(stamps, whole(1, 30))
