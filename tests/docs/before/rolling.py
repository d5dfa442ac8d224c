"""What the page calls data, data_up_to_now and data_with_actuals."""

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
days = pd.date_range("2024-06-01", periods=260)
rows = pd.concat([pd.DataFrame({"unique_id": name, "ds": days, "y": rng.poisson(20 + 8 * (days.day_of_week > 4))}) for name in "abc"])
data = rows[rows["ds"] < "2025-01-01"]
data_up_to_now, data_with_actuals = rows[rows["ds"] < "2025-01-15"], rows
