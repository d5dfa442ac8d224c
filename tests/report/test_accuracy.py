"""Accuracy against sums done by hand and by pandas."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from forecaster.report import Columns, Series
from forecaster.report.accuracy import Backtested, interval
from forecaster.report.data import keys, places


def by_hand() -> Series:
    rows = [
        ("a", 11, 10, 10.0, 12.0, 8.0, 13.0),
        ("a", 12, 10, 20.0, 15.0, 10.0, 18.0),
        ("a", 13, 12, 10.0, 10.0, 8.0, 13.0),
        ("a", 14, 12, np.nan, 10.0, 8.0, 13.0),
        ("b", 21, 20, 40.0, 44.0, 39.0, 48.0),
        ("b", 22, 20, 60.0, 60.0, 61.0, 70.0),
    ]
    names = ("id", "t", "cutoff", "actual", "forecast", "q0.1", "q0.9")
    chosen = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    others = chosen.set_column(4, "forecast", pa.array(np.full(6, 1e9)))
    backtest = pa.concat_tables(
        [t.append_column("learner", pa.array([learner] * 6)) for t, learner in ((others, "naive"), (chosen, "chosen"))]
    ).take([11, 3, 6, 8, 7, 10, 0, 9, 2, 1, 4, 5])
    empty = pa.table({"id": pa.array([], pa.string()), "t": pa.array([], pa.int64())})
    return Series(Columns(("id",), "t", "y"), empty, empty, backtest)


def test_wape_by_step_window_and_series() -> None:
    tested = Backtested.of(by_hand())
    lines = tested.by_step()
    assert list(lines) == ["window 1", "window 2", "all windows"]
    np.testing.assert_allclose(lines["window 1"], [6 / 50, 5 / 80])
    np.testing.assert_allclose(lines["window 2"], [0.0, np.nan])
    np.testing.assert_allclose(lines["all windows"], [6 / 60, 5 / 80])
    error = dict(zip(tested.series["id"].to_pylist(), tested.wape(tested.code, 2), strict=True))
    assert error == pytest.approx({"a": 7 / 40, "b": 4 / 100})


def test_bias_coverage_and_calibration() -> None:
    tested = Backtested.of(by_hand())
    np.testing.assert_allclose(tested.bias(tested.step, 2), [6 / 60, -5 / 80])
    per_step, total = tested.covered(0.1, 0.9)
    np.testing.assert_allclose(per_step, [1.0, 0.0])
    assert total == pytest.approx(3 / 5)
    assert tested.below(0.1) == pytest.approx(1 / 5)
    assert tested.below(0.9) == pytest.approx(4 / 5)


def test_quantiles_of_zero_are_right_where_most_actuals_are_zero() -> None:
    n = 10
    columns = {"id": ["a"] * n, "t": range(n), "cutoff": [-1] * n, "actual": [0.0] * 8 + [1.0, 2.0], "forecast": [0.5] * n}
    rows = pa.table(columns | {"q0.1": [0.0] * n, "q0.9": [1.5] * n})
    tested = Backtested.of(Series(Columns(("id",), "t", "y"), rows, rows, rows))
    assert tested.below(0.1) == pytest.approx(0.1)
    assert tested.below(0.9) == pytest.approx(0.9)


def test_windows_and_steps_match_pandas(series: Series) -> None:
    tested = Backtested.of(series)
    frame = series.backtest.to_pandas()
    window = frame.groupby(["store", "brand"])["cutoff"].rank("dense").astype(int) - 1
    step = frame.groupby(["store", "brand", "cutoff"])["week"].rank("dense").astype(int) - 1
    np.testing.assert_array_equal(tested.window, window)
    np.testing.assert_array_equal(tested.step, step)
    slow = (frame["actual"] - frame["forecast"]).abs().groupby(step).sum() / frame["actual"].abs().groupby(step).sum()
    np.testing.assert_allclose(tested.by_step()["all windows"], slow)


def test_widest_interval() -> None:
    assert interval((0.1, 0.25, 0.5, 0.9)) == (0.1, 0.9)
    assert interval((0.5, 0.9)) is None
    assert interval(()) is None


def test_places_find_keys_of_any_type() -> None:
    table = pa.table({"a": pa.array(["x", "y", "x", None]).dictionary_encode(), "b": pa.array([1, 2, 2, 1], pa.int16())})
    wanted = pa.table({"a": ["x", "y"], "b": [2, 2]})
    np.testing.assert_array_equal(places(table, wanted, ["a", "b"]), [-1, 1, 0, -1])
    assert keys(table, ["a"]).num_rows == 3
