"""Blocks on the workers of a Dask cluster, one task per block."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from forecaster.errors import MissingExtra, SettingsError
from many_models.blocks import Block
from many_models.engines import _deaf, _host
from many_models.engines.local import TICK, on_one_thread
from many_models.work import Limits, Receipt, Work, left

try:
    import distributed
    from distributed.client import FutureCancelledError
except ImportError:
    raise MissingExtra.of("engine='dask'", "distributed", "dask") from None

TIMEOUT = "30s"
"""How long to wait for a scheduler that does not answer."""


class Dask:
    """Blocks run on the workers of a Dask cluster.

    Args:
        workers: Number of worker processes, where the cluster is ours.
        limits: What a group may use.
        address: Scheduler of a cluster that is there already; the client of this process, or a new cluster of this machine, where absent.
        client: A client of yours, instead of an address.
        resources: What a worker must have to take a block, such as {"memory": 1}, as in `dask worker --resources`.
    """

    def __init__(
        self, workers: int, limits: Limits, *, address: str | None = None, client: Any = None, resources: Mapping[str, float] | None = None
    ) -> None:
        self.workers, self.limits = workers, limits
        self.address, self.client, self.resources = address, client, dict(resources or {})
        self._ours: list[Any] = []
        self._blocks: dict[Any, Block] = {}

    def start(self, work: Work) -> None:
        """Name what is done with each block, and find the cluster.

        Raises:
            SettingsError: nobody answers at the address.
        """
        self._host = _host.Host.of(work, self.limits)
        self._client = self.client or self._current() or self._connected(self.address or self._cluster())
        self._done = distributed.as_completed(loop=self._client.loop)

    def submit(self, block: Block) -> None:
        """Queue a block: what is tried again goes first, then the most expensive."""
        future = self._client.submit(
            self._host, block, pure=False, priority=block.tries * 10**10 + block.cost, resources=self.resources or None
        )
        self._blocks[future] = block
        self._done.add(future)

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left or time is up."""
        while self._blocks:
            while until is not None and not self._done.has_ready():
                if left(until) == 0:
                    return
                time.sleep(TICK)
            future = next(self._done)
            block = self._blocks.pop(future)
            yield block, self._receipt(future, block)

    def close(self) -> None:
        """Take back what still waits, and end the cluster where it is ours."""
        if self._blocks:
            self._client.cancel(list(self._blocks), force=True)
            self._blocks.clear()
        for thing in reversed(self._ours):
            thing.close()
        self._ours = []

    def _receipt(self, future: Any, block: Block) -> Receipt:
        try:
            return _host.answer(future.result())
        except distributed.scheduler.KilledWorker as error:
            return _host.died(block, error)
        except FutureCancelledError as error:
            raise ConnectionError(f"the Dask cluster is gone ({error}); what is done is kept: train again to go on") from None

    def _current(self) -> Any:
        """The client that this process has, where no address was given."""
        with suppress(ValueError):
            return None if self.address else distributed.get_client()
        return None

    def _cluster(self) -> Any:
        """A cluster of this machine; memory is watched by us, group by group."""
        kept: dict[str, Any] = {"n_workers": self.workers, "threads_per_worker": 1, "processes": True, "memory_limit": 0}
        kept["preload"] = _deaf.__name__
        with on_one_thread():
            self._ours.append(distributed.LocalCluster(**kept, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"))
        return self._ours[-1]

    def _connected(self, where: Any) -> Any:
        try:
            self._ours.append(distributed.Client(where, timeout=TIMEOUT, set_as_default=False))
        except OSError as error:
            raise SettingsError(
                f"no Dask scheduler answers at {where!r} ({error}); give the address that `dask scheduler` prints"
            ) from None
        return self._ours[-1]
