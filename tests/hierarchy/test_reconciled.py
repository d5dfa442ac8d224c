"""`Forecaster(hierarchy=...)`: forecasts of all levels that add up, with quantiles, backtest, files and messages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from forecaster import Forecaster
from forecaster.errors import DataError, UnknownName
from forecaster.hierarchy.plan import CHOICE, SHARING, WEIGHING
from forecaster.protocols import Forecast, Traits

SERIES = ["store", "item"]
METHODS = [{"reconcile": how} | ({"level": "state"} if how == "middle_out" else {}) for how in (*SHARING, *WEIGHING)]


def sales(days=120, seed=0):
    """Two states with two and one stores, three items each; the last store opened later."""
    rng, frames = np.random.default_rng(seed), []
    for store, state, first in (("s1", "CA", 0), ("s2", "CA", 0), ("s3", "TX", 30)):
        for item in ("milk", "eggs", "tea"):
            t = np.arange(first, days)
            price = rng.choice([1.0, 2.0], len(t))
            y = rng.poisson(6 / price * (1 + 0.5 * np.sin(2 * np.pi * t / 7)))
            stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(t, "D")
            frames.append(pd.DataFrame({"state": state, "store": store, "item": item, "date": stamps, "sales": y, "price": price}))
    return pd.concat(frames, ignore_index=True)


def job(hierarchy=("state", "store"), **more):
    more = {"learners": ["seasonal_naive", "ets"], "backtest": {"windows": 2}} | more
    return Forecaster(**({"horizon": 7, "series": SERIES, "time": "date", "target": "sales", "hierarchy": hierarchy} | more))


def assert_adds_up(rows, levels, value="forecast", keys=("date",)):
    """Every level sums up to the level of the series."""
    bottom = rows[rows["level"] == "series"]
    for name, columns in levels.items():
        wanted = bottom.groupby([*columns, *keys])[value].sum()
        level = rows[rows["level"] == name].set_index([*columns, *keys])[value]
        assert len(level) == len(wanted)
        np.testing.assert_allclose(level, wanted.reindex(level.index), rtol=1e-9, atol=1e-9)


NESTED = {"total": [], "state": ["state"], "store": ["state", "store"]}
CROSSED = {"total": [], "state": ["state"], "item": ["item"], "state, item": ["state", "item"]}


def test_the_method_that_was_best_in_the_backtest_is_taken():
    boards, errors = {}, {}
    for how in ("auto", *CHOICE):
        made = job({"levels": ["state", "store"], "reconcile": how}, metric="mae", lower_bound=None).fit(sales())
        boards[how], folds = made.predict(), made.backtest_
        folds = folds[folds["learner"] == "reconciled"]
        off = (folds["forecast"] - folds["actual"]).abs()
        errors[how] = off.groupby([folds["level"], folds["store"], folds["item"]], dropna=False).mean().groupby("level").mean().mean()
    row = made.leaderboard_.set_index("learner").loc["reconciled"]
    assert row["reason"] == how
    best = min(CHOICE, key=lambda how: errors[how])
    pd.testing.assert_frame_equal(boards["auto"], boards[best])


@pytest.mark.parametrize("plan", METHODS, ids=lambda plan: plan["reconcile"])
def test_forecasts_of_every_method_add_up(plan):
    made = job({"levels": ["state", "store"], **plan}).fit(sales())
    rows = made.predict()
    assert list(rows.columns) == ["level", "state", "store", "item", "date", "forecast", "q0.1", "q0.5", "q0.9"]
    assert rows.groupby("level", sort=False).size().to_dict() == {"total": 7, "state": 14, "store": 21, "series": 63}
    assert_adds_up(rows, NESTED)
    assert (rows["forecast"] >= 0).all()
    assert ((rows["q0.1"] <= rows["q0.5"]) & (rows["q0.5"] <= rows["q0.9"])).all()
    folds = made.backtest_
    assert_adds_up(folds[folds["learner"] == "reconciled"], NESTED, keys=("cutoff", "date"))
    assert set(folds["learner"]) == {"seasonal_naive", "ets", "reconciled"} <= set(made.leaderboard_["learner"])
    assert made.leaderboard_["rank"].tolist() == [1, 2, 3, 4]


def test_whole_numbers_add_up_too():
    made = job(integer=True).fit(sales())
    rows = made.predict()
    assert (rows["forecast"] % 1 == 0).all()
    assert_adds_up(rows, NESTED)
    folds = made.backtest_
    assert_adds_up(folds[folds["learner"] == "reconciled"], NESTED, keys=("cutoff", "date"))


def test_a_series_that_would_fall_below_zero_is_raised_before_it_is_added_up():
    data = sales()
    data.loc[data["item"] == "tea", "sales"] = (np.arange((data["item"] == "tea").sum()) % 9 == 0).astype(int)
    data.loc[data["item"] != "tea", "sales"] += np.where(data.loc[data["item"] != "tea", "date"].dt.day_of_year % 30 < 15, 60, 0)
    made = job({"levels": ["state", "store"], "reconcile": "ols"}).fit(data)
    rows, folds = made.predict(), made.backtest_
    assert (rows["forecast"] >= 0).all()
    assert_adds_up(rows, NESTED)
    assert_adds_up(folds[folds["learner"] == "reconciled"], NESTED, keys=("cutoff", "date"))


def test_ids_of_a_future_are_of_the_type_of_the_history():
    data = sales()
    made = job(learners=["elastic_net"], known=["price"]).fit(data)
    ahead = data.tail(7).drop(columns=["state", "sales"]).assign(store=[1] * 7, item=[[1]] * 7)
    with pytest.raises(DataError, match="column 'item' of future holds"):
        made.predict(ahead)


def test_levels_that_cross_add_up():
    rows = job([["state"], ["item"], ["state", "item"]]).fit(sales()).predict(horizon=10)
    assert_adds_up(rows, CROSSED)
    total = rows[rows["level"] == "total"]
    assert total[["state", "store", "item"]].isna().all(axis=None)
    assert len(total) == 10


def test_bottom_up_is_the_job_without_a_hierarchy():
    with_sums = job({"levels": ["state", "store"], "reconcile": "bottom_up"}).fit(sales()).predict()
    alone = Forecaster(horizon=7, series=SERIES, time="date", target="sales", learners=["seasonal_naive", "ets"], backtest={"windows": 2})
    plain = alone.fit(sales()[["store", "item", "date", "sales"]]).predict()
    bottom = with_sums[with_sums["level"] == "series"].merge(plain, on=[*SERIES, "date"], suffixes=("", "_plain"))
    np.testing.assert_allclose(bottom["forecast"], bottom["forecast_plain"], rtol=1e-12)


def test_top_down_keeps_the_total_and_shares_it_by_the_past():
    data = sales()
    rows = job({"levels": ["state"], "reconcile": "top_down"}).fit(data).predict()
    total = data.groupby("date", as_index=False)["sales"].sum()
    plain = Forecaster(horizon=7, series=[], time="date", target="sales", learners=["seasonal_naive", "ets"], backtest={"windows": 2})
    np.testing.assert_allclose(rows[rows["level"] == "total"]["forecast"], plain.fit(total).predict()["forecast"], rtol=1e-9)
    wanted = data.groupby(SERIES)["sales"].sum() / data["sales"].sum()
    made = rows[rows["level"] == "series"].groupby(SERIES)["forecast"].sum() / rows[rows["level"] == "total"]["forecast"].sum()
    np.testing.assert_allclose(made, wanted, rtol=1e-9)


@pytest.mark.parametrize("shares", ["proportion_averages", "average_proportions", "forecast_proportions"])
def test_what_is_below_zero_is_shared_out_as_what_is_above(shares):
    data = sales()
    mirrored = data.assign(sales=-data["sales"])
    above, below = (
        job({"levels": ["state"], "reconcile": "top_down", "shares": shares}, learners=["seasonal_naive"], lower_bound=None)
        .fit(one)
        .predict()
        for one in (data, mirrored)
    )
    np.testing.assert_allclose(below["forecast"], -above["forecast"], rtol=1e-9)


def test_only_the_level_that_is_needed_is_trained():
    made = job({"levels": ["state", "store"], "reconcile": "middle_out", "level": "state"}).fit(sales())
    assert made.selected_["level"].tolist() == ["state"]
    assert set(made.features(sales())["level"]) == {"state"}
    assert job().fit(sales()).selected_["level"].tolist() == ["total", "state", "store", "series"]


def test_the_future_of_covariates_needs_the_columns_of_the_series_only():
    data = sales()
    known = {"learners": ["elastic_net"], "known": ["price"], "static": ["state"]}
    made = job(**known).fit(data[data["date"] < "2024-04-20"])
    ahead = data[data["date"] >= "2024-04-20"].drop(columns=["sales"])
    full, short = made.predict(ahead), made.predict(ahead.drop(columns="state"))
    pd.testing.assert_frame_equal(full, short)
    assert_adds_up(full, NESTED)
    dearer = made.predict(ahead.assign(price=2.0))
    assert dearer["forecast"].sum() < made.predict(ahead.assign(price=1.0))["forecast"].sum()


def test_a_loaded_job_says_the_same(tmp_path):
    made = job([["state"], ["item"]]).fit(sales())
    made.save(tmp_path / "job")
    loaded = Forecaster.load(tmp_path / "job")
    pd.testing.assert_frame_equal(made.predict(horizon=9), loaded.predict(horizon=9))
    pd.testing.assert_frame_equal(made.backtest_, loaded.backtest_)
    assert loaded.settings.hierarchy == made.settings.hierarchy


def test_threads_and_the_order_of_rows_change_nothing():
    data = sales()
    one = job(n_jobs=1).fit(data).predict()
    pd.testing.assert_frame_equal(one, job(n_jobs=2).fit(data.sample(frac=1, random_state=1)).predict())


def test_frames_of_polars_leave_as_such():
    made = job({"levels": ["state"], "reconcile": "bottom_up"}).fit(pl.from_pandas(sales())).predict()
    assert isinstance(made, pl.DataFrame)
    assert made.filter(pl.col("level") == "total")["state"].null_count() == 7


def test_without_a_backtest_there_are_quantiles_too():
    rows = job(backtest=None, learners=["ets"]).fit(sales()).predict()
    assert_adds_up(rows, NESTED)
    assert (rows["q0.1"] < rows["q0.9"]).all()


@pytest.mark.parametrize(("kind", "learner"), [("noise", "average"), ("random walk", "naive")])
def test_every_level_is_held_past_the_horizon(kind, learner):
    rng, ahead = np.random.default_rng(0), 15
    values = rng.normal(size=(250, 3, 90)).cumsum(-1) if kind == "random walk" else rng.normal(size=(250, 3, 90))
    dates = pd.date_range("2024-01-01", periods=90)
    keys = pd.MultiIndex.from_product([range(250), range(3), dates], names=["store", "item", "date"])
    rows = keys.to_frame(index=False).assign(sales=values.ravel())
    past, came = rows[rows["date"] < dates[-ahead]], rows[rows["date"] >= dates[-ahead]]
    made = job(["store"], horizon=5, freq="D", season_length=1, learners=[learner]).fit(past).predict(horizon=ahead)
    for level, columns in {"store": ["store"], "series": ["store", "item"]}.items():
        both = made[made["level"] == level].merge(came.groupby([*columns, "date"], as_index=False)["sales"].sum(), on=[*columns, "date"])
        held = ((both["sales"] >= both["q0.1"]) & (both["sales"] <= both["q0.9"])).to_numpy().reshape(-1, ahead)
        assert held[:, :5].mean() == pytest.approx(0.8, abs=0.05), (level, held.mean(0))
        assert held[:, 5:].mean() == pytest.approx(0.8, abs=0.05), (level, held.mean(0))


@dataclass(frozen=True)
class Drifting:
    """Goes on with the last week's slope; past a horizon only series below a limit."""

    limit: float
    last: np.ndarray | None = None
    traits = Traits(min_length=8, rolls_forward=False)

    def fit(self, table):
        return replace(self, last=table.last(8))

    def predict(self, horizon, history=None, future=None):
        mean = self.last[:, -1:] + (self.last[:, -1:] - self.last[:, :1]) / 7 * np.arange(1, horizon + 1)
        return Forecast(np.where((horizon > 7) & (self.last[:, -1:] > self.limit), np.nan, mean))


