"""The spread of residuals: coverage on simulated series, and what must hold for any input."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecaster.archive import load, save
from forecaster.calibration import Spread
from forecaster.frequency import Frequency
from forecaster.growth import widening
from forecaster.table import Table
from forecaster.yardstick import expected

LEVELS = (0.1, 0.5, 0.9)


def residuals(kind, windows, series, horizon, seed=0):
    """Residuals of series of very different size; the last window is the one to cover."""
    rng = np.random.default_rng(seed)
    noise = {
        "white": lambda shape: rng.normal(size=shape),
        "random walk": lambda shape: rng.normal(size=shape).cumsum(-1),
        "skewed": lambda shape: rng.exponential(size=shape) - 1,
        "heavy": lambda shape: rng.standard_t(3, size=shape),
        "biased": lambda shape: rng.normal(size=shape) + rng.normal(size=(series, 1)),
    }[kind]((windows + 1, series, horizon))
    size = np.exp(rng.normal(size=series))
    return noise * size[:, None], size


def covered(made, actual, levels=(0.1, 0.9)):
    low, high = np.moveaxis(made.quantiles(np.zeros_like(actual), levels), -1, 0)
    return ((actual >= low) & (actual <= high)).mean(0)


@pytest.mark.parametrize("kind", ["white", "random walk", "skewed", "heavy", "biased"])
@pytest.mark.parametrize("windows", [1, 3])
def test_four_fifths_are_covered_at_each_step(kind, windows):
    noise, size = residuals(kind, windows, 3000, 8)
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 3000]))
    share = covered(made, noise[-1])
    assert (share > 0.76).all(), share
    assert (share < 0.84).all(), share


@pytest.mark.parametrize("kind", ["white", "random walk", "skewed"])
def test_groups_of_one_series_are_covered(kind):
    """Thousands of groups of one series and three windows: little to learn from, so rather wider than narrower."""
    noise, size = residuals(kind, 3, 3000, 8)
    expected_size = size * np.abs(noise / size[:, None]).mean()
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), expected_size, np.arange(3001))
    share = covered(made, noise[-1])
    assert 0.78 < share.mean() < 0.88, share
    assert share.min() > 0.75, share
    assert share.max() < 0.92, share


@pytest.mark.parametrize("windows", [2, 3, 5])
def test_steps_that_resemble_each_other_are_not_taken_for_many(windows):
    """Residuals of 12 neighbouring steps say little more than one of them; intervals must not be much too wide for that."""
    rng = np.random.default_rng(0)
    noise = np.repeat(rng.normal(size=(windows + 1, 2000, 4)), 12, -1) + 0.5 * rng.normal(size=(windows + 1, 2000, 48))
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), np.ones(2000), np.arange(2001))
    assert 0.78 < covered(made, noise[-1]).mean() < 0.84


def test_what_all_series_have_in_common_is_seen_once_per_window():
    """A boom lifts all series of a group alike: three windows of 100 series are three of it, not three hundred."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(100):
        noise = rng.normal(size=(4, 1, 1)) + 0.5 * rng.normal(size=(4, 100, 6))
        made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), np.ones(100), np.array([0, 100]))
        shares.append(covered(made, noise[-1]).mean())
    assert 0.72 < np.mean(shares) < 0.86


def test_the_last_window_counts_for_most():
    """Where residuals grow from window to window, the next ones are more like the last than like the first."""
    noise = np.random.default_rng(0).normal(size=(4, 500, 6))
    growing = noise * np.array([0.25, 0.5, 1.0, 1.0])[:, None, None]
    rising, falling = (
        covered(Spread.of(past, np.zeros_like(past), np.ones(500), np.array([0, 500])), growing[3]).mean()
        for past in (growing[:3], growing[2::-1])
    )
    assert falling + 0.05 < rising < 0.84


