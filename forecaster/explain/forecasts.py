"""Explaining forecasts: parts that add up to them, of every member by its share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster import frames, learners
from forecaster.automl.blend import Member
from forecaster.errors import DataError, SettingsError, UnknownName
from forecaster.explain.explanation import after_shuffles, listed
from forecaster.explain.shuffled import SHUFFLES, Opaque, of_forecasts
from forecaster.fitted import Fitted
from forecaster.protocols import Parted, parts_of
from forecaster.table import Floats, Future, Ints

BASELINE, BOUNDS = "baseline", "bounds"
"""The parts of series that no member forecasts, and of what a bound or rounding has changed."""

SHOWN = 15
TOTAL = "forecast"


@dataclass(frozen=True, eq=False)
class ForecastExplanation:
    """What forecasts are made of: components of models of series (level, trend, season, holidays, covariates) and contributions of the
    features of regression models ("expected" is what these say where nothing is known), each member by its share.

    Args:
        parts: Series columns, time, one column per part, and "forecast", which is their sum.
        series: The series columns.
        time: The time column.
        members: What the parts were told by.
        permutation: Permutation importance in each series, of members without exact parts: series columns, column ("history" is the
            target up to now), importance, spread. Importance is the mean absolute change of the forecast when the column is shuffled.
    """

    parts: pd.DataFrame
    series: tuple[str, ...]
    time: str
    members: tuple[str, ...]
    permutation: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["column", "importance", "spread"]))

    @property
    def names(self) -> list[str]:
        """The parts."""
        return [name for name in self.parts.columns if name not in (*self.series, self.time, TOTAL)]

    @property
    def shap_values(self) -> pd.DataFrame:
        """The parts without what is expected in any case: series columns, time, one column per part."""
        return self.parts.drop(columns=[TOTAL, *({"expected", "level"} & set(self.names))])

    @property
    def expected_values(self) -> pd.Series[float]:
        """What is said in any case, of each row: the level, and what is expected where nothing is known."""
        return self.parts[[name for name in ("expected", "level") if name in self.names]].sum(axis=1)

    @property
    def overall_imp(self) -> dict[str, float]:
        """Mean absolute size of each part, largest first."""
        return {str(name): float(size) for name, size in self._sizes(self.parts[self.names]).items()}

    @property
    def permutation_imp(self) -> dict[str, float]:
        """Mean absolute change of the forecasts when a column is shuffled, largest first."""
        mean = self.permutation.groupby("column", sort=False)["importance"].mean().sort_values(ascending=False, kind="stable")
        return {str(name): float(size) for name, size in mean.items()}

    @property
    def overall_summary(self) -> pd.DataFrame:
        """The same as a frame: part, importance, mean (with its sign)."""
        size = self._sizes(self.parts[self.names])
        return pd.DataFrame({"part": size.index, "importance": size.to_numpy(), "mean": self.parts[list(size.index)].mean().to_numpy()})

    @property
    def per_series_imp(self) -> pd.DataFrame:
        """Mean absolute size of each part in each series."""
        sizes = self.parts.set_index(list(self.series))[self.names].abs()
        return sizes.groupby(level=list(self.series)).mean().reset_index()

    def of_series(self, **ids: Any) -> pd.DataFrame:
        """The parts of one series.

        Raises:
            UnknownName: there is no such series column.
            DataError: there is no such series.
        """
        made = self.parts
        for name, value in ids.items():
            if name not in self.series:
                raise UnknownName.of("series column", name, self.series)
            made = made[made[name] == value]
        if made.empty:
            raise DataError(
                f"no series is {ids}; there are {self.parts[list(self.series)].drop_duplicates().head(3).to_dict('records')} ..."
            )
        return made

    def plot(self, backend: Literal["matplotlib", "plotly"] = "matplotlib", **ids: Any) -> Any:
        """The sizes of the parts, of all series or of one."""
        from forecaster.explain.drawing import bars

        rows = self.of_series(**ids) if ids else self.parts
        sizes = self._sizes(rows[self.names]).head(SHOWN)
        told = {str(name): float(size) for name, size in sizes.items()}
        return bars(told, "mean absolute part of the forecast", str(ids or "all series"), backend)

    def __repr__(self) -> str:
        told = f"Explanation of {len(self.parts)} forecasts by {', '.join(self.members)}: mean absolute part"
        return "\n".join([told, *listed(self.overall_imp), *after_shuffles(self.permutation_imp, "mean absolute change of the forecast")])

    @staticmethod
    def _sizes(parts: pd.DataFrame) -> pd.Series[float]:
        return parts.abs().mean().sort_values(ascending=False, kind="stable")


def explain_forecasts(fitted: Fitted, ahead: Future, shuffles: int | None = None) -> ForecastExplanation:
    """The parts of what `fitted` forecasts for the steps of a future.

    Args:
        fitted: The job.
        ahead: Known covariates of the steps.
        shuffles: Of each column, for permutation importance; 0 for none of it, 5 where None and a member has no exact parts.

    Raises:
        SettingsError: shuffles is below 0.
    """
    if (shuffles or 0) < 0:
        raise SettingsError(f"shuffles starts at 0; came {shuffles}")
    table, blend = fitted.table, fitted.search.blend
    shape = (len(table), ahead.steps)
    total, share = dict[str, Floats](), np.zeros(len(table))
    for member in blend.members:
        rows = member.series
        history = table.take(rows) if fitted.moved else None
        made = parts_of(member.model, ahead.steps, history, ahead.take(rows))
        weight = blend.shares[rows, blend.learners.index(member.learner)]
        _add(total, share, rows, made, weight, shape)
    mean = fitted.expect(ahead)
    final = fitted.bounded(mean)
    parts = {name: np.where(share[:, None] > 0, value / np.where(share > 0, share, 1.0)[:, None], 0.0) for name, value in total.items()}
    _close(parts, BASELINE, mean, share <= 0)
    _close(parts, BOUNDS, final, np.ones(len(table), bool))
    taken = {*table.ids, fitted.schema.time, TOTAL}
    named = {f"{name} (feature)" if name in taken else name: value for name, value in parts.items()}
    rows_ = frames.long(table.ids, table.frequency, table.end + 1, ahead.steps, {**named, TOTAL: final}, fitted.schema.time)
    whole = ForecastExplanation(rows_.to_pandas(), tuple(table.ids), fitted.schema.time, tuple(m.learner for m in blend.members))
    asked = [m for m in blend.members if shuffles or (shuffles is None and not _exact(m.model))]
    return replace(whole, permutation=_shuffled(fitted, asked, ahead, SHUFFLES if shuffles is None else shuffles)) if asked else whole


def _exact(model: Any) -> bool:
    """Whether the parts of a model are neither one whole nor sampled."""
    while hasattr(model, "model"):
        model = model.model
    trained = [one for pool in getattr(model, "pools", ()) for one in pool.trained if one is not None]
    return isinstance(model, Parted) and all(hasattr(getattr(one, "predictor", one), "contributions") for one in trained)


def _shuffled(fitted: Fitted, asked: Sequence[Member], ahead: Future, shuffles: int) -> pd.DataFrame:
    """Permutation importance of some members in each series, by their shares."""
    table, blend = fitted.table, fitted.search.blend
    members = [Opaque(m.model, m.series, blend.shares[m.series, blend.learners.index(m.learner)]) for m in asked]
    try:
        found = of_forecasts(members, table, fitted.begin, ahead, shuffles, int(fitted.options["seed"]))
    finally:
        learners.forget()
    parts = [pd.DataFrame({**table.ids, "column": name, "importance": mean, "spread": spread}) for name, (mean, spread) in found.items()]
    return pd.concat(parts, ignore_index=True)


def _add(total: dict[str, Floats], share: Floats, rows: Ints, made: Mapping[str, Floats], weight: Floats, shape: tuple[int, int]) -> None:
    """Add the parts of a member, by its share, in the series that it has a forecast of."""
    good = np.isfinite(sum(made.values(), np.zeros(1))).all(axis=1) & (weight > 0)
    share[rows] += np.where(good, weight, 0.0)
    for name, value in made.items():
        total.setdefault(name, np.zeros(shape))[rows] += np.where(good[:, None], weight[:, None] * value, 0.0)


def _close(parts: dict[str, Floats], name: str, whole: Floats, where: Any) -> None:
    """A part that makes the others add up to the whole, where there is anything to add."""
    left = np.where(where[:, None], whole - sum(parts.values(), np.zeros_like(whole)), 0.0)
    if np.abs(left).max(initial=0.0) > 1e-9 * max(np.abs(whole).max(initial=0.0), 1e-300):
        parts[name] = left
