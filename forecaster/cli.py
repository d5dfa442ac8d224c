"""The command `forecaster`: one job from the shell, with the options in a JOB.yaml."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table as RichTable

from forecaster import archive, frames
from forecaster.errors import ForecasterError, SettingsError
from forecaster.job import Forecaster
from forecaster.jobfile import JobFile
from forecaster.progress import Tried, Way, trial_json, trial_lines
from forecaster.settings import Settings
from forecaster.shell import in_shell, writer_of
from forecaster.tabular.fitted import FittedTabular
from forecaster.tabular_job import Classifier, Regressor

app = typer.Typer(
    help="Forecast many series from the shell. Write the options in a JOB.yaml, then: fit, predict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
JobPath = Annotated[Path, typer.Argument(help="A YAML file with the options of Forecaster as keys (horizon, series, time, target, ...).")]
DataPath = Annotated[str, typer.Option("--data", help="A file, folder or glob of Parquet or CSV.")]
Progress = Annotated[
    Way, typer.Option("--progress", help="auto, lines: a line per learner that was tried; json: an object per line, for programs.")
]


@app.command()
def fit(
    job: JobPath,
    data: DataPath,
    out: Annotated[Path, typer.Option("--out", help="Folder for the fitted job.")],
    report: Annotated[Path | None, typer.Option("--report", help="Also write an HTML page here.")] = None,
    progress: Progress = Way.AUTO,
) -> None:
    """Try the learners, choose, fit, and save the fitted job."""
    archive.refuse_foreign(out)
    fitted = _fitted(job, data, progress)
    fitted.save(out)
    if report is not None:
        fitted.report(report)
    rows = "" if isinstance(fitted, Forecaster) else "--data ROWS "
    typer.echo(f"saved to {out}; next: forecaster predict --model {out} {rows}--out forecast.parquet")


@app.command()
def predict(
    model: Annotated[Path, typer.Option("--model", help="The folder that `fit` wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the forecast (.parquet or .csv).")],
    future: Annotated[str | None, typer.Option("--future", help="Rows with the known covariates of the steps ahead.")] = None,
    horizon: Annotated[int | None, typer.Option("--horizon", min=1, help="Steps ahead, where not those of the job.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Rows to predict, for a classifier or regressor.")] = None,
) -> None:
    """Forecast every series of a fitted job, or predict rows."""
    write = writer_of(out)
    made = frames.read(_said(model, future, horizon, data))[0]
    write(made)
    typer.echo(f"{made.num_rows} rows written to {out}")


@app.command()
def backtest(
    job: JobPath,
    data: DataPath,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write the out-of-fold forecasts (.parquet or .csv).")] = None,
    progress: Progress = Way.AUTO,
) -> None:
    """Compare the learners over the windows of the backtest."""
    write = writer_of(out)
    fitted = _fitted(job, data, progress)
    if out is not None:
        write(frames.read(fitted.backtest_)[0])
        typer.echo(f"out-of-fold forecasts written to {out}")


def show(table: pa.Table, columns: list[str], title: str) -> None:
    """Print some columns as a table that fits 80 columns."""
    shown = RichTable(title=title, title_justify="left", header_style="bold")
    for name in columns:
        shown.add_column(name, justify="right" if pa.types.is_floating(table[name].type) else "left", overflow="fold")
    for row in table.select(columns).to_pylist():
        shown.add_row(*[_cell(row[name]) for name in columns])
    Console(width=None if sys.stdout.isatty() else 80).print(shown)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _said(model: Path, future: str | None, horizon: int | None, data: str | None) -> Any:
    """What a fitted job says, whatever its task is."""
    fitted = archive.load(model)
    if not isinstance(fitted, FittedTabular):
        if data is not None:
            raise SettingsError(f"--data is for classifiers and regressors; {model} holds a forecaster: give --future, or nothing")
        return Forecaster.load(model).predict(future, horizon)
    if data is None:
        raise SettingsError(f"{model} holds a fitted job of the task {fitted.task!r}: give the rows to predict, --data ROWS")
    job = (Classifier if fitted.task == "classify" else Regressor).load(model)
    return job.predict(data) if isinstance(job, Regressor) else job.predict_proba(job.predict(data))


def _fitted(job: Path, data: str, progress: Way) -> Forecaster | Classifier | Regressor:
    told = JobFile.read(job)
    settings = told.settings
    if told.partition_by:
        typer.echo(f"note: one job over all rows; for one model per {', '.join(told.partition_by)}: many-models train {job}", err=True)
    name = settings.metric if isinstance(settings.metric, str) else "metric"
    fitted: Forecaster | Classifier | Regressor
    if isinstance(settings, Settings):
        sign = -1.0 if settings.greater_is_better else 1.0
        fitted = Forecaster.of(settings).fit(frames.read(data)[0], on_trial=_shown(progress, name, sign))
    else:
        fitted = (Classifier if told.task == "classify" else Regressor).of(settings).fit(frames.read(data)[0])
    show(frames.read(fitted.leaderboard_)[0], ["rank", "learner", "score", "fit_seconds", "status"], f"leaderboard ({name})")
    _show_findings(frames.read(fitted.findings_)[0], settings.series)
    return fitted


def _shown(progress: Way, metric: str, sign: float) -> Callable[[Tried], None]:
    """What is done with a learner that was tried."""
    if progress is Way.NONE:
        return lambda trial: None
    return trial_json(sign) if progress is Way.JSON else trial_lines(metric, sign)


def _show_findings(found: pa.Table, series: Sequence[str]) -> None:
    """Each rule and column once, with the first series that it concerns."""
    if not found.num_rows:
        return
    seen = found.group_by(["rule", "column"], use_threads=False).aggregate([("rule", "count"), ("message", "first")])
    where = found.group_by(["rule", "column"], use_threads=False).aggregate(
        [(name, "first") for name in series if name in found.column_names]
    )
    first = [
        " · ".join(str(part) for part in row.values() if part is not None) for row in where.drop_columns(["rule", "column"]).to_pylist()
    ]
    seen = seen.append_column("series", pa.array(first)).rename_columns(["rule", "column", "findings", "the first", "series"])
    seen = seen.select(["rule", "column", "findings", *(["series"] if series else []), "the first"])
    show(seen, seen.column_names, f"findings ({found.num_rows:,}; all of them are in findings_ and in the report)")


def guarded(command: Callable[[], None]) -> None:
    """Run a command line: what we raise on purpose and what the disk refuses is one line and exit code 2, a warning is one line."""
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {in_shell(str(message))}", err=True)
    try:
        command()
    except (ForecasterError, OSError) as error:
        typer.echo(f"error: {in_shell(str(error))}", err=True)
        raise SystemExit(2) from None


def main() -> None:
    """Entry point of the command `forecaster`."""
    guarded(app)
