"""M5's twelve levels, 42,840 series: how long it takes to make their forecasts add up, and what that does to WRMSSE.

python tests/benchmarks/hierarchy.py [--data PATH] [--learner ets] [--items N] [--peer PYTHON]

The last 28 days are held out. Every node is forecast by the one learner; its residuals are those of two windows of 28 days before. With
`--peer`, a Python that has hierarchicalforecast gets the same base forecasts and residuals, as far as its dense matrices fit.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from forecaster import RollingOrigin, frames, guardrails, learners
from forecaster.backtest import actuals, backtest, cutoffs
from forecaster.hierarchy.aggregation import nodes_of
from forecaster.hierarchy.out_of_fold import Windows
from forecaster.hierarchy.plan import Hierarchy
from forecaster.hierarchy.tree import Tree
from forecaster.metrics.hierarchy import M5_LEVELS, revenue, wrmsse
from forecaster.schema import Schema
from forecaster.table import Floats, Table
from forecaster.yardstick import expected

T = TypeVar("T")

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "m5"
HORIZON = 28
KEYS = ("state_id", "store_id", "cat_id", "dept_id", "item_id")
METHODS = ("bottom_up", "top_down", "ols", "wls_struct", "wls_var", "mint_shrink")


def timed(what: str, work: Callable[[], T]) -> T:
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{what:44} {time.perf_counter() - begin:7.2f} s {time.process_time() - cpu:7.2f} s of CPU", flush=True)
    return result


def sales(data: Path, items: int | None) -> pd.DataFrame:
    static = pd.read_parquet(data / "static.parquet").astype(str)
    if items is not None:
        static = static[static["item_id"].isin(sorted(static["item_id"].unique())[:: -(-3049 // items)])]
    rows = pd.read_parquet(data / "sales.parquet").astype({"sales": float, "store_id": str, "item_id": str})
    return rows.merge(static, on=["store_id", "item_id"])


def prices(data: Path, rows: pd.DataFrame) -> Floats:
    """Revenue of every row."""
    weeks = pd.read_parquet(data / "calendar.parquet", columns=["date", "wm_yr_wk"])
    price = pd.read_parquet(data / "prices.parquet").astype({"store_id": str, "item_id": str})
    joined = rows.merge(weeks, on="date").merge(price, on=["store_id", "item_id", "wm_yr_wk"], how="left")
    return joined.groupby(list(KEYS), sort=True)["sell_price"].last().to_numpy(float)


def per_level(tree: Tree, actual: Floats, forecast: Floats, past: Floats, worth: Floats) -> list[float]:
    """WRMSSE of each level from forecasts of its own nodes, which need not add up."""
    found = []
    for begin, end in zip(tree.ptr[:-1], tree.ptr[1:], strict=True):
        rows = slice(begin, end)
        names = {"node": np.arange(end - begin)}
        found.append(wrmsse(actual[rows], forecast[rows], past[rows], worth[rows], names, levels=[("node",)]).score)
    return found


def told(name: str, scores: list[float]) -> None:
    print(f"{name:14} {np.mean(scores):.4f}   " + " ".join(f"{score:.3f}" for score in scores), flush=True)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=DATA)
    asked.add_argument("--learner", default="ets")
    asked.add_argument("--items", type=int)
    asked.add_argument("--peer")
    given = asked.parse_args()
    if not given.data.exists():
        print(f"needs the files of M5 in {given.data}")
        return
    rows = sales(given.data, given.items)
    schema = Schema(series=KEYS, time="date", target="sales")
    frame = frames.read(rows)[0]
    whole = timed("series checked", lambda: guardrails.check(frame, schema, horizon=HORIZON)[0])
    plan = Hierarchy(tuple(level for level in M5_LEVELS if level))
    tree = timed("nodes found", lambda: Tree.of(whole.ids, plan.tree(("store_id", "item_id"))))
    nodes = timed(f"{len(tree):,} nodes added up", lambda: nodes_of(whole, tree, range(len(tree.levels))))
    worth = tree.add_up(revenue(whole.drop_last(HORIZON).last(HORIZON), np.nan_to_num(prices(given.data, rows))[:, None]))
    tested, base = forecasts(given.learner, whole, nodes, tree, plan)
    actual, past = nodes.last(HORIZON), nodes.drop_last(HORIZON).last(int(nodes.sizes.max()) - HORIZON)
    print("               WRMSSE   " + " | ".join(tree.levels))
    told("as they are", per_level(tree, actual, base, past, worth))
    for how in METHODS:
        one = Windows(**{**vars(tested), "plan": Hierarchy(plan.levels, reconcile=how)})
        windows = range(len(tested.base))
        made = timed(how, lambda one=one, windows=windows: tree.add_up(one.reconciler(windows).series(base)))
        told(how, per_level(tree, actual, made, past, worth))
    if given.peer:
        beside(given.peer, tree, tested, base, lambda made: told("  its WRMSSE", per_level(tree, actual, made, past, worth)))


def forecasts(name: str, series: Table, nodes: Table, tree: Tree, plan: Hierarchy) -> tuple[Windows, Floats]:
    """What one learner says of every node: of two windows before, and of the days held out."""
    learner = learners.build(name, season_length=7, threads=2, seed=0)
    known, past = nodes.drop_last(HORIZON), series.drop_last(HORIZON)
    windows = RollingOrigin(windows=2).split(known, HORIZON)
    said = timed(f"{name}: two windows", lambda: backtest(learner, windows).forecast)
    base = timed(f"{name}: forecast", lambda: learner.fit(known).predict(HORIZON).mean)
    typical = expected(known, HORIZON) ** 2 * np.pi / 2
    said = np.where(np.isfinite(said), said, np.nan)
    return Windows(
        plan, tree, past, known, cutoffs(windows).min(axis=1), actuals(windows), said, typical, np.zeros(len(past))
    ), np.nan_to_num(base)


def beside(python: str, tree: Tree, tested: Windows, base: Floats, tell: Callable[[Floats], None]) -> None:
    """hierarchicalforecast on the same numbers, in an interpreter of its own."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        residuals = np.moveaxis(tested.actual - tested.base, 0, 1).reshape(len(tree), -1)
        sums = tree.sums.tocoo()
        np.savez(at / "in.npz", row=sums.row, col=sums.col, base=base, residuals=np.nan_to_num(residuals))
        for how in ("bottom_up", "ols", "wls_struct", "wls_var", "mint_shrink"):
            script = Path(__file__).with_name("_hierarchicalforecast.py")
            done = subprocess.run([python, script, at, how], capture_output=True, text=True, timeout=900, check=False)
            print(f"hierarchicalforecast {how:14} {done.stdout.strip() or done.stderr.strip()[-200:] or f'ended with {done.returncode}'}")
            if (at / "out.npy").exists():
                tell(np.load(at / "out.npy"))
                (at / "out.npy").unlink()


if __name__ == "__main__":
    main()
