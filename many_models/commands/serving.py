"""Commands that begin with data and end with a server: init, key, serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecaster.draft import draft
from forecaster.errors import MissingExtra, SettingsError
from many_models import manifest
from many_models.screen import many


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (init, serve, key):
        app.command()(command)


def serve(
    run: Annotated[Path | None, typer.Option("--run", help="A run, or a folder of runs.")] = None,
    registry: Annotated[Path | None, typer.Option("--registry", help="A registry, instead of runs: champions answer.")] = None,
    split: Annotated[float, typer.Option("--split", min=0, max=1, help="Share of the groups that challengers answer.")] = 0.0,
    shadow: Annotated[bool, typer.Option("--shadow", help="Ask challengers as well, without giving their answers.")] = False,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; others than this machine's need --keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8000,
    keys_file: Annotated[Path | None, typer.Option("--keys", help="File of keys, as `many-models key` writes it.")] = None,
    data_root: Annotated[Path | None, typer.Option("--data-root", help="Folder that runs may be started from.")] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Folder for batch jobs and the audit log.")] = None,
    rate: Annotated[float, typer.Option("--rate", min=0.1, help="Requests per second of one caller.")] = 2000.0,
    seconds: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that a request may take.")] = 30.0,
    max_mb: Annotated[int, typer.Option("--max-mb", min=1, help="Size of the body of a request.")] = 16,
    hosts: Annotated[list[str] | None, typer.Option("--host-name", help="A name that the server is called by.")] = None,
) -> None:
    """Serve forecasts over HTTP, and pages to look at runs, until Ctrl-C."""
    try:
        from many_models.serve import access, gate, server, shelf
    except ImportError as error:
        raise MissingExtra.of("many-models serve", error.name, "serve") from error
    models = shelf.open_shelf(run, registry, split, shadow)
    folder = registry.resolve().parent if registry is not None else Path(run or ".")
    runs = folder if not (folder / manifest.FILE).exists() else folder.resolve().parent
    known = access.Access() if keys_file is None else access.Access.known(keys_file)
    bounds = gate.Bounds(max_mb * 2**20, seconds, rate)
    options = server.Options(models, home or runs / ".serve", runs, data_root, known, bounds, tuple(hosts or ()))
    access.check_open(host, known)
    told = many(len(models.offers()), "model")
    typer.echo(f"serving {told} at http://{host}:{port} (pages), /v1/models (programs), /openapi.json; Ctrl-C ends it")
    server.run(options, host, port)


def key(
    file: Annotated[Path, typer.Option("--keys", help="File of keys; made where it is not there.")],
    name: Annotated[str, typer.Option("--name", help="Whose key it is.")],
    role: Annotated[str, typer.Option("--role", help="read: look and forecast; operate: start jobs and promote as well.")] = "read",
) -> None:
    """Make a key for the server. It is shown once; the file holds its hash."""
    from many_models.serve.access import add_key

    typer.echo(add_key(file, name, role))


def init(
    data: Annotated[str, typer.Argument(help="A file, folder or glob of Parquet or CSV.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the job.")] = Path("job.yaml"),
) -> None:
    """Write a first JOB.yaml from the data, each line with the reason for it."""
    if out.exists():
        raise SettingsError(f"{out} is there already; name another file with --out")
    made = draft(data)
    out.write_text(made.yaml(), encoding="utf-8")
    by = made.options.get("partition_by")
    then = f"many-models train {out} --data {data} --run runs/{out.stem}" if by else f"forecaster fit {out} --data {data} --out {out.stem}"
    typer.echo(f"written to {out}; look through it, then: {then}")
