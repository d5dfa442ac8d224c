"""The figure of a job."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from forecaster.errors import MissingExtra, UnknownName
from forecaster.plot import figure
from forecaster.report import Columns
from forecaster.simulate import sales

COLUMNS = Columns(("store", "brand"), "week", "quantity")


@pytest.fixture
def tables() -> tuple[pa.Table, pa.Table]:
    future = sales(stores=4, future=6)
    quantity = future["quantity"].cast(pa.float64())
    forecast = future.select(["store", "brand", "week"]).append_column("forecast", quantity)
    return sales(stores=4), forecast.append_column("q0.1", pa.compute.multiply(quantity, 0.5)).append_column(
        "q0.9", pa.compute.multiply(quantity, 2)
    )


def test_first_series_with_history_forecast_and_interval(tables: tuple[pa.Table, pa.Table]) -> None:
    drawn = figure(*tables, COLUMNS)
    assert [axes.get_title(loc="left") for axes in drawn.axes][:2] == ["1001 · amber", "1001 · citrina"]
    assert len(drawn.axes) == 6
    assert [text.get_text() for text in drawn.axes[0].get_legend().get_texts()] == ["history", "0.1 to 0.9", "forecast"]
    assert len(drawn.axes[0].get_lines()[1].get_ydata()) == 6


@pytest.mark.parametrize("asked", [(1002, "citrina"), [("1002", "citrina")], {"store": 1002, "brand": "citrina"}])
def test_one_series(tables: tuple[pa.Table, pa.Table], asked: object) -> None:
    drawn = figure(*tables, COLUMNS, asked)
    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["1002 · citrina"]


def test_unknown_series_names_the_nearest(tables: tuple[pa.Table, pa.Table]) -> None:
    with pytest.raises(UnknownName, match="did you mean '1001 · amber'"):
        figure(*tables, COLUMNS, [(1001, "ambr")])


def test_without_matplotlib_the_extra_is_named(tables: tuple[pa.Table, pa.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"forecaster\[plot\]"):
        figure(*tables, COLUMNS)
