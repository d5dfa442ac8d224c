"""Every feature is within a user's reach: through `Forecaster(...)`, through its JSON, and back from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import Featurization, Forecaster
from forecaster.errors import SettingsError, UnknownName
from forecaster.features.windows import STATS
from forecaster.settings import Settings

RICH = Featurization(
    trend=True, fourier={7: 2}, stl="season_trend", past_lags=(1, 2), past_windows={"mean": [7]}, known_lags=[1], known_windows={"max": 3}
)  # fmt: skip
WINDOWS = {
    **{stat: [7] for stat in STATS},
    **{f"season_{stat}": [2] for stat in STATS},
    "ewm": 0.3,
    "ewm_std": [0.3],
    "expanding": [*STATS, "since_nonzero"],
}


def shops(days: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = 2 * days
    return pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], days), "ds": np.tile(pd.date_range("2023-11-01", periods=days), 2),
            "y": 20 + np.arange(rows) % 7 + rng.random(rows), "price": rng.random(rows), "visits": rng.random(rows),
            "country": np.repeat(["US-CA", "DE"], days),
        }
    )  # fmt: skip


def job(**options: Any) -> Forecaster:
    given = {"learners": ["elastic_net"], "backtest": None, "known": ["price"], "past": ["visits"], "static": ["country"]}
    return Forecaster(5, **(given | options))


def future(data: pd.DataFrame) -> pd.DataFrame:
    last = data.groupby("unique_id").tail(5)
    return last.assign(ds=last.ds + pd.Timedelta(days=5))[["unique_id", "ds", "price"]]


def test_every_window_lag_and_wave_can_be_asked_for_and_seen() -> None:
    found = job(windows=WINDOWS, lags=[1, 2], holidays="country", featurization=RICH).features(shops())
    names = {f"{stat}7" for stat in STATS} | {f"season_{stat}2" for stat in STATS} | {f"expanding_{stat}" for stat in STATS}
    names |= {"ewm0.3", "ewm_std0.3", "since_nonzero", "lag1", "lag2", "visits_lag2", "visits_mean7", "price_lag1", "price_max3"}
    names |= {"trend", "sin_7_2", "holiday_name", "holiday_next", "weekday", "horizon", "origin", "price", "country", "series"}
    names |= {"stl_season", "stl_trend"}
    assert names <= set(found.columns)


def test_the_season_of_a_wave_on_a_level_is_the_wave_and_its_trend_is_the_level() -> None:
    wave = np.array([-3.0, -2, -1, 0, 1, 2, 3])
    data = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=42), "y": 20 + np.tile(wave, 6)})
    made = Forecaster(9, lags=None, windows=None, learners=["elastic_net"], featurization={"stl": "season_trend"}).features(data)
    seen = made.dropna(subset=["stl_season", "stl_trend"])
    seen = seen[seen.origin >= pd.Timestamp("2024-01-07")]
    assert len(seen) > 200
    np.testing.assert_allclose(seen.stl_season, seen.y - 20, atol=1e-5)
    np.testing.assert_allclose(seen.stl_trend, 20, atol=1e-5)


def test_without_a_season_there_are_no_parts_and_the_network_sees_none() -> None:
    data = shops()
    assert not {"stl_season", "stl_trend"} & set(job(season_length=1, featurization={"stl": "season_trend"}).features(data).columns)
    pytest.importorskip("torch")
    plain, parts = ({"learners": [{"tcn": {"epochs": 1, "channels": 4}}], "featurization": {"stl": stl}} for stl in (None, "season"))
    pd.testing.assert_frame_equal(*(job(**options).fit(data).predict(future(data)) for options in (plain, parts)))


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("transform", [(), "log", ["log", {"difference": 7}], "season_difference", "stationary", {"scale": "std"}], ids=str)
def test_strategies_and_transforms_give_forecasts_near_the_truth(strategy: str, transform: Any) -> None:
    data = shops()
    made = job(lags=[1, 7], windows={"season_mean": [2]}, featurization={"strategy": strategy}, target_transform=transform).fit(data)
    said = made.predict(future(data)).forecast.to_numpy()
    truth = 20.5 + np.concatenate([np.arange(90, 95) % 7, np.arange(180, 185) % 7])
    assert np.abs(said - truth).max() < 1.5
    assert made.selected_.learner.tolist() == ["elastic_net"]


def test_transforms_change_what_regression_learners_see() -> None:
    data = shops()
    plain, logs = (job(lags=[1], windows=None, target_transform=t).fit(data).predict(future(data)).forecast for t in ((), "log"))
    assert not np.allclose(plain, logs)


def test_a_tree_follows_a_trend_where_series_are_made_stationary() -> None:
    pytest.importorskip("lightgbm")
    trend = np.arange(200) + np.random.default_rng(0).normal(size=200)
    data = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2023-01-02", periods=200), "y": trend})
    plain, moved = (
        Forecaster(14, learners=["lightgbm"], backtest=None, ensemble=None, target_transform=t).fit(data).predict().forecast
        for t in ((), "stationary")
    )
    assert np.abs(plain - np.arange(200, 214)).mean() > 5
    assert np.abs(moved - np.arange(200, 214)).max() < 5


def test_a_budget_samples_horizons_keeps_every_feature_and_says_so() -> None:
    data = shops()
    whole, some = (job(featurization={"row_budget": budget}, lags=[1], windows=None) for budget in (None, 100))
    assert some.features(data).columns.tolist() == whole.features(data).columns.tolist()
    assert len(some.features(data)) <= 100 < len(whole.features(data))
    (told,) = some.fit(data).findings_.query("rule == 'sampled_rows'").message
    assert "row budget of 100" in told


def test_all_of_it_survives_a_file(tmp_path: Path) -> None:
    data = shops()
    made = job(windows=WINDOWS, featurization=RICH, target_transform=["log", {"scale": "std"}]).fit(data)
    made.save(tmp_path / "job")
    loaded = Forecaster.load(tmp_path / "job")
    pd.testing.assert_frame_equal(loaded.predict(future(data)), made.predict(future(data)))
    assert loaded.settings.design == made.settings.design
    assert Settings.parse(made.settings.as_dict()).design == made.settings.design


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"windows": {"meen": [3]}}, UnknownName, "did you mean 'mean'"),
        ({"windows": {"mean": [7.5]}}, SettingsError, "got 7.5"),
        ({"windows": {"expanding": ["men"]}}, UnknownName, "no expanding statistic is called 'men'"),
        ({"holidays": {"contry": "US"}}, UnknownName, "did you mean 'country'"),
        ({"featurization": {"fourrier": 1}}, UnknownName, "did you mean 'fourier'"),
        ({"featurization": {"fourier": -1}}, SettingsError, "from 0 on"),
        ({"featurization": {"stl": "trend"}}, SettingsError, "came 'trend'"),
        ({"featurization": {"strategy": "both"}}, SettingsError, "came 'both'"),
        ({"featurization": {"known_windows": {"season_mean": [2]}}}, SettingsError, "have no season"),
        ({"target_transform": "lgo"}, UnknownName, "did you mean 'log'"),
        ({"target_transform": {"difference": 0}}, SettingsError, "lag=0"),
        ({"target_transform": 3}, SettingsError, "got 3"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_before_there_is_data(options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        job(**options)


def test_a_country_without_holidays_is_refused_and_not_a_failed_learner() -> None:
    with pytest.raises(UnknownName, match="did you mean 'US'"):
        job(holidays="USQ").fit(shops())
