"""What a group gets is the same to the last bit whatever lies in the block beside it, also where it has fewer windows than others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.block import fit_block
from forecaster.fitted import Fitted
from forecaster.learners import make
from forecaster.rolling import moved
from forecaster.settings import Settings
from forecaster.testing import table_of


def week(n: int, seed: int) -> np.ndarray:
    return 50 + 10 * np.sin(2 * np.pi * np.arange(n) / 7) + np.random.default_rng(seed).normal(0, 3, n)


def rare(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random(n) < 0.2) * rng.integers(1, 9, n)


def group(name: str, *series: np.ndarray, start: str = "2024-01-01") -> pd.DataFrame:
    parts = [{"g": name, "unique_id": f"s{i}", "ds": pd.date_range(start, periods=len(y)), "y": y} for i, y in enumerate(series)]
    return pd.concat(map(pd.DataFrame, parts), ignore_index=True)


MINE = {
    "one window": group("mine", week(24, 1), week(20, 2)),
    "no window": group("mine", week(10, 1)),
    "unequal": group("mine", week(100, 1), week(30, 2)),
    "rare": group("mine", *[rare(120, i) for i in range(3)]),
}
OTHERS = [
    group("many series", *[week(100, i) for i in range(9)]),
    group("a year longer", week(400, 9)),
    group("zz later", week(200, 9), start="2024-03-01"),
]
OPTIONS = [
    {},
    {"backtest": {"windows": "auto"}},
    {"backtest": {"windows": 3, "align": "calendar"}},
    {"backtest": {"windows": 4, "refit": 2, "step": 3}},
    {"backtest": {"windows": 3, "length": 40}},
    {"ensemble": "caruana"},
    {"learners": ["lightgbm", "ets"], "lags": [1, 2, 14]},
    {"backtest": None, "ensemble": None, "block": ["naive", "seasonal_naive", "average", "seasonal_average", "drift"]},
]


def fitted(data: pd.DataFrame, options: dict) -> Fitted:
    settings = Settings.parse({"horizon": 7, "series": ["g", "unique_id"], "n_jobs": 1, **options})
    return fit_block(pa.Table.from_pandas(data, preserve_index=False), settings, ("g",))


def of_mine(told: pa.Table, *order: str) -> pd.DataFrame:
    rows = told.to_pandas()
    return rows[rows["g"] == "mine"].sort_values(list(order)).reset_index(drop=True)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("mine", MINE)
def test_neighbours_change_no_bit(mine, options):
    alone, beside = (fitted(pd.concat(parts, ignore_index=True), options) for parts in ([MINE[mine]], [MINE[mine], *OTHERS]))
    pd.testing.assert_frame_equal(*(of_mine(made.predict(horizon=16), "unique_id", "ds") for made in (alone, beside)), check_exact=True)
    one, other = (of_mine(made.backtest(), "learner", "unique_id", "cutoff", "ds") for made in (alone, beside))
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=len(one) > 0)


AHEAD = 10


def labelled(
    name: str, seed: int, country: str, *words: str, ids: tuple[str, ...] = ("s0", "s1"), days: int = 150, start: str = "2024-03-01"
):
    """Series with covariates that are texts, and ten days more, two of which have a word that only other groups know."""
    parts = []
    for i, one in enumerate(ids):
        rng, n = np.random.default_rng(100 * seed + i), days + AHEAD
        known, past = rng.choice(len(words), n), rng.choice(len(words), n)
        promo = np.array(words, object)[known]
        promo[[-6, -1]] = "m only others"
        parts.append({
            "g": name, "unique_id": one, "ds": pd.date_range(start, periods=n), "y": week(n, seed + i) + 5 * known + 3 * np.roll(past, 1),
            "promo": promo, "weather": np.array(words, object)[-1 - past], "kind": words[i % len(words)], "country": country,
        })  # fmt: skip
    return pd.concat(map(pd.DataFrame, parts), ignore_index=True)


LABELLED = labelled("mine", 1, "US", "bread", "milk", "wine", ids=("s0", "s1", "new"))
LABELLED_OTHERS = [
    labelled("other words", 2, "DE", *"abcdefghijklm", "m only others"),
    labelled("zz words between", 3, "US", "apple", "bread", "cheese", "tea", "wine"),
    labelled("longer", 4, "BR", "bread", "zest", days=500, start="2023-03-01"),
]
LEARNERS = ["elastic_net", "lightgbm", "extra_trees", "random_forest", "xgboost", "knn", {"tcn": {"epochs": 1}}, "arima", "prophet"]


@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_labels_of_neighbours_change_no_bit(learner):
    name = learner if isinstance(learner, str) else next(iter(learner))
    pytest.importorskip({"tcn": "torch", "xgboost": "xgboost"}.get(name, "numpy"))
    options = {
        "learners": [learner], "ensemble": None, "backtest": {"windows": 2}, "known": ["promo"], "past": ["weather"],
        "static": ["kind", "country"], "holidays": "country",
    }  # fmt: skip
    alone, beside = (told_of_mine(data, options) for data in (LABELLED, pd.concat([LABELLED, *LABELLED_OTHERS], ignore_index=True)))
    assert {name} <= set(alone["backtest"]["learner"])
    for what in alone:
        pd.testing.assert_frame_equal(alone[what], beside[what], check_exact=True, obj=what)


def told_of_mine(data: pd.DataFrame, options: dict) -> dict[str, pd.DataFrame]:
    """All that is told of my group: the forecasts, also from newer values on and of a series that comes with them, and the backtest."""
    left = data.groupby(["g", "unique_id"]).cumcount(ascending=False)
    rows, newer = (pa.Table.from_pandas(some, preserve_index=False) for some in (data, data[left >= 4]))
    made = fitted(data[(left >= AHEAD) & (data["unique_id"] != "new")], options)
    later, others, _ = moved(made, newer)
    forecasts = {
        "near": made.predict(rows), "far": made.predict(rows, AHEAD), "no future": made.predict(),
        "later": later.predict(rows, 4), "later, no future": later.predict(),
    }  # fmt: skip
    told = forecasts | {"newcomer": others[0].predict(rows, 4)}
    told = {what: of_mine(one, "unique_id", "ds") for what, one in told.items()}
    return told | {"backtest": of_mine(made.backtest(), "learner", "unique_id", "cutoff", "ds")}


@pytest.mark.parametrize("period", [7, 24, 52])
@pytest.mark.parametrize("form", ["ZZZ", "ZAdZ"])
def test_a_season_that_a_series_does_not_hold_twice_is_none_to_it_whatever_others_hold(form, period):
    rng = np.random.default_rng(0)
    learner = make("ets", form=form, period=period)
    long = np.exp(rng.normal(3, 0.5, 300))
    for size in (8, 2 * period - 3, 2 * period - 1, 2 * period):
        short = np.exp(rng.normal(3, 0.5, size))
        alone, beside = (learner.fit(table_of(series)).predict(9) for series in ([short], [short, long]))
        np.testing.assert_array_equal(beside.mean[0], alone.mean[0])
        np.testing.assert_array_equal(beside.quantiles[0], alone.quantiles[0])
