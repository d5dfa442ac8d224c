"""Which learners are tried: those asked for, or a portfolio for the data at hand."""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import count
from typing import Any

from forecaster.ensembles import FINAL
from forecaster.errors import SettingsError
from forecaster.features.design import Design
from forecaster.features.targets import transform_of
from forecaster.learners import build, name_of
from forecaster.learners.transformed import Transformed
from forecaster.protocols import Learner
from forecaster.table import Table


def baseline_name(table: Table) -> str:
    """The forecast that everything else has to beat: the last season, or the last value where there is no season."""
    return "seasonal_naive" if table.season_length > 1 else "naive"


def portfolio(table: Table) -> tuple[str, ...]:
    """Names to try where the user named none, the cheap ones first.

    They follow from the rhythm alone: what is tried for a group must not depend on the groups that share its block.
    """
    seasonal = ("seasonal_average",) if table.season_length > 1 else ()
    return (baseline_name(table), *seasonal, "average", "drift", "elastic_net", "lightgbm")


def choose(
    table: Table, named: Sequence[Any], block: Sequence[str], design: Design, *, transforms: Sequence[Any] = (), threads: int, seed: int
) -> dict[str, Learner]:
    """The learners to try, by name.

    Args:
        named: Names, {name: options} or learner objects; empty for the portfolio. Those of one name are numbered.
        block: Names to leave out, in whatever way they were named.
        design: The feature matrix that pooled learners are given.
        transforms: What these see of the target, the first applied first; see `targets.transform_of`.

    Raises:
        SettingsError: nothing is left to try, or a name alone is there twice.
    """
    wanted = named or portfolio(table)
    left = [one for one in wanted if name_of(one) not in block]
    if not left:
        raise SettingsError(f"no learner is left to try: learners={list(wanted)!r} and block={list(block)!r}; name another in learners")
    plain = [one for one in left if isinstance(one, str)]
    if twice := sorted({name for name in plain if plain.count(name) > 1}):
        raise SettingsError(f"learners={list(wanted)!r} holds {twice[0]!r} twice; name it once, or with other options each time")
    made: dict[str, Learner] = {}
    for one in left:
        made[_free(name_of(one), made)] = build(one, design=design, season_length=table.season_length, threads=threads, seed=seed)
    for name in FINAL:
        if name in made:
            raise SettingsError(f"a learner may not be called {name!r}, which is what the final forecast is called; rename {made[name]!r}")
    return {name: _transformed(learner, transforms, table.season_length) for name, learner in made.items()}


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
