"""The network beside the learners of single series and LightGBM: same tables, same cut-off, one process.

    python tests/benchmarks/tcn.py [--data ../shared/data] [--sets m4_hourly vic_elec] [--learners tcn arima ...] [--back 0 2]
        [--threads 2] [--option epochs=10 ...] [--out table.md]

`--back n` leaves out the last n horizons, test values and all: settings were picked with --back 2 (m4_hourly, nn5) and --back 10 20
(vic_elec); the tables of docs/tcn.md are --back 0. "+ known" gives temperature and holidays of the week ahead as if they were known.
MASE is scaled by the seasonal differences of the training values (a day for m4_hourly and vic_elec), mean over series; "80%" is the
share of the values inside the interval. CPU counts all threads.
"""

from __future__ import annotations

import argparse
import ast
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster import frames, guardrails
from forecaster.errors import MissingExtra
from forecaster.features.design import Design
from forecaster.learners import make
from forecaster.schema import Schema
from forecaster.table import Floats, Future, Table

DATA = Path(__file__).resolve().parents[3] / "shared/data"
LEARNERS = ("seasonal_naive", "seasonal_average", "theta", "ets", "ces", "mstl", "arima", "elastic_net", "lightgbm", "tcn")
# one series of 52,608 half hours: these would take hours
SLOW = {"vic_elec": {"ets", "ces", "arima", "theta"}}
TOLD = ("mstl", "tcn")  # of several seasons
HEADS = ("set", "series", "learner", "MASE", "80%", "pinball", "fit s", "fit CPU s", "predict s")


@dataclass(frozen=True)
class Set:
    """A set of series, its horizon, season and step, and further seasons that mstl and the network are told."""

    file: str
    horizon: int
    season: int
    freq: Any
    seasons: tuple[int, ...]
    known: tuple[str, ...] = ()


SETS = {
    "m4_hourly": Set("m4_hourly", 48, 24, 1, (24, 168)),
    "nn5": Set("nn5/cash.parquet", 56, 7, 1, (7,)),
    "vic_elec": Set("vic_elec/demand.parquet", 336, 48, "30min", (48, 336)),
    "vic_elec + known": Set("vic_elec/demand.parquet", 336, 48, "30min", (48, 336), ("temperature", "holiday")),
}


def load(data: Path, one: Set, back: int) -> tuple[Table, Table]:
    """The table to train on, and the one that has the horizon after it too."""
    path = data / one.file
    frame = pd.concat([pd.read_parquet(path / f"{part}.parquet") for part in ("train", "test")]) if path.is_dir() else pd.read_parquet(path)
    if "ds_utc" in frame:
        frame = frame.drop(columns="ds").rename(columns={"ds_utc": "ds"})
    frame = frame.astype({"y": float}).sort_values(["unique_id", "ds"], ignore_index=True)[["unique_id", "ds", "y", *one.known]]
    schema = Schema.of(known=list(one.known))
    table, _ = guardrails.check(frames.read(frame)[0], schema, freq=one.freq, season_length=one.season, horizon=one.horizon)
    return table.drop_last(one.horizon * (back + 1)), table.drop_last(one.horizon * back)


def measure(name: str, one: Set, train: Table, whole: Table, options: dict[str, Any]) -> list[float]:
    """MASE, share inside the interval, pinball loss in the unit of MASE, and the seconds."""
    learner: Any = make(name)
    given = {"design": Design(horizon=one.horizon), "period": one.season} | ({"seasons": one.seasons} if name in TOLD else {}) | options
    learner = make(name, **{field: value for field, value in given.items() if field in learner.__dataclass_fields__})
    begun, spent = time.perf_counter(), time.process_time()
    model = learner.fit(train)
    fitted, cpu = time.perf_counter(), time.process_time() - spent
    ahead = Future({column: whole.last(one.horizon, values).astype(np.float32) for column, values in whole.known.items()}, one.horizon)
    said = model.predict(one.horizon, None, ahead)
    seconds = [fitted - begun, cpu, time.perf_counter() - fitted]
    actual, scale = whole.last(one.horizon), scales(train, one.season)
    error = np.nanmean(np.abs(actual - said.mean), axis=1) / scale
    return [float(np.nanmean(error)), *interval(actual, said, scale), *seconds]


def interval(actual: Floats, said: Any, scale: Floats) -> tuple[float, float]:
    """Share of the values between the levels 0.1 and 0.9, and the scaled pinball loss of these and the median."""
    if said.quantiles is None or not {0.1, 0.5, 0.9} <= set(said.levels):
        return np.nan, np.nan
    picked = [said.levels.index(level) for level in (0.1, 0.5, 0.9)]
    low, middle, high = np.moveaxis(said.quantiles[..., picked], -1, 0)
    there = np.isfinite(actual)
    losses = [np.maximum(q * (actual - x), (q - 1) * (actual - x)) for q, x in ((0.1, low), (0.5, middle), (0.9, high))]
    pinball = float(np.nanmean(np.nanmean(np.mean(losses, axis=0), axis=1) / scale))
    return float(((low <= actual) & (actual <= high))[there].mean()), pinball


def scales(table: Table, season: int) -> Floats:
    """Mean seasonal difference of each series."""
    return np.array([np.nanmean(np.abs(y[season:] - y[:-season])) for y in (table.values(i) for i in range(len(table)))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--learners", nargs="*", default=list(LEARNERS))
    parser.add_argument("--back", nargs="*", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--option", nargs="*", default=[], help="options of the network, such as channels=16")
    parser.add_argument("--out", type=Path, help="also write the table here")
    asked = parser.parse_args()
    options = {name: ast.literal_eval(value) for name, value in (pair.split("=") for pair in asked.option)}
    lines = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    print("\n".join(lines), flush=True)
    for name in asked.sets:
        tables = [load(asked.data, SETS[name], back) for back in asked.back]
        for learner in asked.learners:
            if learner in SLOW.get(name.split()[0], ()):
                continue
            own = options if learner == "tcn" else {}
            try:
                rows = [measure(learner, SETS[name], train, whole, {"threads": asked.threads, **own}) for train, whole in tables]
            except MissingExtra as error:
                print(error)
                continue
            told = [f"{value:.3f}" for value in np.mean(rows, axis=0)]
            lines.append(f"| {name} | {len(tables[0][0])} | {learner} | {' | '.join(told)} |".replace(" nan ", " - "))
            print(lines[-1], flush=True)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
