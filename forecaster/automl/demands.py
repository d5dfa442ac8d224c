"""What the candidates ask of the data: how long a series must be to be tested, and what of a group they do not look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from forecaster.automl.candidates import Candidates
from forecaster.automl.portfolio import Profile
from forecaster.backtest import RollingOrigin, shortest
from forecaster.features.design import Design
from forecaster.features.pairs import SEEN, budgets, choices_of, targets_of
from forecaster.guardrails import Findings
from forecaster.protocols import Learner, within
from forecaster.table import Ints, Table


def testable(candidates: Candidates, table: Table, horizon: int, rolling: RollingOrigin) -> Candidates:
    """The candidates without those that look back further than any series of a group does before a window, where others do not: one that
    cannot be tested would keep all of its group from being tested."""
    room = Profile(table).longest - rolling.gap - horizon
    long_enough = candidates.suits & (np.minimum(_each(candidates, table, horizon), rolling.length or np.inf)[:, None] <= room)
    return replace(candidates, suits=np.where(long_enough.any(axis=0), long_enough, candidates.suits))


def least_known(candidates: Candidates, table: Table, horizon: int) -> Ints:
    """Known values before a cutoff that a series needs to take part in the backtest of its group (azure-semantics B.3). (series,)

    What a transform of the target takes from the head of a series comes on top of the look-backs.
    Look-backs that are "auto" ask for nothing: they are chosen from what a window trains on and cover at most half of it.
    """
    each = _each(candidates, table, horizon)
    return np.asarray(np.where(candidates.suits, each[:, None], shortest(horizon, 0)).max(0)[table.group], np.int64)


def _each(candidates: Candidates, table: Table, horizon: int) -> Ints:
    """Known values before a cutoff that each candidate needs. (learners,)"""
    return np.array([shortest(horizon, _reach(learner, table.season_length)) for learner in candidates.learners.values()], np.int64)


def _reach(learner: Learner, season_length: int) -> int:
    """Values that a learner looks back over, and those that transforms take before it."""
    taken: int = sum(one.recipe.takes for one in within(learner) if hasattr(one, "recipe"))
    return taken + max((design.lookback(season_length) for design in _designs([learner])), default=0)


def sampled(learners: Iterable[Learner], table: Table) -> Findings:
    """The groups of which only a sample of the training rows is looked at, because the feature matrix has a row budget."""
    found = Findings()
    for design in dict.fromkeys(_designs(learners)):
        looks_back = design.looks_back(table)
        steps = design.horizon if design.strategy == "direct" else 1
        choices, eligible = choices_of(table, steps, looks_back)
        targets = targets_of(table, choices)
        budget = budgets(design.row_budget, targets)
        if budget is None:
            continue
        wanted = SEEN * targets if design.row_budget == "auto" else eligible
        for g in np.flatnonzero(np.minimum(wanted, eligible) > budget).tolist():
            found.add(
                rule="sampled_rows", action="noted", count=eligible[g],
                message=f"{table.group_label(g)}: {{count}} training rows, one per value and horizon, are more than the row budget of "
                f"{budget[g]}: learners see an even sample of the horizons of each value; Featurization(row_budget=) raises it",
            )  # fmt: skip
    return found


def _designs(learners: Iterable[Learner]) -> Iterator[Design]:
    """The designs of learners, also of those within another."""
    designs = (getattr(one, "design", None) for learner in learners for one in within(learner))
    return (design for design in designs if design is not None)
