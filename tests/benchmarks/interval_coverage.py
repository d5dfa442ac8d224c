"""How often 80% intervals hold what came, on real series: one model per series, where there is little to learn from, and one for all.

python tests/benchmarks/interval_coverage.py [--series 100] [--origins 3] [--back 0] [--part 1] [--learners auto] [set ...]

Every series is cut at several origins, fitted with the defaults of `Forecaster`, and the interval from q0.1 to q0.9 is held against the
horizon that was cut off; at all origins but the last, forecasts go on for a second horizon, and "past" is what lies in it. Origins lie a
horizon apart; a series counts at those before which it has room for three windows. A period unlike those before it misses its mark under
any calibration, so the verdict is on the mean over the sets (76% to 84%), and on each set on how far lone series are from what one model
for all series gets (8 points). Needs ../shared/data; exits 1 else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster import RollingOrigin
from forecaster.block import fit_block
from forecaster.settings import Settings

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CASES = (("one", 1), ("one", 3), ("all", 3))
HEADS = ("one, 1 w", "one, 3 w", "all, 3 w", "one past", "all past")
BOUNDS, APART = (0.76, 0.84), 0.08
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
    asked.add_argument("--back", type=int, default=0, help="origins left out at the end")
    asked.add_argument("--part", type=int, default=1, help="horizons are this part of those of the set: 2 for half ones")
    asked.add_argument("--learners", nargs="*", default="auto")
    options = asked.parse_args()
    if not DATA.exists():
        print(f"needs the real series in {DATA}")
        return 0
    print(f"{'set':14}{'series':>7}{'horizon':>9}" + "".join(f"{head:>10}" for head in HEADS))
    table = []
    for name in options.sets:
        source = replace(SETS[name], horizon=SETS[name].horizon // options.part)
        rows = sampled(source.read(), options.series)
        table.append(shares(rows, source, range(options.back, options.back + options.origins), options.learners))
        print(f"{name:14}{rows['unique_id'].nunique():>7}{source.horizon:>9}{told(table[-1])}", flush=True)
    mean = np.mean(table, axis=0)
    print(f"{'mean':30}{told(mean)}")
    apart = max(abs(found[1] - found[2]) for found in table)
    return int(apart > APART or not all(BOUNDS[0] <= share <= BOUNDS[1] for share in mean))


def told(shares: Iterable[float]) -> str:
    return "".join(f"{share:>10.1%}" for share in shares)


def sampled(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Series evenly spread over the names."""
    names = np.sort(rows["unique_id"].unique())
    kept = names[np.linspace(0, len(names) - 1, min(count, len(names))).astype(int)]
    return rows[rows["unique_id"].isin(kept)].sort_values(["unique_id", "ds"])


def shares(rows: pd.DataFrame, source: Source, origins: range, learners: Any) -> list[float]:
    """Share of what came that lies within the interval, over all origins: of each case, then past the horizon at all but the last."""
    found = []
    for groups, windows in CASES:
        held = pd.concat([inside(rows, source, groups, windows, back, learners) for back in origins])
        found.append(held.groupby(held["step"] > source.horizon)["inside"].mean())
    return [float(one[False]) for one in found] + [float(one.get(True, np.nan)) for one in found[1:]]


def inside(rows: pd.DataFrame, source: Source, groups: str, windows: int, back: int, learners: Any) -> pd.DataFrame:
    """Whether each value of the two horizons after an origin lies in its interval, and how many steps ahead it is."""
    left = rows.groupby("unique_id").cumcount(ascending=False) - back * source.horizon
    known, came = rows[left >= source.horizon], rows[(left < source.horizon) & (left >= -source.horizon)]
    known = known[known.groupby("unique_id")["y"].transform("size") > ROOM * source.horizon]
    settings = Settings(
        horizon=source.horizon, season_length=source.season, freq=source.freq, learners=learners,
        backtest=RollingOrigin(windows), n_jobs=1,
    )  # fmt: skip
    table = pa.Table.from_pandas(known.groupby("unique_id").tail(KEPT), preserve_index=False)
    fitted = fit_block(table, settings, ("unique_id",) if groups == "one" else ())
    made = fitted.predict(horizon=2 * source.horizon if back else source.horizon).to_pandas()
    both = made.assign(step=made.groupby("unique_id").cumcount() + 1).merge(came.dropna(), on=["unique_id", "ds"])
    return both.assign(inside=(both["y"] >= both["q0.1"]) & (both["y"] <= both["q0.9"]))


if __name__ == "__main__":
    sys.exit(main())
