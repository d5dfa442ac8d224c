"""What a training would do, before it is done: groups, blocks, learners, and about how long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import learners
from many_models.blocks import costs, pack
from many_models.how import How
from many_models.partition import Groups
from many_models.progress import duration
from many_models.screen import many
from many_models.source import Source, source
from many_models.task import Task
from many_models.training import columns_of, partitioned
from many_models.worker import only

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Groups that are fitted to learn the time: those at these shares of all, ordered by cost."""
BRIEF = 2.0
"""A fit that took less than this many seconds is fitted once more: the first one also loads what it needs."""


@dataclass(frozen=True)
class Outlook:
    """What a training would do.

    Args:
        groups: How many groups there are.
        rows: Rows of all groups.
        blocks: Blocks that they are packed into.
        workers: How many run at a time.
        learners: The learners that are named; "auto" chooses for each group.
        tried: Groups that were fitted to learn the time.
        seconds: About how long all groups take, without starting up; blocks of many groups take less for each.
    """

    groups: int
    rows: int
    blocks: int
    workers: int
    learners: tuple[str, ...]
    tried: int
    seconds: float

    def __str__(self) -> str:
        named = ", ".join(self.learners)
        return "\n".join(
            [
                f"{many(self.groups, 'group')} with {many(self.rows, 'row')}, in {many(self.blocks, 'block')} "
                f"on {many(self.workers, 'worker')}",
                f"learners: {named if len(named) <= 68 else named[:65] + '...'}",
                f"about {duration(self.seconds)}, as {many(self.tried, 'group')} fitted for this took; nothing was written",
            ]
        )


def outlook(task: Task, data: Any, how: How) -> Outlook:
    """Look at the data and fit a few groups, without writing anything.

    Raises:
        UnknownName: a column is not in the data.
        DataError: the data cannot be partitioned.
        SettingsError: the job itself cannot run.
    """
    rows = source(data)
    columns = columns_of(rows, task)
    groups, task = partitioned(rows, task, columns)
    cost = costs(groups.table)
    blocks = len(pack(cost, how.workers))
    few = np.unique(np.argsort(cost, kind="stable")[[int(share * len(cost)) for share in SHARES]])
    took = _seconds(task, _rows_of(rows, columns, groups, few))
    return Outlook(
        groups=len(groups),
        rows=int(groups.table["rows"].to_numpy().sum()),
        blocks=blocks,
        workers=how.workers,
        learners=_named(task.settings),
        tried=len(few),
        seconds=took * cost.sum() / cost[few].sum() / min(how.workers, blocks),
    )


def _named(settings: Any) -> tuple[str, ...]:
    chosen = getattr(settings, "learners", ())
    return (chosen,) if isinstance(chosen, str) else tuple(map(learners.name_of, chosen))


def _rows_of(rows: Source, columns: list[str], groups: Groups, few: np.ndarray[Any, Any]) -> pa.Table:
    wanted = groups.keys.take(pa.array(few))
    return pa.concat_tables([only(batch.rows, wanted) for batch in rows.batches(columns)], promote_options="permissive")


def _seconds(task: Task, rows: pa.Table) -> float:
    """How long a fit takes."""
    took = _timed(task, rows)
    return took if took > BRIEF else _timed(task, rows)


def _timed(task: Task, rows: pa.Table) -> float:
    begun = time.perf_counter()
    task.run(rows)
    return time.perf_counter() - begun