@pytest.mark.parametrize("how", ["bottom_up", "ols", "wls_struct", "mint_shrink"])
def test_a_node_without_a_second_horizon_widens_no_other(how):
    """What stands in for it is no forecast from further away."""
    rng, days = np.random.default_rng(0), np.arange(100)
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(days, "D")
    parts = [
        {"state": "AB"[i % 2], "store": f"s{i}", "item": "a", "date": dates, "sales": 500 * i + 30 * days + noise}
        for i, noise in enumerate(rng.normal(0, 5, (6, 100)), start=1)
    ]
    rows = pd.concat(map(pd.DataFrame, parts), ignore_index=True)
    wide = {}
    for limit in (1e18, 5500.0):
        plan = {"levels": ["state"], "reconcile": how}
        made = job(plan, learners=[Drifting(limit)], ensemble=None, backtest={"windows": 3}, lower_bound=None).fit(rows).predict(horizon=14)
        total = made[made["level"] == "total"]
        wide[limit] = (total["q0.9"] - total["q0.1"]).to_numpy()
    np.testing.assert_allclose(wide[1e18], wide[5500.0], rtol=0.2)


def test_the_columns_of_the_levels_may_be_all_that_tells_series_apart():
    data = sales().rename(columns={"date": "ds", "sales": "y"}).drop(columns="price")
    made = Forecaster(horizon=3, hierarchy=["state", "store", "item"], learners=["ets"], backtest={"windows": 2}).fit(data)
    rows = made.predict()
    assert rows["level"].drop_duplicates().tolist() == ["total", "state", "store", "item"]
    assert len(rows[rows["level"] == "item"]) == 9 * 3


