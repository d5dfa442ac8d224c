"""Rows one step ahead of their origin, in one native pass, beside those gathered from the columns of every row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster._native import straight
from forecaster.features.design import Design
from forecaster.features.lookback import LookBack
from forecaster.testing import table_of

ODD = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([np.nan, 0.0, 1e30]))
WINDOWS = {"mean": [3], "season_max": [2], "expanding": ["mean"], "ewm": [0.5]}


@given(
    series=st.lists(st.lists(ODD, min_size=1, max_size=14), min_size=1, max_size=4),
    order=st.sampled_from(["C", "F"]),
    every=st.booleans(),
    bare=st.booleans(),
)
def test_rows_are_those_that_are_gathered(series, order, every, bare):
    table = table_of([np.array(one) for one in series], season_length=3)
    price = np.arange(len(table.target), dtype=np.float32)
    table = replace(table, known={"price": price}, static={"size": np.arange(len(table), dtype=np.float32)})
    looks = {"lags": None, "windows": None} if bare else {"lags": (1, 4), "windows": WINDOWS, "known_lags": (2,)}
    fitted = Design(strategy="recursive", row_budget=None, trend=True, **looks).fit(table)
    at_once = fitted.draw(table, order=order, every=every)
    rows = np.arange(len(table.target)) if at_once.row is None else at_once.row
    # a budget that is never used up takes the way over pairs of rows and horizons
    known = np.isfinite(table.target)
    if not every:
        assert set(rows) <= set(np.flatnonzero(known))
    gathered = fitted._gathered(table, (rows, np.ones(len(rows), np.int64)), at_once.eligible, order, 1, True)
    np.testing.assert_array_equal(at_once.X, gathered.X)


@dataclass(frozen=True)
class Doubled:
    """A block without native ops."""

    names: tuple[str, ...] = ("doubled",)
    span: int = 1

    def transform(self, values, indptr):
        return (2 * values[:, None]).astype(np.float32)

    def start(self, values, indptr):
        raise NotImplementedError

    def step(self, state, value):
        raise NotImplementedError


def test_a_block_without_native_ops_is_looked_back_at_too():
    table = table_of([np.array([1.0, 2.0, 3.0]), np.array([5.0, 6.0])])
    fitted = Design(lags=(1,), windows=None, calendar=False, static=False, strategy="recursive").fit(table)
    assert isinstance(Doubled(), LookBack)
    vars(fitted)["blocks"] = (*fitted.blocks, Doubled())
    assert fitted.draw(table).X.tolist() == [[1, 2], [2, 4], [5, 10]]
    np.testing.assert_array_equal(fitted.draw(table, every=True).X[:, 1], [np.nan, 2, 4, np.nan, 10])


def test_shapes_are_checked():
    target, indptr, kept = np.arange(3.0), np.array([0, 3]), np.empty(3, np.int64)

    def fill(looks=(), parts=(), out=(3, 1), deciding=(0, 0), kept=kept):
        return straight.fill(target, indptr, list(looks), list(parts), np.zeros(out, np.float32), deciding, False, False, kept)

    assert fill() == 3
    lag = [("lag", 1, 1, 1, 0.0)]
    table = np.ones((2, 1), np.float32)
    wrong = {
        "must have their columns in out": {"looks": [(1, target, lag, 0)]},
        "as many as the rows": {"looks": [(0, target[:2], lag, 0)]},
        "must be doubles or floats": {"looks": [(0, np.arange(3), lag, 0)]},
        "a place for each series": {"parts": [(0, table, np.zeros(2, np.int64), 0)]},
        "past the end of its values": {"parts": [(0, table, np.zeros(1, np.int64), 1)]},
        "parts must have their columns": {"parts": [(1, table, np.zeros(1, np.int64), 0)]},
        "columns that decide": {"deciding": (0, 2)},
        "room for every row": {"out": (2, 1)},
    }
    for message, given_ in wrong.items():
        with pytest.raises(ValueError, match=message):
            fill(**given_)
