"""Keeping the folder of a run clean: what killed processes left, blocks that no group lives in, rows that nobody will read again."""

from __future__ import annotations

import os
import re
import shutil
import time
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import ArchiveError, ForecasterError, SettingsError
from many_models import bundle, keys, ledger, manifest, outcomes, spool
from many_models.blocks import Block, Ints
from many_models.files import PART, read_parquet, write_parquet
from many_models.plan import FILE, Plan
from many_models.steps import sweep
from many_models.store import LocalStore, Markers
from many_models.task import Task
from many_models.worker import MODELS, REST, blocks_of

_KEY = "[0-9a-f]{24}"
_OURS = {
    folder: re.compile(rf"{name}|\..*")
    for folder, name in {"blocks": _KEY, spool.FOLDER: rf"{_KEY}\.arrow", "past": rf"{_KEY}\.parquet", "inflight": rf"{_KEY}\.json"}.items()
}
"""What lies in the folders of a run. Folder -> names"""
A_DAY = 86_400
"""Seconds; after as many nobody works any more in a place where forecasts were made."""


def retire(root: Path, plan: Plan, done: pa.Table, at: Ints, unseen: Collection[str] = ()) -> None:
    """Take away blocks that no group lives in any more, keeping what they forecast, and rows that nobody will read again.

    Args:
        root: The folder of the run.
        plan: Its groups.
        done: What is committed.
        at: The row of `done` of each group; -1 where it has none. (groups,)
        unseen: Blocks whose forecasts were replaced before anybody saw them: they are not kept.
    """
    store = blocks_of(root)
    live = done.take(pa.array(at[at >= 0]))
    for key in store.keys() - set(pc.unique(live["block"]).to_pylist()):
        if key not in unseen:
            _keep_forecasts(store.get(key), root / "past", key)
        store.delete(key)
    needed = plan.table.filter(pa.array(at < 0)) if (at < 0).any() else plan.table.slice(0, 0)
    bad = outcomes.without_model(live)
    wanted = pa.concat_tables([needed, plan.table.take(pa.array(ledger.rows_of(bad["data_hash"], plan.table)))])
    kept = {file for files in wanted["files"].to_pylist() for file in files}
    for file in spool.locations(root) - kept:
        (root / file).unlink(missing_ok=True)


def _keep_forecasts(folder: Path, past: Path, key: str) -> None:
    """What a block forecast stays, to be compared with what came true."""
    if (folder / "forecasts.parquet").exists():
        past.mkdir(exist_ok=True)
        rows = read_parquet(folder / "forecasts.parquet")
        write_parquet(rows, past / f"{PART}{key}")
        (past / f"{PART}{key}").replace(past / f"{key}.parquet")


def forget(past: Sequence[Path], days: float) -> int:
    """Delete those of the files that were written more than so many days ago; gives how many."""
    old = [file for file in past if time.time() - file.stat().st_mtime > days * A_DAY]
    for file in old:
        file.unlink()
    return len(old)


def drop_unsound(root: Path, task: Task) -> None:
    """Take away blocks that can no longer be read, so that their groups are trained again, and say so."""
    plan, store = Plan.load(root), blocks_of(root)
    broken = {key: why for key in sorted(store.keys()) if (why := _trouble(store.get(key), task))}
    for key in broken:
        store.delete(key)
    if broken:
        groups = plan.table.filter(pc.is_in(plan.table["block"], pa.array(list(broken)))) if plan else None
        first = f" ({groups.num_rows} groups, the first {keys.told(groups.select(plan.by), 0)})" if plan and groups else ""
        why = next(iter(broken.values()))
        warnings.warn(f"{len(broken)} blocks{first} cannot be read any more and are trained again: {why}", stacklevel=4)


def make_room(root: Path, blocks: Sequence[Block], task: Task) -> None:
    """Take away what lies under the keys of blocks that are to be made and is something else: it was put there by hand. What is the block
    itself stays: a worker whose driver was killed may have been quicker than we are."""
    store = blocks_of(root)
    for block in blocks:
        folder = store.get(block.key)
        if os.path.lexists(folder) and (folder.is_symlink() or not ledger.holds(folder, block, task.identity)):
            warnings.warn(f"block {block.key} holds groups of another job or other data; its own groups are trained again", stacklevel=4)
            store.delete(block.key)


def _trouble(folder: Path, task: Task) -> str | None:
    """Why a block cannot be read."""
    try:
        told = read_parquet(folder / "outcomes.parquet")
        if (told.schema.metadata or {}).get(b"job", b"").decode() == task.identity and (folder / MODELS).exists():
            task.sound(folder / MODELS)
            bundle.check(folder / REST)
    except (ForecasterError, OSError, pa.ArrowException) as error:
        return f"{type(error).__name__}: {error}"
    return None


def sweep_parts(root: Path) -> None:
    """Remove what killed processes were writing; only while no worker writes."""
    for folder in ("blocks", spool.FOLDER, "past"):
        LocalStore(root / folder).sweep()


def expect_ours(root: Path) -> None:
    """Refuse a folder of something else: what a run keeps in its own folders it sweeps, and here that would be somebody's files.

    Raises:
        SettingsError: it is no run, and holds what is not a run's.
        ArchiveError: a file lies where a folder should.
    """
    for folder in _OURS:
        if (root / folder).is_file():
            raise ArchiveError(f"{root / folder} should be a folder of the run; it is a file. Take it away")
    if (root / manifest.FILE).exists():
        return
    held = [file for folder in _OURS if (root / folder).is_dir() for file in (root / folder).iterdir()]
    other = sorted(file for file in held if not _OURS[file.parent.name].fullmatch(file.name))
    try:
        Plan.load(root)
    except ArchiveError:
        other.append(root / FILE)
    if other:
        told = f"the folder {str(root)!r} is no run, and holds {str(other[0].relative_to(root))!r}, which a run would not keep"
        raise SettingsError(f"{told}; give the run a folder of its own")


def clean(root: Path, resume: bool) -> None:
    """Remove what killed processes left behind; all of an earlier run where it is not to be resumed.

    Raises:
        ArchiveError: a folder in the run is a link: what it leads to might be anything, and is not for us to sweep.
    """
    for folder in _OURS:
        if (root / folder).is_symlink():
            raise ArchiveError(
                f"{root / folder} is a link; a run keeps its files in its own folder. Take the link away, or link the folder of the run"
            )
    sweep_parts(root)
    Markers(root / "inflight").sweep()
    for part in root.glob(f"{PART}*"):
        if part.is_file():
            part.unlink(missing_ok=True)
    sweep(root)
    for place in root.glob(".forecast-*"):
        if time.time() - place.stat().st_mtime > A_DAY:
            shutil.rmtree(place, ignore_errors=True)
    if not resume:
        for name in (FILE, "settled.parquet", "changes.parquet"):
            (root / name).unlink(missing_ok=True)
        for file in spool.locations(root):
            (root / file).unlink()
        store = blocks_of(root)
        for key in sorted(store.keys()):
            store.delete(key)
