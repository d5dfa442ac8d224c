"""`Forecaster` with its defaults beside AutoGluon-TimeSeries: the same series, the same horizon, both choose for themselves.

    python tests/benchmarks/automl_vs_autogluon.py --peer /path/to/python-with-autogluon.timeseries [--presets medium_quality]
        [--limit 600] [--data ../shared/data] [--sets m3_yearly ...] [--series 100] [--back 0] [--out table.md]

The peer chooses by MASE, with quantiles 0.1, 0.5 and 0.9 and at most `--limit` seconds a set, without pretrained networks (Chronos,
Toto), whose weights are a download; its forecast is the mean, or the median where that is better, picked afterwards. Steps of whole
numbers are given to both sides as dates of the same frequency. MASE is scaled by the seasonal differences of the training values, mean over
series. Seconds are CPU seconds from frame to forecast frame of the process and its children, all of whose threads count, imports left
out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from automl_vs_statsforecast import DATA, SETS, inside, load, mase

STEPS = {
    "m3_yearly": "YS", "m3_quarterly": "QS", "m3_monthly": "MS", "m3_other": "YS", "aus_tourism": "QS", "m4_weekly": "W-MON", "nn5": "D",
    "m4_hourly": "h",
}  # fmt: skip
HEADS = "| set | series | ours | peer | ours to the peer | inside 80% ours / peer | CPU s ours / peer | peer's choice |"


def dated(train: Any, name: str) -> Any:
    """The frame with dates for steps of whole numbers, which the peer does not take; every series begins on the same day."""
    import pandas as pd

    if np.issubdtype(train.ds.dtype, np.datetime64):
        return train
    place = train.groupby("unique_id").cumcount().to_numpy()
    return train.assign(ds=pd.date_range("1900-01-01", periods=int(place.max()) + 1, freq=STEPS[name])[place])


def ours(train: Any, name: str) -> Any:
    from forecaster import Forecaster

    season, horizon, _, _ = SETS[name]
    return Forecaster(horizon, freq=STEPS[name], season_length=season, n_jobs=1).fit(train).predict()[["forecast", "q0.1", "q0.9"]]


def theirs(train: Any, name: str, options: argparse.Namespace) -> tuple[np.ndarray, str]:
    """Mean, 0.1, 0.9 and median, and what was chosen. (series times horizon, 4)"""
    from autogluon.timeseries import TimeSeriesDataFrame, TimeSeriesPredictor
    from joblib.externals.loky import get_reusable_executor

    data = TimeSeriesDataFrame.from_data_frame(train, id_column="unique_id", timestamp_column="ds")
    with tempfile.TemporaryDirectory() as folder:
        predictor = TimeSeriesPredictor(
            prediction_length=SETS[name][1],
            target="y",
            freq=STEPS[name],
            eval_metric="MASE",
            quantile_levels=[0.1, 0.5, 0.9],
            path=folder,
            verbosity=0,
        )
        excluded = ["Chronos", "Chronos2", "Toto", "Toto2"]
        predictor.fit(data, presets=options.presets, time_limit=options.limit, excluded_model_types=excluded, random_seed=0)
        made = predictor.predict(data)[["mean", "0.1", "0.9", "0.5"]].loc[train.unique_id.unique()]
        get_reusable_executor().shutdown(wait=True)  # the time of a child counts once it has ended
        return made.to_numpy(float), str(predictor.model_best)


def measure(options: argparse.Namespace) -> None:
    """One side in this process: forecasts, CPU seconds and what was chosen into a file."""
    name = options.sets[0]
    train = dated(load(options.data, name, options.series, options.back)[0], name)
    if options.side == "ours":
        import forecaster.job  # noqa: F401
    else:
        import autogluon.timeseries  # noqa: F401
    begun = sum(os.times()[:4])
    values, chosen = (ours(train, name).to_numpy(float), "") if options.side == "ours" else theirs(train, name, options)
    np.savez(options.result, values=values, seconds=sum(os.times()[:4]) - begun, chosen=chosen)


def result(side: str, name: str, options: argparse.Namespace) -> tuple[np.ndarray, float, str]:
    """Forecasts (series, horizon, 3 or 4), CPU seconds and the choice of one side."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.npz"
        python = sys.executable if side == "ours" else options.peer
        given = {
            "sets": name, "series": options.series, "back": options.back, "data": options.data, "side": side, "result": path,
            "presets": options.presets, "limit": options.limit,
        }  # fmt: skip
        subprocess.run([python, __file__, *(str(part) for option, value in given.items() for part in (f"--{option}", value))], check=True)
        made = np.load(path)
        return made["values"].reshape(-1, SETS[name][1], made["values"].shape[-1]), float(made["seconds"]), str(made["chosen"])


def row(name: str, options: argparse.Namespace) -> str:
    train, test = load(options.data, name, options.series, options.back)
    (own, spent, _), (peer, theirs_spent, chosen) = (result(side, name, options) for side in ("ours", "peer"))
    mine, *others = (float(np.nanmean(mase(one, train, test, SETS[name][0]))) for one in (own[..., 0], peer[..., 0], peer[..., 3]))
    held = " / ".join(f"{hit / every:.1%}" for hit, every in (inside(own, test), inside(peer, test)))
    best = min(others)
    return (
        f"| {name} | {len(own)} | {mine:.3f} | {best:.3f} | {mine / best - 1:+.1%} | {held} | {spent:.1f} / {theirs_spent:.0f} | {chosen} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has autogluon.timeseries")
    parser.add_argument("--presets", default="medium_quality")
    parser.add_argument("--limit", type=int, default=600, help="seconds that the peer has for a set")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--series", type=int, default=100, help="of a set at most")
    parser.add_argument("--back", type=int, default=0, help="horizons to cut off first")
    parser.add_argument("--out", type=Path, help="also write the table here")
    for hidden in ("--side", "--result"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options)
        return
    lines = [HEADS, "|" + "---|" * (HEADS.count("|") - 1)]
    print("\n".join(lines), flush=True)
    for name in options.sets:
        lines.append(row(name, options))
        print(lines[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
