"""The training matrix as a frame, and rows one step ahead, which are written without being gathered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hand_tables import hand_table, noisy_table
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged_series import Ragged, ragged

from forecaster import Forecaster
from forecaster.features.design import Design

RECURSIVE = {"strategy": "recursive", "static": False}


def sales(days: int = 30) -> pd.DataFrame:
    stamps = [*pd.date_range("2024-01-01", periods=days), *pd.date_range("2024-02-01", periods=days - 5)]
    ids = pd.Categorical(["a"] * days + ["b of a name with more than twelve bytes"] * (days - 5))
    return pd.DataFrame({"unique_id": ids, "ds": stamps, "y": np.arange(len(ids), dtype=np.float32)}, index=range(7, 7 + len(ids)))


def job(**options: Any) -> Forecaster:
    return Forecaster(1, **({"lags": [1, 3], "windows": {"season_mean": [2]}, "featurization": RECURSIVE} | options))


@settings(max_examples=60, deadline=None)
@given(ragged(longest=18), st.sampled_from([(1,), (2, 5), ()]), st.sampled_from([1, 3, 4]), st.sampled_from("CF"), st.booleans())
def test_rows_one_step_ahead_are_those_of_a_longer_horizon(series: Ragged, lags: Any, period: int, order: Any, windows: bool) -> None:
    """The matrix of one step ahead and the matrix of three steps are made in different ways."""
    table = hand_table([s for s in series if s] or [[1.0]], season_length=period)
    design = Design(3, lags=lags or None, windows={"mean": [2], "season_max": [2]} if windows else None, calendar=False, trend=True)
    design = replace(design, row_budget=None)
    whole, one = design.fit(table).training(table), replace(design, horizon=1).fit(table).training(table, order=order, threads=2)
    first = whole.horizon == 1
    np.testing.assert_array_equal(one.row, whole.row[first])
    np.testing.assert_array_equal(one.X, whole.X[first])
    np.testing.assert_array_equal(one.y, whole.y[first])
    np.testing.assert_array_equal(one.group_ptr, np.searchsorted(one.row, table.indptr[table.group_ptr]))
    assert one.sampled.tolist() == []


def test_rows_one_step_ahead_slab_by_slab_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table = noisy_table(sizes=(60, 0, 41, 5, 83), groups=(3, 2))
    fitted = Design(horizon=1, lags=(2, 9), holidays="US").fit(table)
    whole, every = fitted.training(table), fitted.draw(table, every=True)
    monkeypatch.setattr("forecaster.features.slabs.SLAB", 50)
    for threads in (1, 3):
        np.testing.assert_array_equal(fitted.training(table, threads=threads).X, whole.X)
        np.testing.assert_array_equal(fitted.draw(table, threads=threads, every=True).X, every.X)
    assert every.row is None
    np.testing.assert_array_equal(every.X[whole.row], whole.X)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_every_row_is_there_with_what_the_training_rows_say(strategy: str, horizon: int) -> None:
    data = sales()
    one = Forecaster(horizon, lags=[1, 3], windows={"mean": [4]}, featurization={"strategy": strategy, "row_budget": None})
    some, whole = one.features(data), one.features(data, every_row=True)
    keys = ["unique_id", "ds", *(["horizon"] if strategy == "direct" else [])]
    assert len(whole) == len(data) * (horizon if strategy == "direct" else 1)
    assert len(some) < len(whole)
    whole = whole.set_index(keys)
    pd.testing.assert_frame_equal(some.set_index(keys), whole.loc[pd.MultiIndex.from_frame(some[keys])])
    assert whole.loc[whole.index.difference(pd.MultiIndex.from_frame(some[keys])), ["lag1", "lag3", "mean4"]].isna().all().all()


def test_every_row_of_pandas_shares_the_data_and_leaves_it_alone() -> None:
    data = sales()
    before = data.copy(deep=True)
    frame = job().features(data, every_row=True)
    assert frame.index.equals(pd.RangeIndex(len(data)))
    assert frame["unique_id"].dtype == data["unique_id"].dtype
    assert frame["y"].tolist() == data["y"].tolist()
    if int(pd.__version__.split(".")[0]) >= 3:
        assert np.shares_memory(frame["y"].to_numpy(), data["y"].to_numpy())
    frame.loc[0, ["y", "lag1"]] = -1.0
    frame.loc[0, "ds"] = pd.Timestamp("1999-01-01")
    frame.loc[0, "unique_id"] = "b of a name with more than twelve bytes"
    pd.testing.assert_frame_equal(data, before)
    data.loc[8, "y"] = -2.0
    assert frame["y"].iloc[1] == 1.0


def test_columns_are_of_the_types_of_what_they_hold() -> None:
    frame = job(featurization={**RECURSIVE, "trend": True, "fourier": {7: 1}}).features(sales(400))
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["y"] == kinds["lag1"] == kinds["sin_7_1"] == "float32"
    assert {kinds[name] for name in ("quarter", "month", "week", "month_day", "weekday")} == {"int8"}
    assert kinds["year"] == kinds["year_day"] == "int16"
    assert kinds["trend"] == "int32"
    stamps = frame["ds"]
    wanted = {"year": stamps.dt.year, "quarter": stamps.dt.quarter, "year_day": stamps.dt.day_of_year, "weekday": stamps.dt.day_of_week}
    for name, values in wanted.items():
        assert frame[name].tolist() == values.tolist()


def as_path(data: pd.DataFrame, folder: Path) -> str:
    data.to_parquet(folder / "data.parquet")
    return str(folder / "data.parquet")


KINDS = {
    "pandas": lambda data, folder: data,
    "texts": lambda data, folder: data.assign(unique_id=data["unique_id"].astype(str)),
    "index": lambda data, folder: data.set_index(["unique_id", "ds"]),
    "polars": lambda data, folder: pl.from_pandas(data),
    "polars texts": lambda data, folder: pl.from_pandas(data.assign(unique_id=data["unique_id"].astype(str))),
    "lazy": lambda data, folder: pl.from_pandas(data).lazy(),
    "arrow": lambda data, folder: pa.Table.from_pandas(data, preserve_index=False),
    "dates": lambda data, folder: data.assign(ds=data["ds"].dt.date),
    "texts of dates": lambda data, folder: data.assign(ds=data["ds"].astype(str)),
    "path": as_path,
}  # fmt: skip


def plain(frame: Any) -> pd.DataFrame:
    frame = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
    return frame.assign(unique_id=frame["unique_id"].astype(str), ds=pd.to_datetime(frame["ds"]).astype("datetime64[us]"))


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_frames_have_the_same_features(kind: str, every: bool, tmp_path: Path) -> None:
    data = KINDS[kind](sales(), tmp_path)
    found = job().features(data, every_row=every)
    assert isinstance(found, pd.DataFrame if kind == "path" else type(data))
    pd.testing.assert_frame_equal(plain(found), plain(job().features(sales(), every_row=every)), check_dtype=kind not in ("polars", "lazy"))


@pytest.mark.parametrize("every", [False, True])
def test_data_that_had_to_be_mended_has_the_rows_of_the_table(every: bool) -> None:
    data = sales()
    wanted = job().features(data, every_row=every)
    shuffled = job().features(data.sample(frac=1, random_state=0), every_row=every)
    pd.testing.assert_frame_equal(
        shuffled.sort_values(["unique_id", "ds"], ignore_index=True), wanted.sort_values(["unique_id", "ds"], ignore_index=True)
    )
    gap = job().features(data.drop(index=20), every_row=every)
    day = data["ds"][20]
    there = gap[(gap["unique_id"] == "a") & (gap["ds"] == day)]
    assert len(there) == int(every)
    assert there["y"].isna().all()
    assert np.isnan(gap.loc[(gap["unique_id"] == "a") & (gap["ds"] == day + pd.Timedelta(days=1)), "lag1"]).all()


def test_missing_numbers_are_null_where_frames_know_nulls() -> None:
    found = job().features(pl.from_pandas(sales()), every_row=True)
    assert found["lag1"].null_count() == 2
    assert found["lag3"].null_count() == 6
    assert not found["lag1"].is_nan().any()
    assert found["weekday"].null_count() == 0


@pytest.mark.parametrize("name", ["origin", "horizon", "lag1", "made_lag1", "series", "weekday"])
@pytest.mark.parametrize("part", ["target", "known", "static"])
def test_a_column_of_the_users_may_be_called_like_a_feature(part: str, name: str) -> None:
    days = np.arange(40)
    frame = pl.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=40), "y": np.sin(days), "x": np.cos(days)})
    named = frame.rename({"y" if part == "target" else "x": name})
    parts: dict[str, Any] = {"target": name} if part == "target" else {part: [name]}
    job = Forecaster(3, lags=[1, 2], windows=None, learners=["lightgbm"], n_jobs=1, **parts)
    made = job.features(named.with_columns(pl.lit(2.5).alias(name)) if part == "static" else named)
    plain = Forecaster(3, lags=[1, 2], windows=None, **({} if part == "target" else {part: ["x"]})).features(
        frame.with_columns(x=pl.lit(2.5)) if part == "static" else frame
    )
    assert [column.to_list() for column in made] == [column.to_list() for column in plain]
    assert len(made.columns) == len({*made.columns})
    job.fit(named)
