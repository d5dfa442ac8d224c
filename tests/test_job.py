"""The front door on small, whole jobs."""

from __future__ import annotations

import dataclasses
import os
import warnings
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info, threadpool_limits

from forecaster import Forecaster, RollingOrigin
from forecaster.errors import DataError, ForecasterError, SettingsError, UnknownName
from forecaster.learners import make
from forecaster.protocols import Traits

QUICK = {"learners": ["seasonal_naive", "average", "elastic_net"], "backtest": RollingOrigin(windows=2)}


def sales(series: int = 4, days: int = 120, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    when = pd.date_range("2024-01-01", periods=days)
    parts = []
    for i in range(series):
        price = 10 + rng.integers(0, 3, days)
        y = 50 + 10 * i + 12 * np.sin(2 * np.pi * np.arange(days) / 7) - 3 * (price - 10) + rng.normal(0, 2, days)
        parts.append(
            pd.DataFrame(
                {"store": f"s{i % 2}", "item": f"i{i}", "day": when, "units": y, "price": price.astype(float), "kind": "ab"[i % 2]}
            )
        )
    return pd.concat(parts, ignore_index=True)


def job(**options) -> Forecaster:
    given = {"horizon": 7, "series": ["store", "item"], "time": "day", "target": "units", "n_jobs": 1} | QUICK | options
    return Forecaster(**given)


def future(frame: pd.DataFrame, steps: int) -> pd.DataFrame:
    last = frame.groupby(["store", "item"])["day"].max().reset_index()
    parts = [last.assign(day=last["day"] + pd.Timedelta(days=h), price=11.0) for h in range(1, steps + 1)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return job().fit(sales())


def test_a_forecast_has_the_columns_of_the_contract(fitted):
    made = fitted.predict()
    assert list(made.columns) == ["store", "item", "day", "forecast", "q0.1", "q0.5", "q0.9"]
    assert len(made) == 4 * 7
    assert np.isfinite(made[["forecast", "q0.1", "q0.5", "q0.9"]]).all().all()
    assert (made["q0.1"] <= made["q0.5"]).all()
    assert (made["q0.5"] <= made["q0.9"]).all()
    assert made["day"].min() == pd.Timestamp("2024-04-30")


def test_results_have_the_columns_of_the_contract(fitted):
    assert list(fitted.leaderboard_.columns)[:6] == ["learner", "score", "rank", "fit_seconds", "predict_seconds", "status"]
    assert {"seasonal_naive", "average", "elastic_net"} <= set(fitted.leaderboard_["learner"])
    assert list(fitted.backtest_.columns)[:7] == ["store", "item", "day", "cutoff", "learner", "actual", "forecast"]
    assert len(fitted.selected_) == 1
    assert list(fitted.findings_.columns) == ["store", "item", "column", "rule", "count", "first", "action", "message"]


def test_the_forecast_is_good(fitted):
    made = fitted.predict().sort_values(["item", "day"])
    truth = [50 + 10 * i + 12 * np.sin(2 * np.pi * np.arange(120, 127) / 7) - 3 for i in range(4)]
    assert np.abs(made["forecast"].to_numpy() - np.concatenate(truth)).mean() < 5


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.Table])
def test_the_frame_that_comes_is_the_frame_that_goes(kind):
    frame = sales()
    data = {pd.DataFrame: frame, pl.DataFrame: pl.from_pandas(frame), pa.Table: pa.Table.from_pandas(frame, preserve_index=False)}[kind]
    assert isinstance(job(learners=["naive"]).fit(data).predict(), kind)


def test_a_path_is_as_good_as_a_frame(tmp_path):
    frame = sales()
    frame.to_parquet(tmp_path / "sales.parquet")
    pd.testing.assert_frame_equal(
        job(learners=["naive"]).fit(tmp_path / "sales.parquet").predict(), job(learners=["naive"]).fit(frame).predict(), check_dtype=False
    )


