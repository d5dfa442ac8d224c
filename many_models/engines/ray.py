"""Blocks on a Ray cluster, one task per block."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from forecaster.errors import MissingExtra, SettingsError
from many_models.blocks import Block
from many_models.engines import _host
from many_models.work import Limits, Receipt, Work, left

try:
    import ray
    from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, WorkerCrashedError
except ImportError:
    raise MissingExtra.of("engine='ray'", "ray", "ray") from None

RETRIES = 3
"""So often Ray runs a block again whose worker died; the second run finds the note of the first and says so."""
AHEAD = 2
"""Blocks that Ray is given per slot of the cluster: one to run, one that waits (and makes a cluster that can grow do so). The rest wait
with us: Ray's `cancel` can end this process ("Tried to complete task that was not pending") when it takes a block back."""


class Ray:
    """Blocks run on the workers of a Ray cluster.

    Args:
        workers: Number of worker processes, where the cluster is ours.
        limits: What a group may use.
        address: A cluster that is there already, such as "auto" or "ray://head:10001"; one of this machine is started where absent.
            A cluster that this process is connected to is used as it is.
        resources: What a block asks of a worker, such as {"num_cpus": 1, "memory": 2e9} or resources of your own.
    """

    def __init__(self, workers: int, limits: Limits, *, address: str | None = None, resources: Mapping[str, float] | None = None) -> None:
        self.workers, self.limits, self.address, self.resources = workers, limits, address, dict(resources or {})
        self._waiting: deque[Block] = deque()
        self._blocks: dict[Any, Block] = {}
        self._ours = False

    def start(self, work: Work) -> None:
        """Name what is done with each block, and find the cluster.

        Raises:
            SettingsError: nobody answers at the address.
        """
        self._ours = not ray.is_initialized()
        if self._ours:
            self._connect()
        known = {name: self.resources[name] for name in ("num_cpus", "num_gpus", "memory") if name in self.resources}
        own = {name: amount for name, amount in self.resources.items() if name not in known}
        asked: dict[str, Any] = {"num_cpus": 1, "max_retries": RETRIES, "resources": own} | known
        self._run = ray.remote(**asked)(_run)
        self._host = ray.put(_host.Host.of(work, self.limits))

    def submit(self, block: Block) -> None:
        """Queue a block; what is tried again goes first."""
        (self._waiting.appendleft if block.tries else self._waiting.append)(block)

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left or time is up."""
        while self._waiting or self._blocks:
            self._hand_over()
            done, _ = ray.wait(list(self._blocks), num_returns=1, timeout=left(until))
            if not done:
                return
            block = self._blocks.pop(done[0])
            yield block, _receipt(done[0], block)

    def close(self) -> None:
        """End the cluster where it is ours; on one that we joined, the blocks that it was given go on to their end."""
        self._waiting.clear()
        self._blocks.clear()
        if self._ours:
            ray.shutdown()

    def _hand_over(self) -> None:
        """Give Ray as many blocks as it can run soon."""
        slots = ray.cluster_resources().get("CPU", 1.0) / max(self.resources.get("num_cpus", 1.0), 0.01)
        while self._waiting and len(self._blocks) < max(AHEAD * slots, 1):
            block = self._waiting.popleft()
            self._blocks[self._run.remote(self._host, block)] = block

    def _connect(self) -> None:
        local: dict[str, Any] = {"num_cpus": self.workers, "include_dashboard": False}
        try:
            ray.init(address=self.address or "local", log_to_driver=False, logging_level="ERROR", **({} if self.address else local))
        except (ConnectionError, RayError) as error:
            raise SettingsError(f"no Ray cluster answers at {self.address!r} ({error}); give the address that `ray start` prints") from None


def _run(host: _host.Host, block: Block) -> Receipt:
    return host(block)


def _receipt(done: Any, block: Block) -> Receipt:
    try:
        return _host.answer(ray.get(done))
    except (WorkerCrashedError, NodeDiedError, OutOfMemoryError) as error:
        return _host.died(block, error)
