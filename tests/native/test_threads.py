"""Threads over series change no bit, whatever their number."""

from __future__ import annotations

import os
import subprocess
import sys

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


NO_ROOM = """
import resource
import numpy as np
from forecaster.learners import make
from forecaster.testing import table_of

table = table_of([np.random.default_rng(i).normal(10, 1, 200) for i in range(400)])
one = make("ets", threads=1).fit(table).predict(3).mean
room = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + 24 * 2**20  # a stack takes 8 of these
resource.setrlimit(resource.RLIMIT_AS, (room, room))
np.testing.assert_array_equal(make("ets", threads=16).fit(table).predict(3).mean, one)
"""


@pytest.mark.skipif(sys.platform != "linux" or "FORECASTER_SANITIZED" in os.environ, reason="limits the memory of a process of its own")
def test_threads_that_cannot_be_started_are_done_without():
    subprocess.run([sys.executable, "-c", NO_ROOM], check=True)
