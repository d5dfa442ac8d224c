"""What a group gets whose own fit took its worker down: the last season repeated, from its series alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from many_models.task import Task, named

SIMPLE: dict[str, Any] = {"learners": ("seasonal_naive",), "block": (), "backtest": None, "ensemble": None}
"""Options under which nothing is searched."""


def fit(frame: pa.Table, settings: Any, by: tuple[str, ...]) -> Any:
    """Fit a seasonal naive forecast, without covariates.

    Args:
        frame: Rows of the group.
        settings: The options of the job.
        by: Partition columns.
    """
    needed = dict.fromkeys([*settings.series, *by, settings.time, settings.target])
    plain = settings.model_copy(update=SIMPLE | {"known": (), "past": (), "static": ()})
    return named(Task.fit)(frame.select(list(needed)), plain, by)
