"""What the page of a run is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from forecaster import metrics
from forecaster.report.data import Columns, Series, arrow


@dataclass(frozen=True, eq=False)
class RunData:
    """Everything that the page of one run shows.

    Args:
        title: Name of the run.
        series: History, forecast and backtest; the tables have the group columns as well as the series columns.
        outcomes: One row per group: group columns, status, learner, score, seconds, attempts, rows, error_type, error.
        leaderboard: learner, score, rank, fit_seconds, predict_seconds; one row per learner, or per learner and group.
        findings: Series columns, column, rule, count, first, action, message.
        metric: Name of the score.
        greater_is_better: Direction of the score.
        seconds: Time from the start to the end of the run; NaN where not known.
        settings: The options of the job, as name -> text.
        files: Where the full tables lie, as name -> path.
    """

    title: str
    series: Series
    outcomes: pa.Table
    leaderboard: pa.Table
    findings: pa.Table
    metric: str = "nrmse"
    greater_is_better: bool = False
    seconds: float = float("nan")
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Any) -> RunData:
        """Ask a run for everything.

        Args:
            run: Has the methods outcomes, leaderboard, findings, backtest, forecast and history, which give frames, and the attributes
                `settings` (of the job), `partition_by` and `path`; `seconds` where it knows how long it took.
        """
        settings = run.settings
        columns = Columns(settings.series, settings.time, settings.target, tuple(run.partition_by))
        series = Series(columns, arrow(run.history()), arrow(run.forecast()), arrow(run.backtest()))
        return cls(
            f"Run {Path(run.path).name}", series, arrow(run.outcomes()), arrow(run.leaderboard()), arrow(run.findings()),
            _name(settings.metric), metrics.get(settings.metric).greater_is_better, float(getattr(run, "seconds", float("nan"))),
            {name: str(value) for name, value in settings.as_dict().items()},
        )  # fmt: skip


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", "score")
