"""A job as one page that is read offline, on a phone or on paper: charts are inline SVG, and nothing is loaded from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from forecaster.report.data import Columns, ReportData, Series
from forecaster.report.job import page

if TYPE_CHECKING:
    from forecaster.fitted import Fitted
    from forecaster.reconciled import Reconciled

__all__ = ["Columns", "ReportData", "Series", "page", "write"]


def write(fitted: Fitted | Reconciled, path: Path, future: pa.Table | None = None) -> Path:
    """Write the page of a fitted job.

    Args:
        fitted: The job.
        path: Where to; folders are made.
        future: Known covariates of the steps ahead, where the job has any.

    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(ReportData.of(fitted, future)), encoding="utf-8")
    return path
