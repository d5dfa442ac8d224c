"""The part that runs elsewhere: it takes a block, reads its own rows, writes one artefact, tells what became of it, and never raises."""

from __future__ import annotations

import errno
import random
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import frames
from forecaster.errors import ArchiveError, CannotSave, DataError, ForecasterError, MissingExtra, SettingsError
from forecaster.frames.kinds import value_type
from many_models import bundle, hashing, keys, outcomes, spool
from many_models.blocks import Block
from many_models.files import AFRESH, read_parquet, write_parquet
from many_models.source import parquet
from many_models.store import LocalStore, Markers, Store
from many_models.task import Fitted, Task
from many_models.work import DONE, HALTED, REFUSED, Receipt

MODELS, REST = "models", "tables.arrow"
SMALL = ("leaderboard", "findings", "selected", "trials", "ids")
"""Tables that lie together in one file of their block."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM)
"""What the system says where the disk is full, broken or not ours: no group is to blame."""


@dataclass(frozen=True)
class Guarded(ABC):
    """Works on blocks under a guard: a marker says which one is in hand, so that whoever dies over it can be told.

    Args:
        root: The folder of the run, or the one where the rows of blocks lie.
        task: What to fit.
        columns: Columns to read.
        attempt: Name of this call: markers of another one are nobody's fault.
    """

    root: str
    task: Task
    columns: tuple[str, ...]
    attempt: str

    def __call__(self, block: Block) -> Receipt:
        return guarded(block, self.attempt, Markers(Path(self.root) / "inflight"), self._run)

    @abstractmethod
    def _run(self, block: Block) -> dict[str, int]:
        """Do the work and commit it. Status -> number of groups"""


@dataclass(frozen=True)
class Train(Guarded):
    """Fits a block and commits it."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What a worker will need, to be imported ahead of time."""
        heavy = ("lightgbm", "sklearn.linear_model") if getattr(self.task.settings, "learners", None) == "auto" else ()
        return (self.task.fit.partition(":")[0], *heavy)

    def _run(self, block: Block) -> dict[str, int]:
        _seed(self.task)
        rows = read_block(block, self.columns, Path(self.root))
        fitted = self.task.run(rows) if block.lost is None else self.task.stand_in(rows)
        told, ids = _told(block, fitted.outcomes()), ids_of(rows, self.task)
        if pc.index(told["error_type"], outcomes.SILENT).as_py() >= 0:
            told = outcomes.explained(told, with_groups(fitted.found(), ids, self.task))
        commit(blocks_of(self.root), block, self.task, told, fitted, ids)
        return outcomes.counted(told)


@dataclass(frozen=True)
class Predict:
    """Forecasts a block with its models and commits the rows.

    Args:
        root: The folder of the run.
        task: What was fitted.
        out: Folder of the forecasts, one folder per block.
        attempt: Name of this call.
        horizon: Steps ahead; what was fitted for where absent.
        columns: Columns of the future rows; none when there is no future.
    """

    root: str
    task: Task
    out: str
    attempt: str
    horizon: int | None = None
    columns: tuple[str, ...] = ()

    def __call__(self, block: Block) -> Receipt:
        return guarded(block, self.attempt, Markers(Path(self.out) / "inflight"), self._run)

    def _run(self, block: Block) -> dict[str, int]:
        folder = blocks_of(self.root).get(block.key)
        fitted = self.task.read(folder / MODELS)
        future = read_files(block.files, self.columns, block.groups.select(list(self.task.partition_by))) if self.columns else None
        ahead, found = fitted.look_ahead(future, self.horizon)
        ids = read_table(folder, "ids")
        kept = only(with_groups(fitted.forecast(ahead), ids, self.task), block.groups.select(list(self.task.partition_by)))
        tables = {"forecasts": kept, "findings": with_groups(found.frame(self.task.settings), ids, self.task)}
        LocalStore(self.out).put(block.key, lambda part: _write(tables, part))
        return {DONE: len(block)}


def blocks_of(root: str | Path) -> Store:
    """The committed blocks of a run."""
    return LocalStore(Path(root) / "blocks")


def guarded(block: Block, attempt: str, markers: Markers, run: Callable[[Block], dict[str, int]]) -> Receipt:
    """Run a block with a marker beside it; whatever is raised becomes a receipt."""
    started = time.perf_counter()
    try:
        note = markers.get(block.key)
        if note and (note["attempt"], note["tries"]) == (attempt, block.tries):
            return Receipt(block.key, "crashed", error_type="WorkerDied", error="a worker died while it worked on this block")
        markers.set(block.key, {"attempt": attempt, "tries": block.tries, "groups": len(block), "since": time.time()})
        counts = run(block)
        receipt = Receipt(block.key, DONE, time.perf_counter() - started, counts)
    except BaseException as error:
        receipt = Receipt(block.key, _status(error), time.perf_counter() - started, {}, type(error).__name__, describe(error))
    with suppress(OSError):  # a marker that cannot be taken away is nobody's fault; the driver sweeps it
        markers.clear(block.key)
    return receipt


