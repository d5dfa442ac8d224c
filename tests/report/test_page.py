"""The page of a job: whole, closed, self-contained, and safe whatever the names are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from forecaster.report import Columns, ReportData, Series, page

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp; \u202e'


def test_page_has_every_part(job: ReportData, parsed: Callable[[str], Any]) -> None:
    html = page(job)
    found = parsed(html)
    ids = set(found.ids)
    assert {"learners", "accuracy", "best", "worst", "findings", "settings", "content"} <= ids
    targets = {attrs["href"][1:] for tag, attrs in found.tags if tag == "a"}
    assert targets <= ids
    words = " ".join(found.words)
    for wanted in ("Juice", "lightgbm 0.70", "failed: no series could be forecast", "quarantined", "weeks were missing", "80% wanted"):
        assert wanted in words, wanted


def test_every_chart_and_table_is_named(job: ReportData, parsed: Callable[[str], Any]) -> None:
    found = parsed(page(job))
    charts = [i for i, (tag, attrs) in enumerate(found.tags) if tag == "svg" and attrs.get("role") == "img"]
    tags = [tag for tag, _ in found.tags]
    assert len(charts) >= 15
    assert all(tags[i + 1 : i + 3] == ["title", "desc"] for i in charts)
    assert tags.count("caption") == tags.count("table") > 0
    assert all(attrs.get("scope") in {"row", "col"} for tag, attrs in found.tags if tag == "th")


def test_nothing_is_loaded_from_anywhere(job: ReportData, parsed: Callable[[str], Any]) -> None:
    html = page(job)
    found = parsed(html)
    assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object"}
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html


def renamed(series: Series, name: str) -> Series:
    def hostile(table: pa.Table) -> pa.Table:
        brand = pa.array([f"{name}{b}" for b in table["brand"].to_pylist()])
        return table.set_column(table.schema.get_field_index("brand"), "brand", brand)

    return dataclasses.replace(
        series, history=hostile(series.history), forecast=hostile(series.forecast), backtest=hostile(series.backtest)
    )


def test_hostile_names_are_only_text(job: ReportData, parsed: Callable[[str], Any]) -> None:
    board = job.leaderboard.set_column(0, "learner", pa.array([HOSTILE] * job.leaderboard.num_rows))
    rules = job.findings.set_column(job.findings.schema.get_field_index("message"), "message", pa.array([HOSTILE] * job.findings.num_rows))
    bad = dataclasses.replace(
        job, title=HOSTILE, series=renamed(job.series, HOSTILE), leaderboard=board, findings=rules, settings={HOSTILE: HOSTILE}
    )
    html = page(bad)
    found = parsed(html)
    assert not {tag for tag, _ in found.tags} & {"script", "img"}
    assert "&lt;script&gt;alert(1)" in html


def test_same_input_same_page(job: ReportData) -> None:
    assert page(job) == page(job)


def test_page_without_backtest_findings_or_leaderboard(job: ReportData, parsed: Callable[[str], Any]) -> None:
    bare = dataclasses.replace(
        job,
        series=dataclasses.replace(job.series, backtest=job.series.backtest.slice(0, 0)),
        leaderboard=job.leaderboard.slice(0, 0),
        findings=job.findings.slice(0, 0),
    )
    words = " ".join(parsed(page(bare)).words)
    assert "There is no backtest" in words
    assert "nothing to repair" in words


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("us", "Europe/Berlin"), pa.date32(), pa.int64()], ids=str)
def test_any_type_of_time(job: ReportData, kind: pa.DataType, parsed: Callable[[str], Any]) -> None:
    def cast(table: pa.Table) -> pa.Table:
        for name in {"week", "cutoff"} & set(table.column_names):
            column = table[name].cast(pa.timestamp("us"))
            table = table.set_column(table.schema.get_field_index(name), name, column.cast(kind))
        return table

    series = Series(job.series.columns, *(cast(t) for t in (job.series.history, job.series.forecast, job.series.backtest)))
    parsed(page(dataclasses.replace(job, series=series)))


def test_one_series(job: ReportData, parsed: Callable[[str], Any]) -> None:
    first = [
        t.filter(pa.compute.and_(pa.compute.equal(t["store"], 1001), pa.compute.equal(t["brand"], "amber")))
        for t in (job.series.history, job.series.forecast, job.series.backtest)
    ]
    parsed(page(dataclasses.replace(job, series=Series(Columns(("store", "brand"), "week", "quantity"), *first))))


def test_templates_lie_beside_the_code() -> None:
    import forecaster.report

    folder = Path(forecaster.report.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} == {"grid.html", "head.html", "page.html", "sections.html", "style.css"}
