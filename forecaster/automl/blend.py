"""The chosen learners together: each fitted on the groups that chose it, their forecasts weighed series by series."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable, under
from forecaster.backtest import OutOfFold, apart
from forecaster.ensembles import added
from forecaster.protocols import Forecast, Learner, Model
from forecaster.table import Floats, Future, Ints, Table
from forecaster.yardstick import told_width

UNSCORED = "no candidate could be scored: every series is too short for the backtest, or all failed"


@storable
@dataclass(frozen=True, eq=False)
class Member:
    """A learner fitted on the groups that chose it. `series` are ascending indices into the table's series."""

    learner: str
    model: Model = field(metadata=under("learner", rows="series"))
    series: Ints

    def groups(self, table: Table) -> Ints:
        """The groups of its series, ascending; `table` is the one that it was chosen on."""
        return np.unique(table.group[self.series])


@dataclass(frozen=True, eq=False)
class Joined:
    """What the members say together.

    Args:
        mean: Point forecasts, never NaN. (series, horizon)
        width: Mean absolute deviation that the members' own quantiles tell; NaN where none has any. (series, horizon)
        failed: Why the baseline forecasts a series. Series index -> reason
    """

    mean: Floats
    width: Floats
    failed: dict[int, str]


@storable
@dataclass(frozen=True, eq=False)
class Blend:
    """The members and their shares.

    Args:
        learners: Names of the candidates.
        members: The fitted ones.
        shares: Share of each candidate in the forecast of each series; rows sum to one. (series, learners)
        baseline: Stands in where no member has a forecast.
        broken: Why a group is not forecast by what it chose. Group index -> reason
    """

    learners: tuple[str, ...]
    members: tuple[Member, ...]
    shares: Floats
    baseline: Model
    broken: Mapping[int, str]

    def ahead(
        self, table: Table, horizon: int, future: Future | None, history: Table | None = None, alive: NDArray[np.bool_] | None = None
    ) -> Joined:
        """Forecast every series of `table`; where no member can, the baseline does and `failed` says why.

        The baseline may need more of the history than the members, so it is not asked for series without any value (`alive`), which are
        zero.
        """
        mean, width, failed = Mixture(len(table), horizon), Mixture(len(table), horizon), {}
        for member in self.members:
            rows = member.series
            made = member.model.predict(
                horizon, None if history is None else history.take(rows), None if future is None else future.take(rows)
            )
            share = self.shares[rows, self.learners.index(member.learner)]
            mean.add(rows, made.mean, share)
            if (said := width_of(made)) is not None:
                width.add(rows, said, share)
            failed.update({int(rows[i]): f"{member.learner}: {why}" for i, why in made.failed.items()})
        joined = mean.joined()
        bad = ~np.isfinite(joined).all(axis=1)
        joined[bad] = 0.0
        if (asked := bad if alive is None else bad & alive).any():
            spare = self.baseline.predict(horizon, history, future).mean[asked]
            joined[asked] = np.where(np.isfinite(spare), spare, 0.0)
        why = {i: failed.get(i) or self.broken.get(int(table.group[i]), "no member has a forecast") for i in np.flatnonzero(bad).tolist()}
        return Joined(joined, width.joined(), why)


class Mixture:
    """A weighted mean that is added up part by part: rows of a part that are not finite have no say."""

    def __init__(self, *shape: int) -> None:
        self.total, self.share = np.zeros(shape), np.zeros(shape[:-1])

    def add(self, rows: Ints | slice, values: Floats, share: Floats) -> None:
        """Add a part. (rows, steps), (rows,)"""
        good = np.isfinite(values).all(axis=-1) & (share > 0)
        self.total[rows] += np.where(good[..., None], share[..., None] * values, 0.0)
        self.share[rows] += np.where(good, share, 0.0)

    def joined(self) -> Floats:
        """The mean; NaN where nothing was added."""
        share = np.where(self.share > 0, self.share, np.nan)
        return np.asarray(self.total / share[..., None])


def width_of(forecast: Forecast | OutOfFold) -> Floats | None:
    """Mean absolute deviation that the quantiles of a forecast tell; None where it has less than two."""
    return None if forecast.quantiles is None or len(forecast.levels) < 2 else told_width(forecast.levels, forecast.quantiles)


@dataclass(frozen=True, eq=False)
class Tailored:
    """A candidate with settings of its own for each group.

    Args:
        learners: One per setting.
        groups: Ascending indices of the groups that have it.
    """

    learners: tuple[Learner, ...]
    groups: tuple[Ints, ...]


Recipe = Learner | Tailored


def fitted(table: Table, learners: Mapping[str, Recipe], shares: Floats, baseline: Learner, until: float | None) -> Blend:
    """Fit each candidate on the groups that chose it, the weightiest first; one that breaks, or that comes too late where another is
    there already, loses its share.

    Args:
        table: All values.
        learners: The candidates by name.
        shares: Share of each in each series. (series, learners)
        baseline: Stands in where no member has a forecast.
        until: When the time is up, by `time.monotonic`.
    """
    members: dict[int, list[Member]] = {}
    kept, broken, served = shares.copy(), {}, np.zeros(table.n_groups, bool)
    wanted = np.maximum.reduceat(shares > 0, table.group_ptr[:-1])
    names, order = list(learners), np.argsort(-added(shares, 0), kind="stable").tolist()
    for column, learner, groups in ((c, *part) for c in order for part in _settings(learners[names[c]], np.flatnonzero(wanted[:, c]))):
        late = served[groups] & (until is not None and time.monotonic() > until)
        kept[np.isin(table.group, groups[late]), column] = 0.0
        if late.all():
            continue
        taught = np.arange(table.n_groups) if learner.traits.across else groups[~late]
        for part, made in _taught(table, names[column], learner, taught):
            if isinstance(made, Member):
                members.setdefault(column, []).append(made)
                served[np.intersect1d(part, groups)] = True
            else:
                kept[np.isin(table.group, part), column] = 0.0
                broken.update(dict.fromkeys(np.intersect1d(part, groups).tolist(), made))
    total = added(kept, 1)
    lost = np.logical_and.reduceat(total <= 0, table.group_ptr[:-1])
    kept /= np.where(total > 0, total, 1.0)[:, None]
    left = {g: why for g, why in broken.items() if lost[g]}
    return Blend(tuple(learners), tuple(one for column in sorted(members) for one in members[column]), kept, baseline.fit(table), left)


def _taught(table: Table, name: str, learner: Learner, groups: Ints) -> Iterator[tuple[Ints, Member | str]]:
    """Groups with the learner fitted on them, or why it is not; where it breaks, fewer are taken at a time: none must cost another its
    forecast."""
    try:
        model = learner.fit(table.take_groups(groups))
    except Exception as error:
        parts = [] if learner.traits.across else apart(groups)
        for part in parts:
            yield from _taught(table, name, learner, part)
        if not parts:
            yield groups, f"{name}: {type(error).__name__}: {error}"
    else:
        yield groups, Member(name, model, np.flatnonzero(np.isin(table.group, groups)))


def _settings(recipe: Recipe, groups: Ints) -> Iterator[tuple[Learner, Ints]]:
    """The learners of a candidate, and the groups among some that each is for."""
    if not isinstance(recipe, Tailored):
        yield recipe, groups
        return
    for learner, own in zip(recipe.learners, recipe.groups, strict=True):
        yield learner, np.intersect1d(own, groups)
