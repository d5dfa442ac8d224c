"""One learner per group: the one with the lowest out-of-fold error."""

from __future__ import annotations

import numpy as np

from forecaster.table import Floats, Ints

MARGIN = 0.01
"""Part of the baseline's error that another learner must save to be preferred to it."""


def select(errors: Floats, margin: float = MARGIN, baseline: int = 0) -> Ints:
    """Choose a learner for each group.

    Args:
        errors: Less is better; NaN or infinite where a learner could not forecast the group. Ties go to the earlier learner,
            so order them from simple to elaborate. (learners, groups)
        margin: Part of the baseline's error that another learner must save.
        baseline: Index of the learner to fall back on, also where no learner has an error.

    Returns:
        Index of the chosen learner. (groups,)
    """
    ranked = np.where(np.isnan(errors), np.inf, errors)
    best = ranked.argmin(0)
    lowest, fallback = ranked.min(0), ranked[baseline]
    with np.errstate(invalid="ignore"):
        better = lowest < fallback - margin * np.abs(fallback)
    return np.where(better | (np.isinf(fallback) & np.isfinite(lowest)), best, baseline)
