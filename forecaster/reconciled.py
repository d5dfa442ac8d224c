"""A fitted job whose forecasts add up: levels of sums are fitted like any other groups, and what they say is reconciled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster import metrics, rolling
from forecaster.archive import storable
from forecaster.automl.search import Search, known_values
from forecaster.automl.sized import Sized
from forecaster.block import check, fit_block, fit_table
from forecaster.calibration import Spread
from forecaster.ensembles import RECONCILED
from forecaster.errors import DataError, UnknownName
from forecaster.fitted import Fitted, floor
from forecaster.growth import paired
from forecaster.guardrails import Findings, check_future
from forecaster.guardrails.newer import check_newer, note_unseen
from forecaster.hierarchy.aggregation import aligned, future_of, nodes_of
from forecaster.hierarchy.joint import Joint
from forecaster.hierarchy.out_of_fold import Windows, values_after
from forecaster.hierarchy.plan import LEVEL, Hierarchy
from forecaster.hierarchy.reconcile import Reconciler, bounded
from forecaster.hierarchy.tree import Tree
from forecaster.metrics.segments import along
from forecaster.progress import Tried
from forecaster.schema import Schema
from forecaster.settings import Settings
from forecaster.table import Floats, Future, Ints, Table
from forecaster.yardstick import MOST, Usual, over


@storable
@dataclass(frozen=True, eq=False)
class Reconciled:
    """A fitted job over all levels of a hierarchy.

    Args:
        base: The levels that were trained, one group each, before anything is made to add up.
        whole: All nodes: their last values, and their out-of-fold forecasts that add up.
        series: The end of every series, from which futures of nodes are made.
        tree: Which series make up which node.
        plan: What was asked for.
        method: How forecasts are made to add up.
        reconciler: Makes forecasts add up.
        joint: How far all nodes are off together; None without a backtest.
    """

    base: Fitted
    whole: Fitted
    series: Table
    tree: Tree
    plan: Hierarchy
    method: str
    reconciler: Reconciler
    joint: Joint | None

    @property
    def schema(self) -> Schema:
        return self.whole.schema

    @property
    def options(self) -> Mapping[str, Any]:
        return self.base.options

    @property
    def findings(self) -> Findings:
        return self.base.findings

    @property
    def rows(self) -> Ints:
        return self.base.rows

    @property
    def seconds(self) -> float:
        return self.base.seconds

    @property
    def greater_is_better(self) -> bool:
        return self.base.greater_is_better

    def predict(self, future: pa.Table | None = None, horizon: int | None = None) -> pa.Table:
        """Forecast every node: level, keys, time, "forecast" and one column per quantile."""
        return self.forecast(self.look_ahead(future, horizon)[0])

    def look_ahead(self, future: pa.Table | None = None, horizon: int | None = None) -> tuple[Future, Findings]:
        """The known covariates of the steps ahead, of the nodes that were trained, and what the guardrails saw in those of the series."""
        steps = self.base.steps(horizon)
        ahead, found = check_future(self._with_keys(future), self.series, self.base.schema, steps, aggregate=self.options.get("aggregate"))
        return future_of(ahead, self.series, self.tree, self.plan.trained(self.tree.levels), self.plan.sums), found

    def moved(self, rows: pa.Table) -> tuple[Reconciled, Findings]:
        """The job that goes on from newer history, and what the guardrails saw in it.

        Args:
            rows: All rows up to now, as they would be given to fit.

        Raises:
            DataError: A series is missing in them, or ends earlier.
        """
        schema = replace(self.schema, series=tuple(self.series.ids))
        known = replace(self.series, static={name: codes for name, codes in self.series.static.items() if name not in self.series.ids})
        begin = self.whole.begin[self.tree.upper :]
        newer, others, found = check_newer(rows, known, schema, begin=begin, aggregate=self.options.get("aggregate"))
        note_unseen(others, "{count} {row is|rows are} of a series that is no part of the hierarchy, and passed over; fit again", found)
        series, more = aligned(_with_own_static(newer, self.options["static"]), self.base.steps(None))
        nodes = nodes_of(series, self.tree, range(len(self.tree.levels)), self.plan.sums)
        base = replace(self.base, table=nodes.take_groups(self.plan.trained(self.tree.levels)), moved=True)
        return replace(self, base=base, whole=replace(self.whole, table=nodes), series=series), found + more

    def forecast(self, ahead: Future) -> pa.Table:
        """Forecast every node for all steps of a future."""
        base = _at(self.tree.nodes(self.plan.trained(self.tree.levels)), self.base.expect(ahead), len(self.tree))
        series = bounded(self.reconciler.series(base), self.whole.floor[self.tree.upper :], bool(self.options["integer"]))
        return self.whole.told_ahead(self.tree.add_up(series), self.joint or self.whole.search.spread)

    def roll(self, rows: pa.Table, horizon: int | None = None, step: int | None = None) -> pa.Table:
        """Forecast every node from one origin after the other, each time with the actual values up to there.

        Args:
            rows: All rows, as they would be given to fit, with the actual values after those that it was fitted on.
            horizon: Steps ahead of each origin; those that it was fitted for where None.
            step: Steps from one origin to the next, at most the horizon; the horizon where None.

        Raises:
            SettingsError: The step is below 1 or above the horizon, or no row is newer.
            DataError: As `moved`.
        """
        newer, steps = self.moved(rows)[0], self.base.steps(horizon)
        trained = self.plan.trained(self.tree.levels)

        def forecast(left: Ints) -> pa.Table:
            gone = int(left.max())  # all nodes end together
            at = replace(
                newer, base=replace(newer.base, table=newer.base.table.drop_last(gone)), series=newer.series.drop_last(gone),
                whole=replace(newer.whole, table=newer.whole.table.drop_last(gone)),
            )  # fmt: skip
            known = rolling.known_after(newer.series, np.full(len(newer.series), gone), steps)
            return at.forecast(future_of(known, at.series, self.tree, trained, self.plan.sums))

        everyone = np.ones(len(self.tree), bool)
        return rolling.from_each(newer.whole.table, self.whole.table.end, everyone, forecast, steps=steps, stride=step)

    def history(self) -> pa.Table:
        """The kept end of every node: level, keys, time and target."""
        return self.whole.history()

    def backtest(self, final: bool = True) -> pa.Table:
        """Out-of-fold forecasts of every candidate at the levels that were trained, and those that add up, at all levels."""
        return pa.concat_tables([self.base.backtest(final=False), self.whole.backtest()], promote_options="default")

    def leaderboard(self) -> pa.Table:
        """One row per candidate, one for the ensemble before and one after its forecasts were made to add up, on the same nodes."""
        board = self.base.leaderboard()
        if not board.num_rows:
            return board
        errors = self.whole.search.errors[self.tree.nodes(self.plan.trained(self.tree.levels))]
        score = float(np.nanmean(errors)) if np.isfinite(errors).any() else None
        score = score if score is None or not self.greater_is_better else -score
        row = {"learner": RECONCILED, "score": score, "fit_seconds": 0.0, "predict_seconds": 0.0, "status": "done", "reason": self.method}
        joined = pa.concat_tables([board, pa.Table.from_pylist([row | {"rank": 0}], board.schema)])
        joined = joined.sort_by([("score", "descending" if self.greater_is_better else "ascending")])
        return joined.set_column(joined.schema.get_field_index("rank"), "rank", pa.array(np.arange(1, joined.num_rows + 1)))

    def trials(self) -> pa.Table:
        """One row per candidate or setting that was tried at a level."""
        return self.base.trials()

    def selected(self) -> pa.Table:
        """One row per level that was trained: level, learner, members with their weights, score."""
        return self.base.selected()

    def outcomes(self) -> pa.Table:
        """One row per level that was trained: level, status, learner, score, seconds, rows, error_type, error."""
        return self.base.outcomes()

    def profiled(self) -> pa.Table:
        """What every node that was trained is like: level, keys and measures."""
        return self.base.profiled()

    def found(self) -> pa.Table:
        """The findings: level, keys, column, rule, count, first, action, message."""
        return self.findings.frame(self.schema)

    def _with_keys(self, future: pa.Table | None) -> pa.Table | None:
        """Rows of a future with the columns of the levels, which follow from those of the series."""
        missing = [name for name in self.series.ids if future is not None and name not in future.column_names]
        series = [name for name in self.options["series"] if name not in missing]
        if future is None or not missing or not series:
            return future
        known = pa.table({name: self.series.ids[name] for name in (*series, *missing)})
        plain = [(name, pa.array(self.series.ids[name][:1]).type) for name in series]
        for name, kind in plain:
            future = future.set_column(future.column_names.index(name), name, _like(future[name], kind, name))
        return future.join(known, keys=series, join_type="left outer")


def fit(frame: pa.Table, settings: Settings, *, on_trial: Callable[[Tried], None] = lambda trial: None) -> Fitted | Reconciled:
    """Fit a job, with or without a hierarchy.

    Args:
        frame: Rows of the data.
        settings: The options of the job.
        on_trial: Called after each learner that was tried.

    Raises:
        DataError: a series belongs to two nodes of a level.
        UnknownName: a column of a level is not in the data.
        SettingsError: a level is called like one that is always there.
    """
    if (plan := settings.hierarchy) is None:
        return fit_block(frame, settings, on_trial=on_trial)
    started, since = time.perf_counter(), time.monotonic()
    settings = _with_series(settings, frame)
    series, tree, findings = _series(frame, settings, plan)
    trained = plan.trained(tree.levels)
    nodes = nodes_of(series, tree, range(len(tree.levels)), plan.sums)
    schema = settings.schema_of()
    schema = replace(schema, series=(LEVEL, *schema.series))
    base = fit_table(nodes.take_groups(trained), _moved(findings, tree, trained), settings, schema, on_trial=on_trial, since=since)
    made = _reconciled(base, series, nodes, tree, plan, settings)
    return replace(made, base=replace(base, search=base.search.settled(), seconds=time.perf_counter() - started))


def trained(frame: pa.Table, settings: Settings) -> tuple[Table, bool]:
    """The table that learners are trained on, and whether its rows are those of the frame as they came."""
    if (plan := settings.hierarchy) is None:
        table, findings = check(frame, settings)
        return table, findings.untouched
    series, tree, _ = _series(frame, _with_series(settings, frame), plan)
    return nodes_of(series, tree, plan.trained(tree.levels), plan.sums), False


def _with_series(settings: Settings, frame: pa.Table) -> Settings:
    """The settings; where the series columns were left at a default that the data lacks, those of the hierarchy tell the series apart."""
    default = Settings.model_fields["series"].default
    absent = settings.series == default and not set(default) & set(frame.column_names)
    return settings.model_copy(update={"series": settings.hierarchy.columns}) if absent and settings.hierarchy else settings


def _series(frame: pa.Table, settings: Settings, plan: Hierarchy) -> tuple[Table, Tree, Findings]:
    """The table of the series, all with the same end, and their nodes."""
    for name in plan.columns:
        if name not in frame.column_names:
            raise UnknownName.of("column of the data", name, frame.column_names, "The option hierarchy= asks for it.")
    table, findings = check(frame, settings)
    _refuse_torn(table, settings.series)
    table, more = aligned(_with_own_static(table, settings.static), settings.horizon)
    return table, Tree.of(table.ids, plan.tree(settings.series)), findings + more


def _with_own_static(table: Table, static: Sequence[str]) -> Table:
    """The table with the columns of the levels that are static covariates too."""
    own = [name for name in static if name in table.ids]
    codes = {name: np.unique(table.ids[name].astype(str), return_inverse=True) for name in own}
    return replace(
        table,
        static={**table.static, **{name: code.astype(np.float32) for name, (_, code) in codes.items()}},
        categories={**table.categories, **{name: tuple(labels.tolist()) for name, (labels, _) in codes.items()}},
    )


def _refuse_torn(table: Table, series: tuple[str, ...]) -> None:
    """Refuse series that belong to two nodes of a level."""
    keys = list(zip(*(table.ids[name].tolist() for name in series), strict=True))
    if len(set(keys)) == len(keys):
        return
    first: dict[Any, int] = {}
    for i, key in enumerate(keys):
        if (other := first.setdefault(key, i)) != i:
            raise DataError(
                f"the series {', '.join(f'{n}={v}' for n, v in zip(series, key, strict=True))} has rows in two places of the hierarchy: "
                f"{table.label(other)} and {table.label(i)}; give every series one, or name the column that varies in series="
            )


def _moved(findings: Findings, tree: Tree, trained: tuple[int, ...]) -> Findings:
    """Findings of series as those of the nodes that were trained."""
    n = tree.node.shape[1]
    last = len(tree.levels) - 1
    place = len(tree.nodes(trained)) - n + np.arange(n) if last in trained else np.full(n, -1)
    return findings.renumbered(place.astype(np.int64))


def _reconciled(base: Fitted, series: Table, nodes: Table, tree: Tree, plan: Hierarchy, settings: Settings) -> Reconciled:
    """Make the out-of-fold forecasts of a fitted job add up, and learn from them how those of the future will."""
    usual, score = Usual.of(nodes, settings.horizon), metrics.scorer(metrics.get(settings.metric), metrics.Scale.of(nodes))
    windows = _windows(base, series, nodes, tree, plan, settings, usual).best(score)
    chosen, tested = windows.reconciled(), len(windows.base) > 0
    residuals = windows.actual - chosen
    # a node that was the same all along is off where others lend it something
    usual = replace(usual, first=np.fmax(usual.first, along(along(np.abs(residuals)), 0) / MOST))
    sizes = usual.at(2 * settings.horizon)
    further = _further(windows, base.search.further, tree.nodes(plan.trained(tree.levels)))
    spread = _spread(windows, chosen, further, sizes) if tested else Spread.naive(nodes, settings.horizon)
    whole = replace(
        base, options={**base.options, "ensemble": RECONCILED}, table=nodes.tail(base.table.sizes.max()), rows=nodes.sizes,
        search=_found(base.search, windows, chosen, score, spread, usual),
        findings=Findings(), fallback={}, profile={}, floor=floor(nodes, settings.lower_bound),
    )  # fmt: skip
    joint = Joint.of(tree, spread, usual, over(residuals, sizes[:, : settings.horizon]), settings.seed) if tested else None
    kept = series.tail(base.table.sizes.max())
    return Reconciled(base, whole, kept, tree, plan, windows.plan.reconcile, windows.reconciler(range(len(windows.base))), joint)


def _found(search: Search, windows: Windows, chosen: Floats, score: metrics.Score, spread: Spread, usual: Usual) -> Search:
    """What the search found, of all nodes, with the forecasts that add up as what was chosen."""
    nodes, sizes = len(windows.tree), usual.at(windows.actual.shape[2])
    return replace(
        search.settled(), trials=(), blend=replace(search.blend, members=(), broken={}), weights=search.weights[:0], spread=spread,
        sizes=np.broadcast_to(sizes, chosen.shape), usual=usual, known=known_values(windows.nodes), failed={},
        actual=windows.actual, chosen=chosen, cutoffs=_cutoffs(windows),
        errors=score(windows.actual, chosen, np.arange(nodes)) if len(chosen) else np.full(nodes, np.nan),
    )  # fmt: skip


def _further(windows: Windows, said: Floats, trained: Ints) -> Floats:
    """What was said of the horizon after each window, made to add up; NaN in windows in which some node has nothing there, or that
    have other nodes than a later one: what stands in for them is another forecast, not one from further away.

    Args:
        windows: What was said in the windows.
        said: What was said of the horizon after, of the nodes that were trained. (windows, trained, horizon)
        trained: These nodes.

    Returns:
        (windows, nodes, horizon)
    """
    nodes = np.full(windows.base.shape, np.nan)
    nodes[:, trained] = said
    within, after = np.asarray(np.isfinite(windows.base).all(2)), np.asarray(np.isfinite(nodes).all(2))
    for w in range(len(nodes)):
        if (within[w:] != after[w]).any():
            nodes[w] = np.nan
    return windows.reconciled(nodes)


def _spread(windows: Windows, chosen: Floats, further: Floats, sizes: Floats) -> Spread:
    """How far off forecasts that add up are, in the sizes that are usual.

    Args:
        windows: What was said and what came.
        chosen: Out-of-fold forecasts that add up. (windows, nodes, horizon)
        further: Those of the horizon after each window; NaN where there is none. (windows, nodes, horizon)
        sizes: How far off a seasonal naive forecast would be. (nodes, 2 * horizon)
    """
    (count, nodes, horizon), ptr = chosen.shape, windows.tree.ptr
    every = np.broadcast_to(sizes, (count, nodes, 2 * horizon))
    spread = Sized.of(windows.actual, chosen, every[..., :horizon], sizes[:, :horizon], ptr).spread
    return spread.widened_by(*paired(windows.actual, chosen, further, _cutoffs(windows), every), ptr)


def _cutoffs(windows: Windows) -> Ints:
    """Last known steps of all nodes. (windows, nodes)"""
    return np.repeat(windows.cutoff[:, None], len(windows.tree), axis=1)


def _windows(base: Fitted, series: Table, nodes: Table, tree: Tree, plan: Hierarchy, settings: Settings, usual: Usual) -> Windows:
    """What was said and what came in the backtest, of all nodes."""
    search, rows = base.search, tree.nodes(plan.trained(tree.levels))
    gap = settings.backtest.gap if settings.backtest else 0
    cutoff = search.cutoffs.min(axis=1, initial=series.end.max())
    actual = values_after(nodes, cutoff, search.actual.shape[2], gap)
    actual[:, rows] = search.actual
    said = np.full(actual.shape, np.nan)
    said[:, rows] = np.where(np.isfinite(search.actual), search.chosen, np.nan)
    least, typical = floor(series, settings.lower_bound), usual.at(settings.horizon).mean(1)
    return Windows(plan, tree, series, nodes, cutoff, actual, said, typical**2 * np.pi / 2, least, settings.integer)


def _like(column: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.ChunkedArray:
    """Ids of the type that the history has."""
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(
            f"column {name!r} of future holds {column.type}, that of the history {kind}; ids must be of one type: convert future[{name!r}]"
        ) from None


def _at(rows: Ints, values: Floats, size: int) -> Floats:
    """Values at some of `size` rows, NaN at the others. (rows, k) -> (size, k)"""
    out = np.full((size, values.shape[1]), np.nan)
    out[rows] = values
    return out
