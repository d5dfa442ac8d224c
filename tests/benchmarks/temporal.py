"""Temporal hierarchies beside the learners that they are made of: change of the mean MASE.

    python tests/benchmarks/temporal.py [--data ../shared/data] [--sets nn5 ...] [--series 240] [--back 1 2]

Every set is cut off `back` horizons before its end, where choices of design are made. "median" is that of the four learners. Our own
learners on both sides; how these compare with other packages is in the scripts named after them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from automl_vs_statsforecast import DATA, SETS, load, mase

from forecaster.learners import make
from forecaster.protocols import Learner
from forecaster.table import Table
from forecaster.testing import table_of

LEARNERS = {"ets": {}, "arima": {}, "theta": {"form": "auto"}, "ces": {}}
SEASONAL = ("nn5", "m4_hourly", "m3_monthly", "m3_quarterly", "aus_tourism")


def errors(learners: list[Learner], table: Table, train: object, test: object, horizon: int) -> list[float]:
    """Mean MASE of each learner, and of their median."""
    said = [learner.fit(table).predict(horizon).mean for learner in learners]
    return [float(np.nanmean(mase(one, train, test, table.season_length))) for one in (*said, np.nanmedian(said, axis=0))]


def row(name: str, back: int, data: Path, series: int) -> str:
    SETS[name] = (*SETS[name][:3], series)
    train, test = load(data, name, series, back)
    season, horizon = SETS[name][:2]
    table = replace(table_of([rows.to_numpy() for _, rows in train.groupby("unique_id").y]), season_length=season)
    alone = [make(one, **more) for one, more in LEARNERS.items()]
    before = errors(alone, table, train, test, horizon)
    after = errors([make("temporal", learner=one) for one in alone], table, train, test, horizon)
    changes = " | ".join(f"{new / old - 1:+.1%}" for old, new in zip(before, after, strict=True))
    return f"| {name} | {len(table)} | {season} | {back} | {changes} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=SEASONAL, default=list(SEASONAL))
    parser.add_argument("--series", type=int, default=240)
    parser.add_argument("--back", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    head = f"| set | series | season | back | {' | '.join(LEARNERS)} | median |"
    print(head, "|" + "---|" * (head.count("|") - 1), sep="\n")
    for name in options.sets:
        for back in options.back:
            print(row(name, back, options.data, options.series), flush=True)


if __name__ == "__main__":
    main()
