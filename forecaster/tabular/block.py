"""One tabular model for each group of a block: what many-models runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from forecaster.archive import storable
from forecaster.errors import CannotPredict, ForecasterError, MissingExtra, SettingsError, UnknownName
from forecaster.guardrails import Findings
from forecaster.table import Ints
from forecaster.tabular.fitted import FittedTabular, with_columns
from forecaster.tabular.fitting import fit_constant, fit_table
from forecaster.tabular.settings import TabularSettings

ROW = "\0row"


@storable
@dataclass(frozen=True, eq=False)
class TabularBlock:
    """The fitted groups of a block.

    Args:
        by: The partition columns.
        keys: Their values. Column -> one per group
        models: One per group; None where the group has no row with a target.
        errors: Why a group is not what was asked for, as (type, message); ("", "") where it is. (groups,)
    """

    by: tuple[str, ...]
    keys: dict[str, tuple[Any, ...]]
    models: tuple[FittedTabular | None, ...]
    errors: tuple[tuple[str, str], ...]

    def outcomes(self) -> pa.Table:
        """One row per group: partition columns, status, learner, score, seconds, rows, error_type, error."""
        there = [model is not None for model in self.models]
        status = ["failed" if not t else "fallback" if kind else "done" for t, (kind, _) in zip(there, self.errors, strict=True)]
        return pa.table(
            self._group_columns(range(len(self.models)))
            | {
                "status": pa.array(status, pa.string()),
                "learner": pa.array([model and model.final for model in self.models], pa.string()),
                "score": pa.array([None if m is None or not np.isfinite(m.loss) else m.score for m in self.models], pa.float64()),
                "seconds": pa.array([0.0 if m is None else m.seconds for m in self.models], pa.float64()),
                "rows": pa.array([0 if m is None else m.rows for m in self.models], pa.int64()),
                "error_type": pa.array([kind or None for kind, _ in self.errors], pa.string()),
                "error": pa.array([why or None for _, why in self.errors], pa.string()),
            }
        )

    def predict(self, future: pa.Table | None = None, horizon: int | None = None) -> pa.Table:
        """Predict rows, those of each group by its own model; see `forecast`."""
        return self.forecast(self.look_ahead(future, horizon)[0])

    def look_ahead(self, future: pa.Table | None = None, horizon: int | None = None) -> tuple[pa.Table, Findings]:
        """The rows to predict.

        Raises:
            CannotPredict: there are none; a classifier or regressor has nothing to say without.
            UnknownName: they lack a partition column.
        """
        if future is None or horizon is not None:
            told = "no horizon" if future is not None else "the rows to predict"
            raise CannotPredict(f"classifiers and regressors need {told}: give future=rows, with the partition columns, and nothing else")
        for name in self.by:
            if name not in future.column_names:
                raise UnknownName.of("column of the data", name, future.column_names, "It says which model a row belongs to.")
        return future, Findings()

    def forecast(self, ahead: pa.Table) -> pa.Table:
        """The rows with a column "prediction", and one "p_<class>" per class; rows of groups without a model are left out."""
        parts = []
        for key, rows in _groups(ahead, self.by):
            model = self.models[place] if (place := self._place.get(key)) is not None else None
            if model is not None:
                part = ahead.take(pa.array(rows))
                said = model.told(part)
                parts.append(with_columns(part, {"prediction": model.labels(said), **model.probabilities(said)}))
        return pa.concat_tables(parts, promote_options="permissive") if parts else ahead.slice(0, 0)

    def leaderboard(self) -> pa.Table:
        """One row per learner, best first: the mean of its scores over the groups, and the sum of its times."""
        whole = self._each(lambda model: model.leaderboard())
        names = ["learner", "score", "rank", "fit_seconds", "predict_seconds", "status", "reason"]
        if not whole.num_rows:
            return pa.table({name: pa.array([], _BOARD[name]) for name in names})
        sums = [("score", "mean"), ("fit_seconds", "sum"), ("predict_seconds", "sum"), ("status", "max"), ("reason", "max")]
        joined = whole.group_by("learner", use_threads=False).aggregate(sums)
        first = next(model for model in self.models if model is not None)
        joined = joined.sort_by([("score_mean", "descending" if first.greater_is_better else "ascending")])
        columns = {"rank": pa.array(np.arange(1, joined.num_rows + 1)), "learner": joined["learner"]}
        columns |= {name: joined[f"{name}_{how}"] for name, how in sums}
        return pa.table({name: columns[name] for name in names})

    def trials(self) -> pa.Table:
        """One row per learner that was tried in a group, in order: partition columns, trial, learner, score, seconds, status, reason."""
        return self._each(lambda model: model.tried())

    def selected(self) -> pa.Table:
        """One row per group: partition columns, learner, members with their weights, score."""
        kept = [g for g, model in enumerate(self.models) if model is not None]
        models = [model for model in self.models if model is not None]
        kind = pa.list_(pa.struct([("learner", pa.string()), ("weight", pa.float64())]))
        members = [model.selected().to_pylist() for model in models]
        scores = pa.array([model.score for model in models], pa.float64(), from_pandas=True)
        named = pa.array([model.final for model in models], pa.string())
        return pa.table(self._group_columns(kept) | {"learner": named, "members": pa.array(members, kind), "score": scores})

    def backtest(self) -> pa.Table:
        """Out-of-fold predictions of what was chosen: partition columns, row (of the group), actual, prediction and probabilities."""
        return self._each(lambda model: model.backtest())

    def found(self) -> pa.Table:
        """The findings: partition columns, column, rule, count, first, action, message."""
        made = self._each(lambda model: model.found())
        at = made.schema.get_field_index("count")
        return made.add_column(at + 1, "first", pa.array([""] * made.num_rows, pa.string())) if made.num_columns else made

    def history(self) -> pa.Table:
        """Rows have no history."""
        return pa.table({})

    def model_of(self, key: tuple[Any, ...]) -> FittedTabular:
        """The model of one group.

        Raises:
            CannotPredict: the group is not here, or has no model.
        """
        model = self.models[self._place[key]] if key in self._place else None
        if model is None:
            raise CannotPredict(f"there is no model of {dict(zip(self.by, key, strict=True))}")
        return model

    @property
    def _place(self) -> dict[tuple[Any, ...], int]:
        return {key: g for g, key in enumerate(zip(*self.keys.values(), strict=True))}

    def _each(self, told: Callable[[FittedTabular], pa.Table]) -> pa.Table:
        """A table of every model, with its partition columns, one after the other."""
        parts = []
        for g, model in enumerate(self.models):
            if model is not None:
                made = told(model)
                columns = {name: pa.array([self.keys[name][g]] * made.num_rows, self._kind(name)) for name in self.by}
                parts.append(pa.table(columns | {name: made[name] for name in made.column_names}))
        return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})

    def _group_columns(self, groups: Sequence[int]) -> dict[str, pa.Array]:
        return {name: pa.array([self.keys[name][g] for g in groups], self._kind(name)) for name in self.by}

    def _kind(self, name: str) -> pa.DataType:
        return pa.array(self.keys[name]).type


_BOARD = {
    "learner": pa.string(), "score": pa.float64(), "rank": pa.int64(), "fit_seconds": pa.float64(), "predict_seconds": pa.float64(),
    "status": pa.string(), "reason": pa.string(),
}  # fmt: skip


def fit_block(frame: pa.Table, settings: TabularSettings, by: tuple[str, ...]) -> TabularBlock:
    """Fit each group of a block by itself; one that cannot be fitted says the commonest thing, and why."""

    def one(rows: pa.Table) -> tuple[FittedTabular | None, tuple[str, str]]:
        try:
            return fit_table(rows, settings), ("", "")
        except (MissingExtra, SettingsError, MemoryError):
            raise
        except Exception as error:  # one group must not cost its neighbours their models
            return _constant(rows, settings, type(error).__name__, str(error))

    return _fitted(frame, by, one)


def fit_constants(frame: pa.Table, settings: TabularSettings, by: tuple[str, ...]) -> TabularBlock:
    """The shares of the classes, or the mean, of each group: what a group gets whose own fit took its worker down."""
    return _fitted(frame, by, lambda rows: _constant(rows, settings, "", ""))


def _fitted(frame: pa.Table, by: tuple[str, ...], one: Callable[[pa.Table], tuple[FittedTabular | None, tuple[str, str]]]) -> TabularBlock:
    groups = list(_groups(frame, by))
    rest = frame.drop_columns(list(by))
    made = [one(rest.take(pa.array(rows))) for _, rows in groups]
    keys = {name: tuple(key[i] for key, _ in groups) for i, name in enumerate(by)}
    return TabularBlock(by, keys, tuple(model for model, _ in made), tuple(error for _, error in made))


def _constant(rows: pa.Table, settings: TabularSettings, kind: str, why: str) -> tuple[FittedTabular | None, tuple[str, str]]:
    try:
        return fit_constant(rows, settings, why), (kind, why)
    except ForecasterError as error:
        return None, (kind or type(error).__name__, why or str(error))


def _groups(frame: pa.Table, by: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], Ints]]:
    """The key of each group and its rows, in the order in which the groups come."""
    if frame.num_rows == 0:
        return
    plain = {name: _plain(frame[name]) for name in by}
    rows = pa.table({**plain, ROW: pa.array(np.arange(frame.num_rows))})
    joined = rows.group_by(list(by), use_threads=False).aggregate([(ROW, "list")])
    for row in joined.to_pylist():
        yield tuple(row[name] for name in by), np.asarray(row[f"{ROW}_list"], np.int64)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
