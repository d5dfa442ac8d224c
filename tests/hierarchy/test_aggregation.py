"""Nodes against sums of pandas, and what is missing, late or closed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from trees import CROSSED, NESTED, hierarchies, ids_of, keys, seeds, table_of, tree_of

from forecaster.hierarchy.aggregation import aligned, future_of, nodes_of
from forecaster.table import Future

KEYS = ["xp", "xq", "yq"]
EVERY = range(4)


def values_of(table, i):
    return table.target[table.indptr[i] : table.indptr[i + 1]].tolist()


@given(keys, hierarchies, seeds)
def test_nodes_are_the_sums_of_a_group_by(keys, hierarchy, seed):
    rng, ids = np.random.default_rng(seed), ids_of(keys)
    sizes = rng.integers(1, 9, len(keys))
    table = table_of([rng.poisson(3, size) for size in sizes], ids, start=9 - sizes)
    tree = tree_of(keys, hierarchy)
    nodes = nodes_of(table, tree, range(len(tree.levels)))
    rows = pd.DataFrame({name: values[table.series] for name, values in ids.items()} | {"step": table.steps, "y": table.target})
    for i in range(len(nodes)):
        mine = {name: values[i] for name, values in nodes.ids.items() if name != "level" and values[i] is not None}
        kept = rows[np.logical_and.reduce([rows[name] == value for name, value in mine.items()] or [np.ones(len(rows), bool)])]
        summed = kept.groupby("step")["y"].sum().reindex(range(int(nodes.start[i]), 9), fill_value=0.0)
        assert values_of(nodes, i) == summed.tolist()
        assert nodes.start[i] == kept["step"].min()
    assert nodes.group_ptr.tolist() == tree.ptr.tolist()
    assert nodes.groups["level"].tolist() == list(tree.levels)


def test_a_missing_value_counts_as_the_last_known_one_unless_nothing_is_known():
    nan = np.nan
    table = table_of([[1.0, nan, nan, 4.0], [10.0, 20.0, nan, 40.0], [100.0, 100.0, nan, nan]], ids_of(KEYS))
    nodes = nodes_of(table, tree_of(KEYS, NESTED), EVERY)
    np.testing.assert_array_equal(values_of(nodes, 0), [111.0, 121.0, nan, 144.0])
    np.testing.assert_array_equal(values_of(nodes, 2), [100.0, 100.0, nan, nan])
    np.testing.assert_array_equal(values_of(nodes, 6), [1.0, nan, nan, 4.0])  # a series is left as it is


def test_covariates_are_averaged_added_or_agreed_on():
    nan, single = np.nan, np.float32
    known = {
        "price": single([1, 2, 3, nan, 5, 6]),
        "promo": single([1, 0, 1, 1, nan, 0]),
        "event": single([0, 1, 0, 1, 0, 2]),
    }
    table = table_of(
        [[1, 1]] * 3, ids_of(KEYS), known=known, categories={"event": ("none", "ball", "fair")}, static={"size": single([1, 3, 5])}
    )
    nodes = nodes_of(table, tree_of(KEYS, ["a"]), range(2), sums=["promo"])
    np.testing.assert_array_equal(nodes.known["price"].reshape(3, 2), [[3, 4], [2, 2], [5, 6]])
    np.testing.assert_array_equal(nodes.known["promo"].reshape(3, 2), [[2, 1], [2, 1], [nan, 0]])
    np.testing.assert_array_equal(nodes.known["event"].reshape(3, 2), [[0, nan], [0, 1], [0, 2]])
    np.testing.assert_array_equal(nodes.static["size"], [3, 2, 5])


def test_the_future_is_that_of_the_nodes():
    single = np.float32
    table = table_of(
        [[1, 1]] * 3, ids_of(KEYS), known={"price": single([1] * 6), "event": single([0] * 6)}, categories={"event": ("none", "ball")}
    )
    ahead = Future({"price": single([[1, 2, 3], [3, 4, 5], [8, 9, 10]]), "event": single([[0, 1, 1], [0, 1, 0], [0, 1, 1]])}, 3)
    made = future_of(ahead, table, tree_of(KEYS, ["a"]), range(3))
    np.testing.assert_array_equal(made.known["price"], [[4, 5, 6], [2, 3, 4], [8, 9, 10], *ahead.known["price"]])
    np.testing.assert_array_equal(made.known["event"], [[0, 1, np.nan], [0, 1, np.nan], [0, 1, 1], *ahead.known["event"]])
    assert made.steps == 3


def test_series_end_together_the_late_ones_missing_and_the_closed_ones_with_nothing():
    nan = np.nan
    keys = ["xp", "xq", "xr", "yp", "yq"]
    rows = [[1.0] * 9, [2.0] * 9, [3.0] * 9, [4.0] * 8, [5.0] * 3]
    table, found = aligned(table_of(rows, ids_of(keys), known={"price": np.ones(38, np.float32)}), horizon=4)
    assert table.end.tolist() == [8] * 5
    np.testing.assert_array_equal(values_of(table, 3), [4.0] * 8 + [nan])
    np.testing.assert_array_equal(values_of(table, 4), [5.0] * 3 + [0.0] * 6)
    assert np.isnan(table.known["price"][table.indptr[4] + 3 :]).all()
    assert [(one.rule, one.series["n"], one.count) for one in found] == [("closed", 4, 6), ("late", 3, 1)]
    total = nodes_of(table, tree_of(keys, CROSSED), [0])
    assert values_of(total, 0) == [15.0] * 3 + [10.0] * 6


def test_a_series_without_any_value_ends_with_the_others():
    table, found = aligned(table_of([[1.0, 2.0], []], ids_of(["xp", "yq"])), horizon=3)
    assert (table.end.tolist(), table.sizes.tolist()) == ([1, 1], [2, 1])
    assert np.isnan(values_of(table, 1)).all()
    assert not len(found)
