"""Prepare, train, forecast, evaluate: four steps that one call or four calls do, and that do nothing where nothing has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forecaster import frames
from forecaster.errors import SettingsError
from forecaster.shell import write_csv
from many_models import changes, outcomes
from many_models import prepare as preparing
from many_models.files import write_parquet
from many_models.many import ManyModels
from many_models.run import Run
from many_models.scoring import check_out
from many_models.steps import Made, Step, fingerprint, hashed, refuse_strangers, whole
from many_models.store import here
from many_models.task import Task

FAILURES, ATTENTION = 3, 4
"""Exit codes: some groups have no model; something should be looked at."""
SHOWN = ("wape", "rmse", "bias")
"""Measures that are told on the line of an evaluation; all of them are in its file."""
_READ = ("series", "time", "target", "freq", "season_length", "aggregate", "horizon", "known", "past", "static", "drop", "weight")
"""Options that decide which rows are read and what the guardrails see in them."""


def prepare(task: Task, data: Any, out: str | Path, workers: int | None = None) -> Made:
    """Make the rows of any source ready for training: a folder of Parquet files with whole groups, and what the guardrails see.

    Args:
        task: What is to be fitted.
        data: The rows.
        out: The folder; `_findings.parquet` in it has a row per finding.
        workers: How many run at a time; one per core where absent.

    Raises:
        DataError: the data cannot be partitioned or read.
        UnknownName: a column that the job names is not in the data.
        SettingsError: the folder holds something else.
    """
    folder = here(out, "out")
    refuse_strangers(folder, preparing.FILES, "no step has prepared")
    options = {name: value for name, value in task.settings.as_dict().items() if name in _READ}

    def make() -> Made:
        with whole(folder) as place:
            made = preparing.prepare(task, data, place, workers)
        if made.refused:
            return Made(f"{made}; {made.refused:,} groups cannot be mended, see {folder / preparing.FINDINGS}", ATTENTION)
        return Made(str(made))

    inputs = {"data": fingerprint(data), "job": hashed([repr(sorted(options.items(), key=str)), *task.partition_by])}
    return Step("prepare", inputs, [folder]).run(make)


def train(many: ManyModels, data: Any, path: str | Path, **how: Any) -> Made:
    """Train a run, or go on with it.

    Args:
        many: What to train.
        data: The rows.
        path: The folder of the run.
        **how: As for `ManyModels.train`; but `only` and `resume` are for calls of that.
    """
    root = here(path, "path")

    def make() -> Made:
        run = many.train(data, root, **how)
        ended, night = run.status(), changes.read(root)
        late = pc.any(outcomes.late(run.told())).as_py()
        said = f"{ended.done:,} of {ended.groups:,} groups, {ended.failed:,} without a model"
        return Made(said, FAILURES if ended.failed else 0, "" if night is None else changes.line(night), settled=not late)

    inputs = {"data": fingerprint(data), "job": many.task.identity}
    return Step("train", inputs, [root / "plan.parquet", root / "blocks"], root / "train.json").run(make)


def forecast(run: Run, out: str | Path, future: Any = None, horizon: int | None = None, workers: int | None = None) -> Made:
    """Forecast all groups, or predict rows.

    Args:
        run: The run.
        out: A .parquet or .csv file, or a folder of Parquet files.
        future: As for `Run.forecast`.
        horizon: Likewise.
        workers: Likewise.
    """
    file = here(out, "out")
    if file.suffix != ".csv":
        check_out(file)

    def make() -> Made:
        made = run.ahead(future, horizon, workers)
        write(frames.read(run.frame(made))[0], file) if file.suffix == ".csv" else run.write(made, file)
        ended = run.status()
        missing = ended.groups - run.forecastable().num_rows + made.lost
        said = f"forecasts written to {file}" + (f"; {missing:,} of {ended.groups:,} groups have none" if missing else "")
        return Made(said, 0 if ended.complete and not ended.failed and not missing else FAILURES, settled=not made.lost)

    inputs = {"run": run.state(), "future": fingerprint(future), "horizon": str(horizon)}
    return Step("forecast", inputs, [file]).run(make)


def evaluate(run: Run, actuals: Any, out: str | Path, forecast: Any = None) -> Made:
    """Compare past forecasts with what came true, and write the accuracy of every group.

    Args:
        run: The run.
        actuals: As for `Run.evaluate`.
        out: A .parquet or .csv file.
        forecast: As for `Run.evaluate`.

    Raises:
        NothingYet: no forecast has an actual value.
    """
    file = here(out, "out")
    if file.suffix not in (".parquet", ".csv"):
        raise SettingsError(f"out should be a .parquet or .csv file, got {str(file)!r}")

    def make() -> Made:
        accuracy = frames.read(run.evaluate(actuals, forecast))[0]
        write(accuracy, file)
        means = ", ".join(f"{name} {value:.4g}" for name in SHOWN if (value := pc.mean(accuracy[name]).as_py()) is not None)
        return Made(f"{accuracy.num_rows:,} groups have actual values; means over them: {means}")

    made = fingerprint(forecast) if forecast is not None else hashed([run.state(), *sorted(file.name for file in run.past())])
    return Step("evaluate", {"forecast": made, "actuals": fingerprint(actuals)}, [file]).run(make)


def write(rows: pa.Table, file: Path) -> None:
    """Write a .csv file or a .parquet file, whole or not at all."""
    with whole(file) as place:
        write_csv(rows, place) if file.suffix == ".csv" else write_parquet(rows, place)