def test_past_the_horizon_residuals_go_on_as_within():
    noise, size = residuals("random walk", 3, 600, 9)
    walk = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 600]))
    assert walk.growth(36)[0, :9].tolist() == [1] * 9
    assert walk.growth(36)[0, -1] == pytest.approx(2, rel=0.1)
    noise, size = residuals("white", 3, 600, 9)
    steady = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 600]))
    assert steady.growth(36).max() < 1.1


@pytest.mark.parametrize("last", [0.3, 3.0])
def test_past_the_horizon_residuals_do_not_go_on_from_the_last_step_alone(last):
    noise, size = residuals("white", 3, 600, 12)
    noise[..., -1] *= last
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 600]))
    width, _ = made.parts(12, LEVELS)
    ahead = width[:, -1:] * made.growth(24)[:, 12:]
    assert (ahead / width[:, :11].mean(1, keepdims=True) > 0.8).all()
    assert (ahead / width[:, :11].mean(1, keepdims=True) < 1.5).all()


def grown(factors, horizon=9, series=400):
    """Standard residuals of windows, and those of forecasts from a horizon further away, larger by a factor for each pair of windows."""
    noise, size = residuals("white", len(factors) + 1, series, horizon)
    other, others = residuals("white", len(factors), series, horizon, seed=1)
    further = other[:-1] * np.array(factors)[:, None, None] * (size / others)[:, None]
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, series]))
    return made, further, noise[1:-1], np.array([0, series])


def test_past_the_horizon_residuals_are_as_much_larger_as_was_seen():
    made, further, nearer, ptr = grown([1.6, 1.6])
    seen = made.widened_by(further, nearer, ptr)
    variance = np.repeat([1, 1.6**2, 1 + 2 * (1.6**2 - 1)], 9)
    assert seen.growth(27)[0] / made.growth(27)[0] == pytest.approx(np.sqrt(variance), rel=0.1)


@pytest.mark.parametrize("factors", [[0.7, 0.7], [1.0, 1.0], [1.9, 0.7], [0.7, 1.9]])
def test_past_the_horizon_no_growth_is_taken_from_periods_that_disagree_or_were_calm(factors):
    made, further, nearer, ptr = grown(factors)
    assert made.widened_by(further, nearer, ptr).widening == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("astray", [1e6, 1e300, 1.7e308])
def test_a_series_that_goes_astray_past_the_horizon_does_not_speak_for_its_group(astray):
    made, further, nearer, ptr = grown([1.0, 1.0], series=40)
    further[:, 0] = astray
    assert made.widened_by(further, nearer, ptr).widening < 1.3


def test_few_residuals_past_the_horizon_say_little():
    made, further, nearer, ptr = grown([3.0, 3.0])
    further[:, 1:] = np.nan
    assert made.widened_by(further, nearer, ptr).widening < 3**0.6


@pytest.mark.parametrize("windows", [1, 2, 3])
def test_forecasts_chosen_by_their_own_windows_are_covered(windows):
    """The best of three equals looks better in the windows that chose it than it is; with one window by much."""
    noise, size = residuals("white", 3 * windows, 3000, 8)
    tried = noise[:-1].reshape(3, windows, 3000, 8)
    chosen = tried[np.abs(tried).mean((1, 3)).argmin(0), :, np.arange(3000)].transpose(1, 0, 2)
    made = Spread.of(chosen, np.zeros_like(chosen), size, np.arange(3001))
    assert 0.76 < covered(made, noise[-1]).mean() < 0.84


def test_what_to_expect_grows_with_the_horizon_as_the_series_does():
    rng = np.random.default_rng(0)
    white, walk = table(rng.normal(size=(200, 80))), table(rng.normal(size=(200, 80)).cumsum(1))
    assert expected(white, 9).mean() == pytest.approx(expected(white, 1).mean(), rel=0.05)
    assert expected(walk, 9).mean() / expected(walk, 1).mean() == pytest.approx(np.mean(np.sqrt(np.arange(1, 10))), rel=0.1)


def test_tails_are_covered():
    noise, size = residuals("heavy", 3, 4000, 6)
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 4000]))
    assert covered(made, noise[-1], (0.005, 0.995)).mean() == pytest.approx(0.99, abs=0.005)
    assert covered(made, noise[-1], (0.25, 0.75)).mean() == pytest.approx(0.5, abs=0.02)


