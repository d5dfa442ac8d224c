"""Learners that do not see spikes, nor levels that are gone."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.errors import UnknownName
from forecaster.features.design import Design
from forecaster.learners import make
from forecaster.learners.cleaned import Cleaned, clean, told
from forecaster.testing import PROMISES, table_of

T = np.arange(210)
WAVE = 20 + 3 * np.sin(2 * np.pi * T / 7)


def noise(seed, n=210):
    return np.random.default_rng(seed).normal(size=n)


def with_spikes(y, at, size=40.0):
    y = y.copy()
    y[at] += size
    return y


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("learner", [Cleaned(make("average")), Cleaned(make("elastic_net", design=Design(horizon=4)), ("spikes",))])
def test_a_cleaned_learner_keeps_the_promises(learner, promise):
    promise(learner)


def test_spikes_and_dips_are_missing_and_nothing_else_is():
    rows = [with_spikes(WAVE + noise(seed), [50 + seed, 120], 40 if seed % 2 else -40) for seed in range(20)]
    table = table_of(rows, season_length=7)
    found = clean(table, ("spikes",))
    for seed, row in enumerate(rows):
        values = found.values(seed)
        assert np.flatnonzero(np.isnan(values)).tolist() == [50 + seed, 120]
        np.testing.assert_array_equal(values[np.isfinite(values)], np.delete(row, [50 + seed, 120]))


def test_what_is_normal_for_a_series_is_no_spike():
    rng = np.random.default_rng(0)
    rows = [WAVE + noise(seed) for seed in range(100)]
    rows += [np.where(rng.random(210) < 0.2, rng.poisson(5, 210), 0) for _ in range(20)]  # intermittent
    rows += [np.where(T % 5 == 0, 100.0, 1.0) + noise(3)]  # many, so that is what it is like
    rows += [with_spikes(WAVE + noise(4), [100, 101, 102, 103])]  # lasts
    rows += [np.full(210, 3.0), np.zeros(210), T * 1.0]
    table = table_of(rows, season_length=7)
    np.testing.assert_array_equal(clean(table, ("spikes",)).target, table.target)


def test_the_peak_of_every_year_stays():
    weeks = np.arange(156)
    rows = [with_spikes(10 + noise(1, 156), [50, 102, 154]), with_spikes(10 + noise(1, 156), [50])]
    stamps = pd.Timestamp("2020-01-05") + pd.to_timedelta(7 * weeks, "D")
    data = pd.concat([pd.DataFrame({"unique_id": i, "ds": stamps, "y": rows[i]}) for i in (0, 1)])
    job = Forecaster(horizon=4, season_length=1, clean="spikes", learners=["naive"], backtest=None).fit(data)
    told = job.findings_
    assert told[told["rule"] == "spikes"]["unique_id"].tolist() == [1]


def test_a_shift_of_level_is_found_where_it_is_and_earlier_values_are_moved():
    rows = [np.where(T < 120, WAVE, WAVE + 30) + noise(seed) for seed in range(20)]
    rows += [np.where(T < 120, WAVE, WAVE * 4) + noise(seed) for seed in range(20)]
    table = table_of(rows, season_length=7)
    found = told(table, ("levels",))
    assert [(one.rule, one.count) for one in found] == [("level_shift", 1)] * 40
    moved = clean(table, ("levels",))
    for i in range(40):
        values = moved.values(i)
        np.testing.assert_array_equal(values[125:], rows[i][125:])
        assert values[:115].mean() == pytest.approx(values[125:].mean(), rel=0.05)
        assert (values > 0).all()


@pytest.mark.parametrize("n", [60, 90, 120])
def test_a_shift_is_found_in_a_short_series_too(n):
    rows = [(np.where(n // 2 > T, WAVE, WAVE + 15) + noise(seed))[:n] for seed in range(20)]
    assert [one.rule for one in told(table_of(rows, season_length=7), ("levels",))] == ["level_shift"] * 20


@pytest.mark.parametrize("n", [60, 90, 210])
def test_trends_waves_and_walks_are_no_shifts(n):
    rows = [WAVE + slope * T + noise(seed) for seed, slope in enumerate(np.linspace(-0.3, 0.3, 30))]
    rows += [20 + 10 * np.sin(2 * np.pi * T / (n / 2)) + noise(seed) for seed in range(20)]
    rows += [np.cumsum(noise(seed)) for seed in range(50)]
    assert len(told(table_of([row[:n] for row in rows], season_length=7), ("levels",))) <= 2


def test_several_shifts_are_all_moved_to_the_last_level():
    y = np.select([T < 70, T < 140], [100.0, 10.0], 50.0) + noise(0)
    moved = clean(table_of([y], season_length=7), ("levels",)).target
    assert moved[:65].mean() == pytest.approx(50, abs=2)
    assert moved[75:135].mean() == pytest.approx(50, abs=2)


@pytest.mark.parametrize("row", [[], [1.0], [2.0] * 8, [np.nan] * 40, [1.0, np.nan] * 30])
def test_short_and_missing_series_pass_without_a_warning(row):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = table_of([np.array(row, float), WAVE], season_length=7)
        np.testing.assert_array_equal(clean(table, ("spikes", "levels")).target, table.target)


def jobs(rows, **more):
    frames = [pd.DataFrame({"unique_id": i, "ds": pd.date_range("2024-01-01", periods=len(y)), "y": y}) for i, y in enumerate(rows)]
    data = pd.concat(frames)
    return Forecaster(horizon=7, learners=["average"], **more).fit(data)


def test_a_job_forecasts_from_the_level_that_is_and_tells_what_it_saw():
    rows = [np.where(T < 150, WAVE, WAVE + 30) + noise(seed) for seed in range(3)]
    plain, cleaned = (jobs(rows, clean=ways, backtest={"windows": 2}) for ways in ((), ("spikes", "levels")))
    assert plain.predict()["forecast"].mean() < 40
    assert cleaned.predict()["forecast"].mean() == pytest.approx(50, abs=1.5)
    assert "level_shift" in set(cleaned.findings_["rule"])
    assert "level_shift" not in set(plain.findings_["rule"])
    np.testing.assert_array_equal(plain.backtest_["actual"], cleaned.backtest_["actual"])


def test_no_window_knows_of_a_shift_that_is_still_to_come():
    """The shift lies in the last window: what is said of the older ones is what would be said without it."""
    rows = [np.where(T < 205, WAVE, WAVE + 30) + noise(seed) for seed in range(3)]
    early = [row[:203] for row in rows]
    late, known = (jobs(y, clean="levels", backtest={"windows": 2, "step": 7}, lower_bound=None) for y in (rows, early))
    first, last = late.backtest_, known.backtest_
    shared = first.merge(last, on=["unique_id", "ds", "cutoff", "learner"], suffixes=("", "_known"))
    assert len(shared) >= 3 * 7
    np.testing.assert_allclose(shared["forecast"], shared["forecast_known"])


def test_a_wrong_way_is_told_the_right_ones():
    with pytest.raises(UnknownName, match="spikes"):
        Forecaster(horizon=3, clean="spike")
    with pytest.raises(UnknownName, match="levels"):
        Cleaned(make("naive"), ("level",))


def test_a_cleaned_job_is_saved_and_loaded(tmp_path):
    made = jobs([with_spikes(WAVE + noise(0), [50])], clean=["spikes"], backtest={"windows": 2})
    made.save(tmp_path / "job")
    loaded = Forecaster.load(tmp_path / "job")
    assert loaded.settings.clean == ("spikes",)
    pd.testing.assert_frame_equal(made.predict(), loaded.predict())
