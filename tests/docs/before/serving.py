"""The folders runs/ and data/ and the registry that the page serves, with the stores that it asks for."""

from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import Forecaster
from many_models import ManyModels, Registry

rng = np.random.default_rng(0)
days = pd.date_range("2024-03-01", "2024-06-30")
rows = pd.concat(
    [pd.DataFrame({"store_id": store, "item_id": "FOODS_1", "date": days, "sell_price": 2.5, "sales": rng.poisson(9, len(days))})
     for store in ("CA_1", "TX_2")]
)  # fmt: skip
job = Forecaster(horizon=28, series=["store_id", "item_id"], time="date", target="sales", known=["sell_price"], learners=["seasonal_naive"])
many = ManyModels(job, partition_by=["store_id"])
books = Registry("runs/registry")
for alias in ("champion", "challenger"):
    books.register("nightly", many.train(rows, path="runs/nightly", workers=1, progress=False), alias=alias)
Path("data").mkdir()
