"""What a group was in other versions of its model, and what was forecast of it in earlier nights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from forecaster import frames
from forecaster.errors import ForecasterError
from forecaster.report.data import floats
from forecaster.report.layout import Grid
from forecaster.report.words import count, percent, score, text
from many_models import keys
from many_models.changes import FILE as CHANGES
from many_models.plan import FILE as PLAN
from many_models.registry import Registry
from many_models.run import Run
from many_models.worker import blocks_of

MOST, NIGHTS, FILES = 12, 60, 400
"""Most versions and nights that are told, and most files that are searched for them: the newest."""
_FILE = "__filename"
Row = Mapping[str, Any]


@dataclass
class Shelves:
    """The versions of a registry, of which nothing changes any more: what was read of one is kept."""

    books: Registry
    _known: dict[tuple[str, int, tuple[Any, ...]], Row | None] = field(default_factory=dict)

    def of(self, name: str, group: Row) -> Grid:
        """What a group was in each version of a model, the newest first."""
        versions = frames.read(self.books.models(name))[0].to_pylist()
        newest = sorted(versions, key=lambda row: -row["version"])[:MOST]
        rows = [self._line(name, version, group) for version in newest]
        head = ("Version", "Named", "Registered", "Status", "Learner", "Score", "Rows")
        return Grid(f"In the versions of {name}", head, rows, frozenset({5, 6}))

    def _line(self, name: str, version: Row, group: Row) -> list[str]:
        first = [str(version["version"]), ", ".join(version["aliases"]), text(version["when"])[:16].replace("T", " ")]
        row = self._outcome(name, version["version"], group)
        if row is None:
            return [*first, "not in it", "", "", ""]
        return [*first, row["status"], text(row["learner"]), score(row["score"]), count(row["rows"] or 0)]

    def _outcome(self, name: str, version: int, group: Row) -> Row | None:
        key = (name, version, tuple(group.items()))
        if key not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[key] = outcome_of(self.books.open(name, version), group)
        return self._known[key]


def outcome_of(run: Run, group: Row) -> Row | None:
    """The outcome of one group; None where the run does not have it. Only the block that the group was planned for is read, where it
    lies there."""
    by = list(group)
    with suppress(OSError, pa.ArrowException, ForecasterError):
        for row in _of(run.path / PLAN, group).to_pylist():
            told = _of(blocks_of(run.path).get(row["block"]) / "outcomes.parquet", group)
            same = told.filter(pc.equal(told["data_hash"], row["data_hash"])) if told.num_rows else told
            if same.num_rows:
                return dict(same.to_pylist()[0])
    told = run.told()
    at = keys.found(told.select(by), keys.alike(pa.table({name: [value] for name, value in group.items()}), told.schema))
    return dict(told.slice(int(at.argmax()), 1).to_pylist()[0]) if (at >= 0).any() else None


def last_change(root: Path, group: Row) -> str:
    """What the last training did to a group, and why, as a sentence; empty where it is not known."""
    with suppress(OSError, pa.ArrowException):
        for row in _of(root / CHANGES, group).to_pylist():
            return f"The last training: {row['change']}, as {row['reason']}."
    return ""


def nights(run: Run, group: Row, block: str, history: pa.Table) -> Grid | None:
    """What earlier trainings of the run forecast of a group, and how far off that was; None where there were none.

    Args:
        run: The run.
        group: The partition columns and their values.
        block: Where the group lives now.
        history: What came true: series columns, time and target.
    """
    settings = run.settings
    named = [*settings.series, settings.time]
    files = [file for file in (run.path / "blocks").glob("[!.]*/forecasts.parquet") if file.parent.name != block]
    newest = sorted([*files, *run.past()], key=lambda file: file.stat().st_mtime)[-FILES:]
    with suppress(OSError, pa.ArrowException):  # what is cleared away at this moment is history
        made = _of_any(newest, group)
        parts = [made.filter(pc.equal(made[_FILE], name)).drop_columns([_FILE]) for name in pc.unique(made[_FILE]).to_pylist()]
        rows = sorted((_night(part, history, named, settings) for part in parts), reverse=True)[:NIGHTS]
        head = ("Forecast from", "to", "Values since", "Mean absolute error", "WAPE", "Bias")
        return Grid("Earlier forecasts of this run", head, rows, frozenset({2, 3, 4, 5})) if rows else None
    return None


def _night(made: pa.Table, history: pa.Table, named: Sequence[str], settings: Any) -> list[str]:
    when = made[settings.time]
    at = keys.found(made.select(named), keys.alike(history.select(named), made.schema))
    actual = np.where(at < 0, np.nan, floats(history, settings.target)[np.maximum(at, 0)])
    miss = floats(made, "forecast") - actual
    known = np.isfinite(miss)
    size = float(np.abs(actual[known]).sum())
    mean, wape, bias = ("–",) * 3
    if known.any():
        mean = score(float(np.abs(miss[known]).mean()))
        wape, bias = (percent(float(one.sum()) / size, 1) if size else "–" for one in (np.abs(miss[known]), miss[known]))
    ends = [text(one(when).as_py()).removesuffix(" 00:00:00") for one in (pc.min, pc.max)]
    return [*ends, count(int(known.sum())), mean, wape, bias]


def _of_any(files: Sequence[Path], group: Row) -> pa.Table:
    """The rows of some files that are about a group, with the file of each."""
    if not files:
        return pa.table({_FILE: pa.array([], pa.string())})
    rows = ds.dataset([str(file) for file in files], format="parquet")
    wanted = pc.scalar(True)
    for name, value in group.items():
        wanted &= pc.field(name) == value
    return rows.to_table(columns=[*rows.schema.names, _FILE], filter=wanted)


def _of(file: Path, group: Row) -> pa.Table:
    """The rows of a file that are about a group."""
    return pq.read_table(file, filters=[(name, "=", value) for name, value in group.items()])
