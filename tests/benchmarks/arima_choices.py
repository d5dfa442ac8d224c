"""What our ARIMA would forecast had we chosen otherwise, at cut-offs that the benchmarks do not see.

    python tests/benchmarks/arima_choices.py [--data ../shared/data] [--sets m3_yearly ...] [--horizons 1 2 3]

Every series of a set is cut off one, two and three horizons before its official end, fitted with the defaults and with each of the
choices, and scored on the horizon that follows. A row is a choice, a cell the change of the mean MASE in percent with the standard error
of the paired differences. The last column is CPU time over that of the defaults, fit and forecast, all sets together.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from arima_vs_statsforecast import DATA, SETS, load
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CHOICES: dict[str, dict[str, Any]] = {
    "defaults": {},
    '`boundary="accept"`': {"boundary": "accept"},
    '`boundary="reject"`': {"boundary": "reject"},
    "always a constant": {"constant": True},
    "`average=1`": {"average": 1},
    "`average=4`": {"average": 4},
    "`average=10`": {"average": 10},
}
SHORTEST = 10


def cut(series: list[Floats], season: int, horizon: int, back: int) -> tuple[list[Floats], Floats]:
    """What comes before the cut-off, of series long enough, and the horizon after it. (series, horizon)"""
    behind = horizon * back
    kept = [y for y in series if len(y) - behind >= max(SHORTEST, 3 * season)]
    after = [y[len(y) - behind :][:horizon] for y in kept]
    return [y[: len(y) - behind] for y in kept], np.array(after).reshape(-1, horizon)


def score(options: dict[str, Any], before: list[Floats], after: Floats, season: int) -> tuple[Floats, float]:
    """MASE of each series, and CPU seconds."""
    from forecaster.learners import make
    from forecaster.testing import table_of

    table, begun = table_of(before, season_length=season), time.process_time()
    said = make("arima", **options).fit(table).predict(after.shape[1]).mean
    spent = time.process_time() - begun
    scale = np.array([np.abs(y[season:] - y[:-season]).mean() for y in before])
    return np.abs(after - said).mean(axis=1) / np.where(scale > 0, scale, np.nan), spent


def compare(name: str, options: argparse.Namespace) -> tuple[dict[str, str], dict[str, float]]:
    """One column: the change by each choice, and its seconds."""
    season, horizon, _ = SETS[name]
    train, _ = load(options.data, name, 1_000_000)
    series = [part.to_numpy() for _, part in train.groupby("unique_id").y]
    scores: dict[str, list[Floats]] = {choice: [] for choice in CHOICES}
    seconds = dict.fromkeys(CHOICES, 0.0)
    for back in options.horizons:
        before, after = cut(series, season, horizon, back)
        for choice, chosen in CHOICES.items() if before else ():
            mase, spent = score(chosen, before, after, season)
            scores[choice].append(mase)
            seconds[choice] += spent
    joined = {choice: np.concatenate(parts) for choice, parts in scores.items()}
    usual = joined.pop("defaults")
    told = {}
    for choice, mase in joined.items():
        off = (mase - usual)[np.isfinite(mase - usual)]
        change, doubt = (100 * x / np.nanmean(usual) for x in (off.mean(), off.std() / np.sqrt(len(off))))
        told[choice] = f"{change:+.1f} ± {doubt:.1f}"
    return told, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--horizons", nargs="+", type=int, default=[1, 2, 3])
    options = parser.parse_args()
    columns = {name: compare(name, options) for name in options.sets}
    print("\n".join(["| instead of the defaults | " + " | ".join(columns) + " | CPU |", "|---" * (len(columns) + 2) + "|"]))
    spent = {choice: sum(seconds[choice] for _, seconds in columns.values()) for choice in CHOICES}
    for choice in list(CHOICES)[1:]:
        cells = [told[choice] for told, _ in columns.values()]
        print(f"| {choice} | " + " | ".join(cells) + f" | {spent[choice] / spent['defaults']:.2f}x |")


if __name__ == "__main__":
    main()
