"""What many_models costs beside the fitting: a run of many groups with a job that does next to nothing, in this process.

All is repeated, in a folder of its own each time, and the least of the numbers is held against the goals: a busy machine can only add to
them. What is imported once is left out by a small run ahead. Folders are removed at the end: for some minutes, ext4 gives no inode away
that was freed, and looks at each of them whenever a file is made, which took up to a millisecond per file.

python tests/benchmarks/bookkeeping.py --groups 100000
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "many_models"))

import faulty
from small_runs import task

from many_models import ManyModels, Run, engines
from many_models.blocks import Block
from many_models.work import Receipt, Work

NEW, SAME, OPEN, FORECAST = "train: all groups are new", "train: nothing changed", "open, and the outcomes", "forecast: what training made"


class Inline:
    """An engine that works in this process, so that its processor time is that of the whole run."""

    fitting = 0.0

    def __init__(self, *_: Any) -> None:
        self.waiting: list[Block] = []

    def start(self, work: Work) -> None:
        self.work = work
        Inline.fitting = 0.0

    def submit(self, block: Block) -> None:
        self.waiting.append(block)

    def finished(self) -> Iterator[tuple[Block, Receipt]]:
        while self.waiting:
            block = self.waiting.pop(0)
            yield block, self.work(block)

    def close(self) -> None: ...


def stores(groups: int, days: int) -> pa.Table:
    names = np.char.add("store ", np.arange(groups).astype(str))
    values = np.random.default_rng(0).random(groups * days)
    return pa.table({"store": np.repeat(names, days), "day": np.tile(np.arange(days), groups), "y": values})


def fit(frame: pa.Table, settings: Any, by: tuple[str, ...]) -> Any:
    """The fit of the job, timed, so that it does not count as bookkeeping."""
    started = time.process_time()
    made = _plain(frame, settings, by)
    Inline.fitting += time.process_time() - started
    return made


_plain, faulty.fit = faulty.fit, fit


GOALS = {NEW: ("us of processor time per group", 25.0), OPEN: ("seconds", 1.0)}


@dataclass(frozen=True)
class Cost:
    """What a step cost: seconds of processor time, less those of fitting, and seconds in all."""

    cpu: float
    wall: float


def cost(call: Callable[[], Any]) -> Cost:
    Inline.fitting = 0.0
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Cost(time.process_time() - cpu - Inline.fitting, time.perf_counter() - wall)


def night(job: ManyModels, data: pa.Table, folder: Path) -> tuple[dict[str, Cost], int]:
    """The steps of a run in a new folder, and how many blocks it has."""
    train = partial(job.train, data, folder, workers=2, progress=False)
    steps = {NEW: train, SAME: train, OPEN: lambda: _opened(folder), FORECAST: lambda: Run.open(folder).forecast()}
    return {name: cost(step) for name, step in steps.items()}, len(list((folder / "blocks").iterdir()))


def tell(costs: Sequence[Mapping[str, Cost]], groups: int) -> None:
    """Least and greatest of each number, and whether the goals are met."""
    print(f"{'least to greatest of ' + str(len(costs)):<34} {'us of processor time per group':>32} {'seconds':>18}")
    least: dict[str, dict[str, float]] = {}
    for name in costs[0]:
        cpu, wall = ([getattr(each[name], kind) for each in costs] for kind in ("cpu", "wall"))
        each = [seconds / groups * 1e6 for seconds in cpu]
        least[name] = {"us of processor time per group": min(each), "seconds": min(wall)}
        print(f"{name:<34} {min(each):>23.1f} to {max(each):5.1f} {min(wall):>9.2f} to {max(wall):5.2f}")
    for name, (unit, goal) in GOALS.items():
        print(f"goal: {name}: at most {goal:g} {unit}: {'met' if least[name][unit] <= goal else 'MISSED'} ({least[name][unit]:.2f})")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--groups", type=int, default=100_000)
    told.add_argument("--days", type=int, default=4)
    told.add_argument("--repeats", type=int, default=3)
    told.add_argument("--profile", action="store_true", help="profile one training instead")
    asked = told.parse_args()
    engines.make = Inline  # type: ignore[assignment]
    data, job = stores(asked.groups, asked.days), ManyModels(task())
    with tempfile.TemporaryDirectory() as place:
        night(job, stores(100, asked.days), Path(place, "first"))
        if asked.profile:
            with cProfile.Profile(time.process_time) as profile:
                job.train(data, Path(place, "night"), workers=2, progress=False)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            return
        nights = [night(job, data, Path(place, str(i))) for i in range(asked.repeats)]
    print(f"{asked.groups:,} groups of {asked.days} rows in {nights[0][1]} blocks; load of the machine {os.getloadavg()[0]:.1f}")
    tell([costs for costs, _ in nights], asked.groups)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB at most in this process")


def _opened(folder: Path) -> Run:
    run = Run.open(folder)
    run.outcomes()
    run.status()
    return run


if __name__ == "__main__":
    main()