def commit(
    store: Store, block: Block, task: Task, told: pa.Table, fitted: Fitted | None = None, ids: pa.Table | None = None, moved: int = 0
) -> None:
    """Write a block: outcomes always, all else where there is a model; `moved` is how often its models went on without being fitted."""
    tables = {"outcomes": told} | ({} if fitted is None else _tables(fitted, task, ids))
    if moved:
        tables = {name: cut(table, block.groups) for name, table in tables.items()}
    noted = {"job": task.identity} | ({"moved": str(moved)} if moved else {})

    def fill(folder: Path) -> None:
        for name, table in tables.items():
            if name not in SMALL:
                write_parquet(table.replace_schema_metadata(noted), folder / f"{name}.parquet")
        if fitted is not None:
            bundle.write({name: table for name, table in tables.items() if name in SMALL}, folder / REST)
            task.write(fitted, folder / MODELS)

    store.put(block.key, fill)


def read_block(block: Block, columns: Sequence[str], root: Path) -> pa.Table:
    """The rows of a block.

    Raises:
        DataError: a file of the user has changed since the run began.
    """
    groups = block.groups.drop_columns(["rows", "data_hash"])
    files = [file if "://" in file else str(root / file) for file in block.files]
    rows, same = (_spooled if all(map(spool.holds, files)) else _in_place)(files, columns, block.groups)
    if not same:
        raise DataError(f"the rows of {keys.told(groups, 0)} changed while the run was going on ({block.files[0]}); run it again")
    return rows


def read_files(files: Sequence[str], columns: Sequence[str], groups: pa.Table) -> pa.Table:
    """The rows of some groups from Parquet files of a user, or from files that were cut out of them."""
    rows = spool.read(files)[0].select(list(columns)) if all(map(spool.holds, files)) else _scanned(files, columns, groups)
    return only(frames.read(rows)[0], groups)


def _spooled(files: Sequence[str], columns: Sequence[str], groups: pa.Table) -> tuple[pa.Table, bool]:
    """The rows of the groups from files that were cut out for blocks, and whether they are those that were hashed."""
    found, changed = spool.read(files)
    rows = frames.read(found.select(list(columns)))[0]
    if rows.num_rows != pc.sum(groups["rows"]).as_py():  # a part of a block is tried again
        rows = only(rows, groups.drop_columns(["rows", "data_hash"]))
    return rows, not (changed and changed & set(groups["data_hash"].to_pylist()))


def _in_place(files: Sequence[str], columns: Sequence[str], groups: pa.Table) -> tuple[pa.Table, bool]:
    """The rows of the groups from files of the user, and whether they are those that were hashed."""
    named = groups.drop_columns(["rows", "data_hash"])
    rows = frames.read(_scanned(files, columns, named))[0]
    at = keys.found(rows.select(named.column_names), named)
    if (mine := at >= 0).sum() < len(at):
        rows, at = rows.filter(pa.array(mine)), at[mine]
    sums = hashing.group_sums(hashing.row_hashes(rows), at, len(groups))
    return rows, np.array_equal(sums, hashing.sums_of(groups["data_hash"].to_pylist()))


def _scanned(files: Sequence[str], columns: Sequence[str], groups: pa.Table) -> pa.Table:
    """The rows of some groups, and maybe of others beside them."""
    dataset = parquet(files)
    wanted = pc.scalar(True)
    for name in groups.column_names:
        kind = value_type(dataset.schema.field(name).type)
        wanted &= _among(pc.field(name), pc.unique(groups[name].combine_chunks().cast(kind)))
    return dataset.to_table(columns=list(columns), filter=wanted)


def _among(column: pc.Expression, values: pa.Array) -> pc.Expression:
    """Whether a column has one of the values. That it lies between the least and the greatest of them is said too, as Arrow passes over
    row groups and files by such bounds alone."""
    chosen = column.isin(values)
    if values.null_count or pa.types.is_floating(values.type):
        return chosen
    ends = pc.min_max(values)
    return chosen & (column >= ends["min"]) & (column <= ends["max"])


