"""The demo: simulated weekly sales of juice brands, one model per store and brand, forecasts, outcomes and a report.

    python examples/demo.py --out demo

400 stores x 3 brands give 1,200 models. The sales are simulated (`forecaster.simulate`): no number in them was ever measured.
"""

from __future__ import annotations

import argparse
import textwrap
import time
import warnings
from pathlib import Path

import pandas as pd

from forecaster import Forecaster, RollingOrigin
from forecaster.simulate import sales
from many_models import ManyModels
from many_models.report import write

HORIZON = 8


def job() -> Forecaster:
    """The job of every group: eight weeks ahead, with prices, deals and holidays that are known in advance."""
    return Forecaster(
        horizon=HORIZON,
        series=["store", "brand"],
        time="week",
        target="quantity",
        known=["price", "deal", "holiday"],
        static=["size", "income"],
        learners=["seasonal_average", "average", "drift", "elastic_net", "decision_tree"],
        backtest=RollingOrigin(windows=3),
        metric="nrmse",
        n_jobs=1,  # the groups run side by side, so each of them takes one core
    )


def summary(outcomes: pd.DataFrame, board: pd.DataFrame, accuracy: pd.DataFrame, seconds: float) -> str:
    """What happened, in 80 columns."""
    counts = outcomes["status"].value_counts()
    lines = [
        f"{len(outcomes):,} models in {seconds:.0f} s, {seconds / len(outcomes) * 1000:.0f} ms each",
        "",
        "status     " + "   ".join(f"{status} {count:,}" for status, count in counts.items()),
        f"rows       {outcomes['rows'].sum():,}",
        f"WAPE       {accuracy['wape'].median():.1%} median over groups, on {HORIZON} weeks that no model saw",
        f"coverage   {accuracy['coverage'].mean():.1%} of these weeks lie in the 80% interval",
        "",
        f"{'learner':22}{'chosen by':>11}{'mean nrmse':>12}{'fit seconds':>13}",
    ]
    lines += [f"{row.learner:22}{row.groups:11,}{row.score:12.4f}{row.fit_seconds:13.1f}" for row in board.itertuples()]
    return "\n".join(lines)


def main() -> None:
    """Simulate, train, forecast, evaluate, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for everything that is written")
    parser.add_argument("--stores", type=int, default=400, help="how many stores; each has three brands")
    parser.add_argument("--workers", type=int, default=None, help="processes; one per core where absent")
    parser.add_argument("--resume", action="store_true", help="keep the models of an earlier demo in the same folder")
    options = parser.parse_args()
    data = sales(stores=options.stores).to_pandas()
    after = sales(stores=options.stores, future=HORIZON).to_pandas()
    began = time.perf_counter()
    run = ManyModels(job(), partition_by=["store", "brand"]).train(
        data, path=options.out / "run", workers=options.workers, resume=options.resume
    )
    with warnings.catch_warnings(record=True) as told:  # stores that closed early have no plan for the weeks after their last
        forecast = run.forecast(future=after.drop(columns="quantity"))
    seconds = time.perf_counter() - began
    forecast.to_parquet(options.out / "forecasts.parquet", index=False)
    run.outcomes().to_parquet(options.out / "outcomes.parquet", index=False)
    write(run, options.out / "report.html", forecast)
    for note in told:
        print(textwrap.fill(f"note: {note.message}", 80, subsequent_indent="  "))
    print(summary(run.outcomes(), run.leaderboard(), accuracy_of(forecast, after), seconds))
    print(f"\nIn {options.out}:\n{left_behind(options.out)}")


def left_behind(folder: Path) -> str:
    """What the demo has written, and what it is."""
    told = {
        "report.html": "the page",
        "report_tables": "the tables of which the page shows samples",
        "forecasts.parquet": "store, brand, week, forecast and interval",
        "outcomes.parquet": "what became of every group",
        "run": "the run, for many-models status, report and serve",
    }
    return "\n".join(f"  {name:<18} {what}" for name, what in told.items() if (folder / name).exists())


def accuracy_of(forecast: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """WAPE and coverage of each group on the weeks after the history."""
    both = forecast.merge(after[["store", "brand", "week", "quantity"]], on=["store", "brand", "week"])
    both["error"] = (both["quantity"] - both["forecast"]).abs()
    both["inside"] = both["quantity"].between(both["q0.1"], both["q0.9"])
    sums = both.groupby(["store", "brand"])[["error", "quantity"]].sum()
    coverage = both.groupby(["store", "brand"])["inside"].mean()
    return pd.DataFrame({"wape": sums["error"] / sums["quantity"], "coverage": coverage})


if __name__ == "__main__":
    main()