def test_same_seed_same_bits(fitted):
    again = job().fit(sales().sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(again.predict(), fitted.predict(), check_exact=True)


def test_past_the_horizon_is_a_continuation(fitted):
    far, near = fitted.predict(horizon=16), fitted.predict()
    joined = near.merge(far, on=["store", "item", "day"], suffixes=("", "_far"))
    np.testing.assert_allclose(joined["forecast"], joined["forecast_far"])
    assert np.isfinite(far.drop(columns=["store", "item", "day"])).all().all()
    width = (far["q0.9"] - far["q0.1"]).to_numpy().reshape(4, 16)
    assert (width[:, 14:].mean(axis=1) > width[:, :7].mean(axis=1)).all()


def test_known_covariates_matter():
    frame = sales()
    made = job(known=["price"], learners=["elastic_net"]).fit(frame)
    cheap, dear = future(frame, 7).assign(price=10.0), future(frame, 7).assign(price=12.0)
    assert made.predict(cheap)["forecast"].mean() > made.predict(dear)["forecast"].mean() + 2


def test_known_covariates_without_a_future_are_carried_forward():
    made = job(known=["price"], static=["kind"], learners=["elastic_net"]).fit(sales())
    with pytest.warns(UserWarning, match="price: no future was given"):
        assert np.isfinite(made.predict()["forecast"]).all()
    assert "future_carried_forward" in set(made.findings_["rule"])


def test_rows_that_are_missing_in_the_future_are_told():
    frame = sales()
    made = job(known=["price"], learners=["elastic_net"]).fit(frame)
    before = len(made.findings_)
    whole = future(frame, 7)
    holed = whole.drop(whole.index[(whole["item"] == "i1") & (whole["day"] > "2024-05-02")]).assign(
        price=lambda f: f["price"].mask(f["item"] == "i2")
    )
    with pytest.warns(UserWarning, match="future") as warned:
        made.predict(holed)
    assert sorted(str(one.message).split(":")[0] for one in warned) == ["day", "price"]
    found = made.findings_.iloc[before:].set_index("item")
    assert found["rule"].to_dict() == {"i1": "future_missing_rows", "i2": "future_missing_values"}
    assert found["count"].to_dict() == {"i1": 4, "i2": 7}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.predict(whole)
    assert len(made.findings_) == before


@pytest.mark.parametrize("ensemble", ["voting", None])
@pytest.mark.parametrize("learners", [["seasonal_naive", "average"], ["seasonal_naive"]], ids=len)
def test_the_final_forecast_has_one_name(ensemble, learners):
    made = job(learners=learners, ensemble=ensemble).fit(sales())
    expected = {*learners, *([ensemble] if ensemble else [])}
    assert set(made.leaderboard_["learner"]) == set(made.backtest_["learner"]) == expected
    errors = made.leaderboard_.set_index("learner")["score"]
    if ensemble:
        assert errors["voting"] <= errors.min() + 1e-12


def test_no_learner_may_take_the_name_of_the_final_forecast():
    class Voting(Ridge):
        pass

    with pytest.raises(SettingsError, match=r"'voting'.*rename"):
        job(learners=[Voting()]).fit(sales())


class Threads:
    """A regressor that notes how many threads it could take."""

    seen: ClassVar[list[int]] = []

    def fit(self, x, y):
        np.ones((2, 2)) @ np.ones((2, 2))
        self.seen.append(max((one["num_threads"] for one in threadpool_info()), default=1))
        return self

    def predict(self, x):
        return np.zeros(len(x))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_job_takes_no_more_threads_than_it_may(n_jobs):
    Threads.seen.clear()
    job(learners=["elastic_net", Threads()], n_jobs=n_jobs).fit(sales())
    assert Threads.seen
    assert max(Threads.seen) <= n_jobs


def test_fewer_threads_than_a_job_may_take_are_left_alone():
    Threads.seen.clear()
    with threadpool_limits(1):
        job(learners=[Threads()], n_jobs=4).fit(sales())
    assert max(Threads.seen) == 1


def test_all_cores_are_those_that_the_process_may_use():
    made = job(n_jobs=-1)
    assert made.settings.threads == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def test_a_loaded_job_can_be_fitted_again(tmp_path):
    first = job(learners=["seasonal_naive", Ridge(alpha=2.0)], metric="mase", quantiles=(0.05, 0.95)).fit(sales())
    first.save(tmp_path / "job")
    again = Forecaster.load(tmp_path / "job")
    assert again.settings.as_dict() == first.settings.as_dict()
    newer = sales(days=130)
    pd.testing.assert_frame_equal(again.fit(newer).predict(), first.fit(newer).predict(), check_exact=True)


def error_of_sums(actual, forecast):
    return abs(actual.sum() - forecast.sum())


def test_a_loaded_job_tells_which_object_it_lacks_to_be_fitted_again(tmp_path):
    first = job(metric=error_of_sums).fit(sales())
    first.save(tmp_path / "job")
    again = Forecaster.load(tmp_path / "job")
    pd.testing.assert_frame_equal(again.predict(), first.predict(), check_exact=True)
    with pytest.raises(SettingsError, match=r"metric=.*error_of_sums.*Forecaster.load\(folder, metric=...\)"):
        again.fit(sales())
    given = Forecaster.load(tmp_path / "job", metric=error_of_sums).fit(sales())
    pd.testing.assert_frame_equal(given.predict(), first.predict(), check_exact=True)


def test_save_and_load_give_the_same_forecast(fitted, tmp_path):
    fitted.save(tmp_path / "job")
    loaded = Forecaster.load(tmp_path / "job")
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict(), check_exact=True)
    pd.testing.assert_frame_equal(loaded.leaderboard_, fitted.leaderboard_)
    assert not [path for path in (tmp_path / "job").rglob("*") if path.suffix in {".pkl", ".joblib"}]


