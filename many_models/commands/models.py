"""Commands about named models: register, promote, rollback, tag, delete, models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecaster import frames
from forecaster.errors import SettingsError
from many_models import screen
from many_models.commands.options import ATTENTION, Books, RunPath
from many_models.registry import CHAMPION, Registry

Model = Annotated[str, typer.Argument(help="Name of the model.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the model; that of the run's folder where absent.")]
Alias = Annotated[str, typer.Option("--alias", help="The alias that is to name the version.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the log.")]
Shelf = Annotated[Path, typer.Option("--registry", help="Folder of the registry.")]

_AUDIT = ("when", "who", "event", "model", "version", "alias", "reason")
_MODELS = ("model", "version", "aliases", "groups", "failed", "score", "when", "tags")


def register(
    run: RunPath,
    name: Name = None,
    registry: Books = None,
    alias: Annotated[str | None, typer.Option("--alias", help="An alias that is to name the version.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A word about the version, as name=value.")] = None,
) -> None:
    """Make a run the next version of a model."""
    made = _books(run, registry).register(name or _named(run), run, tags=_pairs(tag or [], "--tag"), alias=alias)
    typer.echo(f"{made.model} version {made.number}: {made.facts['groups']:,} groups, {made.facts['failed']:,} without a model")


def promote(
    run: RunPath,
    name: Name = None,
    registry: Books = None,
    alias: Alias = CHAMPION,
    windows: Annotated[int | None, typer.Option("--windows", min=1, help="Only where better on the last so many windows.")] = None,
    actuals: Annotated[str | None, typer.Option("--actuals", help="Only where these were forecast better.")] = None,
    measure: Annotated[str, typer.Option("--measure", help="What is compared: wape, mae, rmse, smape or nrmse.")] = "wape",
    margin: Annotated[float, typer.Option("--margin", help="By how much it has to be better, such as 0.02.")] = 0.0,
) -> None:
    """Register a run, and let the alias name it. Ends with 4 where a rule is given and the run is not better."""
    books, name = _books(run, registry), name or _named(run)
    version = books.register(name, run)
    ended = books.promote(name, version.number, alias, windows=windows, actuals=actuals, measure=measure, margin=margin)
    typer.echo(str(ended))
    raise typer.Exit(0 if ended.promoted else ATTENTION)


def rollback(
    name: Model,
    registry: Shelf,
    alias: Alias = CHAMPION,
    reason: Reason = "by hand",
) -> None:
    """Let an alias name the version again that it named before."""
    typer.echo(f"{name} version {Registry(registry).rollback(name, alias, reason).number} is the {alias} again")


def tag(
    name: Model,
    words: Annotated[list[str], typer.Argument(help="What is said, as name=value; name= takes it away.")],
    registry: Shelf,
    version: Annotated[str | None, typer.Option("--version", help="Number or alias; the latest where absent.")] = None,
) -> None:
    """Say something about a version of a model."""
    tags = {word: value or None for word, value in _pairs(words, "the tag").items()}
    told = Registry(registry).tag(name, tags, version)
    typer.echo(f"{name} version {told.number}: {', '.join(f'{word}={value}' for word, value in told.tags.items()) or 'no tags'}")


def delete(
    name: Model,
    version: Annotated[int, typer.Argument(min=1, help="Number of the version.")],
    registry: Shelf,
    reason: Reason = "by hand",
) -> None:
    """Delete a version that no alias names, and its models; the log keeps that it was there."""
    Registry(registry).delete(name, version, reason)
    typer.echo(f"{name} version {version} is deleted")


def models(
    registry: Shelf,
    name: Annotated[str | None, typer.Argument(help="Name of a model; all where absent.")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Show what was done, by whom and when.")] = False,
) -> None:
    """Show the versions of the models of a registry."""
    books = Registry(registry)
    told = frames.read(books.audit(name) if audit else books.models(name))[0]
    for line in screen.lines(told, _AUDIT if audit else _MODELS):
        typer.echo(line)


def add(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (register, promote, rollback, tag, delete, models):
        app.command()(command)


def _books(run: Path, registry: Path | None) -> Registry:
    return Registry(registry or run.resolve().parent / "registry")


def _named(run: Path) -> str:
    return run.resolve().name


def _pairs(words: list[str], what: str) -> dict[str, str]:
    if wrong := [word for word in words if not word.partition("=")[0] or "=" not in word]:
        raise SettingsError(f"{what} {wrong[0]!r} should be like season=winter")
    return {word.partition("=")[0]: word.partition("=")[2] for word in words}
