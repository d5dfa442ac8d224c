"""Kernels check the arrays they are given: wrong shapes are errors, never reads past the end."""

from __future__ import annotations

import numpy as np
import pytest

from forecaster._native import ces, intermittent, mstl, theta

X, PTR = np.arange(6.0), np.array([0, 2, 6])
BROKEN = [np.array([0, 2, 7]), np.array([1, 2, 6]), np.array([0, 7, 6]), np.empty(0, np.int64)]


def calls(indptr, series=2):
    line, index = np.zeros(series), np.zeros(series, np.int64)

    def block(width, rows=series):
        return np.zeros((rows, width))

    return {
        "patterns": lambda w: intermittent.patterns(X, indptr, block(3 + w)),
        "fit_demand": lambda w: intermittent.fit_demand(X, indptr, index, (1, 1), [0.1], [0.1, 0.2], block(2 + w), block(4), line),
        "follow_demand": lambda w: intermittent.follow_demand(X, indptr, index, block(2), block(4 + w), line, line[:0]),
        "fit_buckets": lambda w: intermittent.fit_buckets(X, indptr, np.arange(series + 1), index + 1, 0.1, 0.3, line, block(4 + w)),
        "follow_buckets": lambda w: intermittent.follow_buckets(X, indptr, np.arange(series + 1), index + 1, line, block(4 + w), line[:0]),
        "theta.fit": lambda w: theta.fit(X, indptr, 0, 0, block(theta.WIDTH + w), block(7)),
        "theta.follow": lambda w: theta.follow(X, indptr, block(7), block(theta.WIDTH + w), line[:0]),
        "ces.fit": lambda w: ces.fit(X, indptr, -1, 3, block(ces.WIDTH), block(8), block(8 + w)),
        "ces.follow": lambda w: ces.follow(X, indptr, 3, block(ces.WIDTH), block(8 + w), line[:0]),
        "mstl": lambda w: mstl.decompose(X, indptr, [2, 3], np.empty(6), block(5 + w), line),
    }


def test_what_is_told_of_each_value_is_as_long_as_the_values():
    with pytest.raises(ValueError, match="as long as the values"):
        theta.follow(X, PTR, np.zeros((2, 7)), np.zeros((2, theta.WIDTH)), np.empty(5))


def test_the_methods_of_demand_are_checked():
    rest = np.zeros((2, 2)), np.zeros((2, 4)), np.zeros(2)
    for method in ([0, 2], [4, 3], [-1, 0], [3, 2]):
        with pytest.raises(ValueError, match="2 for all of them"):
            intermittent.fit_demand(X, PTR, np.array(method), (1, 1), [0.1], [0.1], *rest)
    with pytest.raises(ValueError, match="2 for all of them"):
        intermittent.follow_demand(X, PTR, np.array([3, 3]), *rest, np.empty(0))
    with pytest.raises(ValueError, match="a weight of sizes and one of paces"):
        intermittent.fit_demand(X, PTR, np.array([0, 0]), (1, 1), [0.1], [], *rest)


@pytest.mark.parametrize("name", calls(PTR))
def test_arrays_are_checked(name):
    calls(PTR)[name](0)
    with pytest.raises(ValueError, match="must"):
        calls(PTR)[name](1)
    with pytest.raises(ValueError, match="must"):
        calls(PTR, series=3)[name](0)
    for indptr in BROKEN:
        with pytest.raises(ValueError, match="indptr must ascend from 0"):
            calls(indptr)[name](0)


def test_buckets_need_a_size():
    with pytest.raises(ValueError, match="positive sizes"):
        intermittent.fit_buckets(X, PTR, np.arange(3), np.zeros(2, np.int64), 0.1, 0.3, np.zeros(2), np.zeros((2, 4)))
