"""Blocks on whatever backend `joblib.parallel_config` names; without one, on joblib's own processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import joblib

from forecaster.errors import ForecasterError
from many_models.blocks import Block
from many_models.engines import _host
from many_models.work import Limits, Receipt, Work, left

STALLED = 3
"""So often in a row a backend may break before any block is done."""


class BackendLost(ForecasterError, RuntimeError):
    """The joblib backend gives up again and again; what is done is kept."""


class Joblib:
    """Blocks run on a joblib backend, in rounds: what is tried again waits for the next one.

    A group that dies, hangs or eats memory costs itself only, as on every engine. Joblib has no isolation of its own, though: a backend
    that loses a worker takes down its round; the next round goes on with what is left of it.

    Args:
        workers: Number of jobs.
        limits: What a group may use.
    """

    def __init__(self, workers: int, limits: Limits) -> None:
        self.workers, self.limits = workers, limits
        self._waiting: list[Block] = []

    def start(self, work: Work) -> None:
        """Name what is done with each block."""
        self._host = _host.Host.of(work, self.limits)

    def submit(self, block: Block) -> None:
        """Queue a block for the next round."""
        self._waiting.append(block)

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left or time is up; what is submitted meanwhile is the next round.

        Raises:
            BackendLost: the backend broke several times in a row, and nothing was done in between.
        """
        broken = 0
        while self._waiting and left(until) != 0:
            here = {block.key: block for block in sorted(self._waiting, key=lambda block: (-block.tries, -block.cost))}
            self._waiting, before = [], len(here)
            why = yield from self._round(here, until)
            broken = broken + 1 if len(here) == before else 0
            if broken >= STALLED:
                raise BackendLost(f"the joblib backend broke {STALLED} times in a row ({why}); what is done is kept: train again to go on")
            self._waiting += here.values()

    def close(self) -> None:
        """Forget what still waits; the processes are joblib's."""
        self._waiting = []

    def _round(self, here: dict[str, Block], until: float | None) -> Generator[tuple[Block, Receipt], None, str]:
        """Work on the blocks and take out what is done; gives why the backend broke, where it did."""
        results = self._results(list(here.values()), until)
        while True:
            try:
                receipt = next(results)
            except StopIteration:
                return ""
            except Exception as error:
                return f"{type(error).__name__}: {error}"[:500]
            yield here.pop(receipt.key), _host.answer(receipt)

    def _results(self, blocks: list[Block], until: float | None) -> Iterator[Receipt]:
        """Receipts as they come, where the backend can give them one by one."""
        backend, _ = joblib.parallel.get_active_backend()
        as_they_come = {"return_as": "generator_unordered"} if backend.supports_return_generator else {}
        parallel = joblib.Parallel(n_jobs=self.workers, batch_size=1, timeout=left(until), **as_they_come)
        yield from parallel(joblib.delayed(self._host)(block) for block in blocks)
