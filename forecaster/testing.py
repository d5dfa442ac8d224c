"""The promises every learner keeps, shipped so that your own learners can be held to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecaster.frequency import Frequency
from forecaster.table import Floats, Table


def table_of(series: Sequence[Floats], group_sizes: Sequence[int] | None = None, **fields: Any) -> Table:
    """A daily table of the given values.

    Args:
        series: Values of each series; they end on the same day.
        group_sizes: Series per group; one group where absent.
        fields: Further fields of the table.
    """
    sizes = np.array([len(values) for values in series], np.int64)
    groups = np.cumsum([0, *(group_sizes or [len(series)])])
    return Table(
        target=np.concatenate([np.asarray(values, np.float64) for values in series]),
        indptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        start=20_000 - sizes,
        frequency=Frequency.parse("D"),
        ids={"unique_id": np.array([f"s{i:03d}" for i in range(len(series))])},
        group_ptr=groups.astype(np.int64),
        groups={} if group_sizes is None else {"group": np.arange(len(group_sizes)).astype(str)},
        **{"season_length": 7} | fields,
    )
