"""Sales that are served, the job over them, and a server in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from forecaster import Forecaster

STORES = ("north", "south <b>", "öst/1", "west")


def sales(days: int = 60) -> pa.Table:
    """Daily sales of some stores with a price."""
    rng = np.random.default_rng(0)
    n = len(STORES) * days
    start = np.datetime64("2024-01-01")
    return pa.table(
        {
            "store": np.repeat(STORES, days),
            "day": np.tile(start + np.arange(days), len(STORES)).astype("datetime64[ms]"),
            "sold": rng.poisson(20, n) + 5.0 * (np.tile(np.arange(days), len(STORES)) % 7 == 0),
            "price": rng.choice([1.0, 2.0], n),
        }
    )


def job(**options: object) -> Forecaster:
    """A quick job over the sales."""
    quick = {"learners": ["seasonal_naive", "elastic_net"], "known": ["price"], "n_jobs": 1}
    return Forecaster(7, series="store", time="day", target="sold", **(quick | options))  # type: ignore[arg-type]


@contextmanager
def process(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own: the process, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "many_models.cli", "serve", "--port", str(port), *map(str, words)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):  # a busy machine takes its time
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1).read()
                break
            except OSError:
                assert started.poll() is None, started.stdout.read() if started.stdout else ""
                time.sleep(0.1)
        yield started, address
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()