def test_late_and_closed_series_are_told_and_the_sums_are_right():
    data = sales()
    closed = (data["store"] == "s1") & (data["item"] == "tea") & (data["date"] > "2024-02-15")
    late = (data["store"] == "s2") & (data["date"] == data["date"].max())
    made = job().fit(data[~closed & ~late])
    told = made.findings_
    assert told[told["rule"] == "closed"][["store", "item"]].to_numpy().tolist() == [["s1", "tea"]]
    assert sorted(told[told["rule"] == "late"]["item"]) == ["eggs", "milk", "tea"]
    rows = made.predict()
    assert rows["date"].min() == data["date"].max() + pd.Timedelta(days=1)
    assert_adds_up(rows, NESTED)


def test_a_series_in_two_places_is_refused():
    data = sales()
    data.loc[(data["store"] == "s1") & (data["date"] > "2024-03-01"), "state"] = "TX"
    with pytest.raises(DataError, match=r"store=s1, item=eggs has rows in two places.*state=CA.*state=TX"):
        job().fit(data)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(UnknownName, match=r"did you mean 'state'.* The option hierarchy= asks for it"):
        job(["stat", "store"]).fit(sales())


@pytest.mark.parametrize("how", ["auto", "top_down", "bottom_up"])
def test_rolling_is_predicting_from_each_origin_and_adds_up(how):
    data = sales()
    days = data["date"].max() - data["date"]
    plan = {"levels": ["state", "store"], "reconcile": how, "sums": ["price"]}
    made = job(plan, known=["price"]).fit(data[days >= pd.Timedelta(days=11)])
    said = made.roll(data, step=4)
    assert said["origin"].nunique() == 3
    assert_adds_up(said, NESTED, keys=("origin", "date"))
    assert_adds_up(said.dropna(subset=["actual"]), NESTED, "actual", keys=("origin", "date"))
    second = said[said["origin"] == data["date"].max() - pd.Timedelta(days=7)].drop(columns=["origin", "actual"])
    early = days >= pd.Timedelta(days=7)
    wanted = made.predict(data[~early].groupby(["store", "item"]).head(7), history=data[early])
    np.testing.assert_allclose(second.iloc[:, -4:], wanted[second.columns].iloc[:, -4:], rtol=1e-9)
    assert second["date"].tolist() == wanted["date"].tolist()


