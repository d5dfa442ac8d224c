"""How often 80% intervals hold what came, on real series: one model per series, where there is little to learn from, and one for all.

    python tests/benchmarks/interval_coverage.py [--series 100] [--cases "all, 3 w"] [--origins 3] [--back 0] [--apart STEPS] [--part 1]
        [--learners auto] [set ...]

Every series is cut at several origins, fitted with the defaults of `Forecaster`, and the interval from q0.1 to q0.9 is held against the
horizon that was cut off; at all origins but the last, forecasts go on for a second horizon, and "past" is what lies in it. Origins lie a
horizon apart, or `--apart` steps; a series counts at those before which it has room for three windows. Sets of M3 are told by themselves
and together, every value counting alike. A period unlike those before it misses its mark under any calibration, so the verdict is on the
mean over the sets: 76% to 84%, or it exits with 1. Needs ../shared/data.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from forecaster import RollingOrigin
from forecaster.block import fit_block
from forecaster.settings import Settings

Counts = NDArray[np.float64]
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CASES = {"one, 1 w": ("one", 1), "one, 3 w": ("one", 3), "all, 3 w": ("all", 3)}
"""Models per series or for all, and windows of their backtest."""
BOUNDS = (0.76, 0.84)
ROOM = 4  # horizons before an origin: three windows and as much to train the first of them on


@dataclass(frozen=True)
class Source:
    """A set of series: unique_id, ds, y and covariates that are known ahead."""

    read: Callable[[], pd.DataFrame]
    horizon: int
    season: int | None = None
    freq: str | None = None
    known: tuple[str, ...] = ()
    kept: int = 500  # most values of a series, so that the long ones do not take all the time


def m3(period: str) -> Callable[[], pd.DataFrame]:
    def read() -> pd.DataFrame:
        info = pd.read_parquet(DATA / "m3" / "info.parquet")
        rows = competition("m3")()
        return rows[rows["unique_id"].isin(info.loc[info["period"] == period, "unique_id"])]

    return read


def competition(folder: str) -> Callable[[], pd.DataFrame]:
    parts = ("train", "test")
    return lambda: pd.concat([pd.read_parquet(DATA / folder / f"{part}.parquet", columns=["unique_id", "ds", "y"]) for part in parts])


def nn5() -> pd.DataFrame:
    return pd.read_parquet(DATA / "nn5" / "cash.parquet", columns=["unique_id", "date", "y"]).rename(columns={"date": "ds"})


def plain(file: str) -> Callable[[], pd.DataFrame]:
    return lambda: pd.read_parquet(DATA / file, columns=["unique_id", "ds", "y"])


def rossmann() -> pd.DataFrame:
    rows = pd.read_parquet(DATA / "rossmann/sales.parquet")
    return rows[rows.groupby("unique_id")["y"].transform("size") == rows["ds"].nunique()].astype({"unique_id": str})


def vic_elec() -> pd.DataFrame:
    return pd.read_parquet(DATA / "vic_elec/demand.parquet").drop(columns="ds").rename(columns={"ds_utc": "ds"})


def bike_share() -> pd.DataFrame:
    rows = pd.read_parquet(DATA / "bike_share/rides.parquet", columns=["date", "cnt"])
    return rows.assign(unique_id="rides", ds=pd.to_datetime(rows["date"], format="%m/%d/%Y"), y=rows["cnt"])


def m5(*columns: str) -> Callable[[], pd.DataFrame]:
    """Sales of M5, summed up by some of its columns."""

    def read() -> pd.DataFrame:
        rows = pd.read_parquet(DATA / "m5/sales.parquet").astype({"store_id": str, "item_id": str})
        rows["dept_id"] = rows["item_id"].str.rsplit("_", n=1).str[0]
        rows["unique_id"] = rows[columns[0]].str.cat([rows[column] for column in columns[1:]], sep=" ")
        return rows.groupby(["unique_id", "date"], as_index=False)["sales"].sum().rename(columns={"date": "ds", "sales": "y"})

    return read


SETS = {
    "m3 yearly": Source(m3("YEARLY"), 6, 1),
    "m3 quarterly": Source(m3("QUARTERLY"), 8, 4),
    "m3 monthly": Source(m3("MONTHLY"), 18, 12),
    "m3 other": Source(m3("OTHER"), 8, 1),
    "m4 weekly": Source(competition("m4_weekly"), 13, 52),
    "m4 hourly": Source(competition("m4_hourly"), 48, 24),
    "tourism": Source(plain("aus_tourism/trips.parquet"), 8),
    "orange juice": Source(plain("orange_juice/sales.parquet"), 6),
    "nn5": Source(nn5, 56, 7, "D"),
    "rossmann": Source(rossmann, 42, 7, "D", ("Open", "Promo", "StateHoliday", "SchoolHoliday"), kept=942),
    "vic_elec": Source(vic_elec, 336, 48, "30min", ("holiday",), kept=16 * 336),
    "bike share": Source(bike_share, 14, 7, "D", kept=731),
    "m5 departments": Source(m5("store_id", "dept_id"), 28, 7, "D"),
    "m5 items": Source(m5("store_id", "item_id"), 28, 7, "D"),
}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("sets", nargs="*", default=list(SETS), help=", ".join(SETS))
    asked.add_argument("--series", type=int, default=100, help="of a set at most")
    asked.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    asked.add_argument("--origins", type=int, default=3)
    asked.add_argument("--back", type=int, default=0, help="origins left out at the end")
    asked.add_argument("--apart", type=int, help="steps between origins; a horizon else")
    asked.add_argument("--part", type=int, default=1, help="horizons are this part of those of the set: 2 for half ones")
    asked.add_argument("--learners", nargs="*", default="auto")
    options = asked.parse_args()
    if not DATA.exists():
        print(f"needs the real series in {DATA}")
        return 0
    heads = [f"{case} {where}" for case in options.cases for where in ("within", "past")]
    print(f"{'set':14}{'series':>7}{'horizon':>9}" + "".join(f"{head:>17}" for head in heads))
    found: dict[str, Counts] = {}
    for name in options.sets:
        source = replace(SETS[name], horizon=SETS[name].horizon // options.part)
        rows = sampled(source.read(), options.series)
        found[name] = held(rows, source, range(options.back, options.back + options.origins), options)
        print(f"{name:14}{rows['unique_id'].nunique():>7}{source.horizon:>9}{told(shares(found[name]))}", flush=True)
    if m3 := [counts for name, counts in found.items() if name.startswith("m3")]:
        print(f"{'m3 together':30}{told(shares(np.sum(m3, axis=0)))}")
    every = np.array([shares(counts) for counts in found.values()])  # (sets, cases, 2)
    mean = np.nanmean(every, axis=0)
    print(f"{'mean':30}{told(mean)}")
    return int(not np.all((BOUNDS[0] <= mean) & (mean <= BOUNDS[1])))


def told(shares: Counts) -> str:
    return "".join(f"{share:>17.1%}" for share in shares.ravel())


def shares(counts: Counts) -> Counts:
    """Share of the values that were held. (cases, 2, 2) -> (cases, 2)"""
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


def sampled(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Series evenly spread over the names."""
    names = np.sort(rows["unique_id"].unique())
    kept = names[np.linspace(0, len(names) - 1, min(count, len(names))).astype(int)]
    return rows[rows["unique_id"].isin(kept)].sort_values(["unique_id", "ds"])


