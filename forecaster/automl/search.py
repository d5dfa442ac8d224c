"""From a table to one forecaster per group: try the candidates, choose or join the best, fit them on everything.

The search sees forecasts, not models: candidates are backtested over the same windows, and what follows works on the
out-of-fold arrays, per group. Only the chosen ones are fitted again, each on the groups that chose it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster import metrics
from forecaster.archive import storable
from forecaster.automl.attempts import Attempt
from forecaster.automl.bench import Bench
from forecaster.automl.blend import UNSCORED, Blend, Joined, Mixture, Recipe, fitted
from forecaster.automl.budget import Budget
from forecaster.automl.candidates import Candidates
from forecaster.automl.portfolio import Profile
from forecaster.automl.sized import Sized
from forecaster.automl.trials import Asides, Trial, run_trials
from forecaster.automl.tuned import Tuned, tune
from forecaster.backtest import Window, cutoffs
from forecaster.calibration import Spread
from forecaster.ensembles import COMBINERS, Evidence, crossed, select, weigh
from forecaster.growth import paired
from forecaster.guardrails.survey import Survey
from forecaster.learners import name_of
from forecaster.metrics.segments import total
from forecaster.progress import Tried
from forecaster.protocols import Learner
from forecaster.table import Floats, Ints, Table
from forecaster.tuning import Tuning
from forecaster.yardstick import APART, Usual, yardstick

ALIKE = 20
"""After so many values that all are alike, the next one is something else in less than one of twenty cases (rule of succession): the
forecast of such a series has no interval."""


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
        further: What the chosen candidates together said of the horizon after each window, where a later one scores it; NaN elsewhere,
            no windows once the fit is over. (windows, series, horizon)
        attempts: What became of each setting that the search for hyperparameters tried.
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
    further: Floats
    attempts: tuple[Attempt, ...] = ()

    @property
    def learners(self) -> tuple[str, ...]:
        """Names of the candidates."""
        return self.blend.learners

    def settled(self) -> Search:
        """The same without what nobody needs once the fit is over."""
        return replace(self, further=self.further[:0])

    def bands(self, ahead: Joined) -> Sized:
        """How far off a forecast of any number of steps is to be expected to be."""
        return Sized(self.spread, yardstick(self.usual.at(ahead.mean.shape[1]), ahead.width, self.known))

    def without(self, window: int, forecast: Floats, group_ptr: Ints) -> Sized:
        """How far off out-of-fold forecasts are in a window, learnt from all others. (windows, series, horizon)"""
        others = [v for v in range(len(forecast)) if v != window]
        made = Sized.of(self.actual[others], forecast[others], self.sizes[others], self.sizes[window], group_ptr)
        return replace(made, spread=made.spread.silenced(self.spread.scale == 0))


@dataclass(frozen=True)
class Plan:
    """How candidates are compared.

    Args:
        horizon: Steps ahead.
        windows: What to compare on; none takes the first candidate that suits, or what is expected to be good where that is known.
        metric: Name or callable of what is compared.
        ensemble: Name of a combiner, or None for the single best.
        time_limit: Seconds for the trials and the last fit.
        started: Since when they count, by `time.monotonic`; since the search began where None.
        tune: How long to search for hyperparameters; None does not.
        seed: Seed of that search.
        pooled: Whether the weights of a group may learn from the other groups.
        on_trial: Called with each trial, and each attempt of the search, as it ends.
    """

    horizon: int
    windows: Sequence[Window]
    metric: str | Callable[..., Any] = "nrmse"
    ensemble: str | None = "voting"
    time_limit: float | None = None
    started: float | None = None
    tune: Tuning | None = None
    seed: int = 0
    pooled: bool = False
    on_trial: Callable[[Tried], None] = lambda trial: None


def search(table: Table, candidates: Candidates | Mapping[str, Learner], baseline: Learner, plan: Plan) -> Search:
    """Find, for every group of the table, the candidates that forecast it best, and fit them on all of its values.

    Args:
        table: The series.
        candidates: Learners by name, and which groups they suit.
        baseline: Stands in for a candidate where that has no forecast.
        plan: How to compare them.
    """
    budget = Budget(plan.time_limit, plan.started)
    tried = candidates if isinstance(candidates, Candidates) else Candidates.of(candidates, table)
    found = _compare(table, tried, baseline, plan, budget) if plan.windows else _unseen(table, tried, plan)
    blend = fitted(table, found.recipes or tried.learners, found.shares, baseline, budget.until)
    ahead = blend.ahead(table, plan.horizon, None)
    usual, known = Usual.of(table, plan.horizon), known_values(table)
    now = yardstick(usual.at(plan.horizon), ahead.width, known)
    sizes = np.clip(found.sizes[..., : plan.horizon], now / APART, now * APART)
    spread = Sized.of(found.actual, found.chosen, sizes, now, table.group_ptr).spread
    told = paired(found.actual, found.chosen, found.further, found.cutoffs, found.sizes)
    return Search(
        trials=tuple(replace(trial, asides=None) for trial in found.trials),
        blend=replace(blend, broken=found.broken | dict(blend.broken)),
        weights=metrics.per_group(blend.shares.T, table.group_ptr).T,
        errors=found.errors,
        actual=found.actual,
        chosen=found.chosen,
        cutoffs=found.cutoffs,
        sizes=sizes,
        usual=usual,
        known=known,
        spread=spread.widened_by(*told, table.group_ptr).silenced(unchanging(table)),
        further=found.further,
        failed={i: found.broken.get(int(table.group[i]), why) for i, why in ahead.failed.items()},
        attempts=found.attempts,
    )


def _expected(past: Table, width: Floats, horizon: int) -> Floats:
    """How far off forecasts are expected to be at a cutoff, in the horizon and the one after it. (series, 2 * horizon)"""
    return yardstick(Usual.of(past, horizon).at(2 * horizon), width, known_values(past))


def known_values(table: Table) -> Floats:
    """Known values of each series. (series,)"""
    return total(np.isfinite(table.target).astype(np.float64), table.indptr)


def unchanging(table: Table) -> NDArray[np.bool_]:
    """Series that are the same from beginning to end, for long enough to believe that they stay so. (series,)"""
    seen = Survey.of(table.target, table.indptr)
    return np.asarray((seen.known >= ALIKE) & (seen.lowest == seen.highest), bool)


@dataclass(frozen=True, eq=False)
class _Found:
    trials: tuple[Trial, ...]
    shares: Floats
    errors: Floats
    actual: Floats
    chosen: Floats
    cutoffs: Ints
    further: Floats
    sizes: Floats
    broken: dict[int, str]
    attempts: tuple[Attempt, ...] = ()
    recipes: Mapping[str, Recipe] = field(default_factory=dict)


def _unseen(table: Table, candidates: Candidates, plan: Plan) -> _Found:
    """Nothing to compare on."""
    empty, ends = np.empty((0, len(table), plan.horizon)), np.empty((0, len(table)), np.int64)
    shares = _expected_shares(table, candidates, candidates.suits, plan)
    return _Found((), shares, np.full(len(table), np.nan), empty, empty, ends, empty, np.empty((0, len(table), 2 * plan.horizon)), {})


def _expected_shares(table: Table, candidates: Candidates, able: NDArray[np.bool_], plan: Plan) -> Floats:
    """Share of each candidate where there is nothing to compare on: every group takes the first candidate that is able, or those that are
    expected to be good. (series, learners)

    Args:
        able: Which learners may have a share in which group. (learners, groups)
    """
    if candidates.trusted and plan.ensemble is not None:
        empty = np.empty((0, len(table), plan.horizon))
        said = np.empty((len(candidates.learners), *empty.shape))
        score = metrics.scorer(metrics.get(plan.metric), metrics.Scale.of(table))
        return weigh(Evidence(empty, said, score, table.group_ptr, able, candidates.merit))
    first = able & (np.cumsum(able, axis=0) == 1)
    return np.asarray(first.T[table.group], np.float64)


def _compare(table: Table, candidates: Candidates, baseline: Learner, plan: Plan, budget: Budget) -> _Found:
    bench = Bench.of(table, plan.windows, baseline, plan.metric)
    trials, tuned = _tried(table, candidates, bench, plan, budget)
    evidence = _evidence(trials, bench, table, tuned.candidates, plan)
    shares, honest = _weigh(trials, evidence, table, plan.ensemble, name_of(baseline))
    unseen = _untested(table, bench)[table.group] & (shares.sum(axis=1) <= 0)
    shares = np.where(unseen[:, None], _expected_shares(table, tuned.candidates, _done(trials, tuned.candidates), plan), shares)
    lost = shares.sum(axis=1) <= 0
    chosen = np.where(lost[None, :, None], bench.spare, _mixed(honest, [trial.forecast for trial in trials], bench.actual.shape))
    asides = [trial.asides or Asides() for trial in trials]
    further = _mixed(honest, [said.further for said in asides], chosen.shape)
    width = _mixed(honest, [said.width for said in asides], chosen.shape)
    further_width = _mixed(honest, [said.further_width for said in asides], chosen.shape)
    widths = np.concatenate([width, further_width], axis=-1)
    pasts = [window.history for window in plan.windows]
    sizes = np.stack([_expected(past, told, plan.horizon) for past, told in zip(pasts, widths, strict=True)])
    broken = dict.fromkeys(np.unique(table.group[lost]).tolist(), budget.reason if budget.spent() else _unscored(trials))
    recipes: dict[str, Recipe] = {**candidates.learners, **tuned.recipes}
    errors, ends = bench.judge(chosen), cutoffs(plan.windows)
    return _Found(tuple(trials), shares, errors, bench.actual, chosen, ends, further, sizes, broken, tuned.attempts, recipes)


def _unscored(trials: Sequence[Trial]) -> str:
    """Why no candidate could be scored: what the first one says, where all have failed."""
    why = next((f"every candidate failed; {trial.learner}: {trial.reason}" for trial in trials), UNSCORED)
    return why if all(trial.status == "failed" for trial in trials) else UNSCORED


def _tried(table: Table, candidates: Candidates, bench: Bench, plan: Plan, budget: Budget) -> tuple[list[Trial], Tuned]:
    """The trials of the candidates, and of the better settings that were found of them."""
    suits = {name: fits[table.group] for name, fits in zip(candidates.learners, candidates.suits, strict=True)}
    sign = -1.0 if metrics.get(plan.metric).greater_is_better else 1.0
    target = None if plan.tune is None or plan.tune.target is None else sign * plan.tune.target
    trials = []
    for trial in run_trials(candidates.learners, bench, suits=suits, budget=budget, target=target):
        trials.append(trial)
        plan.on_trial(trial)
    if plan.tune is None or not plan.tune.searches:
        return trials, Tuned((), (), candidates, {})
    tuned = tune(candidates, trials, bench, plan.tune, budget=budget, seed=plan.seed, target=target, on_trial=plan.on_trial)
    return [*trials, *tuned.trials], tuned


def _untested(table: Table, bench: Bench) -> NDArray[np.bool_]:
    """Groups of which no window has a value. (groups,)"""
    return np.asarray(~np.maximum.reduceat(np.isfinite(bench.actual).any((0, 2)), table.group_ptr[:-1]), np.bool_)


def _done(trials: Sequence[Trial], candidates: Candidates) -> NDArray[np.bool_]:
    """Which candidates came to their end, in the groups that they suit. (learners, groups)"""
    return np.asarray(candidates.suits & np.array([trial.status == "done" for trial in trials])[:, None], np.bool_)


def _evidence(trials: Sequence[Trial], bench: Bench, table: Table, candidates: Candidates, plan: Plan) -> Evidence:
    """What the trials say. A candidate has a say in a group where it forecast some series of its own; where nothing could be tried, if
    it is trusted."""
    forecast = np.stack([np.where(trial.own[None, :, None], trial.forecast, np.nan) for trial in trials])
    heard = np.stack([np.maximum.reduceat(trial.own, table.group_ptr[:-1]) for trial in trials])
    able = (candidates.suits & heard) | (_done(trials, candidates) & _untested(table, bench) & candidates.trusted)
    profile = Profile(table)
    informed = candidates.informed if profile.covariates else None
    return Evidence(bench.actual, forecast, bench.score, table.group_ptr, able, candidates.merit, plan.pooled, profile.sparse, informed)


def _weigh(trials: Sequence[Trial], evidence: Evidence, table: Table, ensemble: str | None, baseline: str) -> tuple[Floats, Floats]:
    """Share of each candidate in each series, none where no candidate could be judged (series, learners), and what the other windows
    make of the shares of each window (windows, series, learners)."""
    if ensemble is not None:
        return COMBINERS[ensemble](evidence), crossed(COMBINERS[ensemble], evidence)
    told = np.stack([trial.errors for trial in trials])
    told = np.where(np.isinf(told).all(axis=0), np.nan, told)  # a series that nobody can forecast tells nothing of its group's learners
    errors = metrics.per_group(told, table.group_ptr)
    errors = np.where(evidence.able & np.isfinite(errors), errors, np.inf)
    weights = np.eye(len(trials))[_winners(errors, [trial.learner for trial in trials], baseline)]
    weights[~np.isfinite(errors).any(axis=0)] = 0.0
    shares = weights[table.group]
    return shares, np.broadcast_to(shares, (len(evidence.actual), *shares.shape))


def _winners(errors: Floats, names: Sequence[str], baseline: str) -> Ints:
    """The best candidate of each group; where the baseline is one of them, another has to beat it by a margin. (groups,)"""
    return select(errors, baseline=names.index(baseline)) if baseline in names else select(errors, margin=0.0)


def _mixed(shares: Floats, said: Sequence[Floats | None], shape: tuple[int, ...]) -> Floats:
    """What the candidates say, weighted per window and series; NaN where none that has a share says anything. (windows, series, horizon)"""
    mixture = Mixture(*shape)
    for one, share in zip(said, np.moveaxis(shares, -1, 0), strict=True):
        if one is not None:
            mixture.add(slice(None), one, share)
    return mixture.joined()
