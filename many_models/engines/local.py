"""Supervised processes on this machine: one that dies, hangs or eats too much memory is replaced, and only its block is lost."""

from __future__ import annotations

import heapq
import multiprocessing as mp
import multiprocessing.connection as mpc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import psutil

from many_models.blocks import Block
from many_models.engines import _process
from many_models.engines._order import Order
from many_models.work import DONE, CannotStart, Limits, Receipt, Work, left

TICK = 0.1
"""Seconds between two looks at time and memory."""
PATIENCE = 20.0
"""A block of several groups is cut up once it takes this many times what its cost would have taken at the slowest rate seen."""
SHORTEST = 2.0
"""Seconds that any block may take."""
BRIEF = 30.0
"""Most seconds that the fallback of a group may take."""
STILLBORN = 3
"""So many workers in a row may die before they could take a block."""

_METHOD = "forkserver" if "forkserver" in mp.get_all_start_methods() else "spawn"
NOT_HERE = {"PYTHONSAFEPATH": "1"}
PRELOADED = ("many_models.worker", "pyarrow.dataset")
_STARTING = threading.RLock()


@dataclass(eq=False)
class Worker:
    """A process, the pipe to it, and what it works on; `ready` once it has loaded the work."""

    process: Any
    pipe: mpc.Connection
    block: Block | None = None
    since: float = 0.0
    ready: bool = False

    def give(self, block: Block) -> bool:
        """Hand over a block; False where the process is gone."""
        self.block, self.since = block, time.monotonic()
        try:
            self.pipe.send(block)
        except OSError:
            return False
        return True

    def greeted(self) -> str | None:
        """Why it cannot load the work, "" where it could; None where it has died before it said so."""
        with suppress(EOFError, OSError):
            told: str = self.pipe.recv()
            self.ready, self.since = not told, time.monotonic()
            return told
        return None

    def memory(self) -> int:
        """Bytes held by the process."""
        with suppress(psutil.Error):
            return int(psutil.Process(self.process.pid).memory_info().rss)
        return 0

    def kill(self) -> None:
        """End the process and all that it started."""
        with suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
        self.process.kill()
        self.process.join(5)
        self.pipe.close()


