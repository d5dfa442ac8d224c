"""The command `many-models`: train one model per group, look at the run, forecast, from the shell."""

from __future__ import annotations

import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import typer

from forecaster import frames
from forecaster.errors import ForecasterError, SettingsError
from forecaster.settings import JobFile
from many_models import keys, outcomes
from many_models.many import ManyModels
from many_models.run import Run

BROKEN, USAGE, FAILURES, STOPPED = 1, 2, 3, 130
"""Exit codes beside 0: a file cannot be read or written, the command cannot be meant, some groups have no model, stopped by Ctrl-C."""
SHOWN = 10
"""Most groups that are named on the screen."""

app = typer.Typer(
    help="One model per store, product or device, in one batch run that can be stopped at any time and gone on with.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
RunPath = Annotated[Path, typer.Option("--run", help="Folder of the run.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes at a time; one per core where absent.")]
Engine = Annotated[str, typer.Option("--engine", help="Where blocks run.")]
TimeLimit = Annotated[str, typer.Option("--time-limit", help='Limit per group, such as "5min" or "30"; "none" for no limit.')]
Memory = Annotated[str | None, typer.Option("--memory-limit", help='What a worker may hold, such as "2GB".')]

Forecasts = Annotated[str | None, typer.Option("--forecast", help="What `forecast` wrote; what training forecast where absent.")]


@app.command()
def train(
    job: Annotated[Path, typer.Argument(help="A YAML file: the options of Forecaster, and partition_by.")],
    data: Annotated[str, typer.Option("--data", help="A file, folder or glob of Parquet or CSV.")],
    run: RunPath,
    engine: Engine = "local",
    workers: Workers = None,
    time_limit: TimeLimit = "5min",
    memory_limit: Memory = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train one model per group. Run it again to go on after a stop, or with new data."""
    told = JobFile.read(job)
    if not told.partition_by:
        raise SettingsError(
            f"{job} has no partition_by; name the columns whose values get one model each, such as: partition_by: [store_id]"
        )
    limits: dict[str, Any] = {"time_limit_per_group": _limit(time_limit), "memory_limit": memory_limit}
    many = ManyModels(told.settings, told.partition_by)
    with _stoppable():
        made = many.train(data, run, engine=engine, workers=workers, resume=not fresh, progress=not quiet, **limits)
    _end(made)


@app.command()
def forecast(
    run: RunPath,
    out: Annotated[Path, typer.Option("--out", help="A .parquet or .csv file, or a folder of Parquet files.")],
    future: Annotated[str | None, typer.Option("--future", help="Rows with the known covariates of the steps ahead.")] = None,
    horizon: Annotated[int | None, typer.Option("--horizon", min=1, help="Steps ahead, where not those of the job.")] = None,
    workers: Workers = None,
) -> None:
    """Forecast all groups that have a model."""
    opened = Run.open(run)
    if out.suffix == ".csv":
        _write_csv(frames.read(opened.forecast(future, None, horizon, workers))[0], out)
    else:
        opened.forecast(future, out, horizon, workers)
    typer.echo(f"forecasts written to {out}")
    raise typer.Exit(FAILURES if opened.status().failed else 0)


@app.command()
def status(run: RunPath) -> None:
    """How far a run is, also while it is going on."""
    opened = Run.open(run)
    typer.echo(str(opened.status()))
    _name_failures(opened)


@app.command()
def retry(
    run: RunPath, engine: Engine = "local", workers: Workers = None, time_limit: TimeLimit = "5min", memory_limit: Memory = None
) -> None:
    """Try the groups without a model once more."""
    with _stoppable():
        again = Run.open(run).retry_failed(workers, _limit(time_limit), memory_limit, engine)
    _end(again)


@app.command()
def report(
    run: RunPath, out: Annotated[Path, typer.Option("--out", help="Where to write the HTML page.")], forecast: Forecasts = None
) -> None:
    """Write one self-contained HTML page about the run."""
    typer.echo(f"report written to {Run.open(run).report(out, forecast)}")


@app.command()
def evaluate(
    run: RunPath,
    actuals: Annotated[str, typer.Option("--actuals", help="Rows with the series columns, the time and the target.")],
    forecast: Forecasts = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the accuracy of every group here (.parquet or .csv).")] = None,
) -> None:
    """Compare past forecasts with what came true."""
    opened = Run.open(run)
    accuracy = frames.read(opened.evaluate(actuals, forecast))[0]
    if out is not None:
        _write_csv(accuracy, out) if out.suffix == ".csv" else pq.write_table(accuracy, out)
    typer.echo(f"{accuracy.num_rows} groups have actual values; means over them:")
    for name in accuracy.column_names[len(opened.task.partition_by) :]:
        average = pc.mean(accuracy[name]).as_py()
        typer.echo(f"  {name:<14} {'-' if average is None else f'{average:.4g}':>12}")


def main() -> None:
    """Run the command; errors and warnings are one line, not a traceback."""
    warnings.showwarning = _tell  # type: ignore[assignment]
    try:
        app(standalone_mode=True)
    except ForecasterError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(USAGE)
    except OSError as error:
        typer.echo(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""), err=True)
        sys.exit(BROKEN)


def _tell(message: Warning | str, *_: object) -> None:
    """A warning as a line of the screen."""
    typer.echo(f"note: {message}", err=True)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C is an order, not an error."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; what is done is kept, run the same command again to go on", err=True)
        raise typer.Exit(STOPPED) from None


def _end(run: Run) -> None:
    """Say how a run ended, in words and as the exit code."""
    ended = run.status()
    typer.echo(str(ended))
    _name_failures(run)
    typer.echo(f"next: many-models forecast --run {run.path} --out forecasts.parquet")
    raise typer.Exit(FAILURES if ended.failed else 0)


def _name_failures(run: Run) -> None:
    """The first groups without a model, grouped by cause."""
    told = run.told()
    bad = outcomes.without_model(told)
    by = bad.select(bad.column_names[: bad.column_names.index("status")])
    for i in range(min(bad.num_rows, SHOWN)):
        typer.echo(_wrapped(f"{bad['status'][i]}: {keys.told(by, i, 30)}: {bad['error_type'][i]}: {bad['error'][i]}"))
    if bad.num_rows > SHOWN:
        typer.echo(f"  and {bad.num_rows - SHOWN} more: see Run.open({str(run.path)!r}).outcomes()")


def _wrapped(line: str) -> str:
    """A line of at most three lines of the screen."""
    return textwrap.fill(line, 80, initial_indent="  ", subsequent_indent="    ", max_lines=3, placeholder=" ...")


def _limit(text: str) -> str | None:
    return None if text.lower() == "none" else text


def _write_csv(table: pa.Table, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    pa_csv.write_csv(table, out)


if __name__ == "__main__":
    main()
