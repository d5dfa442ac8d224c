"""Every error a user can meet.

ForecasterError
├── DataError            the data breaks a rule that no repair can mend
├── SettingsError        an option has a value that cannot be meant
│   └── UnknownName      a name (learner, metric, column, key) that does not exist
├── MissingExtra         an optional dependency is not installed
├── NotFitted            a result was asked for before `fit`
├── CannotPredict        a model was asked for something its traits say it cannot do
├── CannotSave           an object has no safe file format
└── ArchiveError         a saved file is damaged, foreign or newer than this version

Each message says what was expected, what came, for which series and column, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ForecasterError(Exception):
    """Base of all errors raised on purpose."""


class DataError(ForecasterError, ValueError):
    """The data breaks a rule that no repair can mend."""


class SettingsError(ForecasterError, ValueError):
    """An option has a value that cannot be meant."""


class UnknownName(SettingsError):
    """A learner, metric, column or key that does not exist."""

    @classmethod
    def of(cls, what: str, name: object, known: Iterable[str], hint: str = "") -> UnknownName:
        """Build the message that names the nearest right names.

        Args:
            what: The kind of thing, as in "learner" or "column of the data".
            name: The name that came.
            known: All names that would have been right.
            hint: A further sentence on what to do.
        """
        names = [str(k) for k in known]
        small = {k.lower(): k for k in names}
        near = [small[k] for k in difflib.get_close_matches(str(name).lower(), small, n=3, cutoff=0.5)]
        there = f"there are: {', '.join(sorted(names)) or 'none'}" + ("." if hint else "")
        told = f"did you mean {', '.join(map(repr, near))}?" if near else there
        return cls(f"no {what} is called {name!r}; {told}" + (f" {hint}" if hint else ""))


class MissingExtra(ForecasterError, ImportError):
    """An optional dependency is not installed."""

    @classmethod
    def of(cls, what: str, module: str | None, extra: str) -> MissingExtra:
        """Name the command that installs what `what` needs."""
        return cls(f"{what} needs the package {module!r}, which is not installed: pip install 'forecaster[{extra}]'")


class NotFitted(ForecasterError, AttributeError):
    """A result was asked for before `fit`."""


class CannotPredict(ForecasterError, ValueError):
    """A model was asked for something its traits say it cannot do."""


class CannotSave(ForecasterError, TypeError):
    """An object has no safe file format."""


class ArchiveError(ForecasterError, ValueError):
    """A saved file is damaged, foreign or newer than this version."""
