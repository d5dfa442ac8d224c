"""Eight healthy daily series of 140 days and one fault: the corpus of the reliability spec, and further cases of the same kinds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
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
    return with_bad(
        lambda bad: pd.DataFrame(
            {"unique_id": BAD, "ds": pd.date_range(start, periods=periods, freq=freq), "y": np.arange(periods) % 7 + 50.0}
        )
    )


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
        "dup_rows_identical",
        whole(lambda f: pd.concat([f, f.loc[bad_rows(f, 5, 9)]])),
        ("duplicates", "repaired", "ds", 2, "2024-01-06"),
    ),
    Case(
        "dup_stamps_conflict",
        whole(lambda f: pd.concat([f, f.loc[bad_rows(f, 5)].assign(y=999.0)])),
        ("conflicting_duplicates", "quarantined", "ds", 1, "2024-01-06"),
    ),
    Case("nan_target_middle", with_y((40, np.nan), (41, np.nan)), ("missing_values", "repaired", "y", 2, "2024-02-10")),
    Case("constant_series", with_bad(lambda b: b.assign(y=5.0)), ("constant", "noted", "y", DAYS, "2024-01-01")),
    Case("all_zero_series", with_bad(lambda b: b.assign(y=0.0)), ("all_zero", "noted", "y", DAYS, "2024-01-01")),
    Case("single_observation", with_bad(lambda b: b.tail(1)), ("short", "quarantined", "y", 1, "2024-05-19")),
    Case("two_observations", with_bad(lambda b: b.tail(2)), ("short", "quarantined", "y", 2, "2024-05-18")),
    Case("fewer_than_h_plus_1", with_bad(lambda b: b.tail(7)), ("short", "quarantined", "y", 7, "2024-05-13")),
    Case("negative_values", with_bad(lambda b: b.assign(y=-b.y))),
    Case("tiny_1e-300", with_bad(lambda b: b.assign(y=b.y * 1e-300))),
    Case("spike_1e12", with_y((60, 1e12)), ("absurd_value", "repaired", "y", 1, "2024-03-01")),
    Case("string_target_numeric", replaced("y", lambda f: f.y.astype(str)), error=r"'y' should hold numbers.*text.*astype\(float\)"),
    Case(
        "string_target_unparsable",
        replaced("y", lambda f: np.where(f.index == 9, "n/a?", f.y.astype(str))),
        error=r"'y' should hold numbers.*1 of 1120.*'n/a\?' in row 10 \(unique_id=s0\).*to_numeric",
    ),
    Case("mixed_tz", object_stamps(lambda s: s.tz_localize("Europe/Berlin")), error="'ds' mixes time.*UTC.*Berlin"),
    Case("mixed_tz_naive_aware", object_stamps(lambda s: s), error="'ds' mixes time.*zone"),
    Case("tz_aware_dst", whole(lambda f: tz(f, "Europe/Berlin"))),
    Case("hourly_duplicate_dst_hour", hourly_in_autumn, ("clock_change", "repaired", "ds", 1, "2024-10-27 02:00:00"), same=False),
    Case("mixed_frequency", other_frequency("W-MON", 20), ("mixed_frequency", "quarantined", "ds", 20, "2024-01-01")),
    Case(
        "year_9999",
        with_stamp(139, dt.datetime(9999, 12, 31)),
        error="'ds' holds 1 stamps in the year 9999, the first in unique_id=s3 at 9999-12-31.*Remove",
    ),
    Case(
        "iso_string_stamps", replaced("ds", lambda f: f.ds.dt.strftime("%Y-%m-%d")), ("text_stamps", "repaired", "ds", 1120, ""), about=""
    ),
    Case(
        "ambiguous_dmy_stamps",
        replaced("ds", lambda f: f.ds.dt.strftime("%d/%m/%Y")),
        error="'ds' holds stamps that cannot be read.*'01/01/2024'.*day and month.*format=",
    ),
    Case(
        "business_days_freq_D",
        whole(lambda f: f[f.ds.dt.day_of_week < 5]),
        ("gaps", "repaired", "ds", 38, "2024-01-06"),
        options={"freq": "D"},
        same=False,
    ),
    Case("ids_hostile", whole(lambda f: f.replace({"unique_id": {BAD: "a,b\"c'/..\\%00\n;--{count}", "s4": "<script>", "s5": "数据 🚀"}}))),
    Case(
        "id_null",
        whole(lambda f: f.assign(unique_id=f.unique_id.mask(f.index.isin(bad_rows(f, 3, 4))))),
        ("missing_id", "quarantined", "unique_id", 2, "2024-01-04"),
        about="",
    ),
    Case(
        "id_1_vs_str1",
        whole(lambda f: f.replace({"unique_id": {"s0": 1, "s1": "1"}}).astype({"unique_id": object})),
        error="'unique_id' mixes number.*astype",
    ),
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
]
