"""The record of a search: one row per candidate or setting that was tried in a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import metrics
from forecaster.automl.attempts import Attempt
from forecaster.automl.search import Search
from forecaster.automl.trials import Trial
from forecaster.automl.tuned import TUNED
from forecaster.table import Table

_SCHEMA = pa.schema(
    {
        "group": pa.int64(), "learner": pa.string(), "parameters": pa.string(), "score": pa.float64(), "fit_seconds": pa.float64(),
        "predict_seconds": pa.float64(), "windows": pa.int64(), "status": pa.string(), "reason": pa.string(),
    }
)  # fmt: skip


def record(search: Search, table: Table, sign: float) -> pa.Table:
    """What was tried in which group, group by group in the order in which it was tried.

    Args:
        search: What a search found.
        table: What it searched on.
        sign: -1 where a greater score is better.

    Returns:
        Partition columns, trial (a number from 1), learner, parameters (as JSON), score, fit_seconds, predict_seconds (of a trial of
        several groups, shared alike), windows, status, reason.
    """
    best = {attempt.learner + TUNED for attempt in search.attempts}  # which are among the attempts
    tried = [_of_trial(trial, table) for trial in search.trials if trial.learner not in best]
    rows = pa.concat_tables([*tried, _of_attempts(search.attempts)])
    order = np.argsort(rows["group"].to_numpy(), kind="stable")
    rows = rows.take(order)
    group = rows["group"].to_numpy()
    number = np.arange(len(group)) - np.searchsorted(group, group) + 1
    score = pa.array(sign * rows["score"].to_numpy() + 0.0, from_pandas=True)
    keys = {name: pa.array(values[group]) for name, values in table.groups.items()}
    told = rows.drop_columns("group").set_column(2, "score", score)
    return pa.table({**keys, "trial": number, **dict(zip(told.column_names, told.columns, strict=True))})


def _of_trial(trial: Trial, table: Table) -> pa.Table:
    """One row per group that a candidate was tried in; all of them where it has no forecast."""
    heard = np.maximum.reduceat(trial.own, table.group_ptr[:-1])
    groups = np.flatnonzero(heard) if trial.status == "done" else np.arange(table.n_groups)
    same: dict[str, Any] = {
        "learner": trial.learner, "parameters": trial.parameters, "fit_seconds": trial.fit_seconds / max(len(groups), 1),
        "predict_seconds": trial.predict_seconds / max(len(groups), 1), "windows": trial.windows, "status": trial.status,
        "reason": trial.reason,
    }  # fmt: skip
    columns = {name: pa.repeat(pa.scalar(value, _SCHEMA.field(name).type), len(groups)) for name, value in same.items()}
    scores = metrics.per_group(trial.errors, table.group_ptr)[groups]
    return pa.table({**columns, "group": groups, "score": scores}).select(_SCHEMA.names).cast(_SCHEMA)


def _of_attempts(attempts: tuple[Attempt, ...]) -> pa.Table:
    return pa.table({name: pa.array([getattr(one, name) for one in attempts], _SCHEMA.field(name).type) for name in _SCHEMA.names})
