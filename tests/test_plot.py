"""The figure of a job."""

from __future__ import annotations

import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from forecaster import Forecaster
from forecaster.errors import MissingExtra, SettingsError, UnknownName
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
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["history", "0.1 to 0.9", "forecast"]
    assert len(drawn.axes[0].get_lines()[1].get_ydata()) == 6


def test_rows_in_the_place_of_a_series_are_told_where_they_go(tables: tuple[pa.Table, pa.Table]) -> None:
    for rows in (tables[1], tables[1].to_pandas()):
        with pytest.raises(SettingsError, match="rows of steps ahead go in future="):
            figure(*tables, COLUMNS, rows)


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


def test_the_same_series_with_plotly(tables: tuple[pa.Table, pa.Table]) -> None:
    drawn = figure(*tables, COLUMNS, [(1001, "amber"), (1002, "citrina")], backend="plotly")
    assert [title.text for title in drawn.layout.annotations] == ["1001 · amber", "1002 · citrina"]
    assert [line.name for line in drawn.data if line.showlegend] == ["history", "0.1 to 0.9", "forecast"]
    mine = next(line for line in drawn.data if line.name == "forecast" and line.xaxis == "x2")
    wanted = tables[1].filter(pc.and_(pc.equal(tables[1]["store"], 1002), pc.equal(tables[1]["brand"], "citrina")))
    assert list(mine.y) == wanted["forecast"].to_pylist()
    json.loads(drawn.to_json())


def test_another_backend_is_refused_and_the_extra_is_named(tables: tuple[pa.Table, pa.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="did you mean 'plotly'"):
        figure(*tables, COLUMNS, backend="plotli")
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtra, match=r"forecaster\[plotly\]"):
        figure(*tables, COLUMNS, backend="plotly")


def test_parts_of_forecasts_are_drawn_by_both() -> None:
    told = (
        Forecaster(4, series=["store", "brand"], time="week", target="quantity", learners=["ets"], n_jobs=1).fit(sales(stores=2)).explain()
    )
    mine, theirs = told.plot(), told.plot("plotly", store=1001)
    assert [text.get_text() for text in mine.axes[0].get_yticklabels()] == list(told.overall_imp)[::-1]
    assert set(theirs.data[0].y) == set(told.names)
