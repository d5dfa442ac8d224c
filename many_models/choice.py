"""The groups that a user has chosen to train: by their keys, or by rows that hold these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import frames
from forecaster.errors import DataError, SettingsError
from many_models import keys
from many_models.partition import Groups
from many_models.plan import Chosen, Plan
from many_models.source import check_columns


def narrowed(groups: Groups, chosen: Any, before: Plan | None, same_job: bool) -> tuple[Groups, Chosen]:
    """The groups that a run has when only some are worked on, and which those are: the others stay as they were.

    Args:
        groups: The groups of the data.
        chosen: A list of keys (tuples, where there are several partition columns), or rows or a file with the partition columns.
        before: The plan of the run, if it has one.
        same_job: Whether it was trained under the job that is to be trained now.

    Raises:
        SettingsError: the run was trained under another job, so that the other groups cannot stay.
        DataError: a chosen group has no rows in the data.
    """
    if not same_job:
        raise SettingsError("the options of the job changed, so no group can stay as it is: leave out only=, or train into another path")
    named = keys.alike(_named(chosen, groups.by), groups.keys.schema)
    at = keys.found(named, groups.keys)
    if (at < 0).any():
        raise DataError(f"the data has no rows of {keys.told(named, int(np.argmax(at < 0)))}, which is among the groups to train")
    mine = np.unique(at)
    if before is None:
        return _rows(groups, mine), np.ones(len(mine), bool)
    old = before.groups.select(groups.table.column_names).cast(groups.table.schema)
    stay = np.flatnonzero(keys.found(old.select(list(groups.by)), named) < 0)
    whole = pa.concat_tables([groups.table.take(pa.array(mine)), old.take(pa.array(stay))])
    order = np.asarray(keys.coded(whole, groups.by)[0].argsort())
    files = [groups.files[g] for g in mine] + [()] * len(stay) if groups.in_place else []
    made = Groups(whole.take(pa.array(order)), groups.by, tuple(files[i] for i in order) if files else ())
    return made, (np.arange(len(order)) < len(mine))[order]


def _named(chosen: Any, by: tuple[str, ...]) -> pa.Table:
    """The partition columns of the chosen groups."""
    if isinstance(chosen, (str, Path)) or not isinstance(chosen, (list, tuple, set, frozenset)):
        rows = frames.read(chosen)[0]
        check_columns(rows.schema, by, "groups to train")
        return rows.select(list(by))
    rows = [one if isinstance(one, tuple) else (one,) for one in chosen]
    if wrong := [row for row in rows if len(row) != len(by)]:
        raise SettingsError(f"a group to train should be named by {', '.join(by)}; it is {wrong[0]!r}")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(by)})


def _rows(groups: Groups, which: np.ndarray) -> Groups:
    return Groups(groups.table.take(pa.array(which)), groups.by, tuple(groups.files[g] for g in which) if groups.in_place else ())