class Local:
    """Blocks run in processes of this machine.

    Args:
        workers: Number of processes.
        limits: What a group may use.
    """

    def __init__(self, workers: int, limits: Limits) -> None:
        self.workers, self.limits = workers, limits
        self._waiting: list[tuple[int, int, int, Block]] = []
        self._crew: list[Worker] = []
        self.given = self._stillborn = 0
        self._slowest = 0.0
        self._payload = b""

    def start(self, work: Work) -> None:
        """Name what is done with each block."""
        self.begin(Order.of(work))

    def begin(self, order: Order) -> None:
        """The same for work that is packed already."""
        self._payload = order.payload
        _warm_up([*PRELOADED, *order.modules])

    def submit(self, block: Block) -> None:
        """Queue a block: what is tried again goes first, then the most expensive."""
        self.given += 1
        heapq.heappush(self._waiting, (-block.tries, -block.cost, self.given, block))

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left or time is up."""
        while (self._waiting or any(worker.block for worker in self._crew)) and left(until) != 0:
            self._hire()
            yield from self._ended()
            yield from self._overdue()

    def close(self) -> None:
        """End all processes: idle ones by themselves, others at once."""
        for worker in self._crew:
            if worker.block is not None:
                worker.kill()
            else:
                worker.pipe.close()
        for worker in self._crew:
            worker.process.join(1)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(5)
        self._crew = []

    def _hire(self) -> None:
        """Give every idle worker a block, and start workers that are missing."""
        idle = [worker for worker in self._crew if worker.block is None]
        while self._waiting and (idle or len(self._crew) < self.workers):
            if not idle:
                idle.append(_started(self._payload))
                self._crew.append(idle[-1])
            worker, item = idle.pop(), heapq.heappop(self._waiting)
            if not worker.give(item[-1]):
                self._take_back(worker)

    def _ended(self) -> Iterator[tuple[Block, Receipt]]:
        """Blocks whose worker has answered or died."""
        ready = set(mpc.wait([*(w.pipe for w in self._crew), *(w.process.sentinel for w in self._crew)], TICK))
        for worker in [w for w in self._crew if w.pipe in ready or w.process.sentinel in ready]:
            if not worker.ready:
                self._greet(worker)
                continue
            block, receipt = worker.block, self._answer(worker)
            worker.block = None
            if receipt is None or receipt.error_type == "WorkerDied":
                self._dismiss(worker)
            if block is not None and receipt is not None:
                self._learn(block, receipt)
                yield block, receipt

    def _greet(self, worker: Worker) -> None:
        """Hear that a worker is ready, or find another for its block."""
        told = worker.greeted()
        if told == "":
            self._stillborn = 0
            return
        self._stillborn += 1
        worker.process.join(5)
        told = told or f"the process ended with {_exit(worker.process.exitcode)}"
        self._take_back(worker)
        if self._stillborn >= STILLBORN:
            raise CannotStart(
                f"{STILLBORN} workers in a row ended before they could take a group: {told}; what is done is kept: train again to go on"
            )

    def _take_back(self, worker: Worker) -> None:
        """Nobody's block is to blame for a worker that died before it had anything to do."""
        block, worker.block = worker.block, None
        self._dismiss(worker)
        if block is not None:
            self.submit(block)

    def _answer(self, worker: Worker) -> Receipt | None:
        """What the worker said, or how it died; None where it had nothing to do."""
        if worker.pipe.poll():
            with suppress(EOFError, OSError):
                receipt: Receipt = worker.pipe.recv()
                return receipt
        if worker.block is None:
            return None
        worker.process.join(5)
        spent = time.monotonic() - worker.since
        told = f"the worker process ended with {_exit(worker.process.exitcode)}"
        return Receipt(worker.block.key, "crashed", spent, {}, "WorkerDied", told)

    def _overdue(self) -> Iterator[tuple[Block, Receipt]]:
        """Blocks over their time or memory, whose workers are killed."""
        for worker in list(self._crew):
            block = worker.block
            told = None if block is None else self._over_time(worker, block) or self._over_memory(worker, block)
            if block is not None and told is not None:
                worker.kill()
                self._crew.remove(worker)
                yield block, told

    def _over_time(self, worker: Worker, block: Block) -> Receipt | None:
        spent, allowed = time.monotonic() - worker.since, self._allowed(block)
        if allowed is None or spent <= allowed:
            return None
        return Receipt(block.key, "timed_out", spent, {}, "TimeLimit", f"no answer after {spent:.1f} s; the limit is {allowed:g} s")

    def _over_memory(self, worker: Worker, block: Block) -> Receipt | None:
        cap = self.limits.memory
        if cap is None or (used := worker.memory()) <= cap:
            return None
        told = f"the worker held {used / 1e6:,.0f} MB; the limit is {cap / 1e6:,.0f} MB"
        return Receipt(block.key, "over_memory", time.monotonic() - worker.since, {}, "MemoryLimit", told)

    def _allowed(self, block: Block) -> float | None:
        """Seconds that a block may take: the limit for one group; for several, what they should need with much patience.

        One group of a block may hang, and nobody can see which: cutting the block up early is cheap, waiting a limit per group is not.
        """
        limit = self.limits.seconds
        if block.lost is not None:
            return min(limit or BRIEF, BRIEF) * len(block)
        if limit is None or len(block) == 1:
            return limit
        if not self._slowest:
            return max(limit, SHORTEST)
        return min(max(SHORTEST, PATIENCE * self._slowest * block.cost), limit * len(block))

    def _learn(self, block: Block, receipt: Receipt) -> None:
        if receipt.status == DONE and block.lost is None:
            self._slowest = max(self._slowest, receipt.seconds / block.cost)

    def _dismiss(self, worker: Worker) -> None:
        worker.kill()
        self._crew.remove(worker)


def _warm_up(modules: Sequence[str]) -> None:
    """Start the server that workers are forked from; it imports the modules while we do something else."""
    if _METHOD == "forkserver":
        from multiprocessing import forkserver

        with on_one_thread():
            forkserver.set_forkserver_preload(list(modules))
            forkserver.ensure_running()


def _started(payload: bytes) -> Worker:
    """A new worker process: forked from a small server that has everything imported."""
    context: Any = mp.get_context(_METHOD)
    ours, theirs = context.Pipe()
    with on_one_thread():
        process = context.Process(target=_process.main, args=(theirs, payload), daemon=True)
        process.start()
    theirs.close()
    return Worker(process, ours)


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Start processes on one thread each, and without importing the user's script again (it may have no `__main__` guard).

    The server would look for modules in the working folder first, where a folder may happen to be called as a package of ours is;
    each worker has the driver's own path to look in. Inside the worker of another engine, two things are set right for the moment: a worker
    of Dask is a daemon, which may have no children, and one of joblib names a start method that no child of ours knows.
    """
    with _STARTING:
        before, main, me = dict(os.environ), sys.modules["__main__"], mp.current_process()
        daemon, method = me.daemon, mp.get_start_method(allow_none=True)
        os.environ.update(dict.fromkeys(_process.THREADS, "1") | NOT_HERE)
        sys.modules["__main__"], me.daemon = ModuleType("__main__"), False
        mp.set_start_method(_METHOD, force=True)
        try:
            yield
        finally:
            sys.modules["__main__"], me.daemon = main, daemon
            if method is None or method in mp.get_all_start_methods():
                mp.set_start_method(method, force=True)
            for name in (*_process.THREADS, *NOT_HERE):
                os.environ.pop(name) if name not in before else os.environ.update({name: before[name]})


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"signal {-code} ({signal.Signals(-code).name})"
    return f"exit code {code}"
