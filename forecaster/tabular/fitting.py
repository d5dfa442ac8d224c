"""From a frame and settings to a fitted tabular job."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import DataError, UnknownName
from forecaster.frames.kinds import family, is_number, value_type
from forecaster.sample import evenly
from forecaster.table import Floats
from forecaster.tabular.balance import balanced
from forecaster.tabular.columns import floats
from forecaster.tabular.encode import Encoder, Found
from forecaster.tabular.fitted import FittedTabular
from forecaster.tabular.joining import Vote, combine
from forecaster.tabular.learners import Recipe, recipes
from forecaster.tabular.models import Constant, fit
from forecaster.tabular.problem import Problem
from forecaster.tabular.settings import TabularSettings
from forecaster.tabular.trials import Fold, TabularTrial, folds_of, loss_of, run_trials
from forecaster.tabular.tuned import Tuned, further, target_of, tune

CONSTANT = "constant"
"""The learner that stands in where nothing else can be fitted."""

FEW = 20
"""Different numbers that may be classes, however few rows there are."""

BACKGROUND = 100
"""Training rows that are kept for explanations."""


def fit_table(frame: pa.Table, settings: TabularSettings) -> FittedTabular:
    """Learn the features, try the learners, join them, and fit the members on all rows.

    Raises:
        DataError: the target is missing everywhere, of one value or of the wrong type, or no learner could be fitted.
        UnknownName: a column does not exist.
    """
    started = time.monotonic()
    frame, y, classes, findings, row = labelled(frame, settings)
    encoder = Encoder.learn(frame, settings.no_feature, settings.featurization)
    whole = _problem(frame, y, classes, settings, encoder)
    splits, found = settings.validation.split(frame, y, settings.task, settings.seed)
    candidates = recipes(settings.learners, settings.block, settings.task, (len(y), len(classes)))
    folds = folds_of(frame, encoder, whole, splits)
    problem, imbalance = whole, list[Found]()
    if settings.task == "classify":
        problem, imbalance = balanced(whole, settings.balance, candidates[0], folds, settings.score, settings.target, classes)
        folds = folds if problem.weight is None else [fold.weighed(problem.weight) for fold in folds]
    trials, tuned = _tried(settings, candidates, problem, folds, _clock(settings.time_limit, started))
    joiner, said = combine(settings.ensemble, trials, problem, splits, settings.score)
    known = {one.label: one for one in candidates} | dict(tuned.recipes)
    models = {label: fit(one, problem) for label, one in known.items() if label in joiner.members}
    tested = np.isfinite(said).all(axis=1)
    return FittedTabular(
        settings.task, settings.as_dict(), classes, encoder, models, joiner, tuple(replace(t, said=t.said[:0]) for t in trials),
        loss_of(settings.score, y, said), settings.greater_is_better, (*findings, *encoder.findings(frame), found, *imbalance),
        len(y), time.monotonic() - started, y[tested], said[tested], row[tested], whole.x[evenly(len(y), BACKGROUND)], tuned.attempts,
    )  # fmt: skip


def _tried(
    settings: TabularSettings, candidates: Sequence[Recipe], problem: Problem, folds: Sequence[Fold], spent: Callable[[], str]
) -> tuple[list[TabularTrial], Tuned]:
    """The candidates, and the best settings of them that a search has found."""
    score, tuning = settings.score, settings.tune
    target = target_of(tuning, score)

    def over(trials: Sequence[TabularTrial]) -> str:
        if tuning is not None and target is not None and any(trial.usable and trial.loss <= target for trial in trials):
            return f"the target of {tuning.target} was reached"
        return spent()

    trials = run_trials(candidates, problem, folds, score, over)
    if not any(trial.usable for trial in trials):
        raise DataError(f"no learner could be fitted and judged: {'; '.join(f'{t.learner}: {t.reason}' for t in trials)}")
    if tuning is None or not tuning.searches:
        return trials, Tuned()
    more = further(settings.task, settings.block, candidates) if settings.learners == "auto" else []
    tuned = tune([*candidates, *more], trials, problem, folds, score, tuning, spent)
    return [*trials, *tuned.trials], tuned


def _clock(limit: float | None, started: float) -> Callable[[], str]:
    """Tells why no time is left; empty while there is."""
    return lambda: "" if limit is None or time.monotonic() <= started + limit else f"the time limit of {limit:g} s was reached"


def fit_constant(frame: pa.Table, settings: TabularSettings, why: str) -> FittedTabular:
    """What stands in where nothing can be learned: the shares of the classes, or the mean, whatever the columns."""
    frame, y, classes, findings, row = labelled(frame, settings, least=1)
    encoder = Encoder((), ())
    problem = Problem(settings.task, np.empty((len(y), 0), np.float32), y, None, max(len(classes), 1), 1, settings.seed)
    model = Constant.of(problem)
    trial = TabularTrial(CONSTANT, "done", "", float("nan"))
    told = [*findings, ("", "fallback", len(y), "repaired", why)]
    return FittedTabular(
        settings.task, settings.as_dict(), classes, encoder, {CONSTANT: model}, Vote({CONSTANT: 1.0}), (trial,), float("nan"),
        settings.greater_is_better, tuple(told), len(y), 0.0, y[:0], np.empty((0, max(len(classes), 1))), row[:0], problem.x[:0],
    )  # fmt: skip


def labelled(frame: pa.Table, settings: TabularSettings, least: int = 2) -> tuple[pa.Table, Floats, tuple[Any, ...], list[Found], Floats]:
    """The rows with a target, the targets, the classes, what was seen, and which rows these are.

    Raises:
        UnknownName: a column does not exist.
        DataError: the target has fewer than `least` different values, or cannot be read.
    """
    for name in (*settings.required, *settings.drop):
        if name not in frame.column_names:
            raise UnknownName.of("column of the data", name, frame.column_names)
    column = frame[settings.target]
    if settings.task == "regress":
        values = _numbers(column, settings.target)
        known = np.isfinite(values)
    else:
        column = _labels(column, settings.target)
        known = ~np.asarray(pc.is_null(column, nan_is_null=True))
    findings: list[Found] = []
    if not known.all():
        lost = int((~known).sum())
        findings.append((settings.target, "missing target", lost, "repaired", f"{lost} rows without a value were left out"))
    kept = frame if known.all() else frame.filter(pa.array(known))
    y, classes = (values[known], ()) if settings.task == "regress" else _coded(column.filter(pa.array(known)), settings.target)
    if len(different := classes or np.unique(y)) < least:
        what = "classes" if settings.task == "classify" else "different values"
        raise DataError(
            f"column {settings.target!r} should hold two {what} at least; it has {len(y)} rows that hold {list(different)[:1] or 'nothing'}"
        )
    return kept, y, classes, findings, np.flatnonzero(known).astype(np.float64)


def _numbers(column: pa.ChunkedArray, target: str) -> Floats:
    if not is_number(value_type(column.type)):
        raise DataError(f"column {target!r} should hold numbers; it holds {column.type}; cast it, or use Classifier")
    return floats(column, target)


def _labels(column: pa.ChunkedArray, target: str) -> pa.ChunkedArray:
    """The column without a dictionary.

    Raises:
        DataError: it holds what cannot be a class.
    """
    kind = value_type(column.type)
    counted = is_number(kind) and not pa.types.is_decimal(kind)
    if not (counted or family(kind) == "text" or pa.types.is_null(kind)):
        raise DataError(f"column {target!r} should hold labels: text, numbers, or true and false; it holds {kind}: cast it")
    return column.cast(kind)


def _coded(column: pa.ChunkedArray, target: str) -> tuple[Floats, tuple[Any, ...]]:
    """Codes of classes, and the classes in ascending order, as scikit-learn has them.

    Raises:
        DataError: these are no classes but numbers that hardly occur twice.
    """
    if pa.types.is_floating(column.type) and pc.count_distinct(column).as_py() > max(FEW, len(column) // 2):
        raise DataError(f"Unknown label type: continuous. Column {target!r} holds numbers that hardly occur twice; use Regressor")
    classes = tuple(sorted({*column.unique().to_pylist()}))
    place = {label: float(i) for i, label in enumerate(classes)}
    return np.array([place[value] for value in column.to_pylist()], np.float64), classes


def _problem(frame: pa.Table, y: Floats, classes: tuple[Any, ...], settings: TabularSettings, encoder: Encoder) -> Problem:
    weight = None
    if settings.weight is not None:
        weight = floats(frame[settings.weight], settings.weight)
        if not (np.isfinite(weight) & (weight >= 0)).all() or not weight.sum() > 0:
            raise DataError(f"column {settings.weight!r} should hold weights: numbers from 0 on, none missing and not all 0")
    return Problem(settings.task, encoder.matrix(frame), y, weight, max(len(classes), 1), settings.threads, settings.seed)
