"""A run as one page: what became of every group, how good the forecasts are, and where to look first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from many_models.report.data import RunData
from many_models.report.page import page

if TYPE_CHECKING:
    from many_models.run import Run

__all__ = ["RunData", "page", "write"]


def write(run: Run, path: str | Path, forecast: Any = None, seconds: float = float("nan")) -> Path:
    """Write the page of a run.

    Args:
        run: The run, finished or not.
        path: Where to; folders are made.
        forecast: What `run.forecast(...)` gave, where it was given a future; what training left is shown where absent.
        seconds: Time from the start to the end of the run, where it is known.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(RunData.of(run, forecast, seconds)), encoding="utf-8")
    return target
