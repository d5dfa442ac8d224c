"""From a table to one forecaster per group: try the candidates, choose or join the best, fit them on everything.

The search sees forecasts, not models: candidates are backtested over the same windows, and what follows works on the
out-of-fold arrays, per group. Only the chosen ones are fitted again, each on the groups that chose it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster import metrics
from forecaster.archive import storable
from forecaster.automl.trials import Trial, run_trials
from forecaster.backtest import Window, actuals, backtest, cutoffs
from forecaster.calibration import Spread, expected
from forecaster.ensembles import COMBINERS, select
from forecaster.protocols import Forecast, Learner, Model
from forecaster.table import Floats, Future, Ints, Table

UNSCORED = "no candidate could be scored: every series is too short for the backtest, or all failed"


@storable
@dataclass(frozen=True, eq=False)
class Member:
    """A learner fitted on the groups that chose it. `groups` are ascending indices into the table's groups."""

    learner: str
    model: Model
    groups: Ints


@storable
@dataclass(frozen=True, eq=False)
class Search:
    """What the search found: everything that a forecast, a leaderboard or a report is made from.

    Args:
        learners: Names of the candidates.
        trials: What became of each, in the same order; empty without a backtest.
        weights: Share of each candidate in the forecast of each group; rows sum to one. (groups, learners)
        errors: Error of the chosen forecast of each series, lower is better; NaN where no window could be scored. (series,)
        members: The fitted candidates.
        baseline: Stands in where a member has no forecast.
        spread: How far off forecasts are, per series and step.
        typical: How far off a seasonal naive forecast of each series would be; without windows, one season ahead. (series,)
        actual: Target values of the windows. (windows, series, horizon)
        chosen: Out-of-fold forecasts of the chosen candidates together. (windows, series, horizon)
        cutoffs: Last known step of each window and series. (windows, series)
        broken: Why a group is not forecast by what it chose. Group index -> reason
    """

    learners: tuple[str, ...]
    trials: tuple[Trial, ...]
    weights: Floats
    errors: Floats
    members: tuple[Member, ...]
    baseline: Model
    spread: Spread
    typical: Floats
    actual: Floats
    chosen: Floats
    cutoffs: Ints
    broken: Mapping[int, str]

    def forecast(self, table: Table, horizon: int, future: Future | None, history: Table | None = None) -> Forecast:
        """Forecast every series of `table`; where no member can, the baseline does and `failed` says why."""
        total, share, failed = np.zeros((len(table), horizon)), np.zeros(len(table)), {}
        for member in self.members:
            rows = np.flatnonzero(np.isin(table.group, member.groups))
            made = member.model.predict(
                horizon, None if history is None else history.take(rows), None if future is None else future.take(rows)
            )
            good = np.isfinite(made.mean).all(axis=1)
            weight = self.weights[table.group[rows[good]], self.learners.index(member.learner)]
            total[rows[good]] += weight[:, None] * made.mean[good]
            share[rows[good]] += weight
            failed.update({int(rows[i]): f"{member.learner}: {why}" for i, why in made.failed.items()})
        bad = (share <= 0) | ~np.isfinite(total).all(axis=1)
        mean = np.divide(total, share[:, None], out=np.zeros_like(total), where=~bad[:, None])
        if bad.any():
            spare = self.baseline.predict(horizon, history, future).mean[bad]
            mean[bad] = np.where(np.isfinite(spare), spare, 0.0)
        return Forecast(mean, failed={int(i): failed.get(int(i)) or self._broken(int(table.group[i])) for i in np.flatnonzero(bad)})

    def _broken(self, group: int) -> str:
        return self.broken.get(group, "no member has a forecast")


@dataclass(frozen=True)
class Plan:
    """How candidates are compared.

    Args:
        horizon: Steps ahead.
        windows: What to compare on; none takes the first candidate as it is.
        metric: Name or callable of what is compared.
        ensemble: Name of a combiner, or None for the single best.
        time_limit: Seconds after which no further candidate is tried.
        on_trial: Called with each trial as it ends.
    """

    horizon: int
    windows: Sequence[Window]
    metric: str | Callable[..., Any] = "nrmse"
    ensemble: str | None = "voting"
    time_limit: float | None = None
    on_trial: Callable[[Trial], None] = lambda trial: None


