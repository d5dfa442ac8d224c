"""What "auto" chooses: the heuristic of azure-semantics B.2 and the floor below it."""

from __future__ import annotations

import numpy as np
import pytest
from hand_tables import hand_table

from forecaster.features.auto import deseasonalised, largest_lag, look_back, partial_autocorrelation
from forecaster.features.design import Design
from forecaster.frequency import Frequency

RNG = np.random.default_rng(1)


def autoregression(coefficients: list[float], n: int = 600, seed: int = 0) -> np.ndarray:
    y = np.random.default_rng(seed).normal(size=n + 100)
    for t in range(len(coefficients), len(y)):
        y[t] += sum(c * y[t - 1 - k] for k, c in enumerate(coefficients))
    return y[100:]


def test_partial_autocorrelations_are_the_last_coefficients_of_yule_walker_fits() -> None:
    y = autoregression([0.6, -0.3])
    c = y - y.mean()
    rho = np.array([c[: len(c) - k] @ c[k:] for k in range(8)]) / (c @ c)
    for k, found in enumerate(partial_autocorrelation(y, 7), start=1):
        toeplitz = np.array([[rho[abs(i - j)] for j in range(k)] for i in range(k)])
        assert found == pytest.approx(np.linalg.solve(toeplitz, rho[1 : k + 1])[-1], abs=1e-9)


def test_a_constant_series_has_no_partial_autocorrelation() -> None:
    assert partial_autocorrelation(np.ones(20), 4).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("m", [2, 7, 12])
def test_deseasonalising_takes_a_season_out_and_leaves_the_level(m: int) -> None:
    season = np.tile(np.arange(float(m)), 20)
    left = deseasonalised(season + 100, m)
    assert left[m:-m].std() < 0.1 * season.std()
    assert left.mean() == pytest.approx(100 + (m - 1) / 2)


def test_the_lag_before_the_first_insignificant_one_and_the_last_significant_one() -> None:
    table = hand_table([autoregression([0.5, 0.3], seed=s) for s in range(9)])
    lag, window = look_back(table)
    assert lag == 2
    assert 2 <= window <= 14


def test_noise_has_no_lag() -> None:
    assert look_back(hand_table([RNG.normal(size=900) for _ in range(9)]))[0] == 0


def test_series_too_short_or_constant_to_tell_have_none() -> None:
    assert look_back(hand_table([[1, 2, 3], np.ones(50)])) == (0, 0)


@pytest.mark.parametrize(
    ("freq", "season", "lag"), [("D", 7, 7), ("W-SUN", 52, 4), ("MS", 12, 12), ("h", 24, 24), ("30min", 48, 48), ("s", 60, 48), (1, 1, 2)]
)
def test_the_largest_lag_reaches_the_next_coarser_unit(freq: str | int, season: int, lag: int) -> None:
    assert largest_lag(Frequency.parse(freq), season) == lag


def test_auto_joins_the_finding_with_the_floor() -> None:
    design = Design().fit(hand_table([RNG.poisson(5, 400) for _ in range(5)], season_length=7)).design
    windows = dict(design.windows)  # type: ignore[arg-type]
    assert {1, 2, 3, 7, 14} <= set(design.lags)  # type: ignore[arg-type]
    assert {7, 14, 28} <= set(windows["mean"])
    assert windows["std"] == windows["mean"]
    assert windows["season_mean"] == (1, 2, 4)


@pytest.mark.parametrize(("season", "means"), [(1, {4}), (4, {4, 8, 16}), (12, {4, 12, 24, 48}), (52, {4, 52, 104})])
def test_windows_follow_the_season(season: int, means: set[int]) -> None:
    windows = dict(Design().fit(hand_table([RNG.normal(size=220)], "MS", season_length=season)).design.windows)  # type: ignore[arg-type]
    assert means <= set(windows["mean"])
    assert ("season_mean" in windows) == (season > 1)


def test_nothing_longer_than_half_of_a_typical_series_is_chosen() -> None:
    fitted = Design(horizon=2).fit(hand_table([RNG.normal(size=n) for n in (20, 21, 300)], season_length=12))
    assert fitted.lookback <= 10 or fitted.lookback == 12
    assert max(fitted.design.lags) <= 10  # type: ignore[type-var]


def test_the_shortest_table_still_has_a_lag() -> None:
    assert Design().fit(hand_table([[1.0]])).names == ("horizon", "lag1")


def test_numbers_that_are_given_stay() -> None:
    design = Design(lags=(5,), windows="auto").fit(hand_table([RNG.normal(size=90)])).design
    assert design.lags == (5,)
    assert Design(lags="auto", windows=None).fit(hand_table([RNG.normal(size=90)])).design.windows is None
