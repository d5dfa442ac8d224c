"""Forecasts from later origins: the state moves on, the parameters stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.errors import CannotPredict, DataError, SettingsError
from forecaster.learners.ets import ETS

ENDS = {"a": 120, "b": 117, "c": 110}


def rows(days=200, **ends):
    """Three series with a week in them that end on different days of 2024, counted from its first."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2024-01-01", periods=days)
    frames = []
    for i, (name, end) in enumerate((ENDS | ends).items()):
        price = rng.choice([1.0, 1.5, 2.0], days)
        sales = 10 * (i + 1) * (1 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 7)) - 2 * price + rng.normal(size=days)
        kind = np.where(price > 1.2, "usual", "deal")
        frames.append(pd.DataFrame({"unique_id": name, "ds": dates, "price": price, "kind": kind, "y": sales}).head(end))
    return pd.concat(frames, ignore_index=True)


def job(learner="ets", **options):
    return Forecaster(
        **{"horizon": 7, "freq": "D", "learners": [learner], "backtest": None, "ensemble": None, "drop": ["price", "kind"]} | options
    )


@pytest.mark.parametrize("learner", ["seasonal_naive", "average", "ets", "theta", "arima", "elastic_net", "lightgbm"])
def test_past_the_horizon_is_what_follows_from_its_own_forecast(learner):
    data = rows()
    fitted = job(learner, lower_bound=None).fit(data)
    first, whole = fitted.predict(), fitted.predict(horizon=14)
    grown = pd.concat([data, first.rename(columns={"forecast": "y"})[["unique_id", "ds", "y"]].assign(price=1.0, kind="deal")])
    joined = pd.concat([first, fitted.predict(history=grown)]).sort_values(["unique_id", "ds"])
    np.testing.assert_allclose(joined["forecast"], whole["forecast"], rtol=1e-9)


def test_newer_history_moves_each_origin_and_fits_nothing(monkeypatch):
    fitted = job().fit(rows())
    before = fitted.predict()
    monkeypatch.setattr(ETS, "fit", lambda *_: pytest.fail("it was fitted again"))
    moved = fitted.predict(history=rows(a=130, c=150))
    first = moved.groupby("unique_id").ds.min()
    assert [str(day.date()) for day in first] == ["2024-05-10", "2024-04-27", "2024-05-30"]
    pd.testing.assert_frame_equal(fitted.predict(), before)
    pd.testing.assert_frame_equal(moved[moved.unique_id == "b"], before[before.unique_id == "b"])


def test_the_same_history_changes_nothing():
    data = rows()
    for learner in ("ets", "lightgbm"):
        fitted = job(learner).fit(data)
        pd.testing.assert_frame_equal(fitted.predict(history=data.sample(frac=1, random_state=0)), fitted.predict(), rtol=1e-9)


def test_history_that_cannot_be_meant_is_refused():
    fitted = job().fit(rows())
    with pytest.raises(DataError, match=r"no rows of 1 series that the job was fitted on, the first is unique_id=b"):
        fitted.predict(history=rows().query("unique_id != 'b'"))
    with pytest.raises(DataError, match=r"the first is unique_id=c: it ends at 2024-04-09, the job knows values up to 2024-04-19"):
        fitted.predict(history=rows(c=100))


def test_newer_rows_alone_are_enough_or_refused():
    newer = rows(a=130, c=150).query("ds > '2024-04-19'")
    states, all_values = (job(learner).fit(rows(a=110, b=110, c=110)) for learner in ("ets", "arima"))
    part = states.predict(history=newer)
    pd.testing.assert_frame_equal(part, states.predict(history=rows(a=130, c=150)), rtol=1e-9)
    wanted = "3 series begins too late, the first is unique_id=a: it begins at 2024-04-20, and values from 2024-01-01 on are needed"
    with pytest.raises(CannotPredict, match=wanted):
        all_values.predict(history=newer)


@pytest.mark.parametrize("learner", ["ets", "arima", "drift", "lightgbm"])
def test_a_series_without_any_value_may_have_its_first_ones(learner):
    early, late = rows(a=110, b=110, c=110), rows(a=120, b=120, c=120)
    early.loc[early["unique_id"] == "c", "y"] = np.nan
    late.loc[(late["unique_id"] == "c") & (late["ds"] < "2024-04-21"), "y"] = np.nan
    fitted = job(learner).fit(early)
    said = fitted.predict(history=late)
    assert said.groupby("unique_id").size().nunique() == 1
    expected = fitted.predict(history=rows(a=120, b=120, c=120)).query("unique_id != 'c'")
    pd.testing.assert_frame_equal(said.query("unique_id != 'c'"), expected)


