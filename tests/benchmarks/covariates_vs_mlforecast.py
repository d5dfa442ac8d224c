"""`Forecaster` with its defaults beside mlforecast + LightGBM where covariates tell most: orange juice and Rossmann.

    python tests/benchmarks/covariates_vs_mlforecast.py --peer /path/to/python-with-mlforecast [--sets orange_juice rossmann]
        [--series 250] [--each] [--back 0 ...] [--out table.md]

Both sides get the same frames: the series that have a row at every step of the last horizon and at the one before it, gaps of single weeks
filled by straight lines since the peer's lags count rows (stores of Rossmann that were closed for half a year are left out). Known
covariates are known ahead, static ones are given to both. The peer is recursive with lags, rolling means, date features and a LightGBM of
as many rounds and leaves as ours takes, on the target as it is and on its logarithm; the table shows both. `--each` has one model per
series on both sides, of the series with more than four horizons of values, where static columns tell nothing. `--back 1` cuts a
horizon off every series first: where choices of design are made; of several, the table has the means. Seconds are CPU seconds on one
thread from frame to forecast frame, backtest and 80% intervals included on our side, neither on the peer's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

DATA = Path(__file__).resolve().parents[3] / "shared/data"
SIDES = ("ours", "mlforecast", "mlforecast log")
Scores = tuple[float, float, float, float]
"""WAPE, MASE, bias, share inside the interval of 80%."""
HEADS = "| set | series | side | WAPE | MASE | bias | inside 80% | CPU s |"


@dataclass(frozen=True)
class Source:
    """A set of series with covariates."""

    horizon: int
    freq: str
    season: int
    known: tuple[str, ...]
    static: tuple[str, ...]
    lags: tuple[int, ...]
    means: tuple[int, ...]
    dates: tuple[str, ...]


SETS = {
    "orange_juice": Source(6, "W-THU", 1, ("price", "deal", "feat"), ("store", "brand"), (1, 2, 3, 4), (4, 8, 26), ("month", "week")),
    "rossmann": Source(
        42, "D", 7, ("Open", "Promo", "StateHoliday", "SchoolHoliday"), ("StoreType", "Assortment", "CompetitionDistance", "Promo2"),
        (1, 2, 7, 14, 28, 42), (7, 14, 28, 91), ("month", "day", "dayofweek", "dayofyear"),
    ),
}  # fmt: skip


def whole(data: Path, name: str) -> pd.DataFrame:
    """All rows of a set: unique_id, ds, y, known and static covariates."""
    rows = pd.read_parquet(data / name / "sales.parquet").astype({"y": float})
    if name == "rossmann":
        rows = rows.merge(pd.read_parquet(data / name / "stores.parquet"), on="unique_id")
        rows["CompetitionDistance"] = rows["CompetitionDistance"].fillna(rows["CompetitionDistance"].max())
        return rows[rows.groupby("unique_id")["y"].transform("size") == rows["ds"].nunique()]
    return rows.astype({"store": str})


def filled(rows: pd.DataFrame, source: Source) -> pd.DataFrame:
    """A row at every step from the first to the last of each series: straight lines for the target, the last value for the rest."""

    def one(series: pd.DataFrame) -> pd.DataFrame:
        steps = pd.date_range(series["ds"].iloc[0], series["ds"].iloc[-1], freq=source.freq)
        wide = series.set_index("ds").reindex(steps)
        return wide.assign(y=wide["y"].interpolate()).ffill().rename_axis("ds").reset_index()

    return pd.concat([one(series) for _, series in rows.groupby("unique_id", sort=True)], ignore_index=True)


def load(data: Path, name: str, back: int, series: int = 10_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows of every k-th series, `back` horizons before the end."""
    source = SETS[name]
    rows = whole(data, name)[["unique_id", "ds", "y", *source.known, *source.static]].sort_values(["unique_id", "ds"])
    stamps = np.sort(rows["ds"].unique())
    last = len(stamps) - back * source.horizon
    rows = rows[rows["ds"] <= stamps[last - 1]]
    late = rows["ds"].isin(stamps[last - source.horizon - 1 : last])
    complete = late.groupby(rows["unique_id"]).transform("sum") == source.horizon + 1
    names = np.sort(rows.loc[complete, "unique_id"].unique())
    rows = filled(rows[rows["unique_id"].isin(names[:: -(-len(names) // series)])], source)
    held_out = rows["ds"] >= stamps[last - source.horizon]
    return rows[~held_out].reset_index(drop=True), rows[held_out].reset_index(drop=True)


def alone(rows: pd.DataFrame, source: Source) -> pd.DataFrame:
    """The series that are long enough for a model of their own."""
    return rows[rows.groupby("unique_id")["y"].transform("size") > 4 * source.horizon].reset_index(drop=True)


def ours(train: pd.DataFrame, future: pd.DataFrame, source: Source, each: bool) -> pd.DataFrame:
    from forecaster.block import fit_block
    from forecaster.settings import Settings

    settings = Settings(horizon=source.horizon, known=source.known, static=source.static, n_jobs=1)
    job = fit_block(pa.Table.from_pandas(train, preserve_index=False), settings, ("unique_id",) if each else ())
    return job.predict(pa.Table.from_pandas(future, preserve_index=False)).to_pandas()[["forecast", "q0.1", "q0.9"]]


def theirs(train: pd.DataFrame, future: pd.DataFrame, source: Source, each: bool, log: bool) -> pd.DataFrame:
    if not each:
        return of_peer(train, future, source, log)
    ahead = dict(list(future.groupby("unique_id")))
    return pd.concat([of_peer(rows, ahead[name], source, log) for name, rows in train.groupby("unique_id")])


def of_peer(train: pd.DataFrame, future: pd.DataFrame, source: Source, log: bool) -> pd.DataFrame:
    """The forecast of one model of the peer."""
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import GlobalSklearnTransformer
    from sklearn.preprocessing import FunctionTransformer

    texts = [name for name in (*source.known, *source.static) if not pd.api.types.is_numeric_dtype(train[name])]
    labels = {name: pd.CategoricalDtype(sorted(train[name].unique())) for name in texts}
    model = LGBMRegressor(
        n_estimators=120, num_leaves=47, learning_rate=0.05, min_child_samples=20, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.8, n_jobs=1, random_state=0, verbosity=-1,
    )  # fmt: skip
    job = MLForecast(
        {"forecast": model}, source.freq, lags=list(source.lags), lag_transforms={1: [RollingMean(n, min_samples=1) for n in source.means]},
        date_features=list(source.dates), num_threads=1,
        target_transforms=[GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1, check_inverse=False))] if log else None,
    )  # fmt: skip
    job.fit(train.astype(labels), static_features=list(source.static), dropna=True)
    given = future.astype(labels).drop(columns=["y", *source.static])
    return job.predict(source.horizon, X_df=given)[["forecast"]]


def measure(options: argparse.Namespace) -> None:
    """One side in this process: forecasts and CPU seconds into a file."""
    source = seen(options.sets[0], options)
    train, future = (pd.read_parquet(options.work / f"{part}.parquet") for part in ("train", "test"))
    spent = time.process_time()
    if options.side == "ours":
        made = ours(train, future.drop(columns="y"), source, options.each)
    else:
        made = theirs(train, future, source, options.each, options.side.endswith("log"))
    np.savez(options.work / f"{options.side}.npz", values=made.to_numpy(float), seconds=time.process_time() - spent)


def seen(name: str, options: argparse.Namespace) -> Source:
    """The set as both sides see it."""
    return replace(SETS[name], static=()) if options.each else SETS[name]


def compare(name: str, options: argparse.Namespace) -> list[str]:
    """The rows of one set, one per side."""
    found: dict[str, list[tuple[int, Scores, float]]] = {}
    for back in options.back:
        for side, one in at(name, back, options).items():
            found.setdefault(side, []).append(one)
    rows = []
    for side, every in found.items():
        series, scores, seconds = (np.mean(part, axis=0) for part in zip(*every, strict=True))
        rows.append(f"| {name} | {series:.0f} | {side} | {told(*scores)} | {seconds:.1f} |")
        print(rows[-1], flush=True)
    return rows


def at(name: str, back: int, options: argparse.Namespace) -> dict[str, tuple[int, Scores, float]]:
    """Series, scores and seconds of each side, some horizons before the end."""
    source, found = seen(name, options), {}
    train, test = load(options.data, name, back, options.series)
    if options.each:
        static = list(SETS[name].static)
        train, test = alone(train.drop(columns=static), source), test.drop(columns=static)
        test = test[test["unique_id"].isin(train["unique_id"])].reset_index(drop=True)
    with tempfile.TemporaryDirectory() as folder:
        for part, frame in (("train", train), ("test", test)):
            frame.to_parquet(Path(folder) / f"{part}.parquet", index=False)
        for side in options.only or SIDES:
            python = sys.executable if side == "ours" else options.peer
            given = ["--sets", name, "--side", side, "--work", folder, *(["--each"] if options.each else [])]
            subprocess.run([*options.before, python, __file__, *given], check=True)
            made = np.load(Path(folder) / f"{side}.npz")
            found[side] = test["unique_id"].nunique(), scored(made["values"], train, test, source), float(made["seconds"])
    return found


def scored(values: np.ndarray, train: pd.DataFrame, test: pd.DataFrame, source: Source) -> Scores:
    """The scores of forecasts that stand in the order of the test rows. (rows, 1 or 3)"""
    actual = test["y"].to_numpy()
    error = np.abs(actual - values[:, 0])
    scale = train.groupby("unique_id")["y"].agg(lambda y: float(y.diff(source.season).abs().mean()))
    mase = pd.Series(error).groupby(test["unique_id"]).mean() / scale
    inside = np.nan if values.shape[1] < 3 else float(np.mean((actual >= values[:, 1]) & (actual <= values[:, 2])))
    return float(error.sum() / actual.sum()), float(mase.mean()), float(values[:, 0].sum() / actual.sum() - 1), inside


def told(wape: float, mase: float, bias: float, inside: float) -> str:
    return f"{wape:.4f} | {mase:.4f} | {bias:+.1%} | {'-' if np.isnan(inside) else f'{inside:.1%}'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has mlforecast and lightgbm")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--only", nargs="*", choices=SIDES, help="sides to run, all where absent")
    parser.add_argument("--series", type=int, default=10_000, help="most series of a set")
    parser.add_argument("--each", action="store_true", help="one model per series")
    parser.add_argument("--back", nargs="*", type=int, default=[0], help="horizons to cut off first")
    parser.add_argument("--before", nargs="*", default=[], help="a command to run every measurement with")
    parser.add_argument("--out", type=Path, help="also write the table here")
    for hidden in ("--side", "--work"):
        parser.add_argument(hidden, help=argparse.SUPPRESS, type=Path if hidden == "--work" else str)
    options = parser.parse_args()
    if options.side:
        return measure(options)
    lines = [HEADS, "|" + "---|" * (HEADS.count("|") - 1)]
    print("\n".join(lines))
    for name in options.sets:
        lines += compare(name, options)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")
    return None


if __name__ == "__main__":
    main()
