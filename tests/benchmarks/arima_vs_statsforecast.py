"""Automatic ARIMA beside statsforecast's AutoARIMA: same series, same cores, frame in to forecast frame with an 80% interval out.

    python tests/benchmarks/arima_vs_statsforecast.py --peer /path/to/python-with-statsforecast
        [--data ../shared/data] [--sets m3_monthly ...] [--series 100] [--repeats 3] [--threads 1] [--out docs/benchmarks.md]
    python tests/benchmarks/arima_vs_statsforecast.py --generated 50000 [--threads 2]     # how long a million take, in how much memory
    python tests/benchmarks/arima_vs_statsforecast.py --ratio 2000                        # two threads against one

Every measurement is a process of its own, the sides take turns, and both start from the same pandas frame in memory, after a
warm-up on three series. Seconds are those of the clock, the best of the repeats on either side (statsforecast is measured once where a
round takes it more than a minute); CPU is that of all threads. MASE is scaled by the seasonal differences of the training values, mean
over series, its change with the standard error of the paired differences; "inside" is the share of the values to come within the
interval. The peer takes no missing values: nn5 is filled by straight lines for both sides. `--out` puts rows in the place of those of
the same name.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared/data"
# set -> season, horizon, frequency
SETS: dict[str, tuple[int, int, Any]] = {
    "m3_yearly": (1, 6, 1),
    "m3_quarterly": (4, 8, 1),
    "m3_monthly": (12, 18, 1),
    "m3_other": (1, 8, 1),
    "aus_tourism": (4, 8, "QS"),
    "m4_weekly": (1, 13, 1),
    "nn5": (7, 56, 1),
}
SLOW = 60.0
BLOCK = 5000
DIGITS = {"smape": 2, "mase": 3, "inside": 0}
BESIDE, AT_SCALE = "ARIMA beside statsforecast's AutoARIMA", "ARIMA at scale"
HEADER = [
    "| set | series | length | statsforecast ms | ours ms | faster (clock) | faster (CPU) | sMAPE | MASE | change | inside 80% | NaN |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
]
Work = Callable[[], Any]


def load(data: Path, name: str, series: int) -> tuple[Any, Any]:
    """Training and test frames of every k-th series of a set, so that they spread over all of it: unique_id, ds, y."""
    import pandas as pd

    if name.startswith("m3"):
        info = pd.read_parquet(data / "m3/info.parquet")
        wanted = info.unique_id[info.period == name.removeprefix("m3_").upper()]
        train, test = (pd.read_parquet(data / f"m3/{part}.parquet") for part in ("train", "test"))
        train, test = train[train.unique_id.isin(wanted)], test[test.unique_id.isin(wanted)]
    elif name.startswith("m4"):
        train, test = (pd.read_parquet(data / name / f"{part}.parquet") for part in ("train", "test"))
    else:
        frame = pd.read_parquet(data / {"nn5": "nn5/cash.parquet", "aus_tourism": "aus_tourism/trips.parquet"}[name])
        frame["y"] = frame.groupby("unique_id").y.transform(lambda y: y.astype(float).interpolate(limit_direction="both"))
        behind = frame.groupby("unique_id").cumcount(ascending=False)
        train, test = frame[behind >= SETS[name][1]], frame[behind < SETS[name][1]]
    ids = np.sort(train.unique_id.unique())
    chosen = ids[:: max(len(ids) // series, 1)][:series]
    parts = (
        part[part.unique_id.isin(chosen)][["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], ignore_index=True)
        for part in (train, test)
    )
    train, test = (part.astype({"y": float}) for part in parts)
    return train, test


def ours(frame: Any, name: str, options: argparse.Namespace) -> Work:
    from forecaster import frames, guardrails
    from forecaster.learners import make
    from forecaster.schema import Schema

    season, horizon, freq = SETS[name]
    recipe = make("arima", threads=options.threads, average=options.average)

    def work() -> Any:
        read, kind = frames.read(frame)
        table, _ = guardrails.check(read, Schema(), freq=freq, season_length=season, horizon=horizon)
        said = recipe.fit(table).predict(horizon)
        columns = {"forecast": said.mean} | {f"q{level:g}": said.quantiles[:, :, i] for i, level in enumerate(said.levels)}
        return frames.give(frames.long(table.ids, table.frequency, table.end + 1, horizon, columns, "ds"), kind)

    return work


def theirs(frame: Any, name: str, options: argparse.Namespace) -> Work:
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA

    season, horizon, freq = SETS[name]

    def work() -> Any:
        made = StatsForecast([AutoARIMA(season_length=season)], freq, n_jobs=options.threads)
        return made.forecast(df=frame, h=horizon, level=[80])

    return work


def generated(series: int, seed: int) -> Any:
    """A frame of monthly series of 60 to 180 values: a random walk with drift, a season that is more or less steady, and noise."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    n, season = rng.integers(60, 181, series), 12
    t = np.arange(n.max())
    walk = np.cumsum(rng.normal(rng.normal(0, 0.1, (series, 1)), rng.uniform(0, 1, (series, 1)), (series, n.max())), axis=1)
    wave = rng.uniform(0, 5, (series, 1)) * rng.normal(size=(series, season))[:, t % season]
    y = 100 + walk + wave + rng.normal(size=walk.shape) * rng.uniform(0.5, 2, (series, 1))
    known = t < n[:, None]
    ids = pd.Categorical.from_codes(np.repeat(np.arange(series), n), [f"{seed}-{i}" for i in range(series)])
    return pd.DataFrame({"unique_id": ids.astype(str), "ds": np.broadcast_to(t, y.shape)[known], "y": y[known]})


