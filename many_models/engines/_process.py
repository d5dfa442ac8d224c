"""What runs inside a worker process."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from multiprocessing.connection import Connection

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Environment variables that say how many threads a kernel takes."""

_PR_SET_PDEATHSIG = 1


def main(pipe: Connection, payload: bytes, driver: int) -> None:
    """Say why the work cannot be loaded, or nothing (""); then answer each block that comes with a receipt, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What matters is a finding or an outcome; thousands of warnings of other libraries would bury it.
    warnings.simplefilter("ignore")
    _die_with(driver)
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


def _die_with(driver: int) -> None:
    """No orphans: the kernel ends us with our parent, which ends with the driver; elsewhere a thread watches the driver."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(driver,), daemon=True).start()


def _watch(driver: int) -> None:
    while True:
        try:
            os.kill(driver, 0)
        except ProcessLookupError:
            os._exit(1)
        except PermissionError:
            pass
        time.sleep(0.5)


def _one_thread() -> None:
    import pyarrow as pa
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    os.environ.update(dict.fromkeys(THREADS, "1"))
    threadpool_limits(1)
    pa.set_cpu_count(1)