def search(table: Table, candidates: Mapping[str, Learner], baseline: Learner, plan: Plan) -> Search:
    """Find, for every group of the table, the candidates that forecast it best, and fit them on all of its values.

    Args:
        table: The series.
        candidates: Learners by name.
        baseline: Stands in for a candidate where that has no forecast.
        plan: How to compare them.
    """
    if plan.windows:
        found, typical = _compare(table, candidates, baseline, plan), expected(table, plan.horizon)
        spread = Spread.of(found.actual, found.chosen, typical, table.group_ptr)
    else:
        found, spread = _first(table, candidates, plan), Spread.naive(table, plan.horizon)
        typical = spread.scale
    members, weights, broken = _fit(table, candidates, found.weights)
    return Search(
        tuple(candidates), found.trials, weights, found.errors, members, baseline.fit(table), spread, typical,
        found.actual, found.chosen, found.cutoffs, found.broken | broken,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Found:
    trials: tuple[Trial, ...]
    weights: Floats
    errors: Floats
    actual: Floats
    chosen: Floats
    cutoffs: Ints
    broken: dict[int, str]


def _first(table: Table, candidates: Mapping[str, Learner], plan: Plan) -> _Found:
    """Nothing to compare on: every group takes the first candidate."""
    weights = np.zeros((table.n_groups, len(candidates)))
    weights[:, 0] = 1.0
    empty = np.empty((0, len(table), plan.horizon))
    return _Found((), weights, np.full(len(table), np.nan), empty, empty, np.empty((0, len(table)), np.int64), {})


def _compare(table: Table, candidates: Mapping[str, Learner], baseline: Learner, plan: Plan) -> _Found:
    windows, actual = plan.windows, actuals(plan.windows)
    score = metrics.scorer(metrics.get(plan.metric), metrics.Scale.of(table))
    everyone = np.arange(len(table))

    def judge(forecast: Floats) -> Floats:
        return score(actual, forecast, everyone)

    spare = backtest(baseline, windows).forecast
    trials = []
    for trial in run_trials(candidates, windows, judge, spare, time_limit=plan.time_limit):
        trials.append(trial)
        plan.on_trial(trial)
    weights = _weigh(trials, actual, score, table, plan.ensemble)
    lost = weights.sum(axis=1) <= 0
    chosen = np.where(lost[table.group][None, :, None], spare, _blend(trials, weights, table))
    broken = dict.fromkeys(np.flatnonzero(lost).tolist(), UNSCORED)
    return _Found(tuple(trials), weights, judge(chosen), actual, chosen, cutoffs(windows), broken)


def _weigh(trials: Sequence[Trial], actual: Floats, score: metrics.Score, table: Table, ensemble: str | None) -> Floats:
    """Share of each candidate in each group; none in a group that no candidate could be scored on. (groups, learners)"""
    owns = np.stack([np.maximum.reduceat(trial.own, table.group_ptr[:-1]) for trial in trials])
    if ensemble is not None:
        heard = owns[:, table.group][:, None, :, None]
        forecast = np.where(heard, np.stack([trial.forecast for trial in trials]), np.nan)
        return COMBINERS[ensemble](actual, forecast, score, table.group_ptr)
    errors = np.stack([metrics.per_group(trial.errors, table.group_ptr) for trial in trials])
    errors = np.where(owns & np.isfinite(errors), errors, np.inf)
    weights = np.eye(len(trials))[select(errors)]
    weights[~np.isfinite(errors).any(axis=0)] = 0.0
    return weights


def _blend(trials: Sequence[Trial], weights: Floats, table: Table) -> Floats:
    """The out-of-fold forecasts, weighted per group."""
    total = np.zeros_like(trials[0].forecast)
    for trial, share in zip(trials, weights.T, strict=True):
        per_series = share[table.group][None, :, None]
        total += np.where(per_series > 0, per_series * trial.forecast, 0.0)
    return total


def _fit(table: Table, candidates: Mapping[str, Learner], weights: Floats) -> tuple[tuple[Member, ...], Floats, dict[int, str]]:
    """Fit each candidate on the groups that chose it; one that breaks loses its share there."""
    members, kept, broken = [], weights.copy(), {}
    for column, (name, learner) in enumerate(candidates.items()):
        groups = np.flatnonzero(weights[:, column] > 0)
        if not len(groups):
            continue
        try:
            members.append(Member(name, learner.fit(table.take_groups(groups)), groups))
        except Exception as error:  # one learner that breaks must not cost the groups their forecast
            kept[groups, column] = 0.0
            broken.update(dict.fromkeys(map(int, groups), f"{name}: {type(error).__name__}: {error}"))
    lost = kept.sum(axis=1) <= 0
    total = np.where(lost, 1.0, kept.sum(axis=1))
    return tuple(members), kept / total[:, None], {g: why for g, why in broken.items() if lost[g]}
