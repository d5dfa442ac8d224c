from __future__ import annotations

import numpy as np
import pytest

from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.learners import make
from forecaster.testing import table_of

HORIZON = 6


def said(*series: np.ndarray, horizon: int = HORIZON, **options: object) -> np.ndarray:
    made = make("autoregression", design=Design(horizon=HORIZON), **options).fit(table_of(series)).predict(horizon)
    assert not made.failed
    return made.mean


def falling(start: float, floor: float, count: int) -> np.ndarray:
    return floor + start * 0.8 ** np.arange(count)


def test_lines_of_any_slope_go_on_and_past_the_horizon():
    lines = [2.0 * np.arange(20) + 5, -300.0 * np.arange(20), 0.01 * np.arange(30)]
    made = said(*lines, horizon=2 * HORIZON)
    for line, forecast in zip(lines, made, strict=True):
        slope = line[1] - line[0]
        np.testing.assert_allclose(forecast, line[-1] + slope * np.arange(1, 2 * HORIZON + 1), rtol=0, atol=0.05 * abs(slope) * HORIZON)


def test_a_short_series_goes_on_as_the_others_did():
    long = [falling(start, floor, 30) for start, floor in ((100, 10), (5, 1000), (40, -80), (1, 0))]
    made = said(*long, falling(70, 30, 6), lags=4)[-1]
    np.testing.assert_allclose(made, falling(70, 30, 6 + HORIZON)[6:], atol=1.0)


def test_units_do_not_matter():
    rng = np.random.default_rng(0)
    walks = [rng.normal(size=40).cumsum() for _ in range(4)]
    np.testing.assert_allclose(said(*(1000 * walk - 7 for walk in walks)), 1000 * said(*walks) - 7, rtol=1e-6)


def test_the_rule_is_the_weighed_regression_of_its_rows():
    rng = np.random.default_rng(1)
    walks = [rng.normal(size=12).cumsum() for _ in range(3)]
    model = make("autoregression", lags=3, penalty=0.0, design=Design(horizon=1)).fit(table_of(walks))
    features, targets = [], []
    for walk in walks:
        for t in range(3, len(walk)):
            last, window = walk[t - 1], walk[t - 3 : t]
            size = np.abs(window[:2] - last).mean() + np.abs(np.diff(window)).mean()
            features.append([1.0, (walk[t - 2] - last) / size, (walk[t - 3] - last) / size])
            targets.append((walk[t] - last) / size)
    x, y, weight = np.array(features), np.array(targets), np.ones(len(targets))
    for _ in range(3):
        root = np.sqrt(weight)
        rule = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
        off = np.abs(y - x @ rule)
        weight = 1 / np.maximum(off, 0.3 * np.median(off))
    np.testing.assert_allclose(model.rules[0][:, 0], rule, atol=1e-6)


def test_a_gap_is_what_came_before_it_and_what_never_changes_stays():
    rng = np.random.default_rng(2)
    walk, still = rng.normal(size=30).cumsum(), np.full(30, 4.0)
    gaps, carried = walk.copy(), walk.copy()
    gaps[[11, 29]] = np.nan
    carried[[11, 29]] = walk[[10, 28]]
    np.testing.assert_array_equal(said(gaps, still), said(carried, still))
    np.testing.assert_array_equal(said(walk, still)[1], 4.0)


def test_a_gap_at_the_first_lag_is_what_came_before_it():
    line = np.random.default_rng(0).normal(10, 1, 60)
    line[-8:-5] = np.nan
    table = table_of([line])
    model = make("autoregression", lags=7, design=Design(horizon=HORIZON)).fit(table)
    np.testing.assert_array_equal(model.predict(HORIZON).mean, model.predict(HORIZON, table).mean)


def test_where_there_is_nothing_to_learn_the_last_value_stays():
    np.testing.assert_array_equal(said(np.array([5.0, 8.0]), np.array([1.0])), np.repeat([[8.0], [1.0]], HORIZON, axis=1))


@pytest.mark.parametrize("options", [{"lags": 0}, {"penalty": -1.0}, {"penalty": float("nan")}])
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        make("autoregression", **options)


def days(count: int, seed: int, noise: float) -> np.ndarray:
    """Values with a pattern of a week, and one of a year whose weeks tell nothing of one another."""
    rng = np.random.default_rng(seed)
    year = np.random.default_rng(3).normal(scale=4, size=52)[np.arange(count) // 7 % 52]
    return 50 + 3 * np.sin(2 * np.pi * np.arange(count) / 7) + year + rng.normal(scale=noise, size=count)


def test_lags_reach_over_a_year_of_days_where_that_helps():
    whole = [days(800 + HORIZON, seed, 0.5) for seed in range(12)]
    known, came = [series[:-HORIZON] for series in whole], np.array([series[-HORIZON:] for series in whole])
    chosen = make("autoregression", design=Design(horizon=HORIZON)).fit(table_of(known))
    assert len(chosen.rules[0]) == 400
    assert np.abs(chosen.predict(HORIZON).mean - came).mean() < 0.7 * np.abs(said(*known, lags=200) - came).mean()


def rule(series: list[np.ndarray], **options: object) -> np.ndarray:
    return make("autoregression", design=Design(horizon=HORIZON), **options).fit(table_of(series)).rules[0]


def test_what_is_chosen_is_what_is_fitted():
    series = [days(800, seed, 0.5) for seed in range(12)]
    chosen = rule(series)
    assert sum(np.array_equal(chosen, rule(series, lags=400, penalty=penalty)) for penalty in (0.01, 0.1, 1.0)) == 1


def test_a_larger_penalty_is_taken_where_only_noise_is_there():
    noise = [np.random.default_rng(seed).normal(size=60) for seed in range(4)]
    np.testing.assert_array_equal(rule(noise), rule(noise, penalty=1.0))


def test_series_too_short_to_tell_have_the_usual_lags_and_penalty():
    walks = [np.random.default_rng(seed).normal(size=2 * HORIZON + 8).cumsum() for seed in range(3)]
    np.testing.assert_array_equal(said(*walks), said(*walks, penalty=0.01, lags=(2 * HORIZON + 8) // 2))
