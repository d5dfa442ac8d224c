"""What faults cost a run, by the clock: each beside its goal (R8, R10 and R12 of the reliability goals).

A worker killed once: what a run takes with and without, in turns. A group that hangs: how long after its limit the run ends, over what a
run without it takes. A killed driver: when the last process is gone, and how many of all groups are begun twice; that is what was in hand.

python tests/benchmarks/faults.py
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "many_models"))

from small_runs import stores, task

from many_models import ManyModels, blocks

GROUPS, DAYS, SLEEP, LIMIT = 500, 400, 0.005, 2.0
"""Groups, rows of each, seconds of fitting each; seconds that a group may take."""
DRIVER = """
import sys
from faults import long_night
long_night(sys.argv[1])
"""


def tried(folder: str) -> Counter[str]:
    """How often each group was begun."""
    return Counter(Path(folder, "tries").read_text().split())


def night(faults: dict[str, str], **how: object) -> tuple[float, int, set[str]]:
    """Seconds that a run takes, how often a group was tried at most, and the statuses of all groups."""
    with tempfile.TemporaryDirectory() as folder:
        job, data = ManyModels(task(log=folder, faults=faults, sleep=SLEEP)), stores(GROUPS, DAYS)
        started = time.perf_counter()
        run = job.train(data, Path(folder, "run"), workers=2, progress=False, **how)
        seconds = time.perf_counter() - started
        return seconds, max(tried(folder).values()), set(run.outcomes()["status"].to_pylist())


def long_night(folder: str) -> None:
    """A run of 200 blocks; the fits of a block take a tenth of a second."""
    blocks.SMALLEST = 5 * (DAYS + blocks.GROUP_COST)
    job = ManyModels(task(log=folder, sleep=0.02))
    job.train(stores(1000, DAYS), Path(folder, "run"), workers=2, progress=False)


def killed_driver(after: float) -> tuple[float, float]:
    """Seconds until all processes are gone, and the part of all groups that is begun again."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(__file__).parent
        paths = os.pathsep.join(map(str, (here, here.parent / "many_models", here.parents[1])))
        process = subprocess.Popen([sys.executable, "-c", DRIVER, folder], env={**os.environ, "PYTHONPATH": paths})
        while not Path(folder, "tries").exists():
            time.sleep(0.01)
        time.sleep(after)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        died = time.perf_counter()
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family):
            time.sleep(0.01)
        gone = time.perf_counter() - died
        long_night(folder)
        return gone, sum(n > 1 for n in tried(folder).values()) / 1000


def tell(what: str, seen: Sequence[float], goal: float, unit: str = "") -> None:
    """A number and its goal: the worst that was seen."""
    print(f"{what:<62} {max(seen):7.3f} {unit:<2} goal {goal:<5g} {'met' if max(seen) <= goal else 'MISSED'}")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--repeats", type=int, default=3)
    asked = told.parse_args()
    calm, killed, hung, most = [], [], [], 0
    for _ in range(asked.repeats):
        calm.append(night({})[0])
        seconds, tries, statuses = night({"s250": "once"})
        killed.append(seconds)
        most = max(most, tries)
        assert statuses == {"done"}
        seconds, _, statuses = night({"s250": "hang"}, time_limit_per_group=LIMIT)
        hung.append(seconds)
        assert statuses == {"done", "timed_out"}
    draw = random.Random(0)
    driver = [killed_driver(draw.uniform(1, 8)) for _ in range(asked.repeats)]
    tell("R8: a worker killed once adds, least to least", [min(killed) - min(calm)], 1.0, "s")
    tell("R8: its block is run so often more", [most - 1.0], 2.0)
    tell("R10: a hanging group adds, beside its limit, least to least", [min(hung) - LIMIT - min(calm)], 5.0, "s")
    tell("R12: a killed driver: all processes are gone after", [gone for gone, _ in driver], 2.0, "s")
    tell("R12: part of all groups that is begun again", [again for _, again in driver], 0.01)


if __name__ == "__main__":
    main()
