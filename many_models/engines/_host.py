"""A block on a worker of somebody else's engine: it is done in a supervised process beside that worker.

So no engine has to know of time limits, memory or death: a group that dies, hangs or eats memory costs the supervised process, and the
engine's worker answers with a receipt as if nothing had happened. Where the worker itself dies, the in-flight note beside the block tells.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass

from many_models.blocks import Block
from many_models.engines._order import Order
from many_models.engines.local import Local
from many_models.work import CannotStart, Limits, Receipt, Work

LINGER = 20.0
"""Seconds that a supervised process waits for another block."""
UNREADY = "unready"
"""Status of a block for which no process could be started."""

_idle: list[tuple[Host, Local]] = []
_lock = threading.Lock()


@dataclass(frozen=True)
class Host:
    """What an engine calls with each block: it gives a receipt and never raises.

    Args:
        order: What is done with a block.
        limits: What a group may use.
    """

    order: Order
    limits: Limits

    @classmethod
    def of(cls, work: Work, limits: Limits) -> Host:
        return cls(Order.of(work), limits)

    def __call__(self, block: Block) -> Receipt:
        mine = self._take()
        try:
            mine.submit(block)
            receipt = next(receipt for _, receipt in mine.finished())
        except CannotStart as error:
            mine.close()
            return Receipt(block.key, UNREADY, error_type="CannotStart", error=str(error))
        except BaseException:
            mine.close()
            raise
        self._put(mine)
        return receipt

    def _take(self) -> Local:
        """A supervised process that waits for work of this kind, or a new one; those of other kinds are sent home."""
        with _lock:
            strangers = [pair for pair in _idle if pair[0] != self]
            mine = [pair for pair in _idle if pair[0] == self]
            _idle[:] = mine[1:]
        for _, local in strangers:
            local.close()
        return mine[0][1] if mine else self._fresh()

    def _fresh(self) -> Local:
        sys.path.extend(place for place in self.order.path if place not in sys.path)
        local = Local(1, self.limits)
        local.begin(self.order)
        return local

    def _put(self, local: Local) -> None:
        with _lock:
            _idle.append((self, local))
        timer = threading.Timer(LINGER, _send_home, (local, local.given))
        timer.daemon = True
        timer.start()


def _send_home(local: Local, given: int) -> None:
    """End a process that was given nothing since."""
    with _lock:
        waiting = [pair for pair in _idle if pair[1] is local and local.given == given]
        _idle[:] = [pair for pair in _idle if pair not in waiting]
    if waiting:
        local.close()


def answer(receipt: Receipt) -> Receipt:
    """The receipt of a block, on the driver.

    Raises:
        CannotStart: no process could be started for it.
    """
    if receipt.status == UNREADY:
        raise CannotStart(receipt.error)
    return receipt


def died(block: Block, error: BaseException) -> Receipt:
    """The receipt of a block whose worker could not write one."""
    told = f"the engine lost the worker: {type(error).__name__}: {error}"
    return Receipt(block.key, "crashed", error_type="WorkerDied", error=told[:2000])
