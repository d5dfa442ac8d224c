"""One autoregression for all series of a group: each step ahead straight from the latest values, alike in size.

With `x` the `lags` latest values of a series, `l` the last of them and `s` the mean size of their differences from `l` and from one
another, what all series of a group share are the coefficients of

    (y[t + k] - l) / s = c_k + sum_j b_jk (x_j - l) / s,        k = 1 ... horizon

found by ridge regression whose rows are weighed by how far off they are, down to about their mean absolute error. Before its first
value a series is what that was.

Source: Montero-Manso & Hyndman (2021), Principles and algorithms for forecasting groups of time series, for what one linear model of many
series is good at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.guardrails import expect_history
from forecaster.learners._blocks import in_blocks
from forecaster.learners._local import NOTHING_OBSERVED, first_observed
from forecaster.learners._newer import told
from forecaster.learners._units import in_units, own_units
from forecaster.protocols import Forecast, Traits
from forecaster.table import Floats, Future, Ints, Table

LONGEST, YEAR = 200, 400
"""Lags at most where none are asked for: usually, and where those reach over a year of days that helps."""

PENALTIES = (0.01, 0.1, 1.0)
"""What is tried where none is asked for, the usual one first."""
MARGIN, ORIGINS = 0.98, 8
"""Part of the error of the usual lags and penalty that others have to come down to, and origins at which they are compared."""

FEWEST = 3
"""Values before a training row."""

ROWS = 20_000
"""Training rows of a group at most, the latest of each series."""

ENOUGH = 20
"""Rows per lag from which those that do not know all steps are left out: one regression is then that of all steps."""

FARTHEST = 30.0
"""Most that a value may lie from the last one, in its size."""

ROUNDS, EXACT = 3, 0.3
"""Fits in all, each weighed by the errors of the one before it; errors below this part of the median one count for as much."""


@storable
@dataclass(frozen=True, kw_only=True)
class Autoregression:
    """Ridge regression on the latest values, pooled over the series of a group; a season is learned where the lags reach over it.

    Args:
        lags: Latest values to look at; where None half of the median length of the series of a group, 2 to 200, or up to 400 if those
            would have been better two horizons ago.
        penalty: Of squared coefficients, as part of the mean square of the features; where None 0.01, 0.1 or 1, chosen likewise.
        design: Tells the horizon; filled in by a job.
    """

    lags: int | None = None
    penalty: float | None = None
    design: Design | None = None

    def __post_init__(self) -> None:
        if self.lags is not None and self.lags < 1:
            raise SettingsError(f"autoregression: lags start at 1; came {self.lags!r}")
        if self.penalty is not None and not 0 <= self.penalty < np.inf:
            raise SettingsError(f"autoregression: penalty is a number from 0 up; came {self.penalty!r}")

    @property
    def traits(self) -> Traits:
        """Pooled; it sees no covariates."""
        return Traits(pooled=True)

    @own_units
    def fit(self, table: Table) -> Autoregressed:
        """One regression per group; where there is nothing to learn from, the last value stays."""
        horizon = (self.design or Design()).horizon
        values = _carried(table)
        rules: list[Floats] = []
        with threadpool_limits(1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
            for first, last in zip(table.group_ptr[:-1], table.group_ptr[1:], strict=True):
                series = _Series(values, table.indptr[first:last], table.sizes[first:last], horizon)
                lags, penalty = self._chosen(series)
                rules.append(series.rules(lags, [penalty])[0])
        return Autoregressed(tuple(rules), horizon, table.start, _context(table, rules))

    def _chosen(self, series: _Series) -> tuple[int, float]:
        """The lags and the penalty that would have been best two horizons ago; the usual ones where that cannot be told."""
        counts = [self.lags] if self.lags else series.lengths()
        penalties = PENALTIES if self.penalty is None else (self.penalty,)
        best = counts[0], penalties[0]
        earlier = series.earlier()
        if len(counts) * len(penalties) == 1 or earlier is None:
            return best
        errors = {
            (count, penalty): earlier.error(rule, counts[0])
            for count in counts
            for penalty, rule in zip(penalties, earlier.rules(count, penalties, quick=True), strict=True)
        }
        found = min(errors, key=errors.__getitem__)
        return found if errors[found] < MARGIN * errors[best] else best


@dataclass(frozen=True)
class _Series:
    """The series of one group.

    Args:
        values: Of all series.
        begin: Where each one starts. (series,)
        sizes: How many values each one has. (series,)
        horizon: Steps ahead.
    """

    values: Floats
    begin: Ints
    sizes: Ints
    horizon: int

    def lengths(self) -> list[int]:
        """How many lags there may be: half of the median length, or all but two horizons, which may reach over a year of days."""
        half = int(np.clip(np.median(self.sizes) // 2, 2, LONGEST))
        most = int(np.clip(np.median(self.sizes) - 2 * self.horizon, 2, YEAR))
        return [half, most] if half == LONGEST and most > half else [half]

    def earlier(self) -> _Series | None:
        """The series two horizons ago, of those that were long enough; nothing where none was."""
        sizes = self.sizes - 2 * self.horizon
        there = sizes >= FEWEST + 2 * self.horizon
        return _Series(self.values, self.begin[there], sizes[there], self.horizon) if there.any() else None

    def error(self, rule: Floats, lags: int) -> float:
        """How far off a rule is in the two horizons that come, in the size of a window of so many lags."""
        later = np.unique(np.linspace(0, self.horizon, ORIGINS).astype(int))
        at = ((self.begin + self.sizes - 1)[:, None] + later).ravel()
        begin = np.repeat(self.begin, len(later))
        came = self.values[at[:, None] + 1 + np.arange(self.horizon)]
        _, size, _ = _windows(self.values, begin, at, lags)
        off = np.abs(_ahead(self.values, begin, at, rule) - came).mean(1) / size
        off = off[np.isfinite(off)]
        return float(np.minimum(off, FARTHEST).mean()) if len(off) else np.inf

    def rules(self, lags: int, penalties: Sequence[float], quick: bool = False) -> list[Floats]:
        """For each penalty the constant, then the coefficient of each lag, for each step; zero where there is nothing to learn from.
        (lags, horizon) each"""
        begin, sizes, horizon, values = self.begin, self.sizes, self.horizon, self.values
        most = max(ROWS // max(len(begin), 1), 1)
        count = np.clip(sizes - FEWEST, 0, most)
        series = np.repeat(np.arange(len(begin)), count)
        left = np.arange(len(series)) - np.repeat(np.cumsum(count) - count, count)  # from 0, in each series
        at = (begin + sizes - 1 - count)[series] + left
        last, size, features = _windows(values, begin[series], at, lags)
        known = (begin + sizes)[series] - 1 - at
        ahead = np.minimum(at[:, None] + 1 + np.arange(horizon), (begin + sizes)[series, None] - 1)
        targets = np.clip((values[ahead] - last[:, None]) / size[:, None], -FARTHEST, FARTHEST)
        good = (size > 0) & np.isfinite(features).all(0) & np.isfinite(targets).all(1)
        if (whole := good & (known >= horizon)).sum() >= ENOUGH * lags:
            good = whole
        if not good.any():
            return [np.zeros((lags, horizon))] * len(penalties)
        return _fitted(features[:, good], targets[good], np.minimum(known[good], horizon), penalties, 2 if quick else ROUNDS)


@storable
@dataclass(frozen=True, eq=False)
class Autoregressed:
    """The rules of all groups.

    Args:
        rules: Constant and coefficients by group. (lags, horizon) each
        horizon: Steps that are forecast at once.
        begin: First step of each series. (series,)
        context: The values to go on from.
        unit: Numbers are in 2^unit of each series; None where all are as they came. (series,)
    """

    rules: tuple[Floats, ...]
    horizon: int
    begin: Ints
    context: Table
    unit: Ints | None = None

    @in_units
    def predict(self, horizon: int, history: Table | None = None, future: Future | None = None) -> Forecast:
        """Forecast block by block: each is the history of the next."""
        if history is not None:
            window = history.end - _longest(self.rules) + 1
            first, row = first_observed(history)
            seen = np.isfinite(first) & (history.start + row - history.indptr[:-1] <= window)
            expect_history(history, np.where(seen, window, self.begin))
        return in_blocks(self._block, self.horizon, horizon, history, future, self.context)

    @own_units
    def adopted(self, group: int, table: Table) -> Autoregressed:
        """The model of series that it was not fitted on, by the rule of one of its groups."""
        rules = (self.rules[group],)
        return replace(self, rules=rules, begin=table.start, context=_context(table, rules), unit=None)

    def _block(self, steps: int, history: Table | None, future: Future | None) -> Forecast:
        table = self.context if history is None else history
        values, mean = _carried(table), np.full((len(table), self.horizon), np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            for rule, first, last in zip(self.rules, table.group_ptr[:-1], table.group_ptr[1:], strict=True):
                some = np.arange(first, last)
                some = some[table.sizes[some] > 0]
                mean[some] = _ahead(values, table.indptr[some], table.indptr[some + 1] - 1, rule)
        unseen = np.flatnonzero(np.bincount(table.series[np.isfinite(table.target)], minlength=len(table)) == 0)
        return told(mean[:, :steps], dict.fromkeys(unseen.tolist(), NOTHING_OBSERVED))


def _longest(rules: Sequence[Floats]) -> int:
    return max(map(len, rules), default=1)


def _context(table: Table, rules: Sequence[Floats]) -> Table:
    """The values that the rules look at; a missing first one is what was known before it."""
    whole = table.with_target(_carried(table))
    return whole.tail(_longest(rules))


def _carried(table: Table) -> Floats:
    """The values, missing ones as the one before them, or the first one that is known. (rows,)"""
    known = np.isfinite(table.target)
    if known.all():
        return table.target
    rows = np.arange(len(known))
    before = np.maximum.accumulate(np.where(known, rows, -1))
    after = np.minimum.accumulate(np.where(known, rows, len(rows))[::-1])[::-1]
    begin, end = (np.repeat(edge, table.sizes) for edge in (table.indptr[:-1], table.indptr[1:]))
    at = np.where(before >= begin, before, np.where(after < end, after, rows))
    return np.asarray(table.target[at])


def _windows(values: Floats, begin: Ints, at: Ints, lags: int) -> tuple[Floats, Floats, Floats]:
    """The last value of each window, the size of its differences, and what lies between the last value and those before it in that size.
    (rows,), (rows,), (lags - 1, rows)"""
    window = values[np.maximum(at - np.arange(lags)[:, None], begin)]
    seen = np.clip(at - begin, 1, max(lags - 1, 1))
    apart = window[1:] - window[0]
    size = _summed(np.abs(apart)) / seen + _summed(np.abs(np.diff(window, axis=0))) / seen
    size = np.where(size > 0, size, np.nan)
    return window[0], size, np.clip(apart / size, -FARTHEST, FARTHEST)


def _summed(parts: Floats) -> Floats:
    """The sum over the lags, one after the other: the bits of a row do not depend on how many there are."""
    out = np.zeros(parts.shape[1])
    for lag in parts:
        out += lag
    return out


def _fitted(features: Floats, targets: Floats, known: Ints, penalties: Sequence[float], rounds: int) -> list[Floats]:
    """Ridge regressions of every step on the rows that know it, weighed by the errors of the first one. (lags, horizon) each"""
    ones = np.concatenate([np.ones((1, len(targets))), features])
    there = np.arange(targets.shape[1]) < known[:, None]
    targets, weight = np.where(there, targets, 0.0), np.ones(len(targets))
    for _ in range(rounds - 1):
        rule = _solved(ones, targets, known, weight, penalties[:1])[0]
        off = (np.abs(targets - ones.T @ rule) * there).sum(1) / known
        weight = 1 / np.maximum(off, max(EXACT * float(np.median(off)), 1e-9))
    return _solved(ones, targets, known, weight, penalties)


def _solved(features: Floats, targets: Floats, known: Ints, weight: Floats, penalties: Sequence[float]) -> list[Floats]:
    root = np.sqrt(weight)
    weighed = features * root
    right, squares = weighed @ (targets * root[:, None]), np.zeros((len(features),) * 2)
    rules, counts = [np.empty_like(right) for _ in penalties], np.unique(known)
    # from the farthest steps, which the fewest rows know
    for nearer, count in zip([0, *counts[:-1]][::-1], counts[::-1], strict=True):
        new = weighed if len(counts) == 1 else weighed[:, known == count]
        squares += new @ new.T  # of one array: half the work
        held = np.diag(squares)[1:]
        for penalty, rule in zip(penalties, rules, strict=True):
            ridge = np.full(len(squares), penalty * float(held.mean()) if len(held) else 0.0)
            ridge[0] = 0.0
            rule[:, nearer:count] = np.linalg.solve(squares + np.diag(ridge + 1e-9), right[:, nearer:count])
    for rule in rules:
        rule[:, counts[-1] :] = rule[:, counts[-1] - 1 : counts[-1]]  # steps that no row knows
    return rules


def _ahead(values: Floats, begin: Ints, at: Ints, rule: Floats) -> Floats:
    """What a rule makes of the windows that end at some rows; of one that never changes the same. (rows, horizon)"""
    last, size, features = _windows(values, begin, at, len(rule))
    out = np.repeat(rule[None, 0], len(at), axis=0)
    for feature, weights in zip(features, rule[1:], strict=True):
        out += feature[:, None] * weights
    return np.asarray(last[:, None] + np.where(np.isfinite(size), size, 0.0)[:, None] * np.where(np.isfinite(size)[:, None], out, 0.0))
