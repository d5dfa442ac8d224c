"""No feature knows the future, and the rows ahead are the training rows that a longer history would have had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_tables import noisy_table
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.features.design import Design, FittedDesign
from forecaster.features.matrix import Matrix
from forecaster.features.windows import OPTIONS, STATS
from forecaster.table import Floats, Future, Table

EVERYTHING = Design(
    horizon=10,
    lags=(1, 2, 8),
    windows={
        **{stat: [3, 7] for stat in ("mean", "std", "min", "max", "sum", "median")},
        "ewm": [0.3],
        "ewm_std": [0.3],
        "expanding": [*STATS, "since_nonzero"],
        **{f"season_{stat}": [1, 3] for stat in STATS},
    },
    trend=True,
    fourier=2,
    stl="season_trend",
    holidays="US",
    past_lags=(1, 3),
    past_windows={"max": [3], "ewm": [0.5], "expanding": ["median"]},
    known_lags=(1, 2),
    known_windows={"std": [4]},
)  # fmt: skip
DESIGNS = {
    "everything": EVERYTHING,
    "auto": Design(horizon=10, holidays="US"),
    "finite": Design(horizon=10, lags=(1, 5), windows={"mean": [4], "season_mean": [2]}),
    "only lags": Design(horizon=10, lags=(3,), windows=None),
    "only past": Design(horizon=10, lags=None, windows=None),
}
KNOWN_LATER = replace(EVERYTHING, lags=None, windows=None, stl=None, past_lags=(), past_windows=None)
STRATEGIES = ("direct", "recursive")


def test_every_window_of_the_option_is_held_to_these_tests() -> None:
    assert {key for key, _ in EVERYTHING.windows} == set(OPTIONS)


def rows_of(made: Matrix) -> dict[tuple[int, int], np.ndarray]:
    return {(int(t), int(h)): x for t, h, x in zip(made.row, made.horizon, made.X, strict=True)}


def changed_after(table: Table, cut: Floats) -> Table:
    """Other values of the target and of past covariates in the last `cut` rows of each series; missing ones stay missing."""
    later = table.steps > (table.end - cut)[table.series]
    return replace(
        table,
        target=np.where(later, table.target * -3 + 1000, table.target),
        past={name: np.where(later, x * 7 - 5, x).astype(np.float32) for name, x in table.past.items()},
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", DESIGNS)
def test_training_rows_do_not_move_when_only_later_values_change(name: str, strategy: str) -> None:
    table = noisy_table(3)
    cut = np.array([11, 20, 2, 30])
    fitted = replace(DESIGNS[name], strategy=strategy).fit(table)
    before, after = rows_of(fitted.training(table)), rows_of(fitted.training(changed_after(table, cut)))
    # The target row itself may change too: its features must not see it, only rows whose origin is in the changed part may move.
    early = [key for key in before if table.steps[key[0]] - key[1] <= (table.end - cut)[table.series[key[0]]]]
    assert len(early) > 50
    for key in early:
        np.testing.assert_array_equal(before[key], after[key], err_msg=f"{key} {fitted.names}")
    late = [key for key in before if key not in set(early)]
    assert any(not np.array_equal(before[key], after[key], equal_nan=True) for key in late), "the test must be able to fail"


def history_and_truth(table: Table, cut: int) -> tuple[Table, Future]:
    """The table without its last `cut` rows, and the known covariates of these."""
    return table.drop_last(cut), Future({name: table.last(cut, column).astype(np.float32) for name, column in table.known.items()}, cut)


def assert_ahead_is_training(fitted: FittedDesign, table: Table, cut: int) -> int:
    """Every row ahead of the shortened table equals the training row with that origin; returns how many were seen."""
    history, future = history_and_truth(table, cut)
    ahead = fitted.ahead(history, cut, future)
    seen = 0
    for (row, h), x in rows_of(fitted.training(table)).items():
        series = int(table.series[row])
        if row - h == table.indptr[series + 1] - cut - 1:
            np.testing.assert_allclose(ahead[series, h - 1], x, rtol=2e-5, atol=2e-5, err_msg=f"{series} {h} {fitted.names}")
            seen += 1
    return seen


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_rows_ahead_are_the_training_rows_of_the_longer_table(name: str, missing: float) -> None:
    table = noisy_table(5, sizes=(60, 41, 13, 83), missing=missing)
    fitted = DESIGNS[name].fit(table)
    assert assert_ahead_is_training(fitted, table, 10) >= (40 if missing == 0 else 10)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 10), season=st.integers(1, 9), size=st.integers(2, 40))
def test_both_faces_agree_for_any_season_length_and_cut(seed: int, cut: int, season: int, size: int) -> None:
    table = noisy_table(seed, sizes=(size + cut, 30 + cut, cut), season_length=season)
    assert_ahead_is_training(replace(EVERYTHING, holidays=None, fourier=0).fit(table), table, cut)


@pytest.mark.parametrize("freq", ["h", "30min", "B", "W-SUN", "MS", "QE-DEC", "1"])
def test_both_faces_agree_at_every_frequency(freq: str) -> None:
    integers = freq == "1"
    table = noisy_table(
        7, sizes=(90, 50), freq=freq, start="0" if integers else "2021-03-01", zone="Europe/Berlin" if freq == "h" else None
    )
    fitted = Design(horizon=6, holidays=None if integers else "DE-BW", fourier=1, trend=True).fit(table)
    assert assert_ahead_is_training(fitted, table, 6) >= 8


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_look_backs_of_known_covariates_see_nothing_past_the_origin(strategy: str) -> None:
    table = noisy_table(3)
    fitted = replace(KNOWN_LATER, strategy=strategy).fit(table)
    later = table.steps > (table.end - 12)[table.series]
    moved = replace(table, known={name: np.where(later, 2 - x, x).astype(np.float32) for name, x in table.known.items()})
    before, after = rows_of(fitted.training(table)), rows_of(fitted.training(moved))
    looks = [fitted.names.index(f"price_{name}") for name in ("lag1", "lag2", "std4")]
    early = [key for key in before if table.steps[key[0]] - key[1] <= (table.end - 12)[table.series[key[0]]]]
    assert early
    for key in early:
        np.testing.assert_array_equal(before[key][looks], after[key][looks])


@pytest.mark.parametrize("name", ["auto", "everything", "finite", "only lags"])
def test_a_rollout_that_is_told_the_truth_reads_the_training_rows(name: str) -> None:
    table = noisy_table(9, sizes=(60, 41, 30), past={})
    fitted = replace(DESIGNS[name], strategy="recursive").fit(table)
    training = rows_of(fitted.training(table))
    history, future = history_and_truth(table, 12)
    rollout = fitted.rollout(history, 12, future)
    for k in range(12):
        row = table.indptr[1:] - 12 + k
        rows = rollout.rows()
        for i, at in enumerate(row.tolist()):
            if (at, 1) in training:
                np.testing.assert_allclose(rows[i], training[at, 1], rtol=2e-5, atol=2e-5, err_msg=f"step {k} {fitted.names}")
        rollout.push(table.target[row])


def test_a_rollout_carries_past_covariates_on() -> None:
    table = noisy_table(9, sizes=(30, 12))
    fitted = Design(lags=(1,), windows=None, calendar=False, static=False, strategy="recursive", past_lags=(1, 2)).fit(table)
    rollout = fitted.rollout(table, 3)
    last, before = (table.past["visits"][table.indptr[1:] - k] for k in (1, 2))
    at = [fitted.names.index(f"visits_lag{k}") for k in (1, 2)]
    np.testing.assert_array_equal(rollout.rows()[:, at], np.column_stack([last, before]))
    rollout.push(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(rollout.rows()[:, at], np.column_stack([last, last]))


def test_a_rollout_forecasts_all_steps_with_a_function() -> None:
    table = noisy_table(2, sizes=(20, 9, 4), missing=0)
    fitted = Design(lags=(1,), windows=None, calendar=False, static=False, past_lags=(), strategy="recursive").fit(table)
    lag = fitted.names.index("lag1")
    made = fitted.rollout(table, 5).ahead(lambda rows: rows[:, lag] + 1)
    np.testing.assert_array_equal(made, table.last(1) + np.arange(1, 6))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_history_before_the_span_does_not_matter_to_the_rows_ahead(strategy: str) -> None:
    table = noisy_table(4)
    fitted = replace(DESIGNS["finite"], strategy=strategy).fit(table)
    assert fitted.span is not None
    assert fitted.span < 30
    short = table.tail(fitted.span)
    np.testing.assert_array_equal(fitted.ahead(short, 1), fitted.ahead(table, 1))