@pytest.mark.parametrize("how", ["bottom_up", "top_down", "mint_shrink"])
def test_a_job_goes_on_from_newer_history(how):
    data = sales()
    early = data[data["date"] < "2024-04-20"]
    made = job({"levels": ["state", "store"], "reconcile": how}, learners=["seasonal_naive"], static=["state"]).fit(early)
    moved = made.predict(history=data)
    assert moved["date"].min() == data["date"].max() + pd.Timedelta(days=1)
    assert_adds_up(moved, NESTED)
    if how == "bottom_up":
        assert (
            moved["forecast"].tolist()
            == job({"levels": ["state", "store"], "reconcile": how}, learners=["seasonal_naive"]).fit(data).predict()["forecast"].tolist()
        )
    pd.testing.assert_frame_equal(made.predict(history=early), made.predict())


def test_a_series_without_any_value_may_have_its_first_ones():
    data = sales(days=127).astype({"sales": float})
    tea = (data["store"] == "s1") & (data["item"] == "tea")
    early = data["date"] < "2024-04-30"
    data.loc[tea & early, "sales"] = np.nan
    made = job(["store"], learners=["average"], backtest=None, ensemble=None).fit(data[early])
    ahead = made.predict(history=data)
    known = data.groupby(["date"])["sales"].sum()
    assert_adds_up(ahead, {"total": [], "store": ["store"]})
    top = job({"levels": ["store"], "reconcile": "top_down"}, learners=["average"], backtest=None, ensemble=None).fit(data[early])
    total = top.predict(history=data).query("level == 'total'")["forecast"]
    np.testing.assert_allclose(total, known.mean())


def test_a_stamp_may_be_given_instead_of_a_horizon():
    made = job().fit(sales())
    pd.testing.assert_frame_equal(made.predict(until="2024-05-03"), made.predict(horizon=4))


def test_the_page_and_the_figure_show_levels(tmp_path):
    made = job().fit(sales())
    page = made.report(tmp_path / "page.html").read_text()
    assert "level" in page
    assert "reconciled" in page
    assert "· None" not in page
    drawn = made.plot(series=[("total", None, None, None), ("store", "CA", "s1", None)])
    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["total", "store · CA · s1"]
