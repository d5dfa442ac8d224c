"""Theta, CES, MSTL and intermittent demand beside statsforecast: same series, same cores, frame in to forecast frame out.

    python tests/benchmarks/theta_vs_statsforecast.py --peer /path/to/python-with-statsforecast
        [--data ../shared/data] [--learners theta ces ...] [--sets m3_monthly ...] [--series 1000000]
        [--repeats 3] [--threads 1] [--out docs/benchmarks.md]
    python tests/benchmarks/theta_vs_statsforecast.py --scaling        # one thread and two, ours alone

Every measurement is a process of its own, sides take turns, and both start from the same pandas frame in memory. Each warms up on
three series first; then, up to twenty times within two seconds, the frame goes in and the forecast frame, with an 80% interval where the
learner has one, comes out. Seconds and CPU seconds are each the least of all calls. "Models alone" is the part of it that fitting
and predicting all series takes, on arrays on both sides (the peer's `GroupedArray.forecast`); the rest is reading, checking and writing
frames. MASE is scaled by the seasonal differences of the training values, mean over series; "inside" is the share of the values to
come within the interval. The peer takes no missing values: nn5 is filled by straight lines for both sides. m5_foods, m5_hobbies and
m5_household are the departments of M5, day by day; m5_weekly is all of it, week by week.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from theta_sets import SETS, load

DATA = Path(__file__).resolve().parents[3] / "shared/data"
REGULAR = ("m3_monthly", "m3_quarterly", "m4_weekly", "m4_hourly", "nn5", "aus_tourism")
LONG = ("m4_hourly", "vic_elec")
SPARSE = ("m5_foods", "m5_hobbies", "m5_household", "m5_weekly")
# what is compared: our learner and its options, the peer's class, whether there are intervals, the sets
PAIRS: dict[str, tuple[str, dict[str, Any], str, bool, tuple[str, ...]]] = {
    "theta": ("theta", {}, "DynamicOptimizedTheta", True, REGULAR),
    "theta auto": ("theta", {"form": "auto"}, "AutoTheta", True, REGULAR),
    "ces": ("ces", {}, "AutoCES", True, REGULAR),
    "mstl": ("mstl", {}, "MSTL", True, LONG),
    "croston": ("croston", {}, "CrostonClassic", False, SPARSE),
    "sba": ("sba", {}, "CrostonSBA", False, SPARSE),
    "tsb": ("tsb", {}, "TSB", False, SPARSE),
    "adida": ("adida", {}, "ADIDA", False, SPARSE),
    "imapa": ("imapa", {}, "IMAPA", False, SPARSE),
    "intermittent": ("intermittent", {}, "CrostonOptimized", False, SPARSE),
}
SECTIONS = {
    "Theta": ("theta", "theta auto"),
    "CES": ("ces",),
    "MSTL": ("mstl",),
    "Intermittent demand": ("croston", "sba", "tsb", "adida", "imapa", "intermittent"),
}
SEASONS = {"m4_hourly": [24, 168], "vic_elec": [48, 336]}
HEADS = (
    "| learner, set | series | ours us/series | peer | faster | CPU | models alone, ours | peer | faster "
    "| MASE ours / peer | sMAPE | inside 80% | NaN |"
)
# learner (of PAIRS, or by its own name) -> set and how many times over, one thread beside two
SCALED = {
    "theta": ("m3_monthly", 40),
    "theta auto": ("m3_monthly", 40),
    "ces": ("m3_monthly", 4),
    "mstl": ("m4_hourly", 10),
    "ets": ("m3_monthly", 4),
    "croston": ("m5_household", 2),
    "tsb": ("m5_household", 2),
    "adida": ("m5_household", 2),
    "imapa": ("m5_household", 2),
    "intermittent": ("m5_household", 2),
}
Work = Callable[[], tuple[Any, float]]


def ours(frame: Any, pair: str, name: str, threads: int) -> Work:
    from forecaster import frames, guardrails
    from forecaster.learners import make
    from forecaster.schema import Schema

    season, horizon, freq = SETS[name]
    learner, options, _, intervals, _ = PAIRS[pair]
    more = {"seasons": tuple(SEASONS[name])} if learner == "mstl" else {}
    recipe = make(learner, **options, **more, threads=threads)

    def work() -> tuple[Any, float]:
        read, kind = frames.read(frame, defer=True)
        table, _ = guardrails.check(read, Schema(), freq=freq, season_length=season, horizon=horizon)
        begun = time.perf_counter()
        said = recipe.fit(table).predict(horizon)
        spent = time.perf_counter() - begun
        columns = {"forecast": said.mean}
        if intervals and said.quantiles is not None:
            columns |= {f"q{level:g}": said.quantiles[:, :, i] for i, level in enumerate(said.levels)}
        return frames.give(frames.long(table.ids, table.frequency, table.end + 1, horizon, columns, "ds"), kind, fresh=True), spent

    return work


def theirs(frame: Any, pair: str, name: str, threads: int) -> Work:
    from statsforecast import StatsForecast, models
    from statsforecast.core import GroupedArray

    season, horizon, freq = SETS[name]
    _, _, peer, intervals, _ = PAIRS[pair]
    options: dict[str, Any] = {"season_length": season} if intervals else {}
    if peer == "TSB":
        options = {"alpha_d": 0.1, "alpha_p": 0.1}
    if peer == "MSTL":
        options = {"season_length": SEASONS[name]}
    model = getattr(models, peer)(**options)

    def work() -> tuple[Any, float]:
        job, spent = StatsForecast([model], freq, n_jobs=threads), Spent()
        with spent.inside(GroupedArray, "forecast"):
            return job.forecast(df=frame, h=horizon, level=[80] if intervals else None), spent.seconds

    return work


class Spent:
    """Seconds that calls of a method take."""

    seconds = 0.0

    @contextmanager
    def inside(self, owner: type, name: str) -> Iterator[None]:
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - begun

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, method)


def measure(options: argparse.Namespace) -> None:
    """One measurement, in this process."""
    import pandas as pd

    frame = pd.read_parquet(options.folder / "train.parquet")
    make = ours if options.side == "ours" else theirs
    few = frame[frame.unique_id.isin(frame.unique_id.unique()[:3])].reset_index(drop=True)
    make(few, options.pair, options.set, 1)()
    work = make(frame, options.pair, options.set, options.threads)
    calls = []
    started = time.perf_counter()
    while not calls or (len(calls) < 20 and time.perf_counter() - started < 2):
        begun, spent = time.perf_counter(), time.process_time()
        made, models = work()
        calls.append((time.perf_counter() - begun, time.process_time() - spent, models))
    best = min(calls)
    spent = min(call[1] for call in calls)
    values = made.drop(columns=["unique_id", "ds"], errors="ignore").to_numpy(float)
    np.savez(
        options.folder / f"{options.side}.npz",
        values=values,
        report=json.dumps({"seconds": best[0], "CPU": spent, "models": min(call[2] for call in calls)}),
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
                least = {part: min(value, best.get(side, report)[part]) for part, value in report.items()}
                best[side] = least | accuracy(made["values"], name, train, test)
    one, other = best["ours"], best["theirs"]
    series = train.unique_id.nunique()
    inside = " / ".join(f"{side['inside']:.2f}" if "inside" in side else "-" for side in (one, other))
    whole, models = ([1e6 * side[part] / series for side in (one, other)] for part in ("seconds", "models"))
    return (
        f"| {pair}, {name} | {series} | {_faster(*whole)} | {other['CPU'] / one['CPU']:.0f}x | {_faster(*models)} | "
        f"{one['MASE']:.3f} / {other['MASE']:.3f} | {one['sMAPE']:.2f} / {other['sMAPE']:.2f} | {inside} | "
        f"{one['NaN']:.0f} / {other['NaN']:.0f} |"
    )


def _faster(ours: float, theirs: float) -> str:
    return f"{ours:.3g} | {theirs:.4g} | {theirs / ours:.0f}x"


def scaling(options: argparse.Namespace) -> list[str]:
    """Fitting and predicting thousands of series, with one thread and with two, and what reading the values of the last set gains."""
    from forecaster import frames, guardrails
    from forecaster.schema import Schema

    rows = ["| learner | series | rows | one thread, s | two, s | faster | same bits |", "|---|---|---|---|---|---|---|"]
    for pair, (name, copies) in SCALED.items():
        season, horizon, freq = SETS[name]
        train, _ = load(options.data, name, options.series)
        table, _ = guardrails.check(frames.read(train)[0], Schema(), freq=freq, season_length=season, horizon=horizon)
        table = table.take(np.repeat(np.arange(len(table)), copies))
        more = {"seasons": tuple(SEASONS[name])} if pair == "mstl" else {}
        rows.append(_scaled(pair, table, partial(_forecast, table, horizon, pair, more)))
    with ThreadPoolExecutor(2) as pool:
        rows.append(_scaled("np.max", table, partial(_largest, table.target, pool)))
    return rows


def _forecast(table: Any, horizon: int, pair: str, more: dict[str, Any], threads: int) -> Any:
    from forecaster.learners import make

    learner, options, *_ = PAIRS.get(pair, (pair, {}))
    return make(learner, **options, **more, threads=threads).fit(table).predict(horizon).mean


def _largest(values: Any, pool: ThreadPoolExecutor, threads: int) -> Any:
    return np.max(list(pool.map(np.max, np.array_split(values, threads))))


def _scaled(name: str, table: Any, work: Callable[[int], Any]) -> str:
    """A row for the same work on one thread and on two, taking turns: the best of five calls, of up to a hundred within 2 s."""
    best, said = [np.inf, np.inf], [np.empty(0), np.empty(0)]
    rounds, started = 0, time.perf_counter()
    while rounds < 5 or (rounds < 100 and time.perf_counter() - started < 2):
        rounds += 1
        for i in (0, 1):
            begun = time.perf_counter()
            said[i] = work(i + 1)
            best[i] = min(best[i], time.perf_counter() - begun)
    same = "yes" if np.array_equal(*said) else "NO"
    row = f"| {name} | {len(table)} | {len(table.target)} | {best[0]:.4f} | {best[1]:.4f} | {best[0] / best[1]:.2f}x | {same} |"
    print(row, flush=True)
    return row


def write(path: Path, section: str, lines: list[str]) -> None:
    """Puts lines between the marks of a section, which comes to the end of the page where it has none."""
    opening, closing = (f"<!-- {section}: {end} by tests/benchmarks/theta_vs_statsforecast.py -->" for end in ("written", "end"))
    page = path.read_text() if path.exists() else "# Measured\n"
    if opening not in page:
        page += f"\n## {section}\n\n{opening}\n{closing}\n"
    before, after = page.split(opening)[0], page.split(closing)[1]
    path.write_text("\n".join([before + opening, *lines, closing]) + after)


def tables(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """The tables asked for, section by section, shown as they grow."""
    if options.scaling:
        yield "Theta, CES, MSTL, intermittent demand: one thread and two", scaling(options)
        return
    for section, pairs in SECTIONS.items():
        rows = [HEADS, "|" + "---|" * (HEADS.count("|") - 1)]
        for pair in pairs:
            for name in (name for name in PAIRS[pair][-1] if pair in options.learners and name in options.sets):
                rows.append(compare(pair, name, options))
                print(rows[-1], flush=True)
        if len(rows) > 2:
            yield section, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has statsforecast")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--learners", nargs="*", choices=list(PAIRS), default=list(PAIRS))
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--series", type=int, default=1_000_000, help="at most")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--scaling", action="store_true", help="one thread and two, ours alone")
    parser.add_argument("--out", type=Path, help="page to write the tables to, each to its own section")
    for hidden in ("--side", "--pair", "--set"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return measure(options)
    for section, rows in tables(options):
        if options.out:
            write(options.out, section, rows)
    return None


if __name__ == "__main__":
    main()
