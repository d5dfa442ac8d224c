"""Intervals of whole jobs hold what comes: past the horizon, and where errors grow or models know how unsure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.protocols import Forecast, Traits
from forecaster.table import Future, Table


def frame(values: np.ndarray) -> pd.DataFrame:
    """One series per row of the values."""
    series, size = values.shape
    return pd.DataFrame({"unique_id": np.repeat(np.arange(series), size), "ds": np.tile(np.arange(size), series), "y": values.ravel()})


def inside(values: np.ndarray, horizon: int, ahead: int, season: int = 1, **options: object) -> np.ndarray:
    """Share of the last `ahead` values that lie in the 80% interval, at each step."""
    made = Forecaster(horizon, freq=1, season_length=season, n_jobs=1, **options).fit(frame(values[:, :-ahead])).predict(horizon=ahead)
    low, high = (made[name].to_numpy().reshape(-1, ahead) for name in ("q0.1", "q0.9"))
    return ((values[:, -ahead:] >= low) & (values[:, -ahead:] <= high)).mean(0)


@pytest.mark.parametrize("learners", [["naive"], ["naive", "ets"]])
def test_a_random_walk_is_held_past_the_horizon(learners):
    walks = np.random.default_rng(0).normal(size=(400, 96)).cumsum(1)
    share = inside(walks, 4, 16, learners=learners)
    assert share[4:].min() > 0.74, share
    assert share.max() < 0.88, share


@pytest.mark.parametrize("learners", [["average"], ["average", "ets"]])
def test_noise_is_held_past_the_horizon_and_no_wider_than_within(learners):
    noise = np.random.default_rng(0).normal(size=(400, 96))
    share = inside(noise, 4, 16, learners=learners)
    assert share[4:] == pytest.approx(np.full(12, 0.8), abs=0.1)


def test_an_autoregression_with_a_season_is_held_past_the_horizon():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 112))
    for step in range(1, values.shape[1]):
        values[:, step] += 0.7 * values[:, step - 1]
    season = np.tile(3 * rng.normal(size=(300, 4)), 28)
    share = inside(values + season, 4, 16, season=4, learners=["seasonal_naive"])
    assert share[4:].mean() == pytest.approx(0.8, abs=0.04), share
    assert share[4:].min() > 0.74, share


@pytest.mark.parametrize("place", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [0.3, 3.0])
def test_how_loud_the_last_step_is_does_not_say_how_wide_the_next_horizon_will_be(place, size):
    """Every fourth step is quiet, or loud, as an hour of the night or a Sunday is; the horizon ends with it, or elsewhere."""
    sizes = np.where(np.arange(112) % 4 == place, size, 1.0)
    share = inside(sizes * np.random.default_rng(0).normal(size=(400, 112)), 8, 16, season=4, learners=["seasonal_average"])
    assert share[:8].mean() == pytest.approx(0.8, abs=0.04), share
    assert share[8:].mean() == pytest.approx(0.8, abs=0.08), share


@dataclass(frozen=True)
class Repeated:
    """Says the last twelve values, again and again; what it is fitted on is all that it needs."""

    traits = Traits(min_length=12, rolls_forward=False)
    last: np.ndarray | None = None

    def fit(self, table: Table) -> Repeated:
        return Repeated(table.last(12))

    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        return Forecast(np.tile(self.last, -(-horizon // 12))[:, :horizon])


def test_errors_that_grow_only_past_the_horizon_are_held():
    """Each value is the one of a horizon before and something new: what is known tells all of the horizon equally well, and forecasts
    have to stand for it past that. Neither the steps within nor differences of values, which a pattern rules, say so."""
    walks = np.random.default_rng(0).normal(size=(300, 14, 12)).cumsum(1).reshape(300, -1)
    share = inside(walks + np.tile([0.0, 6, -2, 9], 42), 12, 24, learners=[Repeated()])
    assert share[:12].mean() == pytest.approx(0.8, abs=0.04), share
    assert share[12:].mean() == pytest.approx(0.8, abs=0.05), share


def test_past_the_horizon_quantiles_ascend_and_are_kept(tmp_path):
    walks = np.random.default_rng(0).normal(size=(6, 60)).cumsum(1)
    job = Forecaster(4, freq=1, season_length=1, n_jobs=1, learners=["naive", "ets"], quantiles=(0.05, 0.1, 0.5, 0.9)).fit(frame(walks))
    made = job.predict(horizon=14)
    assert (np.diff(made[["q0.05", "q0.1", "q0.5", "q0.9"]].to_numpy(), axis=1) > 0).all()
    first = made[made.groupby("unique_id").cumcount() < 4].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, job.predict())
    job.save(tmp_path / "job")
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "job").predict(horizon=14), made)


def test_errors_that_grow_are_held():
    """Steps of a walk that are twice as large every 24 steps: the errors of the backtest are those of smaller ones."""
    steps = np.exp(np.log(2) / 24 * np.arange(86)) * np.random.default_rng(0).normal(size=(400, 86))
    share = inside(steps.cumsum(1), 6, 6, learners=["naive", "ets"])
    assert share.mean() == pytest.approx(0.8, abs=0.05)


def test_series_without_a_backtest_have_the_intervals_of_their_models():
    walks = np.random.default_rng(0).normal(size=(300, 22)).cumsum(1)
    share = inside(walks, 8, 8)
    assert share.mean() == pytest.approx(0.8, abs=0.08)


def test_the_backtest_says_how_many_it_held():
    walks = np.random.default_rng(0).normal(size=(100, 80)).cumsum(1)
    made = Forecaster(4, freq=1, season_length=1, n_jobs=1, learners=["naive", "ets"]).fit(frame(walks))
    final = made.backtest_.query("learner == 'voting'")
    held = ((final["actual"] >= final["q0.1"]) & (final["actual"] <= final["q0.9"])).mean()
    assert made.selected_["coverage"].to_list() == pytest.approx([held])
    assert held == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("level", [0.0, 7.0])
@pytest.mark.parametrize("learners", [["seasonal_naive"], ["average", "ets"], ["croston", "naive"]])
def test_a_series_that_is_the_same_from_beginning_to_end_has_no_interval(learners, level):
    values = np.random.default_rng(0).poisson(3.0, (3, 60)).astype(float)
    values[1] = level
    job = Forecaster(4, freq=1, season_length=1, n_jobs=1, learners=learners).fit(frame(values))
    made = job.predict(horizon=8)
    assert made[made.unique_id == 1].iloc[:, 2:].to_numpy().tolist() == [[level] * 4] * 8
    assert (made[made.unique_id != 1]["q0.9"] > 0).all()
    told = job.backtest_
    assert (told[(told.unique_id == 1) & (told.learner == "voting")]["q0.9"] == level).all()


def test_a_few_zeros_are_no_reason_to_be_sure():
    made = Forecaster(2, freq=1, season_length=1, n_jobs=1, learners=["naive"]).fit(frame(np.zeros((1, 9)))).predict()
    assert (made["q0.9"] > 0).all()


@pytest.mark.filterwarnings("error::RuntimeWarning", "ignore:.*baseline forecasts")
@pytest.mark.parametrize("backtest", [None, {"windows": 2}])
def test_values_of_any_size_have_numbers_for_quantiles(backtest):
    values = np.random.default_rng(0).random((5, 40)) * np.array([[1.0], [1e300], [1.7e308], [1e-300], [5e-323]])
    for learner in ("theta", "croston"):
        options = {"learners": [learner], "backtest": backtest, "ensemble": None}
        made = Forecaster(2, freq=1, season_length=1, n_jobs=1, **options).fit(frame(values)).predict(horizon=4).iloc[:, 2:].to_numpy()
        assert np.isfinite(made).all()
        assert (np.diff(made[:, 1:], axis=1) >= 0).all()
