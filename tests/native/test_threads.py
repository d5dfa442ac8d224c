"""Threads over series change no bit, whatever their number."""

from __future__ import annotations

import numpy as np
import pytest

from forecaster._native import windows

OPS = [("lag", 1, 1, 1, 0.0), ("mean", 7, 1, 1, 0.0), ("median", 5, 2, 1, 0.0), ("ewm", 0, 1, 1, 0.3)]


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_bit(threads):
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 900, 700)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = rng.normal(size=indptr[-1])
    one, several = (np.empty((len(values), len(OPS)), np.float32) for _ in range(2))
    windows.fill(values, indptr, OPS, one)
    windows.fill(values, indptr, OPS, several, threads=threads)
    np.testing.assert_array_equal(one, several)
