"""How often the order search of our ARIMA ends worse than statsforecast's, by more than 1 AICc, on the same likelihood.

    python tests/benchmarks/arima_search.py --peer PYTHON_WITH_PEER [--sets m3_yearly ...] [--series 100] [--cache FOLDER] [--back 1]

The peer chooses orders; both models are then fitted exactly by our kernel, so that only the choice differs. Counted are the series that
both difference alike (AICc of different differences do not compare). A series is worse when the AICc of our model exceeds that of
the peer's orders by more than 1. Each worse one is laid to one of two causes:

* refused: at the peer's orders the best fit has a root at the edge that `boundary="seasonal"` rejects: AR, MA but for an MA(1) at -1 or
  without a difference, or seasonal AR but for one at +1. It is out of reach where of all orders that are searched none has an admitted fit
  within 1 AICc of it;
* missed: the rule admits the peer's orders, and the search did not find a model as good.

`--cache` keeps what the peer chose, which takes nearly all of the time. `--back` fits the series cut off so many horizons before their end,
with the orders that the peer chose on all of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from arima_choices import SHORTEST
from arima_vs_statsforecast import DATA, SETS, load
from numpy.typing import NDArray

EDGE = 0.999
HEADER = [
    "| set | series | differenced alike | worse by > 1 | refused | of these out of reach | missed | better by > 1 |",
    "|---|---|---|---|---|---|---|---|",
]


def choose(folder: Path, season: int) -> None:
    """The peer's orders of every series: p, d, q, P, D, Q and whether there is a constant."""
    import pandas as pd
    from statsforecast.models import AutoARIMA

    chosen = {}
    for name, part in pd.read_parquet(folder / "train.parquet").groupby("unique_id"):
        model = AutoARIMA(season_length=season).fit(part.y.to_numpy()).model_
        p, q, P, Q, _, d, D = (int(one) for one in model["arma"])
        chosen[str(name)] = [p, d, q, P, D, Q, int(bool({"intercept", "drift"} & set(model["coef"])))]
    (folder / "orders.json").write_text(json.dumps(chosen))


def orders_of_peer(train: Any, name: str, options: argparse.Namespace) -> dict[str, list[int]]:
    kept = options.cache and options.cache / f"{name}-{options.series}.json"
    if kept and kept.exists():
        return dict(json.loads(kept.read_text()))
    with tempfile.TemporaryDirectory() as place:
        train.to_parquet(Path(place) / "train.parquet")
        subprocess.run([options.peer, __file__, "--choose", place, "--sets", name], check=True)
        told = (Path(place) / "orders.json").read_text()
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(told)
    return dict(json.loads(told))


def partial(coefficients: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    """Partial autocorrelations of one factor, whose roots lie outside the circle of radius rho (Durbin 1960, backwards)."""
    a = coefficients * rho ** np.arange(1, len(coefficients) + 1)
    out = np.zeros(len(a))
    for k in range(len(a), 0, -1):
        out[k - 1] = r = a[k - 1]
        a = (a[: k - 1] + r * a[: k - 1][::-1]) / (1 - r * r)
    return out


def refused(model: Any, n: int, season: int) -> bool:
    """Whether the fit of one series has a root at an edge that the default rule rejects."""
    p, d, q, P, D, _, _ = model.orders[0].tolist()
    rho = 1 + 1 / max(n - d - season * D, 100)
    ar, ma, far = np.split(model.coefficients[0, : p + q + P], [p, p + q])
    near = [partial(ar, rho), partial(-ma, rho)]
    if q == 1:
        near[1] = near[1][(near[1] > -EDGE) & (d + D > 0)]
    return bool(np.abs(np.concatenate(near)).max(initial=0) > EDGE or partial(far, rho**season).min(initial=0) < -EDGE)


def best_admitted(table: Any, d: int, D: int, season: int) -> float:
    """The least AICc of all orders that the search may try, each fitted by itself, among those that the rule admits."""
    from forecaster.learners.arima import Arima

    n, (p, _, q, P, _, Q) = len(table.target), Arima().most
    near, far = (min(n // 3, season - 1), n // 3 // season) if season > 1 else (n // 3, 0)
    ranges = [range(min(most, limit) + 1) for most, limit in ((p, near), (q, near), (P, far), (Q, far))]
    least = np.inf
    for p, q, P, Q, constant in itertools.product(*ranges, range(1 + (d + D < 2))):
        model = Arima(order=(p, d, q), seasonal=(P, D, Q), constant=bool(constant)).fit(table)
        if model.aicc[0] < least and not refused(model, n, season):
            least = float(model.aicc[0])
    return least


def compare(name: str, options: argparse.Namespace) -> str:
    from forecaster import frames, guardrails
    from forecaster.learners.arima import Arima
    from forecaster.schema import Schema

    season, horizon, freq = SETS[name]
    train, _ = load(options.data, name, options.series)
    peer = orders_of_peer(train, name, options)
    count = dict.fromkeys(("series", "alike", "refused", "beyond", "missed", "better"), 0)
    for one, whole in train.groupby("unique_id"):
        part = whole.iloc[: len(whole) - options.back * horizon]
        if options.back and len(part) < max(SHORTEST, 3 * season):
            continue
        count["series"] += 1
        read, _ = frames.read(part.reset_index(drop=True))
        table, _ = guardrails.check(read, Schema(), freq=freq, season_length=season, horizon=horizon)
        ours = Arima().fit(table)
        p, d, q, P, D, Q, constant = peer[str(one)]
        if [d, D] != ours.orders[0, [1, 4]].tolist() or p + q + P + Q > 32:
            continue
        count["alike"] += 1
        theirs = Arima(order=(p, d, q), seasonal=(P, D, Q), constant=bool(constant)).fit(table)
        off = float(ours.aicc[0] - theirs.aicc[0])
        count["better"] += off < -1
        if off > 1:
            cause = "refused" if refused(theirs, len(part), season) else "missed"
            count[cause] += 1
            count["beyond"] += cause == "refused" and best_admitted(table, d, D, season) > theirs.aicc[0] + 1
            if options.verbose:
                print(one, f"{off:.2f}", cause, ours.orders[0].tolist(), peer[str(one)], theirs.coefficients.round(3).tolist(), flush=True)
    share = 100 / max(count["alike"], 1)
    told = [f"{share * count[key]:.1f}%" for key in ("refused", "beyond", "missed", "better")]
    worse = f"{count['refused'] + count['missed']} ({share * (count['refused'] + count['missed']):.1f}%)"
    return f"| {name} | {count['series']} | {count['alike']} | {worse} | " + " | ".join(told) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default=sys.executable)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--back", type=int, default=0, help="horizons that are cut off")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--choose", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.choose:
        choose(options.choose, SETS[options.sets[0]][0])
        return
    print("\n".join(HEADER), flush=True)
    for name in options.sets:
        print(compare(name, options), flush=True)


if __name__ == "__main__":
    main()