@pytest.mark.parametrize("kind", [pl.DataFrame, pa.Table])
def test_a_loaded_job_gives_the_frames_that_were_given(kind, tmp_path):
    frame = sales().astype({"store": "category"})
    data = pl.from_pandas(frame) if kind is pl.DataFrame else pa.Table.from_pandas(frame, preserve_index=False)
    first = job(learners=["naive"]).fit(data)
    first.save(tmp_path / "job")
    made, expected = Forecaster.load(tmp_path / "job").predict(), first.predict()
    assert isinstance(made, kind)
    assert made.schema == expected.schema
    assert made.equals(expected)


def test_any_regressor_is_a_learner():
    made = job(learners=[Ridge()]).fit(sales())
    assert "ridge" in made.leaderboard_["learner"].tolist()[0]
    assert np.isfinite(made.predict()["forecast"]).all()


def test_learners_of_one_kind_are_numbered():
    made = job(learners=[Ridge(1.0), Ridge(1000.0), {"lightgbm": {"rounds": 3}}, {"lightgbm": {"rounds": 30}}]).fit(sales())
    assert set(made.leaderboard_["learner"]) == {"ridge", "ridge_2", "lightgbm", "lightgbm_2", "voting"}
    with pytest.raises(SettingsError, match="holds 'naive' twice"):
        job(learners=["naive", "naive"]).fit(sales())


NAMED = [{"lightgbm": {"rounds": 3}}, "lightgbm", Ridge(), make("lightgbm", rounds=5)]


def test_a_learner_has_one_name_however_it_was_named():
    made = job(learners=[*NAMED, "naive"]).fit(sales())
    assert set(made.leaderboard_["learner"]) == {"lightgbm", "lightgbm_2", "ridge", "lightgbm_3", "naive", "voting"}


def test_a_blocked_learner_is_not_tried_however_it_was_named():
    made = job(learners=[*NAMED, "naive"], block=["lightgbm"]).fit(sales())
    assert set(made.leaderboard_["learner"]) == {"ridge", "naive", "voting"}
    with pytest.raises(SettingsError, match="no learner is left to try"):
        job(learners=[{"lightgbm": {"rounds": 3}}], block="lightgbm").fit(sales())


