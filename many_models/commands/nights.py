"""Commands for every night: monitor, changes, forget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecaster import frames
from forecaster.shell import writer_of
from many_models import changes as nights
from many_models import screen
from many_models.commands.options import ATTENTION, Actuals, Forecasts, RunPath
from many_models.run import Run

SHOWN = 20
"""Most rows that are shown on the screen."""
Out = Annotated[Path | None, typer.Option("--out", help="Also write all rows here (.parquet or .csv).")]


def monitor(
    run: RunPath,
    actuals: Actuals,
    forecast: Forecasts = None,
    out: Out = None,
    retrain: Annotated[Path | None, typer.Option("--retrain", help="Write the groups to train again here, for train --only.")] = None,
) -> None:
    """Compare past forecasts with what came true, and with what the backtest promised. Ends with 4 where there is an alert."""
    opened = Run.open(run)
    write_alerts, write_groups = writer_of(out), writer_of(retrain, "--retrain")
    told = opened.monitor(actuals, forecast).each(lambda frame: frames.read(frame)[0])
    write_alerts(told.alerts)
    write_groups(told.retrain)
    typer.echo(f"{told.alerts.num_rows:,} alerts, {told.retrain.num_rows:,} of {told.groups.num_rows:,} groups to train again")
    if not told.alerts.num_rows:
        return
    for line in screen.lines(told.alerts, [*opened.partition_by, "alert", "value", "limit", "message"], SHOWN, wrapped=True):
        typer.echo(line)
    raise typer.Exit(ATTENTION)


def changes(run: RunPath, out: Out = None) -> None:
    """What the last training did to every group: kept, updated, retrained, new or retired, and why."""
    opened = Run.open(run)
    write, told = writer_of(out), nights.read(opened.path)
    if told is None:
        typer.echo("no training of this run has come to its end yet")
        return
    write(told)
    typer.echo(nights.line(told))
    done = told.filter([change != "kept" for change in told["change"].to_pylist()])
    for line in (
        screen.lines(done, [*opened.partition_by, "change", "rows", "rows_before", "reason"], SHOWN, wrapped=True) if done.num_rows else ()
    ):
        typer.echo(line)


def forget(run: RunPath, days: Annotated[float, typer.Option("--days", min=0, help="How long ago.")]) -> None:
    """Delete what models had forecast that were replaced more than so many days ago."""
    typer.echo(f"{Run.open(run).forget(days):,} forecasts of replaced models deleted")


def add(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (monitor, changes, forget):
        app.command()(command)
