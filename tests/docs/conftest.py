"""The files that pages speak of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def sales_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Sales of four stores with three items each, their prices for the four weeks that follow, and what was sold then."""
    folder = tmp_path_factory.mktemp("sales")
    rng = np.random.default_rng(0)
    dates = pd.date_range("2024-01-01", periods=200)
    frames = [
        pd.DataFrame({"store_id": f"S{store}", "item_id": f"I{item}", "cat_id": f"C{item % 2}", "date": dates})
        for store in range(4)
        for item in range(3)
    ]
    rows = pd.concat(frames, ignore_index=True)
    rows["sell_price"] = rng.choice([1.0, 1.5, 2.0], len(rows))
    rows["sales"] = rng.poisson(20 / rows["sell_price"] * (1 + 0.3 * (rows["date"].dt.day_of_week > 4)))
    history = rows["date"] < dates[172]
    rows[history].to_parquet(folder / "sales.parquet", index=False)
    rows[~history].drop(columns=["sales", "cat_id"]).to_parquet(folder / "prices.parquet", index=False)
    rows[~history].drop(columns=["sell_price", "cat_id"]).to_parquet(folder / "actuals.parquet", index=False)
    return sorted(folder.iterdir())
