"""A hundred thousand series of two rows: every forecast is finite, within a time that nobody minds.

python tests/benchmarks/two_rows.py --series 100000
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
import pyarrow as pa

from forecaster import Forecaster

GOAL = 20.0
"""Seconds on two cores."""


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--series", type=int, default=100_000)
    asked = told.parse_args()
    n = asked.series
    days = np.datetime64("2024-01-01", "D") + np.tile(np.arange(2), n)
    ids = np.char.add("s", np.arange(n).astype(str))
    rows = pa.table({"unique_id": np.repeat(ids, 2), "ds": days.astype("datetime64[us]"), "y": np.random.default_rng(0).random(2 * n)})
    wall, cpu = time.perf_counter(), time.process_time()
    made = Forecaster(horizon=7, n_jobs=2).fit(rows).predict()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    numbers = [name for name in made.column_names if name not in ("unique_id", "ds")]
    whole = all(np.isfinite(made[name].to_numpy()).all() for name in numbers) and made.num_rows == 7 * n
    load = os.getloadavg()[0]
    print(f"{n:,} series of 2 rows: {wall:.1f} s, {cpu:.1f} s of processor time, load {load:.1f}")
    print(f"{made.num_rows:,} rows, all finite: {whole}")
    print(f"goal: at most {GOAL:g} s and all finite: {'met' if wall <= GOAL and whole else 'MISSED'}")


if __name__ == "__main__":
    main()
