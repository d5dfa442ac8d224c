"""What every look-back block promises, checked over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragged_series import VALUES, Ragged, indptr_of, ragged

from forecaster.features.lags import Lags
from forecaster.features.lookback import LookBack, matrix
from forecaster.features.stl import SeasonPart, TrendPart
from forecaster.features.windows import STATS, Expanding, ExpandingMedian, Exponential, Rolling, Seasonal, SinceNonZero

BLOCKS: list[Any] = [
    Lags((1, 2, 5)),
    *(Rolling(stat, (1, 3, 8)) for stat in STATS),
    *(Rolling(stat, (4,), least=None) for stat in STATS),
    *(Seasonal(stat, 3, (1, 4)) for stat in STATS),
    *(Expanding(stat, least=2) for stat in STATS if stat != "median"),
    ExpandingMedian(),
    Exponential((0.3, 1.0)),
    Exponential((0.3, 1.0), "std"),
    SinceNonZero(),
    SeasonPart(3),
    TrendPart(3),
]
every_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{type(block).__name__} {' '.join(block.names)}")


def features(block: LookBack, series: Ragged) -> np.ndarray:
    return block.transform(np.concatenate([[], *series]), indptr_of(series))


@every_block
def test_it_is_a_block(block: LookBack) -> None:
    assert isinstance(block, LookBack)
    assert features(block, [[1.0, 2.0]]).shape == (2, len(block.names))
    assert hash(block) == hash(type(block)(**vars(block)))


@every_block
@given(series=ragged(), more=st.data())
def test_steps_after_a_history_equal_the_longer_history(block: LookBack, series: Ragged, more: st.DataObject) -> None:
    added = np.array(more.draw(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=len(series), max_size=len(series)))).reshape(
        -1, 3
    )
    state = block.start(np.concatenate([[], *series]), indptr_of(series))
    longer = [[*values, *new] for values, new in zip(series, added, strict=True)]
    whole = features(block, longer)
    for k in range(3):
        state, row = block.step(state, added[:, k])
        at = indptr_of(longer)[1:] - 3 + k
        np.testing.assert_allclose(row, whole[at], rtol=1e-5, atol=1e-4)
        assert row.dtype == np.float32


@every_block
@given(series=ragged())
def test_stepping_leaves_the_old_state_as_it_was(block: LookBack, series: Ragged) -> None:
    state = block.start(np.concatenate([[], *series]), indptr_of(series))
    before = state.copy()
    block.step(state, np.ones(len(series)))
    np.testing.assert_array_equal(state, before)


@every_block
@given(series=ragged(), cut=st.integers(0, 10))
def test_later_values_never_move_earlier_rows(block: LookBack, series: Ragged, cut: int) -> None:
    changed = [[*values[:cut], *(-7.0 for _ in values[cut:])] for values in series]
    kept = np.concatenate([[], *(np.arange(len(values)) < cut for values in series)]).astype(bool)
    np.testing.assert_array_equal(features(block, series)[kept], features(block, changed)[kept])


@every_block
@given(series=ragged())
def test_a_series_does_not_depend_on_its_neighbours(block: LookBack, series: Ragged) -> None:
    alone = [features(block, [values]) for values in series]
    np.testing.assert_array_equal(features(block, series), np.concatenate([np.empty((0, len(block.names))), *alone]))


@every_block
@given(series=ragged())
def test_the_span_is_context_enough(block: LookBack, series: Ragged) -> None:
    if block.span is None:
        return
    tails = [values[-block.span :] for values in series]
    state = block.start(np.concatenate([[], *series]), indptr_of(series))
    np.testing.assert_array_equal(state, block.start(np.concatenate([[], *tails]), indptr_of(tails)))


@given(series=ragged(most_series=8), chosen=st.data())
def test_one_pass_over_all_blocks_equals_each_alone_at_any_rows(series: Ragged, chosen: st.DataObject) -> None:
    values, indptr = np.concatenate([[], *series]), indptr_of(series)
    whole = matrix(BLOCKS, values, indptr)
    np.testing.assert_array_equal(whole, np.hstack([block.transform(values, indptr) for block in BLOCKS]))
    rows = np.array(sorted(chosen.draw(st.lists(st.integers(0, len(values) - 1)))) if len(values) else [], np.int64)
    np.testing.assert_array_equal(matrix(BLOCKS, values, indptr, rows=rows), whole[rows])


def test_a_block_of_someone_else_stands_among_ours() -> None:
    class Doubled:
        names, span = ("doubled",), 1

        def transform(self, values: np.ndarray, indptr: np.ndarray) -> np.ndarray:
            return (2 * values[:, None]).astype(np.float32)

        def start(self, values: np.ndarray, indptr: np.ndarray) -> np.ndarray:
            return np.empty((len(indptr) - 1, 0))

        def step(self, state: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return state, (2 * value[:, None]).astype(np.float32)

    values, indptr = np.arange(4.0), np.array([0, 2, 4])
    out = matrix([Lags((1,)), Doubled()], values, indptr, rows=np.array([1, 3]))
    np.testing.assert_array_equal(out, [[1, 2], [3, 6]])


def test_threads_give_the_same_bits_and_single_precision_columns_the_same_numbers() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(100, 3, 400_000).astype(np.float32)
    values[rng.random(len(values)) < 0.1] = np.nan
    indptr = np.sort(np.concatenate([[0, len(values)], rng.integers(0, len(values), 300)]))
    one = matrix(BLOCKS, values, indptr)
    np.testing.assert_array_equal(one, matrix(BLOCKS, values, indptr, threads=5))
    np.testing.assert_array_equal(one, matrix(BLOCKS, values.astype(np.float64), indptr))


def test_columns_of_a_larger_matrix_are_filled_in_place() -> None:
    values, indptr = np.arange(6.0), np.array([0, 2, 6])
    for order in ("C", "F"):
        room = np.full((6, 5), -1, np.float32, order=order)  # type: ignore[call-overload]
        matrix([Lags((1, 2)), Expanding("max")], values, indptr, out=room[:, 1:4])
        np.testing.assert_array_equal(room[:, [0, 4]], -1)
        np.testing.assert_array_equal(room[:, 1:4], matrix([Lags((1, 2)), Expanding("max")], values, indptr))
    with pytest.raises(ValueError, match="must have the shape"):
        matrix([Lags((1, 2))], values, indptr, out=np.empty((6, 3), np.float32))


def test_boundaries_that_do_not_fit_the_values_are_refused() -> None:
    for indptr in ([0, 3], [1, 4], [0, 4, 2, 4]):
        with pytest.raises(ValueError, match="indptr"):
            Lags((1,)).transform(np.arange(4.0), np.array(indptr))
    with pytest.raises(ValueError, match="rows"):
        matrix([Lags((1,))], np.arange(4.0), np.array([0, 4]), rows=np.array([2, 1]))
