"""What the learners with a native kernel share: the values that came after a model was fitted, and what stands for a lost series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forecaster.frames.pool import room
from forecaster.guardrails import expect_history
from forecaster.protocols import Forecast
from forecaster.table import Floats, Ints, Table

ENDS_EARLY = "the history ends before the values that the model was fitted on; fit again, or give newer values"
NOT_FINITE = "its forecast is not a finite number; its values may be too large"
NOWHERE: Floats = np.empty(0)
"""Where a kernel puts what nobody wants to know."""


def newer(history: Table, end: Ints) -> tuple[Floats, Ints]:
    """Values of each series after step `end`, and their boundaries.

    Raises:
        CannotPredict: The history holds other series than the model, or leaves out steps after `end`.
    """
    expect_history(history, end + 1)
    part = history.tail(np.clip(history.end - end, 0, history.sizes))
    return part.target, part.indptr


def replayed(table: Table, begin: Ints, follow: Callable[[Floats, Ints, Floats], None]) -> Floats:
    """What is said of every observed value from step `begin` of its series on; NaN elsewhere. (rows,)

    Args:
        table: Values of the series that a model was fitted on.
        begin: Step of the first value that a model knows of. (series,)
        follow: Goes over values (n,) with their boundaries (series + 1,) and writes what it expected of each (n,).
    """
    values, indptr = newer(table, begin - 1)
    said, out = np.empty(len(values)), np.full(len(table.target), np.nan)
    follow(values, indptr, said)
    known = np.clip(table.end - begin + 1, 0, table.sizes)
    out[_tails(table.indptr, known)] = said[_tails(indptr, known)]
    out[~np.isfinite(table.target)] = np.nan
    return out


def _tails(indptr: Ints, sizes: Ints) -> Ints:
    """The last rows of every series, that many."""
    return np.arange(sizes.sum()) + np.repeat(indptr[1:] - np.cumsum(sizes), sizes)


def ends_early(history: Table, end: Ints) -> dict[int, str]:
    """Why series whose history ends before step `end` have no forecast. Series index -> reason"""
    return dict.fromkeys(np.flatnonzero(history.end < end).tolist(), ENDS_EARLY)


def _not_finite(said: Floats) -> list[int]:
    finite = np.isfinite(said)
    return [] if finite.all() else np.nonzero(~finite)[0].tolist()


def flat(rate: Floats, horizon: int, failed: dict[int, str]) -> Forecast:
    """A forecast that is the same at every step ahead; else as `told`."""
    said = told(rate[:, None].copy(), failed)
    mean = room(len(rate) * horizon, np.float64).reshape(len(rate), horizon)
    mean[:] = said.mean
    return replace(said, mean=mean)


def told(mean: Floats, failed: dict[int, str], levels: tuple[float, ...] = (), quantiles: Floats | None = None) -> Forecast:
    """A forecast in which every series has finite numbers or a reason.

    Args:
        mean: An array that nobody else holds. (series, horizon)
        failed: Reasons that are known. Series index -> reason
        levels: Quantile levels.
        quantiles: Likewise. (series, horizon, levels)
    """
    wrong = [i for said in (mean, quantiles) if said is not None for i in _not_finite(said)]
    reasons = dict.fromkeys(wrong, NOT_FINITE) | failed
    lost = sorted(reasons)
    mean[lost] = np.nan
    if quantiles is not None:
        quantiles[lost] = np.nan
    return Forecast(mean, levels, quantiles if levels else None, {i: reasons[i] for i in lost})
