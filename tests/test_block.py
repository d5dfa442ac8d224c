"""A block of groups is fitted in one call, and no group notices the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import RollingOrigin
from forecaster.archive import storable
from forecaster.block import fit_block
from forecaster.learners.naive import Naive, SeasonalNaive
from forecaster.protocols import Traits
from forecaster.settings import Settings
from forecaster.table import Table

BY = ("store",)


def shops() -> pd.DataFrame:
    """Groups of every kind: long and short, regular and intermittent, one and several series."""
    rng, frames = np.random.default_rng(4), []
    for store, (items, days) in enumerate([(2, 150), (1, 9), (1, 400), (3, 60), (1, 1), (2, 35)]):
        for item in range(items):
            t = np.arange(days)
            level = 10 * (store + 1) + 5 * np.sin(2 * np.pi * (t + item) / 7) + rng.normal(0, 1, days)
            values = level if store % 2 else np.maximum(rng.poisson(0.4 * (1 + item), days), 0)
            frames.append(
                pd.DataFrame(
                    {
                        "store": f"s{store}",
                        "item": item,
                        "ds": pd.Timestamp("2025-12-31") - (days - 1 - t) * pd.Timedelta("1D"),
                        "y": values,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True).astype({"y": float})


def forecasts(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    made = fit_block(pa.Table.from_pandas(rows, preserve_index=False), settings, BY).predict()
    return made.to_pandas().sort_values(["store", "item", "ds"], ignore_index=True)


def test_a_group_does_not_notice_its_neighbours():
    rows = shops()
    settings = Settings.parse({"horizon": 7, "series": ["store", "item"], "freq": "D"})
    together = forecasts(rows, settings)
    for store, own in rows.groupby("store"):
        alone = forecasts(own, settings)
        pd.testing.assert_frame_equal(alone, together[together["store"] == store].reset_index(drop=True), check_exact=True)


@storable
@dataclass(frozen=True)
class Touchy:
    """A naive learner that breaks on a series that is longer than others, where it is told to."""

    where: str
    traits: ClassVar[Traits] = Traits()

    def fit(self, table: Table) -> Any:
        if self.where == "fit":
            self.look(table)
        return Touched(self, Naive().fit(table), table)

    @staticmethod
    def look(table: Table) -> None:
        if table.sizes.max() > 300:
            raise ValueError("too long")


@storable
@dataclass(frozen=True, eq=False)
class Touched:
    recipe: Touchy
    model: Any
    table: Table

    def predict(self, horizon: int, history: Table | None = None, future: Any = None) -> Any:
        if self.recipe.where == "predict":
            self.recipe.look(self.table)
        return self.model.predict(horizon, history, future)


@pytest.mark.parametrize("ensemble", [None, "voting"])
@pytest.mark.parametrize(("where", "windows"), [("fit", 3), ("fit", 0), ("predict", 3)])
def test_a_learner_that_breaks_on_one_group_costs_no_other_its_forecast(where: str, windows: int, ensemble: str | None) -> None:
    rows = shops()
    given = {"horizon": 7, "series": ["store", "item"], "freq": "D", "ensemble": ensemble, "learners": [Touchy(where), SeasonalNaive()]}
    settings = Settings.parse(given | {"backtest": RollingOrigin(windows) if windows else None})
    together = fit_block(pa.Table.from_pandas(rows, preserve_index=False), settings, BY)
    told = dict(zip(together.outcomes()["store"].to_pylist(), together.outcomes()["learner"].to_pylist(), strict=True))
    made = together.predict().to_pandas()
    for store, own in rows.groupby("store"):
        alone = fit_block(pa.Table.from_pandas(own, preserve_index=False), settings, BY)
        assert alone.outcomes()["learner"].to_pylist() == [told[store]]
        mine = made[made["store"] == store].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.predict().to_pandas(), mine, check_exact=True)
