"""Rows of many groups, each answered by the model of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import frames
from forecaster.errors import CannotPredict
from many_models import keys, scoring
from many_models.run import Run
from many_models.source import check_columns

ROW = "__row"
"""Remembers the place of a row while it is with its group."""


def predict(run: Run, data: Any) -> Any:
    """Ask the models of the groups that rows belong to; no other group is read.

    Args:
        run: The run.
        data: For forecasters, rows with the partition columns, one per group; or with the series columns, the time and the known
            covariates of the steps ahead as well. For classifiers and regressors, rows with the partition columns and the features.

    Returns:
        For forecasters, what `Run.forecast` gives, of these groups. For classifiers and regressors, the rows with their predictions, in
        the order in which they came. A frame of the kind that was given.

    Raises:
        UnknownName: a partition column is missing.
        CannotPredict: a row belongs to a group that the run has no model of.
    """
    rows, kind = frames.read(data)
    check_columns(rows.schema, run.partition_by, "rows")
    live = _named(run, rows)
    settings = run.settings
    if settings.series:
        future = rows if settings.time in rows.column_names else None
        return frames.give(scoring.together(_asked(run, live, future), live.select(list(run.partition_by))), kind)
    numbered = rows.append_column(ROW, pa.array(np.arange(rows.num_rows)))
    told = scoring.together(_asked(run, live, numbered))
    return frames.give(told.sort_by(ROW).drop_columns([ROW]), kind)


def _named(run: Run, rows: pa.Table) -> pa.Table:
    """The groups that the rows name, in the order of the run."""
    live, wanted = run.forecastable(), rows.select(list(run.partition_by))
    at = keys.found(wanted, live.select(list(run.partition_by)))
    if (lacking := np.flatnonzero(at < 0)).size:
        first = keys.told(wanted, int(lacking[0]))
        raise CannotPredict(f"{lacking.size:,} rows belong to groups without a model, the first to {first}; outcomes() lists the groups")
    return live.take(pa.array(np.unique(at)))


def _asked(run: Run, live: pa.Table, future: pa.Table | None) -> Sequence[pa.Table]:
    return scoring.forecasts(run.path, run.task, live, future, None, 1).parts
