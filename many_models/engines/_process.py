"""What runs inside a worker process."""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import sys
import threading
import warnings
from multiprocessing.connection import Connection

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Environment variables that say how many threads a kernel takes."""

_PR_SET_PDEATHSIG = 1


def main(pipe: Connection, payload: bytes) -> None:
    """Say why the work cannot be loaded, or nothing (""); then answer each block that comes with a receipt, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What matters is a finding or an outcome; thousands of warnings of other libraries would bury it.
    warnings.simplefilter("ignore")
    _die_with(pipe)
    _one_thread()
    try:
        work = pickle.loads(payload)
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
        return
    pipe.send("")
    while True:
        try:
            pipe.send(work(pipe.recv()))
        except (EOFError, OSError):
            return


def _die_with(pipe: Connection) -> None:
    """No orphans: a thread waits for the driver's end of the pipe to close. Where something holds the interpreter, Linux ends us with our
    parent, the server that we were forked from, which ends a tenth of a second after the driver."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(pipe.fileno(),), daemon=True).start()


def _watch(pipe: int) -> None:
    closed = select.poll()
    closed.register(pipe, 0)  # no event is asked for: what is always told is that the other end has gone
    closed.poll()
    os._exit(1)


def _one_thread() -> None:
    import pyarrow as pa
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    os.environ.update(dict.fromkeys(THREADS, "1"))
    threadpool_limits(1)
    pa.set_cpu_count(1)
