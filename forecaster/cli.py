"""The command `forecaster`: one job from the shell, with the options in a JOB.yaml."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import typer
from rich.console import Console
from rich.table import Table as RichTable

from forecaster import archive, frames, metrics
from forecaster.errors import ForecasterError, SettingsError
from forecaster.job import Forecaster
from forecaster.progress import trial_lines
from forecaster.settings import JobFile

app = typer.Typer(
    help="Forecast many series from the shell. Write the options in a JOB.yaml, then: fit, predict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
JobPath = Annotated[Path, typer.Argument(help="A YAML file with the options of Forecaster as keys (horizon, series, time, target, ...).")]
DataPath = Annotated[str, typer.Option("--data", help="A file, folder or glob of Parquet or CSV.")]


@app.command()
def fit(
    job: JobPath,
    data: DataPath,
    out: Annotated[Path, typer.Option("--out", help="Folder for the fitted job.")],
    report: Annotated[Path | None, typer.Option("--report", help="Also write an HTML page here.")] = None,
) -> None:
    """Try the learners, choose, fit, and save the fitted job."""
    archive.refuse_foreign(out)
    forecaster = _fitted(job, data)
    forecaster.save(out)
    if report is not None:
        forecaster.report(report)
    typer.echo(f"saved to {out}; next: forecaster predict --model {out} --out forecast.parquet")


@app.command()
def predict(
    model: Annotated[Path, typer.Option("--model", help="The folder that `fit` wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the forecast (.parquet or .csv).")],
    future: Annotated[str | None, typer.Option("--future", help="Rows with the known covariates of the steps ahead.")] = None,
    horizon: Annotated[int | None, typer.Option("--horizon", min=1, help="Steps ahead, where not those of the job.")] = None,
) -> None:
    """Forecast every series of a fitted job."""
    writer = writer_of(out)
    forecast = frames.read(Forecaster.load(model).predict(future, horizon))[0]
    writer(forecast)
    typer.echo(f"{forecast.num_rows} rows written to {out}")


@app.command()
def backtest(
    job: JobPath,
    data: DataPath,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write the out-of-fold forecasts (.parquet or .csv).")] = None,
) -> None:
    """Compare the learners over the windows of the backtest."""
    writer = None if out is None else writer_of(out)
    forecaster = _fitted(job, data)
    if writer is not None:
        writer(frames.read(forecaster.backtest_)[0])
        typer.echo(f"out-of-fold forecasts written to {out}")


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {".parquet": pa_parquet.write_table, ".csv": pa_csv.write_csv}


def writer_of(path: Path) -> Callable[[pa.Table], None]:
    """What writes a table to this path, so that a path that cannot be written is known before any work.

    Raises:
        SettingsError: the name ends in nothing that can be written.
    """
    if path.suffix not in WRITERS:
        raise SettingsError(f"--out {path}: expected a name that ends in {' or '.join(WRITERS)}, such as {path.stem or 'forecast'}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    return lambda table: WRITERS[path.suffix](table, path)


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


def _fitted(job: Path, data: str) -> Forecaster:
    told = JobFile.read(job)
    settings = told.settings
    name = settings.metric if isinstance(settings.metric, str) else "metric"
    sign = -1.0 if metrics.get(settings.metric).greater_is_better else 1.0
    if told.partition_by:
        typer.echo(f"note: one job over all series; for one model per {', '.join(told.partition_by)}: many-models train {job}", err=True)
    forecaster = Forecaster.of(settings).fit(frames.read(data)[0], on_trial=trial_lines(name, sign))
    board = frames.read(forecaster.leaderboard_)[0]
    show(board, ["rank", "learner", "score", "fit_seconds", "status"], f"leaderboard ({name})")
    found = frames.read(forecaster.findings_)[0]
    if found.num_rows:
        seen = found.group_by(["rule", "column"], use_threads=False).aggregate([("rule", "count"), ("message", "first")])
        where = found.group_by(["rule", "column"], use_threads=False).aggregate(
            [(name, "first") for name in settings.series if name in found.column_names]
        )
        first = [
            " · ".join(str(part) for part in row.values() if part is not None) for row in where.drop_columns(["rule", "column"]).to_pylist()
        ]
        seen = seen.append_column("series", pa.array(first)).rename_columns(["rule", "column", "findings", "the first", "series"])
        seen = seen.select(["rule", "column", "findings", "series", "the first"])
        show(seen, seen.column_names, f"findings ({found.num_rows:,}; all of them are in findings_ and in the report)")
    return forecaster


def guarded(command: Callable[[], None]) -> None:
    """Run a command line: what we raise on purpose and what the disk refuses is one line and exit code 2, a warning is one line."""
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {message}", err=True)
    try:
        command()
    except (ForecasterError, OSError) as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        raise SystemExit(2) from None


def main() -> None:
    """Entry point of the command `forecaster`."""
    guarded(app)
