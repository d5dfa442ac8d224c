"""Values whose squares are no numbers: what is said of a series times 2^k is 2^k times what is said of the series."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from forecaster import Forecaster, archive
from forecaster.learners import make
from forecaster.testing import promoted, sound, table_of

SEASON, HORIZON, STEPS = 12, 8, 66
LEARNERS = {
    "naive": make("naive"),
    "drift": make("drift"),
    "average": make("average"),
    "seasonal_average": make("seasonal_average", seasons=3),
    "theta": make("theta", form="auto"),
    "ces": make("ces"),
    "ets": make("ets"),
    "arima": make("arima"),
    "arima of fixed orders": make("arima", order=(1, 1, 1), seasonal=(0, 1, 1)),
    "croston": make("croston"),
    "croston, weights chosen": make("croston", alpha=None, beta=None),
    "intermittent": make("intermittent"),
    "adida": make("adida"),
    "imapa": make("imapa"),
    "mstl": make("mstl"),
    "temporal": make("temporal"),
    "autoregression": make("autoregression"),
    "prophet": make("prophet", yearly_seasonality=2),
    "combined": make("combined"),
}
POWERS = (-1010, -600, 600, 1015)


def series():
    rng, t = np.random.default_rng(0), np.arange(STEPS)
    season = 50 + 0.3 * t + 10 * np.sin(2 * np.pi * t / SEASON) + rng.normal(size=STEPS)
    demand = np.where(rng.random(STEPS) < 0.3, rng.poisson(5, STEPS) + 1.0, 0.0)
    holes = np.cumsum(rng.normal(size=STEPS))
    holes[[3, 20, 21]] = np.nan
    return [season, demand, holes]


def beside(power):
    """A table of some series, and of the same times 2^power."""
    return table_of([*series(), *(np.ldexp(one, power) for one in series())], season_length=SEASON)


def alike(told, power):
    """The last half is the first one times 2^power, to rounding."""
    half = len(told) // 2
    for one, other in zip(told[:half], np.ldexp(told[half:], -power), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-12 * np.nanmax(np.abs(one)))


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", LEARNERS)
def test_forecasts_and_intervals_also_after_newer_values_and_of_a_stored_model(name, power, tmp_path):
    whole = beside(power)
    model = LEARNERS[name].fit(whole.drop_last(5))
    archive.save(model, tmp_path / "model")
    stored = archive.load(tmp_path / "model")
    for said in (model.predict(HORIZON), model.predict(HORIZON, whole), stored.predict(HORIZON, history=whole)):
        assert not said.failed
        alike(said.mean, power)
        if said.quantiles is not None:
            alike(said.quantiles, power)


@pytest.mark.parametrize("power", POWERS[:3])
@pytest.mark.parametrize("name", LEARNERS)
def test_fitted_values_and_parts(name, power):
    table = beside(power)
    model = LEARNERS[name].fit(table.drop_last(5))
    if hasattr(model, "fitted"):
        alike(np.nan_to_num(model.fitted(table)).reshape(len(table), -1), power)
    if hasattr(model, "parts"):
        parts = model.parts(HORIZON, table)
        said = model.predict(HORIZON, table).mean
        np.testing.assert_allclose(sum(parts.values()), said, rtol=1e-9)
        for part in parts.values():
            alike(part, power)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", ["arima", "prophet"])
def test_covariates(name, power):
    table, future = promoted()
    larger = table.with_target(np.ldexp(table.target, power))
    one, other = (make(name).fit(values).predict(3, None, future) for values in (table, larger))
    for said, wanted in ((other.mean, one.mean), (other.quantiles, one.quantiles)):
        np.testing.assert_allclose(np.ldexp(said, -power), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", LEARNERS)
def test_other_series_keep_their_bits(name):
    if LEARNERS[name].traits.pooled:
        pytest.skip("a series learns from the others")
    plain = table_of(series(), season_length=SEASON)
    some, alone = (LEARNERS[name].fit(table).predict(HORIZON) for table in (beside(600), plain))
    np.testing.assert_array_equal(some.mean[: len(plain)], alone.mean)
    if alone.quantiles is not None:
        np.testing.assert_array_equal(some.quantiles[: len(plain)], alone.quantiles)


@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_too_large_for_a_forecast_has_a_reason(name):
    """At the end of all numbers, growing, and after values that the unit of the model cannot hold."""
    ends = np.array([1.7e308, -1.7e308])
    values = [np.tile(ends, STEPS // 2), 1.7e308 / STEPS * np.arange(1, STEPS + 1), np.ldexp(series()[0], -900), series()[0]]
    table = table_of(values, season_length=SEASON)
    model = LEARNERS[name].fit(table)
    sound(model.predict(40))
    newer = dataclasses.replace(table, target=np.where(table.steps == table.end[0], 1.7e308, table.target))
    sound(model.predict(3, newer))


@pytest.mark.parametrize("power", POWERS)
def test_a_job_chooses_as_it_does_of_ordinary_values(power):
    def forecasts(power):
        stamps = np.arange("2015-01", "2020-07", dtype="datetime64[M]").astype("datetime64[s]")
        values = [np.ldexp(one, power) for one in series()[:2]]
        frame = pa.table({"unique_id": ["a"] * STEPS + ["b"] * STEPS, "ds": np.tile(stamps, 2), "y": np.concatenate(values)})
        made = Forecaster(horizon=6, learners=["seasonal_naive", "theta", "ets", "adida"], n_jobs=1).fit(frame)
        said = made.predict()
        return made, np.ldexp(np.column_stack([said[name] for name in ("forecast", "q0.1", "q0.9")]), -power)

    (usual, wanted), (made, said) = forecasts(0), forecasts(power)
    np.testing.assert_allclose(said, wanted, rtol=1e-9)
    assert made.leaderboard_["learner"].equals(usual.leaderboard_["learner"])
