"""`Forecaster` with its defaults beside the usual recipe: statsforecast's four automatic models and the median of them.

    python tests/benchmarks/automl_vs_statsforecast.py --peer /path/to/python-with-statsforecast --cache FOLDER
        [--data ../shared/data] [--sets m3_yearly ...] [--series 1000] [--back 0] [--out table.md]

Both sides get the same frame and the same season, and forecast the same series with 80% intervals: all of a set, or every k-th where the
peers take many seconds for each. MASE is scaled by the seasonal differences of the training values, mean over series. Seconds are CPU
seconds on one thread from frame to forecast frame, after a warm-up on ten series; the peer's are the sum of its four models, kept in
the cache with their forecasts. `--back 1` cuts a horizon off every series first: where choices of design are made. nn5 is filled by
straight lines for both sides, since the peer takes no missing values.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared/data"
# set -> season, horizon, frequency, most series
SETS: dict[str, tuple[int, int, Any, int]] = {
    "m3_yearly": (1, 6, 1, 1000),
    "m3_quarterly": (4, 8, 1, 1000),
    "m3_monthly": (12, 18, 1, 1000),
    "m3_other": (1, 8, 1, 1000),
    "aus_tourism": (4, 8, "QS", 1000),
    "m4_weekly": (1, 13, 1, 1000),
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
    return Forecaster(horizon, freq=freq, season_length=season, n_jobs=1).fit(train).predict()[["forecast", "q0.1", "q0.9"]]


def theirs(train: Any, name: str, peer: str) -> Any:
    from statsforecast import StatsForecast, models

    season, horizon, freq, _ = SETS[name]
    model = getattr(models, peer)(season_length=season, alias=peer)
    made = StatsForecast([model], freq, n_jobs=1, fallback_model=models.SeasonalNaive(season)).forecast(df=train, h=horizon, level=[80])
    return made[[peer, f"{peer}-lo-80", f"{peer}-hi-80"]]


def measure(options: argparse.Namespace) -> None:
    """One side in this process: forecasts and CPU seconds into a file."""
    train, _ = load(options.data, options.sets[0], options.series, options.back)
    few = train[train.unique_id.isin(train.unique_id.unique()[:10])].reset_index(drop=True)
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


def inside(values: np.ndarray, test: Any) -> np.ndarray:
    """How many of the values to come lie in their interval, and of how many."""
    actual = test.y.to_numpy().reshape(values.shape[:2])
    return np.array([np.sum((actual >= values[..., 1]) & (actual <= values[..., 2])), actual.size])


@dataclass(frozen=True)
class Found:
    """What was measured on a set, or on several.

    Args:
        name: Of the set.
        errors: MASE by side, the median of the peers among them. Each (series,)
        held: How many values lie in the 80% interval, by side, of how many.
        seconds: Of the processor, by side.
    """

    name: str
    errors: dict[str, np.ndarray]
    held: dict[str, np.ndarray]
    seconds: dict[str, float]

    def mean(self, side: str) -> float:
        return float(np.nanmean(self.errors[side]))

    @property
    def best(self) -> str:
        return min(PEERS, key=self.mean)

    def row(self) -> str:
        own, best, spent = self.mean("ours"), self.mean(self.best), sum(self.seconds[peer] for peer in PEERS)
        inside = " / ".join(f"{self.held[side][0] / self.held[side][1]:.1%}" for side in ("ours", self.best))
        return (
            f"| {self.name} | {len(self.errors['ours'])} | {own:.3f} | {best:.3f} {self.best} | {self.mean('median'):.3f} "
            f"| {own / best - 1:+.1%} | {inside} | {self.seconds['ours']:.1f} / {spent:.1f} | {spent / self.seconds['ours']:.0f}x |"
        )

    @classmethod
    def joined(cls, name: str, parts: Sequence[Found]) -> Found:
        """All series of several sets as one."""
        sides = parts[0].errors
        return cls(
            name,
            {side: np.concatenate([part.errors[side] for part in parts]) for side in sides},
            {side: np.sum([part.held[side] for part in parts], axis=0) for side in parts[0].held},
            {side: sum(part.seconds[side] for part in parts) for side in parts[0].seconds},
        )


def compare(name: str, options: argparse.Namespace) -> Found:
    train, test = load(options.data, name, options.series, options.back)
    sides = {side: result(side, name, options) for side in ("ours", *PEERS)}
    points = {side: values[..., 0] for side, (values, _) in sides.items()}
    points["median"] = np.median([points[peer] for peer in PEERS], axis=0)
    return Found(
        name,
        {side: mase(values, train, test, SETS[name][0]) for side, values in points.items()},
        {side: inside(values, test) for side, (values, _) in sides.items()},
        {side: seconds for side, (_, seconds) in sides.items()},
    )


def means(found: Sequence[Found]) -> str:
    """The mean over the sets, M3 being one, of every side's MASE."""
    told = {side: float(np.mean([one.mean(side) for one in found])) for side in ("ours", "median", *PEERS)}
    return f"mean MASE of {len(found)} sets ({', '.join(one.name for one in found)}): " + ", ".join(f"{k} {v:.3f}" for k, v in told.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has statsforecast")
    parser.add_argument("--cache", type=Path, default=Path("automl_cache"), help="where forecasts of the peer are kept")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--series", type=int, default=1000, help="of a set at most")
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
    found = []
    for name in options.sets:
        found.append(compare(name, options))
        rows.append(found[-1].row())
        print(rows[-1], flush=True)
    if m3 := [one for one in found if one.name.startswith("m3")]:
        found = [Found.joined("m3", m3), *(one for one in found if one not in m3)]
        rows.append(found[0].row())
        print(rows[-1])
    rows += ["", means(found)]
    print("\n".join(rows[-2:]))
    if options.out:
        options.out.write_text("\n".join(rows) + "\n")
    return None


if __name__ == "__main__":
    main()
