"""What a worker of a Dask cluster of ours loads first: it does not hear Ctrl-C, which a terminal sends to all; the driver ends it."""

from __future__ import annotations

import signal


def dask_setup(worker: object) -> None:
    """Called by Dask in the main thread of the worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
