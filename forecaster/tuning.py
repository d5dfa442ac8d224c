"""Hyperparameter search by ask and tell: tried settings first, then Optuna's tree-structured Parzen estimator (extra `tune`).

A `Tuner` proposes; whoever asks evaluates piece by piece (window by window, fold by fold), stops where the tuner says that a proposal
is hopeless, and tells what came. It knows nothing of learners, tables or metrics: names, numbers and losses, less is better.

    tuner = Tuner({"knn": Space({"neighbors": Between(3, 60, log=True)})}, Tuning(trials=20), seed=0)
    while (asked := tuner.ask()) is not None:
        losses = []                      # losses[k]: over the first k + 1 pieces
        for piece in pieces:
            losses.append(evaluate(asked.learner, asked.params, ...))
            if tuner.hopeless(losses):
                break
        tuner.tell(asked, losses, "done" if len(losses) == len(pieces) else "pruned")
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal

from forecaster.errors import MissingExtra, SettingsError, UnknownName

LANDMARKS = 12
"""Tried settings that are asked for at most before any others (azure-semantics B.10)."""

CLEARLY = 0.2
"""A proposal is hopeless where its loss is larger than the best one's, over the same pieces, by this part of it: it would have next to no
weight in an ensemble either."""

AGAIN = 20
"""Proposals that were made before, one after another, after which there is nothing new to try."""

Value = bool | int | float | str | None
Params = dict[str, Value]
Status = Literal["done", "pruned", "failed"]


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`, whole where both are; `log` draws evenly in its logarithm."""

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int if self.whole else int | float) and self.low <= value <= self.high


Range = Between | tuple[Value, ...]  # a tuple is a choice


@dataclass(frozen=True)
class Space:
    """What may be varied of a learner.

    Args:
        ranges: Hyperparameter -> where its values lie: a `Between`, or a tuple of choices.
        tried: Settings that have proved themselves elsewhere, the best first; each has a value for every range.
    """

    ranges: Mapping[str, Range]
    tried: tuple[Mapping[str, Value], ...] = ()

    def __post_init__(self) -> None:
        for setting in self.tried:
            wrong = [name for name, values in self.ranges.items() if name not in setting or setting[name] not in values]
            if wrong or len(setting) != len(self.ranges):
                raise SettingsError(
                    f"a tried setting needs a value within the range of each of {list(self.ranges)}; came {dict(setting)!r}"
                )


@dataclass(frozen=True)
class Tuning:
    """How long to search for hyperparameters; whichever comes first ends it.

    Args:
        trials: Settings to try, beside those that are tried without any search; 0 searches for none, so that `target` alone counts.
        patience: Trials in a row without a better one after which to stop; None goes on.
        target: A score, in the metric's own direction, that is good enough for the candidates of the portfolio, too; None goes on.
    """

    trials: int = 20
    patience: int | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("trials", 0), ("patience", 1)):
            value = getattr(self, name)
            endless = name == "patience" and value is None
            if not (isinstance(value, int) and not isinstance(value, bool) and value >= least) and not endless:
                raise SettingsError(f"tune: {name} should be a whole number, {least} or more, got {value!r}")
        if self.target is not None and not (isinstance(self.target, int | float) and math.isfinite(self.target)):
            raise SettingsError(f"tune: target should be a score, such as 0.1, got {self.target!r}")

    @property
    def searches(self) -> bool:
        """Whether anything is varied at all."""
        return self.trials > 0

    @classmethod
    def of(cls, told: Any) -> Tuning:
        """From a number of trials, or a mapping of the fields.

        Raises:
            UnknownName: a key does not exist.
            SettingsError: it is neither.
        """
        if isinstance(told, cls):
            return told
        if isinstance(told, int) and not isinstance(told, bool):
            return cls(told)
        if not isinstance(told, Mapping):
            raise SettingsError(f"tune: expected a number of trials, or {{trials, patience, target}}, got {told!r}")
        for key in told:
            if key not in (known := cls.__dataclass_fields__):
                raise UnknownName.of("option of tune", key, known)
        return cls(**told)


def wanted(told: Any) -> Tuning | None:
    """The option `tune` of a job as `Tuning.of` reads it; None for no search."""
    return None if told is None else Tuning.of(told)


@dataclass(frozen=True, eq=False)
class Asked:
    """A proposal: the setting `params` of a learner. `number` counts from 0."""

    number: int
    learner: str
    params: Params
    handle: Any = field(repr=False)


