"""The page that says what a run is: job, schema, versions, data and code."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from forecaster import frames
from forecaster.archive.regular import bytes_of
from forecaster.archive.sealed import SEAL
from forecaster.errors import ArchiveError
from many_models.blocks import fingerprint
from many_models.files import AFRESH, read_object, write_json
from many_models.progress import Tally
from many_models.task import Task

FILE, ATTEMPT = "run.json", "attempt.json"
FORMAT = 3
"""Goes up when what an earlier version wrote cannot be read, or gone on with, any more."""
_KINDS: dict[str, Any] = {
    "format": int, "job": dict, "identity": str, "schema": dict, "arrow_schema": str, "frame": str, "data": dict,
}  # fmt: skip
_PACKAGES = ("forecaster", "numpy", "pyarrow", "scikit-learn", "lightgbm")


def write(root: Path, task: Task, schema: pa.Table, kind: str, hashes: pa.ChunkedArray) -> None:
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
        "commit": commit_of_code(),
        "written": time.time(),
    }
    write_json(root / FILE, told)


def read(root: Path) -> dict[str, Any]:
    """What run.json says.

    Raises:
        ArchiveError: there is no run, or a version wrote it whose format is another one.
    """
    check(root)
    told = read_object(root / FILE, _KINDS)
    if told is None:
        raise ArchiveError(
            f"no run at {str(root)!r}; expected a folder that train(data, path=...) or `many-models train --run` has written"
        )
    return told


def check(root: Path) -> None:
    """Refuse a run of another format, where there is one.

    Raises:
        ArchiveError: run.json is damaged, or a version wrote it whose format is another one.
    """
    try:
        written = (read_object(root / FILE, {"format": int}) or {"format": FORMAT})["format"]
    except ArchiveError:
        written = _before_checksums(root / FILE)
        if written is None:
            raise
    if written != FORMAT:
        way = "update forecaster" if written > FORMAT else f"an earlier version wrote it: {AFRESH}"
        raise ArchiveError(f"the run at {str(root)!r} has format {written}, this version reads format {FORMAT}; {way}")


def _before_checksums(path: Path) -> int | None:
    """The format of a run.json that has no checksum, as those before format 3 had none."""
    try:
        told = json.loads(bytes_of(path))
        return told["format"] if told["format"] in (1, 2) and SEAL not in told else None
    except (OSError, ArchiveError, ValueError, TypeError, LookupError, RecursionError):
        return None


def columns(root: Path) -> list[str]:
    """The columns of the data that the run reads."""
    return list(read(root)["schema"])


def frame_kind(told: dict[str, Any]) -> frames.FrameKind:
    """What kind of frame the run was trained on."""
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told["arrow_schema"])))
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{FILE} is damaged (its arrow_schema: {error}); take it from a backup, or train again") from None
    return frames.FrameKind(told["frame"], dict(zip(schema.names, schema.types, strict=True)))


def begin(root: Path, attempt: str, tally: Tally) -> None:
    """Note that somebody has begun to work on the run."""
    told = {"attempt": attempt, "pid": os.getpid(), "since": time.time(), "kept": tally.kept, "total": tally.total}
    write_json(root / ATTEMPT, told)


def end(root: Path, workers: int) -> None:
    """Note that the work has come to its end."""
    write_json(root / ATTEMPT, attempt(root) | {"ended": time.time(), "workers": workers})


def attempt(root: Path) -> dict[str, Any]:
    """Who worked on the run last."""
    return read_object(root / ATTEMPT, {"attempt": str, "pid": int, "since": float, "kept": int}, "delete it: no model is in it") or {}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit_of_code() -> str | None:
    """The commit of the code that is run, where it is in a git checkout; git is not asked where there is none."""
    here = Path.cwd()
    if "GIT_DIR" not in os.environ and not any((place / ".git").exists() for place in (here, *here.parents)):
        return None
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()
