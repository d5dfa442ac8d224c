"""How often 80% intervals hold what came, on real series: one model per series, where there is little to learn from, and one for all.

python tests/benchmarks/coverage.py [--series 100] [--origins 3] [set ...]

Every series is cut at several origins, fitted with seasonal_naive, elastic_net and lightgbm under a voting ensemble, and the interval from
q0.1 to q0.9 is held against the horizon that was cut off. Origins lie a horizon apart; a series counts at those before which it has room
for three windows. A period unlike those before it misses its mark under any calibration, so the verdict is on the mean over the sets
(76% to 84%), and on each set on how far lone series are from what one model for all series gets (4 points). Needs ../shared/data; exits
1 else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster import RollingOrigin
from forecaster.block import fit_block
from forecaster.settings import Settings

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LEARNERS = ("seasonal_naive", "elastic_net", "lightgbm")
CASES = (("one", 1), ("one", 2), ("one", 3), ("all", 3))
BOUNDS, APART = (0.76, 0.84), 0.04
ROOM = 4  # horizons before an origin: three windows and as much to train the first of them on
KEPT = 500  # most values of a series, so that the long ones do not take all the time


@dataclass(frozen=True)
class Source:
    """A set of series: unique_id, ds, y."""

    read: Callable[[], pd.DataFrame]
    horizon: int
    season: int | None = None
    freq: str | None = None


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
}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("sets", nargs="*", default=list(SETS), help=", ".join(SETS))
    asked.add_argument("--series", type=int, default=100)
    asked.add_argument("--origins", type=int, default=3)
    options = asked.parse_args()
    if not DATA.exists():
        print(f"needs the real series in {DATA}")
        return 0
    print(f"{'set':14}{'series':>7}{'horizon':>9}" + "".join(f"{f'{groups}, {count} w':>11}" for groups, count in CASES))
    table = []
    for name in options.sets:
        rows = sampled(SETS[name].read(), options.series)
        table.append([coverage(rows, SETS[name], groups, count, options.origins) for groups, count in CASES])
        print(f"{name:14}{rows['unique_id'].nunique():>7}{SETS[name].horizon:>9}{told(table[-1])}", flush=True)
    mean = np.mean(table, axis=0)
    print(f"{'mean':30}{told(mean)}")
    apart = max(abs(shares[-2] - shares[-1]) for shares in table)
    return int(apart > APART or not all(BOUNDS[0] <= share <= BOUNDS[1] for share in mean))


def told(shares: Iterable[float]) -> str:
    return "".join(f"{share:>11.1%}" for share in shares)


def sampled(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Series evenly spread over the names."""
    names = np.sort(rows["unique_id"].unique())
    kept = names[np.linspace(0, len(names) - 1, min(count, len(names))).astype(int)]
    return rows[rows["unique_id"].isin(kept)].sort_values(["unique_id", "ds"])


def coverage(rows: pd.DataFrame, source: Source, groups: str, windows: int, origins: int) -> float:
    """Share of what came that lies within the interval, over all origins."""
    inside = [held(rows, source, groups, windows, back * source.horizon) for back in range(origins)]
    return float(np.concatenate(inside).mean())


def held(rows: pd.DataFrame, source: Source, groups: str, windows: int, back: int) -> np.ndarray:
    left = rows.groupby("unique_id").cumcount(ascending=False) - back
    known, came = rows[left >= source.horizon], rows[(left >= 0) & (left < source.horizon)]
    known = known[known.groupby("unique_id")["y"].transform("size") > ROOM * source.horizon]
    settings = Settings(
        horizon=source.horizon, season_length=source.season, freq=source.freq, learners=LEARNERS,
        backtest=RollingOrigin(windows), n_jobs=1,
    )  # fmt: skip
    table = pa.Table.from_pandas(known.groupby("unique_id").tail(KEPT), preserve_index=False)
    made = fit_block(table, settings, ("unique_id",) if groups == "one" else ()).predict().to_pandas()
    both = made.merge(came.dropna(), on=["unique_id", "ds"])
    return ((both["y"] >= both["q0.1"]) & (both["y"] <= both["q0.9"])).to_numpy()


if __name__ == "__main__":
    sys.exit(main())
