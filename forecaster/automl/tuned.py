"""The search for hyperparameters: every group has a tuner of its own, and all groups take their turns together.

In a turn each group asks its tuner for a setting; groups that were proposed the same one are backtested together, so the tried settings
that come first cost one call for a whole block. After each window a group drops a setting that is clearly worse than its best. What a
group gets follows from its own series alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forecaster.automl.attempts import Attempt, fresh, space_of, varied
from forecaster.automl.bench import Bench, Mask
from forecaster.automl.blend import Tailored
from forecaster.automl.budget import Budget
from forecaster.automl.candidates import Candidates
from forecaster.automl.trials import Asides, Seen, Trial, evaluate
from forecaster.backtest import Walk
from forecaster.learners.written import parameters_of
from forecaster.protocols import Learner
from forecaster.table import Floats, Ints
from forecaster.tuning import Asked, Space, Status, Tuner, Tuning

TUNED = "_tuned"
"""What the best setting of a candidate is called: the candidate's name and this."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """What the search found.

    Args:
        attempts: Everything that was tried, in order.
        trials: The best settings, as trials of candidates with names of their own.
        candidates: The candidates that there were, and these.
        recipes: Their settings by group.
    """

    attempts: tuple[Attempt, ...]
    trials: tuple[Trial, ...]
    candidates: Candidates
    recipes: Mapping[str, Tailored]


@dataclass(frozen=True, eq=False)
class _Best:
    """The best setting of a candidate in a group, and what it said in the series of that group."""

    loss: float
    learner: Learner
    fit_seconds: float
    predict_seconds: float
    forecast: Floats
    own: Mask
    asides: Asides


@dataclass(frozen=True, eq=False)
class _Group:
    """The search in one group. `best` has, by candidate, what is better than the candidate as it was."""

    index: int
    tuner: Tuner
    before: Mapping[str, float]
    best: dict[str, _Best] = field(default_factory=dict)


def tune(
    candidates: Candidates,
    trials: Sequence[Trial],
    bench: Bench,
    tuning: Tuning,
    *,
    budget: Budget,
    seed: int = 0,
    target: float | None = None,
    on_trial: Callable[[Attempt], None] = lambda attempt: None,
) -> Tuned:
    """Search for better settings than those of the candidates.

    Args:
        candidates: What was tried already, and what else may be.
        trials: What became of the candidates.
        bench: What settings are compared on.
        tuning: How long to search.
        budget: The time for everything.
        seed: Seed of the proposals.
        target: An error that is good enough.
        on_trial: Called with each attempt as it ends.
    """
    further = candidates.further
    every = candidates if further is None else candidates.joined(further.learners, further.suits, further.merit)
    search = _Search(every.learners, bench, budget, on_trial)
    groups = _groups(every, trials, bench, lambda spaces, best: Tuner(spaces, tuning, seed=seed, best=best, target=target))
    going: Sequence[_Group] = groups
    while going and not budget.spent():
        going = search.turn(going)
    return _told(tuple(search.attempts), candidates, every, groups, bench)


def _groups(
    every: Candidates, trials: Sequence[Trial], bench: Bench, tuner: Callable[[dict[str, Space], list[float]], Tuner]
) -> list[_Group]:
    """The search of every group that has a window and something to vary; what it has to beat is the best trial so far."""
    courses = {trial.learner: _course(trial, bench) for trial in trials if trial.status == "done"}
    spaces = {name: space for name, learner in every.learners.items() if (space := space_of(learner)) is not None}
    spaces |= {name: fresh(space, every.learners[name]) for name, space in spaces.items() if name in courses}
    made = []
    for g in np.flatnonzero(np.isfinite(bench.losses(bench.spare))).tolist():
        mine = {name: spaces[name] for name, fits in zip(every.learners, every.suits[:, g], strict=True) if fits and name in spaces}
        told = {name: course[:, g] for name, course in courses.items() if np.isfinite(course[-1, g])}
        best = min(told.values(), key=lambda losses: float(losses[-1]), default=np.empty(0))
        if mine:
            made.append(_Group(g, tuner(mine, best.tolist()), {name: float(losses[-1]) for name, losses in told.items()}))
    return made


def _course(trial: Trial, bench: Bench) -> Floats:
    """Error of each group over the first 1, 2, ... windows; NaN where the baseline stood in for all of it. (windows, groups)"""
    heard = np.maximum.reduceat(trial.own, bench.group_ptr[:-1])
    return np.stack([np.where(heard, bench.losses(trial.forecast, n), np.nan) for n in range(1, len(bench.windows) + 1)])


class _Search:
    """Takes the turns of groups and keeps the record."""

    def __init__(self, learners: Mapping[str, Learner], bench: Bench, budget: Budget, on_trial: Callable[[Attempt], None]) -> None:
        self.learners, self.bench, self.budget, self.on_trial = learners, bench, budget, on_trial
        self.attempts: list[Attempt] = []

    def turn(self, groups: Sequence[_Group]) -> list[_Group]:
        """One setting more for each group; gives those whose search goes on."""
        asked = [(group, one) for group in groups if (one := group.tuner.ask()) is not None]
        alike: dict[str, list[tuple[_Group, Asked]]] = {}
        for group, one in asked:
            alike.setdefault(repr((one.learner, one.params)), []).append((group, one))
        for members in alike.values():
            self._try(members)
        return [group for group, _ in asked]

    def _try(self, asked: list[tuple[_Group, Asked]]) -> None:
        """Backtest a setting in the groups that were proposed it."""
        name, params = asked[0][1].learner, asked[0][1].params
        bench = self.bench.part(np.array([group.index for group, _ in asked]))
        alive, losses = np.ones(len(asked), bool), [[] for _ in asked]  # type: tuple[Mask, list[list[float]]]

        def goes_on(walk: Walk) -> Mask:
            now = bench.losses(bench.filled(walk.forecast)[0], walk.walked)
            for i in np.flatnonzero(alive).tolist():
                losses[i].append(float(now[i]))
                alive[i] = not asked[i][0].tuner.hopeless(losses[i])
            return alive & (not self.budget.spent(walk.fit_seconds / walk.walked))

        try:
            learner = varied(self.learners[name], params)
            seen = evaluate(learner, bench, goes_on)
        except Exception as error:  # a setting that breaks must not cost the others
            for group, one in asked:
                self._end(group, one, [], "failed", f"{type(error).__name__}: {error}")
            return
        whole = bench.losses(seen.forecast)
        for i, (group, one) in enumerate(asked):
            if seen.windows[i] == len(bench.windows):
                losses[i].append(float(whole[i]))
            self._settle(group, one, losses[i], learner, bench, seen, i)

    def _settle(self, group: _Group, one: Asked, losses: list[float], learner: Learner, bench: Bench, seen: Seen, place: int) -> None:
        """What became of a setting in one of the groups that it was tried in; the best one of its candidate is kept."""
        series = bench.group == place
        seconds = (seen.made.fit_seconds / len(bench.group_ptr[1:]), seen.made.predict_seconds / len(bench.group_ptr[1:]))
        own: Mask = np.any(bench.needed & ~seen.missing, axis=0)[series]
        status, reason = self._status(group, losses, seen.windows[place], own, seen.why(series))
        self._end(group, one, losses, status, reason, seconds)
        best = min(group.before.get(one.learner, np.inf), group.best[one.learner].loss if one.learner in group.best else np.inf)
        if status == "done" and losses[-1] < best:
            self.budget.keep((one.learner, group.index), seconds[0] / len(bench.windows))
            group.best[one.learner] = _Best(losses[-1], learner, *seconds, seen.forecast[:, series], own, Asides.of(seen.made).take(series))

    def _status(self, group: _Group, losses: list[float], windows: int, own: Mask, why: str) -> tuple[str, str]:
        after = f"after {windows} of {len(self.bench.windows)} windows"
        if not own.any():
            return "failed", why
        if windows == len(self.bench.windows):
            return "done", why
        return ("pruned", f"clearly worse {after}") if group.tuner.hopeless(losses) else ("skipped", f"{self.budget.reason} {after}")

    def _end(
        self, group: _Group, one: Asked, losses: list[float], status: str, reason: str, seconds: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Tell the tuner and the record."""
        settled: dict[str, Status] = {"done": "done", "pruned": "pruned", "failed": "failed", "skipped": "pruned"}
        group.tuner.tell(one, losses, settled[status])
        try:
            parameters = parameters_of(varied(self.learners[one.learner], one.params))
        except Exception:  # a setting that the learner refuses
            parameters = json.dumps(one.params)
        attempt = Attempt(group.index, one.learner, parameters, losses[-1] if losses else np.nan, *seconds, len(losses), status, reason)
        self.attempts.append(attempt)
        self.on_trial(attempt)


