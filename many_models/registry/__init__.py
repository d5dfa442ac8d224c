"""Named models over runs: versions that never change, aliases such as champion and challenger, and a log of who did what and when."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster import frames
from forecaster.errors import ForecasterError, SettingsError, UnknownName
from many_models.registry import copies, tables, trial
from many_models.registry.log import Event, Log
from many_models.registry.shelf import Model, Version, shelf
from many_models.registry.trial import MEASURES, Verdict
from many_models.run import Run
from many_models.store import LocalStore, here
from many_models.training import held

CHAMPION = "champion"
LONGEST = 200
"""Most characters of a name."""


class InUse(ForecasterError):
    """An alias names the version."""


@dataclass(frozen=True)
class Promotion:
    """What became of a wish to promote.

    Args:
        version: The version that was to be promoted.
        alias: Under which alias.
        promoted: Whether the alias names it now.
        reason: Why, or why not.
        verdict: How it did against the version that had the alias, where that was asked.
    """

    version: Version
    alias: str
    promoted: bool
    reason: str
    verdict: Verdict | None = None

    def __str__(self) -> str:
        state = "is" if self.promoted else "is not"
        return f"{self.version.model} version {self.version.number} {state} the {self.alias}: {self.reason}"


class Registry:
    """Named models over runs. Any number of processes may write at the same time.

    Args:
        path: Folder of the registry, on a local or mounted file system; it is made with the first model.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = here(path, "path")
        self._log = Log(self.path / "log")
        self._copies = LocalStore(self.path / "runs")

    def __repr__(self) -> str:
        return f"Registry({str(self.path)!r})"

    def register(self, name: str, run: Run | str | Path, *, tags: Mapping[str, str] | None = None, alias: str | None = None) -> Version:
        """Make a run the next version of a model. The version is a copy that stays as it is, whatever the run does next; what was
        registered before and has not changed since is the version that it was.

        Args:
            name: Name of the model.
            run: A run that is complete, or its folder.
            tags: Words about the version, by name.
            alias: An alias that is to name it.

        Raises:
            ArchiveError: there is no run, or it is not complete.
            RunBusy: a process is training the run.
        """
        name, words = _name("model", name), _tags(tags)
        run = run if isinstance(run, Run) else Run.open(run)
        with held(run.path, shared=True):
            facts = copies.facts_of(run)
            found = self._same(name, facts["content"])
            made = found.facts["copy"] if found else copies.copy(run, self._copies)
        facts |= {"copy": made, "tags": words}

        def decide(models: dict[str, Model]) -> Event | None:
            model = models.get(name, Model(name))
            same = any(version.facts["content"] == facts["content"] for version in model.versions.values())
            return None if same else Event.now("registered", name, model.latest + 1, **facts)

        self._write(decide)
        version = self._same(name, facts["content"])
        if version is None or version.facts["copy"] != made:
            self._copies.delete(made)
        if version is None:  # another process has just deleted it
            return self.register(name, run, tags=tags, alias=alias)
        if words.items() - version.tags.items():
            version = self.tag(name, words, version.number)
        if alias is not None:
            self.promote(name, version.number, alias)
        copies.sweep(self._copies.root, self._named())
        return version

    def promote(
        self,
        name: str,
        version: int | str | None = None,
        alias: str = CHAMPION,
        *,
        windows: int | None = None,
        actuals: Any = None,
        measure: str = "wape",
        margin: float = 0.0,
        reason: str = "by hand",
    ) -> Promotion:
        """Let an alias name a version: always, or only where it is better than the one that has the alias.

        Args:
            name: Name of the model.
            version: Number or alias of the version; the latest where absent.
            alias: The alias.
            windows: Promote only what is better on the last so many windows of both backtests.
            actuals: Promote only what has forecast these better: rows with the series columns, the time and the target.
            measure: What is compared: wape, mae, rmse, smape or nrmse, the mean over groups of what both have forecast.
            margin: By how much it has to be better, as a share of the error.
            reason: Why, for the log.

        Raises:
            UnknownName: there is no such model, version or measure.
            SettingsError: windows and actuals are both given, or a number cannot be meant.
            DataError: the two have forecast nothing in common.
        """
        name, alias = _name("model", name), _name("alias", alias)
        rule = _rule(windows, actuals, measure, margin)
        asked: dict[tuple[int, int], Verdict] = {}
        told: list[Promotion] = []

        def decide(models: dict[str, Model]) -> Event | None:
            model = _known(models, name)
            wanted, holder = model.find(version), model.aliases.get(alias)
            verdict = None
            if rule is not None and holder is not None and holder != wanted.number:
                pair = (wanted.number, holder)
                asked[pair] = verdict = asked.get(pair) or rule(self._open(wanted), self._open(model.versions[holder]))
            better = verdict is None or (verdict.challenger < verdict.champion and verdict.gain >= margin)
            why = str(verdict) if verdict else reason if rule is None else f"nothing else was the {alias}"
            told.append(Promotion(wanted, alias, better, "it was already" if holder == wanted.number else why, verdict))
            if holder == wanted.number or not better:
                return None
            return Event.now("promoted", name, wanted.number, alias=alias, reason=why, instead_of=holder)

        self._write(decide)
        return told[-1]

    def rollback(self, name: str, alias: str = CHAMPION, reason: str = "by hand") -> Version:
        """Let an alias name the version again that it named before.

        Raises:
            UnknownName: there is no such model or alias, or no version before.
        """
        name, alias = _name("model", name), _name("alias", alias)

        def decide(models: dict[str, Model]) -> Event:
            model = _known(models, name)
            if alias not in model.held:
                raise UnknownName.of(f"alias of {name!r}", alias, model.held)
            if (before := model.before(alias)) is None:
                raise UnknownName(f"{name!r} has had no other {alias} that is still there; promote a version by its number")
            return Event.now("rolled back", name, before, alias=alias, reason=reason, instead_of=model.aliases[alias])

        self._write(decide)
        return self.version(name, alias)

    def tag(self, name: str, tags: Mapping[str, str | None], version: int | str | None = None) -> Version:
        """Say something about a version, the latest where none is named; None takes a tag away."""
        name = _name("model", name)

        def decide(models: dict[str, Model]) -> Event:
            return Event.now("tagged", name, _known(models, name).find(version).number, tags=_tags(tags))

        self._write(decide)
        return self.version(name, version)

    def delete(self, name: str, version: int, reason: str = "by hand") -> None:
        """Delete a version and its models; the log keeps that it was there.

        Raises:
            InUse: an alias names it.
            UnknownName: there is no such model or version.
        """
        name = _name("model", name)
        gone: list[Version] = []

        def decide(models: dict[str, Model]) -> Event:
            model = _known(models, name)
            found = model.find(version)
            if using := sorted(alias for alias, number in model.aliases.items() if number == found.number):
                raise InUse(f"{name!r} version {found.number} is in use as {', '.join(using)}; promote another version first")
            gone.append(found)
            return Event.now("deleted", name, found.number, reason=reason, data=found.facts["data"])

        self._write(decide)
        self._copies.delete(gone[-1].facts["copy"])

    def version(self, name: str, version: int | str | None = None) -> Version:
        """A version by its number or alias; the latest where absent."""
        return _known(self._models(), _name("model", name)).find(version)

    def open(self, name: str, version: int | str | None = CHAMPION) -> Run:
        """The run of a version: it forecasts, evaluates and reports as any run.

        Args:
            name: Name of the model.
            version: Number or alias; None for the latest.
        """
        return self._open(self.version(name, version))

    def place(self, name: str, version: int | str | None = CHAMPION) -> Path:
        """The folder of the run of a version, whatever has become of it."""
        return self._place(self.version(name, version))

    def models(self, name: str | None = None) -> Any:
        """One row per version, of one model or of all: model, version, aliases, tags, when, who, groups, failed, score, commit, data."""
        models = self._models()
        return frames.give(tables.versions(models.values() if name is None else [_known(models, _name("model", name))]), frames.FrameKind())

    def names(self) -> list[str]:
        """The models that have a version."""
        return sorted(model.name for model in self._models().values() if model.versions)

    def aliases(self, name: str) -> dict[str, int]:
        """Alias -> number of the version that it names."""
        return _known(self._models(), _name("model", name)).aliases

    def audit(self, name: str | None = None) -> Any:
        """One row per thing that was done, the oldest first: number, when, who, event, model, version, alias, reason, commit, data."""
        events = self._log.read()[0]
        return frames.give(tables.events(events, None if name is None else _name("model", name)), frames.FrameKind())

    def _write(self, decide: Callable[[dict[str, Model]], Event | None]) -> None:
        """Decide on what is known, and write it; decide again where another process has written meanwhile."""
        while True:
            events, last = self._log.read()
            event = decide(shelf(events))
            if event is None or self._log.append(event, events, last):
                return

    def _models(self) -> dict[str, Model]:
        return shelf(self._log.read()[0])

    def _same(self, name: str, content: str) -> Version | None:
        model = self._models().get(name, Model(name))
        return next((version for version in model.versions.values() if version.facts["content"] == content), None)

    def _named(self) -> list[str]:
        return [version.facts["copy"] for model in self._models().values() for version in model.versions.values()]

    def _open(self, version: Version) -> Run:
        return Run.open(self._place(version))

    def _place(self, version: Version) -> Path:
        return self._copies.get(version.facts["copy"])


