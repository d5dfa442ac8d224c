"""`Forecaster` with its defaults beside the usual recipe: statsforecast's four automatic models and the median of them.

    python tests/benchmarks/automl_vs_statsforecast.py --peer /path/to/python-with-statsforecast --cache FOLDER
        [--data ../shared/data] [--sets m3_yearly ...] [--series 300] [--back 0] [--out table.md]

Both sides get the same frame and the same season, and forecast the same series with 80% intervals: every k-th of a set, fewer where the
peer takes minutes per series. MASE is scaled by the seasonal differences of the training values, mean over series. Seconds are CPU
seconds of all threads from frame to forecast frame, after a warm-up on three series; the peer's are the sum of its four models, kept in
the cache with their forecasts. `--back 1` cuts a horizon off every series first: where choices of design are made. nn5 is filled by
straight lines for both sides, since the peer takes no missing values.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared/data"
# set -> season, horizon, frequency, most series
SETS: dict[str, tuple[int, int, Any, int]] = {
    "m3_yearly": (1, 6, 1, 400),
    "m3_quarterly": (4, 8, 1, 200),
    "m3_monthly": (12, 18, 1, 150),
    "m3_other": (1, 8, 1, 100),
    "aus_tourism": (4, 8, "QS", 152),
    "m4_weekly": (1, 13, 1, 60),
    "nn5": (7, 56, 1, 38),
    "m4_hourly": (24, 48, 1, 22),
}
PEERS = ("AutoARIMA", "AutoETS", "AutoTheta", "AutoCES")
HEADS = "| set | series | ours | best single peer | their median | ours to the best | inside 80% ours / best | CPU s ours / peers | times |"


def whole(data: Path, name: str) -> Any:
    """All rows of a set: unique_id, ds, y."""
    import pandas as pd

    if name.startswith("m3"):
        info = pd.read_parquet(data / "m3/info.parquet")
        wanted = info.unique_id[info.period == name.removeprefix("m3_").upper()]
        rows = pd.concat([pd.read_parquet(data / f"m3/{part}.parquet") for part in ("train", "test")])
        return rows[rows.unique_id.isin(wanted)]
    if name.startswith("m4"):
        parts = [pd.read_parquet(data / name / f"{part}.parquet", columns=["unique_id", "ds", "y"]) for part in ("train", "test")]
        return pd.concat([part.astype({"ds": "int64"}) for part in parts])
    frame = pd.read_parquet(data / {"nn5": "nn5/cash.parquet", "aus_tourism": "aus_tourism/trips.parquet"}[name])
    return frame.assign(y=frame.groupby("unique_id").y.transform(lambda y: y.astype(float).interpolate(limit_direction="both")))


def load(data: Path, name: str, series: int, back: int) -> tuple[Any, Any]:
    """Training and test frames of every k-th series, `back` horizons before the end."""
    rows = whole(data, name)[["unique_id", "ds", "y"]].astype({"y": float, "unique_id": object})
    rows = rows.sort_values(["unique_id", "ds"], ignore_index=True)
    _, horizon, _, most = SETS[name]
    left = rows.groupby("unique_id").cumcount(ascending=False) - back * horizon
    known = (left >= horizon).groupby(rows.unique_id).sum()
    ids = np.sort(known.index[known >= 4].to_numpy(object))
    wanted = min(series, most)
    rows["left"] = left
    rows = rows[rows.unique_id.isin(ids[:: max(-(-len(ids) // wanted), 1)]) & (left >= 0)]
    train, test = rows[rows.left >= horizon], rows[rows.left < horizon]
    return tuple(part.drop(columns="left").reset_index(drop=True) for part in (train, test))  # type: ignore[return-value]


def ours(train: Any, name: str) -> Any:
    from forecaster import Forecaster

    season, horizon, freq, _ = SETS[name]
    return Forecaster(horizon, freq=freq, season_length=season).fit(train).predict()[["forecast", "q0.1", "q0.9"]]


def theirs(train: Any, name: str, peer: str) -> Any:
    from statsforecast import StatsForecast, models

    season, horizon, freq, _ = SETS[name]
    model = getattr(models, peer)(season_length=season, alias=peer)
    made = StatsForecast([model], freq, n_jobs=1, fallback_model=models.SeasonalNaive(season)).forecast(df=train, h=horizon, level=[80])
    return made[[peer, f"{peer}-lo-80", f"{peer}-hi-80"]]


def measure(options: argparse.Namespace) -> None:
    """One side in this process: forecasts and CPU seconds into a file."""
    train, _ = load(options.data, options.sets[0], options.series, options.back)
    few = train[train.unique_id.isin(train.unique_id.unique()[:3])].reset_index(drop=True)
    work = (
        (lambda rows: ours(rows, options.sets[0])) if options.side == "ours" else (lambda rows: theirs(rows, options.sets[0], options.side))
    )
    work(few.groupby("unique_id").tail(60).reset_index(drop=True))
    begun, spent = time.perf_counter(), time.process_time()
    values = work(train).to_numpy(float)
    report = np.array([time.process_time() - spent, time.perf_counter() - begun])
    np.savez(options.result, values=values, seconds=report)


def result(side: str, name: str, options: argparse.Namespace) -> tuple[np.ndarray, float]:
    """Forecasts (series, horizon, 3) and CPU seconds of one side; the peer's come from the cache where they lie there."""
    path = options.cache / f"{name}-{options.series}-{options.back}-{side}.npz"
    if side == "ours" or not path.exists():
        python = sys.executable if side == "ours" else options.peer
        given = [
            "--sets",
            name,
            "--series",
            options.series,
            "--back",
            options.back,
            "--data",
            options.data,
            "--side",
            side,
            "--result",
            path,
        ]
        subprocess.run([*options.before, python, __file__, *map(str, given)], check=True)
    made = np.load(path)
    return made["values"].reshape(-1, SETS[name][1], 3), float(made["seconds"][0])


