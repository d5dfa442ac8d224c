"""Settings of Azure's AutoML for forecasting, of many models and of hierarchies, as options of `Forecaster`.

Names and meanings are those of the `automl_settings` of the many-models accelerator, old (`max_horizon`, `grain_column_names`) and new,
and of the YAML jobs that came after (`forecasting:`, `limits:`, `training:`). What is not there has the default of `Forecaster`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from forecaster.azure.names import CLOUD, RENAMED, SECTIONS
from forecaster.azure.rules import RULES, Given, series_of
from forecaster.errors import SettingsError, UnknownName

__all__ = ["Line", "Translation", "translate"]


@dataclass(frozen=True)
class Line:
    """What became of one setting.

    Args:
        setting: Its name, as it was given.
        value: Its value.
        becomes: Options of `Forecaster`; empty where there are none.
        why: What to know.
        matters: Whether the forecasts are others than the setting asked for.
    """

    setting: str
    value: Any
    becomes: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    matters: bool = False


@dataclass(frozen=True)
class Translation:
    """Options of `Forecaster`, and what became of each setting."""

    options: Mapping[str, Any]
    lines: tuple[Line, ...]

    def frame(self) -> pa.Table:
        """One row per setting: setting, value, becomes, why."""
        rows = [
            {
                "setting": line.setting,
                "value": repr(line.value),
                "becomes": ", ".join(f"{option}={value!r}" for option, value in line.becomes.items()),
                "why": line.why,
            }
            for line in self.lines
        ]
        return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in ("setting", "value", "becomes", "why")]))


def translate(settings: Given) -> Translation:
    """Options of `Forecaster` for settings of Azure.

    Args:
        settings: An `automl_settings` dictionary, or a YAML job as a mapping.

    Raises:
        UnknownName: a setting, metric or model has a name that Azure does not have; names the nearest.
        SettingsError: a setting has a value that cannot be meant, or one that is needed is absent.
    """
    if not isinstance(settings, Mapping):
        raise SettingsError(f"expected the automl_settings as a mapping, got {type(settings).__name__}; write from_azure({{'task': ...}})")
    asked = dict(_flat(settings))
    given: dict[str, Any] = {}
    for name, value in asked.items():
        key = RENAMED.get(name, name)
        if key in given and given[key] != value:
            raise SettingsError(f"{name}={value!r} is {key}, which is {given[key]!r} already; give one of them")
        given[key] = value
    _refuse(given)
    lines = tuple(_line(name, value, given) for name, value in asked.items())
    implied = {"horizon": 1, "series": series_of(given)}
    return Translation({**implied, **{option: value for line in lines for option, value in line.becomes.items()}}, lines)


def _flat(settings: Given) -> Iterator[tuple[str, Any]]:
    """All settings, those of sections included."""
    for name, value in settings.items():
        if name not in SECTIONS:
            yield str(name), value
        elif isinstance(value, Mapping):
            yield from _flat(value)
        elif value is not None:
            raise SettingsError(f"{name}={value!r}: expected its settings as a mapping, such as {name}={{'time_column_name': 'date'}}")


def _refuse(given: Given) -> None:
    known = (*RULES, *CLOUD)
    for name in given:
        if name not in known:
            raise UnknownName.of("setting of Azure's AutoML", name, (*known, *RENAMED))
    for name in ("label_column_name", "time_column_name"):
        if not given.get(name):
            raise SettingsError(f"{name} is absent from the settings; expected the name of a column")
    if given.get("allowed_models") and given.get("blocked_models"):
        raise SettingsError("allowed_models and blocked_models are both given; expected one of them")
    if given.get("target_aggregation_function") and not given.get("freq"):
        raise SettingsError(f"target_aggregation_function={given['target_aggregation_function']!r} needs freq=, the steps to aggregate to")


def _line(name: str, value: Any, given: Given) -> Line:
    key = RENAMED.get(name, name)
    if key in CLOUD:
        return Line(name, value, why="belongs to the service")
    return Line(name, value, *RULES[key](value, given))
