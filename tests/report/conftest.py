"""Fixtures of the pages: a job of hand-made tables, and a parser that holds them to HTML."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hand_pages import Checker, made_findings, made_leaderboard, made_series

from forecaster.report import ReportData, Series


@pytest.fixture
def series() -> Series:
    return made_series()


@pytest.fixture
def job(series: Series) -> ReportData:
    members = [{"learner": "lightgbm", "weight": 0.7}, {"learner": "elastic_net", "weight": 0.3}]
    selected = pa.Table.from_pylist([{"learner": "voting", "members": members, "score": 0.0712}])
    settings = {"horizon": "8", "metric": "nrmse"}
    findings = made_findings(series)
    return ReportData("Juice", series, made_leaderboard(), selected, findings, seconds=17.2, rows=2000, settings=settings)


@pytest.fixture
def parsed() -> Callable[[str], Checker]:
    def parse(html: str) -> Checker:
        checker = Checker()
        checker.feed(html)
        assert checker.open == []
        assert len(checker.ids) == len(set(checker.ids))
        return checker

    return parse
