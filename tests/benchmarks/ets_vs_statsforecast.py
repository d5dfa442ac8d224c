"""Exponential smoothing beside statsforecast's AutoETS: time from frame to forecast frame, 80% interval included, and accuracy.

    python tests/benchmarks/ets_vs_statsforecast.py --peer /path/to/python [--sets "M3 monthly" ...] [--write docs/benchmarks.md]

Both sides get the same pandas frame in memory and one thread. Every measurement is a process of its own, sides take turns; the first
call of a process, on two series, is not counted (the peer reads its compiled cache there). A call of less than a second is
made five times, on either side alike. Ours goes through guardrails and table, as a job does. Values that are missing are
interpolated, because the peer takes none. Times are the best of all. The last line is one thread against two.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Set:
    """Real series that both sides forecast: where they lie, season and horizon, how many at most, season of the scale of MASE."""

    folder: str
    season: int
    horizon: int
    most: int = 1000
    scale: int | None = None


SETS = {
    "M3 yearly": Set("m3/yearly", 1, 6), "M3 quarterly": Set("m3/quarterly", 4, 8), "M3 monthly": Set("m3/monthly", 12, 18, most=350),
    "M3 other": Set("m3/other", 1, 8), "Australian tourism": Set("aus_tourism", 4, 8), "NN5 daily": Set("nn5", 7, 56),
    "M4 weekly": Set("m4_weekly", 1, 13), "M4 weekly, season 52": Set("m4_weekly", 52, 13, most=30, scale=1),
    "M4 hourly": Set("m4_hourly", 24, 48),
}  # fmt: skip

HEAD = """| set | series | statsforecast ms CPU | ours ms CPU | CPU | wall | sMAPE | MASE | within 80% | NaN |
|---|---|---|---|---|---|---|---|---|---|"""
BEGIN, END = "<!-- ets: begin -->", "<!-- ets: end -->"


def series_of(chosen: Set, data: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The series of a set, evenly chosen where there are more than it takes: what a forecaster knows, and what came (series, horizon)."""
    import pandas as pd

    folder, _, period = chosen.folder.partition("/")
    files = [data / folder / f"{part}.parquet" for part in ("train", "test")]
    frames = [pd.read_parquet(file) for file in (files if files[0].exists() else sorted((data / folder).glob("*.parquet")))]
    if period:
        info = pd.read_parquet(data / "m3/info.parquet")
        frames = [frame[frame["unique_id"].isin(info["unique_id"][info["period"] == period.upper()])] for frame in frames]
    rows = pd.concat(frames).assign(
        y=lambda all_: all_.groupby("unique_id", sort=False)["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    )
    every = [np.asarray(group, np.float64) for _, group in rows.groupby("unique_id", sort=False)["y"]]
    taken = [every[i] for i in np.unique(np.linspace(0, len(every) - 1, min(chosen.most, len(every))).round().astype(int))]
    return [values[: -chosen.horizon] for values in taken], np.array([values[-chosen.horizon :] for values in taken])


def frame_of(series: list[np.ndarray]) -> Any:
    """The series as a pandas frame: unique_id, ds, y."""
    import pandas as pd

    sizes = [len(values) for values in series]
    names = np.repeat([f"series {i:05d}" for i in range(len(series))], sizes)
    return pd.DataFrame({"unique_id": names, "ds": np.concatenate([np.arange(n) for n in sizes]), "y": np.concatenate(series)})


def ours(season: int, horizon: int, threads: int = 1) -> Callable[[Any], Any]:
    """Frame in, frame out: forecast, q0.1, q0.9."""
    from forecaster import frames, guardrails
    from forecaster.learners import make
    from forecaster.schema import Schema

    def work(frame: Any) -> Any:
        rows, kind = frames.read(frame)
        table, _ = guardrails.check(rows, Schema(), freq=1, season_length=season, horizon=horizon)
        said = make("ets", levels=(0.1, 0.9), threads=threads).fit(table).predict(horizon)
        columns = {"forecast": said.mean, "low": said.quantiles[..., 0], "high": said.quantiles[..., 1]}
        return frames.give(frames.long(table.ids, table.frequency, table.end + 1, horizon, columns, "ds"), kind)

    return work


def peer(season: int, horizon: int) -> Callable[[Any], Any]:
    """Frame in, frame out, by statsforecast."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    def work(frame: Any) -> Any:
        said = StatsForecast(models=[AutoETS(season_length=season)], freq=1, n_jobs=1).forecast(df=frame, h=horizon, level=[80])
        return said.rename(columns={"AutoETS": "forecast", "AutoETS-lo-80": "low", "AutoETS-hi-80": "high"})

    return work


def timed(work: Callable[[Any], Any], given: Any) -> tuple[Any, dict[str, float]]:
    """What a call gives, and its cost."""
    begun, spent = time.perf_counter(), time.process_time()
    said = work(given)
    return said, {"seconds": time.perf_counter() - begun, "CPU": time.process_time() - spent}


def measure(side: str, folder: Path) -> None:
    """One measurement, in this process."""
    loaded = np.load(folder / "series.npz")
    series = np.split(loaded["values"], np.cumsum(loaded["sizes"])[:-1])
    work = {"ours": ours, "peer": peer}[side](int(loaded["season"]), int(loaded["horizon"]))
    work(frame_of(series[:2]))
    frame = frame_of(series)
    report: dict[str, float] = {}
    for _ in range(5):
        said, cost = timed(work, frame)
        report = {name: min(cost[name], report.get(name, cost[name])) for name in cost}
        if cost["seconds"] > 1:
            break
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


def compare(name: str, options: argparse.Namespace, folder: Path) -> str:
    """One row: both sides on one set."""
    chosen = SETS[name]
    known, came = series_of(chosen, options.data)
    np.savez(
        folder / "series.npz", values=np.concatenate(known), sizes=[len(v) for v in known], season=chosen.season, horizon=chosen.horizon
    )
    pythons = {"ours": sys.executable, "peer": options.peer}
    said: dict[str, Any] = {}
    costs: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    for _ in range(options.repeats):
        for side, python in pythons.items():
            said[side] = run(side, python, folder)
            costs[side].append(json.loads(str(said[side].pop("report"))))
    cpu, wall = ({side: min(one[key] for one in many) / len(known) * 1e3 for side, many in costs.items()} for key in ("CPU", "seconds"))
    scores = {side: accuracy(said[side], known, came, chosen.scale or chosen.season) for side in pythons}
    pairs = " | ".join(f"{scores['peer'][key]:.3f} -> {scores['ours'][key]:.3f}" for key in ("sMAPE", "MASE", "80%"))
    lost = f"{scores['peer']['NaN']:.0f} -> {scores['ours']['NaN']:.0f}"
    ratios = f"{cpu['peer'] / cpu['ours']:.0f}x | {wall['peer'] / wall['ours']:.0f}x"
    return f"| {name} | {len(known)} | {cpu['peer']:.2f} | {cpu['ours']:.4f} | {ratios} | {pairs} | {lost} |"


def threads(options: argparse.Namespace) -> str:
    """One line: wall time of one thread and of two, in turns, from frame to frame and of the learner alone."""
    from forecaster.learners import make
    from forecaster.testing import table_of

    known, _ = series_of(SETS["M3 monthly"], options.data)
    many = known * 12
    frame, table = frame_of(many), table_of(many, season_length=12)
    work: dict[str, Callable[[int], Any]] = {
        "frame to frame": lambda count: ours(12, 18, count)(frame),
        "fit and predict": lambda count: make("ets", levels=(0.1, 0.9), threads=count).fit(table).predict(18),
    }
    told = []
    for name, call in work.items():
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(5):
            for count, times in seconds.items():
                times.append(timed(call, count)[1]["seconds"])
        one, two = min(seconds[1]), min(seconds[2])
        told.append(f"{name} {one:.2f} s and {two:.2f} s ({one / two:.2f}x)")
    return f"One thread and two, {len(many):,} monthly series, wall time: {'; '.join(told)}."


def write(path: Path, rows: Iterable[str], line: str | None) -> None:
    """Put rows and line into the section between the marks; what was not measured now stays as it is."""
    text = path.read_text() if path.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text:
        text += f"\n{BEGIN}\n{END}\n"
    before, section, after = re.split(f"{BEGIN}|{END}", text)
    kept = dict(re.findall(r"^(\| [^|]+ \|)(.*)$", section, re.MULTILINE))
    kept |= {row[: row.index("|", 1) + 1]: row[row.index("|", 1) + 1 :] for row in rows}
    table = [f"| {name} |{kept[f'| {name} |']}" for name in SETS if f"| {name} |" in kept]
    scaling = line or next(iter(re.findall(r"^One thread and two.*$", section, re.MULTILINE)), "")
    path.write_text(f"{before}{BEGIN}\n" + TEXT.format(head=HEAD, rows="\n".join(table), scaling=scaling) + f"\n{END}{after}")


TEXT = """## ets beside statsforecast's AutoETS

`tests/benchmarks/ets_vs_statsforecast.py`: pandas frame to forecast frame, 80% interval included, one thread each, sides in turns,
each in processes of its own; a call of less than a second is made five times. Milliseconds per series, best of all;
statsforecast 2.1.1 -> ours. [ets.md](ets.md) tells where rules and settings were picked.

{head}
{rows}

{scaling}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared/data")
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has statsforecast")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--threads", action=argparse.BooleanOptionalAction, default=True, help="measure two threads against one")
    parser.add_argument("--write", type=Path, help="page whose section of ets gets what was measured")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return measure(options.side, options.folder)
    print(HEAD)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            rows.append(compare(name, options, Path(folder)))
            print(rows[-1], flush=True)
    line = threads(options) if options.threads else None
    print(line or "")
    if options.write:
        write(options.write, rows, line)
    return None


if __name__ == "__main__":
    main()
