"""Dates that come as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import Columns, Regressor
from forecaster.errors import DataError, UnknownName
from forecaster.tabular.dates import form_of, parsed

DAYS = pd.date_range("2023-01-01", periods=200)
QUICK = {"learners": ["decision_tree"], "validation": 2, "n_jobs": 1, "ensemble": None}


def fitted(when, **options):
    frame = pd.DataFrame({"y": np.where(DAYS.day_of_week == 6, 5.0, 0.0), "when": when})
    return Regressor("y", **QUICK, **options).fit(frame), frame


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("%d.%m.%Y", "day first"), ("%d/%m/%Y", "day first"), ("%m/%d/%Y %I:%M %p", "month first"), ("%d-%m-%Y %H:%M", "day first"),
        ("%b %d, %Y", "month by name"), ("%A, %d %B %Y", "month by name"), ("%d-%b-%Y", "month by name"),
        ("%Y/%m/%d %H:%M", "year first"), ("%Y-%m-%dT%H:%M:%SZ", "year first"), ("%a, %d %b %Y %H:%M:%S GMT", "month by name"),
    ],
)  # fmt: skip
def test_the_usual_forms_are_read(text, form, tmp_path):
    model, frame = fitted(DAYS.strftime(text))
    assert form_of(pa.array(frame["when"]))[0] == form
    np.testing.assert_array_equal(parsed(pa.array(frame["when"]), form), DAYS.to_numpy().astype("datetime64[s]"))
    assert model.features_summary_["purpose"].tolist() == ["datetime"]
    assert model.findings_.set_index("rule")["message"]["text dates"].endswith(form)
    np.testing.assert_array_equal(model.predict(frame)["prediction"], frame["y"])
    model.save(tmp_path / "model")
    alike = Regressor.load(tmp_path / "model").predict(frame.assign(when=DAYS))  # dates by now
    np.testing.assert_array_equal(alike["prediction"], frame["y"])


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (pd.date_range("2000-01-01", periods=200, freq="MS").strftime("%d/%m/%Y"), "day and month cannot be told apart"),
        (DAYS.strftime("%d/%m/%y"), "years have two digits"),
        ([*DAYS.strftime("%d/%m/%Y")[:100], *DAYS.strftime("%m/%d/%Y")[100:]], "not all written in one form"),
    ],
)
def test_what_cannot_be_read_for_certain_is_dropped_and_said(when, why):
    frame = pd.DataFrame({"y": np.arange(200.0), "x": np.arange(200.0) ** 2, "when": when})
    model = Regressor("y", **QUICK).fit(frame)
    told = model.findings_.set_index("column").loc["when"]
    assert told["rule"] == "dropped column"
    assert why in told["message"]
    assert "pandas.to_datetime" in told["message"]


def test_the_user_says_how_dates_are_written():
    months = pd.date_range("2000-01-01", periods=200, freq="MS")
    model, _ = fitted(months.strftime("%d/%m/%Y"), featurization=Columns(dates={"when": "day first"}))
    assert "when_month" in model.features_
    with pytest.raises(DataError, match="told apart"):
        fitted(months.strftime("%d/%m/%Y"), featurization=Columns(purposes={"when": "datetime"}))
    with pytest.raises(UnknownName, match="day first"):
        Columns(dates={"when": "days first"})


def test_a_row_that_is_written_otherwise_is_refused_by_name():
    model, frame = fitted(DAYS.strftime("%d.%m.%Y"))
    with pytest.raises(DataError, match=r"'when' held dates written day first.*'2024-01-01'"):
        model.predict(frame.assign(when="2024-01-01"))
    gaps = model.predict(frame.assign(when=None))
    assert np.isfinite(gaps["prediction"]).all()


def test_days_that_no_calendar_has_are_no_dates():
    for texts in (["31/2/2024", "30/2/2024"], ["1 Foo 2024"], ["25:00", "26:00"], ["Item 5, 2024"]):
        assert form_of(pa.array(texts))[0] == ""


def test_text_dates_order_the_folds_of_a_validation_by_time():
    frame = pd.DataFrame({"y": np.arange(200.0), "x": np.arange(200.0) ** 2, "when": DAYS.strftime("%d.%m.%Y")}).sample(
        frac=1, random_state=0
    )
    model = Regressor("y", **{**QUICK, "validation": {"time": "when", "folds": 4}}).fit(frame)
    assert sorted(model.backtest_["actual"]) == list(np.arange(40.0, 200.0))
    with pytest.raises(DataError, match="cannot be put in order"):
        Regressor("y", **{**QUICK, "validation": {"time": "when"}}).fit(frame.assign(when=DAYS.strftime("%d/%m/%y")))
