"""Which learners are tried: those asked for, or a portfolio for the data at hand."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.automl.portfolio import PORTFOLIO, SEARCHED, Profile, merit_of
from forecaster.ensembles import FINAL
from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.features.targets import transform_of
from forecaster.learners import build, is_installed, name_of
from forecaster.learners.across import Across, as_one, labels_of
from forecaster.learners.transformed import Transformed
from forecaster.protocols import Learner
from forecaster.table import Floats, Table

BLOCK = "_block"
"""What a candidate that is fitted once over all groups of a block is called: the candidate's name and this."""


def baseline_name(table: Table) -> str:
    """The forecast that everything else has to beat: the last season, or the last value where there is no season."""
    return "seasonal_naive" if table.season_length > 1 else "naive"


@dataclass(frozen=True, eq=False)
class Candidates:
    """The learners to try.

    Args:
        learners: By name.
        suits: Which groups each is tried for. (learners, groups)
        merit: Logarithm of the error to expect of each against the others. (learners,)
        trusted: Whether a group without any backtest is forecast by what is expected of them.
        further: Learners that only a search for hyperparameters tries.
    """

    learners: dict[str, Learner]
    suits: NDArray[np.bool_]
    merit: Floats
    trusted: bool = False
    further: Candidates | None = None

    @classmethod
    def of(cls, learners: Mapping[str, Learner], table: Table) -> Candidates:
        """All learners for all groups."""
        merit = np.array([merit_of(name) for name in learners], np.float64)
        middle = float(np.median(merit[np.isfinite(merit)])) if np.isfinite(merit).any() else 0.0
        return cls(dict(learners), np.ones((len(learners), table.n_groups), bool), np.where(np.isfinite(merit), merit, middle))

    @property
    def informed(self) -> NDArray[np.bool_]:
        """Which see covariates. (learners,)"""
        return np.array([one.traits.covariates for one in self.learners.values()], np.bool_)

    def wrapped(self, wrap: Callable[[Learner], Learner]) -> Candidates:
        """The same candidates, each within another learner."""
        further = None if self.further is None else self.further.wrapped(wrap)
        return replace(self, learners={name: wrap(one) for name, one in self.learners.items()}, further=further)

    def joined(self, learners: Mapping[str, Learner], suits: NDArray[np.bool_], merit: Floats) -> Candidates:
        """These and more: by name, the groups that each suits (learners, groups), and what to expect (learners,)."""
        return replace(
            self, learners={**self.learners, **learners}, suits=np.concatenate([self.suits, suits]), merit=np.append(self.merit, merit)
        )


def choose(
    table: Table,
    named: Sequence[Any],
    block: Sequence[str],
    design: Design,
    *,
    transforms: Sequence[Any] = (),
    tune: bool = False,
    across: bool = False,
    threads: int,
    seed: int,
) -> Candidates:
    """The learners to try, by name.

    Args:
        named: Names, {name: options} or learner objects; empty for the portfolio. Those of one name are numbered.
        block: Names to leave out, in whatever way they were named.
        design: The feature matrix that pooled learners are given.
        transforms: What these see of the target, the first applied first; see `targets.transform_of`.
        across: Whether pooled learners are also tried over all groups at once.
        tune: Whether there is to be a search for hyperparameters, which has more learners to try where none was named.

    Raises:
        SettingsError: nothing is left to try, or a name alone is there twice.
    """

    def made(one: Any) -> Learner:
        learner = build(one, design=design, season_length=table.season_length, threads=threads, seed=seed)
        return _transformed(learner, transforms, table.season_length)

    if named:
        by_name = _by_name(named, block, made)
        found = Candidates.of(by_name, table)
        return _with_twins(found, Candidates.of(by_name, _joined(table))) if across else found
    found = _portfolio(table, block, made, alone=not transforms)
    found = _with_twins(found, _portfolio(_joined(table), block, made, alone=not transforms)) if across else found
    return replace(found, further=_searched(table, block, made)) if tune else found


