"""A first JOB.yaml from the data alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from forecaster import simulate
from forecaster.draft import draft
from forecaster.errors import DataError
from forecaster.jobfile import JobFile


def daily(**more: object) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=40)
    rows = pd.MultiIndex.from_product([["a", "b"], [1, 2], days], names=["region", "store_id", "date"]).to_frame(index=False)
    return rows.assign(price=1.5, sales=np.arange(len(rows)), kind=rows["region"] + "!", **more)


def test_columns_take_the_part_that_they_look_like() -> None:
    made = draft(daily())
    assert made.options["time"] == "date"
    assert made.options["target"] == "sales"
    assert made.options["series"] == made.options["partition_by"] == ["region", "store_id"]
    assert made.options["static"] == ["kind"]
    assert made.options["horizon"] == 8  # four weeks are more than a fifth of 40 days
    assert set(made.others) == {"price"}


def test_the_text_is_a_job_that_can_be_read_and_says_why() -> None:
    made = draft(simulate.sales(stores=3))
    told = JobFile.parse(yaml.safe_load(made.yaml()))
    assert told.partition_by == ("store", "brand")
    assert told.settings.target == "quantity"
    assert "of frequency W" in made.yaml()
    assert all("#" in line for line in made.yaml().splitlines() if line)


def test_one_series_needs_no_key() -> None:
    made = draft(pd.DataFrame({"ds": pd.date_range("2020-01-31", periods=60, freq="ME"), "y": np.arange(60.0)}))
    assert "partition_by" not in made.options
    assert made.options["horizon"] == 12


@pytest.mark.parametrize(
    ("columns", "told"), [({"y": [1.0, 2.0]}, "column of stamps"), ({"ds": ["2024-01-01", "2024-01-02"]}, "column of numbers")]
)
def test_what_cannot_be_forecast_is_said(columns: dict[str, list[object]], told: str) -> None:
    with pytest.raises(DataError, match=told):
        draft(pd.DataFrame(columns))


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["16/02/2024", "01/03/2024"], r"'day'.*the day comes first.*format='%d/%m/%Y'"),
        (["3/4/24", "5/6/24"], "'day'.*cannot be told apart"),
        (["Feb 16, 2024", "Mar 1, 2024"], "'day'.*'Feb 16, 2024'.*pandas.to_datetime"),
        (["16 February 2024", "1 March 2024"], "'day'.*pandas.to_datetime"),
    ],
)
def test_dates_that_are_not_read_are_named_with_the_way_to_convert_them(texts: list[str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        draft(pd.DataFrame({"shop": ["mar-1", "sep-2"], "day": texts, "sold": [1.0, 2.0]}))


def test_rows_without_time_are_told_of_the_other_tasks() -> None:
    with pytest.raises(DataError, match="task: classify"):
        draft(pd.DataFrame({"age": [30, 40], "city": ["a", "b"], "left": [0, 1]}))
