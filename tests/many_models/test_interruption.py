"""Ctrl-C at moments at which Python forgets it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from many_models.interruption import Interruption


class Late:
    """Ctrl-C is pressed while it is finalized."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_in_a_finalizer_is_kept_and_nothing_is_printed() -> None:
    with Interruption() as interruption:
        late = Late()
        del late
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_ctrl_c_elsewhere_ends_at_once() -> None:
    with Interruption(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
