"""Rows of any source made ready for training: looked at by the guardrails once, and cut into Parquet files that hold whole groups."""

from __future__ import annotations

import re
import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.block import check
from forecaster.errors import DataError, ForecasterError
from many_models import keys, scoring, spool
from many_models.blocks import SMALLEST, Block, costs, pack
from many_models.files import read_parquet, write_parquet
from many_models.how import How
from many_models.partition import Groups
from many_models.source import source
from many_models.store import LocalStore
from many_models.task import Task
from many_models.training import columns_of, partitioned
from many_models.work import DONE
from many_models.worker import Guarded, ids_of, only, read_block, with_groups

FINDINGS = "_findings.parquet"
"""What the guardrails saw, beside the rows; readers of the folder pass over names that begin like this."""
FILES = re.compile(rf"part-\d{{6}}\.parquet|{re.escape(FINDINGS)}")
"""Names of the files that a folder of prepared rows has."""
REFUSED = "refused"
"""The rule of a finding about a group that no repair can mend: it will have no model of its own."""


@dataclass(frozen=True)
class Prepare(Guarded):
    """Writes the rows of a block and what the guardrails see in them."""

    def _run(self, block: Block) -> dict[str, int]:
        rows = read_block(block, self.columns, Path(self.root))
        found = _findings(rows, block, self.task)

        def fill(folder: Path) -> None:
            _write_groups(_with_dropped(rows, self.task), block, self.task.settings.series, folder / "rows.parquet")
            write_parquet(found, folder / "findings.parquet")

        LocalStore(Path(self.root) / "made").put(block.key, fill)
        return {DONE: len(block)}


@dataclass(frozen=True)
class Prepared:
    """What was made ready.

    Args:
        groups: Number of groups.
        rows: Number of rows.
        findings: What the guardrails saw: partition and series columns, column, rule, count, first, action, message.
    """

    groups: int
    rows: int
    findings: pa.Table

    def __str__(self) -> str:
        rules = Counter(self.findings["rule"].to_pylist()) if self.findings.num_rows else Counter[str]()
        seen = ", ".join(f"{rule} {count:,}" for rule, count in rules.most_common(5))
        told = f"{self.groups:,} groups with {self.rows:,} rows; the guardrails have "
        return told + (f"{self.findings.num_rows:,} findings: {seen}" if seen else "no findings")

    @property
    def refused(self) -> int:
        """Number of groups that no repair can mend."""
        return 0 if not self.findings.num_rows else self.findings["rule"].to_pylist().count(REFUSED)


def prepare(task: Task, data: Any, out: Path, workers: int | None = None) -> Prepared:
    """Write the rows that a job reads to a folder of Parquet files, each with whole groups, and what the guardrails see in them.

    Nothing is mended: training does that, and its findings say so. Columns that the job drops are there without their values.

    Args:
        task: What is to be fitted.
        data: The rows.
        out: An empty folder that is not there yet.
        workers: How many run at a time; one per core where absent.

    Raises:
        DataError: the data cannot be partitioned or read.
        UnknownName: a column that the job names is not in the data.
    """
    rows = source(data)
    columns = columns_of(rows, task)
    groups, task = partitioned(rows, task, columns)
    work = out.with_name(f"{out.name}.work")
    blocks = _blocks(groups, task)
    if not groups.in_place:
        spool.spool(rows, columns, blocks, work)
    how = How.of("local", workers, None, None, False)
    lost = scoring.run_all(Prepare(str(work.absolute()), task, tuple(columns), uuid.uuid4().hex[:12]), how, blocks, out)
    if lost:
        raise DataError(f"the rows of {sum(len(block) for block, _ in lost)} groups could not be made ready: {lost[0][1]}")
    made, out_of = LocalStore(work / "made"), []
    out.mkdir()
    for i, block in enumerate(blocks):
        (made.get(block.key) / "rows.parquet").rename(out / f"part-{i:06}.parquet")
        out_of.append(read_parquet(made.get(block.key) / "findings.parquet"))
    findings = scoring.once(scoring.together(out_of, groups.keys), task.partition_by)
    write_parquet(findings, out / FINDINGS)
    shutil.rmtree(work)
    return Prepared(len(groups), int(groups.table["rows"].to_numpy().sum()), findings)


def _blocks(groups: Groups, task: Task) -> list[Block]:
    """Neighbours together, however many work on them, so that the same rows make the same files."""
    made = []
    for part in sorted(pack(costs(groups.table), 1), key=lambda part: int(part[0])):
        block = Block.of(task.identity, groups.table.take(pa.array(part)))
        files = dict.fromkeys(file for g in part for file in groups.files[g]) if groups.in_place else (spool.location(block.key),)
        made.append(replace(block, files=tuple(files)))
    return made


def _with_dropped(rows: pa.Table, task: Task) -> pa.Table:
    """The rows with columns of nothing for those that the job drops, as it must find them in its data."""
    for name in task.settings.drop:
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows))
    return rows


def _write_groups(rows: pa.Table, block: Block, series: Sequence[str], file: Path) -> None:
    """Write the rows group by group and series by series, in row groups that a block of any size can be read from."""
    by = [name for name in block.groups.column_names if name not in ("rows", "data_hash")]
    group = keys.found(rows.select(by), block.groups.select(by))
    order = np.lexsort((keys.coded(rows, series)[0] if series else np.zeros(len(group)), group))
    rows = rows.take(pa.array(order))
    before = np.concatenate([[0], np.cumsum(costs(block.groups))])
    ends = np.concatenate([[0], np.cumsum(block.groups["rows"].to_numpy())])
    cuts = [0, *(np.flatnonzero(np.diff(before[:-1] // SMALLEST)) + 1), len(block)]
    with pq.ParquetWriter(file, rows.schema, write_page_checksum=True) as writer:
        for first, last in pairwise(cuts):
            writer.write_table(rows.slice(ends[first], ends[last] - ends[first]))


def _findings(rows: pa.Table, block: Block, task: Task) -> pa.Table:
    """What the guardrails see: partition and series columns, column, rule, count, first, action, message."""
    if not hasattr(task.settings, "freq"):
        return pa.table({})
    try:
        return _seen(rows, task)
    except ForecasterError as error:
        if len(block) == 1:
            return _refused(block.groups, task, error)
    by = list(task.partition_by)
    each = [Block(block.key, block.groups.slice(i, 1)) for i in range(len(block))]
    return scoring.together([_findings(only(rows, one.groups.select(by)), one, task) for one in each], block.groups.select(by))


def _seen(rows: pa.Table, task: Task) -> pa.Table:
    settings = task.settings.model_copy(update={"drop": ()})
    _, findings = check(rows, settings, task.partition_by)
    return with_groups(findings.frame(settings), ids_of(rows, task), task)


def _refused(group: pa.Table, task: Task, error: ForecasterError) -> pa.Table:
    named = {name: group[name] for name in task.partition_by}
    told = {"column": "", "rule": REFUSED, "count": group["rows"][0].as_py(), "first": "", "action": REFUSED, "message": str(error)}
    return pa.table(named | {name: [value] for name, value in told.items()})
