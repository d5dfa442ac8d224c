"""The reference, made from the code: every page is a function that gives Markdown, so it cannot say anything that the code does not."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import griffe
import typer

import forecaster
import many_models
from forecaster import learners, metrics
from forecaster.backtest import RollingOrigin
from forecaster.features.featurization import Featurization
from forecaster.hierarchy.plan import Hierarchy
from forecaster.jobfile import TASKS, JobFile
from forecaster.tabular import scores
from forecaster.tabular.featurization import Columns
from forecaster.tuning import Tuning

FORECASTER = (
    *(f"forecaster.{name}" for name in sorted(forecaster.__all__, key=lambda name: (name != "Forecaster", name))),
    "forecaster.hierarchy.plan.Hierarchy",
    "forecaster.tuning.Tuning",
    "forecaster.learners.make",
    "forecaster.learners.names",
    "forecaster.simulate.sales",
    "forecaster.errors",
)
MANY_MODELS = (
    *(f"many_models.{name}" for name in sorted(many_models.__all__)),
    "many_models.engines.use",
    "many_models.monitoring.Tolerance",
    "many_models.monitoring.Monitoring",
    "many_models.tracking.log_run",
    "many_models.tracking.log_model",
)
"""What is shown with its docstring: the public names, and what their arguments are made of."""


def python(title: str, told: str, names: Sequence[str]) -> str:
    """A page of docstrings, written by mkdocstrings."""
    return "\n\n".join([f"# {title}", told, *(f"::: {name}" for name in names)]) + "\n"


def learners_page() -> str:
    """Every learner of the catalogue: what it can do, and its hyperparameters."""
    rows, details = [], []
    for name, entry in learners.CATALOGUE.items():
        module, _, attribute = entry.path.partition(":")
        recipe = getattr(importlib.import_module(f"forecaster.learners.{module}"), attribute)
        traits = learners.make(name).traits
        extra = f"`{entry.extra}`" if entry.extra else ""
        kind = "pooled" if traits.pooled else "series"
        rows.append([f"[`{name}`](#{name})", kind, _yes(traits.covariates), _yes(traits.quantiles), traits.min_length, extra])
        details += [f"## {name}", _first(recipe), _table(["hyperparameter", "default", "means"], _fields(recipe)), ""]
    return "\n\n".join(
        [
            "# Learners",
            "`learners=` takes these names, `{name: {hyperparameter: value}}`, and [any object with `fit` and `predict`](../learner.md). "
            "A learner of *series* fits each series by itself, all of them in one native call; a *pooled* one is fitted once over all "
            "series of a group. Quantiles of a job come from its backtest.",
            _table(["learner", "fits", "covariates", "own quantiles", "fewest values", "extra"], rows),
            *details,
        ]
    )


def metrics_page() -> str:
    """Every metric: what it measures, and which value is best."""
    best = {"low": "low", "high": "high", "zero": "0", "nominal": "what the levels promise"}
    of_series = [[f"`{one.name}`", _first(one.measure), best[one.best], one.needs] for one in metrics.METRICS.values()]
    kinds = (("classifiers", scores.CLASSIFICATION), ("regressors", scores.REGRESSION))
    of_rows = [[f"`{name}`", kind, "high" if score.greater_is_better else "low"] for kind, table in kinds for name, score in table.items()]
    return "\n\n".join(
        [
            "# Metrics",
            "`metric=` takes these names, or [a function of yours](../metric.md). Each is a number per series and window, steps whose "
            "actual value is missing are skipped, and a score is the mean. Percentages are fractions: 0.1 is ten percent.",
            _table(["metric", "is", "best", "needs"], of_series),
            "## Of rows",
            "For `Classifier` and `Regressor` ([what they are](../tabular.md#metrics)).",
            _table(["metric", "of", "best"], of_rows),
        ]
    )


def job_page() -> str:
    """Every key of JOB.yaml."""
    parts = [
        "# JOB.yaml",
        "The keys are the options of `Forecaster`, `Classifier` and `Regressor`, with the same defaults, beside those of the first table. "
        "A key that does not exist is an error that names the nearest.",
        _table(["key", "default", "means"], [row for row in _fields(JobFile) if row[0] != "`settings`"]),
    ]
    for task, kind in TASKS.items():
        rows = [[f"`{name}`", _default(field), field.description] for name, field in kind.model_fields.items()]
        parts += [f"## task: {task}", _table(["key", "default", "means"], rows)]
    nested = {"backtest": RollingOrigin, "tune": Tuning, "featurization": Featurization, "hierarchy": Hierarchy}
    for name, recipe in {**nested, "featurization of classify and regress": Columns}.items():
        parts += [f"## The keys of {name}", _table(["key", "default", "means"], _fields(recipe))]
    return "\n\n".join(parts)


def commands_page() -> str:
    """Every command with its options."""
    from forecaster.cli import app as one_job
    from many_models.cli import app as many

    parts = [
        "# Commands",
        "`--help` says the same in the shell, and `--install-completion` teaches it to complete names. What a scheduler has to know of "
        "exit codes is in [nights](../nightly.md).",
    ]
    for program, app in (("forecaster", one_job), ("many-models", many)):
        group: Any = typer.main.get_command(app)
        parts += [f"## {program}", str(app.info.help)]
        for name, command in group.commands.items():
            rows = [[_called(param), _option(param), getattr(param, "help", "") or ""] for param in command.params if param.name != "help"]
            parts += [f"### {program} {name}", str(command.help), _table(["argument or option", "default", "means"], rows)]
    return "\n\n".join(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/forecaster.md": lambda: python("forecaster", "One job over any number of series, and tasks of rows.", FORECASTER),
    "reference/many_models.md": lambda: python("many_models", "One model per group, in one batch run.", MANY_MODELS),
    "reference/learners.md": learners_page,
    "reference/metrics.md": metrics_page,
    "reference/job.md": job_page,
    "reference/commands.md": commands_page,
}
"""Where each page lies in the site, and what makes it."""


def _first(thing: Any) -> str:
    """The first sentence of a docstring."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _fields(recipe: Any) -> list[list[str]]:
    """The fields of a dataclass, with what its docstring, or that of the class that it inherits them from, says of each."""
    told: dict[str, str] = {}
    for kind in reversed(recipe.__mro__):
        for section in griffe.Docstring(inspect.getdoc(kind) or "").parse("google", warnings=False):
            if section.kind is griffe.DocstringSectionKind.parameters:
                told |= {parameter.name: " ".join(parameter.description.split()) for parameter in section.value}
    shown = [field for field in dataclasses.fields(recipe) if field.init]
    return [[f"`{field.name}`", _value(field), told.get(field.name, "")] for field in shown]


def _value(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return _told(field.default)
    return _told(field.default_factory()) if field.default_factory is not dataclasses.MISSING else "required"


def _default(field: Any) -> str:
    """The default of a key, as YAML has it."""
    if field.is_required():
        return "required"
    given = field.default
    if dataclasses.is_dataclass(given):
        given = {f.name: value for f in dataclasses.fields(given) if (value := getattr(given, f.name)) != f.default}
    shown = list(given) if isinstance(given, tuple) else given
    return "none" if shown in (None, []) else f"`{json.dumps(shown).replace(chr(34), '')}`"


def _told(value: Any) -> str:
    return "none" if value is None or value == () else f"`{value!r}`"


def _called(param: Any) -> str:
    names = [param.name.upper()] if param.param_type_name == "argument" else [*param.opts, *param.secondary_opts]
    return " ".join(f"`{name}`" for name in names)


def _option(param: Any) -> str:
    if param.required:
        return "required"
    return "" if param.default in (None, False, [], ()) or callable(param.default) else f"`{param.default}`"


def _yes(claim: bool) -> str:
    return "yes" if claim else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [list(head), ["---"] * len(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
