"""Combining learners. A combiner sees out-of-fold forecasts and what came, and gives weights per series.

Adding one: a function of an `Evidence` that gives weights (series, learners), and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecaster.ensembles.evidence import Evidence
from forecaster.ensembles.selection import select
from forecaster.ensembles.stacking import stack
from forecaster.ensembles.voting import vote
from forecaster.ensembles.weighing import OF_GROUP, added, weigh
from forecaster.metrics.segments import total
from forecaster.table import Floats

Combiner = Callable[[Evidence], Floats]
"""Evidence -> weights (series, learners); all 0 where no learner could be judged."""


def elect(evidence: Evidence) -> Floats:
    """The weights of `vote`, the same for all series of a group. (series, learners)

    Where groups may learn from each other, a group is shrunk towards the mean of all, the more so the fewer windows it has.
    """
    heard = np.where(evidence.able[:, evidence.group][:, None, :, None], evidence.forecast, np.nan)
    weights = vote(evidence.actual, heard, evidence.score, evidence.group_ptr)
    if evidence.pooled:
        windows = total(np.isfinite(evidence.actual).any(2).sum(0).astype(np.float64), evidence.group_ptr)[:, None]
        together = added(windows * weights, 0) / np.maximum(windows.sum(), 1) * evidence.able.T
        shrunk = (windows * weights + OF_GROUP * together) / (windows + OF_GROUP)
        weights = np.where(weights.sum(1, keepdims=True) > 0, shrunk / np.maximum(shrunk.sum(1, keepdims=True), 1e-300), 0.0)
    return np.asarray(weights[evidence.group])


COMBINERS: dict[str, Combiner] = {"voting": weigh, "caruana": elect, "stacking": stack}

CHOSEN = "chosen"
"""What the final forecast is called where no combiner made it."""

RECONCILED = "reconciled"
"""What the final forecast is called where levels of a hierarchy were made to add up."""

FINAL = (CHOSEN, *COMBINERS, RECONCILED)
"""Every name that the final forecast can have; no learner may take one."""


def crossed(combiner: Combiner, evidence: Evidence) -> Floats:
    """The weights of each window that the other windows give, so that no forecast is judged by weights that have seen what came;
    those of all windows for a series that the others say nothing of. (windows, series, learners)"""
    together = combiner(evidence)
    alone = np.stack([combiner(evidence.without(w)) for w in range(len(evidence.actual))])
    return np.where(alone.sum(-1, keepdims=True) > 0, alone, together)


__all__ = [
    "CHOSEN", "COMBINERS", "FINAL", "RECONCILED", "Combiner", "Evidence", "added", "crossed", "elect", "select", "stack", "vote", "weigh",
]  # fmt: skip