def test_newer_rows_alone_are_enough_beside_a_series_without_any_value():
    early, late = rows(a=110, b=110, c=110), rows(a=113, b=113, c=113)
    early.loc[early["unique_id"] == "c", "y"] = late.loc[late["unique_id"] == "c", "y"] = np.nan
    fitted = job("ets").fit(early)
    newer = fitted.predict(history=late.query("ds > '2024-04-19'"))
    pd.testing.assert_frame_equal(newer, fitted.predict(history=late), rtol=1e-9)


def test_missing_values_at_the_begin_of_newer_rows_are_rows():
    late = rows(a=120, b=120, c=120)
    late.loc[(late["ds"] > "2024-04-19") & (late["ds"] < "2024-04-22"), "y"] = np.nan
    fitted = job("ets").fit(rows(a=110, b=110, c=110))
    newer = fitted.predict(history=late.query("ds > '2024-04-19'"))
    pd.testing.assert_frame_equal(newer, fitted.predict(history=late), rtol=1e-9)


def test_rolling_is_predicting_from_each_origin():
    fitted, data = job().fit(rows()), rows(a=131, b=117, c=130)
    said = fitted.roll(data, step=5)
    assert said.columns.tolist() == ["unique_id", "ds", "origin", "actual", "forecast", "q0.1", "q0.5", "q0.9"]
    assert said.groupby("unique_id").origin.nunique().to_dict() == {"a": 3, "c": 4}
    for done in (0, 5, 10):
        part = rows(a=min(120 + done, 131), c=min(110 + done, 130))
        expected = fitted.predict(history=part).query("unique_id == 'c'")
        origin = pd.Timestamp("2024-01-01") + pd.Timedelta(days=110 + done - 1)
        mine = said[(said.unique_id == "c") & (said.origin == origin)]
        np.testing.assert_allclose(mine[["forecast", "q0.1", "q0.9"]], expected[["forecast", "q0.1", "q0.9"]], rtol=1e-9)
    known = said.merge(data, on=["unique_id", "ds"], how="left")
    np.testing.assert_array_equal(known.actual, known.y)
    assert known.actual.isna().any()


def test_rolling_takes_known_covariates_from_the_rows():
    fitted = job("lightgbm", known=["price"], drop=["kind"]).fit(rows())
    data = rows(a=134, b=131, c=124)
    first = fitted.roll(data).groupby("unique_id").head(7).reset_index(drop=True)
    expected = fitted.predict(data)
    np.testing.assert_allclose(first.sort_values(["unique_id", "ds"]).forecast, expected.forecast, rtol=1e-9)


def test_past_the_rows_the_last_known_covariate_stands_as_in_a_future_that_ends_early():
    fitted = job("elastic_net", known=["price"], drop=["kind"]).fit(rows())
    data = rows(a=124, b=121, c=114)
    with pytest.warns(UserWarning, match="the last known value stands there"):
        expected = fitted.predict(data.groupby("unique_id").tail(4))
    np.testing.assert_allclose(fitted.roll(data).forecast, expected.forecast, rtol=1e-9)


def test_rolling_passes_over_series_without_a_value():
    nothing = rows().query("unique_id == 'b'").assign(unique_id="aa", y=np.nan)
    fitted = job().fit(pd.concat([rows(), nothing]))
    said = fitted.roll(pd.concat([rows(a=131, b=117, c=130), nothing]), step=5)
    pd.testing.assert_frame_equal(said, job().fit(rows()).roll(rows(a=131, b=117, c=130), step=5))


@pytest.mark.parametrize("step", [0, 8, True, 1.5])
def test_a_step_that_cannot_be_meant_is_refused(step):
    with pytest.raises(SettingsError, match="a whole number of steps from 1 to the horizon of 7"):
        job().fit(rows()).roll(rows(a=130), step=step)


@pytest.mark.parametrize("horizon", [0, -1])
def test_a_horizon_of_a_roll_that_cannot_be_meant_is_refused(horizon):
    with pytest.raises(SettingsError, match="expected a whole number of steps from 1"):
        job().fit(rows()).roll(rows(a=130), horizon=horizon)


def test_there_must_be_something_to_roll_over():
    with pytest.raises(SettingsError, match="no row after those"):
        job().fit(rows()).roll(rows())


