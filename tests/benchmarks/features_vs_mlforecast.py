"""Lags, windows and calendar of M5 (13.6 million rows): ours beside mlforecast's `preprocess`, same columns, same run.

    python tests/benchmarks/features_vs_mlforecast.py --peer /path/to/python-with-mlforecast [--series 30490] [--repeats 3] [--threads 2]

Every measurement is a process of its own; sides take turns, so a busy machine hurts both. Both start from the same pandas frame in
memory (the peer also from a polars one) and end with a training matrix. Time is from the frame to the matrix; memory is the peak
above what the loaded frame took. The columns are compared on a sample of rows before anything is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LAGS = (1, 7, 14, 28)
WINDOWS = {"mean": (7, 28), "std": (28,), "min": (28,), "max": (28,)}
ALPHA, SEASON, SEASONS = 0.3, 7, 4
CALENDAR = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week",
    "year_day": "dayofyear",
    "month_day": "day",
    "weekday": "dayofweek",
}
SAMPLE = 200_000
GOAL = {"seconds": 3.0, "MB": 2.0}


def sales(path: Path, series: int) -> Any:
    """The first `series` series of M5 as a pandas frame: unique_id (category), ds, y (float32)."""
    import pandas as pd
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    stores, items = (table[name].combine_chunks() for name in ("store_id", "item_id"))
    days = len(table) // 30490
    kept = slice(0, series * days)
    codes = stores.indices.to_numpy().astype(np.int32)[kept] * 4096 + items.indices.to_numpy()[kept]
    labels = [f"{i:05d}" for i in range(series)]
    return pd.DataFrame(
        {
            "unique_id": pd.Categorical.from_codes(np.cumsum(np.diff(codes, prepend=codes[0]) != 0), labels),
            "ds": table["date"].to_numpy()[kept].astype("datetime64[us]"),
            "y": table["sales"].to_numpy()[kept].astype(np.float32),
        }
    )


def ours(frame: Any, threads: int) -> Callable[[], tuple[Any, list[str]]]:
    """From the frame through guardrails and table to the matrix; row r is read at the origin one step before it."""
    from forecaster.features.calendar import calendar
    from forecaster.features.lags import Lags
    from forecaster.features.lookback import matrix, names_of
    from forecaster.features.windows import Expanding, Exponential, Seasonal, from_windows

    blocks = [
        Lags(LAGS),
        *from_windows(WINDOWS, least=None),
        Expanding("mean"),
        Exponential((ALPHA,)),
        Seasonal("mean", SEASON, (SEASONS,), None),
    ]

    def work() -> tuple[Any, list[str]]:
        from forecaster import frames, guardrails
        from forecaster.schema import Schema

        table, _ = guardrails.check(frames.read(frame)[0], Schema())
        rows = np.delete(np.arange(len(table.target)), table.indptr[1:] - 1)
        dates = calendar(table.frequency, table.steps[rows + 1])
        out = np.empty((len(rows), len(names_of(blocks)) + len(dates)), np.float32)
        matrix(blocks, table.target, table.indptr, rows=rows, threads=threads, out=out[:, : -len(dates)])
        for k, column in enumerate(dates.values()):
            out[:, k - len(dates)] = column
        return out, [*names_of(blocks), *dates]

    return work


def peer(frame: Any, threads: int, kind: str) -> Callable[[], tuple[Any, list[str]]]:
    """mlforecast's `preprocess`, without dropping rows."""
    from mlforecast import MLForecast
    from mlforecast import lag_transforms as lt

    rolling = {"mean": lt.RollingMean, "std": lt.RollingStd, "min": lt.RollingMin, "max": lt.RollingMax}
    transforms = [rolling[stat](size) for stat, sizes in WINDOWS.items() for size in sizes]
    transforms += [lt.ExpandingMean(), lt.ExponentiallyWeightedMean(ALPHA), lt.SeasonalRollingMean(SEASON, SEASONS)]
    if kind == "polars":
        import polars as pl

        frame = pl.from_pandas(frame.assign(unique_id=frame["unique_id"].astype(str)))
    renamed = dict(zip(CALENDAR.values(), CALENDAR, strict=True)) if kind == "pandas" else {}
    features = list(CALENDAR.values()) if kind == "pandas" else ["year", "quarter", "month", "week", "ordinal_day", "day", "weekday"]
    renamed = renamed or dict(zip(features, CALENDAR, strict=True))

    def work() -> tuple[Any, list[str]]:
        model = MLForecast(
            models=[],
            freq="D" if kind == "pandas" else "1d",
            lags=list(LAGS),
            lag_transforms={1: transforms},
            date_features=features,
            num_threads=threads,
        )
        done = model.preprocess(frame, static_features=[], dropna=False)
        return done, [renamed.get(name, name) for name in done.columns]

    return work


