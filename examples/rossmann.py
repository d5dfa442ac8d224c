"""Rossmann: daily sales of 1,115 drug stores, one model per type of store, 42 days ahead with opening days, promotions and holidays known.

    python examples/rossmann.py --data ../shared/data/rossmann

The last 42 days are held out and scored with the competition's measure, the root mean squared percentage error of the days with sales.
The data is not part of this project: it was published for the Rossmann Store Sales competition.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import Forecaster, RollingOrigin
from many_models import ManyModels
from many_models.report import write

HORIZON = 42
KNOWN = ["Open", "Promo", "StateHoliday", "SchoolHoliday"]
STATIC = ["StoreType", "Assortment", "CompetitionDistance", "Promo2"]


def job() -> Forecaster:
    """The job of every type of store."""
    return Forecaster(
        horizon=HORIZON,
        known=KNOWN,
        past=["Customers"],
        static=STATIC,
        learners=["seasonal_naive", "seasonal_average", "lightgbm"],
        backtest=RollingOrigin(windows=2),
        metric="rmse",
        n_jobs=1,  # the types run side by side, so each of them takes one core
    )


def split(data: Path, stores: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The history, and the last 42 days."""
    rows = pd.read_parquet(data / "sales.parquet").merge(pd.read_parquet(data / "stores.parquet")[["unique_id", *STATIC]], on="unique_id")
    if stores is not None:
        rows = rows[rows["unique_id"].astype(int) <= stores]
    late = rows["ds"] > rows["ds"].max() - pd.Timedelta(days=HORIZON)
    return rows[~late], rows[late]


def rmspe(actual: pd.Series, forecast: pd.Series) -> float:
    """Root mean squared percentage error of the days with sales."""
    sold = actual > 0
    return float(np.sqrt((((actual - forecast) / actual)[sold] ** 2).mean()))


def scores(forecast: pd.DataFrame, history: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """RMSPE of the forecast and of the mean of the store's weekday and promotion, and the coverage of the 80% interval."""
    keys = ["unique_id", "weekday", "Promo", "Open"]
    plain = history.assign(weekday=history["ds"].dt.day_of_week).groupby(keys)["y"].mean().rename("plain").reset_index()
    both = after.merge(forecast, on=["unique_id", "ds"])
    both = both.assign(weekday=both["ds"].dt.day_of_week).merge(plain, on=keys, how="left")
    found = {"one model per type": rmspe(both["y"], both["forecast"]), "mean of weekday and promotion": rmspe(both["y"], both["plain"])}
    return pd.Series(found | {"coverage of the 80% interval": both["y"].between(both["q0.1"], both["q0.9"]).mean()}).round(4)


def main() -> None:
    """Train, forecast, score, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rossmann"), help="folder with sales.parquet and stores.parquet")
    parser.add_argument("--out", type=Path, default=Path("runs/rossmann"), help="folder for the run, the forecasts and the report")
    parser.add_argument("--stores", type=int, default=None, help="how many stores, for a quick look")
    options = parser.parse_args()
    history, after = split(options.data, options.stores)
    began = time.perf_counter()
    run = ManyModels(job(), partition_by=["StoreType"]).train(history, path=options.out / "run", time_limit_per_group=None)
    forecast = run.forecast(future=after.drop(columns=["y", "Customers"]))
    seconds = time.perf_counter() - began
    forecast.to_parquet(options.out / "forecasts.parquet", index=False)
    write(run, options.out / "report.html", forecast)
    print(run.outcomes()[["StoreType", "status", "learner", "score", "rows", "seconds"]].to_string(index=False))
    print(scores(forecast, history, after).to_string())
    print(f"{seconds:.0f} s; the page is {options.out / 'report.html'}")


if __name__ == "__main__":
    main()
