"""Copies of runs, which nothing changes any more: a version is a run of its own, whatever becomes of the one that it was made from."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from forecaster.errors import ArchiveError
from many_models import manifest
from many_models.files import PART
from many_models.plan import FILE as PLAN
from many_models.run import Run
from many_models.store import LocalStore

_OURS = re.compile(rf"({re.escape(PART)})?[0-9a-f]{{32}}")
A_DAY = 86_400
"""Seconds after which nobody is still registering a copy."""


def facts_of(run: Run) -> dict[str, Any]:
    """What a registry notes of a run.

    Raises:
        ArchiveError: the run is not complete.
    """
    status, told = run.status(), manifest.read(run.path)
    if status.done < status.groups or not status.groups:
        raise ArchiveError(
            f"the run at {str(run.path)!r} has outcomes of {status.done} of {status.groups} groups; train it to its end first"
        )
    content = "\n".join([str(told["identity"]), str(told["data"]["fingerprint"]), *run.blocks()])
    return {
        "content": hashlib.sha256(content.encode()).hexdigest()[:32],
        "source": str(run.path),
        "job": told["identity"],
        "data": told["data"]["fingerprint"],
        "commit": told["commit"],
        "groups": status.groups,
        "failed": status.failed,
        "score": pc.mean(run.told()["score"]).as_py(),
    }


def copy(run: Run, store: LocalStore) -> str:
    """Put a copy of a run into a store; gives its key. Its blocks are hard links where the file system has them: they take no room."""
    key = uuid.uuid4().hex

    def fill(part: Path) -> None:
        for name in (manifest.FILE, PLAN):
            shutil.copyfile(run.path / name, part / name)
        for block in run.blocks():
            shutil.copytree(run.path / "blocks" / block, part / "blocks" / block, copy_function=_link)

    store.put(key, fill)
    return key


def sweep(root: Path, wanted: Iterable[str]) -> None:
    """Take away copies that no version names, and what killed writers left, once nobody can be about to name them.

    What has another name than we give is not ours: a user may keep runs beside the copies.
    """
    kept = set(wanted)
    for place in root.iterdir():
        if _OURS.fullmatch(place.name) and place.name not in kept and time.time() - place.lstat().st_mtime > A_DAY:
            shutil.rmtree(place, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """Link a file, which is never written to again, or copy it where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
