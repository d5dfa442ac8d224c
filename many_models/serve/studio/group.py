"""Everything that is known of one group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import ForecasterError
from forecaster.report import rowcards
from forecaster.report.data import Columns, Series, floats
from forecaster.report.layout import Grid, Section, Tile
from forecaster.report.panels import panels
from forecaster.report.sections import findings_section
from forecaster.report.words import count, duration, percent, score, shares, text
from many_models import keys, scoring
from many_models.report.groups import colour
from many_models.report.rows import predictions
from many_models.serve.answers import Answers
from many_models.serve.studio.components import components
from many_models.serve.studio.versions import last_change, nights

DRAWN = 12
"""Most series of a group that are drawn one by one."""


class Group:
    """One group of a run.

    Args:
        answers: The run, opened.
        live: The outcome of the group, with its block: one row.
        versions: Other versions of the model, where there is a registry; told by its name.
    """

    def __init__(self, answers: Answers, live: pa.Table, versions: Callable[[Mapping[str, Any]], Grid] | None) -> None:
        self.answers, self.run, self.live, self.versions = answers, answers.run, live, versions
        self.by = list(self.run.partition_by)
        self.row: dict[str, Any] = live.to_pylist()[0]
        self.block = str(self.row["block"])
        self._tables: dict[str, pa.Table] = {}

    def tiles(self) -> list[Tile]:
        row = self.row
        return [
            Tile("Status", text(row["status"]), f"try {row['attempts']}", colour(row["status"])),
            Tile("Learner", text(row["learner"]) or "none"),
            Tile(f"{getattr(self.run.settings, 'metric', 'Score')}", score(row["score"])),
            Tile("Rows", count(row["rows"] or 0)),
            Tile("Time", duration(row["seconds"] or 0.0)),
        ]

    def sections(self) -> list[Section]:
        """The forecast, its parts and the candidates, or how rows were predicted; other versions, findings, and why it failed."""
        trouble = [Section("trouble", "What went wrong", text(self.row["error"]))] if self.row["error"] else []
        told = [self._forecast(), *self._components(), self._candidates()] if self.run.settings.time else [self._predictions()]
        return [*trouble, *told, *self._versions(), findings_section(self._table("findings"), self._names)]

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys([*self.by, *self.run.settings.series]))

    def _table(self, name: str) -> pa.Table:
        if name not in self._tables:
            made = scoring.tables(self.run.path, self.live, name, self.by)
            self._tables[name] = made[0][1] if made else pa.table({})
        return self._tables[name]

    def _forecast(self) -> Section:
        settings = self.run.settings
        columns = Columns(tuple(settings.series), settings.time, settings.target, tuple(self.by))
        forecast = self._table("forecasts")
        if not forecast.num_rows:
            return Section("forecast", "Forecast", "There is none yet: give `forecast` the future of the known covariates.")
        series, history = self._series, self._history
        backtest = self._table("backtest")
        shown = Series(columns, history, forecast, backtest if backtest.num_rows else _no_backtest(forecast, settings.time))
        drawn = series.slice(0, DRAWN)
        lead = f"{count(series.num_rows)} series" + (f", the first {DRAWN} of them drawn." if series.num_rows > DRAWN else ".")
        return Section("forecast", "Forecast", lead, [panels(shown, drawn, settings.series, [""] * drawn.num_rows), _grid(forecast)])

    @cached_property
    def _series(self) -> pa.Table:
        """The ids of the series of the group."""
        named = list(self.run.settings.series)
        return self._table("forecasts").select(named).group_by(named, use_threads=False).aggregate([])

    @cached_property
    def _history(self) -> pa.Table:
        history = self.answers.model(self.block).history()
        return history.filter(pa.array(_among(history, self._series)))

    def _predictions(self) -> Section:
        """What was said of rows that the model had not seen."""
        tested = self._table("backtest")
        if not tested.num_rows:
            return Section("predictions", "Predictions", "No row was tested.")
        told = predictions(tested, self.run.settings.task, self.by)
        lead = f"Of {count(tested.num_rows)} rows that the model had not seen."
        return Section("predictions", "Predictions", lead, [rowcards.charts(told)])

    def _components(self) -> list[Section]:
        """What the forecast is made of, where its models tell."""
        if not self._table("forecasts").num_rows:
            return []
        try:
            told = self.answers.parts(self.block)
        except ForecasterError as error:
            return [Section("components", "Components", f"They cannot be told: {text(error)}")]
        return [] if told is None else [components(told, self._series)]

    def _versions(self) -> list[Section]:
        """The group in other versions of its model, and in earlier nights."""
        group = {name: self.row[name] for name in self.by}
        grids = [] if self.versions is None else [self.versions(group)]
        if self.run.settings.time and self._table("forecasts").num_rows:
            earlier = nights(self.run, group, self.block, self._history)
            grids += [] if earlier is None else [earlier]
        lead = last_change(self.run.path, group)
        return [Section("versions", "Versions", lead, grids)] if grids or lead else []

    def _candidates(self) -> Section:
        """The candidates by their errors over the windows of the backtest."""
        backtest, chosen = self._table("backtest"), self._table("selected")
        lead = ""
        if chosen.num_rows:
            members = chosen.to_pylist()[0].get("members") or []
            lead = f"Chosen: {text(self.row['learner'])}" + (f" ({shares(members)})." if len(members) > 1 else ".")
        if not backtest.num_rows:
            return Section("candidates", "Candidates", lead or "There is no backtest.")
        rows = []
        for name in pc.unique(backtest["learner"]).to_pylist():
            mine = backtest.filter(pc.equal(backtest["learner"], name))
            miss = floats(mine, "forecast") - floats(mine, "actual")
            size = float(np.nansum(np.abs(floats(mine, "actual"))))
            wape, bias = (float(np.nansum(one)) / size if size else np.nan for one in (np.abs(miss), miss))
            rows.append((name, float(np.nanmean(np.abs(miss))) if np.isfinite(miss).any() else np.nan, wape, bias))
        rows.sort(key=lambda row: (not np.isfinite(row[1]), row[1]))
        told = [[name, score(mae), percent(wape, 1), percent(bias, 1)] for name, mae, wape, bias in rows]
        grid = Grid("Out-of-fold errors of this group", ("Learner", "MAE", "WAPE", "Bias"), told, frozenset({1, 2, 3}))
        return Section("candidates", "Candidates", lead, [grid])


def _among(rows: pa.Table, wanted: pa.Table) -> Any:
    """Which rows belong to some series. (rows,)"""
    return keys.found(rows.select(wanted.column_names), wanted) >= 0


def _grid(forecast: pa.Table) -> Grid:
    """The forecast as numbers."""
    head = forecast.column_names
    numeric = frozenset(i for i, name in enumerate(head) if pa.types.is_floating(forecast.schema.field(name).type))
    rows = [
        [score(value) if i in numeric else text(value).removesuffix(" 00:00:00") for i, value in enumerate(row.values())]
        for row in forecast.slice(0, 500).to_pylist()
    ]
    return Grid("The forecast as numbers", head, rows, numeric, folded=True)


def _no_backtest(forecast: pa.Table, time: str) -> pa.Table:
    empty = forecast.slice(0, 0)
    at = empty.schema.get_field_index(time) + 1
    empty = empty.add_column(at, "cutoff", empty[time]).append_column("learner", pa.array([], pa.string()))
    return empty.append_column("actual", pa.array([], pa.float64()))
