"""The command `many-models`: train one model per group, look at the run, forecast, from the shell."""

from __future__ import annotations

import sys
import textwrap
import warnings
from pathlib import Path
from typing import Annotated, Any

import pyarrow.compute as pc
import typer

from forecaster import frames
from forecaster.errors import ForecasterError
from forecaster.jobfile import JobFile
from forecaster.progress import Way
from forecaster.shell import in_shell
from many_models import changes, keys, outcomes, pipeline
from many_models.commands import health, models, nights, serving
from many_models.commands import pipeline as chain
from many_models.commands.options import (
    BROKEN,
    FAILURES,
    USAGE,
    Actuals,
    Data,
    Deadline,
    Engine,
    EngineOfJob,
    EngineOptions,
    Forecasts,
    Future,
    Horizon,
    Job,
    Memory,
    Progress,
    Quiet,
    RunPath,
    TimeLimit,
    Update,
    Workers,
    engine_of,
    how_of,
    limit,
    many_of,
    stoppable,
)
from many_models.how import How
from many_models.outlook import outlook
from many_models.run import Run

SHOWN = 10
"""Most groups that are named on the screen."""

BEGIN = """To begin:

many-models init sales.csv --out job.yaml

many-models train job.yaml --data sales.csv --run runs/first

many-models report --run runs/first --out first.html

Codes at the end: 0 all is done, 3 some groups have no model, 4 look at what was found, 2 the call is wrong, 1 it failed: try again."""
app = typer.Typer(
    help="One model per store, product or device, in one batch run that can be stopped at any time and gone on with.",
    epilog=BEGIN,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def train(
    job: Job,
    data: Data,
    run: RunPath,
    engine: EngineOfJob = None,
    engine_option: EngineOptions = [],  # noqa: B006
    workers: Workers = None,
    time_limit: TimeLimit = "5min",
    memory_limit: Memory = None,
    deadline: Deadline = None,
    update: Update = None,
    only: Annotated[str | None, typer.Option("--only", help="A file that names the groups to train; the others stay.")] = None,
    tracking: Annotated[str | None, typer.Option("--tracking", help='"mlflow": log the run to MLflow when it is done.')] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on.")] = False,
    progress: Progress = Way.AUTO,
    quiet: Quiet = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many groups, which learners and about how long; write nothing.")
    ] = False,
) -> None:
    """Train one model per group. Run it again to go on after a stop, or with new data."""
    told = JobFile.read(job)
    many, how = many_of(job, told), how_of(job, told, engine, engine_option, workers)
    limits: dict[str, Any] = {"time_limit_per_group": limit(time_limit), "memory_limit": memory_limit, "deadline": deadline}
    limits |= {"update": update, "only": only, "tracking": tracking, "progress": Way.NONE if quiet else progress}
    if dry_run:
        typer.echo(str(outlook(many.task, data, How.of(how["engine"], how["workers"], limit(time_limit), memory_limit, False))))
        return
    with stoppable():
        made = many.train(data, run, **how, resume=not fresh, **limits)
    _end(made)


@app.command()
def forecast(
    run: RunPath,
    out: Annotated[Path, typer.Option("--out", help="A .parquet or .csv file, or a folder of Parquet files.")],
    future: Future = None,
    horizon: Horizon = None,
    workers: Workers = None,
) -> None:
    """Forecast all groups that have a model."""
    made = pipeline.forecast(Run.open(run), out, future, horizon, workers)
    typer.echo(str(made))
    raise typer.Exit(made.code)


@app.command()
def status(run: RunPath) -> None:
    """How far a run is, also while it is going on."""
    opened = Run.open(run)
    typer.echo(str(opened.status()))
    _name_failures(opened)


@app.command()
def retry(
    run: RunPath,
    engine: Engine = "local",
    engine_option: EngineOptions = [],  # noqa: B006
    workers: Workers = None,
    time_limit: TimeLimit = "5min",
    memory_limit: Memory = None,
    progress: Progress = Way.AUTO,
) -> None:
    """Try the groups without a model once more."""
    with stoppable():
        again = Run.open(run).retry_failed(workers, limit(time_limit), memory_limit, engine_of(engine, engine_option), progress)
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
    actuals: Actuals,
    forecast: Forecasts = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the accuracy of every group here (.parquet or .csv).")] = None,
) -> None:
    """Compare past forecasts with what came true."""
    opened = Run.open(run)
    if out is None:
        accuracy = frames.read(opened.evaluate(actuals, forecast))[0]
    else:
        if pipeline.evaluate(opened, actuals, out, forecast).reused:
            typer.echo(f"{out} is unchanged, reused")
        accuracy = frames.read(out)[0]
    typer.echo(f"{accuracy.num_rows} groups have actual values; means over them:")
    for name in accuracy.column_names[len(opened.task.partition_by) :]:
        average = pc.mean(accuracy[name]).as_py()
        typer.echo(f"  {name:<14} {'-' if average is None else f'{average:.4g}':>12}")


for part in (chain, nights, models, serving, health):
    part.add(app)


def main() -> None:
    """Run the command; errors and warnings are one line, not a traceback."""
    warnings.showwarning = _tell  # type: ignore[assignment]
    try:
        app(standalone_mode=True)
    except ForecasterError as error:
        typer.echo(f"error: {in_shell(str(error))}", err=True)
        # What is no fault of the call may go well another time: a full disk, a run that another process works on.
        sys.exit(BROKEN if isinstance(error, (OSError, RuntimeError)) else USAGE)
    except OSError as error:
        typer.echo(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""), err=True)
        sys.exit(BROKEN)


def _tell(message: Warning | str, *_: object) -> None:
    """A warning as a line of the screen."""
    typer.echo(f"note: {in_shell(str(message))}", err=True)


def _end(run: Run) -> None:
    """Say how a run ended, in words and as the exit code."""
    ended, night = run.status(), changes.read(run.path)
    typer.echo(str(ended))
    if night is not None:
        typer.echo(f"  since the night before: {changes.line(night)}")
    _name_failures(run)
    rows = "" if run.settings.time else " --future ROWS"
    typer.echo(f"next: many-models forecast --run {run.path}{rows} --out forecasts.parquet")
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


if __name__ == "__main__":
    main()
