"""Whether an engine works here: versions, and a small run in which one group ends its process."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import signal
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster.block import fit_block
from forecaster.settings import Settings
from many_models.engines import Chosen
from many_models.many import ManyModels
from many_models.task import Fitted, Task

GROUPS, DEADLY = 20, "shop 07"
EXPECTED = {f"shop {i:02}": "done" for i in range(GROUPS)} | {DEADLY: "crashed"}
JOB = {"horizon": 7, "series": ["shop"], "time": "day", "target": "sales", "freq": "D", "learners": ["naive"], "backtest": None}
PACKAGES: dict[str, tuple[str, ...]] = {
    "local": (),
    "dask": ("distributed", "dask"),
    "ray": ("ray",),
    "spark": ("pyspark", "py4j"),
    "joblib": ("joblib",),
}
"""What an engine needs."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and what was seen."""

    what: str
    well: bool
    told: str


def fit(frame: pa.Table, settings: Any, by: tuple[str, ...]) -> Fitted:
    """Fit as a job does, but end the process where the deadly group is among those of the block."""
    if DEADLY in frame[by[0]].unique().to_pylist():
        os.kill(os.getpid(), signal.SIGKILL)
    fitted: Fitted = fit_block(frame, settings, by)
    return fitted


def versions(engine: Chosen) -> list[Finding]:
    """The versions of what the engine needs."""
    found = [Finding("python", True, platform.python_version())]
    for name in ("forecaster", "pyarrow", "cloudpickle", *PACKAGES[engine.name]):
        try:
            found.append(Finding(name, True, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(name, False, f"is not installed: pip install 'forecaster[{engine.name}]'"))
    return found


def smoke(engine: Chosen, workers: int | None) -> list[Finding]:
    """Train 20 groups of which one ends its process whenever it is fitted."""
    job = ManyModels(Task(Settings.parse(JOB), ("shop",), fit="many_models.doctor:fit"))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="many-models-doctor-") as folder:
        run = job.train(_sales(), f"{folder}/run", engine=engine, workers=workers, progress=False)
        told = run.told()
        statuses = dict(zip(told["shop"].to_pylist(), told["status"].to_pylist(), strict=True))
        forecast = set(pa.table(run.forecast())["shop"].to_pylist())
        attempts = dict(zip(told["shop"].to_pylist(), told["attempts"].to_pylist(), strict=True))
    seconds = time.monotonic() - started
    wrong = sorted(shop for shop, status in EXPECTED.items() if statuses.get(shop) != status)
    return [
        Finding("smoke run", True, f"{GROUPS} groups in {seconds:.1f} s, start of the engine included"),
        Finding("outcomes", not wrong, _named(wrong, statuses) if wrong else f"{GROUPS - 1} done, 1 crashed, as it should be"),
        Finding("tries", attempts[DEADLY] <= 3, f"{attempts[DEADLY]} of the group that ends its process; at most 3"),
        Finding("forecasts", forecast == set(EXPECTED), f"{len(forecast)} of {GROUPS} groups have one"),
    ]


def _sales() -> pa.Table:
    days = np.datetime64("2026-01-01") + np.arange(60)
    shops = np.repeat(list(EXPECTED), len(days))
    return pa.table({"shop": shops, "day": np.tile(days, GROUPS), "sales": np.arange(len(shops)) % 7 + 10.0})


def _named(wrong: list[str], statuses: dict[str, str]) -> str:
    return ", ".join(f"{shop} is {statuses.get(shop, 'missing')}, not {EXPECTED[shop]}" for shop in wrong[:5])
