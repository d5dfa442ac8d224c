"""Load on a running server: how many forecasts a second, and how long the slowest take.

    python tests/benchmarks/serve_load.py [--stores 500] [--seconds 10] [--callers 8]

Trains one theta model per store on generated daily series, starts `many-models serve` in a process of its own, and asks for single
forecasts of random stores from several callers at a time, each over a connection of its own. Two kinds: the horizon that was trained
for, and another one, which the models are asked for the first time it comes to a block. The aim: 500 a second, p99 at most 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from forecaster import Forecaster
from many_models import ManyModels

AIM = {"per second": 500.0, "p99": 0.020}


def train(folder: Path, stores: int, days: int = 400) -> None:
    """One native model per store."""
    rng = np.random.default_rng(0)
    level = rng.uniform(20, 200, stores).repeat(days)
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 7)
    rows = pa.table(
        {
            "store": np.repeat([f"s{i:05}" for i in range(stores)], days),
            "ds": np.tile(np.datetime64("2024-01-01") + np.arange(days), stores).astype("datetime64[ms]"),
            "y": rng.poisson(level * np.tile(season, stores)).astype(float),
        }
    )
    job = Forecaster(14, series="store", learners=["theta"], backtest={"windows": 1}, ensemble=None)
    ManyModels(job, ["store"]).train(rows, folder, progress=False)


async def caller(port: int, queries: list[str], until: float, took: list[float]) -> None:
    """Ask one question after the other over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for query in queries:
        if time.perf_counter() > until:
            break
        begun = time.perf_counter()
        writer.write(f"GET /v1/models/run/forecast?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        assert json.loads(await reader.readexactly(length))["rows"]
        took.append(time.perf_counter() - begun)
    writer.close()


async def load(port: int, stores: int, seconds: float, callers: int, horizon: str) -> list[float]:
    """Seconds of every answer."""
    rng, took, until = np.random.default_rng(1), [], time.perf_counter() + seconds
    queries = [[f"store=s{i:05}{horizon}" for i in rng.integers(0, stores, 100_000)] for _ in range(callers)]
    await asyncio.gather(*(caller(port, mine, until, took) for mine in queries))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--callers", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        train(Path(folder) / "run", options.stores)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        words = ["serve", "--run", f"{folder}/run", "--port", str(port), "--rate", "1000000", "--home", f"{folder}/home"]
        server = subprocess.Popen([sys.executable, "-m", "many_models.cli", *words], stdout=subprocess.DEVNULL)
        try:
            wait(port)
            for name, horizon in (("as trained", ""), ("horizon 30", "&horizon=30")):
                asyncio.run(load(port, options.stores, 2.0, options.callers, horizon))
                took = np.array(asyncio.run(load(port, options.stores, options.seconds, options.callers, horizon)))
                p50, p99 = np.quantile(took, [0.5, 0.99])
                rate = len(took) / options.seconds
                met = rate >= AIM["per second"] and p99 <= AIM["p99"]
                print(f"{name}: {rate:,.0f} a second, p50 {1e3 * p50:.1f} ms, p99 {1e3 * p99:.1f} ms: {'met' if met else 'NOT met'}")
        finally:
            server.terminate()
            server.wait()


def wait(port: int) -> None:
    """Wait until the server answers."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
