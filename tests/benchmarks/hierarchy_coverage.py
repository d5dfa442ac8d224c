"""How often 80% intervals of forecasts that add up hold what came, level by level: within the horizon and past it.

    python tests/benchmarks/hierarchy_coverage.py [--origins 5] [set ...]

As `interval_coverage.py`, but every set is one job of `Forecaster(hierarchy=...)` with its defaults. Origins lie a horizon apart, the
last one a horizon before the end; at all but the last, forecasts go on for a second horizon. Only series as long as the longest count.
The verdict is on the series of each set: 76% to 84%, or it exits with 1. Needs ../shared/data.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from interval_coverage import BOUNDS, DATA, ROOM

from forecaster import Forecaster

Level = tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A set of series: columns that name them, ds and y; and the levels above them."""

    read: Callable[[], pd.DataFrame]
    series: Level
    levels: tuple[Level, ...]
    horizon: int
    season: int | None = None
    freq: str | None = None


def tourism() -> pd.DataFrame:
    return pd.read_parquet(DATA / "aus_tourism/trips.parquet")


def orange_juice() -> pd.DataFrame:
    return pd.read_parquet(DATA / "orange_juice/sales.parquet").astype({"store": str, "brand": str})


def m5() -> pd.DataFrame:
    rows = pd.read_parquet(DATA / "m5/sales.parquet").astype({"store_id": str, "item_id": str}).rename(columns={"date": "ds", "sales": "y"})
    rows["dept_id"] = rows["item_id"].str.rsplit("_", n=1).str[0]
    sums = rows.groupby(["store_id", "dept_id", "ds"], as_index=False)["y"].sum()
    sums = sums[sums["ds"] > sums["ds"].max() - pd.Timedelta(days=800)]
    return sums.assign(state_id=sums["store_id"].str[:2])


SETS = {
    "tourism": Source(
        tourism, ("state", "region", "purpose"), (("state",), ("state", "region"), ("purpose",), ("state", "purpose")), 8
    ),
    "orange juice": Source(orange_juice, ("store", "brand"), (("store",), ("brand",)), 6),
    "m5 departments": Source(
        m5, ("state_id", "store_id", "dept_id"), (("state_id",), ("state_id", "store_id"), ("dept_id",)), 28, 7, "D"
    ),
}  # fmt: skip


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("sets", nargs="*", default=list(SETS), help=", ".join(SETS))
    asked.add_argument("--origins", type=int, default=5)
    options = asked.parse_args()
    if not DATA.exists():
        print(f"needs the real series in {DATA}")
        return 0
    print(f"{'set':16}{'level':24}{'nodes':>7}{'within':>9}{'past':>9}")
    missed = False
    for name in options.sets:
        source = SETS[name]
        rows = source.read()
        length = rows.groupby([*source.series])["ds"].transform("size")
        rows = rows[length == length.max()].sort_values([*source.series, "ds"])
        made = pd.concat([inside(rows, source, back) for back in range(options.origins)])
        for level, found in made.groupby("level", sort=False):
            shares = [found.loc[part, "inside"].mean() for part in (found["step"] <= source.horizon, found["step"] > source.horizon)]
            print(f"{name:16}{level:24}{found['nodes'].iloc[0]:>7}" + "".join(f"{share:>9.1%}" for share in shares), flush=True)
            missed |= level == "series" and not all(BOUNDS[0] <= share <= BOUNDS[1] for share in shares)
    return int(missed)


def inside(rows: pd.DataFrame, source: Source, back: int) -> pd.DataFrame:
    """Whether each value of every node in the two horizons after an origin lies in its interval, and how many steps ahead it is."""
    horizon, keys = source.horizon, [*source.series]
    left = rows.groupby(keys).cumcount(ascending=False) - horizon * back
    known, came = rows[left >= horizon], rows[(left < horizon) & (left >= -horizon)]
    if known.groupby(keys).size().max() <= ROOM * horizon:
        return pd.DataFrame({"level": [], "nodes": [], "step": [], "inside": []})
    job = Forecaster(
        horizon, time="ds", target="y", series=keys, hierarchy=[list(level) for level in source.levels], season_length=source.season,
        freq=source.freq,
    )  # fmt: skip
    made = job.fit(known[[*keys, "ds", "y"]]).predict(horizon=2 * horizon if back else horizon)
    levels = {"total": (), **{", ".join(level): level for level in source.levels}, "series": source.series}
    return pd.concat([held(made[made["level"] == name], came, columns).assign(level=name) for name, columns in levels.items()])


def held(made: pd.DataFrame, came: pd.DataFrame, columns: Level) -> pd.DataFrame:
    """The forecasts of one level beside what came."""
    stamps = np.sort(made["ds"].unique())
    sums = came.groupby([*columns, "ds"], as_index=False)["y"].sum()
    both = made.merge(sums, on=[*columns, "ds"])
    return pd.DataFrame(
        {
            "nodes": len(both) // len(stamps),
            "step": np.searchsorted(stamps, both["ds"].to_numpy()) + 1,
            "inside": (both["y"] >= both["q0.1"]) & (both["y"] <= both["q0.9"]),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
