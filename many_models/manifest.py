"""The page that says what a run is: job, schema, versions, data and code."""

from __future__ import annotations

import base64
import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from forecaster import frames
from forecaster.errors import ArchiveError
from many_models.blocks import fingerprint
from many_models.progress import Tally
from many_models.store import read_json, write_json
from many_models.task import Task

FILE, ATTEMPT = "run.json", "attempt.json"
FORMAT = 1
_PACKAGES = ("forecaster", "numpy", "pyarrow", "scikit-learn", "lightgbm")


def write(root: Path, task: Task, schema: pa.Table, kind: str, hashes: Sequence[str]) -> None:
    """Write run.json."""
    told = {
        "format": FORMAT,
        "job": task.as_dict(),
        "identity": task.identity,
        "schema": {field.name: str(field.type) for field in schema.schema},
        "arrow_schema": base64.b64encode(schema.schema.serialize().to_pybytes()).decode(),
        "frame": kind,
        "data": {"groups": len(hashes), "fingerprint": fingerprint(hashes)},
        "versions": {"python": sys.version.split()[0]} | {name: version for name in _PACKAGES if (version := _version(name))},
        "commit": _commit(),
        "written": time.time(),
    }
    write_json(root / FILE, told)


def read(root: Path) -> dict[str, Any]:
    """What run.json says.

    Raises:
        ArchiveError: there is no run, or a newer version wrote it.
    """
    told = read_json(root / FILE)
    if told is None:
        raise ArchiveError(f"no run at {str(root)!r}; expected a folder that ManyModels(...).train(data, path=...) has written")
    if told["format"] > FORMAT:
        raise ArchiveError(f"the run at {str(root)!r} has format {told['format']}, this version reads up to {FORMAT}; update forecaster")
    return dict(told)


def columns(root: Path) -> list[str]:
    """The columns of the data that the run reads."""
    return list(read(root)["schema"])


def frame_kind(told: dict[str, Any]) -> frames.FrameKind:
    """What kind of frame the run was trained on."""
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told["arrow_schema"])))
    return frames.FrameKind(told["frame"], dict(zip(schema.names, schema.types, strict=True)))


def begin(root: Path, attempt: str, tally: Tally) -> None:
    """Note that somebody has begun to work on the run."""
    told = {"attempt": attempt, "pid": os.getpid(), "since": time.time(), "kept": tally.kept, "total": tally.total}
    write_json(root / ATTEMPT, told)


def attempt(root: Path) -> dict[str, Any]:
    """Who worked on the run last."""
    return dict(read_json(root / ATTEMPT) or {})


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the code that is run, where it is in a git checkout."""
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()
