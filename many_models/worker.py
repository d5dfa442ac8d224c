"""The part that runs elsewhere: it takes a block, reads its own rows, writes one artefact, tells what became of it, and never raises."""

from __future__ import annotations

import errno
import random
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forecaster import frames
from forecaster.errors import CannotSave, DataError, ForecasterError, MissingExtra, SettingsError
from many_models import hashing, keys, outcomes
from many_models.blocks import Block
from many_models.source import parquet
from many_models.store import LocalStore, Markers, Store
from many_models.task import Fitted, Task
from many_models.work import DONE, HALTED, REFUSED, Receipt

MODELS = "models"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What the system says where nothing can be written any more."""


@dataclass(frozen=True)
class Train:
    """Fits a block and commits it.

    Args:
        root: The folder of the run.
        task: What to fit.
        columns: Columns to read.
        attempt: Name of this call of `train`: markers of another one are nobody's fault.
    """

    root: str
    task: Task
    columns: tuple[str, ...]
    attempt: str

    def __call__(self, block: Block) -> Receipt:
        return guarded(block, self.attempt, Markers(Path(self.root) / "inflight"), self._run)

    @property
    def modules(self) -> tuple[str, ...]:
        """What a worker will need, to be imported ahead of time."""
        heavy = ("lightgbm", "sklearn.linear_model") if getattr(self.task.settings, "learners", None) == "auto" else ()
        return (self.task.fit.partition(":")[0], *heavy)

    def _run(self, block: Block) -> dict[str, int]:
        _seed(self.task)
        rows = read_block(block, self.columns, Path(self.root))
        fitted = self.task.run(rows) if block.lost is None else self.task.stand_in(rows)
        told = _told(block, fitted.outcomes())
        commit(blocks_of(self.root), block, self.task, told, fitted, _ids(rows, self.task))
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
        ids = pq.read_table(folder / "ids.parquet")
        kept = only(with_groups(fitted.forecast(ahead), ids, self.task), block.groups.select(list(self.task.partition_by)))
        tables = {"forecasts": kept, "findings": with_groups(found.frame(self.task.schema), ids, self.task)}
        LocalStore(self.out).put(block.key, lambda part: _write(tables, part))
        return {DONE: len(block)}


def blocks_of(root: str | Path) -> Store:
    """The committed blocks of a run."""
    return LocalStore(Path(root) / "blocks")


def guarded(block: Block, attempt: str, markers: Markers, run: object) -> Receipt:
    """Run a block with a marker beside it; whatever is raised becomes a receipt."""
    started = time.perf_counter()
    try:
        note = markers.get(block.key)
        if note and (note["attempt"], note["tries"]) == (attempt, block.tries):
            return Receipt(block.key, "crashed", error_type="WorkerDied", error="a worker died while it worked on this block")
        markers.set(block.key, {"attempt": attempt, "tries": block.tries, "groups": len(block), "since": time.time()})
        counts = run(block)  # type: ignore[operator]
        receipt = Receipt(block.key, DONE, time.perf_counter() - started, counts)
    except BaseException as error:
        receipt = Receipt(block.key, _status(error), time.perf_counter() - started, {}, type(error).__name__, describe(error))
    markers.clear(block.key)
    return receipt


def commit(store: Store, block: Block, task: Task, told: pa.Table, fitted: Fitted | None = None, ids: pa.Table | None = None) -> None:
    """Write a block: outcomes always, all else where there is a model."""
    tables = {"outcomes": told} | ({} if fitted is None else _tables(fitted, task, ids))

    def fill(folder: Path) -> None:
        for name, table in tables.items():
            pq.write_table(table.replace_schema_metadata({"job": task.identity}), folder / f"{name}.parquet")
        if fitted is not None:
            pq.write_table(ids, folder / "ids.parquet")
            task.write(fitted, folder / MODELS)

    store.put(block.key, fill)


def read_block(block: Block, columns: Sequence[str], root: Path) -> pa.Table:
    """The rows of a block.

    Raises:
        DataError: a file of the user has changed since the run began.
    """
    by = [name for name in block.groups.column_names if name not in ("rows", "data_hash")]
    groups = block.groups.select(by)
    rows = read_files([str(root / file) for file in block.files], columns, groups)
    at = keys.found(rows.select(by), groups)
    names = hashing.names_of(*hashing.group_sums(hashing.row_hashes(rows), at, len(block)))
    if names != block.groups["data_hash"].to_pylist():
        raise DataError(f"the rows of {keys.told(groups, 0)} changed while the run was going on ({block.files[0]}); run it again")
    return rows


def read_files(files: Sequence[str], columns: Sequence[str], groups: pa.Table) -> pa.Table:
    """The rows of some groups from Parquet files of a user, or from folders that were cut out of them."""
    cut = all(Path(file).is_dir() for file in files)
    found = [str(part) for file in files for part in (sorted(Path(file).glob("*.parquet")) if cut else [Path(file)])]
    dataset = parquet(found, hive=not cut)
    wanted = pc.scalar(True)
    for name in groups.column_names:
        kind = dataset.schema.field(name).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        wanted &= pc.field(name).isin(pc.unique(groups[name].combine_chunks().cast(plain)))
    return only(frames.read(dataset.to_table(columns=list(columns), filter=wanted))[0], groups)


def only(rows: pa.Table, groups: pa.Table) -> pa.Table:
    """The rows that belong to the groups."""
    kept = keys.found(rows.select(groups.column_names), groups) >= 0
    return rows if kept.all() else rows.filter(pa.array(kept))


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
    """What was said, and where in the code."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    ours = isinstance(error, ForecasterError)
    where = "" if ours or not last else f" ({Path(last[0].filename).name}:{last[0].lineno} in {last[0].name})"
    return f"{error or type(error).__name__}{where}"[:2000]


def _told(block: Block, told: pa.Table) -> pa.Table:
    """The outcomes of a block: what the job told, or how it was lost and who forecasts instead."""
    if (lost := block.lost) is None:
        return outcomes.fitted(block.groups, told, block.attempts)
    learner = told["learner"][0].as_py()
    return outcomes.lost(block.groups, lost.status, block.attempts, lost.error_type, lost.error, lost.seconds, learner)


def _status(error: BaseException) -> str:
    if isinstance(error, (SettingsError, MissingExtra, CannotSave)):
        return REFUSED
    if isinstance(error, OSError) and error.errno in FULL:
        return HALTED
    return "over_memory" if isinstance(error, (MemoryError, pa.ArrowMemoryError)) else "failed"


def _write(tables: Mapping[str, pa.Table], folder: Path) -> None:
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")


def _seed(task: Task) -> None:
    """Whoever draws from a global generator draws the same, wherever the block runs."""
    seed = int(getattr(task.settings, "seed", 0))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def _ids(rows: pa.Table, task: Task) -> pa.Table:
    """The series of a block and the group of each."""
    named = list(dict.fromkeys([*task.settings.series, *task.partition_by]))
    distinct = rows.select(named).group_by(named, use_threads=False).aggregate([])
    return pa.table({name: keys.plain(distinct[name]) for name in named})


def _tables(fitted: Fitted, task: Task, ids: pa.Table | None) -> dict[str, pa.Table]:
    made = {"backtest": fitted.backtest(), "findings": fitted.found(), "selected": fitted.selected()}
    made["leaderboard"] = fitted.leaderboard()
    # Where the future of a known covariate is missing, `Run.forecast(future)` brings it.
    with suppress(ForecasterError):
        made["forecasts"] = fitted.predict()
    return {name: table if ids is None else with_groups(table, ids, task) for name, table in made.items()}