class Tuner:
    """Proposes settings of several learners.

    What the n-th proposal is follows from the seed and from what was told of those before it, never from how many may follow: a longer
    search begins with a shorter one.

    Args:
        spaces: What may be varied, by learner.
        tuning: When to stop.
        seed: Seed of the proposals.
        best: Losses over the first 1, 2, ... pieces of the best that is known without any search; empty for none.
        target: A loss that is good enough, in place of the score of `tuning`.

    Raises:
        MissingExtra: Optuna is not installed.
    """

    def __init__(
        self, spaces: Mapping[str, Space], tuning: Tuning, *, seed: int = 0, best: Sequence[float] = (), target: float | None = None
    ) -> None:
        self.spaces, self.tuning, self.target = dict(spaces), tuning, target
        self.best, self.asked, self.idle, self._empty = tuple(best), 0, 0, not spaces
        self._study = _study(seed)
        self._known: dict[tuple[Any, ...], tuple[Sequence[float], Status]] = {}
        rounds = zip_longest(*([(name, setting) for setting in space.tried] for name, space in self.spaces.items()))
        for name, setting in [one for each in rounds for one in each if one is not None][:LANDMARKS]:
            self._study.enqueue_trial({"learner": name} | {f"{name}.{key}": value for key, value in setting.items()})

    @property
    def over(self) -> str:
        """Why the search is over; empty while it goes on."""
        limit = self.tuning
        if self._empty:
            return "there was nothing new to try"
        if self.best and self.target is not None and self.best[-1] <= self.target:
            return f"the target of {limit.target} was reached"
        if limit.patience is not None and self.idle >= limit.patience:
            return f"{limit.patience} trials in a row were no better"
        return f"{limit.trials} trials were made" if self.asked >= limit.trials else ""

    def ask(self) -> Asked | None:
        """The next proposal, one that was not made before; None where the search is over."""
        if self.over:
            return None
        for _ in range(AGAIN):
            trial = self._study.ask()
            name = str(trial.suggest_categorical("learner", list(self.spaces)))
            params = {key: _drawn(trial, f"{name}.{key}", values) for key, values in self.spaces[name].ranges.items()}
            if (told := self._known.get(_key(name, params))) is None:
                self.asked += 1
                return Asked(self.asked - 1, name, params, trial)
            self._record(trial, *told)
        self._empty = True
        return None

    def hopeless(self, losses: Sequence[float]) -> bool:
        """Whether a proposal is clearly worse than the best one over the pieces that it was evaluated on so far.

        Args:
            losses: Over the first 1, 2, ... pieces.
        """
        if not losses or len(losses) > len(self.best):
            return False
        best = self.best[len(losses) - 1]
        return math.isfinite(best) and not losses[-1] <= best + CLEARLY * abs(best)

    def tell(self, asked: Asked, losses: Sequence[float], status: Status = "done") -> None:
        """What became of a proposal.

        Args:
            asked: What was evaluated.
            losses: Over the first 1, 2, ... pieces, as many as were evaluated.
            status: "done" with all pieces, "pruned" with some, "failed" where it has no loss.
        """
        status = status if losses and math.isfinite(losses[-1]) else "failed"
        self._known[_key(asked.learner, asked.params)] = (losses, status)
        self._record(asked.handle, losses, status)
        better = status == "done" and not (self.best and self.best[-1] <= losses[-1])
        self.idle = 0 if better else self.idle + 1
        if better:
            self.best = tuple(losses)

    def _record(self, trial: Any, losses: Sequence[float], status: Status) -> None:
        from optuna.trial import TrialState

        for piece, loss in enumerate(losses if status != "failed" else ()):
            trial.report(loss, piece)
        state = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[status]
        self._study.tell(trial, losses[-1] if status == "done" else None, state)


def _study(seed: int) -> Any:
    """A study of Optuna that keeps everything in memory and says nothing."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtra.of("the search for hyperparameters (tune=)", error.name, "tune") from error
    loudness = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.NopPruner())
    finally:
        optuna.logging.set_verbosity(loudness)


def _drawn(trial: Any, name: str, values: Range) -> Value:
    if not isinstance(values, Between):
        drawn: Value = trial.suggest_categorical(name, values)
        return drawn
    if values.whole:
        return int(trial.suggest_int(name, int(values.low), int(values.high), log=values.log))
    return float(trial.suggest_float(name, values.low, values.high, log=values.log))


def _key(learner: str, params: Params) -> tuple[Any, ...]:
    return learner, *sorted(params.items())
