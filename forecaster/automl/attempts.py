"""An attempt: one setting of a learner, tried in one group by the search for hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from forecaster.archive import storable
from forecaster.learners import name_of
from forecaster.learners.spaces import SPACES
from forecaster.protocols import Learner, changed
from forecaster.tuning import Space


@storable
@dataclass(frozen=True)
class Attempt:
    """What became of one setting in one group.

    Args:
        group: Index of the group.
        learner: Name of the candidate that was varied.
        parameters: The setting, and what else of the learner is not as in the catalogue, as JSON.
        score: Mean error of the group over the windows that it was tried on, lower is better; NaN where there is none.
        fit_seconds: Time spent fitting; that of groups tried together is shared alike.
        predict_seconds: Likewise, forecasting.
        windows: Windows that it was tried on.
        status: "done", "pruned" (clearly worse in the first windows), "failed" or "skipped" (the time was up).
        reason: Why it is not done.
    """

    group: int
    learner: str
    parameters: str
    score: float
    fit_seconds: float
    predict_seconds: float
    windows: int
    status: str
    reason: str


def space_of(learner: Learner) -> Space | None:
    """What may be varied of a learner, or of what it wraps; None for nothing, or where groups cannot be searched one by one."""
    inner = learner
    while (one := getattr(inner, "learner", None)) is not None:
        inner = one
    return None if learner.traits.across else SPACES.get(name_of(inner))


def fresh(space: Space, learner: Learner) -> Space:
    """A search space without the tried settings that the learner has already."""
    return replace(space, tried=tuple(setting for setting in space.tried if varied(learner, setting) != learner))


def varied(learner: Learner, params: Mapping[str, Any]) -> Learner:
    """A learner with other hyperparameters: those of the innermost one that it wraps."""
    inner = getattr(learner, "learner", None)
    change = params if inner is None else {"learner": varied(inner, params)}
    return changed(learner, **change)
