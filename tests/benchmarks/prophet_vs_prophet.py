"""Our prophet beside the package: time from frame to forecast frame with intervals, log posterior, accuracy. Same series, same run.

    python tests/benchmarks/prophet_vs_prophet.py --peer /path/to/python-with-prophet [--series 40] [--sets nn5,m3_monthly] [--repeats 1]
        [--data ../shared/data] [--out docs/benchmarks.md]

Every measurement is a process of its own; sides take turns, set by set. Both run on one thread (the package's Stan process counts for it)
and start from the same pandas frame in memory. The last steps of each series are held back: MASE and the coverage of the 80% interval are
measured there. "no worse" is the share of series whose log posterior is no less than the package's minus 0.1, "gain" the median difference;
it is computed from the package's own design for the package, and is what our kernel reports for ours (the tests hold the two to the same
function). "alike" is the share of forecasts no farther apart than a fifth of the noise, on average over the steps, among those series whose
log posterior differs by no more than 0.1. Times are milliseconds per series: the mean of five calls for ours, one call for the package.
`--out` puts the rows into their section of that page, in the place of those of the same sets.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SIDES = ("ours", "prophet")
GOAL = 200.0
SLACK = 0.1
"""By so much two log posteriors may differ and still be of the same mode."""
TOLERANCE = 0.2
"""So far apart may forecasts from the same mode be, in units of the noise."""
HEAD = (
    "set", "series", "rows", "ours ms", "prophet ms", "ratio", "CPU ratio",
    "no worse", "gain", "alike", "MASE ours / prophet", "80% covers",
)  # fmt: skip
OPENING, CLOSING = (f"<!-- prophet: {end} by tests/benchmarks/prophet_vs_prophet.py -->" for end in ("written", "end"))


@dataclass(frozen=True)
class Set:
    """Some series: a file, its frequency, what is held back and the options of both sides."""

    file: str
    freq: str
    horizon: int
    season: int
    options: Mapping[str, Any] = field(default_factory=dict)
    country: str | None = None


SETS = {
    "m3_monthly": Set("m3 MONTHLY", "MS", 18, 12),
    "m3_quarterly": Set("m3 QUARTERLY", "QS", 8, 4),
    "m3_monthly multiplicative": Set("m3 MONTHLY", "MS", 18, 12, {"seasonality_mode": "multiplicative"}),
    "tourism": Set("aus_tourism/trips.parquet", "QS", 8, 4),
    "nn5": Set("nn5/cash.parquet", "D", 56, 7),
    "nn5 multiplicative": Set("nn5/cash.parquet", "D", 56, 7, {"seasonality_mode": "multiplicative"}),
    "nn5 logistic": Set("nn5/cash.parquet", "D", 56, 7, {"growth": "logistic"}),
    "tourism logistic": Set("aus_tourism/trips.parquet", "QS", 8, 4, {"growth": "logistic"}),
    "rossmann logistic": Set("rossmann/sales.parquet", "D", 42, 7, {"growth": "logistic"}),
    "m5 with holidays": Set("m5/sales.parquet", "D", 28, 7, country="US"),
    "rossmann with holidays": Set("rossmann/sales.parquet", "D", 42, 7, country="DE"),
    "m4_weekly": Set("m4_weekly/train.parquet", "W", 13, 52),
    "m4_hourly": Set("m4_hourly/train.parquet", "h", 48, 24),
}


def series_of(data: Path, one: Set, count: int) -> Any:
    """A pandas frame of `count` series of a set: unique_id, ds, y; integer steps become dates."""
    import pandas as pd

    file, _, period = one.file.partition(" ")
    frame = pd.read_parquet(data / (f"{file}/train.parquet" if period else file))
    if period:
        info = pd.read_parquet(data / file / "info.parquet").astype({"unique_id": str})
        frame = frame.astype({"unique_id": str})
        frame = frame[frame["unique_id"].isin(info.loc[info["period"] == period, "unique_id"])]
    if "item_id" in frame:
        frame = frame.assign(unique_id=frame["store_id"].astype(str) + "/" + frame["item_id"].astype(str), y=frame["sales"])
    if "date" in frame:
        frame = frame.assign(ds=frame["date"])
    ids = np.sort(frame["unique_id"].astype(str).unique())
    chosen = np.random.default_rng(0).choice(ids, min(count, len(ids)), replace=False)
    frame = frame.assign(unique_id=frame["unique_id"].astype(str))
    frame = frame.loc[frame["unique_id"].isin(chosen), ["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"])
    if np.issubdtype(np.asarray(frame["ds"].iloc[:1]).dtype, np.integer):
        frame["ds"] = pd.date_range("1990-01-01", periods=int(frame["ds"].max()) + 1, freq=one.freq)[frame["ds"]]
    return frame.assign(ds=pd.to_datetime(frame["ds"]).astype("datetime64[us]"), y=frame["y"].astype(float)).reset_index(drop=True)


def split(frame: Any, horizon: int) -> tuple[Any, Any]:
    """The history and the steps held back of every series."""
    behind = frame.groupby("unique_id").cumcount(ascending=False)
    return frame[behind >= horizon].reset_index(drop=True), frame[behind < horizon].reset_index(drop=True)


def capped(train: Any, one: Set) -> Any:
    """With a capacity, where the growth is logistic: a fifth above the largest value so far."""
    if one.options.get("growth") != "logistic":
        return train
    train = train[train.groupby("unique_id")["y"].transform("max") > 0].reset_index(drop=True)
    return train.assign(cap=1.2 * train.groupby("unique_id")["y"].transform("max"))


def table_and_recipe(train: Any, one: Set, threads: int = 1) -> tuple[Any, Any, Any]:
    """What our learner is given, the kind of frame that it came in, and the learner."""
    from forecaster import frames, guardrails
    from forecaster.learners.prophet import Prophet
    from forecaster.schema import Schema

    known = ("cap",) if "cap" in train else ()
    read, kind = frames.read(train)
    table, _ = guardrails.check(read, Schema(known=known), freq=one.freq)
    cap = {"cap": "cap"} if known else {}
    return table, kind, Prophet(**one.options, **cap, holidays=one.country, levels=(0.1, 0.9), threads=threads)


def future(table: Any, horizon: int) -> Any:
    """Capacities go on as they were."""
    from forecaster.table import Future

    return Future({name: np.repeat(table.last(1, values), horizon, axis=1) for name, values in table.known.items()}, horizon)


def ours(train: Any, one: Set, threads: int = 1) -> tuple[Any, dict[str, tuple[float, float]]]:
    """Forecast frame (unique_id, ds, forecast, low, high); log posterior and noise of each series."""
    from forecaster import frames

    table, kind, recipe = table_and_recipe(train, one, threads)
    model = recipe.fit(table)
    said = model.predict(one.horizon, None, future(table, one.horizon))
    columns = {"forecast": said.mean, "low": said.quantiles[:, :, 0], "high": said.quantiles[:, :, 1]}
    frame = frames.give(frames.long(table.ids, table.frequency, table.end + 1, one.horizon, columns, "ds"), kind)
    noise = model.sigma * model.scales.size
    return frame, dict(zip(map(str, table.ids["unique_id"]), np.column_stack([model.log_posterior, noise]).tolist(), strict=True))


def peer(train: Any, one: Set) -> tuple[Any, list[Any]]:
    """The same from the package, with its fitted models: their log posteriors are nobody's time."""
    import pandas as pd
    from prophet import Prophet

    made, models = [], []
    for name, part in train.groupby("unique_id", sort=True):
        model = Prophet(**one.options)
        if one.country:
            model.add_country_holidays(one.country)
        model.fit(part.drop(columns="unique_id"))
        ahead = pd.DataFrame({"ds": pd.date_range(part["ds"].iloc[-1], periods=one.horizon + 1, freq=one.freq)[1:]})
        if "cap" in part:
            ahead["cap"] = part["cap"].iloc[-1]
        said = model.predict(ahead)
        columns = {"forecast": said["yhat"], "low": said["yhat_lower"], "high": said["yhat_upper"]}
        made.append(pd.DataFrame({"unique_id": name, "ds": said["ds"], **columns}))
        models.append((name, model))
    return pd.concat(made, ignore_index=True), models