def _by_name(named: Sequence[Any], block: Sequence[str], made: Callable[[Any], Learner]) -> dict[str, Learner]:
    """The learners that were asked for."""
    left = [one for one in named if name_of(one) not in block]
    if not left:
        raise _nothing_left(named, block)
    plain = [one for one in left if isinstance(one, str)]
    if twice := sorted({name for name in plain if plain.count(name) > 1}):
        raise SettingsError(f"learners={list(named)!r} holds {twice[0]!r} twice; name it once, or with other options each time")
    by_name: dict[str, Learner] = {}
    for one in left:
        by_name[_free(name_of(one), by_name)] = made(one)
    if taken := [name for name in FINAL if name in by_name]:
        told = f"which is what the final forecast is called; rename {by_name[taken[0]]!r}"
        raise SettingsError(f"a learner may not be called {taken[0]!r}, {told}")
    return by_name


def _joined(table: Table) -> Table:
    return as_one(table, labels_of(table))


def _with_twins(found: Candidates, joined: Candidates) -> Candidates:
    """The candidates, and those that are pooled over all groups at once, by names of their own.

    Args:
        found: What suits the groups one by one.
        joined: What suits them as one group.
    """
    pooled = [i for i, learner in enumerate(joined.learners.values()) if learner.traits.pooled]
    names = list(joined.learners)
    twins = {names[i] + BLOCK: Across(joined.learners[names[i]]) for i in pooled}
    return found.joined(twins, np.ones((len(twins), found.suits.shape[1]), bool), joined.merit[pooled])


def _portfolio(table: Table, block: Sequence[str], made: Callable[[Any], Learner], alone: bool) -> Candidates:
    """What suits the groups of the table; a candidate that suits none is not tried, nor one with a transform that is not `alone`."""
    profile, season = Profile(table), table.season_length
    wanted = {name: entry for name, entry in PORTFOLIO.items() if not {entry.learner, entry.around} & set(block)}
    fitting = {name: (entry, entry.suits(profile)) for name, entry in wanted.items() if alone or entry.transform is None}
    fitting = {name: (entry, suits) for name, (entry, suits) in fitting.items() if suits.any()}
    if not fitting:
        raise _nothing_left(list(PORTFOLIO), block)
    learners: dict[str, Learner] = {}
    for name, (entry, _) in fitting.items():
        learner = made(entry.recipe(season))
        learners[name] = learner if entry.transform is None else Transformed(learner, transform_of(entry.transform, season))
    suits = np.stack([suits for _, suits in fitting.values()])
    return Candidates(learners, suits, np.array([entry.merit for entry, _ in fitting.values()]), trusted=True)


def _searched(table: Table, block: Sequence[str], made: Callable[[Any], Learner]) -> Candidates:
    """What only a search tries: learners that are too dear to be tried everywhere, as far as they are installed."""
    profile = Profile(table)
    suits = {name: suits(profile) for name, suits in SEARCHED.items() if name not in block}
    learners = {name: made(name) for name, fits in suits.items() if fits.any() and is_installed(name)}
    found = Candidates.of(learners, table)
    return replace(found, suits=np.array([suits[name] for name in learners], bool).reshape(found.suits.shape))


def _nothing_left(wanted: Sequence[Any], block: Sequence[str]) -> SettingsError:
    return SettingsError(f"no learner is left to try: learners={list(wanted)!r} and block={list(block)!r}; name another in learners")


def _free(name: str, taken: Container[str]) -> str:
    """The name, numbered where others of its kind came before: ridge, ridge_2 ..."""
    return next(one for n in count(1) if (one := name if n == 1 else f"{name}_{n}") not in taken)


def _transformed(learner: Learner, transforms: Sequence[Any], season_length: int) -> Learner:
    """A pooled learner on the transformed target; a learner of single series takes the target as it is."""
    if not learner.traits.pooled:
        return learner
    for one in reversed(transforms):
        learner = Transformed(learner, transform_of(one, season_length))
    return learner
