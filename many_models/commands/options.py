"""Options that several commands have, and their exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.errors import SettingsError, UnknownName
from forecaster.jobfile import JobFile
from forecaster.progress import Way
from many_models import engines
from many_models.many import ManyModels

BROKEN, USAGE, FAILURES, ATTENTION, STOPPED = 1, 2, 3, 4, 130
"""Exit codes beside 0: a file cannot be read or written or another process is at it, the command cannot be meant, some groups have no
model, the command has worked and found something that somebody should look at, stopped by Ctrl-C."""


def _engines(incomplete: str) -> list[str]:
    return [name for name in engines.ENGINES if name.startswith(incomplete)]


def _folder(text: str) -> Path:
    if not text:
        raise typer.BadParameter("should be a folder; it is empty, as a variable of the shell that is not set")
    return Path(text)


Job = Annotated[Path, typer.Argument(help="A YAML file: the options of Forecaster, partition_by, and engine.")]
Data = Annotated[str, typer.Option("--data", help="A file, folder, glob or address (s3://...) of Parquet or CSV.")]
RunPath = Annotated[Path, typer.Option("--run", parser=_folder, metavar="PATH", help="Folder of the run.")]
Progress = Annotated[
    Way, typer.Option("--progress", help="auto: a bar on a terminal, lines in a log; json: an object per line, for programs.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="As --progress none.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes at a time; one per core where absent.")]
_ENGINE = typer.Option(
    "--engine",
    help="Where blocks run: local, dask, ray, spark or joblib; dask@tcp://10.0.0.1:8786 names a cluster.",
    autocompletion=_engines,
)
Engine = Annotated[str, _ENGINE]
EngineOfJob = Annotated[str | None, _ENGINE]
EngineOptions = Annotated[list[str], typer.Option("--engine-option", help="NAME=VALUE, as docs/engines.md has them; may be repeated.")]
TimeLimit = Annotated[str, typer.Option("--time-limit", help='Limit per group, such as "5min" or "30"; "none" for no limit.')]
Memory = Annotated[str | None, typer.Option("--memory-limit", help='What a worker may hold, such as "2GB".')]
Deadline = Annotated[str | None, typer.Option("--deadline", help='When training has to have ended, such as "10min" or "600".')]
Update = Annotated[str | None, typer.Option("--update", help='"state": models go on from rows that were only added.')]
Future = Annotated[str | None, typer.Option("--future", help="Rows with the known covariates of the steps ahead.")]
Horizon = Annotated[int | None, typer.Option("--horizon", min=1, help="Steps ahead, where not those of the job.")]
Actuals = Annotated[str, typer.Option("--actuals", help="Rows with the series columns, the time and the target.")]
Forecasts = Annotated[str | None, typer.Option("--forecast", help="What `forecast` wrote; what training forecast where absent.")]
Books = Annotated[Path | None, typer.Option("--registry", help='Folder of the registry; "registry" beside the run where absent.')]


def engine_of(name: str, options: list[str]) -> engines.Chosen:
    """The engine that the command names."""
    pairs = [text.partition("=") for text in options]
    if strange := [text for text, (_, sign, _) in zip(options, pairs, strict=True) if not sign]:
        raise SettingsError(f"--engine-option should be like address=tcp://10.0.0.1:8786; it is {strange[0]!r}")
    named = engines.chosen(name)
    return engines.use(named.name, **named.options, **{key: value for key, _, value in pairs})


def how_of(path: Path, job: JobFile, engine: str | None, options: list[str], workers: int | None) -> dict[str, Any]:
    """Engine and workers for `ManyModels.train`: those of the command, or those of the job where it names none.

    Raises:
        UnknownName: there is no such engine, or it has no such option; the message names the file and the nearest.
        SettingsError: a value cannot be meant; the message names the file and the key.
    """
    if engine is not None or job.engine is None:
        return {"engine": engine_of(engine or "local", options), "workers": workers}
    try:
        known, own = engines.of_job(job.engine)
        engines.check(known)
    except UnknownName as error:
        raise UnknownName(f"{path}: {error}") from None
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
    more = engine_of(known.name, options).options
    return {"engine": engines.Chosen(known.name, known.options | more), "workers": workers or own}


def many_of(path: Path, job: JobFile) -> ManyModels:
    """The job over groups that a file describes.

    Raises:
        SettingsError: it names no partition columns.
    """
    if not job.partition_by:
        raise SettingsError(
            f"{path} has no partition_by; name the columns whose values get one model each, such as: partition_by: [store_id]"
        )
    return ManyModels(job.settings, job.partition_by)


def limit(text: str) -> str | None:
    """A limit of the command line."""
    return None if text.lower() == "none" else text


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C is an order, not an error."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; what is done is kept, run the same command again to go on", err=True)
        raise typer.Exit(STOPPED) from None
