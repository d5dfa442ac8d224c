"""The network: what it sees, what it learns, what changes no bit, and when it has no forecast."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from safetensors.numpy import load  # noqa: E402

from forecaster import Forecaster  # noqa: E402
from forecaster.errors import SettingsError, UnknownName  # noqa: E402
from forecaster.features.design import Design  # noqa: E402
from forecaster.learners import make, with_options  # noqa: E402
from forecaster.learners._tcn_network import Batch, Plan, pinball, quantiles, seen, start  # noqa: E402
from forecaster.learners.spaces import LANDMARKS  # noqa: E402
from forecaster.learners.tcn import TCN  # noqa: E402
from forecaster.metrics.quantile import pinball as mean_pinball  # noqa: E402
from forecaster.table import Future  # noqa: E402
from forecaster.testing import PROMISES, sales, same, table_of  # noqa: E402

WEEK = Design(horizon=7)

VARIANTS = {
    "two blocks": TCN(design=Design(horizon=4), blocks=2, epochs=3),
    "other levels": TCN(design=Design(horizon=4), levels=(0.05, 0.95), epochs=3),
    "one anchor": TCN(design=Design(horizon=4), repeats=1, dropout=0.0, epochs=4),
}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_keeps_every_promise(name, promise):
    promise(VARIANTS[name])


def plan(**other):
    return Plan(**{
        "horizon": 3, "levels": (0.1, 0.5, 0.8, 0.9), "inputs": 4, "known": 2, "cards": (5, 3), "known_cards": 1,
        "seasons": (2, 5), "anchors": 4, "blocks": 2, "cells": 2, "channels": 6, "dropout": 0.0,
    } | other)  # fmt: skip


def batch_of(plan, origins, steps, seed=0):
    """Two windows of noise."""
    rng, reach = np.random.default_rng(seed), max(origins)

    def numbers(*shape):
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    codes = [torch.from_numpy(rng.integers(0, 3, (2, length, n))) for length, n in ((steps, 2), (plan.lead + reach + plan.horizon + 1, 1))]
    return Batch(
        past=numbers(2, steps, plan.inputs), past_codes=codes[0], ahead=numbers(2, plan.lead + reach + plan.horizon + 1, plan.known),
        ahead_codes=codes[1], origins=torch.tensor([origins, origins]), anchors=numbers(2, len(origins), plan.horizon, plan.anchors),
        actual=numbers(2, len(origins), plan.horizon),
    )  # fmt: skip


def slowly(weights, plan, batch, window, nth):
    """The quantiles of one origin, one number at a time."""
    w = {name: tensor.numpy().astype(float) for name, tensor in weights.items()}

    def row(numbers, codes, at):
        return np.concatenate([numbers[window, at].numpy(), *(w[f"embed.{i}"][code] for i, code in enumerate(codes[window, at].tolist()))])

    steps = batch.past.shape[1]
    lead = seen(plan.blocks, plan.cells) - 1
    values = {t: w["mix"] @ row(batch.past, batch.past_codes, t) + w["mix.bias"] for t in range(steps)}
    for cell in range(plan.blocks * plan.cells):
        gap, inner = 2 ** (cell % plan.cells), values
        for half in range(2):
            v = w[f"cell.{cell}.{half}"]
            kernel = v / np.sqrt((v**2).sum((1, 2), keepdims=True)) * w[f"cell.{cell}.{half}.gain"]
            bias = w[f"cell.{cell}.{half}.bias"]
            inner = {
                t: np.maximum(0, bias + sum(kernel[:, :, k] @ inner[t - (2 - k) * gap] for k in range(3)))
                for t in inner if t - 2 * gap in inner
            }  # fmt: skip
        values = {t: np.maximum(0, values[t] + inner[t]) for t in inner}
    origin = int(batch.origins[window, nth])
    said = []
    for h in range(1, plan.horizon + 1):
        anchors = batch.anchors[window, nth, h - 1].numpy().astype(float)
        first = plan.lead + origin
        mixed = w["origin"] @ values[lead + origin] + w["ahead"] @ row(batch.ahead, batch.ahead_codes, first + h)
        for i, season in enumerate(plan.seasons):
            mixed = mixed + w[f"earlier.{i}"] @ row(
                batch.ahead, batch.ahead_codes, first + max(t for t in range(h, -99, -season) if t <= 0)
            )
        hidden = np.maximum(0, mixed + w["anchors"] @ anchors + w["steps"][h - 1])
        hidden = hidden + np.maximum(0, w["hidden"] @ hidden + w["hidden.bias"])
        told = w["head"] @ hidden + w["bias"]
        share = np.exp(told[len(plan.levels) :]) / np.exp(told[len(plan.levels) :]).sum()
        step, middle = np.log1p(np.exp(told)), plan.levels.index(0.5)
        centre = share @ anchors + told[middle]
        said.append([
            centre + step[middle + 1 : q + 1].sum() if q >= middle else centre - step[q:middle].sum()
            for q in range(len(plan.levels))
        ])  # fmt: skip
    return np.array(said)


def noisy(plan, seed=3):
    rng = np.random.default_rng(seed)
    return {name: tensor + torch.from_numpy(rng.normal(0, 0.3, tensor.shape).astype(np.float32)) for name, tensor in start(plan, 0).items()}


def test_the_network_is_what_its_equations_say():
    sizes = plan()
    origins = [0, 2, 5]
    batch = batch_of(sizes, origins, seen(sizes.blocks, sizes.cells) + max(origins))
    said = quantiles(noisy(sizes), sizes, batch).numpy()
    for window in range(2):
        for nth in range(len(origins)):
            np.testing.assert_allclose(said[window, nth], slowly(noisy(sizes), sizes, batch, window, nth), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("blocks", "cells"), [(1, 1), (1, 3), (2, 2), (3, 1)])
def test_an_origin_sees_the_steps_that_the_vendor_says_and_no_others(blocks, cells):
    sizes = plan(blocks=blocks, cells=cells)
    field = 4 * blocks * (2**cells - 1) + 1
    assert seen(blocks, cells) == field
    batch = batch_of(sizes, [4, 6], field + 6)
    batch.past.requires_grad_()
    quantiles(noisy(sizes), sizes, batch)[:, 0].sum().backward()
    felt = np.flatnonzero(batch.past.grad.abs().sum((0, 2)).numpy())
    assert felt.min() == 4
    assert felt.max() == 4 + field - 1


def test_quantiles_never_cross_whatever_the_weights():
    sizes = plan()
    wild = {name: 30 * tensor for name, tensor in noisy(sizes).items()}
    said = quantiles(wild, sizes, batch_of(sizes, [0, 1], seen(2, 2) + 1)).numpy()
    assert (np.diff(said, axis=-1) >= 0).all()


def test_the_loss_is_the_quantile_loss_of_what_is_there():
    sizes = plan()
    batch = batch_of(sizes, [0, 1], seen(2, 2) + 1)
    batch.actual[0, 0, 1:] = torch.nan
    said = quantiles(noisy(sizes), sizes, batch)
    lost, count = pinball(said, batch, torch.tensor(sizes.levels))
    there = np.isfinite(batch.actual.numpy())
    oracle = mean_pinball(batch.actual.numpy()[there][:, None].astype(float), said.numpy()[there][:, None], sizes.levels)
    assert int(count) == there.sum() == 10
    assert float(lost) == pytest.approx(float(np.sum(oracle)), rel=1e-5)


def seasonal(series=6, days=160, noise=0.3, seed=0):
    rng, day = np.random.default_rng(seed), np.arange(days)
    return [10.0 ** (i % 3) * (10 + 3 * np.sin(2 * np.pi * (day + i) / 7) + noise * rng.normal(size=days)) for i in range(series)]


def test_it_learns_a_season_in_noise_better_than_the_last_season_tells():
    size = 10.0 ** (np.arange(6) % 3)[:, None]
    truth = np.stack(seasonal(noise=0.0))[:, -7:]
    table = table_of([v[:-7] for v in seasonal(noise=1.0)])
    ours, naive = (
        np.mean(np.abs(learner.fit(table).predict(7).mean - truth) / size)
        for learner in (make("tcn", design=WEEK), make("seasonal_naive", period=7))
    )
    assert ours < 0.6 * naive


def test_neither_threads_nor_the_setting_of_torch_change_a_bit():
    table, before = table_of(seasonal(40, 120)), torch.get_num_threads()
    made = []
    for threads, setting in ((1, 1), (2, 2), (3, 2)):
        torch.set_num_threads(setting)
        made.append(make("tcn", design=Design(horizon=20), epochs=2, threads=threads).fit(table).predict(25))
        assert torch.get_num_threads() == setting
    torch.set_num_threads(before)
    same(made[0], made[1])
    same(made[0], made[2])


def test_nobody_else_draws_from_its_random_numbers():
    before = torch.get_rng_state()
    make("tcn", design=WEEK, epochs=2).fit(sales())
    assert torch.equal(before, torch.get_rng_state())


def test_the_defaults_of_torch_are_the_callers_and_change_no_bit():
    learner, table, before = make("tcn", design=WEEK, epochs=2), sales(), torch.get_default_dtype()
    plainly = learner.fit(table).predict(7)
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):  # a tensor that names no device lies on another one than the network
            same(learner.fit(table).predict(7), plainly)
    finally:
        torch.set_default_dtype(before)


def test_the_network_stays_on_the_device_of_its_weights_and_windows():
    elsewhere = torch.device("meta")  # which has shapes and no numbers, and refuses tensors of the processor as a GPU does
    one = plan(dropout=0.0)
    weights = {name: tensor.to(elsewhere) for name, tensor in start(one, seed=0).items()}
    batch = batch_of(one, [0, 3], 40).to(elsewhere)
    told = quantiles(weights, one, batch)
    lost, count = pinball(told, batch, torch.tensor(one.levels, device=elsewhere))
    assert told.shape == (2, 2, one.horizon, len(one.levels))
    assert {told.device.type, lost.device.type, count.device.type} == {"meta"}


def test_another_seed_is_another_network():
    one, two = (make("tcn", design=WEEK, seed=seed, epochs=2).fit(sales()).predict(7).mean for seed in (0, 1))
    assert not np.array_equal(one, two)


def test_larger_units_give_the_same_forecast_in_these():
    table, learner = sales(), make("tcn", design=WEEK, epochs=3)
    larger = learner.fit(table.with_target(table.target * 1024)).predict(9)
    np.testing.assert_array_equal(larger.mean, 1024 * learner.fit(table).predict(9).mean)


def test_quantiles_past_the_horizon_are_wider():
    table = sales()
    model = make("tcn", design=WEEK, epochs=3).fit(table)
    said, second = model.predict(14), model.predict(7, table.extend(model.predict(7).mean))
    off = second.quantiles - second.mean[..., None]
    np.testing.assert_allclose(said.quantiles[:, 7:] - said.mean[:, 7:, None], np.sqrt(2) * off, rtol=1e-6)


def test_the_levels_asked_for_are_those_that_come():
    said = make("tcn", design=WEEK, levels=(0.05, 0.3), epochs=2).fit(sales()).predict(3)
    assert said.levels == (0.05, 0.3)
    assert (said.quantiles[..., 1] <= said.mean).all()
    assert make("tcn", design=WEEK, levels=(), epochs=2).fit(sales()).predict(3).quantiles is None


def test_a_known_category_moves_the_forecast():
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, (4, 200)).astype(np.float32)
    values = [20 + np.array([0, 10, -8])[kind.astype(int)] + rng.normal(size=200) for kind in kinds]
    table = dataclasses.replace(table_of(values), known={"kind": kinds.reshape(-1)}, categories={"kind": ("none", "sale", "strike")})
    ahead = Future({"kind": np.tile(np.array([0, 1, 2], np.float32), (4, 1))}, 3)
    said = make("tcn", design=Design(horizon=3)).fit(table).predict(3, None, ahead).mean
    np.testing.assert_allclose(said.mean(0), [20, 30, 12], atol=3.0)


def test_a_category_that_was_never_met_has_a_forecast():
    kinds = np.tile(np.array([0, 1], np.float32), 60)
    table = dataclasses.replace(table_of(seasonal(1, 120)), known={"kind": kinds}, categories={"kind": ("a", "b", "new")})
    said = make("tcn", design=WEEK, epochs=2).fit(table).predict(7, None, Future({"kind": np.full((1, 7), 2, np.float32)}, 7))
    assert np.isfinite(said.mean).all()


def test_a_past_covariate_that_leads_is_listened_to():
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(4, 300)).astype(np.float32)
    values = [10 + 3 * np.roll(one, 1) + 0.2 * rng.normal(size=300) for one in signal]
    table = dataclasses.replace(table_of(values), past={"signal": signal.reshape(-1)}, season_length=1)
    said = make("tcn", design=Design(horizon=1, calendar=False)).fit(table).predict(1).mean[:, 0]
    np.testing.assert_allclose(said, 10 + 3 * signal[:, -1], atol=1.5)


def test_a_static_covariate_tells_series_apart():
    rng = np.random.default_rng(2)
    group = np.arange(20) % 2
    # Both kinds look alike until the last step, where one jumps every tenth day and the other never does.
    values = [np.where((np.arange(150) % 10 == 9) & (g == 1), 15.0, 10.0) + 0.1 * rng.normal(size=150) for g in group]
    table = dataclasses.replace(table_of(values), static={"kind": group.astype(np.float32)}, season_length=10)
    said = make("tcn", design=Design(horizon=10, calendar=False)).fit(table).predict(10).mean
    np.testing.assert_allclose(said[:, -1], np.where(group == 1, 15.0, 10.0), atol=1.0)


def test_missing_values_are_left_out():
    values = seasonal(6, 200, noise=0.1)
    rng = np.random.default_rng(0)
    holed = [np.where(rng.random(193) < 0.15, np.nan, v[:-7]) for v in values]
    said = make("tcn", design=WEEK).fit(table_of(holed)).predict(7)
    assert not said.failed
    np.testing.assert_allclose(
        said.mean / 10.0 ** (np.arange(6) % 3)[:, None],
        [10 + 3 * np.sin(2 * np.pi * (np.arange(193, 200) + i) / 7) for i in range(6)],
        atol=1.2,
    )


def test_a_series_that_ended_long_ago_has_a_reason():
    values = seasonal(2, 120)
    values[1] = np.r_[values[1], np.full(100, np.nan)]
    said = make("tcn", design=WEEK, epochs=2).fit(table_of(values)).predict(7)
    assert said.failed.keys() == {1}
    assert "no observed value in the last" in said.failed[1]


def test_a_constant_series_goes_on():
    values = [*seasonal(3, 100), np.full(100, 42.0)]
    said = make("tcn", design=WEEK, epochs=2).fit(table_of(values)).predict(7)
    np.testing.assert_array_equal(said.mean[3], 42.0)


def test_a_group_that_is_too_short_has_a_reason_and_its_neighbours_a_forecast():
    values = seasonal(2, 15) + seasonal(2, 90)
    said = make("tcn", design=WEEK, epochs=2).fit(table_of(values, [2, 2])).predict(7)
    assert said.failed.keys() == {0, 1}
    assert "its longest series has 15 observed values; a network needs 21" in said.failed[0]
    assert np.isfinite(said.mean[2:]).all()


def test_a_job_says_why_and_goes_on_with_another_learner():
    data = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=100), "y": 10.0 + np.arange(100) % 7})
    job = Forecaster(horizon=30, learners=["tcn", "seasonal_naive"], backtest={"windows": 1}).fit(data)
    told = job.leaderboard_.set_index("learner").loc["tcn"]
    assert told.status == "failed"
    assert "a network needs 90" in told.reason
    np.testing.assert_allclose(job.predict()["forecast"], 10.0 + np.arange(100, 130) % 7)


def test_training_that_does_not_converge_is_a_reason():
    said = make("tcn", design=WEEK, learning_rate=1e30).fit(table_of(seasonal())).predict(7)
    assert "training did not converge" in said.failed[0]


def test_without_time_it_is_the_season_before():
    values = [10 + 3 * np.sin(2 * np.pi * np.arange(120) / 7)]
    said = make("tcn", design=Design(horizon=7, calendar=False), max_seconds=0.0, repeats=1).fit(table_of(values)).predict(7).mean[0]
    np.testing.assert_allclose(np.corrcoef(said, values[0][-7:])[0, 1], 1.0, atol=0.05)


def test_half_the_digits_are_nearly_as_good():
    table = table_of(seasonal())
    whole, half = (make("tcn", design=WEEK, mixed=mixed).fit(table).predict(7).mean for mixed in (False, True))
    assert not np.array_equal(whole, half)
    np.testing.assert_allclose(half, whole, rtol=0.1)


@pytest.mark.parametrize("threads", [1, 3])
def test_half_the_digits_are_kept_by_dropout_and_the_same_for_any_number_of_threads(threads):
    table = table_of(seasonal(40, 120))
    one, other = (
        make("tcn", design=Design(horizon=20), epochs=2, mixed=True, dropout=0.3, threads=number).fit(table).predict(25)
        for number in (1, threads)
    )
    same(one, other)
    whole = make("tcn", design=Design(horizon=20), epochs=2, mixed=False, dropout=0.3).fit(table).predict(25)
    np.testing.assert_allclose(one.mean, whole.mean, rtol=0.1)


def test_a_gpu_that_is_not_there_is_said():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SettingsError, match="torch finds no GPU here"):
        make("tcn", device="gpu").fit(sales())


def test_a_gpu_trains_what_a_processor_forecasts_with():
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    table = table_of(seasonal())
    one, other = (make("tcn", design=WEEK, device=device).fit(table).predict(7).mean for device in ("gpu", "cpu"))
    np.testing.assert_allclose(one, other, rtol=0.1)


def test_weights_are_safetensors():
    model = make("tcn", design=WEEK, epochs=1).fit(sales((2,)))
    assert load(model.trained[0].weights)["steps"].shape == (7, TCN().channels)


def test_landmarks_begin_with_the_default():
    assert len(LANDMARKS) == len({tuple(one.values()) for one in LANDMARKS}) == 12
    assert make("tcn", **LANDMARKS[0]) == make("tcn")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"levels": (0.9, 0.1)}, "levels ascend between 0 and 1"),
        ({"cells": 0}, "cells starts at 1; came 0"),
        ({"epochs": 0}, "epochs starts at 1; came 0"),
        ({"dropout": 1.0}, r"dropout lies in \[0, 1\)"),
        ({"learning_rate": 0.0}, "learning_rate is positive"),
        ({"seasons": (1, 7)}, "whole numbers of steps from 2 up"),
        ({"device": "tpu"}, '"auto", "cpu" or "gpu"; came'),
    ],
)
def test_options_that_cannot_be_meant_are_refused(wrong, message):
    with pytest.raises(SettingsError, match=message):
        make("tcn", **wrong)


def test_options_may_come_from_a_file():
    assert with_options("tcn", {"seasons": [24, 168], "levels": [0.1, 0.9]}) == make("tcn", seasons=(24, 168), levels=(0.1, 0.9))
    with pytest.raises(UnknownName, match="did you mean 'channels'"):
        with_options("tcn", {"chanels": 8})


def test_without_torch_the_command_is_named():
    code = """
import sys
sys.modules["torch"] = None
from forecaster.errors import MissingExtra
from forecaster.learners import make
try:
    make("tcn")
except MissingExtra as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout
    assert "the learner 'tcn' needs the package 'torch'" in said
    assert "pip install 'forecaster[tcn]'" in said


@pytest.mark.slow
def test_it_beats_the_last_day_on_hourly_series(shared):
    frame = pd.read_parquet(shared("m4_hourly/train.parquet"))
    frame = frame[frame.unique_id.isin(sorted(frame.unique_id.unique())[:24])].astype({"y": float})
    values = [one.y.to_numpy() for _, one in frame.groupby("unique_id", sort=True)]
    table = table_of([v[:-48] for v in values], season_length=24)
    learner = make("tcn", design=Design(horizon=48, calendar=False), seasons=(24, 168), epochs=6, channels=16, threads=2)
    scale = np.array([np.mean(np.abs(v[24:] - v[:-24])) for v in values])
    ours, naive = (
        np.mean(np.abs(one.fit(table).predict(48).mean - [v[-48:] for v in values]).mean(1) / scale)
        for one in (learner, make("seasonal_naive", period=24))
    )
    assert ours < 0.85 * naive