def test_a_lasting_bias_is_learnt():
    noise, size = residuals("biased", 6, 400, 6)
    offset = np.random.default_rng(1).choice([-3, 3], 400) * size
    noise += offset[:, None]
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 400]))
    middle = made.quantiles(np.zeros((400, 6)), (0.5,))[..., 0]
    assert np.abs(middle - offset[:, None]).mean() < 0.5 * np.abs(offset).mean()


def test_steps_that_are_harder_are_wider():
    rng = np.random.default_rng(0)
    hard = np.array([1.0, 1, 1, 5, 1, 1, 1])
    noise = rng.normal(size=(3, 500, 7)) * hard
    made = Spread.of(noise, np.zeros_like(noise), np.ones(500), np.array([0, 500]))
    width = made.quantiles(np.zeros((500, 7)), (0.9,))[0, :, 0]
    assert width / width[0] == pytest.approx(hard, rel=0.15)


def test_a_few_small_residuals_late_promise_no_smaller_ones():
    """Forecasts do not get better with the step; what looks like it is chance until there is a lot of it."""
    actual = np.array([[[8.0, 4, 2, 1]]])
    width = Spread.of(actual, np.zeros_like(actual), np.full(1, 4.0), np.array([0, 1])).quantiles(np.zeros((1, 4)), (0.9,))[0, :, 0]
    assert width.min() > 0.9 * width.max()


@pytest.mark.parametrize(("windows", "horizon"), [(3, 5), (12, 1), (12, 12)])
def test_groups_know_nothing_of_each_other(windows, horizon):
    """A group alone and among others gets the same bits."""
    noise, size = residuals("skewed", windows, 60, horizon)
    ptr = np.array([0, 10, 11, 40, 60])
    together = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, ptr)
    for first, last in pairwise(ptr):
        alone = Spread.of(noise[:-1, first:last], np.zeros_like(noise[:-1, first:last]), size[first:last], np.array([0, last - first]))
        part = together.take(np.arange(first, last)).quantiles(noise[-1, first:last], LEVELS)
        assert np.array_equal(part, alone.quantiles(noise[-1, first:last], LEVELS))
        mine = alone.widened_by(2 * noise[:-2, first:last], noise[1:-1, first:last], np.array([0, last - first]))
        among = together.widened_by(2 * noise[:-2], noise[1:-1], ptr).take(np.arange(first, last))
        assert np.array_equal(among.growth(4 * horizon), mine.growth(4 * horizon))


def test_pairs_of_windows_that_others_have_change_no_bit():
    rng, series = np.random.default_rng(0), 200
    further, nearer = rng.lognormal(0.3, 1, (12, series, 5)), rng.lognormal(0, 1, (12, series, 5))
    among = widening(further, nearer, np.arange(series + 1))
    gaps = np.full((24, series, 5), np.nan)
    gaps[1::2] = further
    more = widening(gaps, np.repeat(nearer, 2, axis=0), np.arange(series + 1))
    alone = [widening(further[:, [i]], nearer[:, [i]], np.array([0, 1]))[0] for i in range(series)]
    assert np.array_equal(among, more)
    assert among.tolist() == alone


@pytest.mark.parametrize("windows", [1, 2, 3])
def test_windows_that_no_series_has_change_no_bit(windows):
    """They are there where other groups have more of them."""
    noise, size = residuals("skewed", 6, 60, 5)
    noise[: 5 - windows] = np.nan
    noise[np.random.default_rng(0).random(noise.shape) < 0.2] = np.nan
    many, few = (Spread.of(some, np.zeros_like(some), size, np.arange(0, 61, 3)) for some in (noise[:5], noise[5 - windows : 5]))
    for field in ("scale", "bias", "profile", "table"):
        np.testing.assert_array_equal(getattr(many, field), getattr(few, field))


NUMBERS = st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(0.0)


