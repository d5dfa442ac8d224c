"""Reading files that a stranger may have put there."""

from __future__ import annotations

import stat
from pathlib import Path

from forecaster.errors import ArchiveError


def bytes_of(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        ArchiveError: it is a pipe or a device, whose reading may never end.
        OSError: there is none, or it cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # of a folder the system says itself what is wrong
        raise ArchiveError(f"{path} is no file but a pipe or a device; take it from a backup")
    return path.read_bytes()
