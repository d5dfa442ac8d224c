"""What a series is like: against statsmodels, by hand, and on series that are made to be so."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import kpss

from forecaster import Forecaster
from forecaster.frequency import Frequency
from forecaster.profile import as_columns, profile
from forecaster.table import Table


def table_of(rows, season_length=1, frequency="D"):
    sizes = np.array([len(row) for row in rows])
    return Table(
        target=np.concatenate([np.asarray(row, float) for row in rows]),
        indptr=np.concatenate([[0], np.cumsum(sizes)]),
        start=np.zeros(len(rows), np.int64),
        frequency=Frequency(frequency),
        ids={"unique_id": np.arange(len(rows))},
        group_ptr=np.array([0, len(rows)]),
        season_length=season_length,
    )


def noise(seed, n=200):
    return np.random.default_rng(seed).normal(size=n)


T = np.arange(200)


def test_kpss_is_that_of_statsmodels():
    rows = [noise(0), np.cumsum(noise(1)), noise(2, 60), noise(3, 31)]
    found = profile(table_of(rows))
    for i, row in enumerate(rows):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = kpss(row, nlags=max(1, int(3 * np.sqrt(len(row)) / 13)))[0]
        assert found["kpss"][i] == pytest.approx(wanted, rel=1e-9)
    assert found["stationary"].tolist() == [1, 0, 1, 1]


def test_the_season_is_taken_out_before_the_level_is_tested():
    wave = 20 * np.sin(2 * np.pi * T / 12)
    assert profile(table_of([wave + noise(4)], 12))["kpss"][0] == pytest.approx(profile(table_of([noise(4)], 12))["kpss"][0], abs=0.05)


def test_kinds_of_demand_by_hand():
    rows = [
        [5, 6, 5, 6, 5, 6, 5, 6],  # every step, alike
        [1, 9, 1, 20, 1, 9, 1, 20],  # every step, not alike
        [0, 5, 0, 6, 0, 5, 0, 6],  # every second step, alike
        [0, 1, 0, 20, 0, 1, 0, 20],  # every second step, not alike
    ]
    told = profile(table_of(rows))
    assert as_columns(told)["demand"].to_pylist() == ["smooth", "erratic", "intermittent", "lumpy"]
    assert told["adi"].tolist() == [1, 1, 2, 2]
    assert told["zeros"].tolist() == [0, 0, 0.5, 0.5]
    np.testing.assert_allclose(told["cv2"], [0.25 / 5.5**2, np.var([1, 9, 1, 20]) / 7.75**2, 0.25 / 5.5**2, 9.5**2 / 10.5**2])


def test_strengths_tell_trends_and_seasons_from_noise():
    rows = [noise(5), 0.2 * T + noise(5), 5 * np.sin(2 * np.pi * T / 12) + noise(5), 0.2 * T + 5 * np.sin(2 * np.pi * T / 12) + noise(5)]
    found = profile(table_of(rows, 12))
    assert (found["trend"][[1, 3]] > 0.95).all()
    assert (found["season"][[2, 3]] > 0.85).all()
    assert (found["season"][[0, 1]] < 0.1).all()
    assert (found["trend"][[0, 2]] < 0.2).all()


def test_noise_has_no_season_however_long_that_is():
    """Two cycles of a long season explain half of any noise; degrees of freedom put that right."""
    found = profile(table_of([noise(seed, 220) for seed in range(50)], 100))
    assert np.median(found["season"]) < 0.1


def test_entropy_is_low_for_a_wave_and_high_for_noise():
    found = profile(table_of([np.sin(2 * np.pi * T / 20), noise(6)]))["entropy"]
    assert found[0] < 0.05
    assert 0.85 < found[1] < 1


def test_several_seasons_and_those_that_nobody_named_are_found():
    t = np.arange(24 * 7 * 6)
    both = 5 * np.sin(2 * np.pi * t / 24) + 6 * (t // 24 % 7 > 4) + noise(7, len(t))
    hours = profile(table_of([both, noise(8, len(t))], 24, "h"))["seasons"]
    assert [list(filter(None, row)) for row in hours.tolist()] == [[24, 168], []]
    odd = profile(table_of([np.sin(2 * np.pi * T / 13) + 0.3 * noise(seed) for seed in range(20)]))["seasons"]
    assert (odd.max(1) == 13).all()
    assert ((odd > 0).sum(1) == 1).all()


def test_noise_and_walks_have_few_seasons():
    none = profile(table_of([noise(seed) for seed in range(100)], 7))["seasons"]
    assert (none.max(1) > 0).mean() <= 0.05


def test_a_series_is_measured_alike_whatever_stands_beside_it():
    rows = [noise(seed, 40 + seed % 3) for seed in range(30)]
    rows[4][3] = np.nan
    every = profile(table_of(rows, 7))
    for i in (0, 4, 29):
        alone = profile(table_of([rows[i]], 7))
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], every[name][i], err_msg=name)


@pytest.mark.parametrize("row", [[], [1.0], [3.0] * 7, [0.0] * 30, [5.0] * 30, [np.nan] * 9 + [1.0]])
def test_dull_series_are_measured_without_a_warning(row):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = profile(table_of([row, noise(0)], 7))
    long = len(row) >= 8
    assert all(np.isfinite(values[0]) == long for name, values in found.items() if name != "seasons")


def test_a_job_shows_the_profile_in_a_frame_and_on_its_page(tmp_path):
    t = np.arange(120)
    rows = {f"s{i}": 10 + 3 * np.sin(2 * np.pi * t / 7) + noise(i, 120) for i in range(3)} | {"tiny": np.ones(5)}
    data = pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": pd.date_range("2024-01-01", periods=len(y)), "y": y}) for name, y in rows.items()]
    )
    job = Forecaster(horizon=7, learners=["seasonal_naive"], backtest={"windows": 2}).fit(data)
    told = job.profile_.set_index("unique_id")
    assert told.loc[["s0", "s1", "s2"], "seasons"].tolist() == ["7"] * 3
    assert (told.loc[["s0", "s1", "s2"], "season"] > 0.6).all()
    assert pd.isna(told.loc["tiny", "season"])
    assert "What the series are like" in job.report(tmp_path / "page.html").read_text()
    job.save(tmp_path / "job")
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "job").profile_, job.profile_)
