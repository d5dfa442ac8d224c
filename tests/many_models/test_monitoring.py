"""Past forecasts against what came true: what is measured, and who is told of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster, RollingOrigin
from forecaster.errors import DataError, SettingsError
from many_models import ManyModels, Run
from many_models.monitoring import Tolerance

SHOPS = ["even", "rough", "high", "wide", "moved", "late", "gone"]
START = 200


def values(days: np.ndarray, seed: int) -> np.ndarray:
    return 50 + 5 * (days % 7) + np.random.default_rng(seed).normal(0, 1, len(days))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, pd.DataFrame]:
    """A run, and days after it in which each shop does as its name says."""
    day, after = np.arange(START), np.arange(START, START + 14)
    history = pd.concat(pd.DataFrame({"shop": shop, "day": day, "y": values(day, i)}) for i, shop in enumerate(SHOPS))
    columns = {"series": ["shop"], "time": "day", "target": "y", "freq": 1, "season_length": 7}
    job = Forecaster(14, learners=["seasonal_average"], backtest=RollingOrigin(3), ensemble=None, **columns)
    run = ManyModels(job, "shop").train(history, tmp_path_factory.mktemp("watched") / "run", workers=1, progress=False)
    came = pd.concat(pd.DataFrame({"shop": shop, "day": after, "y": values(after, 10 + i)}) for i, shop in enumerate(SHOPS))
    swing = (-1.0) ** after
    for shop, by in {"high": 3.0, "moved": 60.0, "wide": 4 * swing, "rough": 9 * swing}.items():
        came.loc[came["shop"] == shop, "y"] += by
    dropped = (came["shop"] == "gone") | ((came["shop"] == "late") & (came["day"] > START + 3))
    return run, came[~dropped]


def alerts(run: Run, came: pd.DataFrame, **tolerance: float) -> dict[str, set[str]]:
    told = run.monitor(came, tolerance=Tolerance(**tolerance)).alerts
    return {shop: set(told.loc[told["shop"] == shop, "alert"]) for shop in SHOPS}


def test_each_fault_is_told_of_and_nothing_else(watched: tuple[Run, pd.DataFrame]) -> None:
    found = alerts(*watched)
    assert found["even"] == set()
    assert found["high"] >= {"biased", "worse"}
    assert found["moved"] >= {"level", "worse", "biased", "coverage"}
    assert found["rough"] >= {"worse", "coverage"}
    assert "biased" not in found["rough"]
    assert found["late"] == {"stale"}
    assert found["gone"] == {"no data"}


def test_groups_to_train_again_are_those_that_a_model_may_help(watched: tuple[Run, pd.DataFrame]) -> None:
    told = watched[0].monitor(watched[1])
    assert set(told.retrain["shop"]) == {"rough", "high", "wide", "moved"}
    assert told.retrain["shop"].is_unique
    assert list(told.retrain.columns) == ["shop"]


def test_measures_stand_beside_what_the_backtest_promised(watched: tuple[Run, pd.DataFrame]) -> None:
    run, came = watched
    told = run.monitor(came).groups.set_index("shop")
    plain = run.evaluate(came).set_index("shop")
    assert list(told.index) == sorted(SHOPS)
    pd.testing.assert_frame_equal(told.loc[plain.index, plain.columns], plain)
    backtest = run.backtest()
    even = backtest[backtest["shop"] == "even"]
    assert told["promised_mae"]["even"] == pytest.approx((even["actual"] - even["forecast"]).abs().mean())
    assert told["promised_coverage"].between(0.5, 1).all()
    assert np.isnan(told["mae"]["gone"])
    assert told["n"].to_dict() == dict.fromkeys(SHOPS, 14) | {"late": 4, "gone": 0}


def test_periods_are_as_long_as_the_horizon_and_add_up(watched: tuple[Run, pd.DataFrame], tmp_path: Path) -> None:
    run, came = watched
    told = run.monitor(came).periods
    assert set(told["from"]) == {START}
    made = run.forecast(horizon=28)
    after = np.arange(START, START + 28)
    long = pd.concat(pd.DataFrame({"shop": shop, "day": after, "y": values(after, 3)}) for shop in SHOPS)
    told = run.monitor(long, made).periods
    assert sorted(set(zip(told["from"], told["to"], strict=True))) == [(START, START + 13), (START + 14, START + 27)]
    whole = run.evaluate(long, made).set_index("shop")["mae"]
    pd.testing.assert_series_equal(told.groupby("shop")["mae"].mean(), whole)


def test_tolerance_decides(watched: tuple[Run, pd.DataFrame]) -> None:
    run, came = watched
    silent = alerts(run, came, surprise=1e9, level=1e9, stale=99)
    assert {shop for shop, found in silent.items() if found} == {"gone"}
    assert not any(found - {"stale", "no data"} for found in alerts(run, came, least=15).values())


@pytest.mark.parametrize("bad", [{"worse": 0}, {"least": True}, {"stale": "a"}])
def test_tolerances_are_numbers_above_0(bad: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        Tolerance(**bad)


def test_nothing_to_compare_is_an_error(watched: tuple[Run, pd.DataFrame]) -> None:
    with pytest.raises(DataError, match="no forecast has an actual value"):
        watched[0].monitor(watched[1].assign(day=9999))


def test_false_alarms_are_rare(tmp_path: Path) -> None:
    rows = pd.concat(pd.DataFrame({"shop": i, "day": np.arange(134), "y": values(np.arange(134), i)}) for i in range(200))
    columns = {"series": ["shop"], "time": "day", "target": "y", "freq": 1, "season_length": 7}
    job = Forecaster(14, learners=["seasonal_average"], backtest=RollingOrigin(3), ensemble=None, **columns)
    run = ManyModels(job, "shop").train(rows[rows["day"] < 120], tmp_path / "run", workers=1, progress=False)
    assert len(run.monitor(rows[rows["day"] >= 120]).retrain) <= 6
