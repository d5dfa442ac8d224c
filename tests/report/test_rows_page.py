"""The pages of runs of classifiers and regressors, and their charts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from forecaster import Classifier, Regressor
from forecaster.report.rowcards import COLOURS, Predictions, charts
from many_models import ManyModels, Run

OPTIONS = {"learners": ["decision_tree"], "validation": 2, "n_jobs": 1}
SITES = [f"site <{i}>" for i in range(8)]


def rows(task: str) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"site": np.repeat(SITES, 60), "heat": rng.normal(size=480), "when": "5.4.2024", "same": 1})
    noise = np.repeat(np.linspace(0.1, 3, 8), 60) * rng.normal(size=480)
    if task == "regress":
        return frame.assign(target=frame["heat"] * 10 + noise)
    frame["target"] = np.select([frame["heat"] + noise > 0.7, frame["heat"] + noise < -0.7], ["high & hot", "low"], "middle")
    frame.loc[frame["site"] == SITES[3], "target"] = "middle"
    return frame.drop(frame.index[(frame["site"] == SITES[5]) & (frame["target"] == "low")])  # a group that knows two of the classes


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    place = tmp_path_factory.mktemp("runs")
    jobs = {"classify": Classifier("target", **OPTIONS), "regress": Regressor("target", **OPTIONS)}
    return {task: ManyModels(job, ["site"]).train(rows(task), place / task, engine="joblib", progress=False) for task, job in jobs.items()}


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_the_page_of_a_run_of_rows(runs: dict[str, Run], task: str, parsed: Callable[[str], Any], tmp_path: Any) -> None:
    html = runs[task].report(tmp_path / "page.html").read_text()
    page = parsed(html)
    assert {"overview", "learners", "charts", "scores", "worst", "best", "failures", "features", "findings"} <= set(page.ids)
    words = " ".join(page.words)
    outcomes = runs[task].outcomes()
    for site, score in outcomes[["site", "score"]].dropna().itertuples(index=False):
        assert site in words
        assert f"{score:.4g}" in words
    charts_of_groups = html[html.index('<section id="worst"') : html.index('<section id="failures"')].count('role="img"')
    assert charts_of_groups == len(outcomes["score"].dropna())
    assert "dropped" in words
    assert "http" not in html.split("Content-Security-Policy")[1]


def test_the_confusion_of_all_groups_counts_their_rows(runs: dict[str, Run], tmp_path: Any) -> None:
    backtest = runs["classify"].backtest()
    html = runs["classify"].report(tmp_path / "page.html").read_text()
    taken = ((backtest["actual"] == "low") & (backtest["prediction"] == "middle")).sum()
    assert f"low taken for middle: {taken} (" in html
    assert "high &amp; hot taken for high &amp; hot" in html
    assert "two classes" in html  # why one group has no model


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_charts_hold_as_many_curves_as_there_are_colours(classes: int) -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, classes, 4000).astype(float), rng.dirichlet(np.ones(classes), 4000)
    made = charts(Predictions(tuple(f"class <{i}>" for i in range(classes)), truth, said))
    assert len(made.legend) == min(classes, COLOURS)
    for card in made.cards:
        root = ElementTree.fromstring(card.chart)
        assert root[0].text == card.title
        curves = [part for part in root.iter() if (part.get("class") or "").startswith("curve")]
        assert len(curves) == (0 if card.title == "Confusion" else len(made.legend))
        assert classes < 100 or card.title != "Confusion" or "all others taken for all others" in card.chart
        assert len(card.chart) < 160_000


def test_the_charts_of_values_are_drawn_of_some_rows() -> None:
    truth = np.random.default_rng(0).normal(size=50_000)
    made = charts(Predictions((), truth, truth[:, None] + 0.1))
    assert [card.title for card in made.cards] == ["Predicted against true", "Residuals", "Residuals by prediction"]
    assert max(len(card.chart) for card in made.cards) < 20_000
    constant = charts(Predictions((), np.ones(5), np.ones((5, 1))))
    assert all(ElementTree.fromstring(card.chart) is not None for card in constant.cards)
