"""Small runs of a job that goes wrong on command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import faulty
import numpy as np
import pyarrow as pa

from many_models import Run
from many_models.blocks import Block
from many_models.task import Task
from many_models.work import Receipt, Work

PATHS = {
    "fit": "faulty:fit",
    "save": "faulty:save",
    "load": "faulty:load",
    "check": "faulty:load",
    "fallback": "faulty:stand_in",
    "move": "faulty:move",
    "parse": "faulty:Settings",
}


def stores(groups: int = 12, days: int = 4000, seed: int = 0, names: list[str] | None = None) -> pa.Table:
    """A table of stores with daily values; several blocks per worker, as each store costs some thousand rows."""
    named = names or [f"s{i:03}" for i in range(groups)]
    values = np.random.default_rng(seed).random(len(named) * days)
    return pa.table({"store": np.repeat(named, days), "day": np.tile(np.arange(days), len(named)), "y": values})


def task(**options: Any) -> Task:
    """The faulty job over stores."""
    return Task(faulty.Settings(**options), ("store",), **PATHS)


def by_store(run: Run, column: str = "status") -> Mapping[str, Any]:
    """Store -> its value in a column of the outcomes."""
    told = run.told()
    return dict(zip(told["store"].to_pylist(), told[column].to_pylist(), strict=True))


class Inline:
    """An engine that works in this process, where writes can be made to fail."""

    def __init__(self, *_: Any) -> None:
        self.waiting: list[Block] = []

    def start(self, work: Work) -> None:
        self.work = work

    def submit(self, block: Block) -> None:
        self.waiting.append(block)

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        while self.waiting:
            block = self.waiting.pop(0)
            yield block, self.work(block)

    def close(self) -> None: ...
