"""A series that is broken moves what pooled learners say of its healthy neighbours no more than any other series would."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster

DAYS, SERIES = 200, 20
LIKE_THE_REST = 100 + np.random.default_rng(1).normal(0, 5, DAYS)
SPIKE, TAIL = LIKE_THE_REST.copy(), LIKE_THE_REST.copy()
SPIKE[100], TAIL[-4:] = 1e12, 1e9


def rows(**more: np.ndarray) -> pd.DataFrame:
    """Twenty series with a week and a trend, and others beside them."""
    noise, day = np.random.default_rng(0).normal(0, 3, (SERIES, DAYS)), np.arange(DAYS)
    values = {f"s{i:02}": 100 + 10 * np.sin(2 * np.pi * day / 7) + 0.1 * day + noise[i] for i in range(SERIES)} | more
    days = pd.date_range("2024-01-01", periods=DAYS)
    return pd.concat(pd.DataFrame({"unique_id": name, "ds": days, "y": y}) for name, y in values.items())


def healthy(learner: str, **more: np.ndarray) -> np.ndarray:
    said = Forecaster(7, learners=[learner], backtest={"windows": 1}, n_jobs=1).fit(rows(**more)).predict()
    return said.loc[~said["unique_id"].isin(list(more)), "forecast"].to_numpy()


@cache
def alone(learner: str) -> np.ndarray:
    return healthy(learner)


@pytest.mark.parametrize("bad", [SPIKE, TAIL, 1e12 * LIKE_THE_REST, np.zeros(DAYS)], ids=["spike", "tail", "huge", "zeros"])
@pytest.mark.parametrize("learner", ["elastic_net", "autoregression", "lightgbm"])
def test_a_bad_series_leaves_pooled_forecasts_of_its_neighbours_within_one_percent(learner: str, bad: np.ndarray) -> None:
    moved = np.abs(healthy(learner, z=bad) / alone(learner) - 1)
    assert moved.mean() < 0.01
    assert moved.max() < 0.03
