"""What the search does where learners fail or the time is up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, RollingOrigin
from forecaster.automl.search import Plan, search
from forecaster.learners import make
from forecaster.protocols import Forecast, Traits
from forecaster.testing import sales

TABLE = sales((1, 1), 60)
WINDOWS = RollingOrigin(2).split(TABLE, 4)


@dataclass(frozen=True)
class Moody:
    """The seasonal naive learner until it sees whole series: then it breaks, or has a reason for each series."""

    breaks: bool
    traits = Traits()

    def fit(self, table):
        if table.end.max() < TABLE.end.max():
            return make("seasonal_naive").fit(table)
        if self.breaks:
            raise ValueError("no luck")
        return self

    def predict(self, horizon, history=None, future=None):
        return Forecast(np.full((2, horizon), np.nan), failed={0: "too odd", 1: "too even"})


@pytest.mark.parametrize(
    ("breaks", "said"),
    [(True, {0: "moody: ValueError: no luck", 1: "moody: ValueError: no luck"}), (False, {0: "moody: too odd", 1: "moody: too even"})],
)
def test_who_fails_at_the_end_is_told_and_the_baseline_stands_in(breaks, said):
    baseline = make("naive")
    found = search(TABLE, {"moody": Moody(breaks)}, baseline, Plan(4, WINDOWS))
    made = found.blend.ahead(TABLE, 4, None)
    assert made.failed == said
    assert np.array_equal(made.mean, baseline.fit(TABLE).predict(4).mean)


def test_who_breaks_at_the_end_leaves_its_share_to_the_others():
    found = search(TABLE, {"moody": Moody(True), "seasonal_naive": make("seasonal_naive")}, make("naive"), Plan(4, WINDOWS))
    assert found.weights.tolist() == [[0, 1], [0, 1]]
    assert not found.failed


def test_the_quantiles_of_a_window_do_not_know_what_came_in_it():
    rng = np.random.default_rng(0)
    y = rng.normal(100, 1, 90)
    y[-2] = 400
    data = {"unique_id": ["a"] * 90, "ds": np.datetime64("2024-01-01") + np.arange(90), "y": y}
    made = Forecaster(5, learners=["average"], ensemble=None, backtest=RollingOrigin(3), n_jobs=1).fit(pd.DataFrame(data)).backtest_
    width = (made["q0.9"] - made["q0.1"]).groupby(made["cutoff"]).mean().to_numpy()
    assert 2 * width[2] < width[:2].min()


@dataclass(frozen=True)
class Says:
    """Always the same."""

    value: float
    label: str
    traits = Traits()

    def fit(self, table):
        return self

    def predict(self, horizon, history=None, future=None):
        return Forecast(np.full((1, horizon), self.value))


def test_a_winner_has_to_beat_the_baseline_by_a_margin_wherever_it_was_named():
    n = 30
    data = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=n), "y": [10.0] * (n - 1) + [0.0]})

    def chosen(*learners):
        job = Forecaster(1, learners=list(learners), ensemble=None, metric="mae", season_length=1, backtest=RollingOrigin(1), n_jobs=1)
        return job.fit(data).selected_.learner.tolist()

    nearer, near = Says(9.95, "hardly"), Says(9.0, "clearly")  # the naive forecast is 10 off
    assert chosen("naive", nearer) == chosen(nearer, "naive") == ["naive"]
    assert chosen(near, "naive") == ["clearly"]
    assert chosen(Says(9.99, "first"), nearer) == ["hardly"]


def test_learners_that_see_covariates_are_believed_together():
    """Prices tell a fifth of an error in three windows: what each learner did alone would leave more than a third to those without them."""
    rng = np.random.default_rng(3)
    price = rng.normal(size=150)
    y = 50 + 1.3 * price + rng.normal(0, 2, 150)
    rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2026-01-01", periods=150), "y": y, "price": price})
    named = ["theta", "ets", "ces", "seasonal_average", "arima", "elastic_net"]
    job = Forecaster(14, known=["price"], learners=named, season_length=1, n_jobs=1).fit(rows)
    assert {one["learner"] for one in job.selected_["members"][0]} <= {"arima", "elastic_net"}
