"""Exponential smoothing beside statsforecast's AutoETS: time from frame to forecast frame, 80% interval included, and accuracy.

    python tests/benchmarks/ets_vs_statsforecast.py --peer /path/to/python [--series 1000] [--repeats 2] [--sets m3_monthly ...]

Both sides get the same pandas frame in memory and one thread. Every measurement is a process of its own, sides take turns; the first
call of a process, on two series, is not counted (the peer reads its compiled cache there). Ours goes through guardrails and table, as
a job does. Values that are missing are interpolated, because the peer takes none. Times are the best of the repeats.
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

SETS = {
    "m3_yearly": (1, 6), "m3_quarterly": (4, 8), "m3_monthly": (12, 18), "m3_other": (1, 8), "aus_tourism": (4, 8), "nn5": (7, 56),
    "m4_weekly": (1, 13), "m4_hourly": (24, 48),
}  # fmt: skip
"""Season and horizon of each set."""

HEAD = """| set | series | statsforecast ms CPU | ours ms CPU | CPU | wall | sMAPE | MASE | within 80% | NaN |
|---|---|---|---|---|---|---|---|---|---|"""


def series_of(name: str, data: Path, most: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Up to `most` series of a set, evenly chosen: what a forecaster knows, and what came (series, horizon)."""
    import pandas as pd

    folder, _, period = name.partition("_") if name.startswith("m3") else (name, "", "")
    horizon = SETS[name][1]
    files = [data / folder / f"{part}.parquet" for part in ("train", "test")]
    frames = [pd.read_parquet(file) for file in (files if files[0].exists() else sorted((data / folder).glob("*.parquet")))]
    if period:
        info = pd.read_parquet(data / "m3/info.parquet")
        frames = [frame[frame["unique_id"].isin(info["unique_id"][info["period"] == period.upper()])] for frame in frames]
    rows = pd.concat(frames).assign(
        y=lambda all_: all_.groupby("unique_id", sort=False)["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    )
    every = [np.asarray(group, np.float64) for _, group in rows.groupby("unique_id", sort=False)["y"]]
    chosen = [every[i] for i in np.unique(np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int))]
    return [values[:-horizon] for values in chosen], np.array([values[-horizon:] for values in chosen])


def frame_of(series: list[np.ndarray]) -> Any:
    """The series as a pandas frame: unique_id, ds, y."""
    import pandas as pd

    sizes = [len(values) for values in series]
    names = np.repeat([f"series {i:05d}" for i in range(len(series))], sizes)
    return pd.DataFrame({"unique_id": names, "ds": np.concatenate([np.arange(n) for n in sizes]), "y": np.concatenate(series)})


def ours(season: int, horizon: int) -> Callable[[Any], Any]:
    """Frame in, frame out: forecast, q0.1, q0.9."""
    from forecaster import frames, guardrails
    from forecaster.learners import make
    from forecaster.schema import Schema

    def work(frame: Any) -> Any:
        rows, kind = frames.read(frame)
        table, _ = guardrails.check(rows, Schema(), freq=1, season_length=season, horizon=horizon)
        said = make("ets", levels=(0.1, 0.9), threads=1).fit(table).predict(horizon)
        columns = {"forecast": said.mean, "low": said.quantiles[..., 0], "high": said.quantiles[..., 1]}
        return frames.give(frames.long(table.ids, table.frequency, table.end[:, None] + np.arange(1, horizon + 1), columns, "ds"), kind)

    return work


def peer(season: int, horizon: int) -> Callable[[Any], Any]:
    """Frame in, frame out, by statsforecast."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    def work(frame: Any) -> Any:
        said = StatsForecast(models=[AutoETS(season_length=season)], freq=1, n_jobs=1).forecast(df=frame, h=horizon, level=[80])
        return said.rename(columns={"AutoETS": "forecast", "AutoETS-lo-80": "low", "AutoETS-hi-80": "high"})

    return work


def measure(side: str, folder: Path) -> None:
    """One measurement, in this process."""
    loaded = np.load(folder / "series.npz")
    series = np.split(loaded["values"], np.cumsum(loaded["sizes"])[:-1])
    work = {"ours": ours, "peer": peer}[side](int(loaded["season"]), int(loaded["horizon"]))
    work(frame_of(series[:2]))
    frame = frame_of(series)
    begun, spent = time.perf_counter(), time.process_time()
    said = work(frame)
    report = {"seconds": time.perf_counter() - begun, "CPU": time.process_time() - spent}
    blocks = {name: said[name].to_numpy(np.float64).reshape(len(series), -1) for name in ("forecast", "low", "high")}
    np.savez(folder / "out.npz", report=json.dumps(report), **blocks)


def run(side: str, python: str, folder: Path) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    subprocess.run([python, "-W", "ignore", __file__, "--side", side, "--folder", str(folder)], check=True)
    return dict(np.load(folder / "out.npz"))


def accuracy(said: dict[str, Any], known: list[np.ndarray], came: np.ndarray, season: int) -> dict[str, float]:
    """sMAPE in percent, MASE, share of values within the 80% interval, forecasts that are no number."""
    off = np.abs(came - said["forecast"])
    scale = np.array([np.abs(values[season:] - values[:-season]).mean() for values in known])
    scaled = off.mean(axis=1)[scale > 0] / scale[scale > 0]
    inside = (came >= said["low"]) & (came <= said["high"])
    smape = np.divide(200 * off, np.abs(came) + np.abs(said["forecast"]), out=np.zeros_like(off), where=off > 0)
    return {"sMAPE": smape.mean(), "MASE": scaled.mean(), "80%": inside.mean(), "NaN": float(np.isnan(said["forecast"]).sum())}


def compare(name: str, options: argparse.Namespace, folder: Path) -> None:
    """Print one line: both sides on one set."""
    season, horizon = SETS[name]
    known, came = series_of(name, options.data, options.series)
    np.savez(folder / "series.npz", values=np.concatenate(known), sizes=[len(v) for v in known], season=season, horizon=horizon)
    pythons = {"ours": sys.executable, "peer": options.peer}
    said: dict[str, Any] = {}
    costs: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    for _ in range(options.repeats):
        for side, python in pythons.items():
            said[side] = run(side, python, folder)
            costs[side].append(json.loads(str(said[side].pop("report"))))
    cpu, wall = ({side: min(one[key] for one in many) / len(known) * 1e3 for side, many in costs.items()} for key in ("CPU", "seconds"))
    scores = {side: accuracy(said[side], known, came, season) for side in pythons}
    pairs = " | ".join(f"{scores['peer'][key]:.3f} -> {scores['ours'][key]:.3f}" for key in ("sMAPE", "MASE", "80%", "NaN"))
    ratios = f"{cpu['peer'] / cpu['ours']:.0f}x | {wall['peer'] / wall['ours']:.0f}x"
    print(f"| {name} | {len(known)} | {cpu['peer']:.2f} | {cpu['ours']:.3f} | {ratios} | {pairs} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared/data")
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has statsforecast")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return measure(options.side, options.folder)
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            compare(name, options, Path(folder))
    return None


if __name__ == "__main__":
    main()
