"""Larger than memory: rows are generated, prepared, trained with cheap learners and forecast; shows the most memory that was held.

python tests/benchmarks/scale.py --rows 100000000
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from forecaster import Forecaster
from many_models import ManyModels, pipeline

PER_FILE = 1_000_000
"""Rows of a file."""


def generate(folder: Path, rows: int, days: int) -> int:
    """Write stores of `days` days each; gives how many there are."""
    folder.mkdir()
    stores = rows // days
    per_file = max(PER_FILE // days, 1)
    for number, first in enumerate(range(0, stores, per_file)):
        some = np.arange(first, min(first + per_file, stores))
        rng = np.random.default_rng(number)
        day = np.tile(np.arange(days), len(some))
        level = np.repeat(rng.gamma(2, 20, len(some)), days)
        sales = rng.poisson(level * (1 + 0.3 * (day % 7 > 4))).astype(np.float64)
        table = pa.table({"store": np.repeat(some, days), "day": day, "sales": sales})
        pq.write_table(table, folder / f"{number:05}.parquet")
    return stores


class Memory:
    """Watches what this process and its workers hold together, in bytes that are theirs alone."""

    def __init__(self) -> None:
        self.most, self._ends = 0, threading.Event()

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ends.wait(0.2):
            held = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    held += process.memory_full_info().uss
                except psutil.Error:
                    continue
            self.most = max(self.most, held)


def step(what: str, groups: int, call: Callable[[], Any]) -> Any:
    times, wall = os.times(), time.perf_counter()
    with Memory() as memory:
        made = call()
    spent = sum(os.times()[:4]) - sum(times[:4])
    took = time.perf_counter() - wall
    each = f"{spent / groups * 1e6:8.0f} us per group"
    print(f"{what:<10} {took:8.1f} s wall {spent:8.1f} s processor {each} {memory.most / 1e9:6.2f} GB", flush=True)
    return made


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--rows", type=int, default=10_000_000)
    told.add_argument("--days", type=int, default=500)
    told.add_argument("--workers", type=int, default=2)
    told.add_argument("--raw", action="store_true", help="Train on the rows as they are, without the step that prepares them.")
    asked = told.parse_args()
    columns = {"series": ["store"], "time": "day", "target": "sales", "freq": 1, "season_length": 7}
    job = Forecaster(28, learners=["naive", "seasonal_naive"], backtest={"windows": 1}, ensemble=None, **columns)
    with tempfile.TemporaryDirectory() as place:
        folder, groups = Path(place), asked.rows // asked.days
        step("generate", groups, lambda: generate(folder / "data", asked.rows, asked.days))
        many = ManyModels(job, "store")
        how: dict[str, Any] = {"workers": asked.workers, "progress": False}
        ready = folder / "data" if asked.raw else folder / "ready"
        if not asked.raw:
            print(step("prepare", groups, lambda: pipeline.prepare(many.task, folder / "data", ready, asked.workers)))
        run = step("train", groups, lambda: many.train(ready, folder / "run", **how))
        step("again", groups, lambda: many.train(ready, folder / "run", **how))
        step("forecast", groups, lambda: run.forecast(out=folder / "forecasts"))
        stored = sum(file.stat().st_size for file in (folder / "run").rglob("*") if file.is_file())
        print(f"{stored / groups:,.0f} bytes on disk per group")
        print(f"{asked.rows:,} rows, {groups:,} groups, {run.status().failed} without a model")


if __name__ == "__main__":
    main()
