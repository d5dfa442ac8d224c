"""The ets learner: names of forms, options, and what made forecasts of real series better."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest

from forecaster.errors import SettingsError
from forecaster.learners import make
from forecaster.learners.ets import ETS, codes, name_of
from forecaster.testing import sales, table_of


def test_z_stands_for_fifteen_stable_forms():
    names = [name_of(code) for code in codes("ZZZ")]
    assert len(names) == len(set(names)) == 15
    assert not {"ANM", "AAM", "AAdM"} & set(names)
    assert len(codes("ZZZ", unstable=True)) == 18


def test_multiplicative_trends_are_tried_where_they_may():
    added = {name_of(code) for code in codes("ZZZ", multiplicative_trend=True)} - {name_of(code) for code in codes("ZZZ")}
    assert added == {"MMN", "MMdN", "MMM", "MMdM"}
    assert len(codes("ZZZ", unstable=True, multiplicative_trend=True)) == 30
    rng = np.random.default_rng(0)
    values = [100 * np.exp(np.cumsum(rng.normal(0.05, 0.01, size=40))) for _ in range(6)]
    free, held = (ETS(multiplicative_trend=free).fit(table_of(values)) for free in (True, False))
    assert sum("MM" in form for form in free.forms) >= 4
    assert not any("MM" in form for form in held.forms)
    assert (free.criterion <= held.criterion + 0.01).all()


@pytest.mark.parametrize(
    ("form", "names"),
    [("MAdM", {"MAdM"}), ("ANM", {"ANM"}), ("AMdA", {"AMdA"}), ("MMM", {"MMM"}), ("ZAN", {"AAN", "MAN"}), ("ZAdM", {"MAdM"})],
)
def test_a_name_stands_for_its_forms(form, names):
    assert {name_of(code) for code in codes(form)} == names


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"form": "AXA"}, "as in 'MAdM' or 'ZZZ'; came 'AXA'"),
        ({"form": "AZM"}, "unstable=True allows them"),
        ({"form": "ZMA"}, "unstable=True allows them"),
        ({"select": "hqic"}, "select is one of 'aicc', 'aic', 'bic', 'backtest'; came 'hqic'"),
        ({"region": "all"}, "region is one of 'usual', 'admissible', 'both'"),
        ({"holdout": 0}, "holdout is 1 or more"),
        ({"period": -3}, "period is the number of steps in one season, 1 for none; came -3"),
        ({"free_seasons": -1}, "free_seasons is a number of steps from 0 up; came -1"),
        ({"intervals": "no"}, "intervals is one of 'closed', 'simulated'"),
        ({"levels": (0.9, 0.1)}, "levels ascend between 0 and 1"),
        ({"levels": (float("nan"),)}, "levels ascend between 0 and 1"),
        ({"paths": 0}, "paths is 1 or more"),
        ({"prior": 0.0}, "prior positive"),
    ],
)
def test_a_wrong_option_is_told(wrong, message):
    with pytest.raises(SettingsError, match=message):
        make("ets", **wrong)


def test_the_shortest_length_follows_from_the_form():
    assert [ETS(form).traits.min_length for form in ("ZZZ", "AAN", "MAdN", "ZZN")] == [5, 7, 8, 5]


@pytest.mark.parametrize(("form", "period"), [("ANA", 12), ("MAM", 12), ("AAdA", 4), ("ZZA", 7), ("ZZZ", 12)])
def test_a_series_of_the_shortest_length_has_a_model_a_shorter_one_none(form, period):
    recipe = ETS(form, period=period)
    y = 10 + np.sin(np.arange(recipe.traits.min_length, dtype=float))
    assert list(recipe.fit(table_of([y, y[1:]])).predict(1).failed) == [1]


def test_levels_may_be_none():
    forecast = ETS(levels=()).fit(sales()).predict(3)
    assert forecast.quantiles is None
    assert np.isfinite(forecast.mean).all()


def test_a_prior_keeps_the_slope_steady():
    rng = np.random.default_rng(3)
    values = [100 + np.cumsum(np.cumsum(rng.normal(size=30))) + rng.normal(size=30) for _ in range(10)]
    free, held = (ETS("AAN", prior=prior).fit(table_of(values)).first.rate for prior in (np.inf, 0.2))
    assert (held[:, 1] / held[:, 0]).mean() < 0.5 * (free[:, 1] / free[:, 0]).mean()


def test_short_seasons_may_be_multiplicative_long_ones_are_additive_unless_named():
    t = np.arange(400)
    values = (100 + 0.5 * t) * (1 + 0.4 * np.sin(2 * np.pi * t / 12)) * np.exp(0.02 * np.random.default_rng(0).normal(size=400))
    assert ETS(period=12).fit(table_of([values])).forms[0].endswith("M")
    assert ETS(period=24).fit(table_of([values])).forms[0] in ("ANA", "AAA", "AAdA")
    assert ETS("ZZM", period=24).fit(table_of([values])).forms[0].endswith("M")


def test_a_model_is_columns():
    model = ETS().fit(sales())
    arrays = [getattr(part, field.name) for part in (model.first, model.last, model) for field in dataclasses.fields(part)][:8]
    assert all(len(values) == len(sales()) and values.dtype.kind in "fi" for values in arrays)


def test_hourly_series_gain_from_additive_forms(shared):
    known, came = (pq.read_table(shared("m4_hourly") / f"{part}.parquet").to_pandas() for part in ("train", "test"))
    names = known["unique_id"].unique()[::10]
    values = [known["y"][known["unique_id"] == name].to_numpy() for name in names]
    actual = np.array([came["y"][came["unique_id"] == name].to_numpy() for name in names])
    scale = np.array([np.abs(one[24:] - one[:-24]).mean() for one in values])
    error = {}
    for form in ("ZZZ", "MZZ"):
        mean = ETS(form, period=24).fit(table_of(values)).predict(48).mean
        error[form] = (np.abs(actual - mean).mean(axis=1) / scale).mean()
    assert error["ZZZ"] < 0.9 * error["MZZ"]


@pytest.mark.parametrize("form", ["AMN", "AMA", "AMM", "MMN", "MMM"])
def test_growth_by_a_factor_is_found_whatever_the_season(form):
    said = make("ets", form=form).fit(table_of([1.1 ** np.arange(80)], season_length=12)).predict(12)
    np.testing.assert_allclose(said.mean[0], 1.1 ** np.arange(80, 92), rtol=1e-6)