def _told(attempts: tuple[Attempt, ...], candidates: Candidates, every: Candidates, groups: Sequence[_Group], bench: Bench) -> Tuned:
    """The best settings as candidates of their own."""
    found: dict[str, list[_Group]] = {name: [group for group in groups if name in group.best] for name in every.learners}
    found = {name: mine for name, mine in found.items() if mine}
    suits = np.zeros((len(found), len(bench.group_ptr) - 1), bool)
    for row, mine in zip(suits, found.values(), strict=True):
        row[[group.index for group in mine]] = True
    merit = np.array([every.merit[list(every.learners).index(name)] for name in found], np.float64)
    recipes = {name + TUNED: _tailored([(group.best[name].learner, group.index) for group in mine]) for name, mine in found.items()}
    trials = tuple(_trial(name, mine, bench) for name, mine in found.items())
    return Tuned(attempts, trials, candidates.joined({name + TUNED: every.learners[name] for name in found}, suits, merit), recipes)


def _tailored(settings: Sequence[tuple[Learner, int]]) -> Tailored:
    """Groups by setting."""
    distinct = list(dict.fromkeys(learner for learner, _ in settings))
    groups: list[Ints] = [np.array([g for other, g in settings if other == learner], np.int64) for learner in distinct]
    return Tailored(tuple(distinct), tuple(groups))


def _trial(name: str, groups: Sequence[_Group], bench: Bench) -> Trial:
    """The best settings of a candidate together, as if one candidate had them."""
    forecast, own = np.full_like(bench.spare, np.nan), np.zeros(len(bench.series), bool)
    said, where = [group.best[name] for group in groups], [bench.group == group.index for group in groups]
    for best, series in zip(said, where, strict=True):
        forecast[:, series], own[series] = best.forecast, best.own
    told = Asides.joined(zip(where, (best.asides for best in said), strict=True), bench.spare)
    return Trial(
        name + TUNED, "done", "", sum(one.fit_seconds for one in said), sum(one.predict_seconds for one in said), forecast,
        bench.judge(forecast), own, told, len(bench.windows),
    )  # fmt: skip