def only(rows: pa.Table, groups: pa.Table) -> pa.Table:
    """The rows that belong to the groups."""
    kept = keys.found(rows.select(groups.column_names), groups) >= 0
    return rows if kept.all() else rows.filter(pa.array(kept))


def cut(table: pa.Table, groups: pa.Table) -> pa.Table:
    """The rows of the groups, and those that belong to no group."""
    by = [name for name in groups.column_names if name in table.column_names and name not in ("rows", "data_hash")]
    if not by or not table.num_rows:
        return table
    kept = keys.found(table.select(by), groups.select(by)) >= 0
    for name in by:
        kept |= pc.is_null(table[name]).to_numpy()
    return table if kept.all() else table.filter(pa.array(kept))


def with_groups(made: pa.Table, ids: pa.Table, task: Task) -> pa.Table:
    """The table with its partition columns, found through the series columns where it lacks them."""
    missing = [name for name in task.partition_by if name not in made.column_names]
    series = [name for name in ids.column_names if name in made.column_names]
    if not missing or not series:
        return made
    at = keys.found(made.select(series), ids.select(series))
    rows = pa.array(at, mask=at < 0)
    for i, name in enumerate(missing):
        made = made.add_column(i, name, ids[name].take(rows))
    return made


def describe(error: BaseException) -> str:
    """What was said, and where in the code, as text that any file can hold."""
    said = ""
    with suppress(Exception):  # words of somebody else's error may break, too
        said = str(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    ours = isinstance(error, ForecasterError)
    where = "" if ours or not last else f" ({Path(last[0].filename).name}:{last[0].lineno} in {last[0].name})"
    return f"{said or type(error).__name__}{where}"[:2000].encode("utf-8", "backslashreplace").decode()


def _told(block: Block, told: pa.Table) -> pa.Table:
    """The outcomes of a block: what the job told, or how it was lost and who forecasts instead."""
    if (lost := block.lost) is None:
        return outcomes.fitted(block.groups, told, block.attempts)
    learners = outcomes.fitted(block.groups, told, block.attempts)["learner"]
    return outcomes.lost(block.groups, lost.status, block.attempts, lost.error_type, lost.error, lost.seconds, learners)


def _status(error: BaseException) -> str:
    if isinstance(error, (SettingsError, MissingExtra, CannotSave)):
        return REFUSED
    if isinstance(error, OSError) and error.errno in FULL:
        return HALTED
    return "over_memory" if isinstance(error, (MemoryError, pa.ArrowMemoryError)) else "failed"


def _write(tables: Mapping[str, pa.Table], folder: Path) -> None:
    for name, table in tables.items():
        write_parquet(table, folder / f"{name}.parquet")


def _seed(task: Task) -> None:
    """Whoever draws from a global generator draws the same, wherever the block runs."""
    seed = int(getattr(task.settings, "seed", 0))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def ids_of(rows: pa.Table, task: Task) -> pa.Table:
    """The series of a block and the group of each; nothing where series name their groups themselves."""
    if set(task.partition_by) <= set(task.settings.series):
        return pa.table({})
    named = list(dict.fromkeys([*task.settings.series, *task.partition_by]))
    distinct = rows.select(named).group_by(named, use_threads=False).aggregate([])
    return pa.table({name: keys.plain(distinct[name]) for name in named})


def read_table(folder: Path, name: str) -> pa.Table:
    """A table of a committed block.

    Raises:
        FileNotFoundError: the block is gone, or has no such table.
        ArchiveError: it is damaged.
    """
    if name not in SMALL:
        return read_parquet(folder / f"{name}.parquet").replace_schema_metadata(None)
    tables = bundle.read(folder / REST)
    if name not in tables:
        raise ArchiveError(f"{folder / REST} has no table {name!r}; take it from a backup, or {AFRESH}")
    return tables[name]


def _ahead(fitted: Fitted) -> Any:
    """What it forecasts for; None where that is not known yet and comes by `Run.forecast(future)`: known covariates, rows to predict."""
    with suppress(ForecasterError):
        return fitted.look_ahead()[0]
    return None


def _tables(fitted: Fitted, task: Task, ids: pa.Table | None) -> dict[str, pa.Table]:
    made = {"backtest": fitted.backtest(), "findings": fitted.found(), "selected": fitted.selected()}
    made |= {"leaderboard": fitted.leaderboard(), "trials": fitted.trials()} | ({} if ids is None else {"ids": ids})
    if (ahead := _ahead(fitted)) is not None:
        made["forecasts"] = fitted.forecast(ahead)
    return {name: table if ids is None else with_groups(table, ids, task) for name, table in made.items()}
