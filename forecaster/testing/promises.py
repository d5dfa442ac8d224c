"""What every learner promises: functions of a learner that raise AssertionError where it is broken."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import archive
from forecaster.backtest import RollingOrigin, backtest
from forecaster.errors import CannotPredict
from forecaster.protocols import Forecast, Learner, Model, Parts, parts_of, within
from forecaster.table import Future, Table
from forecaster.testing.tables import HARD, promoted, reordered, sales, table_of


def has_the_shape(learner: Learner) -> None:
    """A forecast has a finite number for every series and step."""
    table = sales()
    model = learner.fit(table)
    assert isinstance(learner, Learner)
    assert isinstance(model, Model)
    forecast = model.predict(6)
    assert forecast.mean.shape == (len(table), 6)
    assert np.isfinite(forecast.mean).all()
    assert not forecast.failed


def tells_parts_that_add_up(learner: Learner) -> None:
    """What a forecast is made of adds up to it: also past the horizon, without a season, with covariates, and from newer history."""
    table = sales()
    model, without = learner.fit(table), learner.fit(dataclasses.replace(table, season_length=1))
    _adds_up(parts_of(model, 9), model.predict(9))
    _adds_up(parts_of(without, 3), without.predict(3))
    promotions, future = promoted()
    with_covariate = learner.fit(promotions)
    _adds_up(parts_of(with_covariate, 3, None, future), with_covariate.predict(3, None, future))
    if learner.traits.rolls_forward:
        earlier = learner.fit(table.drop_last(np.full(len(table), 3)))
        _adds_up(parts_of(earlier, 4, table), earlier.predict(4, table))


def _adds_up(parts: Parts, forecast: Forecast) -> None:
    size = np.nanmax(np.abs(forecast.mean))
    np.testing.assert_allclose(sum(parts.values(), np.zeros(1)), forecast.mean, rtol=1e-6, atol=1e-8 * size)


def is_a_frozen_recipe(learner: Learner) -> None:
    """A learner is a frozen dataclass, equal to the one rebuilt from its fields, with the same hash."""
    recipe: Any = learner
    assert dataclasses.is_dataclass(type(recipe))
    rebuilt: Any = dataclasses.replace(recipe)
    assert rebuilt is not learner
    assert rebuilt == learner
    assert hash(rebuilt) == hash(learner)
    for name in [field.name for field in dataclasses.fields(rebuilt)][:1]:
        _refuses(partial(setattr, rebuilt, name, None), dataclasses.FrozenInstanceError)


def leaves_the_table_alone(learner: Learner) -> None:
    """Neither fitting nor predicting writes into the table."""
    table = sales()
    for array in _arrays(table):
        array.flags.writeable = False
    learner.fit(table).predict(3, table if learner.traits.rolls_forward else None)


def repeats_itself(learner: Learner) -> None:
    """The same seed gives the same bits."""
    same(learner.fit(sales()).predict(4), learner.fit(sales()).predict(4))


def ignores_its_neighbours(learner: Learner) -> None:
    """A pooled learner gives a group the same bits alone and beside others, any other learner a series."""
    table = sales((2, 1, 2))
    whole = learner.fit(table).predict(6)
    alone = table.take_groups([2]) if learner.traits.pooled else table.take([3, 4])
    same(whole.take([3, 4]), learner.fit(alone).predict(6))


def ignores_the_order_of_groups(learner: Learner) -> None:
    """Groups, and the series of a learner that is not pooled, may come in any order."""
    table = sales((1, 1, 1))
    turned = learner.fit(reordered(table, [2, 0, 1])).predict(4)
    same(turned, learner.fit(table).predict(4).take([2, 0, 1]))


def agrees_on_a_shorter_horizon(learner: Learner) -> None:
    """The first steps do not depend on how many follow."""
    model = learner.fit(sales())
    np.testing.assert_allclose(model.predict(6).mean[:, :3], model.predict(3).mean, rtol=1e-6)


def goes_on_from_its_own_forecast(learner: Learner) -> None:
    """Past the horizon, forecasts are what a model says when its forecasts are its history."""
    if not learner.traits.rolls_forward:
        return
    table, reach = sales(), _reach(learner)
    model = learner.fit(table)
    first = model.predict(reach).mean
    second = model.predict(reach, table.extend(first)).mean
    np.testing.assert_allclose(model.predict(2 * reach).mean, np.concatenate([first, second], axis=1), rtol=1e-9)


def goes_on_exactly_or_not_at_all(learner: Learner) -> None:
    """A history that lacks values which the model was fitted on gives the forecast of the whole one, or CannotPredict."""
    if not learner.traits.rolls_forward:
        return
    holes = sales().target.copy()
    holes[::5], holes[-9:-6], holes[-4:] = np.nan, np.nan, np.nan
    for table in (sales(), sales().with_target(holes)):
        model = learner.fit(table.drop_last(5))
        whole = model.predict(3, table)
        for kept in (1, 3, 5, 6, 8, 12, 24, 40, 60):
            try:
                said = model.predict(3, table.tail(kept))
            except CannotPredict:
                continue
            np.testing.assert_allclose(said.mean, whole.mean, rtol=1e-9)
            if said.quantiles is not None and whole.quantiles is not None:
                np.testing.assert_allclose(said.quantiles, whole.quantiles, rtol=1e-9)


def fits_as_it_forecasts(learner: Learner) -> None:
    """`fitted`, where a model has it: a value after those it was fitted on is what was forecast one step ahead of it."""
    table = sales()
    model: Any = learner.fit(table.drop_last(5))
    if not hasattr(model, "fitted"):
        return
    fitted, residuals = model.fitted(table), model.residuals(table)
    assert fitted.shape == residuals.shape == table.target.shape
    np.testing.assert_array_equal(np.isnan(residuals), np.isnan(fitted))
    for k in range(1, 6):
        ahead = model.predict(1, table.drop_last(k)).mean[:, 0]
        np.testing.assert_allclose(fitted[table.indptr[1:] - k], ahead, rtol=1e-9)


def tells_the_truth_about_rolling_forward(learner: Learner) -> None:
    """`rolls_forward`: newer history moves the forecast on, the same history changes nothing; otherwise CannotPredict."""
    table = sales()
    model = learner.fit(table.drop_last(5))
    if not learner.traits.rolls_forward:
        _refuses(lambda: model.predict(3, table), CannotPredict)
        return
    moved = model.predict(3, table)
    assert moved.mean.shape == (len(table), 3)
    assert np.isfinite(moved.mean).all()
    np.testing.assert_allclose(model.predict(3, table.drop_last(5)).mean, model.predict(3).mean, rtol=1e-9)
    lifted = model.predict(3, table.with_target(table.target * 2))
    assert not np.allclose(lifted.mean, moved.mean)


def tells_the_truth_about_covariates(learner: Learner) -> None:
    """`covariates`: what is known of the future moves the forecast; otherwise it does not."""
    table, future = promoted()
    model = learner.fit(table)
    with_promotion = model.predict(3, None, future).mean
    without = model.predict(3, None, Future({"promotion": np.zeros_like(future.known["promotion"])}, 3)).mean
    if learner.traits.covariates:
        assert (with_promotion > without).all()
    else:
        np.testing.assert_array_equal(with_promotion, without)


def tells_the_truth_about_being_pooled(learner: Learner) -> None:
    """`pooled`: a series learns from the others of its group; otherwise it does not."""
    table = sales((2,), 40)
    other = table.target.copy()
    other[table.indptr[1] :] = np.random.default_rng(1).permutation(other[table.indptr[1] :]) + 7
    one, two = (learner.fit(table.with_target(values)).predict(3).mean[0] for values in (table.target, other))
    assert np.array_equal(one, two) is not learner.traits.pooled


def tells_the_truth_about_its_length(learner: Learner) -> None:
    """`min_length`: that many observed values are enough for a forecast; with fewer there is a forecast or a reason."""
    values = 10 + np.sin(np.arange(40.0)) * (np.arange(40) % 5)
    enough, fewer = learner.traits.min_length, max(learner.traits.min_length - 1, 0)
    assert np.isfinite(learner.fit(table_of([values[:enough]])).predict(3).mean).all()
    sound(learner.fit(table_of([values[:fewer]])).predict(3))


def tells_the_truth_about_quantiles(learner: Learner) -> None:
    """`quantiles`: forecasts carry quantiles that never cross and are never NaN, past the horizon too; otherwise none."""
    forecast = learner.fit(sales()).predict(2 * _reach(learner) + 1)
    if not learner.traits.quantiles:
        assert forecast.quantiles is None
        assert not forecast.levels
        return
    assert forecast.quantiles is not None
    assert forecast.quantiles.shape == (*forecast.mean.shape, len(forecast.levels))
    assert list(forecast.levels) == sorted(set(forecast.levels))
    assert np.isfinite(forecast.quantiles).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()


def sees_nothing_after_the_cutoff(learner: Learner) -> None:
    """In a backtest, other values of the target and of past covariates after a cutoff do not move the forecasts from there."""
    table = sales()
    table = dataclasses.replace(table, past={"visits": np.cos(np.arange(len(table.target))).astype(np.float32)})
    rolling = RollingOrigin(windows=2, refit=False)
    first, _ = rolling.split(table, 4)
    later = table.steps > first.cutoff[table.series]
    visits = np.where(later, 1e6, table.past["visits"]).astype(np.float32)
    changed = dataclasses.replace(table, target=np.where(later, -1e6, table.target), past={"visits": visits})
    one, two = (backtest(learner, rolling.split(values, 4)) for values in (table, changed))
    np.testing.assert_array_equal(one.forecast[0], two.forecast[0])
    if one.quantiles is not None and two.quantiles is not None:
        np.testing.assert_array_equal(one.quantiles[0], two.quantiles[0])
    if learner.traits.rolls_forward:
        assert not np.array_equal(one.forecast[1], two.forecast[1])


def survives_hard_series(learner: Learner) -> None:
    """A series that is empty, constant, all zero, mostly missing or wild has a forecast or a reason, alone or in a group."""
    series = list(HARD.values())
    for group_sizes in ([1] * len(series), None):
        forecast = learner.fit(table_of(series, group_sizes)).predict(5)
        sound(forecast)
        for i, (name, values) in enumerate(HARD.items()):
            if not np.isfinite(values).any():
                assert i in forecast.failed, f"a forecast for a series that is {name}"


def keeps_a_failure_to_itself(learner: Learner) -> None:
    """What cannot be forecast costs its neighbours nothing."""
    good = sales((1, 1), 50)
    series = [good.values(0), np.full(50, np.nan), good.values(1)]
    mixed = table_of(series, [1, 1, 1], ids={"unique_id": np.array(["s000", "lost", "s001"])})
    forecast = learner.fit(mixed).predict(3)
    assert forecast.failed.keys() == {1}
    same(forecast.take([0, 2]), learner.fit(table_of([series[0], series[2]], [1, 1])).predict(3))


def is_the_same_after_saving(learner: Learner) -> None:
    """A model loaded from disk gives the same bits, on its own and on newer history."""
    table = sales((1, 2), 50)
    model = learner.fit(table)
    with tempfile.TemporaryDirectory() as folder:
        archive.save(model, Path(folder) / "model")
        loaded = archive.load(Path(folder) / "model")
    same(loaded.predict(7), model.predict(7))
    if learner.traits.rolls_forward:
        newer = table.extend(model.predict(3).mean)
        same(loaded.predict(2, newer), model.predict(2, newer))


PROMISES: tuple[Callable[[Learner], None], ...] = (
    has_the_shape,
    is_a_frozen_recipe,
    leaves_the_table_alone,
    repeats_itself,
    ignores_its_neighbours,
    ignores_the_order_of_groups,
    agrees_on_a_shorter_horizon,
    goes_on_from_its_own_forecast,
    goes_on_exactly_or_not_at_all,
    fits_as_it_forecasts,
    tells_the_truth_about_rolling_forward,
    tells_the_truth_about_covariates,
    tells_the_truth_about_being_pooled,
    tells_the_truth_about_its_length,
    tells_the_truth_about_quantiles,
    sees_nothing_after_the_cutoff,
    survives_hard_series,
    keeps_a_failure_to_itself,
    is_the_same_after_saving,
    tells_parts_that_add_up,
)


def same(one: Forecast, two: Forecast) -> None:
    """Assert that two forecasts agree to the last bit."""
    np.testing.assert_array_equal(one.mean, two.mean)
    assert one.levels == two.levels
    assert (one.quantiles is None) == (two.quantiles is None)
    if one.quantiles is not None:
        np.testing.assert_array_equal(one.quantiles, two.quantiles)
    assert one.failed == two.failed


def sound(forecast: Forecast) -> None:
    """Assert that every series has a forecast or a reason."""
    for i, row in enumerate(forecast.mean):
        if i in forecast.failed:
            assert np.isnan(row).all(), f"series {i} has both a forecast and a reason: {forecast.failed[i]}"
            assert forecast.failed[i].strip()
        else:
            assert np.isfinite(row).all(), f"series {i} has no forecast and no reason"
            assert forecast.quantiles is None or np.isfinite(forecast.quantiles[i]).all()


def _arrays(table: Table) -> list[NDArray[Any]]:
    columns = [*table.known.values(), *table.past.values(), *table.static.values()]
    return [table.target, table.indptr, table.start, table.group_ptr, *columns]


def _reach(learner: Learner) -> int:
    """Steps after which a learner goes on from its own forecasts."""
    designs = (getattr(one, "design", None) for one in within(learner))
    return next((design.horizon for design in designs if design is not None), 3)


def _refuses(act: Callable[[], Any], error: type[Exception]) -> None:
    try:
        act()
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")