def mase(forecast: np.ndarray, train: Any, test: Any, season: int) -> np.ndarray:
    """Per series; NaN where the training values repeat themselves."""
    actual = test.y.to_numpy().reshape(forecast.shape)
    scale = np.array([np.mean(np.abs(y[season:] - y[:-season])) for y in (g.to_numpy() for _, g in train.groupby("unique_id").y)])
    return np.abs(actual - forecast).mean(1) / np.where(scale > 0, scale, np.nan)


def inside(values: np.ndarray, test: Any) -> float:
    actual = test.y.to_numpy().reshape(values.shape[:2])
    return float(np.mean((actual >= values[..., 1]) & (actual <= values[..., 2])))


def compare(name: str, options: argparse.Namespace) -> str:
    """One row of the table."""
    train, test = load(options.data, name, options.series, options.back)
    season = SETS[name][0]
    peers = {peer: result(peer, name, options) for peer in PEERS}
    mine, seconds = result("ours", name, options)
    scores = {peer: np.nanmean(mase(values[..., 0], train, test, season)) for peer, (values, _) in peers.items()}
    best = min(scores, key=scores.__getitem__)
    middle = np.nanmean(mase(np.median([values[..., 0] for values, _ in peers.values()], axis=0), train, test, season))
    own = np.nanmean(mase(mine[..., 0], train, test, season))
    spent = sum(used for _, used in peers.values())
    return (
        f"| {name} | {len(mine)} | {own:.3f} | {scores[best]:.3f} {best} | {middle:.3f} | {own / scores[best] - 1:+.1%} "
        f"| {inside(mine, test):.1%} / {inside(peers[best][0], test):.1%} | {seconds:.1f} / {spent:.1f} | {spent / seconds:.0f}x |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has statsforecast")
    parser.add_argument("--cache", type=Path, default=Path("automl_cache"), help="where forecasts of the peer are kept")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--back", type=int, default=0, help="horizons to cut off first")
    parser.add_argument("--before", nargs="*", default=[], help="a command to run every measurement with")
    parser.add_argument("--out", type=Path, help="also write the table here")
    for hidden in ("--side", "--result"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return measure(options)
    options.cache.mkdir(parents=True, exist_ok=True)
    rows = [HEADS, "|" + "---|" * (HEADS.count("|") - 1)]
    print("\n".join(rows))
    for name in options.sets:
        rows.append(compare(name, options))
        print(rows[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(rows) + "\n")
    return None


if __name__ == "__main__":
    main()
