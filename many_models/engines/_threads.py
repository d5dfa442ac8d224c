"""Engines that answer a call and know no futures: each block waits in a thread of the driver."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from many_models.blocks import Block
from many_models.work import Receipt, left


class Threads:
    """Calls that are under way.

    Args:
        calls: How many at a time.
        call: What is done with a block; it may raise.
    """

    def __init__(self, calls: int, call: Callable[[Block], Receipt]) -> None:
        self._pool, self._call = ThreadPoolExecutor(calls), call
        self._ended: queue.SimpleQueue[tuple[Block, Receipt | BaseException]] = queue.SimpleQueue()
        self._out = 0

    def submit(self, block: Block) -> None:
        self._out += 1
        self._pool.submit(self._do, block)

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left or time is up; what a call raised is raised here."""
        while self._out:
            try:
                block, told = self._ended.get(timeout=left(until))
            except queue.Empty:
                return
            self._out -= 1
            if isinstance(told, BaseException):
                raise told
            yield block, told

    def close(self) -> None:
        """Begin no more calls."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _do(self, block: Block) -> None:
        try:
            self._ended.put((block, self._call(block)))
        except BaseException as error:
            self._ended.put((block, error))
