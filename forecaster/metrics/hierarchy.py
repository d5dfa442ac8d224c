"""WRMSSE, the measure of the M5 competition: the weighted root mean squared scaled error over the levels of a hierarchy.

Source: The M5 Competition, Competitors' Guide (2020), sections "Evaluation" and "Weighting". The twelve levels weigh the same;
within a level a series weighs as much as its share of the revenue of the last 28 days before the forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import DataError
from forecaster.table import Floats

M5_LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("state_id",),
    ("store_id",),
    ("cat_id",),
    ("dept_id",),
    ("state_id", "cat_id"),
    ("state_id", "dept_id"),
    ("store_id", "cat_id"),
    ("store_id", "dept_id"),
    ("item_id",),
    ("item_id", "state_id"),
    ("item_id", "store_id"),
)


@dataclass(frozen=True)
class Wrmsse:
    """The score and its parts: one per level, in words such as "state_id, cat_id" ("total" for all series together)."""

    score: float
    levels: Mapping[str, float]


def wrmsse(
    actual: Floats,
    forecast: Floats,
    history: Floats,
    revenue: Floats,
    hierarchy: Mapping[str, NDArray[Any]],
    *,
    levels: Sequence[tuple[str, ...]] = M5_LEVELS,
) -> Wrmsse:
    """Score forecasts of the bottom series at every level of their hierarchy.

    Args:
        actual: What came. (series, horizon)
        forecast: What was said. (series, horizon)
        history: Values before the forecast, at least two; NaN counts as nothing sold. (series, steps)
        revenue: Of each series in the last 28 days before the forecast, as `revenue` gives it. (series,)
        hierarchy: The columns that levels are made of. Column name -> (series,)
        levels: Columns whose values together make one series of a level; none for the total.

    Returns:
        A series without any change since its first sale has no scale and is left out of its level.

    Raises:
        DataError: Shapes that do not fit, missing values in `actual` or `forecast`, no revenue, or a column that is not there.
    """
    _refuse_shapes(actual, forecast, history, revenue)
    if absent := sorted({name for level in levels for name in level} - set(hierarchy)):
        raise DataError(f"the hierarchy has no column {', '.join(absent)}; it has {', '.join(hierarchy) or 'none'}")
    error, known = forecast - actual, np.nan_to_num(history)
    scores = {}
    for level in levels:
        order, begin = _members([hierarchy[name] for name in level], len(actual))
        summed, before = (np.add.reduceat(values[order], begin, axis=0) for values in (error, known))
        scores[", ".join(level) or "total"] = _level(summed, before, np.add.reduceat(revenue[order], begin))
    return Wrmsse(float(np.mean(list(scores.values()))), scores)


def revenue(sales: Floats, price: Floats, days: int = 28) -> Floats:
    """Revenue of each series in the last `days` steps. (series, steps) x 2 -> (series,)"""
    return np.asarray(np.nansum(sales[:, -days:] * price[:, -days:], axis=1), np.float64)


def _members(columns: Sequence[NDArray[Any]], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The series sorted by their values in the columns, and where each new combination begins."""
    code = np.zeros(n, np.int64)
    for column in columns:
        _, values = np.unique(column, return_inverse=True)
        _, code = np.unique(code * (values.max() + 1) + values, return_inverse=True)
    order = np.argsort(code, kind="stable")
    return order, np.flatnonzero(np.diff(code[order], prepend=-1))


def _level(error: Floats, history: Floats, revenue: Floats) -> float:
    """Mean of the scaled errors, weighted by revenue."""
    scale = _scale(history)
    measured = scale > 0
    rmsse = np.sqrt((error[measured] ** 2).mean(1) / scale[measured])
    return float(np.average(rmsse, weights=revenue[measured])) if revenue[measured].sum() > 0 else float("nan")


def _scale(history: Floats) -> Floats:
    """Mean squared change from one step to the next, since the first sale. (series,)"""
    change = np.diff(history, axis=1)
    sold = history != 0
    first = np.where(sold.any(1), sold.argmax(1), history.shape[1])
    counted = np.arange(1, history.shape[1]) > first[:, None]
    scale: Floats = np.where(counted, change**2, 0).sum(1) / np.maximum(counted.sum(1), 1)
    return scale


def _refuse_shapes(actual: Floats, forecast: Floats, history: Floats, revenue: Floats) -> None:
    shapes = {"actual": actual.shape, "forecast": forecast.shape, "history": history.shape, "revenue": revenue.shape}
    n = len(actual)
    if actual.shape != forecast.shape or len(history) != n or revenue.shape != (n,) or history.ndim != 2 or history.shape[1] < 2:
        raise DataError(f"wrmsse needs (series, horizon) twice, (series, at least 2 steps) and (series,); there came {shapes}")
    for name, values in (("actual", actual), ("forecast", forecast)):
        if missing := int((~np.isfinite(values)).sum()):
            raise DataError(f"wrmsse needs every value of {name}, and {missing} of {values.size} are missing: fill them first")
    if not revenue.sum() > 0:
        raise DataError("wrmsse weighs series by their revenue, and there is none: give the revenue of the last 28 days of history")