def held(rows: pd.DataFrame, source: Source, origins: range, options: argparse.Namespace) -> Counts:
    """How many values the intervals held and how many there were, over all origins; within the horizon and past it. (cases, 2, 2)"""
    found = []
    for groups, windows in (CASES[case] for case in options.cases):
        apart = options.apart or source.horizon
        made = pd.concat([inside(rows, source, groups, windows, apart * back, options.learners) for back in origins])
        past = made["step"] > source.horizon
        found.append([[float(made.loc[part, "inside"].sum()), float(part.sum())] for part in (~past, past)])
    return np.array(found)


def inside(rows: pd.DataFrame, source: Source, groups: str, windows: int, back: int, learners: Any) -> pd.DataFrame:
    """Whether each value of the two horizons after an origin, `back` steps before the last one, lies in its interval, and how many steps
    ahead it is."""
    left = rows.groupby("unique_id").cumcount(ascending=False) - back
    known, came = rows[left >= source.horizon], rows[(left < source.horizon) & (left >= -source.horizon)]
    known = known[known.groupby("unique_id")["y"].transform("size") > ROOM * source.horizon]
    if known.empty:  # no series reaches that far back
        return pd.DataFrame({"step": pd.Series(dtype=int), "inside": pd.Series(dtype=bool)})
    settings = Settings(
        horizon=source.horizon, season_length=source.season, freq=source.freq, known=source.known, learners=learners,
        backtest=RollingOrigin(windows), n_jobs=1,
    )  # fmt: skip
    known = known.groupby("unique_id").tail(source.kept)
    fitted = fit_block(given(known, ("y", *source.known)), settings, ("unique_id",) if groups == "one" else ())
    steps = 2 * source.horizon if back else source.horizon
    future = came[came["unique_id"].isin(known["unique_id"])].groupby("unique_id").head(steps)
    made = fitted.predict(given(future, source.known) if source.known else None, steps).to_pandas()
    came = came[["unique_id", "ds", "y"]].dropna()
    both = made.assign(step=made.groupby("unique_id").cumcount() + 1).merge(came, on=["unique_id", "ds"])
    return both.assign(inside=(both["y"] >= both["q0.1"]) & (both["y"] <= both["q0.9"]))


def given(rows: pd.DataFrame, columns: tuple[str, ...]) -> pa.Table:
    """The rows as the fit and the forecast get them."""
    return pa.Table.from_pandas(rows[["unique_id", "ds", *columns]], preserve_index=False)


if __name__ == "__main__":
    sys.exit(main())
