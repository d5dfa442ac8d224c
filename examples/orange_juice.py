"""Orange juice at Dominick's: 83 stores x 11 brands, weekly, one model per brand, six weeks ahead with prices, deals and ads known.

    python examples/orange_juice.py --data ../shared/data/orange_juice

The last six weeks of every series are held out and scored. The data is not part of this project: it comes with the R package bayesm.
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

HORIZON = 6
SERIES = ["store", "brand"]


def job() -> Forecaster:
    """The job of every brand: its 83 stores together."""
    return Forecaster(
        horizon=HORIZON,
        series=SERIES,
        time="ds",
        target="y",
        freq="W-THU",
        known=["price", "deal", "feat"],
        learners=["seasonal_naive", "average", "elastic_net", "lightgbm"],
        backtest=RollingOrigin(windows=3),
        metric="wape",
        n_jobs=1,  # the brands run side by side, so each of them takes one core
    )


def split(data: Path, stores: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The history, and the last six weeks of the calendar."""
    rows = pd.read_parquet(data / "sales.parquet").drop(columns=["unique_id", "week"])
    if stores is not None:
        rows = rows[rows["store"].isin(np.sort(rows["store"].unique())[:stores])]
    late = rows["ds"] > rows["ds"].max() - pd.Timedelta(weeks=HORIZON)
    return rows[~late], rows[late]


def scores(forecast: pd.DataFrame, history: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """WAPE of the forecast, of the last known value and of the mean of the last year, and the coverage of the 80% interval."""
    year = history[history["ds"] > history["ds"].max() - pd.Timedelta(weeks=52)].groupby(SERIES)["y"]
    plain = pd.DataFrame({"last value": history.groupby(SERIES)["y"].last(), "mean of a year": year.mean()}).reset_index()
    both = after.merge(forecast, on=[*SERIES, "ds"]).merge(plain, on=SERIES)
    found = {
        name: (both["y"] - both[column]).abs().sum() / both["y"].sum()
        for name, column in (("one model per brand", "forecast"), ("last value", "last value"), ("mean of a year", "mean of a year"))
    }
    return pd.Series(found | {"coverage of the 80% interval": both["y"].between(both["q0.1"], both["q0.9"]).mean()}).round(4)


def main() -> None:
    """Train, forecast, score, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/orange_juice"), help="folder with sales.parquet")
    parser.add_argument("--out", type=Path, default=Path("runs/orange_juice"), help="folder for the run, the forecasts and the report")
    parser.add_argument("--stores", type=int, default=None, help="how many stores, for a quick look")
    options = parser.parse_args()
    history, after = split(options.data, options.stores)
    began = time.perf_counter()
    run = ManyModels(job(), partition_by=["brand"]).train(history, path=options.out / "run")
    forecast = run.forecast(future=after.drop(columns="y"))
    seconds = time.perf_counter() - began
    forecast.to_parquet(options.out / "forecasts.parquet", index=False)
    write(run, options.out / "report.html", forecast)
    print(run.outcomes()[["brand", "status", "learner", "score", "rows", "seconds"]].to_string(index=False))
    print(scores(forecast, history, after).to_string())
    print(f"{seconds:.0f} s; the page is {options.out / 'report.html'}")


if __name__ == "__main__":
    main()
