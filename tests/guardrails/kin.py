"""Further damaged frames of the same kinds as the corpus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from damaged import BAD, DAYS, Case, bad_rows, healthy, of, other_frequency, replaced, tz, whole, with_bad, with_stamp, with_y


def strange_ids(*names: Any) -> Callable[[], pd.DataFrame]:
    """Other names for the first series."""
    return whole(lambda f: f.replace({"unique_id": {f"s{i}": name for i, name in enumerate(names)}}))


def appended(day: str, y: float) -> Callable[[], pd.DataFrame]:
    """One more row of the bad series, on some day."""
    row = pd.DataFrame({"unique_id": [BAD], "ds": np.array([day], "datetime64[us]"), "y": [y]})
    return lambda: pd.concat([healthy().astype({"ds": "datetime64[us]"}), row], ignore_index=True)


def hourly_in_november() -> pd.DataFrame:
    """Hours of a zone without the zone, all series: 2024-11-03 01:00 comes twice."""
    frame = healthy(days=24 * 20, start="2024-10-20", freq="h")
    again = frame[frame.ds == pd.Timestamp("2024-11-03 01:00")]
    return pd.concat([frame, again.assign(y=again.y + 10)], ignore_index=True)


def months(bad: str, others: str = "MS") -> Callable[[], pd.DataFrame]:
    """Monthly series, one of them stamped elsewhere in the month."""

    def make() -> pd.DataFrame:
        frame, other = healthy(days=40, start="2020-01-01", freq=others), healthy(days=40, start="2020-01-01", freq=bad)
        return pd.concat([frame[frame.unique_id != BAD], of(BAD, other)], ignore_index=True)

    return make


OTHERS = [
    Case("inf", with_y((10, np.inf)), ("infinite", "repaired", "y", 1, "2024-01-11")),
    Case("minus_inf_thrice", with_y((10, -np.inf), (11, np.inf), (99, -np.inf)), ("infinite", "repaired", "y", 3, "2024-01-11")),
    Case("spike_1e300", with_y((60, 1e300)), ("absurd_value", "repaired", "y", 1, "2024-03-01")),
    Case("spike_minus_1e9", with_y((60, -1e9)), ("absurd_value", "repaired", "y", 1, "2024-03-01")),
    Case("spikes_1e6_at_both_ends", with_y((0, 1e6), (139, 1e6)), ("absurd_value", "repaired", "y", 2, "2024-01-01")),
    Case(
        "spike_in_a_constant",
        with_bad(lambda b: b.assign(y=np.where(b.ds == "2024-03-01", 1e12, 7.0))),
        ("absurd_value", "repaired", "y", 1, "2024-03-01"),
    ),
    Case("promotion_is_no_spike", with_y((60, 2_000.0))),
    Case("level_shift_is_no_spike", with_bad(lambda b: b.assign(y=np.where(b.ds < "2024-05-01", 1.0, 1e6)))),
    Case("all_nan_series", with_bad(lambda b: b.assign(y=np.nan)), ("empty", "quarantined", "y", 0, "2024-01-01")),
    Case("leading_nan", with_y(*((d, np.nan) for d in range(10))), ("leading_missing", "repaired", "y", 10, "2024-01-01")),
    Case("trailing_nan", with_y(*((d, np.nan) for d in range(130, 140))), ("missing_values", "repaired", "y", 10, "2024-05-10")),
    Case("all_targets_nan", replaced("y", lambda f: np.nan), error="'y' should hold numbers; all 1120 rows are missing"),
    Case(
        "target_with_decimal_commas",
        replaced("y", lambda f: f.y.round(2).astype(str).str.replace(".", ",")),
        error=r"'y' should hold numbers.*1120 of 1120.*str.replace\(',', '.'\).astype\(float\)",
    ),
    Case("target_none", replaced("y", lambda f: None), error="'y' should hold numbers"),
    Case("target_dates", replaced("y", lambda f: f.ds), error="'y' should hold numbers; it holds timestamp"),
    Case("target_decimal", replaced("y", lambda f: [Decimal(round(v, 2)).quantize(Decimal("0.01")) for v in f.y]), same=False),
    Case("target_int", replaced("y", lambda f: f.y.astype(int)), same=False),
    Case("target_bool", replaced("y", lambda f: f.y > 100), same=False),
    Case(
        "target_nullable_int",
        replaced("y", lambda f: f.y.round().astype("Int64").mask(f.index == 430)),
        ("missing_values", "repaired", "y", 1, "2024-01-11"),
        same=False,
    ),
    Case("month_end_among_month_starts", months("ME"), ("shifted_grid", "repaired", "ds", 40, "2020-01-31"), same=False),
    Case(
        "month_starts_with_freq_ME",
        lambda: healthy(days=40, freq="MS"),
        ("frequency", "repaired", "ds", 320, "2024-01-01"),
        about="",
        options={"freq": "ME"},
        same=False,
    ),
    Case("daily_with_freq_W", healthy, error="'ds' should lie on freq='W.*s0 has 2024-01-01.*'D'.*aggregate", options={"freq": "W-SUN"}),
    Case("daily_with_freq_h", healthy, error="freq='h' is finer than the data.*s0.*24 steps apart", options={"freq": "h"}),
    Case("dates_with_integer_freq", healthy, error="freq='1' is for whole numbers", options={"freq": 1}),
    Case("every_other_day", with_bad(lambda b: b.iloc[::2]), ("mixed_frequency", "quarantined", "ds", 70, "2024-01-01")),
    Case("monthly_among_daily", other_frequency("MS", 12), ("mixed_frequency", "quarantined", "ds", 12, "2024-01-01")),
    Case("hourly_among_daily", other_frequency("h", 24 * 30), ("mixed_frequency", "quarantined", "ds", 690, "2024-01-01 01:00:00")),
    Case(
        "noon_among_midnights",
        with_bad(lambda b: b.assign(ds=b.ds + pd.Timedelta("12h"))),
        ("shifted_grid", "repaired", "ds", DAYS, "2024-01-01 12:00:00"),
    ),
    Case("a_few_off_grid", with_stamp(20, dt.datetime(2024, 1, 21, 13, 5)), ("off_grid", "repaired", "ds", 1, "2024-01-21 13:05:00")),
    Case("gap_of_ten_days", with_bad(lambda b: b.drop(b.index[50:60])), ("gaps", "repaired", "ds", 10, "2024-02-20")),
    Case("stale", with_bad(lambda b: b.head(100)), ("stale", "noted", "ds", 100, "2024-04-09")),
    Case("year_2204", with_stamp(139, dt.datetime(2204, 5, 19)), ("far_stamps", "quarantined", "ds", 1, "2204-05-19")),
    Case("year_1900", with_stamp(0, dt.datetime(1900, 1, 1)), ("far_stamps", "quarantined", "ds", 1, "1900-01-01")),
    Case("year_9999_beside", appended("9999-01-01", 1.0), error="year 9999"),
    Case("nat", with_stamp(7, pd.NaT), ("missing_stamps", "repaired", "ds", 1, "")),
    Case("nat_in_a_whole_series", with_bad(lambda b: b.assign(ds=pd.NaT)), ("missing_stamps", "quarantined", "ds", DAYS, "")),
    Case(
        "nat_where_ids_are_categories",
        lambda: with_stamp(7, pd.NaT)().astype({"unique_id": "category"}),
        ("missing_stamps", "repaired", "ds", 1, ""),
    ),
    Case("all_nat", replaced("ds", lambda f: pd.NaT), error="'ds' holds no stamp at all"),
    Case(
        "iso_with_clock_and_zone",
        replaced("ds", lambda f: f.ds.dt.strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("text_stamps", "repaired", "ds", 1120, ""),
        about="",
        same=False,
    ),
    Case(
        "text_of_mixed_offsets",
        replaced("ds", lambda f: f.ds.astype(str) + np.where(f.unique_id == BAD, " 00:00+02:00", " 00:00Z")),
        error="'ds' mixes time zones.*'Z'",
    ),
    Case(
        "text_no_date",
        replaced("ds", lambda f: np.where(f.index == 5, "last week", f.ds.astype(str))),
        error="'ds' holds stamps that cannot be read.*'last week'.*row 6 .unique_id=s0",
    ),
    Case(
        "text_31_february",
        replaced("ds", lambda f: np.where(f.index == 5, "2024-02-31", f.ds.astype(str))),
        error="'ds' holds text that is no date.*2024-02-31",
    ),
    Case(
        "text_with_blanks",
        replaced("ds", lambda f: np.where(f.index == 5, "", f.ds.astype(str))),
        ("missing_stamps", "repaired", "ds", 1, ""),
        about="s0",
        same=False,
    ),
    Case("american_dates", replaced("ds", lambda f: f.ds.dt.strftime("%m/%d/%Y")), error="the month comes first.*format='%m/%d/%Y'"),
    Case("german_dates", replaced("ds", lambda f: f.ds.dt.strftime("%d.%m.%y")), error=r"the day comes first.*format='%d\.%m\.%y'"),
    Case(
        "dates_of_two_forms",
        replaced("ds", lambda f: f.ds.dt.strftime("%d/%m/%Y").where(f.ds.dt.day < 20, f.ds.dt.strftime("%m/%d/%Y"))),
        error="in some the day comes first, in others the month",
    ),
    Case(
        "dates_that_fit_both_orders",
        whole(lambda f: f[f.ds.dt.day < 13].assign(ds=lambda g: g.ds.dt.strftime("%d/%m/%Y"))),
        error="day and month cannot be told apart",
    ),
    Case("dates_as_objects", replaced("ds", lambda f: f.ds.dt.date)),
    Case(
        "milliseconds",
        replaced("ds", lambda f: f.ds.astype("datetime64[ms]").astype(np.int64)),
        error="'ds' holds whole numbers such as 1704067200000.*ms since 1970.*unit='ms'",
    ),
    Case(
        "yyyymmdd_numbers",
        replaced("ds", lambda f: f.ds.dt.strftime("%Y%m%d").astype(int)),
        error="look like dates written as YYYYMMDD.*format",
    ),
    Case("yyyymmdd_texts", replaced("ds", lambda f: f.ds.dt.strftime("%Y%m%d")), ("text_stamps", "repaired", "ds", 1120, ""), about=""),
    Case(
        "integers_with_freq_D",
        replaced("ds", lambda f: np.tile(np.arange(DAYS), 8)),
        error="whole numbers such as 0, but freq='D'.*format='%Y' for years",
        options={"freq": "D"},
    ),
    Case("integer_steps", replaced("ds", lambda f: np.tile(np.arange(DAYS), 8)), same=False),
    Case(
        "float_steps",
        replaced("ds", lambda f: np.tile(np.arange(DAYS) * 1.0, 8)),
        ("stamp_type", "repaired", "ds", 1120, ""),
        about="",
        same=False,
    ),
    Case(
        "fractional_steps",
        replaced("ds", lambda f: np.tile(np.arange(DAYS) * 1.5, 8)),
        error="'ds' should hold dates or whole numbers.*1.5",
    ),
    Case("stamps_bool", replaced("ds", lambda f: f.y > 0), error="'ds' should hold the stamps; it holds bool"),
    Case(
        "integer_steps_with_gap",
        whole(lambda f: f.assign(ds=np.tile(np.arange(DAYS) * 10, 8)).drop(bad_rows(f, 4))),
        ("gaps", "repaired", "ds", 1, "40"),
        same=False,
    ),
    Case(
        "year_1600",
        lambda: healthy().assign(ds=np.tile(np.datetime64("1600-01-01", "us") + np.arange(DAYS) * np.timedelta64(1, "D"), 8)),
        same=False,
    ),
    Case("leap_day_yearly", lambda: healthy(days=10, start="2015-12-31", freq="YE"), same=False),
    Case("week_53", lambda: healthy(days=120, start="2019-12-01", freq="W-SUN"), same=False),
    Case(
        "hourly_over_both_clock_changes",
        lambda: tz(healthy(days=24 * 300, start="2024-01-01", freq="h").assign(), "UTC").assign(
            ds=lambda f: f.ds.dt.tz_convert("Europe/Berlin")
        ),
        same=False,
    ),
    Case(
        "naive_clock_gap_in_spring",
        lambda: (f := healthy(days=24 * 20, start="2024-03-20", freq="h"))[f.ds != "2024-03-31 02:00"],
        ("gaps", "repaired", "ds", 1, "2024-03-31 02:00:00"),
        same=False,
    ),
    Case(
        "unused_category_level", whole(lambda f: f.assign(unique_id=pd.Categorical(f.unique_id, [*sorted(f.unique_id.unique()), "ghost"])))
    ),
    Case("ids_float", replaced("unique_id", lambda f: f.unique_id.str[1:].astype(float)), same=False),
    Case("ids_negative", replaced("unique_id", lambda f: -f.unique_id.str[1:].astype(int)), same=False),
    Case(
        "ids_long_and_control",
        strange_ids("x" * 100_000, "\x00\x01", "", " "),
        ("twin_ids", "noted", "unique_id", 2, ""),
        about="",
        same=False,
    ),
    Case("ids_nfc_nfd", strange_ids("caf\u00e9", "cafe\u0301"), ("twin_ids", "noted", "unique_id", 2, ""), about="caf\u00e9", same=False),
    Case("ids_all_null", replaced("unique_id", lambda f: None), error="'unique_id' should name the series"),
    Case("ids_nested", replaced("unique_id", lambda f: [[1]] * len(f)), error="'unique_id'"),
    Case("id_and_target_swapped", healthy, error="'y'.*named|column 'y'", schema={"series": ("y",)}),
    Case("aggregate_without_freq", healthy, error="aggregate='sum' needs", options={"aggregate": "sum"}),
    Case("aggregate_unknown", healthy, error="aggregate='mode': expected one of", options={"aggregate": "mode", "freq": "W"}),
    Case(
        "every_row_twice_in_conflict",
        with_bad(lambda b: pd.concat([b, b.assign(y=b.y + 50)])),
        ("conflicting_duplicates", "quarantined", "ds", DAYS, "2024-01-01"),
    ),
    Case(
        "one_of_two_is_nan",
        whole(lambda f: pd.concat([f.loc[bad_rows(f, 5)].assign(y=np.nan), f])),
        ("duplicates", "repaired", "ds", 1, "2024-01-06"),
    ),
    Case(
        "seconds_fifty_years_apart",
        lambda: pd.DataFrame(
            {
                "unique_id": np.repeat([f"s{i}" for i in range(4000)], 4),
                "ds": np.tile(
                    pd.to_datetime(["2024-01-01", "2024-01-01 00:00:01", "2024-01-01 00:00:02", "2024-01-01 01:25:00"], format="ISO8601"),
                    4000,
                ),
                "y": 1.0,
            }
        ),
        error="16000 rows would become",
    ),
    Case(
        "two_series_in_each_id",
        replaced("unique_id", lambda f: np.where(f.unique_id < "s4", "a", "b")),
        error="'ds' repeats stamps with different values in every series, 280 in all, the first in unique_id=a at 2024-01-01.*series",
    ),
    Case("no_series_column", whole(lambda f: f.drop(columns="unique_id").assign(shop="x")), error="repeats stamps.*the only series"),
    Case(
        "aggregate_to_finer", healthy, error="freq='h' is finer than the data, which lies on 'D'", options={"freq": "h", "aggregate": "sum"}
    ),
    Case(
        "single_rows_with_freq",
        whole(lambda f: f[f.ds == "2024-01-01"]),
        ("short", "quarantined", "y", 1, "2024-01-01"),
        options={"freq": "D"},
        same=False,
    ),
    Case(
        "steps_beyond_int64",
        replaced("ds", lambda f: np.tile(np.arange(DAYS, dtype=np.uint64) + np.uint64(2**63), 8)),
        error="'ds'.*too large",
    ),
    Case("quarters_as_text", replaced("ds", lambda f: "2024Q1"), error="'ds' holds stamps that cannot be read as YYYY.*'2024Q1'"),
    Case("hours_24_as_text", replaced("ds", lambda f: np.where(f.index == 5, "2024-01-06 24:00", f.ds.astype(str))), error="24:00"),
    Case(
        "months_as_text",
        lambda: healthy(days=30, freq="MS").assign(ds=lambda f: f.ds.dt.strftime("%Y-%m")),
        ("text_stamps", "repaired", "ds", 240, ""),
        about="",
        same=False,
    ),
    Case("stamps_in_seconds", replaced("ds", lambda f: f.ds.astype("datetime64[s]"))),
    Case("stamps_in_nanoseconds", replaced("ds", lambda f: f.ds.astype("datetime64[ns]"))),
    Case(
        "ids_of_stamps",
        replaced("unique_id", lambda f: f.ds.where(f.ds.isna(), pd.Timestamp("2024-01-01")) + pd.to_timedelta(f.index // DAYS, unit="D")),
        same=False,
    ),
    Case("infinite_everywhere", with_bad(lambda b: b.assign(y=np.inf)), ("empty", "quarantined", "y", 0, "2024-01-01")),
    Case("clock_change_in_new_york", hourly_in_november, ("clock_change", "repaired", "ds", 1, "2024-11-03 01:00:00"), same=False),
    Case(
        "seven_day_gap_at_freq_W",
        lambda: (f := healthy(days=60, freq="W-SUN")).drop(f.index[f.unique_id == BAD][30]),
        ("gaps", "repaired", "ds", 1, "2024-08-04"),
        same=False,
    ),
]
