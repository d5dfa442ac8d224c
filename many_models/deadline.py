"""A run that must end in time: every group gets a cheap forecast first, then models in the order of groups per second, until time is up."""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from many_models import outcomes
from many_models.blocks import Block, split
from many_models.outcomes import DEADLINE
from many_models.task import Task
from many_models.work import DONE, HALTED, REFUSED, Engine, Receipt, Work
from many_models.worker import blocks_of, commit

LATER = "no time was left for a model before the deadline; train again to go on"


class Paced:
    """An engine that is given a block when a worker is free, most groups per cost first, and none that could not end in time.

    Args:
        engine: Where blocks run.
        workers: How many work there.
        until: When to end, by `time.monotonic`.
    """

    def __init__(self, engine: Engine, workers: int, until: float) -> None:
        self.engine, self.workers, self.until = engine, workers, until
        self._waiting: list[tuple[tuple[int, float, int], Block]] = []
        self._out: set[str] = set()
        self._slowest = 0.0
        self._given = 0

    def start(self, work: Work) -> None:
        """Name what is done with each block."""
        self.engine.start(work)

    def submit(self, block: Block) -> None:
        """Queue a block: what was tried before goes last. A fallback is cheap, and waits for nothing."""
        if block.lost is not None:
            self.engine.submit(block)
            return
        self._given += 1
        insort(self._waiting, ((block.tries, block.cost / len(block), self._given), block), key=lambda item: item[0])

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left that could end in time."""
        self._feed()
        for block, receipt in self.engine.finished(self.until if until is None else min(until, self.until)):
            self._out.discard(block.key)
            if receipt.status == DONE and block.lost is None:
                self._slowest = max(self._slowest, receipt.seconds / block.cost)
            yield block, receipt
            self._feed()

    def close(self) -> None:
        """End what is still worked on."""
        self.engine.close()

    def _feed(self) -> None:
        while len(self._out) < self.workers:
            left = self.until - time.monotonic()
            room = left / self._slowest if self._slowest else float("inf")
            at = next((i for i, (_, block) in enumerate(self._waiting) if block.cost <= room), None) if left > 0 else None
            if at is None:
                return
            _, block = self._waiting.pop(at)
            self._out.add(block.key)
            self.engine.submit(block)


def cover(engine: Engine, task: Task, root: Path, blocks: Sequence[Block], until: float) -> set[str]:
    """Give every group that has no forecast yet a cheap one, and all of them an outcome that says so.

    Args:
        engine: Where blocks run.
        task: What is run.
        root: The folder of the run.
        blocks: The blocks to be worked on afterwards.
        until: When to end, by `time.monotonic`.

    Returns:
        The keys of what was made.
    """
    gaps = [stop_gap(block, task) for block in blocks]
    made: set[str] = set()
    while gaps:
        for gap in gaps:
            engine.submit(gap)
        became = {gap.key: receipt.status for gap, receipt in engine.finished(until)}
        made |= {key for key, status in became.items() if status == DONE}
        # Where all are refused or the disk is full, no group is to blame, and the work itself will say so.
        if HALTED in became.values() or (set(became.values()) == {REFUSED} and not made):
            return made
        parts = {gap.key: _smaller(gap, task) for gap in gaps if gap.key in became.keys() - made}
        _record([gap for gap in gaps if gap.key not in made and not parts.get(gap.key)], task, root)
        gaps = [part for smaller in parts.values() for part in smaller]
    return made


def uncovered(blocks: Sequence[Block], known: pa.Table | None) -> list[Block]:
    """The blocks, cut to the groups that have no forecast in `known`."""
    if known is None:
        return list(blocks)
    there = outcomes.with_forecast(known)["data_hash"].combine_chunks()
    cut = [replace(block, groups=block.groups.filter(pc.invert(pc.is_in(block.groups["data_hash"], there)))) for block in blocks]
    return [block for block in cut if len(block)]


def stop_gap(block: Block, task: Task) -> Block:
    """A block of the same groups, under a key of its own, that is given a cheap forecast."""
    made = Block.of(f"{task.identity} before a deadline", block.groups, block.files, 0, block.before)
    return replace(made, lost=Receipt(made.key, "fallback", error_type=DEADLINE, error=LATER))


def _smaller(gap: Block, task: Task) -> list[Block]:
    """Parts of what could not be covered as a whole; none of a single group."""
    parts = split(task.identity, gap, "failed") if len(gap) > 1 else []
    return [stop_gap(part, task) for part in parts]


def _record(gaps: Sequence[Block], task: Task, root: Path) -> None:
    """Not even a cheap forecast could be had, or had in time: no time is left to write a block for each."""
    for before in sorted({gap.before for gap in gaps}):
        groups = pa.concat_tables([gap.groups for gap in gaps if gap.before == before])
        told = outcomes.lost(groups, "timed_out", before, DEADLINE, LATER)
        commit(blocks_of(root), Block.of(f"{task.identity} without a forecast", groups, (), 0, before), task, told)
