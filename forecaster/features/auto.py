"""What "auto" means for lags and windows.

Azure AutoML picks one lag and one window from the partial autocorrelation of the deseasonalised target and switches look-backs off
where every lag is significant (azure-semantics B.2). Here that finding is joined with a floor that regression learners do well
with, because a learner can ignore a feature and cannot invent one:

* lags: 1..L (L = the lag before the first insignificant one), and 1, 2, 3, m, 2m;
* mean and std over m, 2m, 4m rows (4 as well where m is below 4 or 12 and above), and the last significant lag;
* the last value of the season, and means of the last 2 and 4 of them.

m is the season length. What is longer than half of a typical series is left out: it would be missing in most rows.
The bound is the textbook's 1.96 / sqrt(n) with n the length of the series; the vendor's docstring divides by the largest lag.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecaster.frequency import Frequency
from forecaster.table import Floats, Table

if TYPE_CHECKING:
    from forecaster.features.design import Design

SAMPLE = 100
"""Series that are looked at, evenly spread over the table."""

_RECENT = 1000
_COARSER = {"day": 7, "business": 5, "week": 4, "month": 12, "quarter": 4, "hour": 24}


def lags_and_windows(design: Design, table: Table) -> Design:
    """The design with "auto" lags and windows replaced by numbers.

    Args:
        design: The recipe.
        table: Training values.
    """
    if "auto" not in (design.lags, design.windows):
        return design
    m, room = table.season_length, _room(table)
    lag, window = look_back(table)
    lags, windows = design.lags, design.windows
    if lags == "auto":
        lags = _within({1, 2, 3, *((m, 2 * m) if m > 1 else ()), *range(1, lag + 1)}, room) or (1,)
    if windows == "auto":
        short = {4} if m < 4 or m >= 12 else set()
        sizes = _within({*short, *((m, 2 * m, 4 * m) if m > 1 else ()), window}, room, least=2)
        seasons = tuple(k for k in (1, 2, 4) if m > 1 and k * m <= room)
        chosen = {"mean": sizes, "std": sizes, "season_mean": seasons}
        windows = {name: numbers for name, numbers in chosen.items() if numbers}
    return replace(design, lags=lags, windows=windows)


def look_back(table: Table) -> tuple[int, int]:
    """The lag and the window of B.2: the most common ones of a sample of series; 0 for none.

    Returns:
        The lag before the first insignificant one, and the last significant lag.
    """
    most = 2 * largest_lag(table.frequency, table.season_length)
    found = [one for i in _sample(table) if (one := _of_series(table.values(i)[-_RECENT:], table.season_length, most)) is not None]
    if not found:
        return 0, 0
    lags, windows = np.array(found).T
    return _mode(lags), _mode(windows)


def largest_lag(frequency: Frequency, season_length: int) -> int:
    """Periods until the next coarser calendar unit; the season length where the frequency has none, and at most 48."""
    single = frequency.alias[:1].isalpha()
    return max(2, min(_COARSER.get(frequency.unit, season_length) if single else season_length, 48))


def partial_autocorrelation(values: Floats, most: int) -> Floats:
    """Partial autocorrelations of lags 1..most, by the Durbin-Levinson recursion on the biased autocovariances.

    Args:
        values: A series without missing values. (n,)
        most: Largest lag, below n.
    """
    centred = values - values.mean()
    n = len(centred)
    rho = np.array([centred[: n - k] @ centred[k:] for k in range(most + 1)])
    if rho[0] <= 0:
        return np.zeros(most)
    rho /= rho[0]
    partial, phi = np.zeros(most), np.zeros(0)
    for k in range(most):
        left = 1 - phi @ rho[1 : k + 1]
        partial[k] = (rho[k + 1] - phi @ rho[k:0:-1]) / left if left > 1e-12 else 0.0
        phi = np.append(phi - partial[k] * phi[::-1], partial[k])
    return partial


def deseasonalised(values: Floats, m: int) -> Floats:
    """The series without its mean season: deviations from a moving average over m values, averaged per place in the season."""
    if m < 2 or len(values) < 2 * m:
        return values
    padded = np.concatenate([np.repeat(values[0], m // 2), values, np.repeat(values[-1], m - 1 - m // 2)])
    around = np.convolve(padded, np.full(m, 1 / m), "valid")
    place = np.arange(len(values)) % m
    season = np.bincount(place, values - around) / np.bincount(place)
    return np.asarray(values - (season - season.mean())[place], np.float64)


def _of_series(values: Floats, m: int, most: int) -> tuple[int, int] | None:
    """The lag and window of one series; None where it is too short or constant to tell."""
    observed = values[np.isfinite(values)]
    most = min(most, len(observed) // 3)
    if most < 2 or observed.min() == observed.max():
        return None
    partial = partial_autocorrelation(deseasonalised(observed, m), most)
    significant = np.abs(partial) > 1.96 / np.sqrt(len(observed))
    if significant.all():
        return 0, 0
    return int(np.argmin(significant)), int(np.flatnonzero(significant)[-1] + 1) if significant.any() else 0


def _sample(table: Table) -> list[int]:
    return np.unique(np.linspace(0, len(table) - 1, min(SAMPLE, len(table))).round().astype(int)).tolist() if len(table) else []


def _room(table: Table) -> int:
    """Half of the median length."""
    return max(1, int(np.median(table.sizes)) // 2) if len(table) else 1


def _within(numbers: Iterable[int], room: int, least: int = 1) -> tuple[int, ...]:
    return tuple(sorted(k for k in set(numbers) if least <= k <= room))


def _mode(values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> int:
    """The most common value, the smallest of equals."""
    return int(np.bincount(values).argmax())
