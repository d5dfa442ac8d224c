"""Small hierarchies, and the dense formulas that sparse ones must agree with."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from forecaster.frequency import Frequency
from forecaster.hierarchy.plan import Hierarchy
from forecaster.hierarchy.tree import Tree
from forecaster.table import Table

NESTED, CROSSED = ["a", "b"], [["a"], ["b"], ["a", "b"]]


def ids_of(keys):
    """Series from pairs such as "xp": columns a, b and a number that tells them apart."""
    return {
        "a": np.array([key[0] for key in keys], object),
        "b": np.array([key[1] for key in keys], object),
        "n": np.arange(len(keys)),
    }


def tree_of(keys, hierarchy=CROSSED):
    ids = ids_of(keys)
    return Tree.of(ids, Hierarchy.of(hierarchy).tree(("a", "b", "n")))


def table_of(rows, ids, **more):
    """A table of one group from lists of values."""
    sizes = np.array([len(row) for row in rows])
    return Table(
        target=np.concatenate([np.asarray(row, float) for row in rows]),
        indptr=np.concatenate([[0], np.cumsum(sizes)]),
        start=more.pop("start", np.zeros(len(rows), np.int64)),
        frequency=Frequency("D"),
        ids=ids,
        group_ptr=np.array([0, len(rows)]),
        **more,
    )


def dense(tree, weight, base):
    """S (S' W^-1 S)^-1 S' W^-1 y, as the papers write it."""
    sums, inverse = tree.sums.toarray(), np.linalg.inv(weight)
    return sums @ np.linalg.solve(sums.T @ inverse @ sums, sums.T @ inverse @ base)


keys = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("pqr")), min_size=1, max_size=12)
hierarchies = st.sampled_from([NESTED, CROSSED, ["a"], [["b"], ["a"]]])
seeds = st.integers(0, 2**32 - 1)
