"""From a table to one forecaster per group: try the candidates, choose or join the best, fit them on everything.

The search sees forecasts, not models: candidates are backtested over the same windows, and what follows works on the
out-of-fold arrays, per group. Only the chosen ones are fitted again, each on the groups that chose it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecaster import metrics
from forecaster.archive import storable
from forecaster.automl.blend import UNSCORED, Blend, Joined, Mixture, fitted
from forecaster.automl.candidates import Candidates
from forecaster.automl.sized import Sized
from forecaster.automl.trials import Trial, run_trials
from forecaster.backtest import Window, actuals, backtest, cutoffs
from forecaster.calibration import Spread
from forecaster.ensembles import COMBINERS, Evidence, crossed, select, weigh
from forecaster.metrics.segments import total
from forecaster.protocols import Learner
from forecaster.table import Floats, Ints, Table
from forecaster.yardstick import APART, Usual, yardstick


@storable
@dataclass(frozen=True, eq=False)
class Search:
    """What the search found: everything that a forecast, a leaderboard or a report is made from.

    Args:
        trials: What became of each candidate; empty without a backtest.
        blend: The chosen ones, fitted, and their shares.
        weights: Share of each candidate in each group, the mean over its series. (groups, learners)
        errors: Error of the chosen forecast of each series, lower is better; NaN where no window could be scored. (series,)
        actual: Target values of the windows. (windows, series, horizon)
        chosen: Out-of-fold forecasts of the chosen candidates together; the shares of a window come from the other windows, so that
            `errors` and `spread` are those of forecasts that had not seen what came. (windows, series, horizon)
        cutoffs: Last known step of each window and series. (windows, series)
        sizes: How far off forecasts were expected to be at each cutoff. (windows, series, horizon)
        usual: How far off a seasonal naive forecast would be from the end on.
        known: Known values of each series. (series,)
        spread: How far off forecasts are, in the sizes that are expected.
        failed: Why a series is forecast by the baseline. Series index -> reason
    """

    trials: tuple[Trial, ...]
    blend: Blend
    weights: Floats
    errors: Floats
    actual: Floats
    chosen: Floats
    cutoffs: Ints
    sizes: Floats
    usual: Usual
    known: Floats
    spread: Spread
    failed: Mapping[int, str]

    @property
    def learners(self) -> tuple[str, ...]:
        """Names of the candidates."""
        return self.blend.learners

    def bands(self, ahead: Joined) -> Sized:
        """How far off a forecast of any number of steps is to be expected to be."""
        return Sized(self.spread, yardstick(self.usual.at(ahead.mean.shape[1]), ahead.width, self.known))

    def without(self, window: int, forecast: Floats, group_ptr: Ints) -> Sized:
        """How far off out-of-fold forecasts are in a window, learnt from all others. (windows, series, horizon)"""
        others = [v for v in range(len(forecast)) if v != window] or [window]
        return Sized.of(self.actual[others], forecast[others], self.sizes[others], self.sizes[window], group_ptr)


@dataclass(frozen=True)
class Plan:
    """How candidates are compared.

    Args:
        horizon: Steps ahead.
        windows: What to compare on; none takes the first candidate as it is, or what is expected to be good where that is known.
        metric: Name or callable of what is compared.
        ensemble: Name of a combiner, or None for the single best.
        time_limit: Seconds for the trials and the last fit.
        pooled: Whether the weights of a group may learn from the other groups.
        on_trial: Called with each trial as it ends.
    """

    horizon: int
    windows: Sequence[Window]
    metric: str | Callable[..., Any] = "nrmse"
    ensemble: str | None = "voting"
    time_limit: float | None = None
    pooled: bool = False
    on_trial: Callable[[Trial], None] = lambda trial: None


def search(table: Table, candidates: Candidates | Mapping[str, Learner], baseline: Learner, plan: Plan) -> Search:
    """Find, for every group of the table, the candidates that forecast it best, and fit them on all of its values.

    Args:
        table: The series.
        candidates: Learners by name, and which groups they suit.
        baseline: Stands in for a candidate where that has no forecast.
        plan: How to compare them.
    """
    until = None if plan.time_limit is None else time.monotonic() + plan.time_limit
    tried = candidates if isinstance(candidates, Candidates) else Candidates.of(candidates, table)
    found = _compare(table, tried, baseline, plan) if plan.windows else _unseen(table, tried, plan)
    blend = fitted(table, tried.learners, found.shares, baseline, until)
    ahead = blend.ahead(table, plan.horizon, None)
    usual, known = Usual.of(table, plan.horizon), _known(table)
    now = yardstick(usual.at(plan.horizon), ahead.width, known)
    sizes = np.clip(found.sizes, now / APART, now * APART)
    return Search(
        trials=tuple(replace(trial, width=None) for trial in found.trials),
        blend=replace(blend, broken=found.broken | dict(blend.broken)),
        weights=metrics.per_group(blend.shares.T, table.group_ptr).T,
        errors=found.errors,
        actual=found.actual,
        chosen=found.chosen,
        cutoffs=found.cutoffs,
        sizes=sizes,
        usual=usual,
        known=known,
        spread=Sized.of(found.actual, found.chosen, sizes, now, table.group_ptr).spread,
        failed={i: found.broken.get(int(table.group[i]), why) for i, why in ahead.failed.items()},
    )


def _expected(past: Table, width: Floats, horizon: int) -> Floats:
    """How far off forecasts are expected to be at a cutoff. (series, horizon)"""
    return yardstick(Usual.of(past, horizon).at(horizon), width, _known(past))


def _known(table: Table) -> Floats:
    """Known values of each series. (series,)"""
    return total(np.isfinite(table.target).astype(np.float64), table.indptr)


@dataclass(frozen=True, eq=False)
class _Found:
    trials: tuple[Trial, ...]
    shares: Floats
    errors: Floats
    actual: Floats
    chosen: Floats
    cutoffs: Ints
    sizes: Floats
    broken: dict[int, str]


def _unseen(table: Table, candidates: Candidates, plan: Plan) -> _Found:
    """Nothing to compare on: every group takes the first candidate, or those that are expected to be good."""
    empty = np.empty((0, len(table), plan.horizon))
    shares = np.zeros((len(table), len(candidates.learners)))
    shares[:, 0] = 1.0
    if candidates.trusted and plan.ensemble is not None:
        said = np.empty((len(candidates.learners), *empty.shape))
        score = metrics.scorer(metrics.get(plan.metric), metrics.Scale.of(table))
        shares = weigh(Evidence(empty, said, score, table.group_ptr, candidates.suits, candidates.merit))
    return _Found((), shares, np.full(len(table), np.nan), empty, empty, np.empty((0, len(table)), np.int64), empty, {})


def _compare(table: Table, candidates: Candidates, baseline: Learner, plan: Plan) -> _Found:
    windows, actual = plan.windows, actuals(plan.windows)
    score = metrics.scorer(metrics.get(plan.metric), metrics.Scale.of(table))
    everyone = np.arange(len(table))

    def judge(forecast: Floats) -> Floats:
        return score(actual, forecast, everyone)

    spare = backtest(baseline, windows).forecast
    suits = {name: fits[table.group] for name, fits in zip(candidates.learners, candidates.suits, strict=True)}
    trials = []
    for trial in run_trials(candidates.learners, windows, judge, spare, suits=suits, time_limit=plan.time_limit):
        trials.append(trial)
        plan.on_trial(trial)
    shares, honest = _weigh(trials, _evidence(trials, actual, score, table, candidates, plan), table, plan.ensemble)
    lost = shares.sum(axis=1) <= 0
    chosen = np.where(lost[None, :, None], spare, _mixed(honest, [trial.forecast for trial in trials]))
    width = _mixed(honest, [trial.width for trial in trials])
    pasts = [window.history for window in windows]
    sizes = np.stack(
        [yardstick(Usual.of(past, plan.horizon).at(plan.horizon), told, _known(past)) for past, told in zip(pasts, width, strict=True)]
    )
    broken = dict.fromkeys(np.unique(table.group[lost]).tolist(), UNSCORED)
    return _Found(tuple(trials), shares, judge(chosen), actual, chosen, cutoffs(windows), sizes, broken)


def _evidence(trials: Sequence[Trial], actual: Floats, score: metrics.Score, table: Table, candidates: Candidates, plan: Plan) -> Evidence:
    """What the trials say. A candidate has a say in a group where it forecast some series of its own; where nothing could be tried, if
    it is trusted."""
    forecast = np.stack([np.where(trial.own[None, :, None], trial.forecast, np.nan) for trial in trials])
    heard = np.stack([np.maximum.reduceat(trial.own, table.group_ptr[:-1]) for trial in trials])
    done = np.array([trial.status == "done" for trial in trials])[:, None]
    untried = ~np.maximum.reduceat(np.isfinite(actual).any((0, 2)), table.group_ptr[:-1])
    able = candidates.suits & (heard | (done & untried & candidates.trusted))
    return Evidence(actual, forecast, score, table.group_ptr, able, candidates.merit, plan.pooled)


def _weigh(trials: Sequence[Trial], evidence: Evidence, table: Table, ensemble: str | None) -> tuple[Floats, Floats]:
    """Share of each candidate in each series, none where no candidate could be judged (series, learners), and what the other windows
    make of the shares of each window (windows, series, learners)."""
    if ensemble is not None:
        return COMBINERS[ensemble](evidence), crossed(COMBINERS[ensemble], evidence)
    errors = np.stack([metrics.per_group(trial.errors, table.group_ptr) for trial in trials])
    errors = np.where(evidence.able & np.isfinite(errors), errors, np.inf)
    weights = np.eye(len(trials))[select(errors)]
    weights[~np.isfinite(errors).any(axis=0)] = 0.0
    shares = weights[table.group]
    return shares, np.broadcast_to(shares, (len(evidence.actual), *shares.shape))


def _mixed(shares: Floats, said: Sequence[Floats | None]) -> Floats:
    """What the candidates say, weighted per window and series; NaN where none that has a share says anything."""
    mixture = Mixture(*next(one.shape for one in said if one is not None)) if any(one is not None for one in said) else None
    if mixture is None:
        return np.full((*shares.shape[:2], 1), np.nan)
    for one, share in zip(said, np.moveaxis(shares, -1, 0), strict=True):
        if one is not None:
            mixture.add(slice(None), one, share)
    return mixture.joined()
