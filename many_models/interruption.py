"""Ctrl-C that cannot get lost."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruption:
    """Remembers that Ctrl-C was pressed, within a `with`.

    Python raises KeyboardInterrupt wherever the main thread happens to be; in a finalizer or a callback of the garbage collector, such as
    those of a cluster's client, it is printed and forgotten, and a night's job would go on. A handler of the user's own is left alone.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Stop here, if that was asked for.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed since the `with` began.
        """
        if self._asked:
            raise KeyboardInterrupt

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if not _finalizes(frame):
            raise KeyboardInterrupt


def _finalizes(frame: FrameType | None) -> bool:
    """Whether a finalizer runs: what it raises is printed and goes nowhere."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False
