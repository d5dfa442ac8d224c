"""The sets of series that theta_vs_statsforecast.py measures on."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

# set -> season, horizon, frequency of the peer and of ours
SETS: dict[str, tuple[Any, int, Any]] = {
    "m3_monthly": (12, 18, 1),
    "m3_quarterly": (4, 8, 1),
    "m4_weekly": (1, 13, 1),
    "m4_hourly": (24, 48, 1),
    "nn5": (7, 56, 1),
    "aus_tourism": (4, 8, "QS"),
    "m5_foods": (7, 28, "D"),
    "m5_hobbies": (7, 28, "D"),
    "m5_household": (7, 28, "D"),
    "m5_weekly": (1, 4, "W-SUN"),
    "vic_elec": (48, 336, "30min"),
}


@cache
def load(data: Path, name: str, series: int) -> tuple[Any, Any]:
    """Training and test frames of the first series of a set: unique_id, ds, y."""
    import pandas as pd

    if name.startswith("m3"):
        info = pd.read_parquet(data / "m3/info.parquet")
        wanted = info.unique_id[info.period == name.removeprefix("m3_").upper()]
        train, test = (pd.read_parquet(data / f"m3/{part}.parquet") for part in ("train", "test"))
        train, test = train[train.unique_id.isin(wanted)], test[test.unique_id.isin(wanted)]
    elif name.startswith("m4"):
        train, test = (pd.read_parquet(data / name / f"{part}.parquet") for part in ("train", "test"))
    else:
        train, test = _cut(_whole(data, name), SETS[name][1])
    chosen = np.sort(train.unique_id.unique())[:series]
    train, test = (frame[frame.unique_id.isin(chosen)] for frame in (train, test))
    columns = ["unique_id", "ds", "y"]
    train, test = (frame[columns].sort_values(["unique_id", "ds"], ignore_index=True) for frame in (train, test))
    return train.astype({"y": float}), test.astype({"y": float})


def _whole(data: Path, name: str) -> Any:
    import pandas as pd

    if name.startswith("m5"):
        frame = pd.read_parquet(data / "m5/sales.parquet")
        frame = frame.assign(item_id=frame.item_id.astype(str))
        return _weekly(frame) if name == "m5_weekly" else _department(frame, name.removeprefix("m5_").upper())
    files = {"nn5": "nn5/cash.parquet", "aus_tourism": "aus_tourism/trips.parquet", "vic_elec": "vic_elec/demand.parquet"}
    frame = pd.read_parquet(data / files[name])
    if name == "vic_elec":
        return frame.assign(ds=frame.ds_utc, y=frame.y.astype(float)).tail(48 * 120)
    return frame.assign(y=frame.groupby("unique_id").y.transform(lambda y: y.astype(float).interpolate(limit_direction="both")))


def _department(frame: Any, department: str) -> Any:
    import pandas as pd

    frame = frame[frame.item_id.str.startswith(department)]
    return pd.DataFrame({"unique_id": frame.item_id + " " + frame.store_id.astype(str), "ds": frame.date, "y": frame.sales})


def _weekly(frame: Any) -> Any:
    """Sums of whole weeks, the last of which ends with the last day."""
    import pandas as pd

    days = frame.date.nunique()
    sales = frame.sales.to_numpy().reshape(-1, days)[:, days % 7 :].reshape(len(frame) // days, -1, 7).sum(axis=2)
    first = frame[::days]
    weeks = pd.date_range("2015-03-08", periods=sales.shape[1], freq="W-SUN")
    ids = np.repeat((first.item_id + " " + first.store_id.astype(str)).to_numpy(), sales.shape[1])
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(weeks, len(sales)), "y": sales.ravel()})


def _cut(frame: Any, horizon: int) -> tuple[Any, Any]:
    behind = frame.groupby("unique_id").cumcount(ascending=False)
    return frame[behind >= horizon], frame[behind < horizon]
