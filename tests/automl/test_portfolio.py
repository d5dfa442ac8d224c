"""What is tried follows from what a group is like."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import Ridge

from forecaster import Forecaster
from forecaster.automl.trials import Trial
from forecaster.block import fit_block
from forecaster.settings import Settings

STATISTICAL = {"arima", "ets", "damped_ets", "theta", "ces"}
SPARSE = {"intermittent", "tsb", "imapa"}


def rows(name: str, values: np.ndarray, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": pd.date_range(end="2024-06-30", periods=len(values)), "y": values, **columns})


def smooth(days: int, seed: int = 0) -> np.ndarray:
    return 50 + 10 * np.sin(2 * np.pi * np.arange(days) / 7) + np.random.default_rng(seed).normal(0, 2, days)


def rare(days: int) -> np.ndarray:
    return np.random.default_rng(0).poisson(0.2, days).astype(float)


def tried(data: pd.DataFrame, **options: object) -> set[str]:
    made = Forecaster(6, n_jobs=1, **options).fit(data)
    return set(made.leaderboard_["learner"]) - {"voting"}


def test_smooth_series_are_tried_with_the_statistical_learners():
    names = tried(rows("a", smooth(120)))
    assert names >= STATISTICAL | {"seasonal_naive", "seasonal_average", "mstl"}
    assert not names & (SPARSE | {"lightgbm", "elastic_net", "naive"})


def test_intermittent_demand_is_tried_with_learners_of_its_own():
    names = tried(rows("a", rare(150)))
    assert names >= SPARSE
    assert not names & (STATISTICAL | {"drift", "mstl"})


def test_regression_takes_rows_or_covariates():
    assert "lightgbm" in tried(rows("a", smooth(250)))
    priced = rows("a", smooth(120), price=np.random.default_rng(1).normal(size=120))
    assert tried(priced, known=["price"]) >= {"lightgbm", "elastic_net"}


def test_logarithms_are_tried_where_covariates_multiply_a_demand():
    priced = rows("a", smooth(120), price=np.random.default_rng(1).normal(size=120))
    assert "lightgbm_log" in tried(priced, known=["price"])
    assert "lightgbm_log" not in tried(priced)
    assert "lightgbm_log" not in tried(priced.assign(y=priced["y"] - 60), known=["price"])
    assert "lightgbm_log" not in tried(priced.assign(y=rare(120)), known=["price"])


def test_lines_on_logarithms_are_tried_where_promotions_reach_far():
    rng = np.random.default_rng(2)
    deal = (rng.random(120) < 0.08) * 1.0
    logs = {"arima_log", "elastic_net_log"}
    promoted = rows("a", smooth(120) * np.exp(2 * deal), deal=deal)
    assert tried(promoted, known=["deal"]) >= logs
    assert not tried(promoted.assign(y=1e160 * promoted["y"]), known=["deal"]).isdisjoint(logs)
    assert not tried(promoted) & logs
    assert not tried(rows("a", smooth(120) + 5 * deal, deal=deal), known=["deal"]) & logs
    three = pd.concat([promoted, *(rows(name, smooth(120), deal=deal) for name in "bc")])
    assert not tried(three, known=["deal"]) & logs
    assert not tried(promoted, known=["deal"], block=["arima", "elastic_net"]) & logs


def test_many_series_are_tried_on_differences_and_with_covariates_on_levels_too():
    data = pd.concat([rows(f"s{i}", smooth(60, i), price=np.arange(60.0) % 5) for i in range(8)])
    differenced, levels = {"autoregression", "mstl_autoregression", "lightgbm_season"}, {"lightgbm", "lightgbm_recursive"}
    assert tried(data.drop(columns="price")) & (differenced | levels | {"lightgbm_difference"}) == differenced
    assert tried(data.drop(columns="price"), season_length=1) >= {"autoregression", "lightgbm_difference"}
    assert tried(data, known=["price"]) >= differenced | {"lightgbm", "elastic_net"}
    assert not {name for name in tried(data.drop(columns="price"), target_transform="log") if "_difference" in name or "_season" in name}


def test_a_year_of_days_is_tried_on_levels_too():
    year = pd.concat([rows(f"s{i}", smooth(365 if i else 370, i)) for i in range(8)])
    named = {"learners": "auto", "block": ["arima", "ets", "ces", "temporal", "mstl", "autoregression"]}
    assert tried(year, **named) >= {"lightgbm", "lightgbm_recursive", "lightgbm_season"}
    assert not tried(year.groupby("unique_id").tail(364), **named) & {"lightgbm", "lightgbm_recursive"}


def test_where_the_season_is_a_day_a_week_is_tried_too():
    hours = np.arange(24 * 7 * 4)
    load = 50 + 10 * np.sin(2 * np.pi * hours / 24) + 10 * (hours // 24 % 7 > 4) + np.random.default_rng(0).normal(size=len(hours))
    data = pd.DataFrame({"unique_id": "a", "ds": hours, "y": load})
    named = {"learners": "auto", "block": ["lightgbm", "elastic_net", "arima"], "freq": 1, "season_length": 24}
    assert "mstl_week" in tried(data, **named)
    assert "mstl_week" not in tried(data.head(24 * 10), **named)


def test_long_series_are_tried_in_sums_over_parts_of_their_season():
    names = tried(rows("a", smooth(140)))
    assert names >= {"temporal_ets", "temporal_ces", "temporal_arima"}
    assert not {name for name in tried(rows("a", smooth(139))) if name.startswith("temporal")}
    assert not {name for name in tried(rows("a", rare(150))) if name.startswith("temporal")}
    assert not {name for name in tried(rows("a", smooth(140)), block=["ets", "temporal"]) if "ets" in name or "temporal" in name}
    assert tried(rows("a", smooth(140)), block=["ets"]) >= {"temporal_ces", "temporal_arima"}


def test_blocked_learners_are_blocked_in_every_form():
    data = pd.concat([rows(f"s{i}", smooth(60, i)) for i in range(8)])
    assert not {name for name in tried(data, block=["lightgbm", "ets"]) if "lightgbm" in name or "ets" in name}


def test_groups_of_a_block_are_tried_with_what_suits_each():
    data = pd.concat([rows("smooth", smooth(100)), rows("rare", rare(100))])
    made = fit_block(pa.Table.from_pandas(data, preserve_index=False), Settings.parse({"horizon": 6, "n_jobs": 1}), ("unique_id",))
    backtest = made.backtest().to_pandas()
    by_group = {name: set(group["learner"]) for name, group in backtest.groupby("unique_id")}
    assert by_group["smooth"] >= STATISTICAL
    assert not by_group["smooth"] & SPARSE
    assert by_group["rare"] >= SPARSE
    assert not by_group["rare"] & STATISTICAL
    assert backtest["forecast"].notna().all()
    assert made.predict().to_pandas()["forecast"].notna().all()


def test_a_series_too_short_for_a_backtest_is_forecast_by_experience():
    """A line of ten values, of which no window can be held back: a naive forecast would stay at its end."""
    made = Forecaster(6, season_length=1, n_jobs=1).fit(rows("a", 10.0 + np.arange(10)))
    assert made.leaderboard_.empty
    assert made.predict()["forecast"].iloc[-1] > 22


@pytest.mark.parametrize("ensemble", ["voting", "caruana", "stacking", None])
@pytest.mark.parametrize("learners", [["drift", "average"], "auto"], ids=str)
def test_a_group_without_a_backtest_gets_what_it_would_get_alone(ensemble, learners):
    short, long = rows("short", 10.0 + np.arange(10)), rows("long", smooth(100))
    settings = Settings.parse({"horizon": 6, "n_jobs": 1, "learners": learners, "season_length": 1, "ensemble": ensemble})
    alone, beside = (
        fit_block(pa.Table.from_pandas(data, preserve_index=False), settings, ("unique_id",)) for data in (short, pd.concat([short, long]))
    )
    assert beside.outcomes().to_pandas().set_index("unique_id")["status"].to_dict() == {"short": "done", "long": "done"}
    assert beside.predict().to_pandas().query("unique_id == 'short'")["forecast"].tolist() == alone.predict()["forecast"].to_pylist()


class Slow(Ridge):
    def fit(self, X: np.ndarray, y: np.ndarray) -> Slow:
        time.sleep(1.5)
        return super().fit(X, y)


def test_a_time_limit_skips_what_there_is_no_time_for_and_says_so():
    data = pd.concat([rows(f"s{i}", smooth(400, i)) for i in range(3)])
    seen: list[Trial] = []
    made = Forecaster(28, learners=["seasonal_naive", Slow()], time_limit=2, n_jobs=1).fit(data, on_trial=seen.append)
    board = made.leaderboard_.set_index("learner")
    assert board.loc["seasonal_naive", "status"] == "done"
    assert board.loc["slow", "status"] == "skipped"
    assert board.loc["slow", "reason"] == "the time limit of 2 s was reached after 1 of 3 windows"
    assert {trial.learner for trial in seen} == {"seasonal_naive", "slow"}
    assert made.predict()["forecast"].notna().all()


@pytest.mark.parametrize("ensemble", ["voting", "caruana", "stacking", None])
def test_the_same_bits_on_any_number_of_threads(ensemble):
    data = pd.concat([rows(f"s{i}", smooth(60, i)) for i in range(8)])
    learners = ["seasonal_naive", "ets", "arima", "elastic_net", "lightgbm"]
    one, two = (Forecaster(6, learners=learners, ensemble=ensemble, n_jobs=jobs).fit(data).predict() for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