def test_without_a_backtest_there_is_no_search():
    made = job(learners="seasonal_naive", backtest=None, ensemble=None).fit(sales())
    assert len(made.backtest_) == 0
    assert len(made.leaderboard_) == 0
    forecast = made.predict().sort_values(["item", "day"])
    np.testing.assert_allclose(forecast["forecast"].to_numpy().reshape(4, 7), sales()["units"].to_numpy().reshape(4, 120)[:, -7:])
    assert (forecast["q0.9"] > forecast["q0.1"]).all()


def test_a_learner_that_breaks_costs_nothing_but_itself():
    class Broken:
        def fit(self, x, y):
            raise ZeroDivisionError("no")

        def predict(self, x):
            raise ZeroDivisionError("no")

    made = job(learners=["seasonal_naive", Broken()]).fit(sales())
    board = made.leaderboard_.set_index("learner")
    assert board.loc["broken", "status"] == "failed"
    assert "no" in board.loc["broken", "reason"]
    assert np.isnan(board.loc["broken", "score"])
    assert board.loc["broken", "rank"] == len(board)
    assert np.isfinite(made.predict()["forecast"]).all()


def test_a_learner_that_says_nothing_has_no_score():
    class Silent:
        def fit(self, x, y):
            return self

        def predict(self, x):
            return np.full(len(x), np.nan)

    made = job(learners=[Silent(), "average"], metric="spearman").fit(sales())
    board = made.leaderboard_.set_index("learner")
    assert (board.loc["silent", "status"], board.loc["silent", "rank"]) == ("failed", 3)
    assert np.isnan(board.loc["silent", "score"])
    assert not np.signbit(board.loc["average", "score"])  # 0, never -0
    assert np.isfinite(made.predict()["forecast"]).all()


def test_short_series_fall_back_beside_healthy_ones():
    frame = pd.concat(
        [
            sales(),
            pd.DataFrame(
                {"store": "s9", "item": "new", "day": [pd.Timestamp("2024-04-29")], "units": [3.0], "price": [10.0], "kind": ["a"]}
            ),
        ]
    )
    made = job().fit(frame).predict()
    assert np.isfinite(made["forecast"]).all()
    assert len(made) == 5 * 7


def test_features_are_the_training_matrix():
    matrix = job(lags=[1], windows=None, featurization="off", horizon=3).features(sales(1, 20))
    assert {"store", "item", "day", "units", "origin", "horizon", "lag1"} <= set(matrix.columns)
    row = matrix[(matrix["day"] == pd.Timestamp("2024-01-10")) & (matrix["horizon"] == 2)].iloc[0]
    values = sales(1, 20).set_index("day")["units"]
    assert row["lag1"] == pytest.approx(values[pd.Timestamp("2024-01-08")], rel=1e-6)


def test_a_forecast_before_fit_says_so():
    with pytest.raises(ForecasterError, match="fit"):
        job().predict()


def test_a_wrong_column_is_answered_with_the_right_one():
    with pytest.raises(UnknownName, match="units"):
        job(target="unit").fit(sales())


@pytest.mark.parametrize("ensemble", [None, "voting"])
def test_a_series_without_any_value_has_a_finding_and_no_forecast(ensemble):
    frame = sales(series=2)
    frame.loc[frame["item"] == "i1", "units"] = np.nan
    fitted = job(ensemble=ensemble).fit(frame)
    made = fitted.predict()
    assert set(made["item"]) == {"i0"}
    assert made["forecast"].notna().all()
    found = fitted.findings_[fitted.findings_["rule"] == "empty"]
    assert found["item"].tolist() == ["i1"]
    assert found["message"].tolist() == ["no value is known: the series has no forecast"]


def test_an_empty_frame_is_refused():
    with pytest.raises(DataError):
        job().fit(sales().iloc[:0])


