"""The files of an archive: model.json (tree), model.parquet (a row per series), arrays.parquet (the rest) and manifest.json (checksums)."""

from __future__ import annotations

import glob
import hashlib
import io
import json
import os
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.archive.foreign import one_thread
from forecaster.archive.payload import Reader, Writer
from forecaster.archive.regular import bytes_of
from forecaster.archive.sealed import sealed, unsealed
from forecaster.archive.tree import decode, encode, missing
from forecaster.errors import ArchiveError, CannotSave

FORMAT = 3
"""Grows when older versions of this package can no longer read what this one writes."""

READS = (3,)

GOING_ON = 3600.0
"""Seconds that a save may take."""

MANIFEST, TREE, COLUMNS, ROWS = "manifest.json", "model.json", "model.parquet", "arrays.parquet"

PACKAGES = ("forecaster", "numpy", "pyarrow", "scikit-learn", "lightgbm", "xgboost", "torch", "skops")


def save(thing: Any, folder: str | Path, *, extra: Mapping[str, Any] | None = None) -> None:
    """Save a model to a folder: whole or not at all, without pickle.

    Args:
        thing: A tree of storable dataclasses, arrays, numbers, text, tuples, lists, mappings, LightGBM and XGBoost boosters and
            scikit-learn estimators.
        folder: Where to; an archive that is there already is replaced.
        extra: Plain JSON values to keep in the manifest.

    Raises:
        CannotSave: Something in it has no safe file format.
        ArchiveError: The folder holds something that is no archive.
    """
    target = Path(folder)
    refuse_foreign(target)
    out = Writer()
    with one_thread():
        tree = json.dumps(encode(thing, out), separators=(",", ":"), allow_nan=False).encode()
    columns, rows = map(_parquet, out.tables())
    files = {TREE: tree, COLUMNS: columns, ROWS: rows}
    target.parent.mkdir(parents=True, exist_ok=True)
    _replace({**files, MANIFEST: _manifest(files, extra or {})}, target)


def load(folder: str | Path) -> Any:
    """Load what `save` was given. Runs no code from the files, and builds only classes that are registered as storable.

    Raises:
        ArchiveError: A file is missing, damaged, foreign or of another format; the message names it.
    """
    target = _found(Path(folder))
    declared = _manifest_of(target)["files"]
    data = {name: _verified(target / name, declared.get(name)) for name in (TREE, COLUMNS, ROWS)}
    try:
        tree, rows = json.loads(data[TREE]), Reader(data[COLUMNS], data[ROWS], str(target))
        with one_thread(rows.kinds):
            return decode(tree, rows)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"{target / TREE} is no tree of a model: {error}") from error


def check(folder: str | Path) -> None:
    """See whether `load` can load an archive, without building anything: its files are whole and its classes are there.

    Raises:
        ArchiveError: As `load` does.
    """
    target = _found(Path(folder))
    declared = _manifest_of(target)["files"]
    tree, *_ = (_verified(target / name, declared.get(name)) for name in (TREE, COLUMNS, ROWS))
    if gone := missing(tree):
        raise ArchiveError(f"{target / TREE} asks for {', '.join(gone)}, which this version does not have; fit and save the model again")


def manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of an archive: format, versions, extra, and size and sha256 per file.

    Raises:
        ArchiveError: It is missing, damaged, or of a format that this version does not read.
    """
    return _manifest_of(_found(Path(folder)))


def _manifest_of(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    raw = _read(path)
    try:
        told = unsealed(raw)
        if not isinstance(told.get("files"), dict):
            raise ValueError("it names no files")
    except ValueError as error:
        raise ArchiveError(f"{path} is damaged: {error}; take the archive from its backup or save the model again") from error
    if told.get("format") not in READS:
        raise ArchiveError(
            f"{path} is of format {told.get('format')!r}, written by forecaster {told.get('versions', {}).get('forecaster')}; "
            f"this version reads format {', '.join(map(str, READS))}: load it with that version, or fit and save the model again"
        )
    return told


def _manifest(files: Mapping[str, bytes], extra: Mapping[str, Any]) -> bytes:
    content = {
        "format": FORMAT,
        "versions": {"python": platform.python_version()} | {p: v for p in PACKAGES if (v := _version(p))},
        "files": {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()},
        "extra": dict(extra),
    }
    try:
        return sealed(content)
    except (TypeError, ValueError) as error:
        raise CannotSave(f"extra must be plain JSON values: {error}") from error


@cache
def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return getattr(sys.modules.get(package), "__version__", None)


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    # One row group, and no second copy of the schema: a small model is mostly what Parquet says of its columns.
    pq.write_table(
        table, buffer, row_group_size=2**31, compression="zstd", use_dictionary=False, write_statistics=False, store_schema=False
    )
    return buffer.getvalue()


def _read(path: Path) -> bytes:
    try:
        return bytes_of(path)
    except OSError as error:
        raise ArchiveError(
            f"{path} cannot be read ({error.strerror}); an archive is a folder with {MANIFEST}, {TREE}, {COLUMNS} and {ROWS}"
        ) from error


def _verified(path: Path, declared: Any) -> bytes:
    data = _read(path)
    if not isinstance(declared, dict) or declared.get("sha256") != hashlib.sha256(data).hexdigest():
        raise ArchiveError(f"{path} differs from what was saved: its checksum is not the manifest's; take it from its backup or save again")
    return data


def refuse_foreign(folder: str | Path) -> None:
    """See whether an archive may be saved to a folder: whoever works for long before it does so should know first.

    Raises:
        ArchiveError: The folder holds something that is no archive.
    """
    target = Path(folder)
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).exists()):
        raise ArchiveError(f"{target} exists and is no archive of a model; choose another folder or remove it")


def _found(target: Path) -> Path:
    """The archive, or where a save was killed before the new one was in its place: the new one if it is whole, else the old one."""
    if target.exists():
        return target
    whole = [left for end in ("old", "new") for left in _left(target, end) if (left / MANIFEST).exists()]
    return whole[-1] if whole else target


def _left(target: Path, end: str) -> list[Path]:
    """What killed saves have left beside the target, the latest last."""
    return sorted(target.parent.glob(f".{glob.escape(target.name)}.*.{end}"), key=lambda path: path.stat().st_mtime)


def _replace(files: Mapping[str, bytes], target: Path) -> None:
    """Write beside the target, flush to disk, then rename: a reader sees the old archive or the new one.

    A folder cannot be renamed over another, so for a moment none is in place; a reader finds it beside then, see `_found`.
    """
    # What is younger may belong to another process that saves right now.
    stale = [path for end in ("old", "new") for path in _left(target, end) if time.time() - path.stat().st_mtime > GOING_ON]
    fresh, old = (target.parent / f".{target.name}.{uuid.uuid4().hex}.{end}" for end in ("new", "old"))
    try:
        fresh.mkdir()
        for name, data in files.items():
            _write(fresh / name, data)
        _flush(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        _flush(target.parent)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        for left in (fresh, old, *(stale if target.exists() else ())):
            shutil.rmtree(left, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
