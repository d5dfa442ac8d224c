"""What the pages of the Studio and the report cost over a run of many groups: time until each is there, and processor time.

python tests/benchmarks/studio_pages.py --groups 100000 [--run FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from starlette.testclient import TestClient

from forecaster import Forecaster, RollingOrigin
from many_models import ManyModels, Run
from many_models.serve.gate import Bounds
from many_models.serve.server import Options, application
from many_models.serve.shelf import Runs

DAYS, HORIZON = 60, 14


def trained(groups: int, folder: Path) -> Run:
    """A run of stores with three quick learners, two windows and intervals."""
    names = np.char.add("store ", np.char.zfill(np.arange(groups).astype(str), 7))
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-01") + DAYS).astype("datetime64[us]")
    sold = np.random.default_rng(0).poisson(20 * (1 + 0.3 * (np.tile(np.arange(DAYS), groups) % 7 > 4))).astype(float)
    data = pa.table({"store": np.repeat(names, DAYS), "date": np.tile(days, groups), "sales": sold})
    options: dict[str, Any] = {"learners": ["seasonal_naive", "average", "drift"], "backtest": RollingOrigin(windows=2), "ensemble": None}
    job = Forecaster(HORIZON, series=["store"], time="date", target="sales", freq="D", **options)
    return ManyModels(job, ["store"]).train(data, folder, progress=False)


def timed(what: str, call: Callable[[], Any]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    print(f"{what:<40} {time.perf_counter() - wall:7.2f} s, {time.process_time() - cpu:7.2f} s of processor time", flush=True)


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--groups", type=int, default=100_000, help="how many groups the run has")
    told.add_argument("--run", type=Path, help="where the run is; made where there is none, in a temporary folder where absent")
    asked = told.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = asked.run or Path(place) / "run"
        run = Run.open(folder) if folder.exists() else trained(asked.groups, folder)
        pages(run, Path(place))


def pages(run: Run, home: Path) -> None:
    """Ask for each page as a browser would."""
    first = run.told().slice(0, 1).to_pylist()[0]["store"]
    name = run.path.name
    with TestClient(
        application(Options(Runs(run.path), home / "home", home, bounds=Bounds(seconds=600))), headers={"accept": "text/html"}
    ) as client:

        def page(path: str, **query: object) -> Callable[[], Any]:
            return lambda: client.get(path, params=query).raise_for_status()  # type: ignore[arg-type]

        timed("all runs, for the first time", page("/"))
        timed("the run, for the first time", page(f"/runs/{name}"))
        timed("the run, page 900 by score", page(f"/runs/{name}", sort="score", down=1, page=900))
        timed("the run, a search", page(f"/runs/{name}", search="77"))
        timed("a group, for the first time", page(f"/runs/{name}/group", store=first))
        timed("a group", page(f"/runs/{name}/group", store=first))
        timed("the report, for the first time", page(f"/runs/{name}/report"))
        timed("the report", page(f"/runs/{name}/report"))


if __name__ == "__main__":
    main()
