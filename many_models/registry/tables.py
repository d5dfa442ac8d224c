"""A registry as tables: its versions, and what was done to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from many_models.registry.log import Event
from many_models.registry.shelf import Model, Version


def versions(models: Iterable[Model]) -> pa.Table:
    """One row per version: model, version, aliases, tags, when, who, groups, failed, score, commit, data."""
    return pa.Table.from_pylist([_row(model, version) for model in models for version in model.versions.values()], _MODELS)


def events(log: Iterable[Event], name: str | None = None) -> pa.Table:
    """One row per event, of one model or of all: number, when, who, event, model, version, alias, reason, commit, data."""
    return pa.Table.from_pylist([_line(i, event) for i, event in enumerate(log, 1) if name in (None, event.model)], _AUDIT)


def _row(model: Model, version: Version) -> dict[str, Any]:
    aliases = sorted(alias for alias, number in model.aliases.items() if number == version.number)
    same = {name: version.facts[name] for name in ("groups", "failed", "score", "commit", "data")}
    tags = [f"{name}={value}" for name, value in version.tags.items()]
    return same | {
        "model": model.name, "version": version.number, "aliases": aliases, "tags": tags, "when": version.when, "who": version.who,
    }  # fmt: skip


def _line(number: int, event: Event) -> dict[str, Any]:
    same = {name: None if (value := event.details.get(name)) is None else str(value) for name in ("alias", "reason", "data")}
    return same | {
        "number": number, "when": event.when, "who": event.who, "event": event.kind, "model": event.model, "version": event.version,
        "commit": event.commit,
    }  # fmt: skip


_TEXT, _WHOLE = pa.string(), pa.int64()
_MODELS = pa.schema(
    {
        "model": _TEXT, "version": _WHOLE, "aliases": pa.list_(_TEXT), "tags": pa.list_(_TEXT), "when": _TEXT, "who": _TEXT,
        "groups": _WHOLE, "failed": _WHOLE, "score": pa.float64(), "commit": _TEXT, "data": _TEXT,
    }
)  # fmt: skip
_AUDIT = pa.schema(
    {
        "number": _WHOLE, "when": _TEXT, "who": _TEXT, "event": _TEXT, "model": _TEXT, "version": _WHOLE, "alias": _TEXT,
        "reason": _TEXT, "commit": _TEXT, "data": _TEXT,
    }
)  # fmt: skip
