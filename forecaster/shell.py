"""What both command lines need: tables as files, and what the library says in the words of the shell."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from forecaster.errors import SettingsError

_ARGUMENTS = re.compile(r"\b(future|forecast|actuals)=(?:\.\.\.|rows\b)?")
_METHODS = {"see its outcomes(), leaderboard() and findings()": "see `status`, or Run.open(...).leaderboard() in Python"}


def in_shell(message: str) -> str:
    """A message of the library on one line, with the options of the command for the arguments of a method."""
    for python, shell in _METHODS.items():
        message = message.replace(python, shell)
    return _ARGUMENTS.sub(lambda found: f"--{found[1]}", " ".join(message.split()))


def writer_of(path: Path | None, option: str = "--out") -> Callable[[pa.Table], None]:
    """What writes a table to this path, or nowhere where there is none: a path that cannot be written is known before any work.

    Raises:
        SettingsError: the name ends in nothing that can be written.
    """
    if path is None:
        return lambda table: None
    if path.suffix not in _WRITERS:
        raise SettingsError(f"{option} {path}: expected a name that ends in {' or '.join(_WRITERS)}, such as {path.stem or 'rows'}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    return lambda table: _WRITERS[path.suffix](table, path)


def write_csv(table: pa.Table, path: Path) -> None:
    """CSV with stamps as people write them: days without a time, times without fractions that all are zero."""
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(i, field.name, _short(table[field.name]))
    pa_csv.write_csv(table, path)


def _short(stamps: pa.ChunkedArray) -> pa.ChunkedArray:
    for kind in (*(() if stamps.type.tz else (pa.date32(),)), pa.timestamp("s", stamps.type.tz)):
        short = stamps.cast(kind, safe=False)
        if pc.all(pc.equal(short.cast(stamps.type), stamps)).as_py() is not False:
            return short
    return stamps


_WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {".parquet": pa_parquet.write_table, ".csv": write_csv}
