"""Target transforms: undoing what was done gives back what was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_tables import hand_table, noisy_table

from forecaster import archive
from forecaster.errors import SettingsError
from forecaster.features.powers import POWERS
from forecaster.features.targets import TRANSFORMS, BoxCox, Difference, Log, Scale, Stationary
from forecaster.protocols import Forecast
from forecaster.table import Table

ALL = [Difference(1), Difference(7), Log(), BoxCox(), BoxCox(0), BoxCox(0.5), Scale("mean"), Scale("std"), Stationary()]


def split(table: Table, steps: int) -> tuple[Table, np.ndarray]:
    return table.drop_last(steps), table.last(steps)


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("shift", [0.0, -20.0])
def test_inverting_the_transformed_truth_gives_the_truth(transform: Any, shift: float) -> None:
    table = noisy_table(1, sizes=(40, 33), missing=0)
    table = table.with_target(table.target + shift)
    history, truth = split(table, 10)
    fitted = transform.fit(table)  # so that the smallest value is known to Log
    seen = fitted.apply(table).last(10)
    again = fitted.invert(Forecast(seen, (0.1, 0.9), np.stack([seen, seen], axis=2)), history)
    np.testing.assert_allclose(again.mean, truth, atol=1e-9)
    np.testing.assert_allclose(again.quantiles[:, :, 1], truth, atol=1e-9)
    assert again.levels == (0.1, 0.9)


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_a_transformed_table_has_the_same_end_and_loses_what_the_transform_says(transform: Any) -> None:
    table = noisy_table(1, sizes=(40, 3, 33))
    made = transform.fit(table).apply(table)
    assert made.end[[0, 2]].tolist() == table.end[[0, 2]].tolist()
    assert made.sizes.tolist() == [max(n - transform.takes, 0) for n in (40, 3, 33)]


def test_differences_are_changes_within_a_series() -> None:
    made = Difference(2).apply(hand_table([[1, 4, 9, 16], [5, 5, 7]]))
    assert made.target.tolist() == [8, 12, 2]
    assert made.indptr.tolist() == [0, 2, 3]


def test_seasonal_changes_are_added_to_their_own_season() -> None:
    forecast = Difference(2).invert(Forecast(np.array([[1.0, 10, 1, 10, 1]])), hand_table([[0, 100, 200]]))
    assert forecast.mean.tolist() == [[101, 210, 102, 220, 103]]


def test_a_missing_last_value_is_replaced_by_that_of_a_season_before() -> None:
    forecast = Difference(2).invert(Forecast(np.zeros((1, 2))), hand_table([[7, 1, np.nan, 2]]))
    assert forecast.mean.tolist() == [[7, 2]]


def test_intervals_of_changes_widen_like_those_of_a_random_walk() -> None:
    mean = np.zeros((1, 4))
    made = Difference(1).invert(Forecast(mean, (0.1, 0.5, 0.9), np.stack([mean - 1, mean, mean + 1], axis=2)), hand_table([[5.0, 5.0]]))
    np.testing.assert_allclose(made.quantiles[0, :, 2] - 5, np.sqrt([1, 2, 3, 4]))
    np.testing.assert_allclose(made.quantiles[0, :, 0] - 5, -np.sqrt([1, 2, 3, 4]))
    np.testing.assert_allclose(made.quantiles[0, :, 1], 5)


def test_only_series_that_do_not_keep_a_level_are_differenced() -> None:
    rng = np.random.default_rng(0)
    season = 9 * np.sin(2 * np.pi * np.arange(60) / 7)
    noise = rng.normal(size=60)
    values = [noise + season, np.cumsum(noise), noise + 0.3 * np.arange(60), np.full(60, 5.0), noise[:7] + np.arange(7)]
    table = hand_table(values, season_length=7)
    made = Stationary().fit(table).apply(table)
    kept = [np.array_equal(made.take([i]).target, table.take([i]).target[1:]) for i in range(5)]
    assert kept == [True, False, False, True, True]
    assert np.array_equal(made.take([1]).target, np.diff(np.cumsum(noise)))


def test_a_forecast_is_added_up_where_its_series_was_differenced() -> None:
    table = hand_table([np.arange(40.0), np.random.default_rng(0).normal(size=40)])
    said = np.full((2, 3), 1.0)
    made = Stationary().fit(table).invert(Forecast(said, (0.1, 0.9), np.stack([said - 1, said + 1], axis=2)), table)
    assert made.mean.tolist() == [[40, 41, 42], [1, 1, 1]]
    np.testing.assert_allclose(made.quantiles[0, :, 1] - made.mean[0], np.sqrt([1, 2, 3]))
    assert made.quantiles[1].tolist() == [[0, 2]] * 3


def test_a_log_is_shifted_for_negative_series_only() -> None:
    made = Log().fit(hand_table([[0, 3], [-5, 5]]))
    assert made.shift.tolist() == [0, 5]
    assert np.isfinite(made.apply(hand_table([[0, 3], [-9, 5]])).target).all()


def test_a_wild_forecast_on_the_log_scale_stays_a_number() -> None:
    made = Log().fit(hand_table([[0, 3]])).invert(Forecast(np.array([[1e9]])), hand_table([[0, 3]]))
    assert np.isfinite(made.mean).all()


def test_scaled_series_have_unit_size_each() -> None:
    table = hand_table([[1, 2, 3], [100, np.nan, 300]])
    made = Scale("mean").fit(table).apply(table)
    assert [np.nanmean(made.values(i)) for i in (0, 1)] == pytest.approx([1, 1])
    made = Scale("std").fit(table).apply(table)
    assert [np.nanstd(made.values(i)) for i in (0, 1)] == pytest.approx([1, 1])


@pytest.mark.parametrize("by", ["mean", "std"])
def test_constant_zero_and_empty_series_keep_their_unit(by: Any) -> None:
    fitted = Scale(by).fit(hand_table([[0, 0], [7, 7], []]))
    assert fitted.unit[[0, 2]].tolist() == [1, 1]
    assert np.isfinite(fitted.unit).all()


def test_a_table_of_other_series_is_refused() -> None:
    with pytest.raises(SettingsError, match="2 series and came to a table of 1"):
        Scale().fit(hand_table([[1], [2]])).apply(hand_table([[1]]))


@pytest.mark.parametrize("make", [lambda: Difference(0), lambda: Scale("median")])  # type: ignore[arg-type]
def test_options_that_cannot_be_meant(make: Any) -> None:
    with pytest.raises(SettingsError):
        make()


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_fitted_transforms_survive_saving(transform: Any, tmp_path: Path) -> None:
    table = noisy_table(1, missing=0)
    fitted = transform.fit(table)
    archive.save(fitted, tmp_path / "it")
    np.testing.assert_array_equal(archive.load(tmp_path / "it").apply(table).target, fitted.apply(table).target)


def test_the_catalogue_is_sorted() -> None:
    assert list(TRANSFORMS) == sorted(TRANSFORMS)


def guerrero(y: np.ndarray, period: int) -> float:
    blocks = y[len(y) % period :].reshape(-1, period)
    mean, sd = blocks.mean(axis=1), blocks.std(axis=1, ddof=1)
    kept = np.isfinite(mean) & (sd > 0)
    ratios = [sd[kept] / mean[kept] ** (1 - power) for power in POWERS]
    return float(POWERS[np.argmin([r.std() / r.mean() for r in ratios])])


def test_the_power_evens_out_the_spread_of_seasons() -> None:
    rng = np.random.default_rng(0)
    level = np.linspace(10, 200, 61)
    series = [level * np.exp(0.2 * rng.normal(size=61)), level + 3 * rng.normal(size=61), np.sqrt(level) * rng.normal(size=61) + level]
    series[2][[5, 40]] = np.nan
    table = hand_table([list(y) for y in series])
    table = type(table)(**(vars(table) | {"season_length": 4}))
    power = BoxCox().fit(table).power
    np.testing.assert_allclose(power, [guerrero(y, 4) for y in series], atol=1e-12)
    assert power[0] < 0.3
    assert power[1] > 0.6


@pytest.mark.filterwarnings("error")
def test_seasons_too_large_for_a_spread_choose_no_power() -> None:
    values = 1 + np.random.default_rng(0).random(20)
    assert BoxCox().fit(hand_table([list(1e300 * values), list(values)])).power[0] == 1


def test_a_power_of_no_use_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"between 0 and 2; came power=-1"):
        BoxCox(-1)
