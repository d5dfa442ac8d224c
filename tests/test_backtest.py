"""Windows against their formula, and backtests that see nothing of what comes later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster import Forecaster
from forecaster.backtest import RollingOrigin, backtest, beyond, cutoffs, shortest
from forecaster.errors import SettingsError
from forecaster.frequency import Frequency
from forecaster.protocols import Forecast, Traits
from forecaster.table import Table


def table(sizes, start=None, seed=0, season=1):
    ptr = np.cumsum([0, *sizes])
    rng = np.random.default_rng(seed)
    return Table(
        rng.normal(size=ptr[-1]), ptr, np.asarray(start if start is not None else np.zeros(len(sizes)), int), Frequency("D"),
        {"unique_id": np.array([f"s{i}" for i in range(len(sizes))], object)}, np.array([0, len(sizes)]),
        known={"price": rng.normal(size=ptr[-1]).astype(np.float32)}, past={"visits": np.arange(ptr[-1], dtype=np.float32)},
        season_length=season,
    )  # fmt: skip


@dataclass(frozen=True)
class LastModel:
    """Says the last value it knows and one more in each step, and notes what it was asked."""

    table: Table
    log: list
    levels: tuple[float, ...] = ()

    def predict(self, horizon, history=None, future=None):
        table = self.table if history is None else history
        self.log.append(("predict", table, future, history is not None))
        mean = table.last(1) + np.arange(horizon)
        quantiles = np.stack([mean] * len(self.levels), -1) if self.levels else None
        return Forecast(mean, self.levels, quantiles)


@dataclass(frozen=True)
class Last:
    levels: tuple[float, ...] = ()
    rolls: bool = True
    log: list = field(default_factory=list)

    @property
    def traits(self):
        return Traits(rolls_forward=self.rolls)

    def fit(self, table):
        self.log.append(("fit", table))
        return LastModel(table, self.log, self.levels)

    def fits(self):
        return [told[1] for told in self.log if told[0] == "fit"]


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5), n=st.integers(1, 4), horizon=st.integers(1, 5),
    step=st.none() | st.integers(1, 6), gap=st.integers(0, 3), length=st.none() | st.integers(1, 9), least=st.integers(1, 8),
    align=st.sampled_from(["series", "calendar"]), data=st.data(),
)  # fmt: skip
def test_windows_are_those_of_the_formula(sizes, n, horizon, step, gap, length, least, align, data):
    """T_k = T - H - (n - k) * step, one series and window at a time."""
    start = data.draw(st.lists(st.integers(-5, 20), min_size=len(sizes), max_size=len(sizes)))
    t = table(sizes, start)
    missing = data.draw(st.sets(st.integers(0, 99), max_size=6))
    t = t.with_target(np.where(np.isin(np.arange(len(t.target)), list(missing)), np.nan, t.target))
    windows = RollingOrigin(n, step, align, length, gap).split(t, horizon, least)
    expected = []
    for k in range(1, n + 1):
        taking = {}
        for i in range(len(t)):
            last = t.end[i] if align == "series" else t.end.max()
            cutoff = last - gap - horizon - (n - k) * (step or horizon)
            stamps = np.arange(t.start[i], t.end[i] + 1)
            train = t.values(i)[stamps <= cutoff][-length if length else None :]
            scored = {s: t.values(i)[s - t.start[i]] for s in range(cutoff + gap + 1, cutoff + gap + horizon + 1) if s in stamps}
            if np.isfinite(train).sum() >= least and np.isfinite(list(scored.values())).any() and t.end[i] >= cutoff:
                taking[i] = (cutoff, train, [scored.get(s, np.nan) for s in range(cutoff + gap + 1, cutoff + gap + horizon + 1)])
        if taking:
            expected.append(taking)
    assert len(windows) == len(expected)
    for window, taking in zip(windows, expected, strict=True):
        assert np.flatnonzero(window.included).tolist() == list(taking)
        train = window.train
        for j, (i, (cutoff, values, actual)) in enumerate(taking.items()):
            assert window.cutoff[i] == cutoff == train.end[j]
            assert np.array_equal(train.values(j), values, equal_nan=True)
            assert np.array_equal(window.actual[i], actual, equal_nan=True)
        assert np.isnan(window.actual[~window.included]).all()


def test_known_covariates_of_the_test_steps_are_the_future_and_past_ones_are_not():
    t = table([10, 12])
    (window,) = RollingOrigin(1, gap=1).split(t, 3)
    assert window.future.steps == 4
    assert np.array_equal(window.future.known["price"], np.stack([t.known["price"][6:10], t.known["price"][18:22]]))
    assert list(window.future.known) == ["price"]
    assert window.train.past["visits"].max() == 17


def test_a_short_series_takes_part_where_it_has_room():
    t = table([30, 17, 9, 4])
    windows = RollingOrigin(3).split(t, 5, min_length=6)
    assert [w.included.tolist() for w in windows] == [[True, False, False, False], [True, True, False, False], [True, True, False, False]]
    told = list(RollingOrigin(3).shortfalls(t, windows, 5, min_length=6))
    assert [(f.rule, f.series["unique_id"], f.count) for f in told] == [("short_backtest", f"s{i}", n) for i, n in ((1, 2), (2, 0), (3, 0))]
    assert "in 2 of 3 windows of the backtest: one takes 6 known values to train on and 5 steps after them" in told[0].message


def test_a_series_that_ended_is_told_apart():
    t = table([30, 10], [0, 0])
    rolling = RollingOrigin(1, align="calendar")
    (told,) = rolling.shortfalls(t, rolling.split(t, 5), 5)
    assert (told.series, told.count) == ({"unique_id": "s1"}, 0)
    assert "ends before the others" in told.message


def test_the_minimum_length_is_that_of_the_formula():
    """T >= 2 H + (n - 1) step + lookback + 1 (azure-semantics B.3)."""
    horizon, n, step, lookback = 4, 3, 2, 7
    need = 2 * horizon + (n - 1) * step + lookback + 1
    t = table([need, need - 1])
    oldest = RollingOrigin(n, step).split(t, horizon, shortest(horizon, lookback))[0]
    assert oldest.included.tolist() == [True, False]


def test_no_room_for_any_window():
    t = table([3, 2])
    assert RollingOrigin(3).split(t, 5) == []
    assert [found.count for found in RollingOrigin(3).shortfalls(t, [], 5)] == [0, 0]
    with pytest.raises(SettingsError, match="at least one window"):
        backtest(Last(), [])


@pytest.mark.parametrize(
    ("sizes", "count", "step"),
    [([100], 5, 10), ([55], 4, 10), ([35, 100], 2, 10), ([28], 2, 5), ([22], 3, 1), ([21], 2, 1), ([100] * 19 + [25], 5, 10)],
    ids=str,
)
def test_automatic_windows(sizes, count, step):
    """Between 2 and 5; a shorter step before fewer than 2; one short series in twenty does not decide."""
    windows = RollingOrigin("auto").split(table(sizes), 10, min_length=10)
    assert len(windows) == count
    assert np.diff(cutoffs(windows)[:, 0]).tolist() == [step] * (count - 1)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"windows": 0}, "windows must be a whole number of at least 1 or .auto., not 0"),
        ({"windows": 2.5}, "windows must be"),
        ({"step": 0}, "step must be .* or None for the horizon"),
        ({"gap": -1}, "gap must be"),
        ({"length": 0}, "length must be"),
        ({"refit": -1}, "refit must be"),
        ({"align": "end"}, 'align must be "series" or "calendar"'),
    ],
    ids=str,
)
def test_settings_that_cannot_be_meant(setting, told):
    with pytest.raises(SettingsError, match=told):
        RollingOrigin(**setting)


@pytest.mark.parametrize(("refit", "fits"), [(True, 4), (False, 1), (1, 4), (2, 3), (3, 2)])
def test_refitting(refit, fits):
    learner = Last()
    t = table([40, 40])
    made = backtest(learner, RollingOrigin(4, refit=refit).split(t, 3))
    assert len(learner.fits()) == fits
    # rolled forward or fitted anew, it knows the last value before each cutoff
    assert made.forecast[:, :, 0].tolist() == [[t.values(i)[c] for i in (0, 1)] for c in (27, 30, 33, 36)]


def test_a_learner_that_does_not_roll_forward_is_fitted_in_every_window():
    learner = Last(rolls=False)
    backtest(learner, RollingOrigin(3, refit=False).split(table([40]), 3))
    assert len(learner.fits()) == 3


def test_a_series_that_enters_late_is_fitted_when_it_enters():
    learner = Last()
    t = table([40, 12])
    made = backtest(learner, RollingOrigin(3, refit=False).split(t, 4, min_length=4))
    assert [len(fit) for fit in learner.fits()] == [1, 1]
    assert np.isfinite(made.forecast).all(2).tolist() == [[True, False], [True, True], [True, True]]


def test_gap_steps_are_forecast_and_not_scored():
    learner = Last(levels=(0.5,))
    t = table([20])
    made = backtest(learner, RollingOrigin(2, gap=2).split(t, 3))
    expected = [[[t.values(0)[cutoff] + step for step in (2, 3, 4)]] for cutoff in (11, 14)]
    assert made.forecast.tolist() == expected
    assert made.quantiles[..., 0].tolist() == expected
    assert {told[2].steps for told in learner.log if told[0] == "predict"} == {5}


def walked(learner, windows):
    """A backtest that goes on for a horizon more where a later window scores it."""
    return backtest(learner, windows, beyond(windows))


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("refit", [True, False])
def test_the_horizon_after_is_forecast_where_a_later_window_scores_it(gap, refit):
    learner, t = Last(levels=(0.1, 0.9)), table([30, 26, 9])
    windows = RollingOrigin(3, gap=gap, refit=refit).split(t, 4, min_length=5)
    made = walked(learner, windows)
    plain = backtest(learner, windows)
    assert np.array_equal(made.forecast, plain.forecast, equal_nan=True)
    assert np.array_equal(made.quantiles, plain.quantiles, equal_nan=True)
    for w, cutoff in enumerate(cutoffs(windows)):
        for i, taken in enumerate(windows[w].included):
            later = taken and w < len(windows) - 1
            expected = t.values(i)[cutoff[i]] + np.arange(gap + 4, gap + 8) if later else np.full(4, np.nan)
            assert np.array_equal(made.further.forecast[w, i], expected, equal_nan=True)
            assert np.array_equal(made.further.quantiles[w, i, :, 1], expected, equal_nan=True)


def test_the_horizon_after_takes_windows_a_horizon_apart():
    t = table([40])
    for step, scored in ((3, 2), (1, 0), (4, 0)):
        windows = RollingOrigin(3, step=step).split(t, 3)
        assert sum(window.included.any() for window in beyond(windows)) == scored
        made = walked(Last(), windows)
        assert (0 if made.further is None else np.isfinite(made.further.forecast).all(2).sum()) == scored
    halves = beyond(RollingOrigin(4, step=2).split(t, 4))
    assert [bool(window.included[0]) for window in halves] == [True, True, False, False]


@dataclass(frozen=True)
class NoFurther:
    """Forecasts four steps and no more, for series of which the first value is above a limit."""

    how: str
    limit: float = -np.inf
    first: np.ndarray | None = None
    traits = Traits()

    def fit(self, table):
        return replace(self, first=table.target[table.indptr[:-1]])

    def predict(self, horizon, history=None, future=None):
        mean, steps = np.zeros((len(self.first), horizon)), horizon
        if horizon > 4 and (self.first > self.limit).any():
            if self.how == "raises":
                raise ValueError("no further than four steps")
            mean, steps = mean[:, : 4 if self.how == "forecasts" else horizon], 4
        return Forecast(mean, (0.5,), np.zeros((len(self.first), steps, 1)))


@pytest.mark.parametrize("how", ["raises", "forecasts", "quantiles"])
def test_a_model_that_goes_no_further_has_not_failed(how):
    windows = RollingOrigin(3).split(table([40, 40]), 4)
    made, plain = walked(NoFurther(how), windows), backtest(NoFurther(how), windows)
    assert made.failed == {}
    assert np.array_equal(made.forecast, plain.forecast)
    assert np.array_equal(made.quantiles, plain.quantiles)
    assert made.further is None


@pytest.mark.parametrize("refit", [True, False])
def test_a_group_that_goes_no_further_costs_no_other_what_it_says(refit):
    t = replace(table([40] * 5), group_ptr=np.array([0, 1, 2, 4, 5]))
    limit = np.sort(t.target[t.indptr[:-1]])[-2]
    made = walked(NoFurther("raises", limit), RollingOrigin(3, refit=refit).split(t, 4))
    beyond_limit = t.group == t.group[t.target[t.indptr[:-1]].argmax()]
    assert made.failed == {}
    assert np.array_equal(np.isfinite(made.further.forecast[:2]).all((0, 2)), ~beyond_limit)


def test_a_sliding_window_trains_on_the_last_values_and_an_expanding_one_on_all():
    t = table([20])
    for length, sizes in ((5, [5, 5]), (None, [14, 17])):
        learner = Last()
        backtest(learner, RollingOrigin(2, length=length).split(t, 3))
        assert [fit.sizes[0] for fit in learner.fits()] == sizes


def test_later_values_change_nothing_earlier():
    """Change everything after the cutoff of a window: what it trains on, rolls on and says stays the same."""
    t = table([40, 33])
    setting = RollingOrigin(3, refit=2)
    before = backtest(Last(), setting.split(t, 4)).forecast
    for k, window in enumerate(setting.split(t, 4)):
        later = t.steps > window.cutoff[t.series]
        changed = replace(t, target=np.where(later, 1e9, t.target), past={"visits": np.where(later, 1e9, 0).astype(np.float32)})
        learner = Last()
        after = backtest(learner, setting.split(changed, 4)[: k + 1]).forecast
        assert np.array_equal(before[: k + 1], after)
        assert all(told[1].target.max() < 1e9 and told[1].past["visits"].max() < 1e9 for told in learner.log)


@dataclass(frozen=True)
class Broken:
    """Fails in the way it is told."""

    how: str
    traits = Traits()

    def fit(self, table):
        if self.how == "fit":
            raise ValueError("no luck")
        return self

    def predict(self, horizon, history=None, future=None):
        if self.how == "predict":
            raise ValueError("no luck")
        mean = np.zeros((2, horizon))
        mean[1] = np.inf
        return Forecast(mean, failed={1: "diverged"} if self.how == "said" else {})


@pytest.mark.parametrize(
    ("how", "failed"),
    [
        ("fit", {0: "ValueError: no luck", 1: "ValueError: no luck"}),
        ("predict", {0: "ValueError: no luck", 1: "ValueError: no luck"}),
        ("said", {1: "diverged"}),
        ("unsaid", {1: "the forecast holds values that are no numbers"}),
    ],
)
def test_a_failure_is_data(how, failed):
    made = backtest(Broken(how), RollingOrigin(2).split(table([20, 20]), 3))
    assert made.failed == failed
    assert sorted(set(np.flatnonzero(np.isnan(made.forecast).any((0, 2))))) == sorted(failed)


def test_quantiles_only_where_all_forecasts_have_the_same():
    windows = RollingOrigin(2).split(table([20, 20]), 3)
    made = backtest(Last(levels=(0.1, 0.9)), windows)
    assert made.levels == (0.1, 0.9)
    assert made.quantiles.shape == (2, 2, 3, 2)
    assert backtest(Last(), windows).quantiles is None


def test_a_table_is_only_cut_when_asked():
    """Windows of a large table cost no memory of their own."""
    t = table([100_000] * 5)
    windows = RollingOrigin(5).split(t, 10)
    assert all(w.table is t for w in windows)


@pytest.mark.parametrize("transform", [(), "log", "difference"])
def test_later_values_of_the_data_move_no_earlier_forecast_of_a_job(transform):
    """From the frame through guardrails, features and learners: gaps and all."""
    rng, days = np.random.default_rng(0), 60
    day = np.tile(np.arange(days), 2)
    columns = {"y": 5 + day % 7 + rng.random(2 * days), "price": rng.random(2 * days), "visits": rng.random(2 * days)}
    for values in columns.values():
        values[rng.random(2 * days) < 0.05] = np.nan
    data = pd.DataFrame({"unique_id": np.repeat(["a", "b"], days), "ds": np.datetime64("2024-01-01") + day, **columns})
    later = (day >= days - 8)[:, None] * np.array([30.0, 1000.0]) + 1
    moved = data.assign(**dict(zip(["y", "visits"], (data[["y", "visits"]].to_numpy() * later).T, strict=True)))

    def oldest(frame):
        job = Forecaster(
            4, known="price", past="visits", learners=["seasonal_naive", "elastic_net", "lightgbm"], backtest=RollingOrigin(windows=2),
            ensemble=None, target_transform=transform,
        )  # fmt: skip
        made = job.fit(frame).backtest_
        assert set(job.leaderboard_.status) == {"done"}
        return made[
            (made.cutoff == made.cutoff.min()) & made.learner.isin(["seasonal_naive", "elastic_net", "lightgbm"])
        ].forecast.to_numpy()

    assert np.array_equal(oldest(data), oldest(moved))
