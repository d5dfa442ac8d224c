"""Whether things work here: doctor."""

from __future__ import annotations

import textwrap

import typer

from many_models import doctor
from many_models.commands.options import BROKEN, Engine, EngineOptions, Workers, engine_of


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="doctor")(examine)


def examine(engine: Engine = "local", engine_option: EngineOptions = [], workers: Workers = None) -> None:  # noqa: B006
    """Whether an engine works here: versions, and 20 groups of which one ends its process."""
    chosen = engine_of(engine, engine_option)
    found = doctor.versions(chosen)
    _show(found)
    if all(one.well for one in found):
        found = doctor.smoke(chosen, workers)
        _show(found)
    well = all(one.well for one in found)
    typer.echo(f"the engine {engine!r} " + ("works" if well else "does not work as it should"))
    raise typer.Exit(0 if well else BROKEN)


def _show(found: list[doctor.Finding]) -> None:
    """One finding, one line of the screen or a few."""
    for one in found:
        head = f"{'ok ' if one.well else 'BAD'}  {one.what:<12} "
        typer.echo(textwrap.fill(one.told, 80, initial_indent=head, subsequent_indent=" " * len(head)))