@settings(max_examples=100)
@given(st.data())
def test_never_crossing_never_missing(data):
    windows, series, horizon = (data.draw(st.integers(low, 4)) for low in (0, 1, 1))
    actual = data.draw(arrays.arrays(float, (windows, series, horizon), elements=NUMBERS))
    forecast = data.draw(arrays.arrays(float, (windows, series, horizon), elements=NUMBERS | st.just(np.inf)))
    scale = data.draw(arrays.arrays(float, series, elements=st.floats(0, 1e6)))
    cut = data.draw(st.integers(0, series))
    levels = sorted(data.draw(st.sets(st.floats(0.0001, 0.9999), min_size=1, max_size=6)))
    ptr = np.array([0, cut, series])
    made = Spread.of(actual, forecast, scale, ptr).widened_by(actual[:-1], forecast[1:], ptr)
    assert np.isfinite(made.growth(3 * horizon)).all()
    assert (made.widening >= 1).all()
    quantiles = made.quantiles(np.zeros((series, 2 * horizon + 1)), levels)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_a_series_without_residuals_takes_its_groups_ratio():
    noise, size = residuals("white", 3, 200, 6)
    noise[:-1, 0] = np.nan
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), 2 * size, np.array([0, 200]))
    assert made.scale[0] == pytest.approx(size[0] * np.sqrt(2 / np.pi), rel=0.15)


def test_a_perfect_backtest_promises_no_perfect_future():
    made = Spread.of(np.zeros((3, 1, 4)), np.zeros((3, 1, 4)), np.ones(1), np.array([0, 1]))
    assert (np.diff(made.quantiles(np.zeros((1, 4)), (0.1, 0.9))) > 0).all()


def test_a_series_that_was_all_but_constant_does_not_speak_for_its_group():
    noise, size = residuals("white", 1, 50, 6)
    odd = size.copy()
    odd[0] = 1e-300
    parts = (noise[:1], np.zeros_like(noise[:1]))
    plain, made = (Spread.of(*parts, one, np.array([0, 50])).scale[1:] for one in (size, odd))
    assert (made < 1.5 * plain).all()
    assert (made > plain / 1.5).all()


def table(values, season=1):
    series, size = values.shape
    return Table(
        values.ravel(), np.arange(series + 1) * size, np.zeros(series, int), Frequency("D"), {"id": np.arange(series)},
        np.array([0, series]), season_length=season,
    )  # fmt: skip


@pytest.mark.parametrize("horizon", [14, 7])
@pytest.mark.parametrize("kind", ["white", "random walk", "seasonal"])
def test_naive_spread_covers_the_naive_forecast(kind, horizon):
    """Within its horizon, and past it."""
    rng = np.random.default_rng(0)
    values, season = rng.normal(size=(2000, 74)), 7 if kind == "seasonal" else 1
    values = values.cumsum(1) if kind == "random walk" else values
    values = values + 9 * np.sin(np.arange(74) * 2 * np.pi / 7) if kind == "seasonal" else values
    past, actual = values[:, :60], values[:, 60:]
    forecast = np.tile(past[:, -season:], (1, 14 // season))
    share = covered(Spread.naive(table(past, season), horizon), actual - forecast)
    assert (share > 0.75).all(), share
    assert (share < 0.84).all(), share


def test_naive_spread_without_anything_to_learn_from():
    made = Spread.naive(table(np.array([[np.nan, 3.0], [5, 5]])), 4)
    width = np.diff(made.quantiles(np.zeros((2, 9)), (0.1, 0.9)))[..., 0]
    assert np.isfinite(width).all()
    assert (width > 0).all()
    assert (np.diff(width, axis=1) >= 0).all()


def test_it_can_be_saved(tmp_path):
    noise, size = residuals("white", 2, 5, 3)
    made = Spread.of(noise[:-1], np.zeros_like(noise[:-1]), size, np.array([0, 2, 5]))
    save(made, tmp_path / "spread")
    assert np.array_equal(load(tmp_path / "spread").quantiles(noise[-1], LEVELS), made.quantiles(noise[-1], LEVELS))