def _known(models: Mapping[str, Model], name: str) -> Model:
    there = [model for model in models.values() if model.versions]
    if name not in [model.name for model in there]:
        raise UnknownName.of("model of the registry", name, [model.name for model in there])
    return models[name]


def _name(what: str, text: Any) -> str:
    """A name of a model or alias.

    Raises:
        SettingsError: it is none that a person can read on a line.
    """
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > LONGEST:
        raise SettingsError(f"the name of a {what} should be printable text of 1 to {LONGEST} characters; it is {str(text)[:80]!r}")
    if what == "alias" and text.isdecimal():
        raise SettingsError(f"an alias is a word, so that it is no number of a version; it is {text!r}")
    return unicodedata.normalize("NFC", text)


def _tags(tags: Mapping[str, str | None] | None) -> dict[str, str | None]:
    return {str(name): None if value is None else str(value) for name, value in (tags or {}).items()}


def _rule(windows: int | None, actuals: Any, measure: str, margin: float) -> Callable[[Run, Run], Verdict] | None:
    if measure not in MEASURES:
        raise UnknownName.of("measure", measure, MEASURES)
    if not 0 <= margin < 1:
        raise SettingsError(f"margin should be a share of the error from 0 to below 1, such as 0.02; it is {margin!r}")
    if windows is not None and actuals is not None:
        raise SettingsError("windows= and actuals= are two rules; give one of them")
    if windows is not None:
        if isinstance(windows, bool) or not isinstance(windows, int) or windows < 1:
            raise SettingsError(f"windows should be a whole number from 1 on; it is {windows!r}")
        return lambda mine, theirs: trial.on_windows(mine, theirs, windows, measure)
    if actuals is None:
        return None
    rows = frames.read(actuals)[0]
    return lambda mine, theirs: trial.on_actuals(mine, theirs, rows, measure)
