"""Rows of a table for those who ask: JSON or Arrow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from many_models import keys


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a group, and notes on them; their JSON is written once, however often it is asked for."""

    table: pa.Table
    notes: tuple[str, ...] = ()

    @cached_property
    def json(self) -> str:
        return as_json(self.table)


def joined(parts: list[Rows]) -> str:
    """The rows of several groups as one JSON list."""
    return f"[{', '.join(inner for part in parts if (inner := part.json[1:-1]))}]"


def as_arrow(rows: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def as_json(rows: pa.Table) -> str:
    """The rows of a table as a JSON list of objects."""
    columns = [_plain(column) for column in rows.columns]
    names = rows.column_names
    return json.dumps([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Values that JSON knows: stamps are ISO texts."""
    column = keys.plain(column)
    if pa.types.is_temporal(column.type):
        at_midnight = pa.types.is_date(column.type) or (
            column.type.tz is None
            and all(value is None or (value.hour, value.minute, value.second) == (0, 0, 0) for value in column[:64].to_pylist())
        )
        return [None if value is None else (str(value)[:10] if at_midnight else value.isoformat()) for value in column.to_pylist()]
    if pa.types.is_floating(column.type):
        return [value if value is not None and np.isfinite(value) else None for value in column.to_pylist()]
    if (
        pa.types.is_nested(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_boolean(column.type)
        or pa.types.is_string(column.type)
    ):
        return list(column.to_pylist())
    return [None if value is None else str(value) for value in column.to_pylist()]
