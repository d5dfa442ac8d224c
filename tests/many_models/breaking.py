"""A file layer in which the n-th write under a folder goes wrong: it raises what the system would say, or the process is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

WRITES = {"os.rename": (0, 1), "os.link": (0, 1), "os.mkdir": (0,), "os.remove": (0,), "os.rmdir": (0,), "many_models.write": (0,)}
"""What is told of calls that change files, and which of their arguments are paths."""


class _Layer:
    """Counts the writes under a folder; the process has one, as what Python is told to tell of cannot be taken back."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.seen: list[str] = []
        self.fail: Callable[[int], None] = lambda n: None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None:
            return
        if event == "open":
            path, _, flags = arguments
            paths = [path] if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else []
        else:
            paths = [arguments[i] for i in WRITES.get(event, ())]
        if any(str(os.fspath(path)).startswith(self.root) for path in paths if isinstance(path, (str, os.PathLike))):
            self.seen.append(f"{event} {paths[0]}")
            self.fail(len(self.seen))


_layer = _Layer()
_installed: list[bool] = []


@contextmanager
def breaking(root: Path, fail: Callable[[int], None] = lambda n: None) -> Iterator[list[str]]:
    """Call `fail` with the number of every write under `root`; gives the writes that were seen."""
    _install()
    _layer.root, _layer.seen, _layer.fail = str(root), [], fail
    try:
        yield _layer.seen
    finally:
        _layer.root = None


def raises(at: int, code: int) -> Callable[[int], None]:
    """The write with this number fails, those after it do not."""

    def fail(n: int) -> None:
        if n == at:
            raise OSError(code, os.strerror(code))

    return fail


def kills(at: int) -> Callable[[int], None]:
    """The process ends before the write with this number."""
    return lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == at else None


def _install() -> None:
    if _installed:
        return
    _installed.append(True)
    sys.addaudithook(_layer.hear)
    plain_write, plain_sync = pq.write_table, os.fsync

    def write(table: Any, where: Any, **options: Any) -> Any:
        if isinstance(where, (str, os.PathLike)):
            sys.audit("many_models.write", where)
        return plain_write(table, where, **options)

    def sync(handle: int) -> None:
        sys.audit("many_models.write", os.readlink(f"/proc/self/fd/{handle}"))
        plain_sync(handle)

    pq.write_table, os.fsync = write, sync
