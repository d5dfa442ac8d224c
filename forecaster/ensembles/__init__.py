"""Combining learners. A combiner sees out-of-fold forecasts and what came, and gives weights per group.

Adding one: a function of (actual, forecast, score, group_ptr) that gives weights (groups, learners), and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

from forecaster.ensembles.selection import select
from forecaster.ensembles.voting import vote
from forecaster.metrics import Score
from forecaster.table import Floats, Ints

Combiner = Callable[[Floats, Floats, Score, Ints], Floats]
"""(actual (windows, series, horizon), forecast (learners, windows, series, horizon), score, group_ptr) -> (groups, learners)"""

COMBINERS: dict[str, Combiner] = {"voting": vote}

CHOSEN = "chosen"
"""What the final forecast is called where no combiner made it."""

RECONCILED = "reconciled"
"""What the final forecast is called where levels of a hierarchy were made to add up."""

FINAL = (CHOSEN, *COMBINERS, RECONCILED)
"""Every name that the final forecast can have; no learner may take one."""

__all__ = ["CHOSEN", "COMBINERS", "FINAL", "RECONCILED", "Combiner", "select", "vote"]
