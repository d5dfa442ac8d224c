"""Forecasts of any length by models that forecast a horizon at once: each block is the history of the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecaster.learners._newer import told
from forecaster.learners._pool import steps_of
from forecaster.protocols import Forecast
from forecaster.table import Future, Table


def in_blocks(
    block: Callable[[int, Table | None, Future | None], Forecast],
    reach: int,
    horizon: int,
    history: Table | None,
    future: Future | None,
    context: Table,
) -> Forecast:
    """Forecast `horizon` steps, `reach` at a time.

    Args:
        block: Forecasts that many steps from a history (None for the one that a model was fitted on), given the covariates of these steps.
        reach: Steps of a block.
        horizon: Steps in all.
        history: Newer values, where there are some.
        future: Known covariates of all steps.
        context: The history that the model was fitted on.
    """
    done: list[Forecast] = []
    for first in range(0, horizon, reach):
        part = steps_of(future, first, reach)
        done.append(block(reach, history, part))
        if first + reach < horizon:
            history = (context if history is None else history).extend(done[-1].mean, part)
    mean = np.concatenate([one.mean for one in done], axis=1)[:, :horizon]
    quantiles = [one.quantiles for one in done if one.quantiles is not None]
    failed = {i: why for one in reversed(done) for i, why in one.failed.items()}
    if len(quantiles) < len(done):
        return told(mean, failed)
    return told(mean, failed, done[0].levels, np.concatenate(quantiles, axis=1)[:, :horizon])
