"""Known covariates of the steps ahead: what is missing, extra, shifted, doubled or of another type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from damaged import BAD, healthy

from forecaster import frames
from forecaster.errors import DataError, ForecasterError, SettingsError, UnknownName
from forecaster.guardrails import Findings, check, check_future
from forecaster.schema import Schema
from forecaster.table import Future, Table

SCHEMA = Schema(known=("price", "promo"))
HORIZON = 7
FIRST = "2024-05-20"


def history() -> pd.DataFrame:
    frame = healthy()
    return frame.assign(price=np.arange(len(frame)) % 10.0, promo=np.where(np.arange(len(frame)) % 3, "no", "yes"))


def future() -> pd.DataFrame:
    """Price tells series and step apart: 10 * series + step."""
    stamps = pd.date_range(FIRST, periods=HORIZON)
    parts = [pd.DataFrame({"unique_id": f"s{i}", "ds": stamps, "price": 10.0 * i + np.arange(HORIZON), "promo": "no"}) for i in range(8)]
    return pd.concat(parts, ignore_index=True)


WANTED = 10.0 * np.arange(8)[:, None] + np.arange(HORIZON)


def table() -> Table:
    return check(frames.read(history())[0], SCHEMA, horizon=HORIZON)[0]


def ahead(frame: pd.DataFrame | None, **options: Any) -> tuple[Future, Findings]:
    read = None if frame is None else frames.read(frame)[0]
    return check_future(read, table(), SCHEMA, options.pop("horizon", HORIZON), **options)


def seen(findings: Findings) -> set[tuple[str, str, str, int, str, str]]:
    return {(f.rule, f.action, f.column, f.count, f.first, f.series.get("unique_id", "")) for f in findings}


def test_complete_future_in_any_order_has_no_findings() -> None:
    for frame in (future(), future().sample(frac=1, random_state=2), future().assign(y=np.nan, note="x")):
        found, findings = ahead(frame)
        assert np.array_equal(found.known["price"], WANTED)
        assert found.steps == HORIZON
        assert len(findings) == 0


def test_categories_have_the_codes_of_the_history() -> None:
    history_table = table()
    assert history_table.categories == {"promo": ("no", "yes")}
    found, _ = ahead(future().assign(promo="yes"))
    assert (found.known["promo"] == 1).all()


def test_no_future_carries_the_last_value_and_says_so() -> None:
    found, findings = ahead(None)
    last = history().groupby("unique_id").price.last().to_numpy()
    assert np.array_equal(found.known["price"], np.repeat(last[:, None], HORIZON, axis=1))
    assert {(f.rule, f.column) for f in findings} == {("future_carried_forward", "price"), ("future_carried_forward", "promo")}


def test_no_known_covariates_need_no_future() -> None:
    plain, _ = check(frames.read(healthy())[0], Schema())
    found, findings = check_future(None, plain, Schema(), 3)
    assert (dict(found.known), found.steps, len(findings)) == ({}, 3, 0)


def test_missing_rows_are_named_and_the_value_before_goes_on() -> None:
    frame = future().drop(index=[3 * HORIZON + 2, 3 * HORIZON + 3])
    found, findings = ahead(frame)
    assert seen(findings) == {("future_missing_rows", "quarantined", "ds", 2, "2024-05-22", BAD)}
    assert found.known["price"][3].tolist() == [30, 31, 31, 31, 34, 35, 36]
    healthy_rows = np.arange(8) != 3
    assert np.array_equal(found.known["price"][healthy_rows], WANTED[healthy_rows])


def test_a_series_without_rows_goes_on_as_it_ended() -> None:
    found, findings = ahead(future().query("unique_id != 's3'"))
    assert seen(findings) == {("future_missing_rows", "quarantined", "ds", HORIZON, FIRST, BAD)}
    assert (found.known["price"][3] == history().query("unique_id == 's3'").price.iloc[-1]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_values_are_named(value: float) -> None:
    frame = future()
    frame.loc[3 * HORIZON + 4, "price"] = value
    found, findings = ahead(frame)
    assert seen(findings) == {("future_missing_values", "quarantined", "price", 1, "2024-05-24", BAD)}
    assert found.known["price"][3, 4] == found.known["price"][3, 3]


def test_a_covariate_without_any_value_goes_on_as_it_ended() -> None:
    found, findings = ahead(future().assign(price=None))
    assert np.isfinite(found.known["price"]).all()
    assert {f.rule for f in findings} == {"future_missing_values"}
    assert len(findings) == 8


def test_unseen_categories_are_noted() -> None:
    frame = future()
    frame.loc[3 * HORIZON, "promo"] = "perhaps"
    _, findings = ahead(frame)
    assert ("unseen_category", "noted", "promo", 1, "", BAD) in seen(findings)
    assert any("'perhaps'" in f.message for f in findings)


def test_a_category_that_only_other_groups_have_met_is_missing() -> None:
    schema = Schema(group=("unique_id",), known=SCHEMA.known)
    told = history()
    told.loc[told.unique_id == BAD, "promo"] = "no"
    shops = check(frames.read(told)[0], schema, horizon=HORIZON)[0]
    found, findings = check_future(frames.read(future().assign(promo="yes"))[0], shops, schema, HORIZON)
    assert ("unseen_category", "noted", "promo", HORIZON, "", BAD) in seen(findings)
    assert sorted(found.known["promo"][:, 0].tolist()) == [0.0, *[1.0] * 7]  # as the history ended: "no"


def test_extra_rows_are_passed_over() -> None:
    later = future().assign(ds=lambda f: f.ds + pd.Timedelta(f"{HORIZON}D"), price=-1.0)
    earlier = history().query("unique_id == 's3'").tail(2)
    stranger = future().head(3).assign(unique_id="new")
    found, findings = ahead(pd.concat([later[later.unique_id == BAD], stranger, earlier, future()]))
    assert np.array_equal(found.known["price"], WANTED)
    assert seen(findings) == {
        ("future_extra", "noted", "ds", HORIZON, "2024-05-27", BAD),
        ("future_overlap", "noted", "ds", 2, "2024-05-18", BAD),
        ("unseen_series", "noted", "", 3, "", "new"),
    }


def test_doubled_rows_are_mended() -> None:
    _, findings = ahead(pd.concat([future(), future().iloc[[3 * HORIZON + 1]]]))
    assert seen(findings) == {("future_duplicates", "repaired", "ds", 1, "2024-05-21", BAD)}


def test_stamps_off_the_grid_are_passed_over() -> None:
    frame = future()
    frame.loc[3 * HORIZON + 1, "ds"] += pd.Timedelta("5h")
    _, findings = ahead(frame)
    assert ("future_off_grid", "noted", "ds", 1, "2024-05-21 05:00:00", BAD) in seen(findings)
    assert ("future_missing_rows", "quarantined", "ds", 1, "2024-05-21", BAD) in seen(findings)


def test_a_stale_series_does_not_make_the_future_shifted() -> None:
    frame = history()
    frame = frame[(frame.unique_id != BAD) | (frame.ds < "2024-05-10")]
    stale, _ = check(frames.read(frame)[0], SCHEMA, horizon=HORIZON)
    _, findings = check_future(frames.read(future())[0], stale, SCHEMA, HORIZON)
    assert ("future_missing_rows", "quarantined", "ds", HORIZON, "2024-05-10", BAD) in seen(findings)


def test_one_shifted_series_is_quarantined() -> None:
    frame = future()
    frame.loc[frame.unique_id == BAD, "ds"] += pd.Timedelta("1D")
    found, findings = ahead(frame)
    assert ("future_missing_rows", "quarantined", "ds", 1, FIRST, BAD) in seen(findings)
    assert found.known["price"][3, 1:].tolist() == [30, 31, 32, 33, 34, 35]


REFUSED: list[tuple[str, Callable[[pd.DataFrame], pd.DataFrame], type[ForecasterError], str]] = [
    (
        "one_day_late",
        lambda f: f.assign(ds=f.ds + pd.Timedelta("1D")),
        DataError,
        r"'ds'.*shifted by \+1 steps.*s0.*expected was 2024-05-20, got 2024-05-21.*8 of 8",
    ),
    (
        "one_day_early",
        lambda f: f.assign(ds=f.ds - pd.Timedelta("1D")),
        DataError,
        r"shifted by -1 steps.*expected was 2024-05-20, got 2024-05-19",
    ),
    ("a_year_early", lambda f: f.assign(ds=f.ds - pd.Timedelta("365D")), DataError, "shifted by -365 steps"),
    (
        "six_hours_late",
        lambda f: f.assign(ds=f.ds + pd.Timedelta("6h")),
        DataError,
        "'ds' of future should lie on freq='D', but no stamp does.*06:00",
    ),
    (
        "text_for_numbers",
        lambda f: f.assign(price=f.price.astype(str)),
        DataError,
        r"'price' of future holds.*'0.0'; the history holds numbers.*astype\(float\)",
    ),
    (
        "numbers_for_text",
        lambda f: f.assign(promo=1),
        DataError,
        r"'promo' of future holds int64 such as 1; the history holds text.*astype\(str\)",
    ),
    (
        "ids_of_another_type",
        lambda f: f.assign(unique_id=f.unique_id.str[1:].astype(int)),
        DataError,
        "'unique_id' of future holds int64.*string such as 's0'",
    ),
    (
        "strangers_only",
        lambda f: f.assign(unique_id="who"),
        DataError,
        "future has no series of the history: it has unique_id=who, the history has unique_id=s0",
    ),
    ("empty", lambda f: f.iloc[:0], DataError, "future has no rows.*2024-05-20"),
    ("zone", lambda f: f.assign(ds=f.ds.dt.tz_localize("UTC")), DataError, "'ds' of future has the time zone UTC, the history has none"),
    ("no_price", lambda f: f.drop(columns="price"), UnknownName, "'price'"),
    ("no_time", lambda f: f.drop(columns="ds"), UnknownName, "'ds'"),
    ("integers_for_dates", lambda f: f.assign(ds=np.arange(len(f))), DataError, "'ds' holds whole numbers such as 0"),
    ("year_10000", lambda f: f.assign(ds="31.12.9999"), DataError, "'ds' holds stamps that cannot be read"),
]


@pytest.mark.parametrize(("change", "error", "words"), [pytest.param(*rest, id=name) for name, *rest in REFUSED])
def test_a_future_that_was_not_meant_is_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], error: type[ForecasterError], words: str
) -> None:
    with pytest.raises(error, match=re.compile(words, re.DOTALL)):
        ahead(change(future()))


@pytest.mark.parametrize("horizon", [0, -3])
def test_horizon_must_be_positive(horizon: int) -> None:
    with pytest.raises(SettingsError, match=f"horizon={horizon}"):
        ahead(future(), horizon=horizon)


def test_iso_texts_and_dates_are_read() -> None:
    for stamps in (future().ds.astype(str), future().ds.dt.date):
        found, _ = ahead(future().assign(ds=stamps))
        assert np.array_equal(found.known["price"], WANTED)


def test_two_series_columns_and_a_time_zone() -> None:
    def keyed(frame: pd.DataFrame) -> pd.DataFrame:
        number = frame.unique_id.str[1:].astype(int)
        return frame.assign(
            store=number // 4, item=("i" + (number % 4).astype(str)).astype("category"), ds=frame.ds.dt.tz_localize("Europe/Berlin")
        )

    schema = Schema(series=("store", "item"), known=("price", "promo"))
    history_table, _ = check(frames.read(keyed(history()))[0], schema, horizon=HORIZON)
    found, findings = check_future(frames.read(keyed(future()).sample(frac=1, random_state=0))[0], history_table, schema, HORIZON)
    assert np.array_equal(found.known["price"], WANTED)
    assert len(findings) == 0


def test_one_series_without_an_id() -> None:
    one = history().query("unique_id == 's0'").drop(columns="unique_id")
    history_table, _ = check(frames.read(one)[0], SCHEMA, horizon=HORIZON)
    found, findings = check_future(
        frames.read(future().query("unique_id == 's0'").drop(columns="unique_id").iloc[1:])[0], history_table, SCHEMA, HORIZON
    )
    assert found.known["price"][0, 1:].tolist() == [1, 2, 3, 4, 5, 6]
    assert [f.rule for f in findings] == ["future_missing_rows"]


def test_integer_steps() -> None:
    steps = np.tile(np.arange(140), 8)
    history_table, _ = check(frames.read(history().assign(ds=steps))[0], SCHEMA, horizon=HORIZON)
    frame = future().assign(ds=np.tile(np.arange(140, 147), 8))
    found, findings = check_future(frames.read(frame)[0], history_table, SCHEMA, HORIZON)
    assert np.array_equal(found.known["price"], WANTED)
    assert len(findings) == 0


@pytest.mark.parametrize("first", [True, False])
def test_doubled_rows_that_differ_are_missing_whatever_their_order(first: bool) -> None:
    other = future().iloc[[3 * HORIZON + 1]].assign(price=-5.0)
    found, findings = ahead(pd.concat([other, future()] if first else [future(), other]))
    assert found.known["price"][3].tolist() == [30, 30, 32, 33, 34, 35, 36]
    assert seen(findings) == {
        ("future_duplicates", "repaired", "ds", 1, "2024-05-21", BAD),
        ("future_missing_values", "quarantined", "price", 1, "2024-05-21", BAD),
    }


def test_a_future_of_several_series_needs_their_column() -> None:
    with pytest.raises(UnknownName, match=r"'unique_id'.*series="):
        ahead(future().drop(columns="unique_id"))


@pytest.mark.parametrize(("ids", "came"), [("int8", "int64"), ("int64", "float64")])
def test_ids_that_the_history_cannot_hold_are_unseen_series(ids: str, came: str) -> None:
    def numbered(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
        return frame.assign(unique_id=frame.unique_id.str[1:].astype(kind))

    past, _ = check(frames.read(numbered(history(), ids))[0], SCHEMA, horizon=HORIZON)
    stranger = numbered(future().head(HORIZON), came).assign(unique_id=1007 if came == "int64" else 0.5)
    found, findings = check_future(frames.read(pd.concat([numbered(future(), came), stranger]))[0], past, SCHEMA, HORIZON)
    assert np.array_equal(found.known["price"], WANTED)
    assert [(f.rule, f.count) for f in findings] == [("unseen_series", HORIZON)]


def test_rows_of_the_future_are_joined_like_those_of_the_history() -> None:
    past, _ = check(frames.read(history())[0], SCHEMA, horizon=2, freq="W", aggregate="sum")
    daily = future().assign(promo=lambda f: np.where(f.ds.dt.day_of_week == 6, "yes", "no"))
    later = daily.assign(ds=daily.ds + pd.Timedelta("7D"), price=daily.price + 100)
    found, findings = check_future(frames.read(pd.concat([later, daily]))[0], past, SCHEMA, 2, aggregate="sum")
    assert found.known["price"].tolist() == [[10 * i + 3, 10 * i + 103] for i in range(8)]
    assert (found.known["promo"] == 1).all()
    assert len(findings) == 0
