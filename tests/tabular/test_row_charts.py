"""Curves by hand, and the charts and page that are drawn of them."""

from __future__ import annotations

import json
import re
import sys

import matplotlib
import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_diabetes, load_wine

from forecaster import Classifier, Regressor
from forecaster.errors import MissingExtra, UnknownName
from forecaster.report.rowcharts import KINDS
from forecaster.tabular import curves

matplotlib.use("Agg")
HIT = np.array([True, False, True, False])
SCORE = np.array([0.9, 0.6, 0.6, 0.1])


def test_curves_by_hand():
    np.testing.assert_allclose(curves.gains(HIT, SCORE), ([0, 0.25, 0.75, 1], [0, 0.5, 1, 1]))
    np.testing.assert_allclose(curves.lift(HIT, SCORE), ([0.25, 0.75, 1], [2, 4 / 3, 1]))
    np.testing.assert_allclose(curves.calibration(HIT, SCORE), ([0.1, 0.6, 0.9], [0, 0.5, 1]))
    np.testing.assert_array_equal(curves.confusion(np.array([0.0, 1, 1]), np.eye(2)[[0, 0, 1]]), [[1, 0], [1, 1]])


def test_curves_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    hit, score = rng.random(200) < 0.3, np.round(rng.random(200), 2)
    x, y, _ = metrics.roc_curve(hit, score, drop_intermediate=False)
    np.testing.assert_allclose(curves.roc(hit, score), (x, y))
    precision, recall, _ = metrics.precision_recall_curve(hit, score)
    np.testing.assert_allclose(curves.precision_recall(hit, score), (recall[-2::-1], precision[-2::-1]))


@pytest.fixture(scope="module")
def models():
    options = {"learners": ["decision_tree", "knn"], "validation": 2, "n_jobs": 1}
    classes = Classifier("target", **options).fit(load_wine(as_frame=True).frame)
    return {"classify": classes, "regress": Regressor("target", **options).fit(load_diabetes(as_frame=True).frame)}


@pytest.mark.parametrize(("task", "kind"), [(task, kind) for task, kinds in KINDS.items() for kind in kinds])
def test_every_chart_is_drawn(models, task, kind):
    axes = models[task].plot(kind).axes[0]
    assert axes.get_xlabel()
    assert axes.has_data()


@pytest.mark.parametrize(("task", "kind"), [(task, kind) for task, kinds in KINDS.items() for kind in kinds])
def test_plotly_draws_what_matplotlib_draws(models, task, kind):
    axes, figure = models[task].plot(kind).axes[0], models[task].plot(kind, "plotly")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (axes.get_xlabel(), axes.get_ylabel())
    assert figure.layout.title.text == axes.get_title()
    lines = [line for line in figure.data if line.type == "scatter" and line.mode == "lines"]
    for mine, theirs in zip(lines, axes.get_lines() if lines else [], strict=True):
        np.testing.assert_array_equal([mine.x, mine.y], theirs.get_data())
    rest = [line for line in figure.data if line not in lines]
    assert [line.type for line in rest] == {"confusion": ["heatmap"], "residuals": ["histogram"], "predicted": ["scatter"]}.get(kind, [])
    json.loads(figure.to_json())


def test_cells_hold_the_rows_of_each_class(models):
    figure = models["classify"].plot(backend="plotly")
    truth = load_wine(as_frame=True).frame["target"]
    np.testing.assert_array_equal(np.sum(figure.data[0].text, axis=1), np.bincount(truth))
    assert figure.data[0].y == ("0", "1", "2")


def test_another_backend_is_refused_and_the_extra_is_named(models, monkeypatch):
    with pytest.raises(UnknownName, match="did you mean 'plotly'"):
        models["regress"].plot(backend="plotli")
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtra, match=r"forecaster\[plotly\]"):
        models["regress"].plot(backend="plotly")


def test_a_wrong_chart_is_answered_with_the_right_ones(models):
    with pytest.raises(UnknownName, match="residuals"):
        models["regress"].plot("residual")


@pytest.mark.parametrize("task", KINDS)
def test_the_page_holds_everything_and_loads_nothing(models, task, tmp_path):
    html = models[task].report(tmp_path / "page.html").read_text()
    assert html.count('role="img"') == {"classify": 6, "regress": 3}[task]
    assert not re.search(r"(src|href)=\"?(http|//)", html)
    names = re.findall(r' id="([^"]+)"', html)
    assert len(names) == len(set(names))
    assert "decision_tree" in html
    assert "validation" in html