def test_a_forecast_may_end_at_a_stamp():
    fitted = job().fit(rows())
    said = fitted.predict(until="2024-05-03")
    assert said.groupby("unique_id").size().to_dict() == {"a": 4, "b": 7, "c": 14}
    assert (said.groupby("unique_id").ds.max() == pd.Timestamp("2024-05-03")).all()
    whole = fitted.predict(horizon=14)
    assert said.merge(whole, on=["unique_id", "ds", "forecast"]).shape[0] == len(said)
    with pytest.raises(SettingsError, match="every series has values up to there"):
        fitted.predict(until="2024-04-01")


@pytest.mark.parametrize(
    ("until", "what"),
    [
        ("soon", "expected a date or time, such as until='2025-03-31'"),
        (pd.NaT, "expected a date or time"),
        (5, "expected a date or time"),
        (pd.Timestamp("2024-05-03", tz="UTC"), "has a time zone, and the stamps of the job have none"),
        ("2024-05-03T00:00+02:00", "has a time zone"),
    ],
)
def test_a_stamp_that_cannot_be_meant_is_refused(until, what):
    with pytest.raises(SettingsError, match=what):
        job().fit(rows()).predict(until=until)


def test_the_end_is_told_in_one_way():
    with pytest.raises(SettingsError, match="give one of them"):
        job().fit(rows()).predict(horizon=3, until="2024-05-03")


def test_a_forecast_of_whole_number_steps_ends_at_a_whole_number():
    data = rows().assign(ds=lambda data: (data.ds - data.ds.min()).dt.days)
    fitted = job(freq=1).fit(data)
    assert fitted.predict(until="122").ds.max() == 122
    with pytest.raises(SettingsError, match=r"until=122\.5: the steps of the job are whole numbers"):
        fitted.predict(until=122.5)


@pytest.mark.parametrize("freq", ["W-SUN", "ME"])
def test_no_row_lies_after_the_stamp_where_steps_are_stamped_at_their_end(freq):
    stamps = pd.date_range("2020-01-01", periods=34, freq=freq)
    fitted = job(freq=None).fit(pd.DataFrame({"unique_id": "a", "ds": stamps[:30], "y": 1.0, "price": 1.0, "kind": "a"}))
    assert fitted.predict(until=stamps[33] - pd.Timedelta(days=1)).ds.max() == stamps[32]
    assert fitted.predict(until=stamps[33]).ds.max() == stamps[33]


def test_the_stamp_is_that_of_the_clocks_of_the_data_or_an_instant():
    fitted = job().fit(rows().assign(ds=lambda data: data.ds.dt.tz_localize("America/New_York")))
    last = {until: fitted.predict(until=until).ds.max().day for until in ("2024-05-03", "2024-05-03T00:00-04:00", "2024-05-03T00:00Z")}
    assert list(last.values()) == [3, 3, 2]


def test_series_without_a_value_do_not_move_the_rows_of_the_others():
    data = pd.concat([rows(), rows().query("unique_id == 'b'").assign(unique_id="aa", y=np.nan)])
    said = job().fit(data).predict(until="2024-05-03")
    assert said.groupby("unique_id").size().to_dict() == {"a": 4, "b": 7, "c": 14}


def test_whole_numbers_on_request():
    said = job(integer=True).fit(rows()).predict()
    values = said[["forecast", "q0.1", "q0.5", "q0.9"]].to_numpy()
    np.testing.assert_array_equal(values, np.rint(values))
    np.testing.assert_allclose(values, job().fit(rows()).predict()[["forecast", "q0.1", "q0.5", "q0.9"]], atol=0.5)


def test_whole_numbers_above_a_bound_that_is_none():
    said = job(integer=True, lower_bound=33.5).fit(rows()).predict()
    values = said[["forecast", "q0.1", "q0.5", "q0.9"]].to_numpy()
    np.testing.assert_array_equal(values, np.rint(values))
    assert values.min() == 34


def test_one_series_that_no_column_names_goes_on():
    data = rows().query("unique_id == 'a'")
    named, unnamed = (job().fit(some.head(100)) for some in (data, data.drop(columns="unique_id")))
    for ask in (lambda fitted, some: fitted.predict(history=some), lambda fitted, some: fitted.roll(some)):
        expected = ask(named, data).drop(columns="unique_id")
        pd.testing.assert_frame_equal(ask(unnamed, data.drop(columns="unique_id")), expected)
