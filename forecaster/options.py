"""What the options of every kind of job have in common: how they are read and what is said of those that cannot be meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from forecaster.errors import SettingsError, UnknownName


def several(value: Any) -> tuple[Any, ...]:
    """The values of a list, range, array or the like; a single one stands for a list of one."""
    held = value.tolist() if hasattr(value, "tolist") else value
    return tuple(held) if isinstance(held, Iterable) and not isinstance(held, (str, bytes, Mapping)) else (held,)


def _names(value: Any) -> Any:
    """A single name stands for a list of one; None for none."""
    return () if value is None else several(value)


def _some_threads(value: int) -> int:
    if value < 1 and value != -1:
        raise SettingsError(f"n_jobs: expected a number of threads, 1 or more, or -1 for one per core, got {value}")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Threads = Annotated[int, AfterValidator(_some_threads)]

MOST_STEPS = 1_000_000
"""Most steps that are forecast: a year of minutes fits twice, and stamps and memory hold out."""


class Options(BaseModel):
    """The options of one job: the fields of a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Check a mapping of options.

        Raises:
            UnknownName: a key does not exist; the message names the nearest.
            SettingsError: a value cannot be meant; the message names the key, what was expected and what came.
        """
        for key in options:
            if key not in cls.model_fields:
                raise UnknownName.of("option", key, cls.model_fields)
        try:
            return cls(**options)
        except ValidationError as error:
            raise told(error) from None

    @classmethod
    def revived(cls, told: Mapping[str, Any]) -> tuple[Self, dict[str, str]]:
        """The options that `as_dict` told, and those that were objects and cannot be brought back: name -> what was told.

        The latter have their defaults.
        """
        required = {name: told[name] for name, field in cls.model_fields.items() if field.is_required()}
        lost = {}
        for option in ("learners", "metric"):
            try:
                cls.parse({**required, option: told[option]})
            except SettingsError:
                lost[option] = repr(told[option])
        return cls.parse({name: value for name, value in told.items() if name not in lost}), lost

    def as_call(self, name: str) -> str:
        """What makes a job of the options, those left out that have their defaults: `Forecaster(horizon=7)`."""
        defaults = {option: field.default for option, field in type(self).model_fields.items()}
        given = (f"{option}={value!r}" for option, value in self if value != defaults[option])
        return f"{name}({', '.join(given)})"


def told(error: ValidationError) -> SettingsError:
    """One line per wrong option: its key, what was expected, what came; a wrong name keeps its own error."""
    lines = []
    for fault in error.errors():
        if isinstance(raised := fault.get("ctx", {}).get("error"), SettingsError):
            return raised
        key = ".".join(str(part) for part in fault["loc"][:1]) or "options"
        lines.append(f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}")
    return SettingsError("; ".join(dict.fromkeys(lines)))


def plain(value: Any, fields: tuple[type[Any], ...]) -> Any:
    """A value as JSON-able data: dataclasses of the types `fields` as their fields, any other object as its `repr`."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v, fields) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v, fields) for v in value]
    return plain(dataclasses.asdict(value), fields) if isinstance(value, fields) else repr(value)
