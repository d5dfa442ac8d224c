"""The simulated sales have the shape and the effects that the docs promise."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from forecaster.errors import SettingsError
from forecaster.simulate import sales


def frame(**options: int) -> pd.DataFrame:
    return sales(**options).to_pandas()


def test_same_seed_same_table() -> None:
    assert sales(stores=20, seed=3).equals(sales(stores=20, seed=3))
    assert not sales(stores=20, seed=3).equals(sales(stores=20, seed=4))


def test_default_has_1200_series_in_a_second() -> None:
    begin = time.process_time()
    table = sales()
    seconds = time.process_time() - begin
    assert len(table.select(["store", "brand"]).group_by(["store", "brand"]).aggregate([])) == 1200
    assert seconds < 2  # aim 1 s; the margin is for a busy machine


def test_rows_are_ordered_weekly_and_unique() -> None:
    data = frame(stores=30)
    assert data.equals(data.sort_values(["store", "brand", "week"], kind="stable"))
    gaps = data.groupby(["store", "brand"])["week"].diff().dropna().dt.days
    assert (gaps % 7 == 0).all()
    assert (gaps >= 7).all()
    assert 0 < (gaps > 7).mean() < 0.01


def test_future_continues_the_history_of_open_stores() -> None:
    history, future = frame(stores=80), frame(stores=80, future=8)
    assert future["week"].min() == history["week"].max() + pd.Timedelta(days=7)
    assert (future.groupby(["store", "brand"]).size() == 8).all()
    closed = set(history["store"]) - set(future["store"])
    last = history[history["store"].isin(closed)].groupby("store")["week"].max()
    assert len(closed) > 0
    assert (last < history["week"].max()).all()


def test_a_longer_future_changes_no_earlier_week() -> None:
    short, long = frame(stores=40, future=4), frame(stores=40, future=12)
    assert long[long["week"].isin(short["week"])].reset_index(drop=True).equals(short)


def test_values_are_possible() -> None:
    data = frame(stores=60)
    assert (data["quantity"] >= 0).all()
    assert data["price"].between(0.5, 10).all()
    assert set(data["deal"]) == {0, 1}
    assert not data.isna().any().any()
    assert data.groupby("store")[["size", "income"]].nunique().eq(1).all().all()


def test_deals_lift_and_kiosks_are_intermittent() -> None:
    data = frame(stores=150)
    mean = data.groupby(["store", "brand"])["quantity"].transform("mean")
    relative = data["quantity"] / mean
    assert relative[data["deal"] == 1].mean() > 1.3 * relative[data["deal"] == 0].mean()
    zero = data["quantity"].eq(0).groupby(data["size"] < 1000).mean()
    assert zero[True] > 0.2
    assert 0 < zero[False] < 0.02


def test_price_elasticity_is_negative() -> None:
    data = frame(stores=60).query("size > 1000 and deal == 0 and quantity > 0")
    logs = np.log(data[["quantity", "price"]])
    within = logs - logs.groupby([data["store"], data["brand"]]).transform("mean")
    assert (within["quantity"] * within["price"]).sum() / (within["price"] ** 2).sum() < -1


@pytest.mark.parametrize("name", ["stores", "brands", "weeks"])
def test_no_series_is_an_error(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be 1 or more, not 0"):
        sales(**{name: 0})


def test_one_week_and_many_brands() -> None:
    assert len(sales(stores=2, brands=8, weeks=1)) == 16
