"""Series that a job was not fitted on: what its pooled learners learnt forecasts them, and where there is none, the baseline does.

Nothing is fitted again but the baseline. A newcomer has the shares of its group among the members that can forecast it, and intervals as
wide as its group's, in the size that is to be expected of its own values (azure-semantics B.8).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from forecaster import learners
from forecaster.automl.blend import Blend, Member
from forecaster.automl.candidates import baseline_name
from forecaster.automl.search import known_values
from forecaster.calibration import Spread
from forecaster.errors import DataError
from forecaster.fitted import Fitted, floor
from forecaster.guardrails import Findings
from forecaster.guardrails.newer import note_unseen
from forecaster.metrics import Scale
from forecaster.protocols import adopted
from forecaster.table import Table
from forecaster.yardstick import Usual

NO_GROUP = "{count} {row is|rows are} of a series whose group the job was not fitted on, and passed over; fit again to have it forecast"
NO_VALUE = "{count} {row is|rows are} of a series without any known value, and passed over"


def newcomers(fitted: Fitted, table: Table) -> tuple[list[Fitted], Findings]:
    """The job over series that it was not fitted on, one fitted job per group.

    Args:
        fitted: The job.
        table: The series, with the categories of the job's table.

    Returns:
        What forecasts them, and findings that say what that is; series of groups that the job does not know are passed over.
    """
    made, findings = [], Findings()
    known = known_values(table) > 0
    note_unseen(table.take(~known), NO_VALUE, findings)
    table = table.take(known)
    places = {label: g for g, label in enumerate(_labels(fitted.table))}
    for label, (first, last) in zip(_labels(table), pairwise(table.group_ptr.tolist()), strict=True):
        mine = table.take(np.arange(first, last))
        if label not in places:
            note_unseen(mine, NO_GROUP, findings)
            continue
        met = {name: labels.take(np.array([places[label]])) for name, labels in fitted.table.met.items()}
        one = _of_group(fitted, replace(mine, met=met).all_familiar(), places[label])
        used = [name for name, share in zip(one.search.learners, one.search.weights[0], strict=True) if share > 0]
        why = "pooled, which learnt from the others" if used else "the baseline, as no pooled learner was chosen"
        by = ", ".join(used) or baseline_name(mine)
        note_unseen(mine, f"{{count}} {{row is|rows are}} of a series that the job was not fitted on; forecast by {by} ({why})", findings)
        made.append(one)
    return made, findings


def forecast(one: Fitted, future: pa.Table | None, horizon: int | None) -> pa.Table:
    """Forecast newcomers; where the future has no row of any of them, their last known covariates stand for it."""
    try:
        ahead, _ = one.look_ahead(future, horizon)
    except DataError:  # anything else was refused already, when the same rows were read for the series that the job knows
        ahead, _ = one.look_ahead(None, horizon)
    return one.forecast(ahead)


def _labels(table: Table) -> list[tuple[object, ...]]:
    """The values of the partition columns of each group."""
    columns = [values.tolist() for values in table.groups.values()]
    return list(zip(*columns, strict=True)) if columns else [()] * table.n_groups


def _of_group(fitted: Fitted, table: Table, group: int) -> Fitted:
    search = fitted.search
    blend = _blend(fitted, table, group)
    search = replace(
        search, trials=(), attempts=(), blend=blend, weights=blend.shares[:1], errors=np.full(len(table), np.nan), failed={},
        usual=_usual(search.usual, table, group), known=known_values(table), spread=_spread(search.spread, len(table), group),
    )  # fmt: skip
    bound = floor(table, fitted.options["lower_bound"])
    return replace(
        fitted, table=table, rows=table.sizes, search=search, findings=Findings(), fallback={}, floor=bound, profile={}, moved=False
    )


def _blend(fitted: Fitted, table: Table, group: int) -> Blend:
    """The members that can forecast series of the group that they were not fitted on, with the shares that they have in it."""
    blend, weights, members = fitted.search.blend, fitted.search.weights[group], []
    shares = np.zeros(len(blend.learners))
    for member in blend.members:
        column, groups = blend.learners.index(member.learner), member.groups(fitted.table)
        if group not in groups or not weights[column]:
            continue
        if (model := adopted(member.model, int(np.searchsorted(groups, group)), table)) is not None:
            shares[column] = weights[column]
            members.append(Member(member.learner, model, np.arange(len(table))))
    shares /= shares.sum() or 1.0
    baseline = learners.make(baseline_name(table)).fit(table)
    return Blend(blend.learners, tuple(members), np.tile(shares, (len(table), 1)), baseline, {})


def _usual(usual: Usual, table: Table, group: int) -> Usual:
    """What a seasonal naive forecast would be off: by the series' own differences, growing as in their group."""
    return replace(usual, first=Scale.of(table).mae, group=np.zeros(len(table), np.int64), grown=usual.grown[[group]])


def _spread(spread: Spread, series: int, group: int) -> Spread:
    """The spread of a typical series of the group."""
    alive = spread.scale[(spread.group == group) & (spread.scale > 0)]
    scale = float(np.exp(np.log(np.maximum(alive, 1e-12)).mean())) if len(alive) else 0.0
    told = (spread.profile[[group]], spread.table[[group]], spread.widening[[group]])
    return Spread(np.full(series, scale), np.zeros(series), np.zeros(series, np.int64), *told)
