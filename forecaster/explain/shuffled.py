"""Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019): how much worse, or how different, what is said becomes when the
values of a column are shuffled, so that they tell nothing any more. It needs nothing but predictions, so it explains every model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster.errors import SettingsError
from forecaster.protocols import Model
from forecaster.table import Floats, Future, Ints, Singles, Table
from forecaster.tabular import scores
from forecaster.tabular.fitted import FittedTabular

HISTORY = "history"
"""What the values of the target up to now are called among the columns."""

SHUFFLES = 5
"""Shuffles of each column, where nothing is said."""


@dataclass(frozen=True, eq=False)
class Opaque:
    """A member of a forecast without exact parts.

    Args:
        model: It.
        series: The series that it forecasts. (k,)
        share: Its share in each of them. (k,)
    """

    model: Model
    series: Ints
    share: Floats


def of_rows(fitted: FittedTabular, x: Singles, frame: pa.Table, shuffles: int, seed: int) -> tuple[pd.DataFrame, str]:
    """Importance of each raw column for what a tabular model says of some rows, and what it is measured by.

    Args:
        fitted: The model.
        x: Features of the rows. (rows, features)
        frame: The rows; with the target the rise of the loss is measured, without it the mean absolute change of what is said.
        shuffles: Shuffles of each column.
        seed: Seed of the shuffles.

    Returns:
        column, importance (mean over the shuffles), spread (their standard deviation), the most important first; and the measure.
    """
    said, rng = fitted.predict(x), np.random.default_rng(seed)
    whole = fitted.truth_of(frame) if fitted.target in frame.column_names else np.empty(0)
    known = np.flatnonzero(np.isfinite(whole))
    truth = whole[known]
    score = _score(fitted) if len(known) else None

    def worth(now: Floats) -> float:
        return float(np.abs(now - said).mean()) if score is None else score.loss(truth, now[known])

    before, encoder, made = worth(said), fitted.encoder, []
    for column in range(len(encoder.raw)):
        mine = np.flatnonzero(encoder.owner == column)
        rises = []
        for _ in range(shuffles):
            mixed = x.copy()
            mixed[:, mine] = x[rng.permutation(len(x))][:, mine]
            rises.append(worth(fitted.predict(mixed)) - before)
        made.append((encoder.raw[column], np.mean(rises), np.std(rises)))
    table = pd.DataFrame(made, columns=["column", "importance", "spread"])
    told = "mean absolute change of what is said" if score is None else f"loss of {score.name}" if score.greater_is_better else score.name
    return table.sort_values("importance", ascending=False, ignore_index=True, kind="stable"), told


def _score(fitted: FittedTabular) -> scores.Score:
    """The metric of the job; log loss or rmse where that was a function of the user, or has no meaning for so few rows."""
    try:
        return scores.get(fitted.options["metric"], fitted.task)
    except SettingsError:
        return scores.get("log_loss" if fitted.task == "classify" else "rmse", fitted.task)


def of_forecasts(
    members: Sequence[Opaque], table: Table, begin: Ints, ahead: Future, shuffles: int, seed: int
) -> dict[str, tuple[Floats, Floats]]:
    """Importance of each column for the forecasts of each series: mean absolute change, in the unit of the target.

    Args:
        members: What is asked.
        table: The kept history of all series.
        begin: First step of each series that the members know of; what is not kept is missing. (series,)
        ahead: Known covariates of the steps ahead.
        shuffles: Shuffles of each column.
        seed: Seed of the shuffles.

    Returns:
        Column, or "history" -> mean over the shuffles, and their standard deviation. (series,) each
    """
    said = _said(members, table.since(begin), ahead)
    changes: dict[str, list[Floats]] = {}
    rng = np.random.default_rng(seed)
    for _ in range(shuffles):
        for name, mixed, future in _mixed(table, ahead, rng):
            now = _said(members, mixed.since(begin), future)
            changes.setdefault(name, []).append(np.nan_to_num(np.abs(now - said)).mean(axis=1))
    return {name: (np.mean(rounds, axis=0), np.std(rounds, axis=0)) for name, rounds in changes.items()}


def _said(members: Sequence[Opaque], table: Table, ahead: Future) -> Floats:
    total = np.zeros((len(table), ahead.steps))
    for one in members:
        mean = one.model.predict(ahead.steps, table.take(one.series), ahead.take(one.series)).mean
        total[one.series] += one.share[:, None] * np.nan_to_num(mean)
    return total


def _mixed(table: Table, ahead: Future, rng: np.random.Generator) -> Iterator[tuple[str, Table, Future]]:
    """The table and its future with one column shuffled after the other."""
    row_group, step_group = table.group[table.series], np.repeat(table.group, ahead.steps)
    yield HISTORY, table.with_target(_within(table.target, table.series, rng)), ahead
    for name, values in table.known.items():
        block = ahead.known.get(name, np.full((len(table), ahead.steps), np.nan, values.dtype))
        both = _within(np.concatenate([values, block.ravel()]), np.concatenate([row_group, step_group]), rng)
        future = replace(ahead, known={**ahead.known, name: both[len(values) :].reshape(block.shape)})
        yield name, replace(table, known={**table.known, name: both[: len(values)]}), future
    for name, values in table.past.items():
        yield name, replace(table, past={**table.past, name: _within(values, row_group, rng)}), ahead
    for name, values in table.static.items():
        yield name, replace(table, static={**table.static, name: _within(values, table.group, rng)}), ahead


def _within(values: Any, key: Ints, rng: np.random.Generator) -> Any:
    """The values shuffled among those of the same key."""
    out = values.copy()
    order = np.argsort(key, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        out[places] = values[rng.permutation(places)]
    return out
