"""Errors of fitted values."""

from __future__ import annotations

import numpy as np

from forecaster.table import Floats


def apart(actual: Floats, said: Floats) -> Floats:
    """How far two values lie apart; infinite where that is too large for a number, as between values that no learner can follow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return actual - said
