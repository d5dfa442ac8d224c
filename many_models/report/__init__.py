"""A run as one page: what became of every group, how good the forecasts are, and where to look first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from many_models.files import write_parquet
from many_models.report.data import RunData
from many_models.report.groups import LISTED
from many_models.report.page import page
from many_models.report.rows import RowsData
from many_models.report.rows import page as page_of_rows

if TYPE_CHECKING:
    from many_models.run import Run

__all__ = ["RowsData", "RunData", "page", "page_of_rows", "write"]


def write(run: Run, path: str | Path, forecast: Any = None) -> Path:
    """Write the page of a run, and where it shows samples of its tables, the whole ones in a folder beside it.

    Args:
        run: The run, finished or not.
        path: Where to; folders are made. The tables of "report.html" are in "report_tables".
        forecast: What `run.forecast(...)` gave, where it was given a future; what training left is shown where absent.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    told = RunData.of(run, forecast) if run.settings.time else RowsData.of(run)
    told = replace(told, files=_tables(told, target))
    target.write_text(page(told) if isinstance(told, RunData) else page_of_rows(told), encoding="utf-8")
    return target


def _tables(told: RunData | RowsData, target: Path) -> dict[str, str]:
    """Write the tables that a page cannot show whole. Name -> path from the page"""
    if told.outcomes.num_rows <= LISTED:
        return {}
    folder = target.with_name(f"{target.stem}_tables")
    folder.mkdir(exist_ok=True)
    tables = {"outcomes": told.outcomes, "leaderboard": told.leaderboard, "findings": told.findings}
    for name, table in tables.items():
        write_parquet(table, folder / f"{name}.parquet")
    return {name: f"{folder.name}/{name}.parquet" for name in tables}