def log_posterior(model: Any) -> float:
    """Of a fitted model of the package, up to a constant."""
    X, scales, parts, _ = model.make_all_seasonality_features(model.history)
    t, y, points = (np.asarray(values, float) for values in (model.history["t"], model.history["y_scaled"], model.changepoints_t))
    k, m, sigma = (np.asarray(model.params[name]).item() for name in ("k", "m", "sigma_obs"))
    delta, beta = model.params["delta"].ravel(), model.params["beta"].ravel()
    if model.growth == "logistic":
        trend = model.piecewise_logistic(t, np.asarray(model.history["cap_scaled"]), delta, k, m, points)
    else:
        trend = model.piecewise_linear(t, delta, k, m, points)
    product, total = (X.to_numpy() @ (beta * parts[name].to_numpy()) for name in ("multiplicative_terms", "additive_terms"))
    squares = float(((y - trend * (1 + product) - total) ** 2).sum())
    priors = (k**2 + m**2) / 50 + np.abs(delta).sum() / model.changepoint_prior_scale + 0.5 * ((beta / np.array(scales)) ** 2).sum()
    return -float(len(t) * np.log(sigma) + squares / (2 * sigma**2) + priors + 2 * sigma**2)


def spent() -> dict[str, float]:
    """Wall and CPU clock, with those of child processes."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"wall": time.perf_counter(), "cpu": sum(one.ru_utime + one.ru_stime for one in used)}


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    before = spent()
    result = work()
    return result, {name: value - before[name] for name, value in spent().items()}


def measure(options: argparse.Namespace) -> None:
    """One side on one set, in this process; both are warmed up with one series."""
    import logging

    import pandas as pd

    for name in ("cmdstanpy", "prophet", "prophet.plot"):
        logging.getLogger(name).disabled = True
    one, train = SETS[options.set], pd.read_pickle(options.folder / "train.pkl")
    work = ours if options.side == "ours" else peer
    work(train[train["unique_id"] == train["unique_id"].iloc[0]], one)
    calls = [timed(lambda: work(train, one)) for _ in range(5 if options.side == "ours" else 1)]
    frame, found = calls[0][0]
    if options.side == "prophet":
        found = {str(name): log_posterior(model) for name, model in found}
    frame.to_pickle(options.folder / f"{options.side}.pkl")
    cost = {name: sum(cost[name] for _, cost in calls) / len(calls) for name in ("wall", "cpu")}
    (options.folder / f"{options.side}.json").write_text(json.dumps({"cost": cost, "found": found}))


def scale_of(train: Any, season: int) -> Any:
    """Mean seasonal difference of each series; of neighbours where that is zero."""
    scale, steps = (train.groupby("unique_id")["y"].apply(lambda y, lag=lag: y.diff(lag).abs().mean()) for lag in (season, 1))
    return scale.where(scale > 0, steps)


def accuracy(train: Any, test: Any, forecast: Any, season: int) -> dict[str, float]:
    """MASE, and the share of values within the 80% interval, means over series."""
    joined = test.merge(forecast.astype({"ds": test["ds"].dtype}), on=["unique_id", "ds"])
    assert len(joined) == len(test), "a forecast is missing"
    assert np.isfinite(joined[["forecast", "low", "high"]].to_numpy()).all(), "a forecast is not a number"
    off = (joined["y"] - joined["forecast"]).abs().groupby(joined["unique_id"]).mean()
    inside = ((joined["y"] >= joined["low"]) & (joined["y"] <= joined["high"]))[joined["y"].notna()]
    ratio = (off / scale_of(train, season)).replace(np.inf, np.nan)
    return {"MASE": float(ratio.mean()), "covered": float(inside.mean())}


def gains(mine: Mapping[str, Any], theirs: Mapping[str, float], forecast: Any, other: Any) -> tuple[Any, Any]:
    """By how much our log posterior is higher, and how far the forecasts are apart in units of the noise, per series."""
    joined = forecast.merge(other.astype({"ds": forecast["ds"].dtype}), on=["unique_id", "ds"])
    off = (joined["forecast_x"] - joined["forecast_y"]).abs().groupby(joined["unique_id"]).mean()
    gain = np.array([mine[name][0] - theirs[name] for name in theirs])
    return gain, np.array([off[name] / mine[name][1] for name in theirs])


def compare(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Both sides on one set."""
    import pandas as pd

    one = SETS[name]
    train, test = split(series_of(options.data, one, options.series), one.horizon)
    train = capped(train, one)
    test = test[test["unique_id"].isin(train["unique_id"])]
    train.to_pickle(folder / "train.pkl")
    told: dict[str, list[Any]] = {side: [] for side in SIDES}
    for _ in range(options.repeats):
        for side in SIDES:
            python = sys.executable if side == "ours" else options.peer
            command = [python, __file__, "--side", side, "--set", name, "--folder", str(folder)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            told[side].append(json.loads((folder / f"{side}.json").read_text()))
    series = train["unique_id"].nunique()
    cost = {f"{side} {kind}": 1e3 * min(run["cost"][kind] for run in told[side]) / series for side in SIDES for kind in ("wall", "cpu")}
    mine, theirs = told["ours"][0]["found"], told["prophet"][0]["found"]
    forecasts = {side: pd.read_pickle(folder / f"{side}.pkl") for side in SIDES}
    said = {side: accuracy(train, test, forecast, one.season) for side, forecast in forecasts.items()}
    gain, apart = gains(mine, theirs, *forecasts.values())
    rows = int(train.groupby("unique_id").size().median())
    return {
        "set": name,
        "series": series,
        "rows": rows,
        "gain": gain,
        "alike": apart[np.abs(gain) <= SLACK] <= TOLERANCE,
        **cost,
        "said": said,
    }


def line(row: Mapping[str, Any]) -> str:
    """One row of the table."""
    gain, said, alike = row["gain"], row["said"], row["alike"]
    cells = (
        row["set"], row["series"], row["rows"], f"{row['ours wall']:.3f}", f"{row['prophet wall']:.0f}",
        f"**{row['prophet wall'] / row['ours wall']:.0f}x**", f"{row['prophet cpu'] / row['ours cpu']:.0f}x",
        f"{np.mean(gain >= -SLACK):.1%}", f"{np.median(gain):+.2f}", f"{alike.sum()} of {len(alike)}",
        " / ".join(f"{said[side]['MASE']:.3f}" for side in SIDES), " / ".join(f"{said[side]['covered']:.0%}" for side in SIDES),
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def show(rows: list[dict[str, Any]]) -> None:
    """Whether the goals are met."""
    gain = np.concatenate([row["gain"] for row in rows])
    fast = sum(row["prophet wall"] / row["ours wall"] >= GOAL for row in rows)
    close = sum(row["said"]["ours"]["MASE"] <= 1.01 * row["said"]["prophet"]["MASE"] for row in rows)
    print(f"\n{len(gain)} fits: log posterior no less than the package's minus {SLACK} on {np.mean(gain >= -SLACK):.2%}")
    print(f"{GOAL:.0f} times faster on {fast} of {len(rows)}, MASE within 1% of the package's or better on {close} of {len(rows)}")


def write(page: Path, made: list[str]) -> None:
    """Put rows into the section of a page, in the place of those of the same sets."""
    text = page.read_text() if page.exists() else "# Benchmarks\n"
    if OPENING not in text:
        text += f"\n## Prophet beside the package\n\n{OPENING}\n{CLOSING}\n"
    before, _, rest = text.partition(OPENING)
    old, _, after = rest.partition(CLOSING)
    rows = {row.split("|")[1].strip(): row for row in (*old.strip().splitlines()[2:], *made)}
    table = "\n".join([f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|", *rows.values()])
    page.write_text(f"{before}{OPENING}\n{table}\n{CLOSING}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared/data")
    parser.add_argument("--peer", default=sys.executable, help="interpreter that has prophet")
    parser.add_argument("--series", type=int, default=40, help="per set")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--set", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="page whose section the rows are written to")
    options = parser.parse_args()
    if options.side:
        return measure(options)
    rows = []
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    for name in options.sets.split(","):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(compare(name, options, Path(folder)))
        print(line(rows[-1]), flush=True)
        if options.out:
            write(options.out, [line(rows[-1])])
    return show(rows)


if __name__ == "__main__":
    main()
