"""How long M5's 13.6 million rows take to become a table, and how much memory above the file's arrays.

python tests/benchmarks/table_from_m5.py [sales.parquet]        # exits 1 above 5 s or 1 GB
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from forecaster import frames, guardrails
from forecaster.frequency import Frequency
from forecaster.rows import Rows
from forecaster.schema import Schema

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "m5" / "sales.parquet"
SECONDS, GIGABYTES = 5.0, 1.0

T = TypeVar("T")


def timed(what: str, work: Callable[[], T]) -> tuple[T, float]:
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what:24} {took:6.2f} s   {cpu:6.2f} s of CPU   peak so far {peak:5.2f} GB")
    return result, took


def main(path: Path = DATA) -> int:
    if not path.exists():
        print(f"needs the sales of M5 at {path}")
        return 0
    schema = Schema.of(series=["store_id", "item_id"], time="date", target="sales", group="store_id")
    frames.read(path, columns=["sales"])  # imports and file cache
    before = psutil.Process().memory_info().rss / 1e9
    (frame, _), reading = timed("read", lambda: frames.read(path, schema.columns))
    table, checking = timed("checked into a table", lambda: made(frame, schema))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9 * 1e3
    above = peak - before - frame.nbytes / 1e9
    print(f"{len(table):,} series, {len(table.target):,} rows: {reading + checking:.2f} s, {above:.2f} GB above the file's arrays")
    parts(frame, schema)
    return int(reading + checking > SECONDS or above > GIGABYTES)


def made(frame: Any, schema: Schema) -> Any:
    table, _ = guardrails.check(frame, schema)
    return table


def parts(frame: Any, schema: Schema) -> None:
    """Where the time of the last line goes."""
    rows, _ = timed("  rows", lambda: Rows.of(frame, schema))
    frequency, _ = timed("  frequency", lambda: Frequency.infer(rows.stamps, rows.indptr, rows.zone))
    timed("  steps", lambda: frequency.steps(rows.stamps))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