def test_forecasts_of_what_never_was_negative_are_not():
    frame = sales().assign(units=lambda f: (f["units"] - 60).clip(lower=0))
    made = job().fit(frame).predict()
    assert (made[["forecast", "q0.1", "q0.5", "q0.9"]] >= 0).all().all()


def test_the_frame_of_features_is_the_users_own() -> None:
    days = pd.date_range("2024-01-01", periods=40)
    data = pd.DataFrame({"unique_id": "a", "ds": days, "y": np.arange(40.0)})
    job = Forecaster(1, lags=[1, 3], windows=None, featurization="off")
    frame = job.features(data)
    assert np.isnan(frame["lag3"].iloc[0])
    assert frame["lag1"].dtype == np.float32
    frame.loc[0, ["lag1", "y"]] = -1.0
    assert (frame["lag1"].iloc[0], frame["lag1"].iloc[1], frame["y"].iloc[0]) == (-1.0, 1.0, -1.0)
    assert data["y"].tolist() == list(range(40))
    assert job.features(data)["lag1"].iloc[0] == 0.0
    assert job.features(pa.Table.from_pandas(data))["lag3"].null_count == 2


def test_series_that_a_baseline_forecasts_are_told_with_the_reason():
    frame = sales()
    frame.loc[frame["item"] == "i2", "units"] = 1.49e306 * np.arange(1, 121)  # goes on beyond the largest number
    with pytest.warns(UserWarning, match="units of s0, i2: a baseline forecasts it: drift: its forecast is not a finite number"):
        made = job(learners=["drift"], backtest=None, ensemble=None).fit(frame)
    told = made.findings_[made.findings_["rule"] == "fallback"]
    assert told[["store", "item", "action"]].to_numpy().tolist() == [["s0", "i2", "noted"]]
    with pytest.warns(UserWarning, match=r"no known covariate is called 'cost'; .* \(and 3 more series: see findings_\)"):
        made = job(learners=[make("prophet", regressors=["cost"])], backtest=None, ensemble=None).fit(sales())
    assert (made.findings_["rule"] == "fallback").sum() == 4


@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308])
@pytest.mark.filterwarnings("ignore:.*a baseline forecasts it")
def test_a_series_of_huge_values_does_not_choose_the_baseline_for_its_neighbours(size):
    frame = sales()
    frame.loc[frame["item"] == "i2", "units"] = size * np.random.default_rng(0).random(120)
    made = job(learners=["theta", "croston"], ensemble=None).fit(frame)
    assert made.selected_["learner"].tolist() == ["theta"]
    assert np.isfinite(made.predict().iloc[:, 3:].to_numpy()).all()


@dataclasses.dataclass(frozen=True)
class Careless:
    """Fills what is missing into the rows that it was given."""

    traits: ClassVar[Traits] = Traits()

    def fit(self, table):
        table.target[np.isnan(table.target)] = 0.0
        raise AssertionError


def test_a_learner_that_writes_into_its_rows_fails_and_costs_no_other_one_its_values():
    data = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=60), "y": np.arange(60.0)})
    data.loc[[20, 40], "y"] = np.nan
    made = Forecaster(7, learners=[Careless(), "drift"], n_jobs=1).fit(data)
    assert "read-only" in made.leaderboard_.set_index("learner").loc["careless", "reason"]
    pd.testing.assert_frame_equal(made.predict(), Forecaster(7, learners=["drift"], n_jobs=1).fit(data).predict())


def test_decimals_may_name_series_and_are_saved(tmp_path):
    ids = pa.array([Decimal("1.5")] * 30 + [Decimal("2")] * 30, pa.decimal128(9, 2))
    frame = pa.table({"unique_id": ids, "ds": [*range(30)] * 2, "y": np.arange(60.0)})
    made = Forecaster(2, learners=["drift"], n_jobs=1).fit(frame)
    made.save(tmp_path / "job")
    assert Forecaster.load(tmp_path / "job").predict().equals(made.predict())
    assert made.predict()["unique_id"].to_pylist() == [Decimal("1.5")] * 2 + [Decimal("2")] * 2
