"""The check of the future: known covariates of the steps ahead."""

from __future__ import annotations

import pyarrow as pa

from forecaster.guardrails.findings import Findings
from forecaster.schema import Schema
from forecaster.table import Future, Table


def check_future(frame: pa.Table | None, table: Table, schema: Schema, horizon: int) -> tuple[Future, Findings]:
    """Placeholder."""
    return Future({}, horizon), Findings()
