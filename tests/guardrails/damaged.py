"""Eight healthy daily series of 140 days and one fault: the corpus of the reliability spec, and further cases of the same kinds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

DAYS = 140
BAD = "s3"


def healthy(n: int = 8, days: int = DAYS, start: str = "2024-01-01", freq: str = "D") -> pd.DataFrame:
    """`n` series with a week in them, around 100."""
    random = np.random.default_rng(7)
    stamps = pd.date_range(start, periods=days, freq=freq)
    week = 10 * np.sin(np.arange(days) * 2 * np.pi / 7)
    parts = [pd.DataFrame({"unique_id": f"s{i}", "ds": stamps, "y": 100 + week + random.normal(0, 3, days)}) for i in range(n)]
    return pd.concat(parts, ignore_index=True)


def of(series: str, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.unique_id == series]


def bad_rows(frame: pd.DataFrame, *days: int) -> pd.Index:
    """Rows of the bad series on some days."""
    return frame.index[frame.unique_id == BAD][list(days)]


def with_y(*values: tuple[int, float]) -> Callable[[], pd.DataFrame]:
    """Healthy but for some values of the bad series."""

    def make() -> pd.DataFrame:
        frame = healthy()
        for day, value in values:
            frame.loc[bad_rows(frame, day), "y"] = value
        return frame

    return make


def with_bad(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[], pd.DataFrame]:
    """Healthy but for the bad series, which `change` gets."""

    def make() -> pd.DataFrame:
        frame = healthy()
        return pd.concat([frame[frame.unique_id != BAD], change(of(BAD, frame).copy())], ignore_index=True)

    return make


def whole(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[], pd.DataFrame]:
    """All series, changed."""
    return lambda: change(healthy())


def replaced(column: str, values: Callable[[pd.DataFrame], Any]) -> Callable[[], pd.DataFrame]:
    return whole(lambda frame: frame.assign(**{column: values(frame)}))


@dataclass(frozen=True)
class Case:
    """A damaged frame, and what must come of it.

    Args:
        name: Of the case.
        make: The frame.
        finding: (rule, action, column, count, first) of the finding, for the bad series unless `about` says otherwise; None for none.
        error: Words of the DataError or other refusal, in this order; None where it is no refusal.
        about: Id of the series that the finding names; "" for the whole table.
        options: Of `check`.
        same: Whether the healthy series must be there, bit for bit as without the fault.
    """

    name: str
    make: Callable[[], pd.DataFrame]
    finding: tuple[str, str, str, int, str] | None = None
    error: str | None = None
    about: Any = BAD
    options: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] = field(default_factory=dict)
    same: bool = True


def hourly_in_autumn() -> pd.DataFrame:
    """Hours of a zone without the zone: 2024-10-27 02:00 comes twice."""
    frame = healthy(days=24 * 20, start="2024-10-10", freq="h")
    again = frame[(frame.unique_id == BAD) & (frame.ds == pd.Timestamp("2024-10-27 02:00"))].assign(y=140.0)
    return pd.concat([frame, again], ignore_index=True)


def other_frequency(freq: str, periods: int, start: str = "2024-01-01") -> Callable[[], pd.DataFrame]:
    """The bad series has another rhythm."""
    return with_bad(lambda bad: pd.DataFrame({"unique_id": BAD, "ds": pd.date_range(start, periods=periods, freq=freq), "y": np.arange(periods) % 7 + 50.0}))


def tz(frame: pd.DataFrame, zone: str) -> pd.DataFrame:
    return frame.assign(ds=frame.ds.dt.tz_localize(zone))


def object_stamps(change: Callable[[pd.Timestamp], Any]) -> Callable[[], pd.DataFrame]:
    """Stamps as Python objects, those of the bad series changed."""

    def make() -> pd.DataFrame:
        frame = healthy()
        mine = (frame.unique_id == BAD).to_numpy()
        stamps = np.array([change(s) if bad else s.tz_localize("UTC") for s, bad in zip(frame.ds, mine, strict=True)], dtype=object)
        return frame.assign(ds=pd.Series(stamps, dtype=object))

    return make


def with_stamp(day: int, stamp: Any) -> Callable[[], pd.DataFrame]:
    """One stamp of the bad series is another."""

    def make() -> pd.DataFrame:
        frame = healthy().astype({"ds": "datetime64[us]"})
        frame.loc[bad_rows(frame, day), "ds"] = stamp
        return frame

    return make


SHORT = "{} known values are fewer"

CORPUS = [
    Case("control_clean", healthy),
    Case("unsorted_rows", whole(lambda f: f.sample(frac=1, random_state=3))),
    Case(
        "dup_rows_identical", whole(lambda f: pd.concat([f, f.loc[bad_rows(f, 5, 9)]])),
        ("duplicates", "repaired", "ds", 2, "2024-01-06"),
    ),
    Case(
        "dup_stamps_conflict", whole(lambda f: pd.concat([f, f.loc[bad_rows(f, 5)].assign(y=999.0)])),
        ("conflicting_duplicates", "quarantined", "ds", 1, "2024-01-06"),
    ),
    Case("nan_target_middle", with_y((40, np.nan), (41, np.nan)), ("missing_values", "repaired", "y", 2, "2024-02-10")),
    Case("constant_series", with_bad(lambda b: b.assign(y=5.0)), ("constant", "noted", "y", DAYS, "2024-01-01")),
    Case("all_zero_series", with_bad(lambda b: b.assign(y=0.0)), ("all_zero", "noted", "y", DAYS, "2024-01-01")),
    Case("single_observation", with_bad(lambda b: b.tail(1)), ("short", "quarantined", "", 1, "2024-05-19")),
    Case("two_observations", with_bad(lambda b: b.tail(2)), ("short", "quarantined", "", 2, "2024-05-18")),
    Case("fewer_than_h_plus_1", with_bad(lambda b: b.tail(7)), ("short", "quarantined", "", 7, "2024-05-13")),
    Case("negative_values", with_bad(lambda b: b.assign(y=-b.y))),
    Case("tiny_1e-300", with_bad(lambda b: b.assign(y=b.y * 1e-300))),
    Case("spike_1e12", with_y((60, 1e12)), ("absurd_value", "repaired", "y", 1, "2024-03-01")),
    Case("string_target_numeric", replaced("y", lambda f: f.y.astype(str)), error=r"'y' should hold numbers.*text.*astype\(float\)"),
    Case(
        "string_target_unparsable", replaced("y", lambda f: np.where(f.index == 9, "n/a?", f.y.astype(str))),
        error=r"'y' should hold numbers.*1 of 1120.*'n/a\?'.*to_numeric",
    ),
    Case("mixed_tz", object_stamps(lambda s: s.tz_localize("Europe/Berlin")), error="'ds' mixes time.*UTC.*Berlin"),
    Case("mixed_tz_naive_aware", object_stamps(lambda s: s), error="'ds' mixes time.*zone"),
    Case("tz_aware_dst", whole(lambda f: tz(f, "Europe/Berlin"))),
    Case("hourly_duplicate_dst_hour", hourly_in_autumn, ("clock_change", "repaired", "ds", 1, "2024-10-27 02:00:00"), same=False),
    Case("mixed_frequency", other_frequency("W-MON", 20), ("mixed_frequency", "quarantined", "ds", 20, "2024-01-01")),
    Case("year_9999", with_stamp(139, dt.datetime(9999, 12, 31)), error="'ds' holds 1 stamps in the year 9999.*9999-12-31.*Remove"),
    Case("iso_string_stamps", replaced("ds", lambda f: f.ds.dt.strftime("%Y-%m-%d")), ("text_stamps", "repaired", "ds", 1120, ""), about=""),
    Case(
        "ambiguous_dmy_stamps", replaced("ds", lambda f: f.ds.dt.strftime("%d/%m/%Y")),
        error="'ds' holds stamps that cannot be read.*'01/01/2024'.*day and month.*format=",
    ),
    Case(
        "business_days_freq_D", whole(lambda f: f[f.ds.dt.dayofweek < 5]), ("gaps", "repaired", "ds", 38, "2024-01-06"),
        options={"freq": "D"}, same=False,
    ),
    Case("ids_hostile", whole(lambda f: f.replace({"unique_id": {BAD: "a,b\"c'/..\\%00\n;--{count}", "s4": "<script>", "s5": "数据 🚀"}}))),
    Case(
        "id_null", whole(lambda f: f.assign(unique_id=f.unique_id.mask(f.index.isin(bad_rows(f, 3, 4))))),
        ("missing_id", "quarantined", "unique_id", 2, "2024-01-04"), about="",
    ),
    Case("id_1_vs_str1", whole(lambda f: f.replace({"unique_id": {"s0": 1, "s1": "1"}}).astype({"unique_id": object})), error="'unique_id' mixes number.*astype"),
    Case("ids_integer", replaced("unique_id", lambda f: f.unique_id.str[1:].astype(int)), same=False),
    Case("missing_target_column", whole(lambda f: f.rename(columns={"y": "sales"})), error="'y'.*sales"),
    Case("missing_time_column", whole(lambda f: f.rename(columns={"ds": "date"})), error="'ds'.*date"),
    Case("extra_text_column", replaced("note", lambda f: "hello"), ("extra_column", "noted", "note", 1, ""), about=""),
    Case("empty_frame", whole(lambda f: f.iloc[:0]), error="no rows.*'unique_id', 'ds', 'y'"),
    Case("one_series_only", whole(lambda f: of("s0", f)), same=False),
    Case("id_as_index", whole(lambda f: f.set_index("unique_id"))),
    Case("horizon_zero", healthy, error="horizon=0.*1 or more", options={"horizon": 0}),
    Case("horizon_negative", healthy, error="horizon=-7.*1 or more", options={"horizon": -7}),
    Case("freq_nonsense", healthy, error="'fortnightly-ish'", options={"freq": "fortnightly-ish"}),
]  # fmt: skip


def strange_ids(*names: Any) -> Callable[[], pd.DataFrame]:
    """Other names for the first series."""
    return whole(lambda f: f.replace({"unique_id": {f"s{i}": name for i, name in enumerate(names)}}))


def appended(day: str, y: float) -> Callable[[], pd.DataFrame]:
    """One more row of the bad series, on some day."""
    row = pd.DataFrame({"unique_id": [BAD], "ds": np.array([day], "datetime64[us]"), "y": [y]})
    return lambda: pd.concat([healthy().astype({"ds": "datetime64[us]"}), row], ignore_index=True)


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
    Case("spike_in_a_constant", with_bad(lambda b: b.assign(y=np.where(b.ds == "2024-03-01", 1e12, 7.0))), ("absurd_value", "repaired", "y", 1, "2024-03-01")),
    Case("promotion_is_no_spike", with_y((60, 2_000.0))),
    Case("level_shift_is_no_spike", with_bad(lambda b: b.assign(y=np.where(b.ds < "2024-05-01", 1.0, 1e6)))),
    Case("all_nan_series", with_bad(lambda b: b.assign(y=np.nan)), ("empty", "quarantined", "", 0, "2024-01-01")),
    Case("leading_nan", with_y(*((d, np.nan) for d in range(10))), ("leading_missing", "repaired", "y", 10, "2024-01-01")),
    Case("trailing_nan", with_y(*((d, np.nan) for d in range(130, 140))), ("missing_values", "repaired", "y", 10, "2024-05-10")),
    Case("all_targets_nan", replaced("y", lambda f: np.nan), error="'y' should hold numbers; all 1120 rows are missing"),
    Case("target_none", replaced("y", lambda f: None), error="'y' should hold numbers"),
    Case("target_dates", replaced("y", lambda f: f.ds), error="'y' should hold numbers; it holds timestamp"),
    Case("target_decimal", replaced("y", lambda f: [Decimal(round(v, 2)).quantize(Decimal("0.01")) for v in f.y]), same=False),
    Case("target_int", replaced("y", lambda f: f.y.astype(int)), same=False),
    Case("target_bool", replaced("y", lambda f: f.y > 100), same=False),
    Case("target_nullable_int", replaced("y", lambda f: f.y.round().astype("Int64").mask(f.index == 430)), ("missing_values", "repaired", "y", 1, "2024-01-11"), same=False),
    Case("month_end_among_month_starts", months("ME"), ("shifted_grid", "repaired", "ds", 40, "2020-01-31"), same=False),
    Case("month_starts_with_freq_ME", lambda: healthy(days=40, freq="MS"), ("frequency", "repaired", "ds", 320, "2024-01-01"), about="", options={"freq": "ME"}, same=False),
    Case("daily_with_freq_W", healthy, error="'ds' should lie on freq='W.*s0 has 2024-01-01.*'D'.*aggregate", options={"freq": "W-SUN"}),
    Case("daily_with_freq_h", healthy, error="freq='h' is finer than the data.*s0.*24 steps apart", options={"freq": "h"}),
    Case("dates_with_integer_freq", healthy, error="freq='1' is for whole numbers", options={"freq": 1}),
    Case("every_other_day", with_bad(lambda b: b.iloc[::2]), ("mixed_frequency", "quarantined", "ds", 70, "2024-01-01")),
    Case("monthly_among_daily", other_frequency("MS", 12), ("mixed_frequency", "quarantined", "ds", 12, "2024-01-01")),
    Case("hourly_among_daily", other_frequency("h", 24 * 30), ("mixed_frequency", "quarantined", "ds", 690, "2024-01-01 01:00:00")),
    Case("noon_among_midnights", with_bad(lambda b: b.assign(ds=b.ds + pd.Timedelta("12h"))), ("shifted_grid", "repaired", "ds", DAYS, "2024-01-01 12:00:00")),
    Case("a_few_off_grid", with_stamp(20, dt.datetime(2024, 1, 21, 13, 5)), ("off_grid", "repaired", "ds", 1, "2024-01-21 13:05:00")),
    Case("gap_of_ten_days", with_bad(lambda b: b.drop(b.index[50:60])), ("gaps", "repaired", "ds", 10, "2024-02-20")),
    Case("stale", with_bad(lambda b: b.head(100)), ("stale", "noted", "ds", 100, "2024-04-09")),
    Case("year_2204", with_stamp(139, dt.datetime(2204, 5, 19)), ("far_stamps", "quarantined", "ds", 1, "2204-05-19")),
    Case("year_1900", with_stamp(0, dt.datetime(1900, 1, 1)), ("far_stamps", "quarantined", "ds", 1, "1900-01-01")),
    Case("year_9999_beside", appended("9999-01-01", 1.0), error="year 9999"),
    Case("nat", with_stamp(7, pd.NaT), ("missing_stamps", "repaired", "ds", 1, ""), about=""),
    Case("all_nat", replaced("ds", lambda f: pd.NaT), error="'ds' holds no stamp at all"),
    Case("iso_with_clock_and_zone", replaced("ds", lambda f: f.ds.dt.strftime("%Y-%m-%dT%H:%M:%SZ")), ("text_stamps", "repaired", "ds", 1120, ""), about="", same=False),
    Case("text_of_mixed_offsets", replaced("ds", lambda f: f.ds.astype(str) + np.where(f.unique_id == BAD, " 00:00+02:00", " 00:00Z")), error="'ds' mixes time zones.*'Z'"),
    Case("text_no_date", replaced("ds", lambda f: np.where(f.index == 5, "last week", f.ds.astype(str))), error="'ds' holds stamps that cannot be read.*'last week'"),
    Case("text_31_february", replaced("ds", lambda f: np.where(f.index == 5, "2024-02-31", f.ds.astype(str))), error="'ds' holds text that is no date.*2024-02-31"),
    Case("text_with_blanks", replaced("ds", lambda f: np.where(f.index == 5, "", f.ds.astype(str))), ("missing_stamps", "repaired", "ds", 1, ""), about="", same=False),
    Case("american_dates", replaced("ds", lambda f: f.ds.dt.strftime("%m/%d/%Y")), error="cannot be read for certain"),
    Case("dates_as_objects", replaced("ds", lambda f: f.ds.dt.date)),
    Case("milliseconds", replaced("ds", lambda f: f.ds.astype("datetime64[ms]").astype(np.int64)), error="'ds' holds whole numbers such as 1704067200000.*ms since 1970.*unit='ms'"),
    Case("yyyymmdd_numbers", replaced("ds", lambda f: f.ds.dt.strftime("%Y%m%d").astype(int)), error="look like dates written as YYYYMMDD.*format"),
    Case("yyyymmdd_texts", replaced("ds", lambda f: f.ds.dt.strftime("%Y%m%d")), ("text_stamps", "repaired", "ds", 1120, ""), about=""),
    Case("integers_with_freq_D", replaced("ds", lambda f: np.tile(np.arange(DAYS), 8)), error="whole numbers such as 0, but freq='D'", options={"freq": "D"}),
    Case("integer_steps", replaced("ds", lambda f: np.tile(np.arange(DAYS), 8)), same=False),
    Case("float_steps", replaced("ds", lambda f: np.tile(np.arange(DAYS) * 1.0, 8)), ("stamp_type", "repaired", "ds", 1120, ""), about="", same=False),
    Case("fractional_steps", replaced("ds", lambda f: np.tile(np.arange(DAYS) * 1.5, 8)), error="'ds' should hold dates or whole numbers.*1.5"),
    Case("stamps_bool", replaced("ds", lambda f: f.y > 0), error="'ds' should hold the stamps; it holds bool"),
    Case("integer_steps_with_gap", whole(lambda f: f.assign(ds=np.tile(np.arange(DAYS) * 10, 8)).drop(bad_rows(f, 4))), ("gaps", "repaired", "ds", 1, "40"), same=False),
    Case("year_1600", lambda: healthy().assign(ds=np.tile(np.datetime64("1600-01-01", "us") + np.arange(DAYS) * np.timedelta64(1, "D"), 8)), same=False),
    Case("leap_day_yearly", lambda: healthy(days=10, start="2015-12-31", freq="YE"), same=False),
    Case("week_53", lambda: healthy(days=120, start="2019-12-01", freq="W-SUN"), same=False),
    Case("hourly_over_both_clock_changes", lambda: tz(healthy(days=24 * 300, start="2024-01-01", freq="h").assign(), "UTC").assign(ds=lambda f: f.ds.dt.tz_convert("Europe/Berlin")), same=False),
    Case("naive_clock_gap_in_spring", lambda: (f := healthy(days=24 * 20, start="2024-03-20", freq="h"))[f.ds != "2024-03-31 02:00"], ("gaps", "repaired", "ds", 1, "2024-03-31 02:00:00"), same=False),
    Case("unused_category_level", whole(lambda f: f.assign(unique_id=pd.Categorical(f.unique_id, [*sorted(f.unique_id.unique()), "ghost"])))),
    Case("ids_float", replaced("unique_id", lambda f: f.unique_id.str[1:].astype(float)), same=False),
    Case("ids_negative", replaced("unique_id", lambda f: -f.unique_id.str[1:].astype(int)), same=False),
    Case("ids_long_and_control", strange_ids("x" * 100_000, "\x00\x01", "", " "), ("twin_ids", "noted", "unique_id", 2, ""), about="", same=False),
    Case("ids_nfc_nfd", strange_ids("caf\u00e9", "cafe\u0301"), ("twin_ids", "noted", "unique_id", 2, ""), about="caf\u00e9", same=False),
    Case("ids_all_null", replaced("unique_id", lambda f: None), error="'unique_id' should name the series"),
    Case("ids_nested", replaced("unique_id", lambda f: [[1]] * len(f)), error="'unique_id'"),
    Case("id_and_target_swapped", healthy, error="'y'.*named|column 'y'", schema={"series": ("y",)}),
    Case("short_is_an_error", with_bad(lambda b: b.tail(3)), error="1 series have fewer than horizon.*s3 with 3", options={"short": "error"}),
    Case("aggregate_without_freq", healthy, error="aggregate='sum' needs", options={"aggregate": "sum"}),
    Case("aggregate_unknown", healthy, error="aggregate='mode': expected one of", options={"aggregate": "mode", "freq": "W"}),
    Case("every_row_twice_in_conflict", with_bad(lambda b: pd.concat([b, b.assign(y=b.y + 50)])), ("conflicting_duplicates", "quarantined", "ds", DAYS, "2024-01-01")),
    Case("one_of_two_is_nan", whole(lambda f: pd.concat([f.loc[bad_rows(f, 5)].assign(y=np.nan), f])), ("duplicates", "repaired", "ds", 1, "2024-01-06")),
    Case("seconds_fifty_years_apart", lambda: pd.DataFrame({"unique_id": np.repeat([f"s{i}" for i in range(4000)], 4), "ds": np.tile(pd.to_datetime(["2024-01-01", "2024-01-01 00:00:01", "2024-01-01 00:00:02", "2024-01-01 01:25:00"], format="ISO8601"), 4000), "y": 1.0}), error="16000 rows would become"),
]  # fmt: skip
