"""Commands for the chain of steps: prepare, pipeline."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from forecaster.jobfile import JobFile
from forecaster.progress import Way
from many_models import pipeline as steps
from many_models.commands.options import (
    ATTENTION,
    FAILURES,
    Data,
    Deadline,
    EngineOfJob,
    EngineOptions,
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
    how_of,
    limit,
    many_of,
    stoppable,
)
from many_models.evaluation import NothingYet
from many_models.run import Run
from many_models.steps import Made
from many_models.store import here

WORST = (0, ATTENTION, FAILURES)
"""Exit codes of steps that have come to their end, the worst last."""


def prepare(
    job: Job,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the rows that are ready, for train --data.")],
    workers: Workers = None,
) -> None:
    """Make rows ready for training: one folder of Parquet, and what the guardrails see. Ends with 4 where groups cannot be mended."""
    with stoppable():
        made = steps.prepare(many_of(job, JobFile.read(job)).task, data, out, workers)
    _tell("prepare", made)
    raise typer.Exit(made.code)


def pipeline(
    job: Job,
    data: Data,
    run: RunPath,
    out: Annotated[Path, typer.Option("--out", help="Where forecasts go: a .parquet or .csv file, or a folder.")],
    prepared: Annotated[Path | None, typer.Option("--prepared", help='Folder of the rows that are ready; "prepared" in the run.')] = None,
    future: Future = None,
    horizon: Horizon = None,
    actuals: Annotated[str | None, typer.Option("--actuals", help="What came true; the data itself where absent.")] = None,
    compared: Annotated[str | None, typer.Option("--forecast", help="Forecasts to evaluate; what training forecast where absent.")] = None,
    accuracy: Annotated[Path | None, typer.Option("--accuracy", help='Where accuracy goes; "accuracy.parquet" in the run.')] = None,
    engine: EngineOfJob = None,
    engine_option: EngineOptions = [],  # noqa: B006
    workers: Workers = None,
    time_limit: TimeLimit = "5min",
    memory_limit: Memory = None,
    deadline: Deadline = None,
    update: Update = None,
    progress: Progress = Way.AUTO,
    quiet: Quiet = False,
) -> None:
    """Prepare, train, forecast and evaluate; a step whose inputs have not changed is reused. Ends with the worst code of the steps."""
    told = JobFile.read(job)
    many, root = many_of(job, told), here(run, "--run")
    how = how_of(job, told, engine, engine_option, workers) | {"progress": Way.NONE if quiet else progress, "update": update}
    how |= {"time_limit_per_group": limit(time_limit), "memory_limit": memory_limit, "deadline": deadline}
    rows, codes = prepared or root / "prepared", []

    def end(name: str, made: Made) -> None:
        _tell(name, made)
        codes.append(made.code)

    with stoppable():
        end("prepare", steps.prepare(many.task, data, rows, how["workers"]))
        end("train", steps.train(many, rows, root, **how))
        opened = Run.open(root)
        if opened.settings.time or future is not None:
            end("forecast", steps.forecast(opened, out, future, horizon, how["workers"]))
        if opened.settings.time:
            end("evaluate", _evaluated(opened, actuals or str(rows), accuracy or root / "accuracy.parquet", compared))
    raise typer.Exit(max(codes, key=WORST.index))


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (prepare, pipeline):
        app.command()(command)


def _evaluated(run: Run, actuals: str, out: Path, forecast: str | None) -> Made:
    try:
        return steps.evaluate(run, actuals, out, forecast)
    except NothingYet:
        return Made("no forecast has an actual value yet")


def _tell(name: str, made: Made) -> None:
    told = f"{name + ':':<9} {made}"
    typer.echo(textwrap.fill(told, 80, subsequent_indent=" " * 10, break_long_words=False, break_on_hyphens=False))
