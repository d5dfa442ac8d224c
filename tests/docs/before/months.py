"""What the pages of arima and ets call data, table and newer_table."""

import numpy as np
import pandas as pd

from forecaster.testing.tables import table_of

rng = np.random.default_rng(0)
walks = [50 + 8 * np.sin(np.arange(96) * 2 * np.pi / 12) + rng.normal(0, 2, 96).cumsum() / 3 for _ in range(3)]
months = pd.date_range("2015-01-01", periods=84, freq="MS")
data = pd.concat([pd.DataFrame({"unique_id": f"s{i}", "ds": months, "y": walk[:84]}) for i, walk in enumerate(walks)])
table = table_of([walk[:84] for walk in walks], season_length=12, start=np.zeros(3, np.int64))
newer_table = table_of(walks, season_length=12, start=np.zeros(3, np.int64))
