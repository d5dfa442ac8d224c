"""Temporal hierarchies: the promises where levels are in use, and a slow oracle for what they agree on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.learners import build, make
from forecaster.testing import PROMISES, sales, same, table_of

SEASON = 6
WIDTHS = (1, 2, 3, 6)


def noisy(days: int, seed: int = 0) -> np.ndarray:
    steps = np.arange(days)
    return 50 + 0.1 * steps + 5 * np.sin(2 * np.pi * steps / SEASON) + np.random.default_rng(seed).normal(0, 3, days)


def daily(*series: np.ndarray):
    return table_of(list(series), season_length=SEASON)


def sums(values: np.ndarray, width: int) -> np.ndarray:
    """Whole sums over `width` values, counted from the end."""
    count = len(values) // width
    return values[len(values) - count * width :].reshape(count, width).sum(axis=1)


def agreed(levels: dict[int, np.ndarray], known: np.ndarray) -> np.ndarray:
    """One season of steps by least squares over explicit nodes; the first ones are known."""
    rows, said = [], []
    for width, values in levels.items():
        for i, value in enumerate(values):
            holds = np.zeros(SEASON)
            holds[i * width : (i + 1) * width] = 1
            free = holds[len(known) :]
            if free.any():
                weight = free.sum() ** -0.5
                rows.append(weight * free)
                said.append(weight * (value - holds[: len(known)] @ known))
    return np.linalg.lstsq(np.array(rows), np.array(said), rcond=None)[0]


def recipe(**more):
    return make("temporal", fewest=5, **more)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("inner", ["ets", "average"])
def test_promises_hold_where_levels_are_in_use(inner, promise):
    promise(build({"temporal": {"learner": inner, "fewest": 3}}, design=Design(horizon=4), threads=1))


def test_levels_agree_by_least_squares():
    values = noisy(100)
    forecast = recipe(learner=make("ets")).fit(daily(values)).predict(2 * SEASON).mean[0]
    levels = {}
    for width in WIDTHS:
        alone = table_of([sums(values, width)], season_length=SEASON // width)
        levels[width] = make("ets").fit(alone).predict(2 * SEASON // width).mean[0]
    for season in range(2):
        expected = agreed({width: said.reshape(2, -1)[season] for width, said in levels.items()}, np.empty(0))
        np.testing.assert_allclose(forecast[season * SEASON : (season + 1) * SEASON], expected, rtol=1e-9)


@pytest.mark.parametrize("known", [1, 2, 4, 5])
def test_known_steps_of_a_season_are_taken_off_its_sums(known):
    values = noisy(96 + known)
    model = recipe(learner=make("average")).fit(daily(values).drop_last(known))
    moved = model.predict(SEASON - known, daily(values)).mean[0]
    levels = {}
    for width in WIDTHS:
        over = known // width * width
        seen = sums(values[: 96 + over], width)
        levels[width] = np.full(SEASON // width, seen.mean())
    levels[1] = np.full(SEASON, values.mean())
    np.testing.assert_allclose(moved, agreed(levels, values[96:]), rtol=1e-9)


def test_a_series_without_enough_sums_is_forecast_step_by_step():
    short, long = noisy(40), noisy(200, 1)
    inner = make("ets")
    forecast = make("temporal", learner=inner, fewest=30).fit(daily(short, long)).predict(7)
    np.testing.assert_array_equal(forecast.mean[0], inner.fit(daily(short)).predict(12).mean[0, :7])
    same(forecast.take([1]), make("temporal", learner=inner, fewest=30).fit(daily(long)).predict(7))
    assert not np.allclose(forecast.mean[1], inner.fit(daily(long)).predict(7).mean[0])


def test_a_trend_that_noise_hides_is_seen_in_sums():
    """Hourly steps of much noise: over many draws the levels together come nearer to what follows than single steps do."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(20):
        steps = np.arange(360 + 24)
        values = 10 + 0.05 * steps + rng.normal(0, 8, len(steps))
        table = table_of([values[:360]], season_length=24)
        errors.append([np.abs(made.fit(table).predict(24).mean[0] - values[360:]).mean() for made in (make("ets"), make("temporal"))])
    single, together = np.mean(errors, axis=0)
    assert together < single


def test_a_missing_value_of_the_season_at_hand_leaves_its_steps_as_they_are():
    values = noisy(98)
    values[97] = np.nan
    model = recipe(learner=make("average")).fit(daily(values).drop_last(2))
    np.testing.assert_allclose(model.predict(4, daily(values)).mean[0], np.nanmean(values))


def test_missing_values_are_made_up_for_in_sums():
    whole = table_of([np.full(70, 3.0)], season_length=7)
    holes = whole.with_target(np.where(np.arange(70) % 5 == 0, np.nan, 3.0))
    forecast = make("temporal", learner=make("average"), fewest=3).fit(holes).predict(7)
    np.testing.assert_allclose(forecast.mean, 3.0)


def test_a_table_without_a_season_is_forecast_by_the_learner():
    table = dataclasses.replace(sales(), season_length=1)
    same(make("temporal").fit(table).predict(5), make("ets").fit(table).predict(5))


def test_fewest_is_a_count():
    with pytest.raises(SettingsError, match="fewest is a number of sums from 1 up; came 0"):
        make("temporal", fewest=0)
