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
from forecaster.automl.trials import Judge, Trial, run_trials
from forecaster.backtest import RollingOrigin, Window, backtest
from forecaster.calibration import Spread
from forecaster.ensembles import COMBINERS
from forecaster.protocols import Forecast, Learner, Model
from forecaster.table import Floats, Future, Ints, Table


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
    actual: Floats
    chosen: Floats
    cutoffs: Ints
    broken: Mapping[int, str]

    def forecast(self, table: Table, horizon: int, future: Future | None, history: Table | None = None) -> Forecast:
        """Forecast every series of `table`; where no member can, the baseline does and `failed` says why."""
        total = np.zeros((len(table), horizon))
        share = np.zeros(len(table))
        failed: dict[int, str] = {}
        for member in self.members:
            _add(member, self.weights[:, self.learners.index(member.learner)], table, horizon, future, history, total, share, failed)
        bad = (share <= 0) | ~np.isfinite(total).all(axis=1)
        mean = np.divide(total, share[:, None], out=np.zeros_like(total), where=~bad[:, None])
        if bad.any():
            spare = self.baseline.predict(horizon, history, future).mean[bad]
            mean[bad] = np.where(np.isfinite(spare), spare, 0.0)
        reasons = {int(i): failed.get(int(i), self.broken.get(int(table.group[i]), "no member has a forecast")) for i in np.flatnonzero(bad)}
        return Forecast(mean, failed=reasons)


@dataclass(frozen=True)
class Plan:
    """How candidates are compared.

    Args:
        horizon: Steps ahead.
        rolling: The windows to compare on; None takes the first candidate as it is.
        metric: Name or callable of what is compared.
        ensemble: Name of a combiner, or None for the single best.
        time_limit: Seconds after which no further candidate is tried.
        on_trial: Called with each trial as it ends.
    """

    horizon: int
    rolling: RollingOrigin | None
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
    windows = plan.rolling.split(table, plan.horizon) if plan.rolling is not None else []
    if windows:
        found = _compare(table, candidates, baseline, windows, plan)
        spread = Spread.of(found.actual, found.chosen, metrics.Scale.of(table).mae, table.group_ptr)
    else:
        found = _first(table, candidates, plan)
        spread = Spread.naive(table, plan.horizon)
    members, weights, broken = _fit(table, candidates, found.weights)
    return Search(
        tuple(candidates), found.trials, weights, found.errors, members, baseline.fit(table), spread,
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


def _compare(table: Table, candidates: Mapping[str, Learner], baseline: Learner, windows: Sequence[Window], plan: Plan) -> _Found:
    actual = np.stack([window.actual for window in windows])
    judge = judge_by(plan.metric, actual, table)
    spare = backtest(baseline, windows, plan.horizon).forecast
    trials = []
    for trial in run_trials(candidates, windows, plan.horizon, judge, spare, time_limit=plan.time_limit):
        trials.append(trial)
        plan.on_trial(trial)
    weights, broken = _weigh(trials, table, judge, plan.ensemble)
    chosen = np.where(weights.sum(axis=1)[table.group][None, :, None] > 0, _blend(trials, weights, table), spare)
    return _Found(tuple(trials), weights, judge(chosen), actual, chosen, np.stack([window.cutoff for window in windows]), broken)


def judge_by(metric: str | Callable[..., Any], actual: Floats, table: Table) -> Judge:
    """A function from forecasts to one error per series: the mean over its windows, lower is better."""
    score = metrics.scorer(metrics.get(metric), metrics.Scale.of(table))
    series = np.arange(len(table))

    def judge(forecast: Floats) -> Floats:
        return score(actual, forecast, series)

    return judge


def _weigh(trials: Sequence[Trial], table: Table, judge: Judge, ensemble: str | None) -> tuple[Floats, dict[int, str]]:
    """Share of each candidate in each group; a group that no candidate could be scored on has none and keeps the baseline."""
    errors = np.stack([metrics.per_group(np.where(trial.own.any(), trial.errors, np.nan), table.group_ptr) for trial in trials])
    owns = np.stack([np.maximum.reduceat(trial.own, table.group_ptr[:-1]) for trial in trials])
    errors = np.where(owns & np.isfinite(errors), errors, np.inf)
    combine = COMBINERS[ensemble or "best"]
    weights = combine(np.stack([trial.forecast for trial in trials]), errors, judge, table.group_ptr)
    unscored = ~np.isfinite(errors).any(axis=0)
    weights[unscored] = 0.0
    reasons = "too short for any window of the backtest, or no candidate could forecast it; the baseline does"
    return weights, dict.fromkeys(map(int, np.flatnonzero(unscored)), reasons)


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


def _add(
    member: Member, shares: Floats, table: Table, horizon: int, future: Future | None, history: Table | None,
    total: Floats, share: Floats, failed: dict[int, str],
) -> None:  # fmt: skip
    """Add the member's part to the series of its groups; a series that it cannot forecast is left to the others."""
    rows = np.flatnonzero(np.isin(table.group, member.groups))
    made = member.model.predict(horizon, None if history is None else history.take(rows), None if future is None else future.take(rows))
    good = np.isfinite(made.mean).all(axis=1)
    weight = shares[table.group[rows[good]]]
    total[rows[good]] += weight[:, None] * made.mean[good]
    share[rows[good]] += weight
    failed.update({int(rows[i]): f"{member.learner}: {why}" for i, why in made.failed.items()})
