"""A block of groups is fitted in one call, and no group notices the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster.block import fit_block
from forecaster.settings import Settings

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