def sample(result: Any, names: list[str], days: int, series: int) -> dict[str, np.ndarray]:
    """Some rows of every column, as the peer has them: without the first row of each series. Column -> values"""
    chosen = np.sort(np.random.default_rng(0).choice(series * (days - 1), min(SAMPLE, series * (days - 1)), replace=False))
    if isinstance(result, np.ndarray):
        return {name: result[chosen, k].astype(float) for k, name in enumerate(names)}
    chosen = chosen + chosen // (days - 1) + 1
    columns = {name: result[original].to_numpy()[chosen] for name, original in zip(names, result.columns, strict=True)}
    return {name: values.astype(float) for name, values in columns.items() if name not in ("unique_id", "ds", "y")}


def memory(field: str) -> float:
    """A line of /proc/self/status, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def measure(side: str, options: argparse.Namespace, out: Path) -> None:
    """One measurement, in this process."""
    frame = sales(options.data, options.series)
    work = ours(frame, options.threads) if side == "ours" else peer(frame, options.threads, side.removeprefix("mlforecast-"))
    loaded = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading
    begun = time.perf_counter()
    result, names = work()
    seconds = time.perf_counter() - begun
    report = {"seconds": seconds, "MB": memory("VmHWM") - loaded, "total MB": memory("VmHWM")}
    np.savez(out, report=json.dumps(report), **sample(result, names, len(frame) // options.series, options.series))


def run(side: str, options: argparse.Namespace) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """One measurement, in a process of its own."""
    python = sys.executable if side == "ours" else options.peer
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.npz"
        settings = ["--data", options.data, "--series", options.series, "--threads", options.threads]
        subprocess.run([python, __file__, "--side", side, "--out", str(out), *map(str, settings)], check=True)
        loaded = dict(np.load(out))
    return json.loads(str(loaded.pop("report"))), loaded


def agree(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], side: str) -> None:
    """Every column of ours is a column of theirs, with the same numbers."""
    pairs = list(zip(ours, theirs, strict=True))
    for mine, other in pairs:
        shift = 1 if side == "mlforecast-polars" and mine == "weekday" else 0  # polars counts weekdays from 1
        np.testing.assert_allclose(ours[mine], theirs[other] - shift, rtol=2e-5, atol=2e-5, err_msg=f"{mine} against {other}")
    print(f"{side}: {len(pairs)} columns agree on {len(ours[pairs[0][0]]):,} rows")


def show(results: dict[str, list[dict[str, float]]]) -> None:
    """The table of medians and ratios."""
    best = {side: {key: float(np.median([one[key] for one in many])) for key in many[0]} for side, many in results.items()}
    print(f"\n{'':20}{'seconds':>10}{'MB above frame':>16}{'MB in all':>11}{'time ratio':>12}{'memory ratio':>14}")
    for side, one in best.items():
        ratios = [one[key] / best["ours"][key] for key in GOAL]
        print(f"{side:20}{one['seconds']:10.2f}{one['MB']:16.0f}{one['total MB']:11.0f}{ratios[0]:12.1f}{ratios[1]:14.1f}")
    peers = [one for side, one in best.items() if side != "ours"]
    met = all(min(one[key] for one in peers) / best["ours"][key] >= goal for key, goal in GOAL.items())
    print(
        f"goal (>= {GOAL['seconds']:g}x faster and <= 1/{GOAL['MB']:g} of the memory than the better peer): {'met' if met else 'NOT met'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared/data/m5/sales.parquet")
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has mlforecast")
    parser.add_argument("--series", type=int, default=30490)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return measure(options.side, options, options.out)
    sides = ["ours", "mlforecast-pandas", "mlforecast-polars"]
    results: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for repeat in range(options.repeats):
        columns = {}
        for side in sides:
            report, columns[side] = run(side, options)
            results[side].append(report)
        if repeat == 0:
            for side in sides[1:]:
                agree(columns["ours"], columns[side], side)
    return show(results)


if __name__ == "__main__":
    main()
