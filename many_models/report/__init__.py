"""A run as one page: what became of every group, how good the forecasts are, and where to look first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from many_models.report.data import RunData
from many_models.report.page import page

__all__ = ["RunData", "page", "write"]


def write(run: Any, path: str | Path) -> Path:
    """Write the page of a run.

    Args:
        run: A run, finished or not; see `RunData.of` for what is asked of it.
        path: Where to; folders are made.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(RunData.of(run)), encoding="utf-8")
    return target
