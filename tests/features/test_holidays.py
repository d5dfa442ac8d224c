"""Holiday columns against days that anyone can look up."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hand_tables import hand_table

from forecaster.errors import SettingsError, UnknownName
from forecaster.features.calendar import Grid
from forecaster.features.design import Design
from forecaster.features.holidays import Holidays
from forecaster.features.places import place
from forecaster.table import Future, Table

OBSERVED_2021 = {date(2021, 6, 18), date(2021, 7, 5), date(2021, 12, 24), date(2021, 12, 31)}

Rows = dict[str, dict[str, Any]]


def told(spec: Any, freq: str, start: str, n: int, zone: str | None = None) -> Rows:
    """The holiday columns of each stamp by name, with labels for codes."""
    table = hand_table([np.arange(float(n))], freq, start, zone=zone)
    grid = Grid.of(table.steps)
    fitted = Holidays.of(spec).fit(table, grid)
    columns = fitted.columns(table.frequency, grid)
    rows: Rows = {}
    for stamp, values in zip(table.frequency.local(table.steps).astype("datetime64[m]").astype(str), columns.tolist(), strict=True):
        row: dict[str, Any] = dict(zip(fitted.names, values, strict=True))
        if "holiday_name" in row:
            row["holiday_name"] = ("", *fitted.labels)[int(row["holiday_name"])]
        rows[stamp.removesuffix("T00:00")] = row
    return rows


class TestDays:
    rows = told("US", "D", "2021-01-01", 365)

    def test_holidays_are_flagged_and_named(self) -> None:
        assert self.rows["2021-11-25"]["holiday"] == 1
        assert self.rows["2021-11-25"]["holiday_name"] == "Thanksgiving Day"
        assert self.rows["2021-11-20"]["holiday"] == 0
        assert self.rows["2021-11-20"]["holiday_name"] == ""
        assert {day for day, row in self.rows.items() if row["holiday"]} >= {"2021-01-01", "2021-07-04", "2021-12-25"}

    def test_days_around_them_bear_the_name_with_the_offset(self) -> None:
        assert self.rows["2021-11-24"]["holiday_name"] == "Thanksgiving Day -1"
        assert self.rows["2021-11-26"]["holiday_name"] == "Thanksgiving Day +1"
        assert self.rows["2021-11-27"]["holiday_name"] == ""

    def test_an_observed_day_bears_the_name_of_the_holiday_itself(self) -> None:
        sunday, monday = self.rows["2021-07-04"], self.rows["2021-07-05"]
        assert sunday["holiday_name"] == monday["holiday_name"] == "Independence Day"
        assert not any("observed" in row["holiday_name"] for row in self.rows.values())

    def test_distances_to_the_next_and_from_the_last_holiday(self) -> None:
        assert self.rows["2021-07-01"]["holiday_next"] == 3
        assert self.rows["2021-07-10"]["holiday_last"] == 5
        assert self.rows["2021-07-04"]["holiday_next"] == self.rows["2021-07-04"]["holiday_last"] == 0
        flagged = [date.fromisoformat(day) for day, row in self.rows.items() if row["holiday"]]
        for day, row in self.rows.items():
            here = date.fromisoformat(day)
            if flagged[0] <= here <= flagged[-1]:
                assert row["holiday_next"] == min(14, *((f - here).days for f in flagged if f >= here))
                assert row["holiday_last"] == min(14, *((here - f).days for f in flagged if f <= here))

    def test_distances_beyond_the_reach_are_told_as_the_reach(self) -> None:
        assert self.rows["2021-06-30"]["holiday_last"] == 11
        assert self.rows["2021-08-10"]["holiday_next"] == self.rows["2021-08-10"]["holiday_last"] == 14
        assert told({"country": "US", "reach": None}, "D", "2021-08-01", 20)["2021-08-10"]["holiday_next"] == 27  # 6 September

    def test_the_last_day_of_the_year_knows_the_next_new_year(self) -> None:
        assert told("DE", "D", "2021-12-20", 12)["2021-12-31"]["holiday_next"] == 1


def test_lead_and_lag_can_be_given_for_all_or_for_one_holiday() -> None:
    wide = told({"country": "US", "lead": {"Christmas Day": 3}, "lag": 0}, "D", "2022-12-01", 31)
    names = [wide[f"2022-12-{day}"]["holiday_name"] for day in (21, 22, 23, 24, 25, 26, 27)]
    assert names == ["", *(f"Christmas Day -{k}" for k in (3, 2, 1)), "Christmas Day", "Christmas Day", ""]


def test_the_nearer_holiday_wins_and_the_coming_one_of_equals() -> None:
    rows = told({"country": "GB", "lead": 4, "lag": 4}, "D", "2023-12-01", 60)  # Christmas, Boxing Day, New Year's Day
    assert rows["2023-12-28"]["holiday_name"].endswith("+2")
    assert rows["2023-12-29"]["holiday_name"] == "New Year's Day -3"
    assert rows["2023-12-30"]["holiday_name"] == "New Year's Day -2"


def test_hours_have_the_holiday_of_their_local_day() -> None:
    rows = told("US", "h", "2021-07-03T22:00", 48, "America/New_York")
    flags = [row["holiday"] for stamp, row in rows.items() if "2021-07-04" in stamp or stamp == "2021-07-04"]
    assert flags == [1.0] * len(flags)
    assert rows["2021-07-03T23:00"]["holiday"] == 0


@pytest.mark.parametrize("anchor", ["W-SUN", "W-WED"])
def test_a_week_counts_the_holidays_of_the_seven_days_it_ends(anchor: str) -> None:
    rows = told("US", anchor, "2021-01-03" if anchor == "W-SUN" else "2021-01-06", 50)
    days = {date.fromisoformat(day): row for day, row in TestDays.rows.items() if row["holiday"]}
    for stamp, row in list(rows.items())[1:]:
        end = date.fromisoformat(stamp)
        week = [end - timedelta(k) for k in range(7)]
        names = {days[day]["holiday_name"] for day in week if day in days}
        assert row.get("holiday_count", row["holiday"]) == sum(day in days and day not in OBSERVED_2021 for day in week)
        assert row.get("holiday_days_off", row["holiday"]) == sum(day in days and day.weekday() < 5 for day in week)
        assert row["holiday"] == (len(names) > 0)
        if len(names) == 1:
            assert row["holiday_name"] == names.pop()


def test_the_week_before_a_holiday_is_one_week_ahead_of_it() -> None:
    row = told("US", "W-SUN", "2021-10-03", 12)["2021-11-21"]
    assert (row["holiday"], row["holiday_next"], row["holiday_name"]) == (0, 1, "Thanksgiving Day -1")


@pytest.mark.parametrize(("freq", "start"), [("MS", "2021-01-01"), ("ME", "2021-01-31")])
def test_months_count_holidays_and_days_off_whichever_end_they_are_stamped_at(freq: str, start: str) -> None:
    rows = list(told("US", freq, start, 24).values())
    july, december = rows[6], rows[11]
    assert july == {"holiday_count": 1, "holiday_days_off": 1}  # Sunday the 4th and its Monday: one holiday, one day off
    assert december == {"holiday_count": 1, "holiday_days_off": 2}  # Christmas observed on the 24th; New Year 2022 on the 31st


def test_quarters_count_too() -> None:
    assert next(iter(told("DE", "QS-OCT", "2021-10-01", 8).values())) == {"holiday_count": 3, "holiday_days_off": 0}


def test_only_the_named_holidays_count() -> None:
    rows = told({"country": "US", "names": ["christmas day", "Thanksgiving Day"]}, "D", "2021-01-01", 365)
    assert [day for day, row in rows.items() if row["holiday"]] == ["2021-11-25", "2021-12-24", "2021-12-25"]


def test_subdivisions_have_their_own_holidays() -> None:
    assert told("DE-BW", "D", "2021-01-01", 30)["2021-01-06"]["holiday"] == 1
    assert told({"country": "DE", "subdiv": "BE"}, "D", "2021-01-01", 30)["2021-01-06"]["holiday"] == 0


@pytest.mark.parametrize("name", ["US", "usa", "United States", "united_states"])
def test_countries_by_code_or_name(name: str) -> None:
    assert place(name) == "US"


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("Germny", "Germany"),
        ({"country": "US", "subdiv": "CAA"}, "CA"),
        ({"country": "US", "names": ["Thanksgivin Day"]}, "Thanksgiving Day"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(spec: Any, near: str) -> None:
    with pytest.raises(UnknownName, match=near):
        told(spec, "D", "2021-01-01", 30)


@pytest.mark.parametrize(
    "spec", [{"contry": "US"}, {"subdiv": "CA"}, {"country": "US", "lead": -1}, {"country": "US", "reach": 0}, {"country": 7}]
)
def test_mappings_that_cannot_be_meant(spec: Any) -> None:
    with pytest.raises(SettingsError):
        Holidays.of(spec)


class TestColumnOfCountries:
    """Two German series, one American, one without a country; 3 October is a German holiday."""

    def table(self, **columns: Any) -> Table:
        return hand_table([np.arange(20.0)] * 4, start="2022-09-25", **columns)

    def flags(self, table: Table, column: str, future: Future | None = None) -> np.ndarray:
        fitted = Design(lags=None, windows=None, holidays=column).fit(table)
        at = fitted.names.index("holiday")
        return fitted.training(table).X[:, at].reshape(4, 20)[:, 8] if future is None else fitted.ahead(table, 1, future)[:, 0, at]

    def test_static(self) -> None:
        table = self.table(static={"land": np.array([0, 1, 0, np.nan], np.float32)}, categories={"land": ("DE", "US")})
        np.testing.assert_array_equal(self.flags(table, "land"), [1, 0, 1, np.nan])

    def test_ids(self) -> None:
        table = self.table()
        table = type(table)(**{**table.__dict__, "ids": {"land": np.array(["DE", "US", "DE-BW", ""])}})
        np.testing.assert_array_equal(self.flags(table, "land"), [1, 0, 1, np.nan])

    def test_known_row_by_row(self) -> None:
        land = np.repeat(np.array([0, 1, 0, np.nan], np.float32), 20)
        land[8] = 1  # the first series is in America on this one day
        table = self.table(known={"land": land}, categories={"land": ("DE", "US")})
        np.testing.assert_array_equal(self.flags(table, "land"), [0, 0, 1, np.nan])
        history = table.drop_last(12)
        future = Future({"land": np.array([[0], [1], [1], [0]], np.float32)}, 1)
        fitted = Design(lags=None, windows=None, holidays="land").fit(table)
        np.testing.assert_array_equal(fitted.ahead(history, 1, future)[:, 0, fitted.names.index("holiday")], [1, 0, 0, 1])

    def test_a_country_that_does_not_exist_is_named(self) -> None:
        table = self.table(static={"land": np.zeros(4, np.float32)}, categories={"land": ("Atlantis",)})
        with pytest.raises(UnknownName, match="Atlantis"):
            self.flags(table, "land")

    def test_a_column_of_numbers_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="holds numbers"):
            self.flags(self.table(static={"land": np.arange(4, dtype=np.float32)}), "land")


def test_names_do_not_depend_on_the_locale_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert told("DE", "D", "2019-12-20", 10)["2019-12-25"]["holiday_name"] == "Christmas Day"


def test_a_name_that_the_training_rows_did_not_have_is_missing() -> None:
    table = hand_table([np.arange(40.0)], start="2021-06-01")  # no Christmas
    fitted = Design(lags=None, windows=None, holidays="US").fit(table)
    later = hand_table([[1.0]], start="2021-12-24")
    row = dict(zip(fitted.names, fitted.ahead(later, 1)[0, 0].tolist(), strict=True))
    assert row["holiday"] == 1
    assert np.isnan(row["holiday_name"])
