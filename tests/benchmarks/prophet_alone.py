"""Our prophet alone: two threads against one, and what newer history is worth.

    python tests/benchmarks/prophet_alone.py --threads 2000 [--sets nn5]      # per set, on that many series, copies of real ones
    python tests/benchmarks/prophet_alone.py --rolling [--series 100]         # per set: MASE one horizon after the fit

"the fitted curve" goes on as if nothing had come since, "rolled forward" is the model on the newer history, "fitted again" a new model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from prophet_vs_prophet import SETS, capped, future, scale_of, series_of, split, table_and_recipe, timed


def two_threads(data: Path, name: str, count: int) -> str:
    """How much faster two threads are than one: the best of five calls each, in turns, on copies of real series."""
    one, best = SETS[name], dict.fromkeys((1, 2), np.inf)
    table, _, recipe = table_and_recipe(capped(series_of(data, one, 111), one), one)
    table = table.take(np.arange(count) % len(table))
    ahead = future(table, one.horizon)
    for _ in range(5):
        for threads in best:
            clock = time.perf_counter()
            replace(recipe, threads=threads).fit(table).predict(one.horizon, None, ahead)
            best[threads] = min(best[threads], time.perf_counter() - clock)
    return f"| {name} | {len(table)} | {len(table.target)} | {best[1]:.3f} | {best[2]:.3f} | {best[1] / best[2]:.2f}x |"


def rolled(data: Path, name: str, count: int) -> str:
    """MASE one horizon after the fit, by what becomes of the values between, and the cost of it."""
    one = SETS[name]
    whole, test = split(series_of(data, one, count), one.horizon)
    whole = capped(whole, one)
    table, _, recipe = table_and_recipe(whole, one)
    model, ahead = recipe.fit(table.drop_last(one.horizon)), future(table, one.horizon)
    costs = [timed(lambda: recipe.fit(table))[1], timed(lambda: model.predict(one.horizon, table, ahead))[1]]
    forecasts = (
        model.predict(2 * one.horizon, None, future(table, 2 * one.horizon)).mean[:, one.horizon :],
        model.predict(one.horizon, table, ahead).mean,
        recipe.fit(table).predict(one.horizon, None, ahead).mean,
    )
    scale, ids = scale_of(whole, one.season), table.ids["unique_id"].astype(str)
    off = {key: part["y"].to_numpy() for key, part in test.groupby("unique_id")}
    said = [np.nanmean([np.nanmean(np.abs(row - off[key])) / scale[key] for key, row in zip(ids, rows, strict=True)]) for rows in forecasts]
    share = costs[1]["cpu"] / costs[0]["cpu"]
    return f"| {name} | {len(table)} | {' | '.join(f'{value:.3f}' for value in said)} | {share:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared/data")
    parser.add_argument("--threads", type=int, help="series")
    parser.add_argument("--rolling", action="store_true")
    parser.add_argument("--series", type=int, default=100, help="per set")
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()
    if options.threads:
        table(
            ("set", "series", "rows", "one thread, s", "two, s", "faster"),
            options,
            lambda name: two_threads(options.data, name, options.threads),
        )
    if options.rolling:
        head = ("set", "series", "the fitted curve", "rolled forward", "fitted again", "cost of rolling / fitting")
        table(head, options, lambda name: rolled(options.data, name, options.series))


def table(head: tuple[str, ...], options: argparse.Namespace, row: Callable[[str], str]) -> None:
    """Prints a row per set."""
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for name in options.sets.split(","):
        print(row(name), flush=True)


if __name__ == "__main__":
    main()
