"""JOB.yaml: the options of a job, its task, the columns whose values get one model each, and where these are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.errors import SettingsError, UnknownName
from forecaster.settings import Settings
from forecaster.tabular.settings import ClassifierSettings, RegressorSettings, TabularSettings

TASKS: dict[str, type[Settings] | type[TabularSettings]] = {
    "forecast": Settings, "classify": ClassifierSettings, "regress": RegressorSettings,
}  # fmt: skip
_BESIDE = ("task", "partition_by", "engine")
"""Keys beside the options of a job."""


@dataclass(frozen=True)
class JobFile:
    """A job as it is written down.

    Args:
        settings: The options of the job alone.
        task: "forecast", "classify" or "regress".
        partition_by: Columns whose values get one model each.
        engine: Where many models are trained: a name, or a name with its options.
    """

    settings: Settings | TabularSettings
    task: str = "forecast"
    partition_by: tuple[str, ...] = ()
    engine: str | Mapping[str, Any] | None = None

    @classmethod
    def read(cls, path: str | Path) -> JobFile:
        """Read and check a YAML file.

        Raises:
            UnknownName: a key, task, learner, metric or ensemble does not exist; the message names the file and the nearest.
            SettingsError: the file cannot be read, or a value cannot be meant; the message names the file and the key.
        """
        options = _loaded(path)
        try:
            return cls.parse(options)
        except UnknownName as error:
            raise UnknownName(f"{path}: {error}") from None
        except SettingsError as error:
            raise SettingsError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> JobFile:
        """Check a mapping of options with the keys task, partition_by and engine beside those of the job."""
        task = options.get("task", "forecast")
        if not isinstance(task, str) or task not in TASKS:
            raise UnknownName.of("task", task, TASKS)
        kind = TASKS[task]
        for key in options:
            if key not in (*kind.model_fields, *_BESIDE):
                raise UnknownName.of("option", key, [*kind.model_fields, *_BESIDE])
        settings = kind.parse({key: value for key, value in options.items() if key not in _BESIDE})
        by = options.get("partition_by") or ()
        names = (by,) if isinstance(by, str) else tuple(by)
        if not all(isinstance(name, str) for name in names):
            raise SettingsError(f"partition_by: expected names of columns, got {by!r}")
        engine = options.get("engine")
        if not isinstance(engine, (str, Mapping, type(None))):
            raise SettingsError(f"engine: expected a name such as dask, or {{name: dask, workers: 8}}, got {engine!r}")
        return cls(settings, task, names, engine)


def _loaded(path: str | Path) -> dict[str, Any]:
    import yaml

    class Strict(yaml.SafeLoader):
        """Refuses a key that is there twice, of which YAML would take the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            lines: dict[Any, int] = {}
            for key, _ in node.value:
                line, name = key.start_mark.line + 1, str(key.value)
                if name in lines:
                    raise ValueError(f"{name!r} is there twice, in lines {lines[name]} and {line}; keep one of them")
                lines[name] = line
            return super().construct_mapping(node, deep)

    try:
        options = yaml.load(Path(path).read_text(encoding="utf-8"), Strict)
    except FileNotFoundError:
        raise SettingsError(f"no job file at {str(path)!r}; write one with the options of Forecaster as keys") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SettingsError(f"{path} is not readable as YAML: {error}") from None
    if not isinstance(options, dict):
        raise SettingsError(f"{path} should hold `key: value` lines, such as `horizon: 28`; it holds {type(options).__name__}")
    return options
