"""Theta, CES, MSTL and intermittent demand beside statsforecast: same series, same cores, frame in to forecast frame out.

    python tests/benchmarks/theta_vs_statsforecast.py --peer /path/to/python-with-statsforecast
        [--data ../shared/data] [--learners theta ces ...] [--sets m3_monthly ...] [--series 100]
        [--repeats 3] [--threads 1] [--out table.md]

Every measurement is a process of its own, sides take turns, and both start from the same pandas frame in memory. Each warms up on
three series first, then the frame goes in and the forecast frame, with an 80% interval where the learner has one, comes out; seconds
are the best of all repeats, CPU that of all threads; "models" is the part of our time that fitting and predicting take, the rest is
reading, checking and writing frames. MASE is scaled by the seasonal differences of the training values, mean over
series; "inside" is the share of the values to come within the interval. The peer takes no missing values: nn5 is filled by straight
lines for both sides.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared/data"
# set -> season, horizon, frequency of the peer and of ours
SETS: dict[str, tuple[Any, int, Any]] = {
    "m3_monthly": (12, 18, 1),
    "m3_quarterly": (4, 8, 1),
    "m4_weekly": (1, 13, 1),
    "m4_hourly": (24, 48, 1),
    "nn5": (7, 56, 1),
    "aus_tourism": (4, 8, "QS"),
    "m5": (7, 28, "D"),
    "vic_elec": (48, 336, "30min"),
}
REGULAR = ("m3_monthly", "m3_quarterly", "m4_weekly", "m4_hourly", "nn5", "aus_tourism")
LONG = ("m4_hourly", "vic_elec")
# what is compared: our learner and its options, the peer's class, whether there are intervals, the sets
PAIRS: dict[str, tuple[str, dict[str, Any], str, bool, tuple[str, ...]]] = {
    "theta": ("theta", {}, "DynamicOptimizedTheta", True, REGULAR),
    "theta auto": ("theta", {"form": "auto"}, "AutoTheta", True, REGULAR),
    "ces": ("ces", {}, "AutoCES", True, REGULAR),
    "mstl": ("mstl", {}, "MSTL", True, LONG),
    "croston": ("croston", {}, "CrostonClassic", False, ("m5",)),
    "sba": ("sba", {}, "CrostonSBA", False, ("m5",)),
    "tsb": ("tsb", {}, "TSB", False, ("m5",)),
    "adida": ("adida", {}, "ADIDA", False, ("m5",)),
    "imapa": ("imapa", {}, "IMAPA", False, ("m5",)),
    "intermittent": ("intermittent", {}, "CrostonOptimized", False, ("m5",)),
}
SEASONS = {"m4_hourly": [24, 168], "vic_elec": [48, 336]}
FEWEST = {"m5": 10}  # times as many series as elsewhere, because they are cheap
HEADS = "| learner | set, series | ms/series | our models | peer ms/series | wall | CPU | MASE ours / peer | sMAPE | inside 80% | NaN |"
Work = Callable[[], tuple[Any, float]]


@cache
def load(data: Path, name: str, series: int) -> tuple[Any, Any]:
    """Training and test frames of the first series of a set: unique_id, ds, y."""
    import pandas as pd

    if name.startswith("m3"):
        info = pd.read_parquet(data / "m3/info.parquet")
        wanted = info.unique_id[info.period == name.removeprefix("m3_").upper()]
        train, test = (pd.read_parquet(data / f"m3/{part}.parquet") for part in ("train", "test"))
        train, test = train[train.unique_id.isin(wanted)], test[test.unique_id.isin(wanted)]
    elif name.startswith("m4"):
        train, test = (pd.read_parquet(data / name / f"{part}.parquet") for part in ("train", "test"))
    else:
        train, test = _cut(_whole(data, name), SETS[name][1])
    chosen = np.sort(train.unique_id.unique())[: series * FEWEST.get(name, 1)]
    train, test = (frame[frame.unique_id.isin(chosen)] for frame in (train, test))
    columns = ["unique_id", "ds", "y"]
    train, test = (frame[columns].sort_values(["unique_id", "ds"], ignore_index=True) for frame in (train, test))
    return train.astype({"y": float}), test.astype({"y": float})


def _whole(data: Path, name: str) -> Any:
    import pandas as pd

    if name == "m5":
        frame = pd.read_parquet(data / "m5/sales.parquet")
        days = frame.date.nunique()
        codes = np.arange(len(frame)) // days
        frame = frame[codes % 6 == 0]
        ids = frame.item_id.astype(str) + " " + frame.store_id.astype(str)
        return pd.DataFrame({"unique_id": ids, "ds": frame.date, "y": frame.sales})
    files = {"nn5": "nn5/cash.parquet", "aus_tourism": "aus_tourism/trips.parquet", "vic_elec": "vic_elec/demand.parquet"}
    frame = pd.read_parquet(data / files[name])
    if name == "vic_elec":
        return frame.assign(ds=frame.ds_utc, y=frame.y.astype(float)).tail(48 * 120)
    return frame.assign(y=frame.groupby("unique_id").y.transform(lambda y: y.astype(float).interpolate(limit_direction="both")))


def _cut(frame: Any, horizon: int) -> tuple[Any, Any]:
    behind = frame.groupby("unique_id").cumcount(ascending=False)
    return frame[behind >= horizon], frame[behind < horizon]


def ours(frame: Any, pair: str, name: str, threads: int) -> Work:
    from forecaster import frames, guardrails
    from forecaster.learners import make
    from forecaster.schema import Schema

    season, horizon, freq = SETS[name]
    learner, options, _, intervals, _ = PAIRS[pair]
    more = {"seasons": tuple(SEASONS[name])} if learner == "mstl" else {}
    recipe = make(learner, **options, **more, threads=threads)

    def work() -> tuple[Any, float]:
        read, kind = frames.read(frame)
        table, _ = guardrails.check(read, Schema(), freq=freq, season_length=season, horizon=horizon)
        begun = time.perf_counter()
        said = recipe.fit(table).predict(horizon)
        spent = time.perf_counter() - begun
        columns = {"forecast": said.mean}
        if intervals and said.quantiles is not None:
            columns |= {f"q{level:g}": said.quantiles[:, :, i] for i, level in enumerate(said.levels)}
        steps = table.end[:, None] + np.arange(1, horizon + 1)
        return frames.give(frames.long(table.ids, table.frequency, steps, columns, "ds"), kind), spent

    return work


def theirs(frame: Any, pair: str, name: str, threads: int) -> Work:
    from statsforecast import StatsForecast, models

    season, horizon, freq = SETS[name]
    _, _, peer, intervals, _ = PAIRS[pair]
    options: dict[str, Any] = {"season_length": season} if intervals else {}
    if peer == "TSB":
        options = {"alpha_d": 0.1, "alpha_p": 0.1}
    if peer == "MSTL":
        options = {"season_length": SEASONS[name]}
    model = getattr(models, peer)(**options)

    def work() -> tuple[Any, float]:
        return StatsForecast([model], freq, n_jobs=threads).forecast(df=frame, h=horizon, level=[80] if intervals else None), 0.0

    return work


def measure(options: argparse.Namespace) -> None:
    """One measurement, in this process."""
    import pandas as pd

    frame = pd.read_parquet(options.folder / "train.parquet")
    make = ours if options.side == "ours" else theirs
    few = frame[frame.unique_id.isin(frame.unique_id.unique()[:3])].reset_index(drop=True)
    make(few, options.pair, options.set, 1)()
    work = make(frame, options.pair, options.set, options.threads)
    calls = []
    for _ in range(3 if options.side == "ours" else 1):
        begun, spent = time.perf_counter(), time.process_time()
        made, models = work()
        calls.append((time.perf_counter() - begun, time.process_time() - spent, models))
    best = min(calls)
    values = made.drop(columns=["unique_id", "ds"], errors="ignore").to_numpy(float)
    np.savez(
        options.folder / f"{options.side}.npz", values=values, report=json.dumps({"seconds": best[0], "CPU": best[1], "models": best[2]})
    )


def accuracy(values: np.ndarray, name: str, train: Any, test: Any) -> dict[str, float]:
    """MASE, sMAPE and the share inside the interval, mean over series. Columns of `values`: forecast[, low, (middle,) high]"""
    season, horizon, _ = SETS[name]
    mean = values[:, 0].reshape(-1, horizon)
    actual = test.y.to_numpy().reshape(-1, horizon)
    scale = (
        train.groupby("unique_id", sort=True).y.apply(lambda y: np.mean(np.abs(y.to_numpy()[season:] - y.to_numpy()[:-season]))).to_numpy()
    )
    good = scale > 0
    error = np.abs(actual - mean)
    told = {"MASE": float(np.mean((error.mean(1) / np.where(good, scale, 1))[good]))}
    told["sMAPE"] = float(200 * np.mean(error / np.maximum(np.abs(actual) + np.abs(mean), 1e-9)))
    if values.shape[1] > 1:
        low, high = values[:, 1].reshape(-1, horizon), values[:, -1].reshape(-1, horizon)
        told["inside"] = float(np.mean((low <= actual) & (actual <= high)))
    told["NaN"] = float(np.isnan(values).sum())
    return told


def compare(pair: str, name: str, options: argparse.Namespace) -> str:
    """One row of the table: the best of the repeats, sides taking turns."""
    train, test = load(options.data, name, options.series)
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        train.to_parquet(Path(folder) / "train.parquet")
        for _ in range(options.repeats):
            for side, python in (("ours", sys.executable), ("theirs", options.peer)):
                settings = ["--side", side, "--pair", pair, "--set", name, "--folder", folder, "--threads", str(options.threads)]
                subprocess.run([python, __file__, *settings], check=True)
                made = np.load(Path(folder) / f"{side}.npz")
                report = json.loads(str(made["report"]))
                if side not in best or report["seconds"] < best[side]["seconds"]:
                    best[side] = report | accuracy(made["values"], name, train, test)
    one, other = best["ours"], best["theirs"]
    series = train.unique_id.nunique()
    inside = " / ".join(f"{side['inside']:.2f}" if "inside" in side else "-" for side in (one, other))
    each, models, peer = (1e3 * seconds / series for seconds in (one["seconds"], one["models"], other["seconds"]))
    return (
        f"| {pair} | {name} {series} | {each:.4f} | {models:.4f} | {peer:.3f} | "
        f"{other['seconds'] / one['seconds']:.0f}x | {other['CPU'] / one['CPU']:.0f}x | {one['MASE']:.3f} / {other['MASE']:.3f} | "
        f"{one['sMAPE']:.2f} / {other['sMAPE']:.2f} | {inside} | {one['NaN']:.0f} / {other['NaN']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has statsforecast")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--learners", nargs="*", choices=list(PAIRS), default=list(PAIRS))
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="also write the table here")
    for hidden in ("--side", "--pair", "--set"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return measure(options)
    rows = [HEADS, "|" + "---|" * (HEADS.count("|") - 1)]
    print("\n".join(rows))
    for pair in options.learners:
        for name in PAIRS[pair][-1]:
            if name in options.sets:
                rows.append(compare(pair, name, options))
                print(rows[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(rows) + "\n")
    return None


if __name__ == "__main__":
    main()
