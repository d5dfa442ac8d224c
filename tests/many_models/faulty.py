"""A job that does as it is told, group by group: forecasts the mean, or raises, dies, hangs or eats memory; it logs who was tried."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.guardrails import Findings
from forecaster.learners.naive import Naive
from forecaster.protocols import Traits
from forecaster.table import Table

KILLS, FAILS = 88.0, 77.0
"""Values at which to go on takes the worker down, or raises."""


@dataclass(frozen=True)
class Settings:
    """Options of the faulty job.

    Args:
        faults: Group -> raise | refuse | speechless | surrogate | sick, full (until cured) | kill | once | host | hang | memory; with a !
            the fallback does so too.
        log: A folder in which every try is noted.
        sleep: Seconds per group.
    """

    series: tuple[str, ...] = ("store",)
    time: str = "day"
    target: str = "y"
    drop: tuple[str, ...] = ()
    seed: int = 0
    faults: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    sleep: float = 0.0
    horizon: int = 2

    def as_dict(self) -> dict[str, Any]:
        told = {name: value for name, value in vars(self).items() if name != "sleep"}  # it changes nothing that comes out
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}

    @property
    def required(self) -> tuple[str, ...]:
        return (*self.series, self.time, self.target)

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Settings:
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in told.items()})


@dataclass(frozen=True)
class Means:
    """The mean of each group."""

    table: pa.Table
    by: tuple[str, ...]
    horizon: int = 2

    def outcomes(self) -> pa.Table:
        n = self.table.num_rows
        known = {"status": ["done"] * n, "learner": ["mean"] * n, "score": self.table["spread"], "seconds": [0.01] * n}
        return pa.table(self._keys() | known | {"error_type": pa.nulls(n, pa.string()), "error": pa.nulls(n, pa.string())})

    def predict(self, future: pa.Table | None = None, horizon: int | None = None) -> pa.Table:
        steps = horizon or self.horizon
        rows = pa.array(np.repeat(np.arange(self.table.num_rows), steps))
        days = self.table["last"].to_numpy()[rows] + np.tile(np.arange(1, steps + 1), self.table.num_rows)
        made = self.table["mean"].take(rows)
        if future is not None:
            made = pa.array(made.to_numpy() + float(future["price"].to_numpy().sum()))
        return pa.table({name: column.take(rows) for name, column in self._keys().items()} | {"day": days, "forecast": made})

    def look_ahead(self, future: pa.Table | None = None, horizon: int | None = None) -> tuple[Any, Findings]:
        return (future, horizon), Findings()

    def forecast(self, ahead: Any) -> pa.Table:
        return self.predict(*ahead)

    def leaderboard(self) -> pa.Table:
        return pa.table({"learner": ["mean"], "score": [float(np.mean(self.table["spread"].to_numpy()))], "status": ["done"]})

    def trials(self) -> pa.Table:
        return self.leaderboard()

    def selected(self) -> pa.Table:
        return pa.table(self._keys() | {"learner": ["mean"] * self.table.num_rows})

    def backtest(self) -> pa.Table:
        return pa.table(self._keys() | {"actual": self.table["mean"], "forecast": self.table["mean"]})

    def found(self) -> pa.Table:
        return pa.table(self._keys() | {"rule": ["looked"] * self.table.num_rows})

    def history(self) -> pa.Table:
        return pa.table(self._keys() | {"day": self.table["last"], "y": self.table["mean"]})

    def _keys(self) -> dict[str, Any]:
        return {name: self.table[name] for name in self.by}


def fit(frame: pa.Table, settings: Settings, by: tuple[str, ...]) -> Means:
    """Fit the mean of every group, after what is to go wrong has gone wrong."""
    for group in frame[by[0]].unique().to_pylist():
        if settings.log:
            with (Path(settings.log) / "tries").open("a") as file:
                file.write(f"{group}\n")
        if settings.sleep:
            time.sleep(settings.sleep)
        _go_wrong(settings.faults.get(group, "").rstrip("!"), settings, group)
    return _means(frame, settings, by)


def move(fitted: Means, frame: pa.Table, groups: pa.Table) -> Means:
    """The means stay; the groups go on from their newest day."""
    if KILLS in frame["y"].to_pylist():
        os.kill(os.getpid(), signal.SIGKILL)
    if FAILS in frame["y"].to_pylist():
        raise MemoryError
    by = list(fitted.by)
    newest = dict(zip(*(frame.group_by(by).aggregate([("day", "max")])[name].to_pylist() for name in (by[0], "day_max")), strict=True))
    last = [newest.get(group, day) for group, day in zip(*(fitted.table[name].to_pylist() for name in (by[0], "last")), strict=True)]
    return replace(fitted, table=fitted.table.set_column(fitted.table.column_names.index("last"), "last", pa.array(last)))


def stand_in(frame: pa.Table, settings: Settings, by: tuple[str, ...]) -> Means:
    """Fit the mean of every group without going wrong, but for groups that always do."""
    for group in frame[by[0]].unique().to_pylist():
        if settings.faults.get(group, "").endswith("!"):
            _go_wrong(settings.faults[group].rstrip("!"), settings, group)
    return _means(frame, settings, by)


def _means(frame: pa.Table, settings: Settings, by: tuple[str, ...]) -> Means:
    aims = [(settings.target, "mean"), (settings.target, "stddev"), (settings.time, "max")]
    told = frame.group_by(list(by), use_threads=False).aggregate(aims)
    told = told.rename_columns([*by, "mean", "spread", "last"])
    return Means(told, by, settings.horizon)


@storable
@dataclass(frozen=True)
class Deadly:
    """A learner that repeats the last value, and ends its process where values are negative."""

    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Any:
        if np.nanmin(table.target) < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return Naive().fit(table)


@storable
@dataclass(frozen=True)
class Slow:
    """A learner that takes its time."""

    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Any:
        time.sleep(60)
        return Naive().fit(table)


def save(fitted: Means, folder: Path) -> None:
    folder.mkdir()
    pq.write_table(fitted.table.replace_schema_metadata({"by": ",".join(fitted.by)}), folder / "means.parquet")


def load(folder: Path) -> Means:
    table = pq.read_table(folder / "means.parquet")
    return Means(table, tuple(table.schema.metadata[b"by"].decode().split(",")))


def _go_wrong(fault: str | None, settings: Settings, group: str) -> None:
    if fault == "full" and not (Path(settings.log) / "cured").exists():
        raise OSError(errno.ENOSPC, "No space left on device")
    if fault == "refuse":
        raise SettingsError("no frequency can be inferred")
    if fault == "speechless":
        raise Speechless
    if fault == "surrogate":
        raise ValueError("no such name: \ud800")
    if fault == "raise" or (fault == "sick" and not (Path(settings.log) / "cured").exists()):
        raise ZeroDivisionError("bad numbers in this group")
    if fault == "kill" or (fault == "once" and _first_time(settings, group)):
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "host" and _first_time(settings, group):
        os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGKILL)  # of the server that forked us: the worker of the engine
        time.sleep(1000)
    if fault == "hang":
        time.sleep(1000)
    if fault == "memory":
        held = []
        while True:
            held.append(np.ones(4_000_000))
            time.sleep(0.02)


class Speechless(BaseException):
    """An error that cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError


def _first_time(settings: Settings, group: str) -> bool:
    try:
        (Path(settings.log) / f"died-{group}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
