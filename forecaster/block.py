"""One call fits all groups of a block: the data is checked, candidates are compared, and the chosen ones are fitted on everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from forecaster import guardrails, learners, metrics
from forecaster.automl.candidates import Candidates, baseline_name, choose
from forecaster.automl.demands import least_known, sampled, testable
from forecaster.automl.search import Plan, Search, search
from forecaster.backtest import Window
from forecaster.fitted import Fitted, floor
from forecaster.learners import cleaned
from forecaster.learners.cleaned import Cleaned
from forecaster.profile import Measured
from forecaster.progress import Tried
from forecaster.schema import Schema
from forecaster.settings import Settings
from forecaster.table import Table
from forecaster.threads import limited

if TYPE_CHECKING:
    from forecaster.features.frame import Shown


def fit_block(
    frame: pa.Table, settings: Settings, group: tuple[str, ...] = (), *, on_trial: Callable[[Tried], None] = lambda trial: None
) -> Fitted:
    """Fit all groups of a block in one call.

    Args:
        frame: Rows of the block.
        settings: The options of the job.
        group: Partition columns: one model per value; none for one model over all series.
        on_trial: Called after each learner that was tried.
    """
    started, since = time.perf_counter(), time.monotonic()
    table, findings = check(frame, settings, group)
    fitted = fit_table(table, findings, settings, settings.schema_of(group), on_trial=on_trial, since=since)
    return replace(fitted, search=fitted.search.settled(), seconds=time.perf_counter() - started)


def fit_table(
    table: Table,
    findings: guardrails.Findings,
    settings: Settings,
    schema: Schema,
    *,
    on_trial: Callable[[Tried], None] = lambda trial: None,
    since: float | None = None,
) -> Fitted:
    """Fit all groups of a table that was checked.

    Args:
        table: The series.
        findings: What the guardrails saw in them.
        settings: The options of the job.
        schema: Which column of the data plays which part.
        on_trial: Called after each learner that was tried.
        since: From when the time limit counts, by `time.monotonic`; from now where None.
    """
    started, since = time.perf_counter(), time.monotonic() if since is None else since
    settings.design.expect(table)
    if settings.clean:
        findings = findings + cleaned.told(table, settings.clean)
    candidates = _candidates(table, settings)
    windows, told = cut(table, candidates, settings)
    found = _searched(table, candidates, windows, settings, on_trial, since)
    return Fitted(
        options=settings.as_dict(),
        schema=schema,
        table=table.tail(max(2 * settings.horizon, 4 * table.season_length, 60)),
        rows=table.sizes,
        search=found,
        findings=findings + told + fallen_back(table, found, findings, schema.target),
        fallback=found.failed,
        seconds=time.perf_counter() - started,
        floor=floor(table, settings.lower_bound),
        greater_is_better=metrics.get(settings.metric).greater_is_better,
        profile={} if schema.group else Measured(table),
    )


def _candidates(table: Table, settings: Settings) -> Candidates:
    """The learners to try, which see the table without what is to be cleaned away."""
    made = choose(
        table, settings.named_learners, settings.block, settings.design,
        transforms=settings.target_transform, tune=settings.tune is not None and settings.tune.searches,
        across=settings.pooling == "block" and table.n_groups > 1, threads=settings.threads, seed=settings.seed,
    )  # fmt: skip
    made = made if settings.backtest is None else testable(made, table, settings.horizon, settings.backtest)
    return made.wrapped(lambda one: Cleaned(one, settings.clean)) if settings.clean else made


def _searched(
    table: Table, candidates: Candidates, windows: list[Window], settings: Settings, on_trial: Callable[[Tried], None], since: float
) -> Search:
    """What was found when the candidates were compared, and fitted where they were chosen."""
    plan = Plan(
        settings.horizon, windows, settings.metric, settings.ensemble,
        time_limit=settings.time_limit, started=since, tune=settings.tune, seed=settings.seed,
        pooled=settings.pooling == "block", on_trial=on_trial,
    )  # fmt: skip
    try:
        with limited(settings.threads):
            return search(table, candidates, learners.make(baseline_name(table)), plan)
    finally:
        learners.forget()


def fallen_back(table: Table, search: Search, seen: guardrails.Findings, target: str) -> guardrails.Findings:
    """What keeps the learners from a series, but for those that are quarantined, of which a finding tells already.

    Args:
        table: The series.
        search: What was found for them.
        seen: What the guardrails saw.
        target: Name of the target.
    """
    found, quarantined = guardrails.Findings(), seen.quarantined(len(table))
    concerned: dict[str, list[int]] = {}
    broken = search.blend.broken
    of_groups = {i: broken[group] for i, group in enumerate(table.group.tolist()) if group in broken} if broken else {}
    for i, why in sorted((of_groups | dict(search.failed)).items()):
        if not quarantined[i]:
            concerned.setdefault(why, []).append(i)
    for why, which in concerned.items():
        found.add(
            rule="fallback", action="noted", series={name: values[which] for name, values in table.ids.items()}, index=which, column=target,
            count=table.sizes[which], message=f"a baseline forecasts it: {why}",
        )  # fmt: skip
    return found


def cut(table: Table, candidates: Candidates, settings: Settings) -> tuple[list[Window], guardrails.Findings]:
    """The windows of the backtest, and what of the table the candidates are not tested or trained on."""
    findings = sampled(candidates.learners.values(), table)
    if (rolling := settings.backtest) is None:
        return [], findings
    least = least_known(candidates, table, settings.horizon)
    least = np.minimum(least, rolling.length or least)
    windows = rolling.split(table, settings.horizon, least)
    return windows, findings + rolling.shortfalls(table, windows, settings.horizon, least)


def check(frame: pa.Table, settings: Settings, group: tuple[str, ...] = ()) -> tuple[Table, guardrails.Findings]:
    """The table of a frame, and what the guardrails saw and mended."""
    table, findings = guardrails.check(
        frame, settings.schema_of(group),
        freq=settings.freq, season_length=settings.season_length, horizon=settings.horizon, aggregate=settings.aggregate,
    )  # fmt: skip
    return table if settings.pooling == "group" else replace(table, met={}), findings  # a label that any group has met is known to all


def feature_rows(table: Table, settings: Settings, *, every: bool = False, nulls: bool = True) -> Shown:
    """The training matrix of the job by columns; with `every`, also rows that learners are not given."""
    from forecaster.features.frame import Shown

    return Shown.of(table, settings.design.fit(table), every=every, nulls=nulls, threads=settings.threads)
