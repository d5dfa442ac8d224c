"""Steps of a pipeline: what was made from unchanged inputs is kept, and what a killed step left is never taken for whole.

A step is a name, the fingerprints of its inputs, and its outputs. Once it is done, a record beside the outputs holds the fingerprints and
a checksum of every file that it made; the next call with the same fingerprints and files has nothing to do.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import forecaster
from forecaster import frames
from forecaster.errors import ArchiveError, SettingsError
from forecaster.frames import places
from many_models import hashing
from many_models.files import PART, read_object, sync_tree, write_json

_KINDS: dict[str, Any] = {"inputs": dict, "outputs": dict, "said": str, "code": int}


@dataclass(frozen=True)
class Made:
    """How a step ended.

    Args:
        said: What there is now, on a line.
        code: Its exit code.
        did: What this call did for it.
        settled: Whether the same inputs would give the same again; a step that was cut short by a deadline has more to do.
        reused: Whether nothing had to be done.
    """

    said: str
    code: int = 0
    did: str = ""
    settled: bool = True
    reused: bool = False

    def __str__(self) -> str:
        return f"unchanged, reused: {self.said}" if self.reused else "; ".join(filter(None, [self.said, self.did]))


@dataclass(frozen=True)
class Step:
    """A step of a pipeline.

    Args:
        name: What it is called.
        inputs: What its outputs depend on. Name -> fingerprint
        outputs: The files and folders that it makes.
        record: Where it is noted; beside the first output where absent.
    """

    name: str
    inputs: Mapping[str, str]
    outputs: Sequence[Path]
    record: Path | None = None

    def run(self, make: Callable[[], Made]) -> Made:
        """Make the outputs, unless they are there and made from the same inputs. Where no record can be written they are always made."""
        record = self.record or self.outputs[0].with_name(f".{self.outputs[0].name}.{self.name}.json")
        inputs = {**self.inputs, "version": forecaster.__version__}
        known = _read(record)
        if known is not None and known["inputs"] == inputs and known["outputs"] == _sums(self.outputs, record.parent):
            return Made(known["said"], known["code"], reused=True)
        record.unlink(missing_ok=True)
        made = make()
        if made.settled and os.access(record.parent, os.W_OK):
            outputs = _sums(self.outputs, record.parent)
            with whole(record) as place:  # what is left of it when it is killed is swept by the next call
                write_json(place, {"step": self.name, "inputs": inputs, "outputs": outputs, "said": made.said, "code": made.code})
        return made


def fingerprint(data: Any) -> str:
    """A hash of the content of files, wherever they lie, or of the rows of a frame in any order; "none" for None."""
    if data is None:
        return "none"
    parts = data if isinstance(data, (list, tuple)) else [data]
    if all(isinstance(part, (str, os.PathLike)) for part in parts):
        files = places.find([os.fspath(part) for part in parts])
        return hashed([f"{address} {_sum_there(files, path)}" for address, path in zip(files.addresses, files.paths, strict=True)])
    rows = hashing.row_hashes(frames.read(data)[0])
    return hashing.names_of(*hashing.group_sums(rows, np.zeros(len(rows), np.int64), 1))[0]


def hashed(texts: Sequence[str]) -> str:
    """One hash of texts, in their order."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Where to make a file or folder, which then takes the place of `out`: whoever looks sees the old one, none, or the new one.

    Where `out` is a folder that cannot be renamed, such as a mount, its files are replaced one by one.
    """
    import fcntl

    out = out.resolve()  # of a link, what it leads to is replaced
    out.parent.mkdir(parents=True, exist_ok=True)
    home = out.parent if os.access(out.parent, os.W_OK) else out
    sweep(home, out.name)
    work = home / f"{PART}{out.name}-{uuid.uuid4().hex}"
    work.mkdir()
    lock = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield work / out.name
        sync_tree(work)
        _swap(work / out.name, out, work / "old")
    finally:
        os.close(lock)
        shutil.rmtree(work, ignore_errors=True)


def refuse_strangers(out: Path, ours: re.Pattern[str], told: str) -> None:
    """Refuse to put a folder in the place of one that holds anything but what an earlier call has made there, as that would be lost.

    Raises:
        SettingsError: it holds something else, it is a file, or this process works in it.
    """
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{str(out)!r} is a file, and a folder would take its place; give another name")
    names = [file.name for file in out.iterdir()] if out.is_dir() else []
    if other := sorted(name for name in names if not ours.fullmatch(name) and not name.startswith(PART)):
        raise SettingsError(f"the folder {str(out)!r} holds {other[0]!r}, which {told}; give a folder of its own")
    if Path.cwd().is_relative_to(out.resolve()):
        raise SettingsError(f"the folder {str(out)!r} is the one that this process works in, and would be replaced; give a folder in it")


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what killed steps left of an output, or of all: what nobody holds the lock of."""
    import fcntl

    for left in folder.glob(f"{PART}{'*' if name is None else glob.escape(name)}-*/"):
        lock = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def _swap(made: Path, out: Path, old: Path) -> None:
    if not out.is_dir():
        made.replace(out)
        return
    try:
        out.rename(old)
    except OSError:
        for file in out.iterdir():
            if not file.name.startswith(PART):
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        for file in made.iterdir():
            shutil.move(file, out / file.name)
        return
    made.rename(out)


def _read(record: Path) -> dict[str, Any] | None:
    """What is noted; nothing where the note is damaged: the step is done again then."""
    try:
        return read_object(record, _KINDS)
    except ArchiveError:
        return None


def _sums(outputs: Sequence[Path], root: Path) -> dict[str, str]:
    """A checksum of every file that there is. Path -> checksum"""
    files = [file for out in outputs for file in ([out] if out.is_file() else sorted(out.rglob("*"))) if file.is_file()]
    return {os.path.relpath(file, root): _sum(file) for file in files}


def _sum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sum_there(files: places.Files, path: str) -> str:
    found = hashlib.sha256()
    with files.system.arrow.open_input_stream(path, compression=None) as stream:
        while part := stream.read(1 << 20):
            found.update(part)
    return found.hexdigest()