def a_million(options: argparse.Namespace) -> list[str]:
    """Blocks of generated series, one after another, as a batch run makes them."""
    spent, memory = 0.0, []
    blocks = max(options.generated // BLOCK, 1)
    for block in range(blocks):
        work = ours(generated(BLOCK, block), "m3_monthly", options)
        clock = time.perf_counter()
        said = work()
        spent += time.perf_counter() - clock
        assert said["forecast"].notna().all()
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    count = blocks * BLOCK
    minutes = spent / count * 1e6 / 60
    second = memory[min(1, blocks - 1)]
    return [
        f"| {count} generated monthly series, {options.threads} thread(s) | {spent:.1f} s, {1e3 * spent / count:.2f} ms each: a million in "
        f"{minutes:.0f} minutes; peak memory {second:.0f} MB after {2 * BLOCK}, {memory[-1]:.0f} MB after {count} |"
    ]


def two_to_one(options: argparse.Namespace) -> list[str]:
    frame, best = generated(options.ratio, 0), {}
    for _ in range(options.repeats):
        for threads in (1, 2):
            work = ours(frame, "m3_monthly", argparse.Namespace(threads=threads, average=options.average))
            clock = time.perf_counter()
            work()
            best[threads] = min(best.get(threads, np.inf), time.perf_counter() - clock)
    told = f"one thread {best[1]:.2f} s, two {best[2]:.2f} s: {best[1] / best[2]:.2f} times as fast"
    return [f"| two threads, {options.ratio} generated monthly series | {told} |"]


def measure(options: argparse.Namespace) -> None:
    """One measurement, in this process."""
    import pandas as pd

    frame = pd.read_parquet(options.folder / "train.parquet")
    side = {"ours": ours, "theirs": theirs}[options.side]
    few = frame[frame.unique_id.isin(frame.unique_id.unique()[:3])].reset_index(drop=True)
    side(few, options.set, options)()
    work = side(frame, options.set, options)
    clock, cpu = time.perf_counter(), time.process_time()
    said = work()
    told = {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu}
    said.to_parquet(options.folder / f"{options.side}.parquet")
    print(json.dumps(told))


def accuracy(folder: Path, side: str, season: int) -> dict[str, Any]:
    import pandas as pd

    train, test, said = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test", side))
    said = said.rename(columns={"AutoARIMA": "forecast", "AutoARIMA-lo-80": "q0.1", "AutoARIMA-hi-80": "q0.9"})
    both = test.merge(said, on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == len(test)
    scale = train.groupby("unique_id").y.apply(
        lambda y: np.abs(np.diff(y) if season == 1 else y.to_numpy()[season:] - y.to_numpy()[:-season]).mean()
    )
    off = (both.y - both.forecast).abs()
    smape = 200 * off / (both.y.abs() + both.forecast.abs())
    mase = off.groupby(both.unique_id).mean() / scale
    inside = ((both.y >= both["q0.1"]) & (both.y <= both["q0.9"])).mean()
    return {"smape": smape.mean(), "mase": mase[np.isfinite(mase)], "inside": 100 * inside, "nan": int(both.forecast.isna().sum())}


def compare(name: str, options: argparse.Namespace) -> dict[str, Any]:
    train, test = load(options.data, name, options.series)
    best: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        train.to_parquet(folder / "train.parquet")
        test.to_parquet(folder / "test.parquet")
        for _ in range(options.repeats):
            for side, python in (("ours", sys.executable), ("theirs", options.peer)):
                if side in best and best[side]["seconds"] > SLOW:
                    continue
                command = [python, __file__, "--side", side, "--set", name, "--folder", str(folder), "--threads", str(options.threads)]
                done = subprocess.run([*command, "--average", str(options.average)], capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"{name} {side}: {done.stderr[-2000:]}")
                told = json.loads(done.stdout.splitlines()[-1])
                best[side] = min(best.get(side, told), told, key=lambda one: one["seconds"])
        for side in best:
            best[side] |= accuracy(folder, side, SETS[name][0])
    return {"set": name, "series": train.unique_id.nunique(), "length": len(train) / train.unique_id.nunique()} | best


def beside(name: str, options: argparse.Namespace) -> list[str]:
    return [row(compare(name, options))]


def row(one: dict[str, Any]) -> str:
    us, them = one["ours"], one["theirs"]
    off = us["mase"] - them["mase"]
    change, doubt = (100 * x / them["mase"].mean() for x in (off.mean(), off.std() / np.sqrt(len(off))))
    pairs = {key: f"{np.mean(them[key]):.{digits}f} → {np.mean(us[key]):.{digits}f}" for key, digits in DIGITS.items()}
    each = [1e3 * side["seconds"] / one["series"] for side in (them, us)]
    speed = [f"{each[0]:.0f}", f"{each[1]:.2f}", *(f"{them[key] / us[key]:.0f}x" for key in ("seconds", "cpu"))]
    accuracy = [pairs["smape"], pairs["mase"], f"{change:+.1f}% ± {doubt:.1f}", pairs["inside"]]
    return "| " + " | ".join([one["set"], str(one["series"]), f"{one['length']:.0f}", *speed, *accuracy, str(us["nan"])]) + " |"


def put(path: Path, title: str, header: list[str], rows: list[str]) -> None:
    """Put rows into the table under a title, in the place of those whose first cell is theirs; other sections stay."""
    text = path.read_text() if path.exists() else "# Benchmarks\n"
    if f"## {title}\n" not in text:
        text += "\n".join(["", f"## {title}", "", *header, ""])
    before, top, after = text.partition("\n".join([f"## {title}", "", *header, ""]))
    kept = list(itertools.takewhile(lambda line: line.startswith("|"), after.split("\n")))
    table = {line.split("|")[1]: line for line in [*kept, *rows]}
    path.write_text(before + top + "\n".join([*table.values(), *after.split("\n")[len(kept) :]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default="python")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--average", type=int, default=6, help="models that forecast together")
    parser.add_argument("--generated", type=int)
    parser.add_argument("--ratio", type=int)
    parser.add_argument("--out", type=Path)
    for hidden in ("--side", "--set"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options)
        return
    alone = options.generated or options.ratio
    title, header = (AT_SCALE, ["| run | measured |", "|---|---|"]) if alone else (BESIDE, HEADER)
    print("\n".join(header), flush=True)
    for work in [a_million if options.generated else two_to_one] if alone else [partial(beside, name) for name in options.sets]:
        rows = work(options)
        print("\n".join(rows), flush=True)
        if options.out:
            put(options.out, title, header, rows)


if __name__ == "__main__":
    main()
