"""A fitted job: Arrow tables in, Arrow tables out. The facade and the many-models layer both stand on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster import frames, learners, metrics
from forecaster.archive import storable
from forecaster.automl.blend import Joined
from forecaster.automl.record import record
from forecaster.automl.search import Search, known_values
from forecaster.calibration import Bands
from forecaster.ensembles import CHOSEN
from forecaster.errors import SettingsError
from forecaster.guardrails import Findings, check_future
from forecaster.options import MOST_STEPS
from forecaster.profile import as_columns
from forecaster.schema import Schema
from forecaster.table import Floats, Future, Ints, Table


@storable
@dataclass(frozen=True, eq=False)
class Fitted:
    """All groups of one job or block, ready to forecast.

    Args:
        options: The settings as JSON-able data.
        schema: Which column plays which part.
        table: The end of every series: what forecasts go on from, and what plots show.
        rows: Number of values of each series that it was fitted on. (series,)
        search: What was tried and chosen.
        findings: What the guardrails saw.
        fallback: Why a series is forecast by the baseline. Series index -> reason
        seconds: Time that the whole fit took.
        floor: No forecast of a series lies below; -inf for no bound. (series,)
        greater_is_better: Direction of the metric.
        profile: What every series is like, as `forecaster.profile` measures it when asked; empty for a block of groups.
            Measure -> (series,)
        moved: Whether `table` is newer history than the models were fitted on, so that they go on from there.
    """

    options: Mapping[str, Any]
    schema: Schema
    table: Table
    rows: Ints
    search: Search
    findings: Findings
    fallback: Mapping[int, str]
    seconds: float
    floor: Floats
    greater_is_better: bool
    profile: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    moved: bool = False

    @property
    def levels(self) -> tuple[float, ...]:
        return tuple(self.options["quantiles"])

    def predict(self, future: pa.Table | None = None, horizon: int | None = None) -> pa.Table:
        """Forecast every series of which a value is known.

        Args:
            future: Rows with the series columns, the time and the known covariates of the steps ahead.
            horizon: Steps ahead; past the fitted horizon the forecast is recursive.

        Returns:
            Series columns, time, "forecast" and one column per quantile ("q0.1").
        """
        ahead, _ = self.look_ahead(future, horizon)
        return self.forecast(ahead)

    def look_ahead(self, future: pa.Table | None = None, horizon: int | None = None) -> tuple[Future, Findings]:
        """The known covariates of the steps ahead, in the order of the series, and what the guardrails saw in them."""
        return check_future(future, self.table, self.schema, self.steps(horizon), aggregate=self.options.get("aggregate"))

    def steps(self, horizon: int | None) -> int:
        """Steps ahead that are meant: those that it was fitted for where None."""
        steps = self.options["horizon"] if horizon is None else horizon
        if not isinstance(steps, int | np.integer) or isinstance(steps, bool) or not 1 <= steps <= MOST_STEPS:
            raise SettingsError(f"horizon={steps!r}: expected a whole number of steps from 1 to {MOST_STEPS:,}, such as horizon=28")
        return int(steps)

    def forecast(self, ahead: Future) -> pa.Table:
        """Forecast every series for all steps of a future; one of which no value is known has no rows, as they would be made up."""
        joined, kept = self._joined(ahead), self.alive
        made = self.told_ahead(joined.mean, self.search.bands(joined))
        return made if kept.all() else made.filter(pa.array(np.repeat(kept, ahead.steps)))

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which series have a known value, and so a forecast. (series,)"""
        return np.asarray((self.search.known > 0) | (known_values(self.table) > 0))

    @property
    def begin(self) -> Ints:
        """The first step of each series that the models know of; `table` may keep less. (series,)"""
        return self.table.start if self.moved else self.table.end - self.rows + 1

    def told_ahead(self, mean: Floats, spread: Bands) -> pa.Table:
        """Point forecasts of every series as rows, bounded and with their quantiles. (series, steps)"""
        columns = {"forecast": self.bounded(mean)} | self._quantiles(spread, mean)
        return frames.long(self.table.ids, self.table.frequency, self.table.end + 1, mean.shape[1], columns, self.schema.time)

    def expect(self, ahead: Future) -> Floats:
        """The point forecasts for all steps of a future, before any bound. (series, steps)"""
        return self._joined(ahead).mean

    def _joined(self, ahead: Future) -> Joined:
        try:
            return self.search.blend.ahead(self.table, ahead.steps, ahead, self.table if self.moved else None, self.alive)
        finally:
            learners.forget()

    def history(self) -> pa.Table:
        """The kept end of every series: series columns, time and target."""
        table = self.table
        ids = {name: values[table.series] for name, values in table.ids.items()}
        return frames.long(ids, table.frequency, table.steps, 1, {self.schema.target: table.target}, self.schema.time)

    @property
    def final(self) -> str:
        """What the final forecast is called: the name of the ensemble, "chosen" without one."""
        return str(self.options["ensemble"] or CHOSEN)

    def backtest(self, final: bool = True) -> pa.Table:
        """Out-of-fold forecasts of every candidate and of the final forecast, with honest quantiles: those of a window come from the
        residuals of the other windows.

        Args:
            final: Whether the rows of the final forecast are wanted; the learner column calls it `self.final`.
        """
        made = [(trial.learner, trial.forecast) for trial in self.search.trials]
        made += [(self.final, self.search.chosen)] if final else []
        windows = [self._window(name, said, w) for name, said in made for w in range(len(said)) if self._scored(said, w).any()]
        return pa.concat_tables(windows) if windows else self._nothing()

    def leaderboard(self) -> pa.Table:
        """One row per candidate and one for the ensemble, best first: learner, score, rank, seconds, status, reason."""
        sign = -1.0 if self.greater_is_better else 1.0
        rows = [(t.learner, _mean(t.errors), t.fit_seconds, t.predict_seconds, t.status, t.reason) for t in self.search.trials]
        if rows and self.options["ensemble"] is not None:
            rows.append((self.final, _mean(self.search.errors), 0.0, 0.0, "done", ""))
        rows.sort(key=lambda row: (not np.isfinite(row[1]), row[1]))
        ranks = np.arange(1, len(rows) + 1)
        names = ("learner", "score", "fit_seconds", "predict_seconds", "status", "reason")
        columns: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        columns["score"] = pa.array(sign * np.array(columns["score"], float) + 0.0, from_pandas=True)
        order = ("learner", "score", "rank", "fit_seconds", "predict_seconds", "status", "reason")
        return pa.table({name: ranks if name == "rank" else columns[name] for name in order})

    def trials(self) -> pa.Table:
        """One row per candidate or setting that was tried in a group, in that order; see `forecaster.automl.record`."""
        return record(self.search, self.table, -1.0 if self.greater_is_better else 1.0)

    def selected(self) -> pa.Table:
        """One row per group: partition columns, learner, members with their weights, score, and the share of the backtest that lies in the
        interval between the outermost quantiles."""
        rows = [zip(self.search.learners, row, strict=True) for row in self.search.weights]
        members = [[{"learner": name, "weight": float(weight)} for name, weight in row if weight > 0] for row in rows]
        kind = pa.list_(pa.struct([("learner", pa.string()), ("weight", pa.float64())]))
        return pa.table(
            self._group_columns()
            | {
                "learner": self._chosen_names(),
                "members": pa.array(members, kind),
                "score": self._scores(),
                "coverage": pa.array(self._coverage(), from_pandas=True),
            }
        )

    def outcomes(self) -> pa.Table:
        """One row per group: partition columns, status, learner, score, seconds, rows, error_type, error. A group without any known value
        has failed: there is nothing to make a forecast of."""
        table, reasons = self.table, self._fallback_reasons()
        rows = np.add.reduceat(self.rows, table.group_ptr[:-1])
        nothing = np.add.reduceat(self.search.known, table.group_ptr[:-1]) == 0
        for g in np.flatnonzero(nothing):
            reasons[g] = f"no value of {self.schema.target!r} is known in its {rows[g]} rows; fill them in, or leave the group out"
        kinds = np.where(nothing, "failed", np.where([bool(why) for why in reasons], "fallback", "done"))
        errors = {"failed": "DataError", "fallback": "Fallback", "done": None}
        return pa.table(
            self._group_columns()
            | {
                "status": kinds.tolist(),
                "learner": pa.array(self._chosen_names(), pa.string(), mask=nothing),
                "score": self._scores(),
                "seconds": self.seconds * rows / max(rows.sum(), 1),
                "rows": rows,
                "error_type": pa.array([errors[kind] for kind in kinds.tolist()], pa.string()),
                "error": pa.array([why or None for why in reasons], pa.string()),
            }
        )

    def profiled(self) -> pa.Table:
        """What every series is like: series columns and measures."""
        ids = {name: pa.array(values) for name, values in self.table.ids.items()}
        return pa.table({**ids, **as_columns(self.profile)} if self.profile else {})

    def found(self) -> pa.Table:
        """The findings: series columns, column, rule, count, first, action, message."""
        return self.findings.frame(self.schema)

    def bounded(self, values: Floats) -> Floats:
        """Values of every series within its bounds, rounded where that was asked for. (series, ...)"""
        floor, integer = self.floor.reshape(-1, *[1] * (values.ndim - 1)), self.options.get("integer")
        return np.maximum(np.rint(values) if integer else values, np.ceil(floor) if integer else floor)

    def _quantiles(self, spread: Bands, mean: Floats) -> dict[str, Floats]:
        if not self.levels:
            return {}
        values = self.bounded(spread.quantiles(mean, self.levels))
        return {f"q{level:g}": values[:, :, i] for i, level in enumerate(self.levels)}

    def _window(self, name: str, forecast: Floats, w: int) -> pa.Table:
        """The out-of-fold forecasts of one candidate and window; its quantiles come from the residuals of the other windows."""
        search = self.search
        bands = search.without(w, forecast, self.table.group_ptr)
        columns = {"actual": search.actual[w], "forecast": self.bounded(forecast[w])} | self._quantiles(bands, forecast[w])
        return self._told(name, search.cutoffs[w], columns, self._scored(forecast, w))

    def _scored(self, forecast: Floats, w: int) -> NDArray[np.bool_]:
        """The series of which an out-of-fold forecast can be compared with what came in a window. (series,)"""
        return np.asarray((np.isfinite(self.search.actual[w]) & np.isfinite(forecast[w])).any(axis=1))

    def _told(self, name: str, cutoff: Ints, columns: Mapping[str, Floats], kept: NDArray[np.bool_]) -> pa.Table:
        """Columns of the steps after a cutoff, as rows of `backtest`, for the series that are kept."""
        ids = {column: values[kept] for column, values in self.table.ids.items()}
        frequency, steps = self.table.frequency, columns["forecast"].shape[1]
        made = frames.long(ids, frequency, cutoff[kept] + 1, steps, {k: v[kept] for k, v in columns.items()}, self.schema.time)
        at = made.schema.get_field_index(self.schema.time) + 1
        known = frames.moments(frequency, np.repeat(cutoff[kept], steps))
        return made.add_column(at, "cutoff", known).add_column(at + 1, "learner", pa.array([name] * made.num_rows, pa.string()))

    def _nothing(self) -> pa.Table:
        """`backtest` without rows."""
        blank = np.zeros((len(self.table), 1))
        columns = {"actual": blank, "forecast": blank} | {f"q{level:g}": blank for level in self.levels}
        return self._told("", self.table.end, columns, np.zeros(len(self.table), bool))

    def _group_columns(self) -> dict[str, Any]:
        return {name: pa.array(values) for name, values in self.table.groups.items()}

    def _scores(self) -> pa.Array:
        sign = -1.0 if self.greater_is_better else 1.0
        return pa.array(sign * metrics.per_group(self.search.errors, self.table.group_ptr) + 0.0, from_pandas=True)

    def _coverage(self) -> Floats:
        """Share of the actual values of the backtest between the outermost quantiles of the final forecast. (groups,)"""
        search, group = self.search, self.table.group
        inside = np.zeros((2, self.table.n_groups))
        for w, actual in enumerate(search.actual if len(self.levels) > 1 else ()):
            said = self.bounded(search.without(w, search.chosen, self.table.group_ptr).quantiles(search.chosen[w], self.levels))
            held = np.stack([(said[..., 0] <= actual) & (actual <= said[..., -1]), np.isfinite(actual)])
            inside += np.stack([np.bincount(group, counts, len(inside[0])) for counts in held.sum(-1)])
        return np.asarray(inside[0] / np.where(inside[1] > 0, inside[1], np.nan))

    def _chosen_names(self) -> list[str]:
        names = np.array(self.search.learners)
        return [self.final if (row > 0).sum() > 1 else str(names[row.argmax()]) if row.any() else "baseline" for row in self.search.weights]

    def _fallback_reasons(self) -> list[str]:
        """Why a group is a fallback: all of it, or some of its series; empty where it is not."""
        per_group: NDArray[Any] = np.array([""] * self.table.n_groups, object)
        for g, why in self.search.blend.broken.items():
            per_group[g] = why
        for i, why in self.fallback.items():
            g = self.table.group[i]
            per_group[g] = per_group[g] or f"{self.table.label(i)}: {why}"
        return [str(why) for why in per_group]


def _mean(errors: Floats) -> float:
    good = errors[np.isfinite(errors)]
    return float(good.mean()) if len(good) else float("nan")


def floor(table: Table, bound: float | str | None) -> Floats:
    """The lower bound of each series."""
    if bound is None:
        return np.full(len(table), -np.inf)
    if bound != "auto":
        return np.full(len(table), float(bound))
    lowest = np.fmin.reduceat(np.append(table.target, np.nan), table.indptr[:-1])
    return np.where((lowest >= 0) & (table.sizes > 0), 0.0, -np.inf)
