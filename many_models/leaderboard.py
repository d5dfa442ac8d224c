"""One leaderboard out of those of all blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from many_models.outcomes import tally


def merged(boards: Sequence[tuple[pa.Table, pa.Table]], outcomes: pa.Table, greater_is_better: bool) -> pa.Table:
    """Join leaderboards.

    Args:
        boards: The groups of each block and its leaderboard.
        outcomes: One row per group, to count who was chosen.
        greater_is_better: Direction of the metric.

    Returns:
        One row per learner, best first: learner, score (mean over blocks, weighted by groups), rank, groups (that chose it), fit_seconds,
        predict_seconds, status, reason.
    """
    rows: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for groups, board in boards:
        for row in board.to_pylist():
            rows[row["learner"]].append((groups.num_rows, row))
    chosen = tally(outcomes, "learner")
    told = [_line(learner, mine, chosen[learner]) for learner, mine in rows.items()]
    sign = -1 if greater_is_better else 1
    told.sort(key=lambda row: (row["score"] is None, sign * (row["score"] or 0.0), row["learner"]))
    return pa.Table.from_pylist([row | {"rank": i + 1} for i, row in enumerate(told)], _SCHEMA)


_SCHEMA = pa.schema(
    {
        "learner": pa.string(), "score": pa.float64(), "rank": pa.int64(), "groups": pa.int64(), "fit_seconds": pa.float64(),
        "predict_seconds": pa.float64(), "status": pa.string(), "reason": pa.string(),
    }
)  # fmt: skip


def _line(learner: str, mine: Sequence[tuple[int, dict[str, Any]]], chosen: int) -> dict[str, Any]:
    scored = [(n, row["score"]) for n, row in mine if row.get("score") is not None]
    weight = sum(n for n, _ in scored)
    troubled = [row for _, row in mine if row.get("status", "done") != "done"]
    return {
        "learner": learner,
        "score": sum(n * score for n, score in scored) / weight if weight else None,
        "groups": chosen,
        "fit_seconds": sum(row.get("fit_seconds") or 0.0 for _, row in mine),
        "predict_seconds": sum(row.get("predict_seconds") or 0.0 for _, row in mine),
        "status": _status(len(mine), troubled),
        "reason": troubled[0].get("reason") if troubled else None,
    }


def _status(blocks: int, troubled: Sequence[dict[str, Any]]) -> str:
    if troubled and len(troubled) < blocks:
        return f"done in {blocks - len(troubled)} of {blocks} blocks"
    return str(troubled[0]["status"]) if troubled else "done"
